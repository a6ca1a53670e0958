//! How does a task enter the queue and leave it? Every change of state comes with its event and its notification, in the
//! caller's transaction.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    domain::{
        CommitId, ExecutorId, TaskId, WorkerId,
        task::{Failure, FaultKind, Phase, TaskEvent, TaskState},
    },
    store::{
        self, Connection, StoreError, notify,
        tags::Move,
        task_events::{self, Author},
        tasks::{GivenBack, NewTask},
    },
};

/// How long a worker that was not heard of still counts as one that may build.
const WORKER_SILENCE: TimeDelta = TimeDelta::seconds(45);

/// Enqueues a task with the first lines of its story and wakes the workers.
pub async fn enqueue(
    connection: &mut Connection,
    task: NewTask,
    story: &[TaskEvent],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let id = task.id;
    store::tasks::insert(connection, task, now).await?;
    task_events::append(connection, id, Author::Transaction, story, now).await?;
    notify::work(connection).await
}

/// Whether any worker could build at the moment.
pub async fn engine_answers(connection: &mut Connection, now: DateTime<Utc>) -> Result<bool, StoreError> {
    store::workers::any_engine_answers(connection, now - WORKER_SILENCE).await
}

/// Lets a commit be pulled, moves its tags and sets its visibility, as its push asked. Does nothing for a commit that is
/// usable already. `StoreError::ProtectedTag` when another push was faster; then nothing of the transaction may stay.
pub async fn make_usable(
    connection: &mut Connection,
    commit: CommitId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(requested) = store::commits::requested(connection, commit).await? else { return Ok(()) };
    // Pushes to one Executor finish one after the other.
    store::executors::lock(connection, &requested.executor).await?;
    if requested.is_usable || !store::commits::mark_usable(connection, commit, now).await? {
        return Ok(());
    }
    let to = Move {
        executor: &requested.executor,
        commit,
        by: requested.pushed_by,
        at: now,
        decided_at: requested.accepted_at,
    };
    store::tags::move_to(connection, to, &requested.tags, false).await?;
    store::tags::move_to(connection, to, &requested.protected_tags, true).await?;
    let (visibility, decided_at) = (requested.visibility, requested.accepted_at);
    store::executors::mark_pushed(connection, &requested.executor, visibility, decided_at, now).await
}

/// The last event of a task that worked.
pub fn report_success(message: impl Into<String>) -> TaskEvent {
    TaskEvent::Report { state: TaskState::Succeeded, message: message.into(), failure: None }
}

/// The last event of a task that did not.
pub fn report_failure(failure: &Failure) -> TaskEvent {
    TaskEvent::Report {
        state: TaskState::Failed,
        message: failure.message.clone(),
        failure: Some(failure.clone()),
    }
}

/// Ends a task that needs no build, in the transaction that accepts it.
pub async fn finish_without_build(
    connection: &mut Connection,
    task: TaskId,
    message: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let story =
        [TaskEvent::PhaseDone { phase: Phase::Commit, message: message.into() }, report_success(message)];
    task_events::append(connection, task, Author::Transaction, &story, now).await?;
    store::tasks::finish_pending(connection, task, TaskState::Succeeded, None, now).await?;
    notify::task_events(connection, task).await
}

/// Fails a task that `worker` holds (or held): the commit stays unusable, no tag moves, and an Executor that was never
/// any good and belongs to nobody gives its name back. `false` when somebody else has the task by now.
pub async fn fail(
    connection: &mut Connection,
    task: TaskId,
    executor: &ExecutorId,
    worker: WorkerId,
    failure: &Failure,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let story = [report_failure(failure)];
    if !task_events::append(connection, task, Author::Holder(worker), &story, now).await?
        || !store::tasks::finish(connection, task, worker, TaskState::Failed, Some(failure), now).await?
    {
        return Ok(false);
    }
    store::executors::discard_if_stillborn(connection, executor, now).await?;
    notify::task_events(connection, task).await?;
    Ok(true)
}

/// Cancels every build of an Executor that waits or runs: those that wait end here, the others when their worker learns
/// of it.
pub async fn cancel_all(
    connection: &mut Connection,
    executor: &ExecutorId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for (task, is_waiting) in store::tasks::request_cancel(connection, executor).await? {
        if is_waiting {
            let report = TaskEvent::Report {
                state: TaskState::Cancelled,
                message: "The build was cancelled: its Executor was deleted.".into(),
                failure: None,
            };
            task_events::append(connection, task, Author::Transaction, &[report], now).await?;
            store::tasks::finish_pending(connection, task, TaskState::Cancelled, None, now).await?;
        }
        notify::task_events(connection, task).await?;
    }
    Ok(())
}

/// Gives a task that `worker` holds back to the queue, telling why. `false` when somebody else has it by now.
pub async fn give_back(
    connection: &mut Connection,
    task: TaskId,
    worker: WorkerId,
    why: GivenBack,
    message: String,
    run_after: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let story = [TaskEvent::Requeued { message }];
    if !task_events::append(connection, task, Author::Holder(worker), &story, now).await?
        || !store::tasks::give_back(connection, task, worker, why, run_after).await?
    {
        return Ok(false);
    }
    notify::task_events(connection, task).await?;
    notify::work(connection).await?;
    Ok(true)
}

/// How long a task waits before its next try after `faults` of them: 2 s, 4 s, 8 s … at most 5 minutes.
pub fn back_off(faults: i32) -> TimeDelta {
    let exponent = u32::try_from(faults.clamp(1, 16)).unwrap_or(16);
    TimeDelta::seconds(2_i64.saturating_pow(exponent).min(300))
}

/// Why a task is parked that killed its workers.
pub fn lost_worker(times: i32) -> Failure {
    Failure {
        kind: FaultKind::LostWorker,
        message: format!(
            "The worker was lost {times} times while it built this; it is not tried again by itself. \
             Look for a build step that takes all memory or disk, then push again."
        ),
        lines: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_later_each_time_but_never_after_more_than_five_minutes() {
        let seconds: Vec<i64> = [0, 1, 2, 3, 8, 9, 1000].iter().map(|n| back_off(*n).num_seconds()).collect();
        assert_eq!(seconds, [2, 2, 4, 8, 256, 300, 300]);
    }
}
