//! Tags: move, protect, look up. The database refuses to move a protected one, whoever asks.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};
use crate::domain::{CommitId, ExecutorId, Tag, UserId, digest::Sha256};

/// A protected tag that stands in the way of a push.
#[derive(Debug, Clone)]
pub struct ProtectedTag {
    /// Its name.
    pub name: String,
    /// The commit that it points at for good.
    pub commit: CommitId,
    /// Identifies that commit's stored zip.
    pub package_sha256: Sha256,
    /// Identifies its files, whatever packed them.
    pub content_sha256: Sha256,
    /// When it was set.
    pub set_at: DateTime<Utc>,
    /// Login of who set it.
    pub set_by: Option<String>,
}

/// Those of `names` that are protected already.
pub async fn protected_among(
    connection: &mut Connection,
    executor: &ExecutorId,
    names: &[Tag],
) -> Result<Vec<ProtectedTag>, StoreError> {
    let names: Vec<String> = names.iter().map(|tag| tag.as_str().to_owned()).collect();
    let rows = sqlx::query!(
        r#"SELECT t.name, t.commit_id AS "commit: CommitId", c.package_sha256, c.content_sha256, t.moved_at,
                  u.login AS "login?"
           FROM tags t JOIN commits c ON c.id = t.commit_id LEFT JOIN users u ON u.id = t.moved_by
           WHERE t.executor_id = $1 AND t.name = ANY($2) AND t.is_protected ORDER BY t.name"#,
        executor as &ExecutorId,
        &names
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let corrupt = || StoreError::Corrupt {
                table: "commits",
                column: "package_sha256",
                id: row.commit.to_string(),
            };
            Ok(ProtectedTag {
                package_sha256: Sha256::from_slice(&row.package_sha256).ok_or_else(corrupt)?,
                content_sha256: Sha256::from_slice(&row.content_sha256).ok_or_else(corrupt)?,
                name: row.name,
                commit: row.commit,
                set_at: row.moved_at,
                set_by: row.login,
            })
        })
        .collect()
}

/// Where tags go.
#[derive(Debug, Clone, Copy)]
pub struct Move<'a> {
    /// Whose tags.
    pub executor: &'a ExecutorId,
    /// The commit that they are to point at.
    pub commit: CommitId,
    /// Who moves them.
    pub by: Option<UserId>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Points `names` at a commit, creating those that are new; with `protect`, for good. A protected tag that points
/// elsewhere is `StoreError::ProtectedTag`, and the transaction is lost; one that points there already stays as it is.
/// An unprotected tag that a later push moved first stays with that push, however long this commit took to build.
pub async fn move_to(
    connection: &mut Connection,
    to: Move<'_>,
    names: &[Tag],
    protect: bool,
) -> Result<(), StoreError> {
    let mut names: Vec<String> = names.iter().map(|tag| tag.as_str().to_owned()).collect();
    // Two pushes that move the same tags lock them in the same order.
    names.sort_unstable();
    sqlx::query!(
        "INSERT INTO tags (executor_id, name, commit_id, is_protected, moved_at, moved_by)
         SELECT $1, name, $2, $3, $4, $5 FROM unnest($6::text[]) AS name
         ON CONFLICT (executor_id, name) DO UPDATE
         SET commit_id = excluded.commit_id, is_protected = tags.is_protected OR excluded.is_protected,
             moved_at = excluded.moved_at, moved_by = excluded.moved_by
         WHERE NOT (tags.is_protected AND tags.commit_id = excluded.commit_id)
           AND (tags.is_protected OR excluded.is_protected OR NOT EXISTS (
               SELECT 1 FROM commits there, commits here
               WHERE there.id = tags.commit_id AND here.id = excluded.commit_id
                 AND there.created_at > here.created_at))",
        to.executor as &ExecutorId,
        to.commit as CommitId,
        protect,
        to.at,
        to.by as Option<UserId>,
        &names
    )
    .execute(connection)
    .await?;
    Ok(())
}
