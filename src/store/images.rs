//! Images that tasks built for commits.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};
use crate::domain::{CommitId, image::ImageDigest};

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
    /// Its manifest in the registry; `None` where it lies in the engine only.
    pub manifest: Option<ImageDigest>,
}

/// Notes an image; a later build of the same commit and platform takes its place.
pub async fn put(
    connection: &mut Connection,
    new: NewImage<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO images (commit_id, platform, name, engine_id, size, created_at, manifest)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (commit_id, platform) DO UPDATE
         SET name = excluded.name, engine_id = excluded.engine_id, size = excluded.size,
             created_at = excluded.created_at, manifest = excluded.manifest",
        new.commit as CommitId,
        new.platform,
        new.name,
        new.engine_id,
        super::commits::bytes(new.size),
        now,
        new.manifest.map(|digest| digest.to_string())
    )
    .execute(connection)
    .await?;
    Ok(())
}
