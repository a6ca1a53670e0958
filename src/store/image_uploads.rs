//! Uploads in pieces of parts of images: for which repository each is, and when somebody last came back to it.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};
use crate::domain::{ExecutorId, ImageUploadId};

/// Begins an upload, unless its repository has `most` open ones already; returns whether it was begun.
pub async fn begin(
    connection: &mut Connection,
    id: ImageUploadId,
    executor: &ExecutorId,
    most: i64,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO image_uploads (id, executor_id, started_at, touched_at)
         SELECT $1, $2, $3, $3 WHERE (SELECT count(*) FROM image_uploads WHERE executor_id = $2) < $4",
        id as ImageUploadId,
        executor as &ExecutorId,
        now,
        most
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that somebody came back to an upload of this repository; `false` when there is none.
pub async fn touch(
    connection: &mut Connection,
    id: ImageUploadId,
    executor: &ExecutorId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE image_uploads SET touched_at = $3 WHERE id = $1 AND executor_id = $2",
        id as ImageUploadId,
        executor as &ExecutorId,
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends an upload; `false` when there is none (any more).
pub async fn end(
    connection: &mut Connection,
    id: ImageUploadId,
    executor: &ExecutorId,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM image_uploads WHERE id = $1 AND executor_id = $2",
        id as ImageUploadId,
        executor as &ExecutorId
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets uploads to which nobody came back since `before`.
pub async fn forget_abandoned(connection: &mut Connection, before: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM image_uploads WHERE touched_at < $1", before).execute(connection).await?;
    Ok(())
}

/// Those of these uploads that are open.
pub async fn open_among(
    connection: &mut Connection,
    ids: &[ImageUploadId],
) -> Result<Vec<ImageUploadId>, StoreError> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    Ok(sqlx::query_scalar!(r#"SELECT id AS "id: ImageUploadId" FROM image_uploads WHERE id = ANY($1)"#, &ids)
        .fetch_all(connection)
        .await?)
}
