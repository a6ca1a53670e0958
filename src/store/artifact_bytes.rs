//! Which artifacts' bytes may lie in the object store, and what still needs them: a row for each digest from before its
//! bytes come until after they are gone. Whoever needs bytes refers to that row; whoever deletes them holds its lock.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError, package_bytes::Amount};
use crate::domain::{ArtifactUploadId, digest::Sha256};

/// Notes that an upload is about to store these bytes: nobody collects them until [`release`]. Waits for whoever is
/// deleting them just now, so that the bytes are stored after that.
pub async fn hold(
    connection: &mut Connection,
    upload: ArtifactUploadId,
    sha256: Sha256,
    size: u64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    // An update that changes nothing, and not DO NOTHING: only that waits for the row's lock.
    sqlx::query!(
        "INSERT INTO artifact_bytes (sha256, size) VALUES ($1, $2) ON CONFLICT (sha256) DO UPDATE SET size = EXCLUDED.size",
        sha256.as_bytes(),
        super::artifacts::bytes(size)
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "INSERT INTO artifact_uploads (id, sha256, started_at) VALUES ($1, $2, $3)",
        upload as ArtifactUploadId,
        sha256.as_bytes(),
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that an upload is over; from here on only artifacts keep its bytes.
pub async fn release(connection: &mut Connection, upload: ArtifactUploadId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM artifact_uploads WHERE id = $1", upload as ArtifactUploadId)
        .execute(connection)
        .await?;
    Ok(())
}

/// Releases uploads that began before `before`: a crash ended them. Returns how many.
pub async fn release_abandoned(
    connection: &mut Connection,
    before: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query!("DELETE FROM artifact_uploads WHERE started_at < $1", before)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

/// Takes the lock of these bytes until the transaction ends, if nothing needs them; `false` when something does, or when
/// they are gone.
pub async fn lock_unneeded(connection: &mut Connection, sha256: Sha256) -> Result<bool, StoreError> {
    let row = sqlx::query!("SELECT size FROM artifact_bytes WHERE sha256 = $1 FOR UPDATE", sha256.as_bytes())
        .fetch_optional(&mut *connection)
        .await?;
    if row.is_none() {
        return Ok(false);
    }
    // A statement of its own: it sees what was committed while the lock was awaited.
    let needed = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM artifacts WHERE sha256 = $1)
               OR EXISTS (SELECT 1 FROM artifact_uploads WHERE sha256 = $1) AS "needed!""#,
        sha256.as_bytes()
    )
    .fetch_one(connection)
    .await?;
    Ok(!needed)
}

/// Forgets bytes that are gone; only under the lock.
pub async fn forget(connection: &mut Connection, sha256: Sha256) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM artifact_bytes WHERE sha256 = $1", sha256.as_bytes())
        .execute(connection)
        .await?;
    Ok(())
}

/// Bytes that nothing needs, at most `limit` of them: what a crash between a deletion and its collection left.
pub async fn unneeded(connection: &mut Connection, limit: i64) -> Result<Vec<Sha256>, StoreError> {
    let rows = sqlx::query_scalar!(
        "SELECT sha256 FROM artifact_bytes b
         WHERE NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.sha256 = b.sha256)
           AND NOT EXISTS (SELECT 1 FROM artifact_uploads u WHERE u.sha256 = b.sha256)
         LIMIT $1",
        limit
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(|bytes| super::artifacts::sha256("artifact_bytes", bytes)).collect()
}

/// What nothing needs. Changes nothing.
pub async fn preview(connection: &mut Connection) -> Result<Amount, StoreError> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "objects!", COALESCE(sum(size), 0)::bigint AS "bytes!" FROM artifact_bytes b
           WHERE NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.sha256 = b.sha256)
             AND NOT EXISTS (SELECT 1 FROM artifact_uploads u WHERE u.sha256 = b.sha256)"#
    )
    .fetch_one(connection)
    .await?;
    Ok(Amount::of_columns(row.objects, row.bytes))
}

/// Those of these digests that have no row.
pub async fn unknown(connection: &mut Connection, digests: &[Sha256]) -> Result<Vec<Sha256>, StoreError> {
    let digests: Vec<Vec<u8>> = digests.iter().map(|digest| digest.as_bytes().to_vec()).collect();
    let rows = sqlx::query_scalar!(
        r#"SELECT found.sha256 AS "sha256!" FROM unnest($1::bytea[]) AS found (sha256)
           WHERE NOT EXISTS (SELECT 1 FROM artifact_bytes b WHERE b.sha256 = found.sha256)"#,
        &digests
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(|bytes| super::artifacts::sha256("artifact_bytes", bytes)).collect()
}

/// Gives an object whose row was lost a row again, so that it is collected like any other.
pub async fn adopt(connection: &mut Connection, sha256: Sha256, size: u64) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO artifact_bytes (sha256, size) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        sha256.as_bytes(),
        super::artifacts::bytes(size)
    )
    .execute(connection)
    .await?;
    Ok(())
}
