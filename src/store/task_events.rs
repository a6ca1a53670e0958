//! The story of a task: numbered events, appended in batches, read from any number on.

use chrono::{DateTime, Utc};
use sqlx::types::Json;

use super::{Connection, StoreError, task_leases::Lease};
use crate::domain::{
    TaskId, WorkerId,
    phase::PhaseMark,
    task::{NumberedEvent, TaskEvent},
};

/// Who may append to a task's story.
#[derive(Debug, Clone, Copy)]
pub enum Author {
    /// The worker that holds the task; nothing is appended when it does not any more.
    Holder(Lease),
    /// Whoever changes the task in the same transaction.
    Transaction,
}

/// Appends events and gives them the next numbers, without gaps; the number of the last one, or `None` when the author does
/// not hold the task (any more). Writers of one task wait for each other, since each takes the numbers by changing the
/// task's row. The story of a task that is over takes nothing more.
pub async fn append(
    connection: &mut Connection,
    task: TaskId,
    author: Author,
    events: &[TaskEvent],
    now: DateTime<Utc>,
) -> Result<Option<i64>, StoreError> {
    let lease = match author {
        Author::Holder(lease) => Some(lease),
        Author::Transaction => None,
    };
    let marks: Vec<PhaseMark> = events.iter().filter_map(|event| PhaseMark::of(event, now)).collect();
    let events: Vec<Json<&TaskEvent>> = events.iter().map(Json).collect();
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let last = sqlx::query_scalar!(
        "WITH numbered AS (
             UPDATE tasks SET last_event = last_event + $3, phase_marks = phase_marks || $6::jsonb
             WHERE id = $1 AND finished_at IS NULL
               AND ($2::uuid IS NULL OR (lease_owner = $2 AND attempt = $7 AND state = 'running'))
             RETURNING last_event, last_event - $3 AS base),
         inserted AS (
             INSERT INTO task_events (task_id, number, at, event)
             SELECT $1, numbered.base + item.place, $4, item.event
             FROM numbered, unnest($5::jsonb[]) WITH ORDINALITY AS item (event, place))
         SELECT last_event FROM numbered",
        task as TaskId,
        lease.map(|lease| lease.worker) as Option<WorkerId>,
        count,
        now,
        events as _,
        Json(marks) as _,
        lease.map_or(0, |lease| lease.attempt)
    )
    .fetch_optional(connection)
    .await?;
    Ok(last)
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
