//! Which servers and workers run, and do they have the same key? For operators only: nothing is decided by it.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};

/// A process that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Machine and locked folder.
    pub place: String,
    /// `server` or `worker`.
    pub role: String,
    /// Its version.
    pub version: String,
    /// Of its master key.
    pub key_fingerprint: Vec<u8>,
}

/// Notes that a process runs.
pub async fn put(
    connection: &mut Connection,
    process: &Process,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO processes (place, role, version, key_fingerprint, seen_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (place) DO UPDATE SET role = excluded.role, version = excluded.version,
             key_fingerprint = excluded.key_fingerprint, seen_at = excluded.seen_at",
        process.place,
        process.role,
        process.version,
        process.key_fingerprint,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes a process off the list, and with it those that were silent since `before`.
pub async fn remove(
    connection: &mut Connection,
    place: &str,
    before: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM processes WHERE place = $1 OR seen_at < $2", place, before)
        .execute(connection)
        .await?;
    Ok(())
}

/// Those that were seen since `since`.
pub async fn list(connection: &mut Connection, since: DateTime<Utc>) -> Result<Vec<Process>, StoreError> {
    let rows = sqlx::query_as!(
        Process,
        "SELECT place, role, version, key_fingerprint FROM processes WHERE seen_at >= $1 ORDER BY place LIMIT 1000",
        since
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}
