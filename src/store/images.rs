//! Images that tasks built for commits.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};
use crate::domain::CommitId;

/// An image to note.
#[derive(Debug)]
pub struct NewImage<'a> {
    /// What it was built from.
    pub commit: CommitId,
    /// For which platform, such as `linux/amd64`.
    pub platform: &'a str,
    /// Name and tag.
    pub name: &'a str,
    /// The engine's id of it.
    pub engine_id: &'a str,
    /// Bytes of its layers, unpacked.
    pub size: u64,
}

/// Notes an image; a later build of the same commit and platform takes its place.
pub async fn put(
    connection: &mut Connection,
    new: NewImage<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO images (commit_id, platform, name, engine_id, size, created_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (commit_id, platform) DO UPDATE
         SET name = excluded.name, engine_id = excluded.engine_id, size = excluded.size,
             created_at = excluded.created_at",
        new.commit as CommitId,
        new.platform,
        new.name,
        new.engine_id,
        super::commits::bytes(new.size),
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}
