//! How are records kept? The only home of SQL: a module per noun, a function per verb, each on a connection of the
//! caller's, so that several make one transaction.

pub mod artifact_bytes;
pub mod artifact_search;
pub mod artifacts;
pub mod audit;
pub mod backups;
pub mod bytes_lock;
pub mod commits;
pub mod consistency;
pub mod copied_tables;
pub mod deleted_parts;
pub mod deletions;
pub mod device_sign_ins;
pub mod diagnosis;
mod error;
pub mod executor_grants;
pub mod executor_parts;
pub mod executor_pulls;
pub mod executor_search;
pub mod executors;
pub mod image_blobs;
pub mod image_bytes;
pub mod image_manifests;
mod image_memo;
pub mod image_tags;
pub mod image_uploads;
pub mod images;
pub mod invitations;
pub mod measures;
mod migrate;
pub mod needed_bytes;
pub mod notify;
pub mod overview;
pub mod package_bytes;
pub mod processes;
mod pull_memo;
pub mod pulls;
pub mod push_rates;
pub mod queue_pause;
pub mod schema;
pub mod scratch;
pub mod search_entries;
pub mod search_words;
pub mod seed;
pub mod setup_code;
pub mod sign_in_attempts;
pub mod tag_history;
pub mod tag_rules;
pub mod tags;
pub mod task_events;
pub mod task_leases;
pub mod task_line;
pub mod task_logs;
pub mod tasks;
pub mod teams;
pub mod tokens;
pub mod usage;
pub mod users;
pub mod workers;

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use sqlx::{
    PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

pub use error::StoreError;
pub use image_memo::ImageRef;
pub use migrate::{MIGRATOR, migrate, missing_migrations};
pub use pull_memo::PullMemo;

use crate::{
    config,
    domain::{ExecutorRef, Secret, Tag, UserId},
};

/// What functions of this module run on.
pub type Connection = sqlx::PgConnection;

/// The pool of connections to Postgres, and what of its answers is remembered.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    pulls: PullMemo,
    images: image_memo::ImageMemo,
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
        Ok(Self::from_pool(pool))
    }

    /// A pool that somebody else made.
    pub fn from_pool(pool: PgPool) -> Self {
        Self { pool, pulls: PullMemo::default(), images: image_memo::ImageMemo::default() }
    }

    /// A connection for reading. Give it back (drop it) before anything slow.
    pub async fn read(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        Ok(self.pool.acquire().await?)
    }

    /// A transaction: all of it or nothing, at `commit`. Keep it short; never build, hash or upload inside one.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        Ok(Transaction { inner: self.pool.begin().await?, pulls: self.pulls.clone() })
    }

    /// What [`pulls::find`] finds, from memory where nothing can have changed.
    pub async fn find_pull(
        &self,
        reference: &ExecutorRef,
        caller: Option<UserId>,
        tag: Option<&Tag>,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<pulls::Found>>, StoreError> {
        let unanswered = match self.pulls.look_up(reference, caller, tag, now) {
            Ok(found) => return Ok(Some(found)),
            Err(unanswered) => unanswered,
        };
        let found = pulls::find(&mut *self.read().await?, reference, caller, tag).await?.map(Arc::new);
        if let Some(found) = &found {
            self.pulls.keep(unanswered, found, now);
        }
        Ok(found)
    }

    /// What of pulls is remembered, for who hears of changes.
    pub fn pull_memo(&self) -> &PullMemo {
        &self.pulls
    }

    /// How many connections are idle, and how many there are.
    pub fn connections(&self) -> (u32, u32) {
        (u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX), self.pool.size())
    }

    /// A connection beside the pool and without its limits of time, for work that takes long and is not for requests.
    pub async fn connect_alone(&self) -> Result<Connection, StoreError> {
        use sqlx::ConnectOptions as _;
        let options = self.pool.connect_options().as_ref().clone().options([
            ("statement_timeout", "0"),
            ("lock_timeout", "10s"),
            ("idle_in_transaction_session_timeout", "0"),
        ]);
        Ok(options.connect().await?)
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

/// Begins to see the database as it is now, whatever others change meanwhile, until [`end_snapshot`].
pub async fn begin_snapshot(connection: &mut Connection) -> Result<(), StoreError> {
    sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut *connection).await?;
    // The view is that of the first statement.
    sqlx::query("SELECT 1").execute(connection).await?;
    Ok(())
}

/// Ends such a view.
pub async fn end_snapshot(connection: &mut Connection) -> Result<(), StoreError> {
    sqlx::query("COMMIT").execute(connection).await?;
    Ok(())
}

/// A transaction on a connection of its own.
pub async fn begin_on(connection: &mut Connection) -> Result<sqlx::Transaction<'_, Postgres>, StoreError> {
    Ok(sqlx::Connection::begin(connection).await?)
}

/// Opens a connection for work that takes long, to a database of any schema.
pub async fn connect_alone(options: &PgConnectOptions) -> Result<Connection, StoreError> {
    use sqlx::ConnectOptions as _;
    Ok(options.clone().application_name("executor-hub").connect().await?)
}

/// Has the planner look at rows that came all at once.
pub async fn analyze(connection: &mut Connection) -> Result<(), StoreError> {
    sqlx::query("ANALYZE").execute(connection).await?;
    Ok(())
}

/// Several statements that happen together or not at all. Dropped without a commit, they never happened.
#[derive(Debug)]
pub struct Transaction {
    inner: sqlx::Transaction<'static, Postgres>,
    pulls: PullMemo,
}

impl Transaction {
    /// Makes it so. Whoever is answered after this finds nothing remembered from before. After an error it is unknown
    /// whether it happened.
    pub async fn commit(self) -> Result<(), StoreError> {
        let outcome = self.inner.commit().await;
        self.pulls.forget_all();
        Ok(outcome?)
    }
}

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.inner
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.inner
    }
}
