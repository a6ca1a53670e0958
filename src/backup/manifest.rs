//! What does a backup hold? Its table of contents with the hash of every file, which alone is signed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::BackupError;
use crate::{
    blobs::BlobKey,
    domain::digest::Sha256,
    store::{copied_tables, schema},
};

/// The version of the format that this program writes, and the only one that there is.
pub(super) const FORMAT: u32 = 1;

/// The contents of a backup.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the format.
    pub format: u32,
    /// Version of the program that made it.
    pub program: String,
    /// Of what moment it is.
    pub taken_at: DateTime<Utc>,
    /// Which migrations the schema had seen.
    pub migrations: Vec<Migration>,
    /// Tables, in the order in which they are restored.
    pub tables: Vec<Table>,
    /// The bytes that the rows need.
    pub objects: Objects,
    /// Keys of bytes that the Hub itself had lost, or that were damaged.
    pub lost: Vec<String>,
}

/// A migration that had been applied.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Migration {
    /// Its number.
    pub version: i64,
    /// The checksum of its text, in hexadecimal digits.
    pub checksum: String,
}

/// The rows of a table.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Which.
    pub name: String,
    /// Its columns, in the order in which the rows have them.
    pub columns: Vec<String>,
    /// How many rows.
    pub rows: u64,
    /// Digest of the file.
    pub sha256: Sha256,
}

/// The list of bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objects {
    /// How many.
    pub count: u64,
    /// What they come to.
    pub bytes: u64,
    /// Digest of the file that lists them.
    pub sha256: Sha256,
}

impl Manifest {
    /// Reads a manifest whose signature was looked at. Nothing in it is believed that this program does not know: it names
    /// only tables of the list, each once, and migrations with the texts that this program has.
    pub(super) fn read(text: &[u8]) -> Result<Self, BackupError> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
            program: String,
        }
        let damaged = |error: serde_json::Error| BackupError::Damaged(format!("manifest.json: {error}"));
        let version: Version = serde_json::from_slice(text).map_err(damaged)?;
        if version.format != FORMAT {
            return Err(BackupError::Newer(version.program));
        }
        let manifest: Self = serde_json::from_slice(text).map_err(damaged)?;
        let known = schema::known();
        let is_known = |migration: &Migration| {
            known.iter().any(|known| {
                known.version == migration.version && hex::encode(&known.checksum) == migration.checksum
            })
        };
        if !manifest.migrations.iter().all(is_known) {
            return Err(BackupError::Newer(manifest.program));
        }
        // In the order of the list, so each at most once.
        let mut places = copied_tables::COPIED.iter();
        for table in &manifest.tables {
            if !places.any(|copied| copied.name == table.name) {
                return Err(BackupError::Damaged(format!("a table that no backup holds: {}", table.name)));
            }
        }
        if let Some(odd) = manifest.lost.iter().find(|key| BlobKey::read(key).is_none()) {
            return Err(BackupError::Damaged(format!("no key: {odd}")));
        }
        Ok(manifest)
    }

    pub(super) fn write(&self) -> Result<Vec<u8>, BackupError> {
        serde_json::to_vec_pretty(self).map_err(|error| BackupError::Io(error.into()))
    }
}
