//! What belongs to one Executor, a page at a time: its commits, tags, images and tasks.

use chrono::{DateTime, Utc};
use sqlx::types::Json;

use super::{Connection, StoreError, commits, tasks::TaskRow};
use crate::domain::{
    CommitId, ExecutorId, TaskId,
    digest::{Md5, Sha256},
    package::Package,
    phase::PhaseMark,
    task::{Failure, Task, TaskState},
};

/// A place in a list of things by the time of their making, newest first: after this one.
#[derive(Debug, Clone, Copy)]
pub struct Older<I> {
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Its id.
    pub id: I,
}

/// A commit that may be pulled, as lists show it.
#[derive(Debug, Clone)]
pub struct CommitRow {
    /// Its id.
    pub id: CommitId,
    /// Identifies the stored zip.
    pub package_sha256: Sha256,
    /// What old clients check.
    pub package_md5: Md5,
    /// Bytes of the stored zip.
    pub package_size: u64,
    /// Tags that point at it.
    pub tags: Vec<String>,
    /// Names of its build variables.
    pub build_env_names: Vec<String>,
    /// Login of who pushed it.
    pub pushed_by: Option<String>,
    /// When it was pushed.
    pub created_at: DateTime<Utc>,
    /// When it could be pulled first.
    pub usable_at: DateTime<Utc>,
    /// Its images.
    pub images: Vec<ImageRow>,
}

/// An image of a commit.
#[derive(Debug, Clone)]
pub struct ImageRow {
    /// Such as `linux/amd64`.
    pub platform: String,
    /// Name and tag.
    pub name: String,
    /// Bytes of its layers, unpacked.
    pub size: u64,
    /// Whether the registry has it.
    pub is_in_registry: bool,
}

/// A tag.
#[derive(Debug, Clone)]
pub struct TagRow {
    /// Its name.
    pub name: String,
    /// What it points at.
    pub commit: CommitId,
    /// Whether it never moves again.
    pub is_protected: bool,
    /// When it was moved there.
    pub moved_at: DateTime<Utc>,
    /// Login of who moved it.
    pub moved_by: Option<String>,
}

/// Commits that may be pulled, newest first. With `only`, that one.
pub async fn commits(
    connection: &mut Connection,
    executor: &ExecutorId,
    only: Option<CommitId>,
    after: Option<Older<CommitId>>,
    limit: i64,
) -> Result<Vec<CommitRow>, StoreError> {
    let (time, id) = after.map(|after| (after.created_at, after.id)).unzip();
    let rows = sqlx::query!(
        r#"SELECT c.id AS "id: CommitId", c.package_sha256, c.package_md5, c.package_size, c.build_env_names,
                  u.login AS "pushed_by?", c.created_at, c.usable_at AS "usable_at!",
                  ARRAY(SELECT name FROM tags WHERE commit_id = c.id ORDER BY name LIMIT 100) AS "tags!",
                  ARRAY(SELECT platform FROM images WHERE commit_id = c.id ORDER BY platform) AS "platforms!",
                  ARRAY(SELECT name FROM images WHERE commit_id = c.id ORDER BY platform) AS "images!",
                  ARRAY(SELECT size FROM images WHERE commit_id = c.id ORDER BY platform) AS "sizes!",
                  ARRAY(SELECT manifest IS NOT NULL FROM images WHERE commit_id = c.id ORDER BY platform) AS "kept!"
           FROM commits c LEFT JOIN users u ON u.id = c.pushed_by
           WHERE c.executor_id = $1 AND c.usable_at IS NOT NULL AND c.deleted_at IS NULL AND ($2::uuid IS NULL OR c.id = $2)
             AND ($3::timestamptz IS NULL OR (c.created_at, c.id) < ($3, $4))
           ORDER BY c.created_at DESC, c.id DESC LIMIT $5"#,
        executor as &ExecutorId,
        only as Option<CommitId>,
        time,
        id as Option<CommitId>,
        limit
    )
    .fetch_all(connection)
    .await?;
    let rows = rows.into_iter().map(|row| {
        let images = row.platforms.into_iter().zip(row.images).zip(row.sizes).zip(row.kept);
        Ok(CommitRow {
            package_sha256: commits::sha256(&row.package_sha256, row.id)?,
            package_md5: commits::md5(&row.package_md5, row.id)?,
            package_size: u64::try_from(row.package_size).unwrap_or(0),
            id: row.id,
            tags: row.tags,
            build_env_names: row.build_env_names,
            pushed_by: row.pushed_by,
            created_at: row.created_at,
            usable_at: row.usable_at,
            images: images
                .map(|(((platform, name), size), is_in_registry)| ImageRow {
                    platform,
                    name,
                    size: u64::try_from(size).unwrap_or(0),
                    is_in_registry,
                })
                .collect(),
        })
    });
    rows.collect()
}

/// What inspection found in a commit that may be pulled.
pub async fn package(
    connection: &mut Connection,
    executor: &ExecutorId,
    commit: CommitId,
) -> Result<Option<Package>, StoreError> {
    let package = sqlx::query_scalar!(
        r#"SELECT package AS "package: Json<Package>" FROM commits
           WHERE executor_id = $1 AND id = $2 AND usable_at IS NOT NULL AND deleted_at IS NULL"#,
        executor as &ExecutorId,
        commit as CommitId
    )
    .fetch_optional(connection)
    .await?;
    Ok(package.map(|package| package.0))
}

/// Tags by name, after this one.
pub async fn tags(
    connection: &mut Connection,
    executor: &ExecutorId,
    after: &str,
    limit: i64,
) -> Result<Vec<TagRow>, StoreError> {
    Ok(sqlx::query_as!(
        TagRow,
        r#"SELECT t.name, t.commit_id AS "commit: CommitId", t.is_protected, t.moved_at, u.login AS "moved_by?"
           FROM tags t LEFT JOIN users u ON u.id = t.moved_by
           WHERE t.executor_id = $1 AND t.name > $2 ORDER BY t.name LIMIT $3"#,
        executor as &ExecutorId,
        after,
        limit
    )
    .fetch_all(connection)
    .await?)
}

/// Tasks, newest first.
pub async fn tasks(
    connection: &mut Connection,
    executor: &ExecutorId,
    after: Option<Older<TaskId>>,
    limit: i64,
) -> Result<Vec<Task>, StoreError> {
    let (time, id) = after.map(|after| (after.created_at, after.id)).unzip();
    let rows = sqlx::query_as!(
        TaskRow,
        r#"SELECT id AS "id: TaskId", commit_id AS "commit: CommitId", executor_id AS "executor: ExecutorId",
                  state AS "state: TaskState", attempt, last_event, cancel_requested,
                  failure AS "failure: Json<Failure>", phase_marks AS "phase_marks: Json<Vec<PhaseMark>>",
                  retry_of AS "retry_of: TaskId", created_at, started_at, finished_at
           FROM tasks t
           WHERE executor_id = $1
             AND NOT EXISTS (SELECT 1 FROM commits c WHERE c.id = t.commit_id AND c.deleted_at IS NOT NULL)
             AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
           ORDER BY created_at DESC, id DESC LIMIT $4"#,
        executor as &ExecutorId,
        time,
        id as Option<TaskId>,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Task::from).collect())
}

/// Pulls of the last seven days, as of their last counting.
pub async fn pulled(connection: &mut Connection, executor: &ExecutorId) -> Result<i32, StoreError> {
    let pulled = sqlx::query_scalar!(
        "SELECT pulled FROM search_entries WHERE executor_id = $1",
        executor as &ExecutorId
    )
    .fetch_optional(connection)
    .await?;
    Ok(pulled.unwrap_or(0))
}
