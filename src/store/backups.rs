//! Which backups were made of this Hub?

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};

/// A backup that is whole.
#[derive(Debug, Clone)]
pub struct Backup {
    /// Its name in its folder.
    pub name: String,
    /// Of what moment.
    pub taken_at: DateTime<Utc>,
    /// When it had been restored and checked.
    pub proven_at: Option<DateTime<Utc>>,
    /// Objects that it refers to.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those of them that were copied for it.
    pub new_bytes: u64,
}

/// Notes a backup.
pub async fn add(connection: &mut Connection, backup: &Backup) -> Result<(), StoreError> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    sqlx::query!(
        "INSERT INTO backups (name, taken_at, proven_at, objects, bytes, new_bytes) VALUES ($1, $2, $3, $4, $5, $6)",
        backup.name,
        backup.taken_at,
        backup.proven_at,
        number(backup.objects),
        number(backup.bytes),
        number(backup.new_bytes)
    )
    .execute(connection)
    .await?;
    Ok(())
}
