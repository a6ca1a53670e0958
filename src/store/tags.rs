//! Tags: move, protect, delete, look up. The database refuses to move or delete a protected one, whoever asks, and writes
//! down every change.

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

/// Those of `names` that are protected already, by themselves or by a pattern.
pub async fn protected_among(
    connection: &mut Connection,
    executor: &ExecutorId,
    names: &[Tag],
) -> Result<Vec<ProtectedTag>, StoreError> {
    let names: Vec<String> = names.iter().map(|tag| tag.as_str().to_owned()).collect();
    let rows = sqlx::query!(
        r#"SELECT t.name, t.commit_id AS "commit: CommitId", c.package_sha256, c.content_sha256,
                  COALESCE(t.protected_at, t.moved_at) AS "set_at!", u.login AS "login?"
           FROM tags t JOIN commits c ON c.id = t.commit_id
           LEFT JOIN users u ON u.id = CASE WHEN t.protected_at IS NULL THEN t.moved_by ELSE t.protected_by END
           WHERE t.executor_id = $1 AND t.name = ANY($2) AND (t.is_protected OR tag_is_ruled($1, t.name))
           ORDER BY t.name"#,
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
                set_at: row.set_at,
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
    /// The commit that they are to point at; it must be usable.
    pub commit: CommitId,
    /// Who moves them.
    pub by: Option<UserId>,
    /// When.
    pub at: DateTime<Utc>,
    /// When it was decided: for a push, when it was accepted, however long its build took.
    pub decided_at: DateTime<Utc>,
}

/// Points `names` at a commit, creating those that are new; with `protect`, for good. A protected tag that points
/// elsewhere is `StoreError::ProtectedTag`, and the transaction is lost; one that points there already stays as it is.
/// An unprotected tag that was moved by a later decision stays where that put it.
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
        "INSERT INTO tags (executor_id, name, commit_id, is_protected, moved_at, moved_by, decided_at)
         SELECT $1, name, $2, $3, $4, $5, $7 FROM unnest($6::text[]) AS name
         ON CONFLICT (executor_id, name) DO UPDATE
         SET commit_id = excluded.commit_id, is_protected = tags.is_protected OR excluded.is_protected,
             moved_at = excluded.moved_at, moved_by = excluded.moved_by, decided_at = excluded.decided_at
         WHERE NOT (tags.is_protected AND tags.commit_id = excluded.commit_id)
           AND (tags.is_protected OR excluded.is_protected OR tags.decided_at <= excluded.decided_at)",
        to.executor as &ExecutorId,
        to.commit as CommitId,
        protect,
        to.at,
        to.by as Option<UserId>,
        &names,
        to.decided_at
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The names of the tags that point at a commit, in their order.
pub async fn names_at(
    connection: &mut Connection,
    executor: &ExecutorId,
    commit: CommitId,
) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "SELECT name FROM tags WHERE executor_id = $1 AND commit_id = $2 ORDER BY name",
        executor as &ExecutorId,
        commit as CommitId
    )
    .fetch_all(connection)
    .await?)
}

/// A tag as people are shown it.
#[derive(Debug, Clone)]
pub struct TagState {
    /// Its name.
    pub name: Tag,
    /// The commit that it points at.
    pub commit: CommitId,
    /// Identifies that commit's stored zip.
    pub package_sha256: Sha256,
    /// Whether it never moves again, by itself or by a pattern.
    pub is_protected: bool,
    /// When it was moved last.
    pub moved_at: DateTime<Utc>,
    /// Login of who moved it.
    pub moved_by: Option<String>,
}

/// The tags of an Executor, the one moved last first; with `name`, only that one. At most `limit`.
pub async fn list(
    connection: &mut Connection,
    executor: &ExecutorId,
    name: Option<&Tag>,
    limit: i64,
) -> Result<Vec<TagState>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT t.name, t.commit_id AS "commit: CommitId", c.package_sha256,
                  t.is_protected OR tag_is_ruled(t.executor_id, t.name) AS "is_protected!", t.moved_at,
                  u.login AS "login?"
           FROM tags t JOIN commits c ON c.id = t.commit_id LEFT JOIN users u ON u.id = t.moved_by
           WHERE t.executor_id = $1 AND ($2::text IS NULL OR t.name = $2)
           ORDER BY t.moved_at DESC, t.name LIMIT $3"#,
        executor as &ExecutorId,
        name.map(Tag::as_str),
        limit
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(TagState {
                name: row.name.parse().map_err(|_| corrupt_name(executor))?,
                commit: row.commit,
                package_sha256: super::commits::sha256(&row.package_sha256, row.commit)?,
                is_protected: row.is_protected,
                moved_at: row.moved_at,
                moved_by: row.login,
            })
        })
        .collect()
}

/// Protects a tag where it points; `false` when there is none. One that is protected stays as it is.
pub async fn protect(
    connection: &mut Connection,
    executor: &ExecutorId,
    name: &Tag,
    by: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE tags SET is_protected = true, protected_at = COALESCE(protected_at, $3),
             protected_by = CASE WHEN protected_at IS NULL THEN $4 ELSE protected_by END
         WHERE executor_id = $1 AND name = $2",
        executor as &ExecutorId,
        name.as_str(),
        now,
        by as Option<UserId>
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether all these tags point at commits with this package, or will once a build of one that is waiting or running
/// succeeds.
pub async fn have(
    connection: &mut Connection,
    executor: &ExecutorId,
    package: Sha256,
    names: &[Tag],
) -> Result<bool, StoreError> {
    let names: Vec<String> = names.iter().map(|tag| tag.as_str().to_owned()).collect();
    let has = sqlx::query_scalar!(
        r#"SELECT NOT EXISTS (
               SELECT FROM unnest($3::text[]) AS wanted (name)
               WHERE NOT EXISTS (
                   SELECT FROM commits c
                   WHERE c.executor_id = $1 AND c.package_sha256 = $2 AND c.deleted_at IS NULL
                     AND (EXISTS (SELECT FROM tags t WHERE t.executor_id = $1 AND t.name = wanted.name AND t.commit_id = c.id)
                          OR (wanted.name = ANY(c.requested_tags || c.requested_protected_tags)
                              AND EXISTS (SELECT FROM tasks k WHERE k.commit_id = c.id AND k.finished_at IS NULL)))
               )) AS "has!""#,
        executor as &ExecutorId,
        package.as_bytes(),
        &names
    )
    .fetch_one(connection)
    .await?;
    Ok(has)
}

/// Deletes tags; a protected one is `StoreError::ProtectedTag`, and the transaction is lost. Returns how many there were.
pub async fn delete(
    connection: &mut Connection,
    executor: &ExecutorId,
    names: &[String],
    by: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    // For the trigger that writes the history: a row that goes cannot say who deletes it.
    sqlx::query!(
        "SELECT set_config('hub.changed_at', $1::timestamptz::text, true) AS at,
                set_config('hub.changed_by', $2, true) AS by",
        now,
        by.map(|by| by.0.to_string()).unwrap_or_default()
    )
    .fetch_one(&mut *connection)
    .await?;
    let done = sqlx::query!(
        "DELETE FROM tags WHERE executor_id = $1 AND name = ANY($2)",
        executor as &ExecutorId,
        names
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

pub(super) fn corrupt_name(executor: &ExecutorId) -> StoreError {
    StoreError::Corrupt { table: "tags", column: "name", id: executor.to_string() }
}
