//! How are records kept? The only home of SQL: a module per noun, a function per verb, each on a connection of the
//! caller's, so that several make one transaction.

pub mod artifact_bytes;
pub mod artifact_search;
pub mod artifacts;
pub mod commits;
pub mod device_sign_ins;
mod error;
pub mod executor_search;
pub mod executors;
pub mod images;
pub mod invitations;
mod migrate;
pub mod notify;
pub mod pulls;
pub mod queue_pause;
pub mod setup_code;
pub mod sign_in_attempts;
pub mod tags;
pub mod task_events;
pub mod task_leases;
pub mod task_line;
pub mod task_logs;
pub mod tasks;
pub mod tokens;
pub mod users;
pub mod workers;

use sqlx::{
    PgPool, Postgres, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

pub use error::StoreError;
pub use migrate::{MIGRATOR, migrate};

use crate::{config, domain::Secret};

/// What functions of this module run on.
pub type Connection = sqlx::PgConnection;

/// The pool of connections to Postgres.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    /// Reads a `postgres://` address. The address may hold a password, so errors do not repeat it.
    pub fn options_of(url: &Secret) -> Result<PgConnectOptions, StoreError> {
        url.expose().parse().map_err(|_| StoreError::Address)
    }

    /// Opens the pool; the first connection is made at once, so that a wrong address is found at the start.
    pub async fn connect(options: PgConnectOptions, settings: &config::Database) -> Result<Self, StoreError> {
        // A statement that runs this long was never meant to: it must not hold a connection for ever.
        let options = options.application_name("executor-hub").options([
            ("statement_timeout", "30s"),
            ("lock_timeout", "10s"),
            ("idle_in_transaction_session_timeout", "60s"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout.0)
            // A ping before each use costs a round trip of every request; a dead connection shows itself and is retried.
            .test_before_acquire(false)
            .connect_with(options)
            .await?;
        Ok(Self { pool })
    }

    /// A pool that somebody else made.
    pub fn from_pool(pool: PgPool) -> Self {
        Self { pool }
    }

    /// A connection for reading. Give it back (drop it) before anything slow.
    pub async fn read(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        Ok(self.pool.acquire().await?)
    }

    /// A transaction: all of it or nothing, at `commit`. Keep it short; never build, hash or upload inside one.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        Ok(self.pool.begin().await?)
    }

    /// The pool, for listeners of notifications.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Closes all connections after what runs on them is done.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
