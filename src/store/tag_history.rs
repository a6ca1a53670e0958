//! Where tags have pointed: the database writes it down at every change, and nothing here changes it.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError, tags};
use crate::domain::{CommitId, ExecutorId, Tag};

/// What happened to a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It came to be.
    Created,
    /// It points at another commit.
    Moved,
    /// It never moves again.
    Protected,
    /// It is gone.
    Deleted,
}

impl Change {
    /// As it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Moved => "moved",
            Self::Protected => "protected",
            Self::Deleted => "deleted",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Created, Self::Moved, Self::Protected, Self::Deleted]
            .into_iter()
            .find(|change| change.as_str() == text)
    }
}

/// One change of a tag.
#[derive(Debug, Clone)]
pub struct TagChange {
    /// Grows with time; a page goes on below it.
    pub number: i64,
    /// Which tag.
    pub name: Tag,
    /// What happened.
    pub change: Change,
    /// Where it pointed; it may be gone by now.
    pub from: Option<CommitId>,
    /// Where it pointed afterwards.
    pub to: Option<CommitId>,
    /// Whether it was protected afterwards.
    pub is_protected: bool,
    /// When.
    pub at: DateTime<Utc>,
    /// Login of who did it.
    pub by: Option<String>,
}

/// The changes of an Executor's tags, or of one of them, the newest first; `before` is the number that the page before
/// ended with.
pub async fn list(
    connection: &mut Connection,
    executor: &ExecutorId,
    name: Option<&Tag>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<TagChange>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT h.number, h.name, h.change, h.from_commit AS "from: CommitId", h.to_commit AS "to: CommitId",
                  h.protected, h.changed_at, u.login AS "login?"
           FROM tag_history h LEFT JOIN users u ON u.id = h.changed_by
           WHERE h.executor_id = $1 AND ($2::text IS NULL OR h.name = $2) AND h.number < $3
           ORDER BY h.number DESC LIMIT $4"#,
        executor as &ExecutorId,
        name.map(Tag::as_str),
        before.unwrap_or(i64::MAX),
        limit
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(TagChange {
                number: row.number,
                name: row.name.parse().map_err(|_| tags::corrupt_name(executor))?,
                change: Change::read(&row.change).ok_or_else(|| StoreError::Corrupt {
                    table: "tag_history",
                    column: "change",
                    id: row.number.to_string(),
                })?,
                from: row.from,
                to: row.to,
                is_protected: row.protected,
                at: row.changed_at,
                by: row.login,
            })
        })
        .collect()
}

/// Where a tag pointed when it was deleted, if that was its last change and not before `since`.
pub async fn deleted_from(
    connection: &mut Connection,
    executor: &ExecutorId,
    name: &Tag,
    since: DateTime<Utc>,
) -> Result<Option<CommitId>, StoreError> {
    let last = sqlx::query!(
        r#"SELECT change, changed_at, from_commit AS "from: CommitId" FROM tag_history
           WHERE executor_id = $1 AND name = $2 ORDER BY number DESC LIMIT 1"#,
        executor as &ExecutorId,
        name.as_str()
    )
    .fetch_optional(connection)
    .await?;
    Ok(last.filter(|row| row.change == "deleted" && row.changed_at >= since).and_then(|row| row.from))
}
