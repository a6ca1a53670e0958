//! Who keeps the Postgres that all tests share? A process that the first test to need it starts, that outlives this test
//! and its runner, and that ends when no test has used it for some seconds, whatever became of them.
//!
//! Every user holds a shared lock on `users.lock` for as long as its process lives; the kernel takes it back from the dead.
//! The keeper stops only while it holds that lock alone, so nobody ever finds a Postgres that is about to end.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use executor_hub::postgres::{Launch, PrivatePostgres, Purpose};
use nix::unistd::Uid;
use sqlx::{
    ConnectOptions, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use super::{
    child::{self, Program, setting},
    database,
};

const BASE: &str = "EXECUTOR_HUB_TEST_BASE";
const GRACE_MS: &str = "EXECUTOR_HUB_TEST_GRACE_MS";

/// Long enough for a pause between two tests, short enough to be forgotten.
const GRACE: Duration = Duration::from_secs(5);

/// A share in the Postgres below `base`. It runs at least as long as this lives.
pub struct Share {
    /// How to connect with every right.
    pub superuser: PgConnectOptions,
    _users: File,
}

/// Takes a share in the Postgres that all tests use.
pub async fn share_with_all_tests() -> Share {
    share(&base(), GRACE).await
}

/// Takes a share, starting a keeper where none is at work.
async fn share(base: &Path, grace: Duration) -> Share {
    let users = locked(base, "users.lock", File::lock_shared).await;
    let _one_at_a_time = locked(base, "start.lock", File::lock).await;
    if let Some(superuser) = running(base).await {
        return Share { superuser, _users: users };
    }
    let command = command(base, grace);
    let said = tokio::task::spawn_blocking(move || Program::spawn(command).line()).await.unwrap();
    assert_eq!(said, "ready", "the keeper of the test database in {}", base.display());
    Share { superuser: running(base).await.unwrap(), _users: users }
}

/// The program, in a process group of its own: a runner that ends a test ends everything in the group of that test.
fn command(base: &Path, grace: Duration) -> Command {
    let mut command = child::command("keeper");
    command.env(BASE, base).env(GRACE_MS, grace.as_millis().to_string()).process_group(0);
    command
}

async fn locked(base: &Path, name: &str, lock: fn(&File) -> io::Result<()>) -> File {
    let file = lock_file(base, name);
    tokio::task::spawn_blocking(move || lock(&file).map(|()| file)).await.unwrap().unwrap()
}

async fn running(base: &Path) -> Option<PgConnectOptions> {
    let socket = fs::read_to_string(base.join("socket")).ok()?;
    let superuser = PgConnectOptions::new_without_pgpass()
        .socket(socket)
        .port(5432)
        .username("postgres")
        .database("postgres")
        .ssl_mode(PgSslMode::Disable);
    superuser.connect().await.ok().map(|_: PgConnection| superuser)
}

/// The program `keeper`.
pub async fn run() {
    let base = PathBuf::from(setting(BASE).unwrap());
    let grace = Duration::from_millis(setting(GRACE_MS).unwrap().parse().unwrap());
    let launch = || Launch {
        root: base.join("postgres"),
        binaries: setting("PG_BIN").map(PathBuf::from),
        search_path: setting("PATH")
            .iter()
            .flat_map(|path| std::env::split_paths(path).collect::<Vec<_>>())
            .collect(),
        purpose: Purpose::Throwaway,
    };
    // Nothing of it was ever synced: a machine that lost its power may have left one that cannot start again.
    let started = match PrivatePostgres::start(launch()).await {
        Ok(postgres) => Ok(postgres),
        Err(_) if fs::remove_dir_all(base.join("postgres")).is_ok() => PrivatePostgres::start(launch()).await,
        Err(error) => Err(error),
    };
    let postgres = match started {
        Ok(postgres) => postgres,
        Err(error) => {
            eprintln!("{error}");
            return;
        }
    };
    let superuser = postgres.superuser("postgres");
    database::sweep(&superuser).await;
    fs::write(base.join("socket"), superuser.get_socket().unwrap().to_str().unwrap()).unwrap();
    // The last word: afterwards nobody may be left to hear it.
    eprintln!("ready");

    let users = lock_file(&base, "users.lock");
    let mut idle_since = Instant::now();
    loop {
        tokio::select! {
            _ = postgres.exited() => return,
            () = tokio::time::sleep(grace / 20) => {}
        }
        match users.try_lock() {
            Err(_) => idle_since = Instant::now(),
            Ok(()) if idle_since.elapsed() < grace => users.unlock().unwrap(),
            Ok(()) => break,
        }
    }
    postgres.stop().await;
}

fn lock_file(base: &Path, name: &str) -> File {
    OpenOptions::new().create(true).truncate(false).write(true).open(base.join(name)).unwrap()
}

/// Where the shared Postgres lies: with what Cargo builds, unless the user who runs Postgres could not get there (we are
/// root and built below `/root`) or it is somebody else's.
fn base() -> PathBuf {
    let with_the_build = Path::new(env!("CARGO_TARGET_TMPDIR")).join("database");
    let _ = fs::create_dir_all(&with_the_build);
    let is_open = |dir: &Path| fs::metadata(dir).is_ok_and(|found| found.mode() & 0o001 != 0);
    let is_ours = fs::metadata(&with_the_build).is_ok_and(|found| found.uid() == Uid::effective().as_raw());
    if is_ours && (!Uid::effective().is_root() || with_the_build.ancestors().all(is_open)) {
        return with_the_build;
    }
    let elsewhere = std::env::temp_dir().join(format!("executor-hub-tests-{}", Uid::effective()));
    let _ = fs::create_dir(&elsewhere);
    let found = fs::symlink_metadata(&elsewhere).unwrap();
    let is_ours = found.is_dir() && found.uid() == Uid::effective().as_raw();
    assert!(is_ours, "{} is not ours: remove it", elsewhere.display());
    fs::set_permissions(&elsewhere, Permissions::from_mode(0o711)).unwrap();
    elsewhere
}

mod tests {
    use super::*;
    use crate::postgres::ground::Ground;

    /// Waits for the end of the keeper's Postgres, which holds this lock.
    async fn end_of_postgres(base: &Path) {
        locked(&base.join("postgres"), "postgres.lock", File::lock).await;
    }

    #[tokio::test]
    async fn the_shared_database_ends_when_nobody_uses_it() {
        let ground = Ground::new();
        let share = share(ground.path(), Duration::from_millis(100)).await;
        assert!(running(ground.path()).await.is_some());
        drop(share);
        end_of_postgres(ground.path()).await;
        assert!(running(ground.path()).await.is_none());
    }

    #[tokio::test]
    async fn the_shared_database_stays_while_somebody_uses_it() {
        let ground = Ground::new();
        let grace = Duration::from_millis(40);
        let share = share(ground.path(), grace).await;
        // Ten times as long as it would stay without us.
        let is_over = tokio::time::timeout(10 * grace, end_of_postgres(ground.path())).await;
        assert!(is_over.is_err());
        assert!(running(ground.path()).await.is_some());
        drop(share);
        end_of_postgres(ground.path()).await;
    }

    #[tokio::test]
    async fn two_who_come_first_share_one_keeper() {
        let ground = Ground::new();
        let grace = Duration::from_millis(100);
        let (one, other) = tokio::join!(share(ground.path(), grace), share(ground.path(), grace));
        let mut times = Vec::new();
        for share in [&one, &other] {
            let mut connection = share.superuser.connect().await.unwrap();
            let started = sqlx::query_scalar::<_, String>("select pg_postmaster_start_time()::text");
            times.push(started.fetch_one(&mut connection).await.unwrap());
        }
        assert_eq!(times[0], times[1]);
        drop((one, other));
        end_of_postgres(ground.path()).await;
    }
}
