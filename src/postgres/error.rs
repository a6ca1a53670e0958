//! Why is there no private Postgres? Every answer is one line that says what to do.

use std::{io, path::PathBuf};

/// Why a private Postgres did not start.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// A file operation failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process holds the folder.
    #[error("{} is in use by another running Hub: stop that one, or give this one a data folder of its own", .0.display())]
    InUse(PathBuf),
    /// A killed Hub's postgres does not end.
    #[error("a PostgreSQL of an earlier start (process {pid}) still works in {}: end it with `kill -INT {pid}`", data.display())]
    StillRunning {
        /// Its process.
        pid: i32,
        /// Its cluster.
        data: PathBuf,
    },
    /// Nothing to start.
    #[error(
        "no DATABASE_URL is set and no PostgreSQL {oldest} or newer is installed here: `apt-get install postgresql`, \
         or set PG_BIN to the folder that has `postgres` and `initdb`, or set DATABASE_URL to a database elsewhere",
        oldest = super::binaries::OLDEST
    )]
    NoBinaries,
    /// `PG_BIN` is no use.
    #[error("PG_BIN is {}, but that folder has no `initdb` and `postgres` that can be run: {why}", dir.display())]
    BadBinaries {
        /// What it says.
        dir: PathBuf,
        /// What is missing.
        why: String,
    },
    /// The cluster needs another major version than there is.
    #[error(
        "{} was made by PostgreSQL {made_by}, but here is only {installed}: install PostgreSQL {made_by} again, or \
         move the data with pg_upgrade",
        data.display()
    )]
    WrongVersion {
        /// The cluster.
        data: PathBuf,
        /// Its major version.
        made_by: String,
        /// The major versions that were found.
        installed: String,
    },
    /// Postgres refuses to run as root, and there is nobody else.
    #[error(
        "the Hub runs as root, PostgreSQL refuses to, and there is no user `postgres` or `nobody` that it could run \
         as: add one, or run the Hub as another user"
    )]
    NoUser,
    /// `initdb` must be able to name its user.
    #[error(
        "user id {0} has no name here, and PostgreSQL cannot create a database without one: add the user to \
         /etc/passwd, or run the Hub as a user who is there"
    )]
    NamelessUser(u32),
    /// The user who runs postgres cannot reach its files.
    #[error(
        "PostgreSQL cannot run as root, and user id {uid}, whom it runs as, may not enter {dir}: choose a data folder \
         elsewhere (such as /var/lib/executor-hub), or `chmod o+x {dir}`",
        dir = dir.display()
    )]
    ClosedFolder {
        /// The folder in the way.
        dir: PathBuf,
        /// Who would have to enter it.
        uid: u32,
    },
    /// The folder has a part that is not ours.
    #[error("{} belongs to someone else or is no folder: remove it, or choose another data folder", .0.display())]
    Foreign(PathBuf),
    /// Something else lies where the cluster should.
    #[error("{} is no PostgreSQL cluster: move it away, or choose another data folder", .0.display())]
    NotACluster(PathBuf),
    /// `initdb` failed.
    #[error("PostgreSQL could not create its files in {}: {why}", data.display())]
    NotCreated {
        /// Where.
        data: PathBuf,
        /// What `initdb` said last.
        why: String,
    },
    /// Postgres ended instead of getting ready.
    #[error("PostgreSQL ended at its start ({status}): {last_words} (more in {})", logs.display())]
    Ended {
        /// How it ended.
        status: String,
        /// The line that tells why, as far as there is one.
        last_words: String,
        /// Where all of it is.
        logs: PathBuf,
    },
    /// Postgres neither ended nor got ready.
    #[error("PostgreSQL was not ready after {minutes} minutes and was stopped: see {}", logs.display())]
    NotReady {
        /// How long it was given.
        minutes: u64,
        /// Where it tells what it did.
        logs: PathBuf,
    },
    /// `PGOPTIONS` would change the sessions of the Hub.
    #[error("PGOPTIONS is set and would change how the Hub's own database behaves: unset it for the Hub")]
    SessionOptions,
    /// The contrib package is missing.
    #[error("this PostgreSQL lacks the extension {0}: install its contrib package (`postgresql-contrib`)")]
    NoExtension(String),
    /// Role or database `hub` could not be made.
    #[error("cannot prepare the role and database of the Hub: {0}")]
    Role(#[from] sqlx::Error),
    /// The thread that keeps postgres is gone without a word, or the preparation hung.
    #[error("PostgreSQL could not be started: {0}")]
    Interrupted(&'static str),
}

impl LaunchError {
    /// For `map_err` on file operations.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
