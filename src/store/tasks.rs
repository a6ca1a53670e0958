//! Build tasks: enqueue in turn, find, list, cancel. What the holder of a task does is in `task_leases`.

use chrono::{DateTime, Utc};
use sqlx::types::Json;

use super::{Connection, StoreError};
use crate::domain::{
    CommitId, ExecutorId, TaskId,
    phase::{self, PhaseMark},
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

/// Enqueues a task, due at once. Owners take turns: it comes one turn after the last unfinished task of its owner, but
/// never before the turn that the line has come to. Two that are enqueued at once may get the same turn; then the older one
/// is first.
pub async fn insert(connection: &mut Connection, new: NewTask, now: DateTime<Utc>) -> Result<(), StoreError> {
    insert_retry(connection, new, None, now).await
}

/// Enqueues a task that tries `retry_of` again, ignoring cached layers if that one did.
pub async fn insert_retry(
    connection: &mut Connection,
    new: NewTask,
    retry_of: Option<TaskId>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO tasks (id, commit_id, executor_id, state, no_cache, run_after, build_env, created_at, retry_of,
                            owner_key, turn)
         SELECT $1, $2, $3, 'pending', $4 OR COALESCE((SELECT no_cache FROM tasks WHERE id = $7), false), $5, $6, $5, $7,
                owner.key,
                GREATEST((SELECT min(turn) FROM tasks WHERE state = 'pending'),
                         (SELECT max(turn) + 1 FROM tasks
                          WHERE owner_key = owner.key AND state IN ('pending', 'running')), 0)
         FROM (SELECT COALESCE((SELECT owner_id FROM executors WHERE id = $3),
                               '00000000-0000-0000-0000-000000000000') AS key) AS owner",
        new.id as TaskId,
        new.commit as CommitId,
        new.executor as ExecutorId,
        new.no_cache,
        now,
        new.build_env,
        retry_of as Option<TaskId>
    )
    .execute(connection)
    .await?;
    Ok(())
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

/// Holds the tasks of an Executor that wait or run until the transaction ends, and names them. Whoever ends one of them
/// waits, or has ended it.
pub async fn lock_unfinished_of_executor(
    connection: &mut Connection,
    executor: &ExecutorId,
) -> Result<Vec<TaskId>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id: TaskId" FROM tasks WHERE executor_id = $1 AND state IN ('pending', 'running')
           ORDER BY id FOR UPDATE"#,
        executor as &ExecutorId
    )
    .fetch_all(connection)
    .await?)
}

/// The tasks of an Executor that wait or run.
pub async fn unfinished_of_executor(
    connection: &mut Connection,
    executor: &ExecutorId,
) -> Result<Vec<TaskId>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id: TaskId" FROM tasks WHERE executor_id = $1 AND state IN ('pending', 'running')"#,
        executor as &ExecutorId
    )
    .fetch_all(connection)
    .await?)
}

/// What a wish to cancel comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelWish {
    /// It waits, and is locked now: the caller ends it in the same transaction.
    Waits,
    /// A worker has it, which is told.
    Runs,
    /// It is over.
    Over,
}

/// Locks a task and asks whoever has it to stop. `None` when there is no such task.
pub async fn wish_to_cancel(
    connection: &mut Connection,
    id: TaskId,
) -> Result<Option<CancelWish>, StoreError> {
    let state = sqlx::query_scalar!(
        r#"SELECT state AS "state: TaskState" FROM tasks WHERE id = $1 FOR UPDATE"#,
        id as TaskId
    )
    .fetch_optional(&mut *connection)
    .await?;
    if state == Some(TaskState::Running) {
        sqlx::query!("UPDATE tasks SET cancel_requested = true WHERE id = $1", id as TaskId)
            .execute(connection)
            .await?;
    }
    Ok(state.map(|state| match state {
        TaskState::Pending => CancelWish::Waits,
        TaskState::Running => CancelWish::Runs,
        TaskState::Succeeded | TaskState::Failed | TaskState::Cancelled => CancelWish::Over,
    }))
}

pub(super) struct TaskRow {
    pub(super) id: TaskId,
    pub(super) commit: CommitId,
    pub(super) executor: ExecutorId,
    pub(super) state: TaskState,
    pub(super) attempt: i32,
    pub(super) last_event: i64,
    pub(super) cancel_requested: bool,
    pub(super) failure: Option<Json<Failure>>,
    pub(super) phase_marks: Json<Vec<PhaseMark>>,
    pub(super) retry_of: Option<TaskId>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) finished_at: Option<DateTime<Utc>>,
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
            cancel_requested: row.cancel_requested,
            failure: row.failure.map(|failure| failure.0),
            phases: phase::times(row.created_at, &row.phase_marks.0),
            retry_of: row.retry_of,
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
                  state AS "state: TaskState", attempt, last_event, cancel_requested,
                  failure AS "failure: Json<Failure>", phase_marks AS "phase_marks: Json<Vec<PhaseMark>>",
                  retry_of AS "retry_of: TaskId", created_at, started_at, finished_at
           FROM tasks WHERE id = $1"#,
        id as TaskId
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Task::from))
}

/// The newest task of a commit.
pub async fn find_of_commit(
    connection: &mut Connection,
    commit: CommitId,
) -> Result<Option<Task>, StoreError> {
    let row = sqlx::query_as!(
        TaskRow,
        r#"SELECT id AS "id: TaskId", commit_id AS "commit: CommitId", executor_id AS "executor: ExecutorId",
                  state AS "state: TaskState", attempt, last_event, cancel_requested,
                  failure AS "failure: Json<Failure>", phase_marks AS "phase_marks: Json<Vec<PhaseMark>>",
                  retry_of AS "retry_of: TaskId", created_at, started_at, finished_at
           FROM tasks WHERE commit_id = $1 ORDER BY created_at DESC LIMIT 1"#,
        commit as CommitId
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Task::from))
}

/// The unfinished task of a commit.
pub async fn find_unfinished_of_commit(
    connection: &mut Connection,
    commit: CommitId,
) -> Result<Option<TaskId>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id: TaskId" FROM tasks WHERE commit_id = $1 AND state IN ('pending', 'running') LIMIT 1"#,
        commit as CommitId
    )
    .fetch_optional(connection)
    .await?)
}

/// Tasks that are not over, those that are built first, then in the order in which they will be taken.
pub async fn list_unfinished(connection: &mut Connection, limit: i64) -> Result<Vec<Task>, StoreError> {
    let rows = sqlx::query_as!(
        TaskRow,
        r#"SELECT id AS "id: TaskId", commit_id AS "commit: CommitId", executor_id AS "executor: ExecutorId",
                  state AS "state: TaskState", attempt, last_event, cancel_requested,
                  failure AS "failure: Json<Failure>", phase_marks AS "phase_marks: Json<Vec<PhaseMark>>",
                  retry_of AS "retry_of: TaskId", created_at, started_at, finished_at
           FROM tasks WHERE state IN ('pending', 'running')
           ORDER BY (state = 'pending'), turn, created_at LIMIT $1"#,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Task::from).collect())
}
