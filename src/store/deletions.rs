//! Executors and commits that were deleted and can be brought back until they are purged. A deleted Executor is discarded
//! too, so that everything which leaves out the discarded leaves it out; its name stays its own.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError, executors};
use crate::domain::{
    CommitId, ExecutorId, ExecutorName, ExecutorRef, UserId, Visibility, executor::Executor,
};

/// What was deleted, when, and until when it can be brought back.
#[derive(Debug, Clone)]
pub struct Deleted {
    /// The Executor.
    pub executor: Executor,
    /// When it was deleted.
    pub deleted_at: DateTime<Utc>,
    /// When it is gone for good.
    pub purge_at: DateTime<Utc>,
}

struct Row {
    id: ExecutorId,
    owner_id: Option<UserId>,
    owner_login: Option<String>,
    name: Option<String>,
    visibility: Visibility,
    secret_hash: Option<String>,
    created_at: DateTime<Utc>,
    last_pushed_at: Option<DateTime<Utc>>,
    deleted_at: DateTime<Utc>,
    purge_at: DateTime<Utc>,
}

impl TryFrom<Row> for Deleted {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let executor = Executor {
            owner: executors::owner(&row.id, row.owner_id, row.owner_login)?,
            name: executors::name(&row.id, row.name)?,
            id: row.id,
            visibility: row.visibility,
            secret_hash: row.secret_hash,
            created_at: row.created_at,
            last_pushed_at: row.last_pushed_at,
        };
        Ok(Self { executor, deleted_at: row.deleted_at, purge_at: row.purge_at })
    }
}

/// Deletes an Executor until `purge_at`; `false` when it is gone already.
pub async fn delete(
    connection: &mut Connection,
    id: &ExecutorId,
    by: Option<UserId>,
    now: DateTime<Utc>,
    purge_at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE executors SET discarded_at = $3, deleted_at = $3, deleted_by = $2, purge_at = $4
         WHERE id = $1 AND discarded_at IS NULL",
        id as &ExecutorId,
        by as Option<UserId>,
        now,
        purge_at
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Brings a deleted Executor back; `false` when there is none or its time is over.
pub async fn undelete(
    connection: &mut Connection,
    id: &ExecutorId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE executors SET discarded_at = NULL, deleted_at = NULL, deleted_by = NULL, purge_at = NULL
         WHERE id = $1 AND deleted_at IS NOT NULL AND purge_at > $2",
        id as &ExecutorId,
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The deleted Executor that a reference means to this caller: a bare name is the caller's own, or else one without an
/// owner. Whether they may know of it is for `auth::policy` to decide.
pub async fn find(
    connection: &mut Connection,
    reference: &ExecutorRef,
    caller: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<Option<Deleted>, StoreError> {
    let (owner_key, name_key) = match reference {
        ExecutorRef::Owned { owner, name } => (Some(owner.key()), name.key()),
        ExecutorRef::Bare(name) => (None, name.key()),
    };
    let row = sqlx::query_as!(
        Row,
        r#"SELECT e.id AS "id: ExecutorId", e.owner_id AS "owner_id: UserId", u.login AS "owner_login?", e.name,
                  e.visibility AS "visibility: Visibility", e.secret_hash, e.created_at, e.last_pushed_at,
                  e.deleted_at AS "deleted_at!", e.purge_at AS "purge_at!"
           FROM executors e LEFT JOIN users u ON u.id = e.owner_id
           WHERE e.deleted_at IS NOT NULL AND e.purge_at > $5
             AND CASE WHEN $2::text IS NULL
                      THEN e.id = $1 OR (e.name_key = $3 AND (e.owner_id = $4 OR e.owner_id IS NULL))
                      ELSE u.login_key = $2 AND (e.name_key = $3 OR e.id = $1) END
           ORDER BY (e.id IS NOT DISTINCT FROM $1) DESC, (e.owner_id IS NOT DISTINCT FROM $4) DESC LIMIT 1"#,
        reference.id() as Option<ExecutorId>,
        owner_key,
        name_key,
        caller as Option<UserId>,
        now
    )
    .fetch_optional(connection)
    .await?;
    row.map(Deleted::try_from).transpose()
}

/// Deleted Executors of a person, and those of others that they have deleted, the last deleted first.
pub async fn list(
    connection: &mut Connection,
    owner: UserId,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Deleted>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT e.id AS "id: ExecutorId", e.owner_id AS "owner_id: UserId", u.login AS "owner_login?", e.name,
                  e.visibility AS "visibility: Visibility", e.secret_hash, e.created_at, e.last_pushed_at,
                  e.deleted_at AS "deleted_at!", e.purge_at AS "purge_at!"
           FROM executors e LEFT JOIN users u ON u.id = e.owner_id
           WHERE (e.owner_id = $1 OR e.deleted_by = $1) AND e.deleted_at IS NOT NULL AND e.purge_at > $2
           ORDER BY e.deleted_at DESC, e.id LIMIT $3"#,
        owner as UserId,
        now,
        limit
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Deleted::try_from).collect()
}

/// Until when a deleted Executor of this owner (or of nobody) keeps this name; `None` when none does.
pub async fn reserved_until(
    connection: &mut Connection,
    owner: Option<UserId>,
    name: &ExecutorName,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT purge_at AS "purge_at!" FROM executors
           WHERE name_key = $2 AND deleted_at IS NOT NULL
             AND (owner_id = $1 OR ($1::uuid IS NULL AND owner_id IS NULL))"#,
        owner as Option<UserId>,
        name.key()
    )
    .fetch_optional(connection)
    .await?)
}

/// Deletes a commit until `purge_at`; `false` when there is none that can be pulled. No tag may point at it any more.
pub async fn delete_commit(
    connection: &mut Connection,
    executor: &ExecutorId,
    id: CommitId,
    by: Option<UserId>,
    now: DateTime<Utc>,
    purge_at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE commits SET deleted_at = $4, deleted_by = $3, purge_at = $5
         WHERE id = $2 AND executor_id = $1 AND usable_at IS NOT NULL AND deleted_at IS NULL",
        executor as &ExecutorId,
        id as CommitId,
        by as Option<UserId>,
        now,
        purge_at
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Brings a commit back, with the tags that its deletion took and nobody made anew; `false` when there is none to bring
/// back.
pub async fn undelete_commit(
    connection: &mut Connection,
    executor: &ExecutorId,
    id: CommitId,
    by: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let deleted_at = sqlx::query_scalar!(
        r#"UPDATE commits c SET deleted_at = NULL, deleted_by = NULL, purge_at = NULL
           FROM commits before
           WHERE c.id = $2 AND c.executor_id = $1 AND c.purge_at > $3 AND before.id = c.id
           RETURNING before.deleted_at AS "deleted_at!""#,
        executor as &ExecutorId,
        id as CommitId,
        now
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(deleted_at) = deleted_at else { return Ok(false) };
    sqlx::query!(
        "INSERT INTO tags (executor_id, name, commit_id, moved_at, moved_by, decided_at)
         SELECT executor_id, name, from_commit, $4, $5, $4 FROM tag_history
         WHERE executor_id = $1 AND from_commit = $2 AND change = 'deleted' AND changed_at = $3
         ON CONFLICT (executor_id, name) DO NOTHING",
        executor as &ExecutorId,
        id as CommitId,
        deleted_at,
        now,
        by as Option<UserId>
    )
    .execute(connection)
    .await?;
    Ok(true)
}

/// Deletes for good the Executors whose time is over, with everything that is theirs, and retires their handles; at most
/// 100 at a time, and several replicas may do so at once. Returns how many.
pub async fn purge(connection: &mut Connection, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "WITH gone AS (
             DELETE FROM executors WHERE id IN (
                 SELECT id FROM executors WHERE purge_at <= $1 ORDER BY purge_at LIMIT 100 FOR UPDATE SKIP LOCKED)
             RETURNING id)
         INSERT INTO retired_executor_ids (id, retired_at) SELECT id, $1 FROM gone",
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Deletes for good the commits whose time is over; at most 100 at a time. Returns how many.
pub async fn purge_commits(connection: &mut Connection, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM commits WHERE id IN (
             SELECT id FROM commits WHERE purge_at <= $1 ORDER BY purge_at LIMIT 100 FOR UPDATE SKIP LOCKED)",
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
