//! Where do records go when nobody configured a database? Into a Postgres that the Hub starts and owns inside its
//! data folder. The rule: it lives and ends with this process, whatever ends it, and no two processes share a folder.
//!
//! ```text
//!   <root>/postgres        the cluster (0700, never run as root)
//!   <root>/postgres.new    a cluster in the making; thrown away when found
//!   <root>/postgres.sock   its socket directory (0700): who may enter it is trusted, nobody else gets in
//!   <root>/postgres-log    what it said in the last seven days, and at its last start
//!   <root>/postgres.lock   held by the one process that may use all this
//! ```
//!
//! The lock and the look for an unfinished predecessor see one machine only: a folder on NFS, or a volume shared by two
//! hosts or by two containers, is outside their reach. On other systems than Linux nothing tells postgres that its
//! Hub was killed; it then goes on, and its own lock file refuses the next start until someone stops it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use nix::sys::signal::Signal;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

mod binaries;
mod cluster;
mod death_signal;
mod error;
mod folder;
mod logs;
mod postmaster;
mod predecessor;
mod program;
mod role;
mod run_as;

pub use error::LaunchError;
pub use folder::is_unused;
use postmaster::Postmaster;

/// What a private Postgres needs to know before it starts.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The folder that it lives in; made when missing.
    pub root: PathBuf,
    /// The one folder to take `postgres` and `initdb` from (`PG_BIN`); `None` looks where packages put them.
    pub binaries: Option<PathBuf>,
    /// The folders of `PATH`, looked through after the places of packages.
    pub search_path: Vec<PathBuf>,
    /// How much its data are worth.
    pub purpose: Purpose,
}

/// How much the data of a cluster are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// What was committed is on disk: survives kills and power cuts.
    Durable,
    /// For tests: nothing is synced, so a power cut may destroy everything; a kill does not.
    Throwaway,
}

/// A running Postgres that belongs to this process. Dropping it stops it without waiting for its end; when the
/// process is killed, it shuts down cleanly by itself (Linux).
///
/// Register handlers for SIGTERM and SIGINT before starting one: a signal that ends the process while it starts costs no
/// data, but leaves the rest of the process no time to say goodbye.
#[derive(Debug)]
pub struct PrivatePostgres {
    postmaster: Arc<Postmaster>,
    socket: PathBuf,
}

impl PrivatePostgres {
    /// How long each way of asking postgres to end is given: fast shutdown, immediate shutdown, kill.
    const PATIENCE: [(Signal, Duration); 3] = [
        (Signal::SIGINT, Duration::from_mins(1)),
        (Signal::SIGQUIT, Duration::from_secs(10)),
        (Signal::SIGKILL, Duration::from_secs(5)),
    ];

    /// Starts the cluster in `launch.root`, after creating it the first time and after recovery where the last end was
    /// a crash, and sees to role and database `hub`. Returns when it takes connections: a tenth of a second when the
    /// cluster exists, about one second when not, minutes at most when it has to recover.
    ///
    /// While another process uses the folder this is refused, and that process is not disturbed. Dropping the future
    /// stops what it had started.
    pub async fn start(launch: Launch) -> Result<Self, LaunchError> {
        let postgres = cluster::start(launch).await?;
        match role::prepare(&postgres.superuser("postgres")).await {
            Ok(()) => Ok(postgres),
            Err(error) => {
                // Who hears of a failure may try again at once, and must find the folder free.
                postgres.stop().await;
                Err(error)
            }
        }
    }

    /// How to connect to `database` with every right. Not for requests: a superuser can run programs by SQL.
    pub fn superuser(&self, database: &str) -> PgConnectOptions {
        self.connect_as("postgres", database)
    }

    /// How the Hub connects: role `hub`, which owns the database `hub` and has no right beyond it. It may create the
    /// extensions `pg_trgm` and `pgcrypto` there.
    pub fn hub(&self) -> PgConnectOptions {
        self.connect_as(role::HUB, role::HUB)
    }

    /// Resolves when postgres has ended, with its exit status in words. Unless it was asked to end, somebody killed it or it
    /// found its files damaged.
    pub async fn exited(&self) -> String {
        self.postmaster.exited().await
    }

    /// Ends it and waits for that. Close the pools first: a fast shutdown cuts off whoever is still connected.
    pub async fn stop(self) {
        for (signal, patience) in Self::PATIENCE {
            self.postmaster.signal(signal);
            if tokio::time::timeout(patience, self.postmaster.exited()).await.is_ok() {
                return;
            }
            tracing::warn!(%signal, seconds = patience.as_secs(), "postgres has not ended yet");
        }
    }

    fn connect_as(&self, role: &str, database: &str) -> PgConnectOptions {
        connect(&self.socket, role, database)
    }
}

/// How the Hub connects to the Postgres that another process runs in `root`; `None` when nothing listens there.
pub fn running_in(root: &Path) -> Option<PgConnectOptions> {
    let socket = folder::socket_dir(&root.canonicalize().ok()?).ok()?;
    let listens =
        std::os::unix::net::UnixStream::connect(socket.join(format!(".s.PGSQL.{}", folder::PORT))).is_ok();
    listens.then(|| connect(&socket, role::HUB, role::HUB))
}

/// Everything that a variable of the environment (`PGPORT`, `PGHOST`, `PGSSLMODE` …) could have set is set here again.
/// Only `PGOPTIONS` cannot be unset; [`role::prepare`] refuses it.
fn connect(socket: &Path, role: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(socket)
        .port(folder::PORT)
        .username(role)
        .password("")
        .database(database)
        .ssl_mode(PgSslMode::Disable)
        .application_name("executor-hub")
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        self.postmaster.signal(Signal::SIGINT);
    }
}
