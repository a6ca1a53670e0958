//! Workers and what they say of their engines: how a push learns whether anybody can build.

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
    /// What the engine said of itself; `None` when it does not answer.
    pub engine: Option<serde_json::Value>,
    /// Why the engine does not answer.
    pub engine_fault: Option<&'a str>,
}

/// Notes a worker's sign of life.
pub async fn put(connection: &mut Connection, sign: Sign<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO workers (id, name, slots, engine, engine_fault, started_at, seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)
         ON CONFLICT (id) DO UPDATE SET engine = excluded.engine, engine_fault = excluded.engine_fault,
                                        seen_at = excluded.seen_at",
        sign.id as WorkerId,
        sign.name,
        sign.slots,
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

/// Whether any worker seen since `since` has an engine that answers.
pub async fn any_engine_answers(
    connection: &mut Connection,
    since: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let any = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM workers WHERE seen_at >= $1 AND engine IS NOT NULL) AS "any!""#,
        since
    )
    .fetch_one(connection)
    .await?;
    Ok(any)
}
