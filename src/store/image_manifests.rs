//! Which manifests and indexes does each repository have, and what do they name? What a manifest names cannot go while it
//! is there: the database refuses it.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Connection, StoreError};
use crate::domain::{ExecutorId, image::ImageDigest};

/// A manifest to keep.
#[derive(Debug)]
pub struct NewManifest<'a> {
    /// Identifies its bytes.
    pub digest: ImageDigest,
    /// What it is.
    pub media_type: &'a str,
    /// Its bytes as they came.
    pub content: &'a [u8],
    /// The manifest that it speaks of.
    pub subject: Option<ImageDigest>,
    /// What kind of thing it is, for lists of what speaks of a manifest.
    pub artifact_type: Option<&'a str>,
    /// What is said of it.
    pub annotations: Option<&'a Value>,
    /// Blobs that it names and that are here.
    pub blobs: &'a [String],
    /// Manifests that it names.
    pub children: &'a [String],
}

/// A manifest as it is served.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Identifies its bytes.
    pub digest: String,
    /// What it is.
    pub media_type: String,
    /// Its bytes as they came.
    pub content: Vec<u8>,
}

/// Keeps a manifest and notes what it names; all of that must be there. One that is there already counts as new again.
/// Returns whether it was new.
pub async fn put(
    connection: &mut Connection,
    executor: &ExecutorId,
    new: NewManifest<'_>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let digest = new.digest.to_string();
    let is_new = sqlx::query_scalar!(
        r#"INSERT INTO image_manifests (executor_id, digest, media_type, content, subject, artifact_type, annotations,
                                        pushed_at, seen_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
           ON CONFLICT (executor_id, digest) DO UPDATE SET seen_at = EXCLUDED.seen_at
           RETURNING (xmax = 0) AS "is_new!""#,
        executor as &ExecutorId,
        digest,
        new.media_type,
        new.content,
        new.subject.map(|subject| subject.to_string()),
        new.artifact_type,
        new.annotations,
        now
    )
    .fetch_one(&mut *connection)
    .await?;
    if is_new {
        sqlx::query!(
            "INSERT INTO image_manifest_blobs (executor_id, manifest, blob) SELECT $1, $2, unnest($3::text[])
             ON CONFLICT DO NOTHING",
            executor as &ExecutorId,
            digest,
            new.blobs
        )
        .execute(&mut *connection)
        .await?;
        sqlx::query!(
            "INSERT INTO image_manifest_children (executor_id, manifest, child) SELECT $1, $2, unnest($3::text[])
             ON CONFLICT DO NOTHING",
            executor as &ExecutorId,
            digest,
            new.children
        )
        .execute(connection)
        .await?;
    }
    Ok(is_new)
}

/// Those of these digests that are manifests of a repository. They stay until the transaction ends.
pub async fn present(
    connection: &mut Connection,
    executor: &ExecutorId,
    digests: &[String],
) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "SELECT digest FROM image_manifests WHERE executor_id = $1 AND digest = ANY($2)
         ORDER BY digest FOR KEY SHARE",
        executor as &ExecutorId,
        digests
    )
    .fetch_all(connection)
    .await?)
}

/// The manifest with this digest.
pub async fn find(
    connection: &mut Connection,
    executor: &ExecutorId,
    digest: &ImageDigest,
) -> Result<Option<Manifest>, StoreError> {
    Ok(sqlx::query_as!(
        Manifest,
        "SELECT digest, media_type, content FROM image_manifests WHERE executor_id = $1 AND digest = $2",
        executor as &ExecutorId,
        digest.to_string()
    )
    .fetch_optional(connection)
    .await?)
}

/// What became of an attempt to delete a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone, and these tags with it, all pushed by hand.
    Done(Vec<String>),
    /// It is the image of a commit, or an index names it.
    InUse,
    /// It was not there.
    Missing,
}

/// Deletes a manifest with the tags that were pushed to it by hand, unless it is the image of a commit or part of an
/// index. A tag that a rule protects is `StoreError::ProtectedTag`, and the transaction is lost.
pub async fn delete(
    connection: &mut Connection,
    executor: &ExecutorId,
    digest: &ImageDigest,
) -> Result<Deleted, StoreError> {
    let digest = digest.to_string();
    let held = sqlx::query!(
        "SELECT digest FROM image_manifests WHERE executor_id = $1 AND digest = $2 FOR UPDATE",
        executor as &ExecutorId,
        digest
    )
    .fetch_optional(&mut *connection)
    .await?;
    if held.is_none() {
        return Ok(Deleted::Missing);
    }
    let in_use = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM commit_images WHERE executor_id = $1 AND manifest = $2)
               OR EXISTS (SELECT 1 FROM image_manifest_children WHERE executor_id = $1 AND child = $2) AS "in_use!""#,
        executor as &ExecutorId,
        digest
    )
    .fetch_one(&mut *connection)
    .await?;
    if in_use {
        return Ok(Deleted::InUse);
    }
    let tags = sqlx::query_scalar!(
        "DELETE FROM image_tags WHERE executor_id = $1 AND manifest = $2 RETURNING name",
        executor as &ExecutorId,
        digest
    )
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query!(
        "DELETE FROM image_manifests WHERE executor_id = $1 AND digest = $2",
        executor as &ExecutorId,
        digest
    )
    .execute(connection)
    .await?;
    Ok(Deleted::Done(tags))
}

/// A manifest that speaks of another.
#[derive(Debug, Clone)]
pub struct Referrer {
    /// Identifies it.
    pub digest: String,
    /// What it is.
    pub media_type: String,
    /// Its bytes.
    pub size: i32,
    /// What kind of thing it is.
    pub artifact_type: Option<String>,
    /// What is said of it.
    pub annotations: Option<Value>,
}

/// The manifests that speak of this one, whether that is here or not, after `after` in the order of digests; with
/// `artifact_type`, only those of that type.
pub async fn referrers(
    connection: &mut Connection,
    executor: &ExecutorId,
    subject: &ImageDigest,
    artifact_type: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<Referrer>, StoreError> {
    Ok(sqlx::query_as!(
        Referrer,
        r#"SELECT digest, media_type, octet_length(content) AS "size!", left(artifact_type, 255) AS artifact_type,
                  -- A page of them shall fit into memory, whatever people write.
                  CASE WHEN octet_length(content) <= 1048576 AND octet_length(annotations::text) <= 65536
                       THEN annotations END AS annotations
           FROM image_manifests
           WHERE executor_id = $1 AND subject = $2 AND ($3::text IS NULL OR artifact_type = $3) AND digest > $4
           ORDER BY digest LIMIT $5"#,
        executor as &ExecutorId,
        subject.to_string(),
        artifact_type,
        after,
        limit
    )
    .fetch_all(connection)
    .await?)
}

/// Deletes manifests that nothing has named since `before`: no commit, no tag, no index, and no manifest here that they
/// speak of. At most `limit`; returns how many it was.
pub async fn delete_unnamed(
    connection: &mut Connection,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<u64, StoreError> {
    let locked = sqlx::query!(
        r#"SELECT m.executor_id AS "executor: ExecutorId", m.digest FROM image_manifests m
           WHERE m.seen_at < $1
             AND NOT EXISTS (SELECT 1 FROM commit_images c WHERE c.executor_id = m.executor_id AND c.manifest = m.digest)
             AND NOT EXISTS (SELECT 1 FROM image_tags t WHERE t.executor_id = m.executor_id AND t.manifest = m.digest)
             AND NOT EXISTS (SELECT 1 FROM image_manifest_children p
                             WHERE p.executor_id = m.executor_id AND p.child = m.digest)
             AND NOT EXISTS (SELECT 1 FROM image_manifests s
                             WHERE s.executor_id = m.executor_id AND s.digest = m.subject)
           LIMIT $2 FOR UPDATE SKIP LOCKED"#,
        before,
        limit
    )
    .fetch_all(&mut *connection)
    .await?;
    let executors: Vec<String> = locked.iter().map(|row| row.executor.to_string()).collect();
    let digests: Vec<String> = locked.into_iter().map(|row| row.digest).collect();
    // A statement of its own: it sees what was named while the locks were taken.
    let done = sqlx::query!(
        "DELETE FROM image_manifests m USING unnest($1::text[], $2::text[]) AS held (executor_id, digest)
         WHERE m.executor_id = held.executor_id AND m.digest = held.digest AND m.seen_at < $3
           AND NOT EXISTS (SELECT 1 FROM commit_images c WHERE c.executor_id = m.executor_id AND c.manifest = m.digest)
           AND NOT EXISTS (SELECT 1 FROM image_tags t WHERE t.executor_id = m.executor_id AND t.manifest = m.digest)
           AND NOT EXISTS (SELECT 1 FROM image_manifest_children p
                           WHERE p.executor_id = m.executor_id AND p.child = m.digest)",
        &executors,
        &digests,
        before
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
