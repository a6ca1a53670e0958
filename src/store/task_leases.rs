//! What may the holder of a task do to it? Claim, heartbeat, finish, give back, take from the silent. Every statement names
//! the holder and the state that it starts from, so that a worker which lost its lease can change nothing any more.

use chrono::{DateTime, Utc};
use sqlx::types::Json;

use super::{Connection, StoreError};
use crate::domain::{
    CommitId, ExecutorId, TaskId, WorkerId,
    task::{Failure, TaskState},
};

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

/// Takes the task whose turn it is; `None` when none is due, or the queue or this worker is paused. The attempt is counted
/// here, so that no crash can hide it. Two workers never get the same task.
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
                         AND NOT EXISTS (SELECT 1 FROM workers WHERE id = $1 AND paused_until > $3)
                       ORDER BY turn, created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
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

/// Names one hold on a task. The attempt is part of it: a worker that lost a task and took it again must not take what is
/// left of its first try for the second one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Who holds the task.
    pub worker: WorkerId,
    /// By which of its claims.
    pub attempt: i32,
}

/// What the holder of a task learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// The lease is still there.
    Held,
    /// Somebody asked to cancel the task.
    CancelRequested,
    /// The lease is somebody else's: stop at once.
    Lost,
}

impl Heartbeat {
    fn of(cancel_requested: Option<bool>) -> Self {
        match cancel_requested {
            None => Self::Lost,
            Some(true) => Self::CancelRequested,
            Some(false) => Self::Held,
        }
    }
}

/// Makes the lease longer, also one that ran out and that nobody noticed; but never that of a worker that is known to be
/// dead, whose last statement may still be on its way.
pub async fn heartbeat(
    connection: &mut Connection,
    id: TaskId,
    lease: Lease,
    lease_until: DateTime<Utc>,
) -> Result<Heartbeat, StoreError> {
    let cancel = sqlx::query_scalar!(
        "UPDATE tasks SET lease_until = $4
         WHERE id = $1 AND lease_owner = $2 AND attempt = $3 AND state = 'running' AND lease_until > '-infinity'
         RETURNING cancel_requested",
        id as TaskId,
        lease.worker as WorkerId,
        lease.attempt,
        lease_until
    )
    .fetch_optional(connection)
    .await?;
    Ok(Heartbeat::of(cancel))
}

/// Locks a task that is held until the transaction ends. Whoever concludes a task takes this lock first and the
/// Executor's after it, so that no two of them wait for each other.
pub async fn lock_held(
    connection: &mut Connection,
    id: TaskId,
    lease: Lease,
) -> Result<Heartbeat, StoreError> {
    let cancel = sqlx::query_scalar!(
        "SELECT cancel_requested FROM tasks
         WHERE id = $1 AND lease_owner = $2 AND attempt = $3 AND state = 'running' FOR UPDATE",
        id as TaskId,
        lease.worker as WorkerId,
        lease.attempt
    )
    .fetch_optional(connection)
    .await?;
    Ok(Heartbeat::of(cancel))
}

/// Ends a task that is held and wipes its build variables; `false` when the lease is lost, and then the caller's
/// transaction must be rolled back.
pub async fn finish(
    connection: &mut Connection,
    id: TaskId,
    lease: Lease,
    state: TaskState,
    failure: Option<&Failure>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE tasks SET state = $4, failure = $5, finished_at = $6, lease_owner = NULL, lease_until = NULL,
                          build_env = NULL
         WHERE id = $1 AND lease_owner = $2 AND attempt = $3 AND state = 'running'",
        id as TaskId,
        lease.worker as WorkerId,
        lease.attempt,
        state.as_str(),
        failure.map(Json) as _,
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Why a worker gives a task back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenBack {
    /// The worker was told to stop: not the task's doing, and no limit counts it.
    Stopping,
    /// The worker went silent; [`take_abandoned`] has counted that.
    Silent,
    /// The engine or the Hub failed; counted.
    Fault,
}

/// Gives a task that is held back to the queue, due at `run_after`, in its old place; `false` when the lease is lost.
pub async fn give_back(
    connection: &mut Connection,
    id: TaskId,
    lease: Lease,
    why: GivenBack,
    run_after: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE tasks SET state = 'pending', lease_owner = NULL, lease_until = NULL, run_after = $4,
                          faults = faults + $5, hand_backs = hand_backs + $6
         WHERE id = $1 AND lease_owner = $2 AND attempt = $3 AND state = 'running'",
        id as TaskId,
        lease.worker as WorkerId,
        lease.attempt,
        run_after,
        i32::from(why == GivenBack::Fault),
        i32::from(why == GivenBack::Stopping)
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
    /// Its Executor.
    pub executor: ExecutorId,
    /// Who held it.
    pub lease: Lease,
    /// How often workers went silent over it, this time included.
    pub lost_leases: i32,
    /// Whether somebody asked to cancel it.
    pub cancel_requested: bool,
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
           RETURNING id AS "id: TaskId", executor_id AS "executor: ExecutorId",
                     lease_owner AS "worker!: WorkerId", attempt, lost_leases, cancel_requested"#,
        now
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Abandoned {
        id: row.id,
        executor: row.executor,
        lease: Lease { worker: row.worker, attempt: row.attempt },
        lost_leases: row.lost_leases,
        cancel_requested: row.cancel_requested,
    }))
}

/// Ends the leases of workers that ran at `place` before `worker` did: the place's lock is held now, so they are dead.
/// Their tasks are then found abandoned at once, not only when the lease runs out.
pub async fn expire_leases_of_predecessors(
    connection: &mut Connection,
    place: &str,
    worker: WorkerId,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "UPDATE tasks SET lease_until = '-infinity'
         WHERE state = 'running' AND lease_owner IN (SELECT id FROM workers WHERE name = $1 AND id <> $2)",
        place,
        worker as WorkerId
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
