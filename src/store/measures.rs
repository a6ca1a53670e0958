//! How much is there? Counts for operators' figures, each by one statement over an index or a narrow table.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};

/// The queue of builds.
#[derive(Debug, Clone, Copy)]
pub struct Queue {
    /// Builds that wait, also those that wait for another try.
    pub pending: i64,
    /// Builds that a worker has.
    pub running: i64,
    /// Since when the oldest one could run that nobody has taken.
    pub oldest: Option<DateTime<Utc>>,
}

/// Bytes that are kept, the same bytes counted once.
#[derive(Debug, Clone, Copy)]
pub struct Stored {
    /// Of packages.
    pub packages: i64,
    /// Of artifacts.
    pub artifacts: i64,
    /// Of layers and configurations of images.
    pub images: i64,
}

/// The queue at `now`.
pub async fn queue(connection: &mut Connection, now: DateTime<Utc>) -> Result<Queue, StoreError> {
    let row = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM tasks WHERE state = 'pending') AS "pending!",
                  (SELECT count(*) FROM tasks WHERE state = 'running') AS "running!",
                  (SELECT min(run_after) FROM tasks WHERE state = 'pending' AND run_after <= $1) AS oldest"#,
        now
    )
    .fetch_one(connection)
    .await?;
    Ok(Queue { pending: row.pending, running: row.running, oldest: row.oldest })
}

/// What is kept.
pub async fn stored(connection: &mut Connection) -> Result<Stored, StoreError> {
    let row = sqlx::query!(
        r#"SELECT (SELECT COALESCE(sum(size), 0)::bigint FROM package_bytes) AS "packages!",
                  (SELECT COALESCE(sum(size), 0)::bigint FROM artifact_bytes) AS "artifacts!",
                  (SELECT COALESCE(sum(size), 0)::bigint FROM image_bytes) AS "images!""#
    )
    .fetch_one(connection)
    .await?;
    Ok(Stored { packages: row.packages, artifacts: row.artifacts, images: row.images })
}
