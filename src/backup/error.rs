//! Why was a backup not made, or not restored?

use std::io;

use crate::{auth::KeysError, blobs::BlobError, store::StoreError};

/// What stood against it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Another process writes to the same folder, or copies the same Hub.
    #[error("another backup is being made just now; wait for its end")]
    Busy,
    /// There is no backup in the folder, or none of that name.
    #[error("there is no complete backup {0}")]
    None(String),
    /// The schema is not that of this program.
    #[error(
        "the database has not the schema of this version of the program: before an upgrade, use the program that the Hub runs; \
         after it, start the new one once or run `executor-hub migrate`"
    )]
    Schema,
    /// A newer program, or another one, made it.
    #[error(
        "this backup was made by another version of the program ({0}): restore it with that or a newer one"
    )]
    Newer(String),
    /// The signature is not of this Hub's key.
    #[error(
        "the backup was not signed with this Hub's master key: give the Hub the key of the copied one, or say \
         --unsigned when you are sure that nobody changed the backup"
    )]
    Signature,
    /// The Hub has no key, and the backup holds none.
    #[error(
        "the backup holds no master key and this Hub has none: set auth.master_key to the copied Hub's, or say --new-key \
         --unsigned (waiting builds then lose their build variables)"
    )]
    NoKey,
    /// The key that the Hub uses lies elsewhere.
    #[error(
        "the Hub's master key is not here: set auth.master_key to it, or let server.data_dir be the folder with the Hub's \
         master.key"
    )]
    NoOwnKey,
    /// Something in the backup is not as it was written.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// There is something already where it should go.
    #[error("this Hub is not empty; say --replace to throw away what it has")]
    NotEmpty,
    /// The database is not the Hub's alone.
    #[error("the database holds tables that are none of the Hub's ({0}); use one of its own")]
    ForeignTables(String),
    /// Somebody is connected.
    #[error("{0} other connections of the Hub use the database; stop servers and workers first")]
    InUse(i64),
    /// Far too many bytes are missing for the store to be the right one.
    #[error("{0} of the first objects are missing: is this the object store of this database?")]
    WrongStore(usize),
    /// The restored copy is not right.
    #[error("the backup was restored for a test and is not right: {0}")]
    NotProven(String),
    /// The disk.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bytes.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The key.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

impl BackupError {
    /// Whether the same may work a little later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Busy => true,
            Self::Store(error) => error.is_passing(),
            _ => false,
        }
    }

    /// Whether something that is there stands against it.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::NotEmpty | Self::ForeignTables(_) | Self::InUse(_))
    }

    pub(super) fn from_join(error: tokio::task::JoinError) -> Self {
        Self::Io(io::Error::other(error))
    }
}
