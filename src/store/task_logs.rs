//! Where are the stories of tasks that are over? In one object each; this notes which, and which objects nobody needs.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};
use crate::domain::{TaskId, digest::Sha256};

/// The sealed story of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedLog {
    /// The object.
    pub sha256: Sha256,
    /// Its bytes.
    pub size: u64,
    /// Its frames, in order.
    pub frames: Vec<Frame>,
}

/// A part of the object that can be read by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Number of its first event.
    pub number: i64,
    /// Where it begins in the object.
    pub offset: u64,
}

/// A task that is over and whose events are rows still, of those that ended before `before`; the oldest first.
pub async fn next_unsealed(
    connection: &mut Connection,
    before: DateTime<Utc>,
    after: Option<(DateTime<Utc>, TaskId)>,
) -> Result<Option<(DateTime<Utc>, TaskId)>, StoreError> {
    let (after_time, after_id) = after.unzip();
    let row = sqlx::query!(
        r#"SELECT finished_at AS "finished_at!", id AS "id: TaskId" FROM tasks
           WHERE finished_at IS NOT NULL AND sealed_at IS NULL AND finished_at < $1
             AND ($2::timestamptz IS NULL OR (finished_at, id) > ($2, $3::uuid))
           ORDER BY finished_at, id LIMIT 1"#,
        before,
        after_time,
        after_id as Option<TaskId>
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.finished_at, row.id)))
}

/// Notes the object of a task's story and lets go of its rows: call it in one transaction. `false` when somebody else was
/// faster or the task is gone; then nothing of the transaction may stay.
pub async fn seal(
    connection: &mut Connection,
    task: TaskId,
    log: &SealedLog,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let sealed = sqlx::query!(
        "UPDATE tasks SET sealed_at = $2 WHERE id = $1 AND sealed_at IS NULL AND finished_at IS NOT NULL",
        task as TaskId,
        now
    )
    .execute(&mut *connection)
    .await?;
    if sealed.rows_affected() == 0 {
        return Ok(false);
    }
    let numbers: Vec<i64> = log.frames.iter().map(|frame| frame.number).collect();
    let offsets: Vec<i64> = log.frames.iter().map(|frame| bytes(frame.offset)).collect();
    sqlx::query!(
        "INSERT INTO task_logs (task_id, sha256, size, frame_numbers, frame_offsets) VALUES ($1, $2, $3, $4, $5)",
        task as TaskId,
        log.sha256.as_bytes(),
        bytes(log.size),
        &numbers,
        &offsets
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("DELETE FROM task_events WHERE task_id = $1", task as TaskId).execute(connection).await?;
    Ok(true)
}

/// The sealed story of a task; `None` while its events are rows.
pub async fn find(connection: &mut Connection, task: TaskId) -> Result<Option<SealedLog>, StoreError> {
    let row = sqlx::query!(
        "SELECT sha256, size, frame_numbers, frame_offsets FROM task_logs WHERE task_id = $1",
        task as TaskId
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let corrupt = |column| StoreError::Corrupt { table: "task_logs", column, id: task.to_string() };
        let number = |value: i64, column| u64::try_from(value).map_err(|_| corrupt(column));
        let frames = row
            .frame_numbers
            .into_iter()
            .zip(row.frame_offsets)
            .map(|(first, offset)| Ok(Frame { number: first, offset: number(offset, "frame_offsets")? }))
            .collect::<Result<_, StoreError>>()?;
        Ok(SealedLog {
            sha256: Sha256::from_slice(&row.sha256).ok_or_else(|| corrupt("sha256"))?,
            size: number(row.size, "size")?,
            frames,
        })
    })
    .transpose()
}

/// Objects of tasks that are gone and that no other task's story lies in, at most 100.
pub async fn leftovers(connection: &mut Connection) -> Result<Vec<Sha256>, StoreError> {
    let found = sqlx::query_scalar!(
        "SELECT sha256 FROM task_log_leftovers l
         WHERE NOT EXISTS (SELECT 1 FROM task_logs WHERE sha256 = l.sha256) LIMIT 100"
    )
    .fetch_all(connection)
    .await?;
    Ok(found.iter().filter_map(|digest| Sha256::from_slice(digest)).collect())
}

/// Until the transaction ends, nobody else seals a story or deletes the object of one.
pub async fn lock(connection: &mut Connection) -> Result<(), StoreError> {
    // Any number that nobody else uses.
    const LOCK: i64 = 0x6875_625f_6c6f_6773;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", LOCK).execute(connection).await?;
    Ok(())
}

/// Whether no task's story lies in this object.
pub async fn is_leftover(connection: &mut Connection, sha256: Sha256) -> Result<bool, StoreError> {
    let is_leftover = sqlx::query_scalar!(
        r#"SELECT NOT EXISTS (SELECT 1 FROM task_logs WHERE sha256 = $1) AS "is_leftover!""#,
        sha256.as_bytes()
    )
    .fetch_one(connection)
    .await?;
    Ok(is_leftover)
}

/// Forgets an object that was deleted.
pub async fn forget_leftover(connection: &mut Connection, sha256: Sha256) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM task_log_leftovers WHERE sha256 = $1", sha256.as_bytes())
        .execute(connection)
        .await?;
    Ok(())
}

fn bytes(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
