//! What can go wrong with a statement, in terms that a use case can act on?

use crate::error::Error;

/// Why a statement did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address of the database cannot be read.
    #[error("the database address is not of the form postgres://user:password@host/database")]
    Address,
    /// A unique constraint of this name stood against it.
    #[error("conflict with constraint {0}")]
    Conflict(String),
    /// A protected tag would have moved (SQLSTATE HUB01).
    #[error("a protected tag would move: {0}")]
    ProtectedTag(String),
    /// A text holds a NUL character, which Postgres keeps nowhere.
    #[error("a text holds a NUL character: {0}")]
    Nul(#[source] sqlx::Error),
    /// A row holds what no code of ours writes.
    #[error("corrupt row: {table}.{column} of {id}")]
    Corrupt {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
        /// Which row.
        id: String,
    },
    /// The database does not answer, is starting or stopping, or has no connection to spare: worth another try.
    #[error("the database does not answer: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The disk of the database is full.
    #[error("the disk of the database is full: {0}")]
    Full(#[source] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("migration failed: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// Anything else.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether the same may succeed a moment later, without anybody changing what is asked for.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed => Self::Unavailable(error),
            sqlx::Error::Database(database) => match database.code().as_deref() {
                Some("23505") => Self::Conflict(database.constraint().unwrap_or_default().to_owned()),
                Some("HUB01") => Self::ProtectedTag(database.message().to_owned()),
                // In a text, and in JSON.
                Some("22021" | "22P05") => Self::Nul(error),
                // Small shared memory is told by the same code, and passes.
                Some("53100") if !database.message().contains("shared memory") => Self::Full(error),
                // Connection failures, too little of something, operator intervention; serialization and deadlock.
                Some(code)
                    if ["08", "53", "57"].contains(&code.get(..2).unwrap_or_default())
                        || ["40001", "40P01", "55P03"].contains(&code) =>
                {
                    Self::Unavailable(error)
                }
                _ => Self::Database(error),
            },
            _ => Self::Database(error),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::unavailable(error),
            StoreError::Full(_) => Self::storage_full(error),
            StoreError::Nul(_) => Self::invalid(
                "nul_character",
                "A text of this request holds a NUL character, which nothing here can have.",
                "Send it without.",
            ),
            error => Self::internal(error),
        }
    }
}
