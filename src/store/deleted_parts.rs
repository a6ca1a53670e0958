//! Which commits and tags of an Executor are deleted and can be brought back?

use chrono::{DateTime, Utc};

use super::{Connection, StoreError, tags};
use crate::domain::{CommitId, ExecutorId, Tag};

/// A commit that was deleted.
#[derive(Debug, Clone)]
pub struct DeletedCommit {
    /// Which.
    pub id: CommitId,
    /// When it was deleted.
    pub deleted_at: DateTime<Utc>,
    /// When it is gone for good.
    pub purge_at: DateTime<Utc>,
}

/// A tag that was deleted and that nobody made anew.
#[derive(Debug, Clone)]
pub struct DeletedTag {
    /// Its name.
    pub name: Tag,
    /// Where it pointed; that commit is there.
    pub commit: CommitId,
    /// When it was deleted.
    pub deleted_at: DateTime<Utc>,
}

/// Commits of an Executor that can be brought back, the last deleted first; at most `limit`.
pub async fn commits(
    connection: &mut Connection,
    executor: &ExecutorId,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<DeletedCommit>, StoreError> {
    Ok(sqlx::query_as!(
        DeletedCommit,
        r#"SELECT id AS "id: CommitId", deleted_at AS "deleted_at!", purge_at AS "purge_at!" FROM commits
           WHERE executor_id = $1 AND deleted_at IS NOT NULL AND purge_at > $2
           ORDER BY deleted_at DESC, id LIMIT $3"#,
        executor as &ExecutorId,
        now,
        limit
    )
    .fetch_all(connection)
    .await?)
}

/// Tags of an Executor that were deleted at `since` or later and can be brought back, the last deleted first; at most
/// `limit`. Those that went with a commit come back with it.
pub async fn tags(
    connection: &mut Connection,
    executor: &ExecutorId,
    since: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<DeletedTag>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT h.name, h.from_commit AS "commit!: CommitId", h.changed_at
           FROM tag_history h JOIN commits c ON c.id = h.from_commit
           WHERE h.executor_id = $1 AND h.change = 'deleted' AND h.changed_at >= $2
             AND c.usable_at IS NOT NULL AND c.deleted_at IS NULL
             AND NOT EXISTS (SELECT 1 FROM tag_history later
                             WHERE later.executor_id = h.executor_id AND later.name = h.name
                               AND later.number > h.number)
           ORDER BY h.number DESC LIMIT $3"#,
        executor as &ExecutorId,
        since,
        limit
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(DeletedTag {
                name: row.name.parse().map_err(|_| tags::corrupt_name(executor))?,
                commit: row.commit,
                deleted_at: row.changed_at,
            })
        })
        .collect()
}
