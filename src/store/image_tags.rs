//! What image does a tag lead to? To that of the commit at which the Executor's own tag of the name points; else to what
//! somebody pushed under the name by hand.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError, image_manifests::Manifest};
use crate::domain::{CommitId, ExecutorId, Tag, UserId, image::ImageDigest};

/// Notes the image of a commit: one manifest, or an index of several platforms. A later build of the commit takes its
/// place, unless a protected tag points at the commit: that is `StoreError::ProtectedTag`, and the transaction is lost.
pub async fn set_of_commit(
    connection: &mut Connection,
    executor: &ExecutorId,
    commit: CommitId,
    manifest: &ImageDigest,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO commit_images (commit_id, executor_id, manifest) VALUES ($1, $2, $3)
         ON CONFLICT (commit_id) DO UPDATE SET manifest = EXCLUDED.manifest
         WHERE commit_images.manifest <> EXCLUDED.manifest",
        commit as CommitId,
        executor as &ExecutorId,
        manifest.to_string()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The image of a commit that can be pulled.
pub async fn of_commit(
    connection: &mut Connection,
    executor: &ExecutorId,
    commit: CommitId,
) -> Result<Option<Manifest>, StoreError> {
    Ok(sqlx::query_as!(
        Manifest,
        "SELECT m.digest, m.media_type, m.content FROM commits c
         JOIN commit_images i ON i.commit_id = c.id
         JOIN image_manifests m ON m.executor_id = i.executor_id AND m.digest = i.manifest
         WHERE c.executor_id = $1 AND c.id = $2 AND c.usable_at IS NOT NULL AND c.deleted_at IS NULL",
        executor as &ExecutorId,
        commit as CommitId
    )
    .fetch_optional(connection)
    .await?)
}

/// The image that a tag leads to. Where the Executor has the tag but its commit has no image, there is none.
pub async fn resolve(
    connection: &mut Connection,
    executor: &ExecutorId,
    tag: &Tag,
) -> Result<Option<Manifest>, StoreError> {
    Ok(sqlx::query_as!(
        Manifest,
        r#"SELECT m.digest, m.media_type, m.content FROM (
               SELECT i.manifest FROM tags t JOIN commit_images i ON i.commit_id = t.commit_id
               WHERE t.executor_id = $1 AND t.name = $2
               UNION ALL
               SELECT p.manifest FROM image_tags p WHERE p.executor_id = $1 AND p.name = $2
                   AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.executor_id = $1 AND t.name = $2)
           ) found
           JOIN image_manifests m ON m.executor_id = $1 AND m.digest = found.manifest"#,
        executor as &ExecutorId,
        tag.as_str()
    )
    .fetch_optional(connection)
    .await?)
}

/// Tags that lead to an image, after `after`, in the order of their bytes; at most `limit`.
pub async fn list(
    connection: &mut Connection,
    executor: &ExecutorId,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT name AS "name!" FROM (
               (SELECT t.name COLLATE "C" AS name FROM tags t
                WHERE t.executor_id = $1 AND t.name COLLATE "C" > $2
                  AND EXISTS (SELECT 1 FROM commit_images i WHERE i.commit_id = t.commit_id)
                ORDER BY t.name COLLATE "C" LIMIT $3)
               UNION ALL
               (SELECT p.name COLLATE "C" FROM image_tags p
                WHERE p.executor_id = $1 AND p.name COLLATE "C" > $2
                  AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.executor_id = $1 AND t.name = p.name)
                ORDER BY p.name COLLATE "C" LIMIT $3)
           ) found ORDER BY name COLLATE "C" LIMIT $3"#,
        executor as &ExecutorId,
        after,
        limit
    )
    .fetch_all(connection)
    .await?)
}

/// Points a tag at a manifest that was pushed by hand. `StoreError::ProtectedTag` where the Executor has a tag of the name
/// itself or a rule protects it, and the transaction is lost; where it points there already, nothing is changed.
pub async fn move_by_hand(
    connection: &mut Connection,
    executor: &ExecutorId,
    tag: &Tag,
    manifest: &ImageDigest,
    by: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO image_tags (executor_id, name, manifest, moved_at, moved_by) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (executor_id, name) DO UPDATE
         SET manifest = EXCLUDED.manifest, moved_at = EXCLUDED.moved_at, moved_by = EXCLUDED.moved_by
         WHERE image_tags.manifest <> EXCLUDED.manifest",
        executor as &ExecutorId,
        tag.as_str(),
        manifest.to_string(),
        now,
        by as Option<UserId>
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes a tag that was pushed by hand; one that a rule protects is `StoreError::ProtectedTag`, and the transaction is
/// lost. Returns whether there was one.
pub async fn delete_by_hand(
    connection: &mut Connection,
    executor: &ExecutorId,
    tag: &Tag,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM image_tags WHERE executor_id = $1 AND name = $2",
        executor as &ExecutorId,
        tag.as_str()
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether the Executor itself has a tag of this name.
pub async fn is_of_executor(
    connection: &mut Connection,
    executor: &ExecutorId,
    tag: &Tag,
) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM tags WHERE executor_id = $1 AND name = $2) AS "is!""#,
        executor as &ExecutorId,
        tag.as_str()
    )
    .fetch_one(connection)
    .await?)
}
