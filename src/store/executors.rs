//! Executors: find by any reference, create, update, discard.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};
use crate::domain::{
    ExecutorId, ExecutorName, ExecutorRef, UserId, Visibility,
    executor::{Executor, Owner},
};

/// An Executor's columns with its owner's login.
struct ExecutorRow {
    id: ExecutorId,
    owner_id: Option<UserId>,
    owner_login: Option<String>,
    name: Option<String>,
    visibility: Visibility,
    secret_hash: Option<String>,
    created_at: DateTime<Utc>,
    last_pushed_at: Option<DateTime<Utc>>,
}

impl TryFrom<ExecutorRow> for Executor {
    type Error = StoreError;

    fn try_from(row: ExecutorRow) -> Result<Self, StoreError> {
        Ok(Self {
            owner: owner(&row.id, row.owner_id, row.owner_login)?,
            name: name(&row.id, row.name)?,
            id: row.id,
            visibility: row.visibility,
            secret_hash: row.secret_hash,
            created_at: row.created_at,
            last_pushed_at: row.last_pushed_at,
        })
    }
}

/// The owner of columns.
pub(super) fn owner(
    executor: &ExecutorId,
    id: Option<UserId>,
    login: Option<String>,
) -> Result<Option<Owner>, StoreError> {
    let (Some(id), Some(login)) = (id, login) else { return Ok(None) };
    let login = login.parse().map_err(|_| StoreError::Corrupt {
        table: "users",
        column: "login",
        id: executor.to_string(),
    })?;
    Ok(Some(Owner { id, login }))
}

/// The name of a column.
pub(super) fn name(executor: &ExecutorId, name: Option<String>) -> Result<Option<ExecutorName>, StoreError> {
    name.map(|name| name.parse()).transpose().map_err(|_| StoreError::Corrupt {
        table: "executors",
        column: "name",
        id: executor.to_string(),
    })
}

/// The Executor that `reference` means for this caller, usable or not, visible to them or not: what may be told of it
/// is for `auth::policy` to decide. A bare text finds the id, then the caller's own, then the holder of the bare name.
pub async fn find(
    connection: &mut Connection,
    reference: &ExecutorRef,
    caller: Option<UserId>,
) -> Result<Option<Executor>, StoreError> {
    let id = reference.id();
    let (owner_key, name_key) = match reference {
        ExecutorRef::Owned { owner, name } => (Some(owner.key()), name.key()),
        ExecutorRef::Bare(name) => (None, name.key()),
    };
    let row = match owner_key {
        Some(owner_key) => {
            sqlx::query_as!(
                ExecutorRow,
                r#"SELECT e.id AS "id: ExecutorId", e.owner_id AS "owner_id: UserId", u.login AS "owner_login?",
                          e.name, e.visibility AS "visibility: Visibility", e.secret_hash, e.created_at,
                          e.last_pushed_at
                   FROM users u JOIN executors e ON e.owner_id = u.id
                   WHERE u.login_key = $1 AND (e.name_key = $2 OR e.id = $3) AND e.discarded_at IS NULL
                   ORDER BY (e.name_key IS NOT DISTINCT FROM $2) DESC LIMIT 1"#,
                owner_key,
                name_key,
                id as Option<ExecutorId>
            )
            .fetch_optional(connection)
            .await?
        }
        None => {
            sqlx::query_as!(
                ExecutorRow,
                r#"SELECT e.id AS "id: ExecutorId", e.owner_id AS "owner_id: UserId", u.login AS "owner_login?",
                          e.name, e.visibility AS "visibility: Visibility", e.secret_hash, e.created_at,
                          e.last_pushed_at
                   FROM executors e LEFT JOIN users u ON u.id = e.owner_id
                   WHERE e.discarded_at IS NULL AND (e.id = $1
                      OR (e.owner_id = $2 AND e.name_key = $3) OR (e.holds_bare_name AND e.name_key = $3))
                   ORDER BY (e.id IS NOT DISTINCT FROM $1) DESC, (e.owner_id IS NOT DISTINCT FROM $2) DESC LIMIT 1"#,
                id as Option<ExecutorId>,
                caller as Option<UserId>,
                name_key
            )
            .fetch_optional(connection)
            .await?
        }
    };
    row.map(Executor::try_from).transpose()
}

/// The Executor with this handle.
pub async fn find_by_id(
    connection: &mut Connection,
    id: &ExecutorId,
) -> Result<Option<Executor>, StoreError> {
    let row = sqlx::query_as!(
        ExecutorRow,
        r#"SELECT e.id AS "id: ExecutorId", e.owner_id AS "owner_id: UserId", u.login AS "owner_login?", e.name,
                  e.visibility AS "visibility: Visibility", e.secret_hash, e.created_at, e.last_pushed_at
           FROM executors e LEFT JOIN users u ON u.id = e.owner_id
           WHERE e.id = $1 AND e.discarded_at IS NULL"#,
        id as &ExecutorId
    )
    .fetch_optional(connection)
    .await?;
    row.map(Executor::try_from).transpose()
}

/// The Executor of this owner (or of nobody) with this name.
pub async fn find_in_namespace(
    connection: &mut Connection,
    owner: Option<UserId>,
    name: &ExecutorName,
) -> Result<Option<Executor>, StoreError> {
    let row = sqlx::query_as!(
        ExecutorRow,
        r#"SELECT e.id AS "id: ExecutorId", e.owner_id AS "owner_id: UserId", u.login AS "owner_login?", e.name,
                  e.visibility AS "visibility: Visibility", e.secret_hash, e.created_at, e.last_pushed_at
           FROM executors e LEFT JOIN users u ON u.id = e.owner_id
           WHERE e.name_key = $2 AND e.discarded_at IS NULL
             AND (e.owner_id = $1 OR ($1::uuid IS NULL AND e.owner_id IS NULL))"#,
        owner as Option<UserId>,
        name.key()
    )
    .fetch_optional(connection)
    .await?;
    row.map(Executor::try_from).transpose()
}

/// An Executor to create.
#[derive(Debug)]
pub struct NewExecutor<'a> {
    /// Its handle.
    pub id: &'a ExecutorId,
    /// Its owner.
    pub owner: Option<UserId>,
    /// Its name.
    pub name: Option<&'a ExecutorName>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Hash of its secret; one without an owner must have it.
    pub secret_hash: Option<&'a str>,
}

/// Creates an Executor; the first with a free name comes to hold the bare name. Two that race for a name are served
/// one after the other. `StoreError::Conflict` when owner and name, or the handle, are taken.
pub async fn insert(
    connection: &mut Connection,
    new: NewExecutor<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    // Held to the end of the transaction: between looking whether the bare name is free and taking it, nobody else may.
    if let Some(name) = new.name {
        sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", name.key())
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query!(
        "INSERT INTO executors (id, owner_id, name, holds_bare_name, visibility, secret_hash, created_at)
         VALUES ($1, $2, $3,
                 $3::text IS NOT NULL AND NOT EXISTS (
                     SELECT 1 FROM executors WHERE name_key = lower($3) AND holds_bare_name),
                 $4, $5, $6)",
        new.id as &ExecutorId,
        new.owner as Option<UserId>,
        new.name.map(ExecutorName::as_str),
        new.visibility as Visibility,
        new.secret_hash,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether a handle was ever given out.
pub async fn id_is_used(connection: &mut Connection, id: &ExecutorId) -> Result<bool, StoreError> {
    let used = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM executors WHERE id = $1)
               OR EXISTS (SELECT 1 FROM retired_executor_ids WHERE id = $1) AS "used!""#,
        id as &ExecutorId
    )
    .fetch_one(connection)
    .await?;
    Ok(used)
}

/// Takes the row's lock until the transaction ends, so that what was read of the Executor stays true; `false` when it
/// is gone.
pub async fn lock(connection: &mut Connection, id: &ExecutorId) -> Result<bool, StoreError> {
    let row = sqlx::query!(
        "SELECT id FROM executors WHERE id = $1 AND discarded_at IS NULL FOR UPDATE",
        id as &ExecutorId
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// Notes a push that can be pulled, and what it said of visibility, unless somebody said something else after
/// `decided_at`: a build that ends late must not show again what was hidden meanwhile.
pub async fn mark_pushed(
    connection: &mut Connection,
    id: &ExecutorId,
    visibility: Option<Visibility>,
    decided_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE executors SET last_pushed_at = GREATEST(last_pushed_at, $2),
             visibility = CASE WHEN visibility_decided_at > $4 THEN visibility ELSE COALESCE($3, visibility) END,
             visibility_decided_at = CASE WHEN $3::text IS NULL THEN visibility_decided_at
                                          ELSE GREATEST(visibility_decided_at, $4) END
         WHERE id = $1",
        id as &ExecutorId,
        now,
        visibility.map(Visibility::as_str),
        decided_at
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Says who may see an Executor, whatever is still being built.
pub async fn set_visibility(
    connection: &mut Connection,
    id: &ExecutorId,
    visibility: Visibility,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE executors SET visibility = $2, visibility_decided_at = $3 WHERE id = $1",
        id as &ExecutorId,
        visibility as Visibility,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives back the name of an Executor without an owner whose every push failed: nobody was ever told its secret, so
/// nobody could use the name again. Does nothing while a commit is usable or another push is under way.
pub async fn discard_if_stillborn(
    connection: &mut Connection,
    id: &ExecutorId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE executors e SET discarded_at = $2, holds_bare_name = false
         WHERE e.id = $1 AND e.owner_id IS NULL AND e.last_pushed_at IS NULL AND e.discarded_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.executor_id = e.id AND t.state IN ('pending', 'running'))",
        id as &ExecutorId,
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Deletes Executors that were discarded before `before`, keeping their handles out of use; their commits, tasks and
/// events go with them. At most 100 at a time; returns how many.
pub async fn collect_discarded(
    connection: &mut Connection,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "WITH gone AS (
             DELETE FROM executors WHERE id IN (
                 SELECT id FROM executors WHERE discarded_at < $1 AND deleted_at IS NULL
                 ORDER BY discarded_at LIMIT 100)
             RETURNING id)
         INSERT INTO retired_executor_ids (id, retired_at) SELECT id, $2 FROM gone",
        before,
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Gives an Executor another secret; `false` when its secret is not the one with the hash `old` any more.
pub async fn set_secret(
    connection: &mut Connection,
    id: &ExecutorId,
    old: Option<&str>,
    new: &str,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE executors SET secret_hash = $3 WHERE id = $1 AND secret_hash IS NOT DISTINCT FROM $2",
        id as &ExecutorId,
        old,
        new
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}
