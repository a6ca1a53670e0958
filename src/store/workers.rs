//! Workers and what they say of their engines: how a push learns whether anybody can build, and which worker takes nothing
//! because its engine keeps failing.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};
use crate::domain::WorkerId;

/// What a worker says of itself.
#[derive(Debug)]
pub struct Sign<'a> {
    /// The worker.
    pub id: WorkerId,
    /// Its machine, for people.
    pub name: &'a str,
    /// How many builds it runs at once.
    pub slots: i32,
    /// Whether it takes no more tasks.
    pub is_draining: bool,
    /// What the engine said of itself; `None` when it does not answer.
    pub engine: Option<serde_json::Value>,
    /// Why the engine does not answer.
    pub engine_fault: Option<&'a str>,
}

/// Notes a worker's sign of life.
pub async fn put(connection: &mut Connection, sign: Sign<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO workers (id, name, slots, is_draining, engine, engine_fault, started_at, seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
         ON CONFLICT (id) DO UPDATE SET engine = excluded.engine, engine_fault = excluded.engine_fault,
                                        is_draining = excluded.is_draining, seen_at = excluded.seen_at",
        sign.id as WorkerId,
        sign.name,
        sign.slots,
        sign.is_draining,
        sign.engine,
        sign.engine_fault,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes a worker off the list, and with it those that were silent since `before`.
pub async fn remove(
    connection: &mut Connection,
    id: WorkerId,
    before: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM workers WHERE id = $1 OR seen_at < $2", id as WorkerId, before)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether any worker seen since `since` has an engine that answers and takes tasks.
pub async fn any_engine_answers(
    connection: &mut Connection,
    since: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let any = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM workers
                          WHERE seen_at >= $1 AND engine IS NOT NULL AND NOT is_draining) AS "any!""#,
        since
    )
    .fetch_one(connection)
    .await?;
    Ok(any)
}

/// Counts a build that the worker's engine broke off; how many that makes in a row. 0 for a worker that is not on the list.
pub async fn count_fault(connection: &mut Connection, id: WorkerId) -> Result<i32, StoreError> {
    let count = sqlx::query_scalar!(
        "UPDATE workers SET faults_in_a_row = faults_in_a_row + 1 WHERE id = $1 RETURNING faults_in_a_row",
        id as WorkerId
    )
    .fetch_optional(connection)
    .await?;
    Ok(count.unwrap_or(0))
}

/// Lets a worker take nothing until then.
pub async fn pause(
    connection: &mut Connection,
    id: WorkerId,
    reason: &str,
    until: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE workers SET paused_until = $2, pause_reason = $3 WHERE id = $1",
        id as WorkerId,
        until,
        reason
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets a worker whose engine works go on; `true` when it had failed before.
pub async fn resume(connection: &mut Connection, id: WorkerId) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE workers SET faults_in_a_row = 0, paused_until = NULL, pause_reason = NULL
         WHERE id = $1 AND (faults_in_a_row > 0 OR paused_until IS NOT NULL)",
        id as WorkerId
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether a worker other than `id`, seen since `since`, takes tasks at `now`.
pub async fn another_takes_tasks(
    connection: &mut Connection,
    id: WorkerId,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let any = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM workers
                          WHERE id <> $1 AND seen_at >= $2 AND engine IS NOT NULL AND NOT is_draining
                            AND (paused_until IS NULL OR paused_until <= $3)) AS "any!""#,
        id as WorkerId,
        since,
        now
    )
    .fetch_one(connection)
    .await?;
    Ok(any)
}

/// A worker, for operators.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The worker.
    pub id: WorkerId,
    /// Its machine and folder.
    pub name: String,
    /// How many builds it runs at once.
    pub slots: i32,
    /// Tasks that it holds.
    pub running: i64,
    /// Whether it takes no more tasks.
    pub is_draining: bool,
    /// What the engine said of itself.
    pub engine: Option<serde_json::Value>,
    /// Why the engine does not answer.
    pub engine_fault: Option<String>,
    /// It takes nothing until then …
    pub paused_until: Option<DateTime<Utc>>,
    /// … because of this.
    pub pause_reason: Option<String>,
    /// When it gave its last sign of life.
    pub seen_at: DateTime<Utc>,
}

/// Workers that were seen since `since`, by name.
pub async fn list(connection: &mut Connection, since: DateTime<Utc>) -> Result<Vec<Listed>, StoreError> {
    Ok(sqlx::query_as!(
        Listed,
        r#"SELECT id AS "id: WorkerId", name, slots, is_draining, engine, engine_fault, paused_until, pause_reason, seen_at,
                  (SELECT count(*) FROM tasks WHERE state = 'running' AND lease_owner = workers.id) AS "running!"
           FROM workers WHERE seen_at >= $1 ORDER BY name, id LIMIT 1000"#,
        since
    )
    .fetch_all(connection)
    .await?)
}

/// Lets every worker go on.
pub async fn resume_all(connection: &mut Connection) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE workers SET faults_in_a_row = 0, paused_until = NULL, pause_reason = NULL
         WHERE faults_in_a_row > 0 OR paused_until IS NOT NULL"
    )
    .execute(connection)
    .await?;
    Ok(())
}
