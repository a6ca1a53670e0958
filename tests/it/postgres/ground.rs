//! Where does a test put a private Postgres? Into a folder that its user can reach and that is removed afterwards.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use executor_hub::postgres::{Launch, LaunchError, PrivatePostgres, Purpose};
use nix::unistd::{Pid, Uid, User};
use sqlx::{
    ConnectOptions, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use tempfile::TempDir;

use crate::support::child::setting;

/// An empty folder for one test.
pub struct Ground(TempDir);

impl Ground {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("executor-hub-").tempdir_in("/tmp").unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o711)).unwrap();
        Self(dir)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The data folder of a Hub; it does not exist yet.
    pub fn root(&self) -> PathBuf {
        self.path().join("data")
    }

    pub fn cluster(&self) -> PathBuf {
        self.root().join("postgres")
    }

    /// Starts a Postgres, as durable as in production, in [`Ground::root`].
    pub async fn start(&self) -> PrivatePostgres {
        self.try_start().await.unwrap()
    }

    pub async fn try_start(&self) -> Result<PrivatePostgres, LaunchError> {
        PrivatePostgres::start(launch(self.root())).await
    }

    /// How to connect to a Postgres here that another process owns.
    pub fn hub(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(self.root().join("postgres.sock"))
            .port(5432)
            .username("hub")
            .database("hub")
            .ssl_mode(PgSslMode::Disable)
    }

    /// The process number of its postmaster, by its own account.
    pub fn postmaster(&self) -> Pid {
        let file = fs::read_to_string(self.cluster().join("postmaster.pid")).unwrap();
        Pid::from_raw(file.lines().next().unwrap().parse().unwrap())
    }
}

pub fn launch(root: PathBuf) -> Launch {
    Launch {
        root,
        binaries: setting("PG_BIN").map(PathBuf::from),
        search_path: Vec::new(),
        purpose: Purpose::Durable,
    }
}

/// A row that must not get lost.
pub async fn write_row(options: &PgConnectOptions, n: i32) {
    let mut connection = options.connect().await.unwrap();
    sqlx::query("create table if not exists kept (n int)").execute(&mut connection).await.unwrap();
    sqlx::query("insert into kept values ($1)").bind(n).execute(&mut connection).await.unwrap();
}

pub async fn rows(options: &PgConnectOptions) -> Vec<i32> {
    let mut connection = options.connect().await.unwrap();
    sqlx::query_scalar("select n from kept order by n").fetch_all(&mut connection).await.unwrap()
}

/// The one value that a question about the server has for an answer.
pub async fn ask(options: &PgConnectOptions, question: &'static str) -> String {
    let mut connection: PgConnection = options.connect().await.unwrap();
    sqlx::query_scalar(question).fetch_one(&mut connection).await.unwrap()
}

/// Someone who is not root: `nobody` when we are root, else we ourselves.
pub fn someone_else() -> User {
    let user =
        if Uid::effective().is_root() { User::from_name("nobody") } else { User::from_uid(Uid::effective()) };
    user.unwrap().unwrap()
}

/// Whether a process is there and alive; a zombie is not.
pub fn lives(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Waits until something outside this process has come true.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("after half a minute still not so: {what}");
}
