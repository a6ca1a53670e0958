//! Which layers and configurations does each repository have? A digest can be read only where it is linked, whoever else
//! has the same bytes.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError, commits::bytes, image_bytes};
use crate::domain::{ExecutorId, digest::Sha256, image::ImageDigest};

/// A blob of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredBlob {
    /// By what it was asked for.
    pub digest: ImageDigest,
    /// What identifies its bytes in the object store.
    pub sha256: Sha256,
    /// How many.
    pub size: u64,
}

/// Gives a repository a blob whose bytes are stored and held. One that is there counts as new again.
pub async fn link(
    connection: &mut Connection,
    executor: &ExecutorId,
    blob: &StoredBlob,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO image_blobs (executor_id, digest, sha256, size, seen_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (executor_id, digest) DO UPDATE SET seen_at = EXCLUDED.seen_at",
        executor as &ExecutorId,
        blob.digest.to_string(),
        blob.sha256.as_bytes(),
        bytes(blob.size),
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A blob of a repository, if it has it.
pub async fn find(
    connection: &mut Connection,
    executor: &ExecutorId,
    digest: &ImageDigest,
) -> Result<Option<StoredBlob>, StoreError> {
    let row = sqlx::query!(
        "SELECT sha256, size FROM image_blobs WHERE executor_id = $1 AND digest = $2",
        executor as &ExecutorId,
        digest.to_string()
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let sha256 = image_bytes::digest(&row.sha256)?;
        Ok(StoredBlob { digest: *digest, sha256, size: u64::try_from(row.size).unwrap_or(0) })
    })
    .transpose()
}

/// Notes that a push was told that a blob is here: it stays until the push has had time to name it. Writes at most once
/// an hour, because pulls ask as well.
pub async fn touch(
    connection: &mut Connection,
    executor: &ExecutorId,
    digest: &ImageDigest,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE image_blobs SET seen_at = $3
         WHERE executor_id = $1 AND digest = $2 AND seen_at < $3::timestamptz - interval '1 hour'",
        executor as &ExecutorId,
        digest.to_string(),
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Those of these digests that a repository has, each with its size. They stay until the transaction ends.
pub async fn present(
    connection: &mut Connection,
    executor: &ExecutorId,
    digests: &[String],
) -> Result<Vec<(String, u64)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT digest, size FROM image_blobs WHERE executor_id = $1 AND digest = ANY($2)
         ORDER BY digest FOR KEY SHARE",
        executor as &ExecutorId,
        digests
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.digest, u64::try_from(row.size).unwrap_or(0))).collect())
}

/// What became of an attempt to take a blob from a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlinked {
    /// It is gone from there.
    Done,
    /// A manifest names it.
    InUse,
    /// It was not there.
    Missing,
}

/// Takes a blob from a repository, unless a manifest there names it. Its bytes go when no repository has them.
pub async fn unlink(
    connection: &mut Connection,
    executor: &ExecutorId,
    digest: &ImageDigest,
) -> Result<Unlinked, StoreError> {
    let digest = digest.to_string();
    let held = sqlx::query!(
        "SELECT digest FROM image_blobs WHERE executor_id = $1 AND digest = $2 FOR UPDATE",
        executor as &ExecutorId,
        digest
    )
    .fetch_optional(&mut *connection)
    .await?;
    if held.is_none() {
        return Ok(Unlinked::Missing);
    }
    // A statement of its own: it sees the manifests that came while the lock was awaited.
    let done = sqlx::query!(
        "DELETE FROM image_blobs b WHERE executor_id = $1 AND digest = $2 AND NOT EXISTS (
             SELECT 1 FROM image_manifest_blobs m WHERE m.executor_id = $1 AND m.blob = $2)",
        executor as &ExecutorId,
        digest
    )
    .execute(connection)
    .await?;
    Ok(if done.rows_affected() > 0 { Unlinked::Done } else { Unlinked::InUse })
}

/// Takes from all repositories what no manifest has named since `before`; at most `limit`. Returns how many it was. What
/// somebody is about to name is passed over: it is looked at again the next time.
pub async fn unlink_unnamed(
    connection: &mut Connection,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<u64, StoreError> {
    let locked = sqlx::query!(
        r#"SELECT b.executor_id AS "executor: ExecutorId", b.digest FROM image_blobs b
           WHERE b.seen_at < $1 AND NOT EXISTS (
               SELECT 1 FROM image_manifest_blobs m WHERE m.executor_id = b.executor_id AND m.blob = b.digest)
           LIMIT $2 FOR UPDATE SKIP LOCKED"#,
        before,
        limit
    )
    .fetch_all(&mut *connection)
    .await?;
    let executors: Vec<String> = locked.iter().map(|row| row.executor.to_string()).collect();
    let digests: Vec<String> = locked.into_iter().map(|row| row.digest).collect();
    let done = sqlx::query!(
        "DELETE FROM image_blobs b USING unnest($1::text[], $2::text[]) AS held (executor_id, digest)
         WHERE b.executor_id = held.executor_id AND b.digest = held.digest AND b.seen_at < $3 AND NOT EXISTS (
             SELECT 1 FROM image_manifest_blobs m WHERE m.executor_id = b.executor_id AND m.blob = b.digest)",
        &executors,
        &digests,
        before
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
