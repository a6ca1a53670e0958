//! Build tasks: enqueue, claim with a lease, heartbeat, finish, requeue the abandoned. Every statement names the state
//! that it starts from, so that a worker which lost its lease can change nothing any more.

use chrono::{DateTime, Utc};
use sqlx::types::Json;

use super::{Connection, StoreError};
use crate::domain::{
    CommitId, ExecutorId, TaskId, WorkerId,
    task::{Failure, Task, TaskState},
};

/// A task to enqueue.
#[derive(Debug)]
pub struct NewTask {
    /// What the client will call `TASK_ID`.
    pub id: TaskId,
    /// The commit to build.
    pub commit: CommitId,
    /// Its Executor.
    pub executor: ExecutorId,
    /// Whether to ignore cached layers.
    pub no_cache: bool,
    /// Build variables, encrypted.
    pub build_env: Option<Vec<u8>>,
}

/// Enqueues a task, due at once.
pub async fn insert(connection: &mut Connection, new: NewTask, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO tasks (id, commit_id, executor_id, state, no_cache, run_after, build_env, created_at)
         VALUES ($1, $2, $3, 'pending', $4, $5, $6, $5)",
        new.id as TaskId,
        new.commit as CommitId,
        new.executor as ExecutorId,
        new.no_cache,
        now,
        new.build_env
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A task that a worker holds.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The task.
    pub id: TaskId,
    /// The commit to build.
    pub commit: CommitId,
    /// Its Executor.
    pub executor: ExecutorId,
    /// 1 at the first try.
    pub attempt: i32,
    /// How many attempts ended with a fault of the engine or of the Hub.
    pub faults: i32,
    /// Whether to ignore cached layers.
    pub no_cache: bool,
    /// Build variables, encrypted.
    pub build_env: Option<Vec<u8>>,
}

/// Takes the task that waited longest; `None` when none is due or the queue is paused. The attempt is counted here, so
/// that no crash can hide it. Two workers never get the same task.
pub async fn claim(
    connection: &mut Connection,
    worker: WorkerId,
    lease_until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<Claimed>, StoreError> {
    let row = sqlx::query!(
        r#"UPDATE tasks SET state = 'running', attempt = attempt + 1, lease_owner = $1, lease_until = $2,
                            started_at = COALESCE(started_at, $3)
           WHERE id = (SELECT id FROM tasks
                       WHERE state = 'pending' AND run_after <= $3
                         AND NOT EXISTS (SELECT 1 FROM queue_pause WHERE until_time IS NULL OR until_time > $3)
                       ORDER BY run_after, created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
           RETURNING id AS "id: TaskId", commit_id AS "commit: CommitId", executor_id AS "executor: ExecutorId",
                     attempt, faults, no_cache, build_env"#,
        worker as WorkerId,
        lease_until,
        now
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Claimed {
        id: row.id,
        commit: row.commit,
        executor: row.executor,
        attempt: row.attempt,
        faults: row.faults,
        no_cache: row.no_cache,
        build_env: row.build_env,
    }))
}

/// When the next waiting task is due; `None` when none waits.
pub async fn next_due(connection: &mut Connection) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(sqlx::query_scalar!("SELECT run_after FROM tasks WHERE state = 'pending' ORDER BY run_after LIMIT 1")
        .fetch_optional(connection)
        .await?)
}

/// What a heartbeat learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// The lease is longer now.
    Held,
    /// Somebody asked to cancel the task.
    CancelRequested,
    /// The lease is somebody else's: stop at once.
    Lost,
}

/// Makes the lease longer.
pub async fn heartbeat(
    connection: &mut Connection,
    id: TaskId,
    worker: WorkerId,
    lease_until: DateTime<Utc>,
) -> Result<Heartbeat, StoreError> {
    let cancel = sqlx::query_scalar!(
        "UPDATE tasks SET lease_until = $3 WHERE id = $1 AND lease_owner = $2 AND state = 'running'
         RETURNING cancel_requested",
        id as TaskId,
        worker as WorkerId,
        lease_until
    )
    .fetch_optional(connection)
    .await?;
    Ok(match cancel {
        None => Heartbeat::Lost,
        Some(true) => Heartbeat::CancelRequested,
        Some(false) => Heartbeat::Held,
    })
}

/// Ends a task that `worker` holds and wipes its build variables; `false` when the lease is lost, and then the caller's
/// transaction must be rolled back.
pub async fn finish(
    connection: &mut Connection,
    id: TaskId,
    worker: WorkerId,
    state: TaskState,
    failure: Option<&Failure>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE tasks SET state = $3, failure = $4, finished_at = $5, lease_owner = NULL, lease_until = NULL,
                          build_env = NULL
         WHERE id = $1 AND lease_owner = $2 AND state = 'running'",
        id as TaskId,
        worker as WorkerId,
        state.as_str(),
        failure.map(Json) as _,
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends a task that no worker holds: one that needs no build, or one that is cancelled while it waits; `false` when it
/// does not wait (any more).
pub async fn finish_pending(
    connection: &mut Connection,
    id: TaskId,
    state: TaskState,
    failure: Option<&Failure>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE tasks SET state = $2, failure = $3, finished_at = $4, build_env = NULL
         WHERE id = $1 AND state = 'pending'",
        id as TaskId,
        state.as_str(),
        failure.map(Json) as _,
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Asks to cancel the tasks of an Executor that wait or run; gives them, and whether they wait, in which case they stay
/// so until the transaction ends.
pub async fn request_cancel(
    connection: &mut Connection,
    executor: &ExecutorId,
) -> Result<Vec<(TaskId, bool)>, StoreError> {
    let rows = sqlx::query!(
        r#"UPDATE tasks SET cancel_requested = true
           WHERE executor_id = $1 AND state IN ('pending', 'running')
           RETURNING id AS "id: TaskId", state = 'pending' AS "is_waiting!""#,
        executor as &ExecutorId
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.is_waiting)).collect())
}

/// Why a worker gives a task back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenBack {
    /// The worker stops, or went silent: not the task's doing.
    Unfinished,
    /// The engine or the Hub failed; counted.
    Fault,
}

/// Gives a task that `worker` holds back to the queue, due at `run_after`; `false` when the lease is lost.
pub async fn give_back(
    connection: &mut Connection,
    id: TaskId,
    worker: WorkerId,
    why: GivenBack,
    run_after: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE tasks SET state = 'pending', lease_owner = NULL, lease_until = NULL, run_after = $3,
                          faults = faults + $4
         WHERE id = $1 AND lease_owner = $2 AND state = 'running'",
        id as TaskId,
        worker as WorkerId,
        run_after,
        i32::from(why == GivenBack::Fault)
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// A task whose worker went silent.
#[derive(Debug, Clone)]
pub struct Abandoned {
    /// The task.
    pub id: TaskId,
    /// Who held it.
    pub worker: WorkerId,
    /// How often workers went silent over it, this time included.
    pub lost_leases: i32,
}

/// Counts and locks one task whose lease ran out, until the transaction ends; the caller then gives it back or fails
/// it in the same transaction. `None` when there is none that nobody else is looking at.
pub async fn take_abandoned(
    connection: &mut Connection,
    now: DateTime<Utc>,
) -> Result<Option<Abandoned>, StoreError> {
    let row = sqlx::query!(
        r#"UPDATE tasks SET lost_leases = lost_leases + 1
           WHERE id = (SELECT id FROM tasks WHERE state = 'running' AND lease_until < $1
                       ORDER BY lease_until LIMIT 1 FOR UPDATE SKIP LOCKED)
           RETURNING id AS "id: TaskId", lease_owner AS "worker!: WorkerId", lost_leases"#,
        now
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Abandoned { id: row.id, worker: row.worker, lost_leases: row.lost_leases }))
}

struct TaskRow {
    id: TaskId,
    commit: CommitId,
    executor: ExecutorId,
    state: TaskState,
    attempt: i32,
    last_event: i64,
    failure: Option<Json<Failure>>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

impl From<TaskRow> for Task {
    fn from(row: TaskRow) -> Self {
        Self {
            id: row.id,
            commit: row.commit,
            executor: row.executor,
            state: row.state,
            attempt: row.attempt,
            last_event: row.last_event,
            failure: row.failure.map(|failure| failure.0),
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        }
    }
}

/// The task with this id.
pub async fn find(connection: &mut Connection, id: TaskId) -> Result<Option<Task>, StoreError> {
    let row = sqlx::query_as!(
        TaskRow,
        r#"SELECT id AS "id: TaskId", commit_id AS "commit: CommitId", executor_id AS "executor: ExecutorId",
                  state AS "state: TaskState", attempt, last_event, failure AS "failure: Json<Failure>", created_at,
                  started_at, finished_at
           FROM tasks WHERE id = $1"#,
        id as TaskId
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Task::from))
}

/// The newest tasks of an Executor, newest first.
pub async fn list_of_executor(
    connection: &mut Connection,
    executor: &ExecutorId,
    limit: i64,
) -> Result<Vec<Task>, StoreError> {
    let rows = sqlx::query_as!(
        TaskRow,
        r#"SELECT id AS "id: TaskId", commit_id AS "commit: CommitId", executor_id AS "executor: ExecutorId",
                  state AS "state: TaskState", attempt, last_event, failure AS "failure: Json<Failure>", created_at,
                  started_at, finished_at
           FROM tasks t WHERE executor_id = $1
             AND NOT EXISTS (SELECT 1 FROM commits c WHERE c.id = t.commit_id AND c.deleted_at IS NOT NULL)
           ORDER BY created_at DESC, id DESC LIMIT $2"#,
        executor as &ExecutorId,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Task::from).collect())
}

/// Ends the leases of workers that ran at `place` before `worker` did: the place's lock is held now, so they are dead.
/// Their tasks are then found abandoned at once, not only when the lease runs out.
pub async fn expire_leases_of_predecessors(
    connection: &mut Connection,
    place: &str,
    worker: WorkerId,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "UPDATE tasks SET lease_until = $3::timestamptz - interval '1 microsecond'
         WHERE state = 'running' AND lease_owner IN (SELECT id FROM workers WHERE name = $1 AND id <> $2)",
        place,
        worker as WorkerId,
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// The newest task of a commit.
pub async fn find_of_commit(
    connection: &mut Connection,
    commit: CommitId,
) -> Result<Option<Task>, StoreError> {
    let row = sqlx::query_as!(
        TaskRow,
        r#"SELECT id AS "id: TaskId", commit_id AS "commit: CommitId", executor_id AS "executor: ExecutorId",
                  state AS "state: TaskState", attempt, last_event, failure AS "failure: Json<Failure>", created_at,
                  started_at, finished_at
           FROM tasks WHERE commit_id = $1 ORDER BY created_at DESC LIMIT 1"#,
        commit as CommitId
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Task::from))
}
