//! Commits: add, find, make usable. The database refuses every other change.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;

use super::{Connection, StoreError};
use crate::domain::{
    CommitId, ExecutorId, Tag, TaskId, UserId, Visibility,
    commit::{Commit, NewCommit},
    digest::{Md5, Sha256},
    package::Package,
};

/// Adds a commit that nobody can pull yet.
pub async fn insert(
    connection: &mut Connection,
    executor: &ExecutorId,
    new: &NewCommit,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut package = serde_json::to_value(&new.package)
        .map_err(|error| StoreError::Database(sqlx::Error::Encode(error.into())))?;
    replace_nul(&mut package);
    let texts = |tags: &[Tag]| tags.iter().map(|tag| tag.as_str().to_owned()).collect::<Vec<_>>();
    sqlx::query!(
        "INSERT INTO commits (id, executor_id, package_sha256, package_md5, package_size, content_sha256, package,
                              requested_tags, requested_protected_tags, requested_visibility, build_env_names,
                              platforms, client, pushed_by, created_at, build_key)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        new.id as CommitId,
        executor as &ExecutorId,
        new.package_sha256.as_bytes(),
        new.package_md5.as_bytes(),
        bytes(new.package_size),
        new.content_sha256.as_bytes(),
        Json(package) as _,
        &texts(&new.tags),
        &texts(&new.protected_tags),
        new.visibility.map(Visibility::as_str),
        &new.build_env_names,
        &new.platforms,
        Json(&new.client) as _,
        new.pushed_by as Option<UserId>,
        now,
        new.build_key.as_slice()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What making a commit usable needs to know of it.
#[derive(Debug, Clone)]
pub struct Requested {
    /// Whose commit it is.
    pub executor: ExecutorId,
    /// Tags to move.
    pub tags: Vec<Tag>,
    /// Tags to set for good.
    pub protected_tags: Vec<Tag>,
    /// What the push said of visibility.
    pub visibility: Option<Visibility>,
    /// Who pushed it.
    pub pushed_by: Option<UserId>,
    /// Whether it is usable already.
    pub is_usable: bool,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
}

/// What the push of this commit asked for.
pub async fn requested(connection: &mut Connection, id: CommitId) -> Result<Option<Requested>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT executor_id AS "executor: ExecutorId", requested_tags, requested_protected_tags,
                  requested_visibility AS "visibility: Visibility", pushed_by AS "pushed_by: UserId",
                  usable_at IS NOT NULL AS "is_usable!", created_at
           FROM commits WHERE id = $1 AND deleted_at IS NULL"#,
        id as CommitId
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Requested {
            executor: row.executor,
            tags: tags(row.requested_tags, id)?,
            protected_tags: tags(row.requested_protected_tags, id)?,
            visibility: row.visibility,
            pushed_by: row.pushed_by,
            is_usable: row.is_usable,
            accepted_at: row.created_at,
        })
    })
    .transpose()
}

/// Lets the commit be pulled; `false` when it is usable already or gone.
pub async fn mark_usable(
    connection: &mut Connection,
    id: CommitId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE commits SET usable_at = $2 WHERE id = $1 AND usable_at IS NULL",
        id as CommitId,
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// A commit's stored package and how to build it.
#[derive(Debug, Clone)]
pub struct ToBuild {
    /// The commit itself.
    pub commit: Commit,
    /// What inspection found.
    pub package: Package,
    /// Platforms to build for; empty means the engine's own.
    pub platforms: Vec<String>,
    /// Its owner or, without one, nobody: builds of different owners share no secrets.
    pub owner: Option<UserId>,
}

/// The commit with what a build of it needs.
pub async fn to_build(connection: &mut Connection, id: CommitId) -> Result<Option<ToBuild>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT c.executor_id AS "executor: ExecutorId", c.package_sha256, c.package_md5, c.package_size,
                  c.build_env_names, c.created_at, c.package AS "package: Json<Package>", c.platforms,
                  e.owner_id AS "owner: UserId"
           FROM commits c JOIN executors e ON e.id = c.executor_id WHERE c.id = $1"#,
        id as CommitId
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(ToBuild {
            commit: Commit {
                id,
                executor: row.executor,
                package_sha256: sha256(&row.package_sha256, id)?,
                package_md5: md5(&row.package_md5, id)?,
                package_size: u64::try_from(row.package_size).unwrap_or(0),
                build_env_names: row.build_env_names,
                created_at: row.created_at,
            },
            package: row.package.0,
            platforms: row.platforms,
            owner: row.owner,
        })
    })
    .transpose()
}

/// A commit that was built of the same things as a push.
#[derive(Debug, Clone)]
pub struct Twin {
    /// The commit.
    pub commit: CommitId,
    /// Whether it can be pulled.
    pub is_usable: bool,
    /// Whether an image of it was built.
    pub has_image: bool,
    /// Its newest task.
    pub task: Option<TaskId>,
    /// Whether that waits or runs.
    pub task_is_open: bool,
    /// Tags that its push asked for.
    pub tags: Vec<Tag>,
    /// Tags that its push asked to set for good.
    pub protected_tags: Vec<Tag>,
    /// What its push said of visibility.
    pub visibility: Option<Visibility>,
}

/// Commits of an Executor that were built of the same things and are not deleted, the newest first; at most ten.
pub async fn twins(
    connection: &mut Connection,
    executor: &ExecutorId,
    build_key: &[u8; 32],
) -> Result<Vec<Twin>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT c.id AS "id: CommitId", c.usable_at IS NOT NULL AS "is_usable!", c.requested_tags,
                  c.requested_protected_tags, c.requested_visibility AS "visibility: Visibility",
                  EXISTS (SELECT 1 FROM images i WHERE i.commit_id = c.id) AS "has_image!",
                  t.id AS "task?: TaskId", t.state IN ('pending', 'running') AS "task_is_open?"
           FROM commits c
           LEFT JOIN LATERAL (SELECT id, state FROM tasks WHERE commit_id = c.id
                              ORDER BY created_at DESC, id DESC LIMIT 1) t ON true
           WHERE c.executor_id = $1 AND c.build_key = $2 AND c.deleted_at IS NULL
           ORDER BY c.created_at DESC LIMIT 10"#,
        executor as &ExecutorId,
        build_key.as_slice()
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Twin {
                commit: row.id,
                is_usable: row.is_usable,
                has_image: row.has_image,
                task: row.task,
                task_is_open: row.task_is_open.unwrap_or(false),
                tags: tags(row.requested_tags, row.id)?,
                protected_tags: tags(row.requested_protected_tags, row.id)?,
                visibility: row.visibility,
            })
        })
        .collect()
}

/// Whether this is a commit of this Executor that can be pulled.
pub async fn is_usable(
    connection: &mut Connection,
    executor: &ExecutorId,
    id: CommitId,
) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM commits WHERE id = $2 AND executor_id = $1 AND usable_at IS NOT NULL
                          AND deleted_at IS NULL) AS "is!""#,
        executor as &ExecutorId,
        id as CommitId
    )
    .fetch_one(connection)
    .await?)
}

/// When the commit was accepted; `None` when it is gone.
pub async fn accepted_at(
    connection: &mut Connection,
    id: CommitId,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(sqlx::query_scalar!("SELECT created_at FROM commits WHERE id = $1", id as CommitId)
        .fetch_optional(connection)
        .await?)
}

/// The commit that a protected tag points at, if its files are exactly these.
pub async fn is_content_of(
    connection: &mut Connection,
    id: CommitId,
    content: Sha256,
) -> Result<bool, StoreError> {
    let same = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM commits WHERE id = $1 AND content_sha256 = $2) AS "same!""#,
        id as CommitId,
        content.as_bytes()
    )
    .fetch_one(connection)
    .await?;
    Ok(same)
}

/// A docstring may well hold a NUL character, but JSON in Postgres cannot: the replacement character is shown for it.
fn replace_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(items) => items.iter_mut().for_each(replace_nul),
        Value::Object(fields) => fields.values_mut().for_each(replace_nul),
        _ => {}
    }
}

pub(super) fn bytes(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

pub(super) fn sha256(bytes: &[u8], commit: CommitId) -> Result<Sha256, StoreError> {
    Sha256::from_slice(bytes).ok_or_else(|| corrupt("package_sha256", commit))
}

pub(super) fn md5(bytes: &[u8], commit: CommitId) -> Result<Md5, StoreError> {
    Md5::from_slice(bytes).ok_or_else(|| corrupt("package_md5", commit))
}

fn tags(texts: Vec<String>, commit: CommitId) -> Result<Vec<Tag>, StoreError> {
    texts.into_iter().map(|text| text.parse().map_err(|_| corrupt("requested_tags", commit))).collect()
}

fn corrupt(column: &'static str, commit: CommitId) -> StoreError {
    StoreError::Corrupt { table: "commits", column, id: commit.to_string() }
}
