//! The story of a task: numbered events, appended in batches, read from any number on.

use chrono::{DateTime, Utc};
use sqlx::types::Json;

use super::{Connection, StoreError};
use crate::domain::{
    TaskId, WorkerId,
    task::{NumberedEvent, TaskEvent},
};

/// Who may append to a task's story.
#[derive(Debug, Clone, Copy)]
pub enum Author {
    /// The worker that holds the task; nothing is appended when it does not any more.
    Holder(WorkerId),
    /// Whoever changes the task in the same transaction.
    Transaction,
}

/// Appends events and gives them the next numbers, without gaps; `false` when the author does not hold the task (any
/// more). Writers of one task wait for each other, since each takes the numbers by changing the task's row.
pub async fn append(
    connection: &mut Connection,
    task: TaskId,
    author: Author,
    events: &[TaskEvent],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    if events.is_empty() {
        return Ok(true);
    }
    let holder = match author {
        Author::Holder(worker) => Some(worker),
        Author::Transaction => None,
    };
    let events: Vec<Json<&TaskEvent>> = events.iter().map(Json).collect();
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let done = sqlx::query!(
        "WITH numbered AS (
             UPDATE tasks SET last_event = last_event + $3
             WHERE id = $1 AND ($2::uuid IS NULL OR (lease_owner = $2 AND state = 'running'))
             RETURNING last_event - $3 AS base)
         INSERT INTO task_events (task_id, number, at, event)
         SELECT $1, numbered.base + item.place, $4, item.event
         FROM numbered, unnest($5::jsonb[]) WITH ORDINALITY AS item (event, place)",
        task as TaskId,
        holder as Option<WorkerId>,
        count,
        now,
        events as _
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The events after number `after`, in order, at most `limit`.
pub async fn read_after(
    connection: &mut Connection,
    task: TaskId,
    after: i64,
    limit: i64,
) -> Result<Vec<NumberedEvent>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT number, at, event AS "event: Json<TaskEvent>" FROM task_events
           WHERE task_id = $1 AND number > $2 ORDER BY number LIMIT $3"#,
        task as TaskId,
        after,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| NumberedEvent { number: row.number, at: row.at, event: row.event.0 })
        .collect())
}
