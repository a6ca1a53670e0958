//! How does a task enter the queue and leave it? Every change of state comes with its event and its notification, in the
//! caller's transaction. Whoever ends a task locks its row first and the Executor's after it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    domain::{
        CommitId, ExecutorId, TaskId,
        task::{Failure, FaultKind, Phase, Task, TaskEvent, TaskState},
        waiting::Waiting,
    },
    store::{
        self, Connection, StoreError, notify,
        tags::Move,
        task_events::{self, Author},
        task_leases::{GivenBack, Lease},
        tasks::{CancelWish, NewTask},
    },
};

/// How long a worker that was not heard of still counts as one that may build.
pub(super) const WORKER_SILENCE: TimeDelta = TimeDelta::seconds(45);

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

/// Fails a task that somebody holds (or held): the commit stays unusable, no tag moves, and an Executor that was never
/// any good and belongs to nobody gives its name back. `false` when somebody else has the task by now.
pub async fn fail(
    connection: &mut Connection,
    task: TaskId,
    executor: &ExecutorId,
    lease: Lease,
    failure: &Failure,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let story = [report_failure(failure)];
    let author = Author::Holder(lease);
    if task_events::append(connection, task, author, &story, now).await?.is_none()
        || !store::task_leases::finish(connection, task, lease, TaskState::Failed, Some(failure), now).await?
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
    for task in store::tasks::unfinished_of_executor(connection, executor).await? {
        cancel(connection, task, executor, now).await?;
    }
    Ok(())
}

/// Ends a task that somebody holds (or held) because somebody wanted it stopped. `false` when somebody else has the task by
/// now.
pub async fn end_cancelled(
    connection: &mut Connection,
    task: TaskId,
    executor: &ExecutorId,
    lease: Lease,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let author = Author::Holder(lease);
    if task_events::append(connection, task, author, &[report_cancelled()], now).await?.is_none()
        || !store::task_leases::finish(connection, task, lease, TaskState::Cancelled, None, now).await?
    {
        return Ok(false);
    }
    store::executors::discard_if_stillborn(connection, executor, now).await?;
    notify::task_events(connection, task).await?;
    Ok(true)
}

/// Gives a task that somebody holds back to the queue, telling why. `false` when somebody else has it by now.
pub async fn give_back(
    connection: &mut Connection,
    task: TaskId,
    lease: Lease,
    why: GivenBack,
    message: String,
    run_after: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let story = [TaskEvent::Requeued { message }];
    if task_events::append(connection, task, Author::Holder(lease), &story, now).await?.is_none()
        || !store::task_leases::give_back(connection, task, lease, why, run_after).await?
    {
        return Ok(false);
    }
    notify::task_events(connection, task).await?;
    notify::work(connection).await?;
    Ok(true)
}

/// Stops a task whatever it does: one that waits is over with this transaction, one that runs as soon as its worker hears of
/// it (or is found dead), one that is over stays as it is. `None` when there is no such task.
pub async fn cancel(
    connection: &mut Connection,
    task: TaskId,
    executor: &ExecutorId,
    now: DateTime<Utc>,
) -> Result<Option<CancelWish>, StoreError> {
    let wish = store::tasks::wish_to_cancel(connection, task).await?;
    match wish {
        Some(CancelWish::Waits) => {
            task_events::append(connection, task, Author::Transaction, &[report_cancelled()], now).await?;
            store::tasks::finish_pending(connection, task, TaskState::Cancelled, None, now).await?;
            store::executors::discard_if_stillborn(connection, executor, now).await?;
            notify::task_events(connection, task).await?;
        }
        Some(CancelWish::Runs) => notify::cancel(connection, task).await?,
        Some(CancelWish::Over) | None => {}
    }
    Ok(wish)
}

/// Why a task is not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRetry {
    /// This task builds its commit already, or will.
    Unfinished(TaskId),
    /// It worked.
    Succeeded,
    /// Its build variables were wiped when it ended.
    NeedsBuildEnv,
    /// Its Executor is gone.
    Gone,
}

/// Builds the commit of a task that failed or was cancelled again, as a new task with all its tries before it: what is over
/// stays as it ended. Two who ask at once get one new task.
pub async fn retry(
    connection: &mut Connection,
    task: &Task,
    now: DateTime<Utc>,
) -> Result<Result<TaskId, NoRetry>, StoreError> {
    // Of two who ask at once the second one waits here, and then finds the first one's task.
    if !store::executors::lock(connection, &task.executor).await? {
        return Ok(Err(NoRetry::Gone));
    }
    if let Some(unfinished) = store::tasks::find_unfinished_of_commit(connection, task.commit).await? {
        return Ok(Err(NoRetry::Unfinished(unfinished)));
    }
    if task.state == TaskState::Succeeded {
        return Ok(Err(NoRetry::Succeeded));
    }
    let Some(to_build) = store::commits::to_build(connection, task.commit).await? else {
        return Ok(Err(NoRetry::Gone));
    };
    if !to_build.commit.build_env_names.is_empty() {
        return Ok(Err(NoRetry::NeedsBuildEnv));
    }
    let id = TaskId::mint();
    let new = NewTask {
        id,
        commit: task.commit,
        executor: task.executor.clone(),
        no_cache: false,
        build_env: None,
    };
    store::tasks::insert_retry(connection, new, Some(task.id), now).await?;
    let story = [TaskEvent::PhaseDone {
        phase: Phase::Package,
        message: format!("The package of build {} is built again.", task.id),
    }];
    task_events::append(connection, id, Author::Transaction, &story, now).await?;
    notify::work(connection).await?;
    Ok(Ok(id))
}

/// How long a task must wait and why; `None` when it does not wait.
pub async fn waiting(
    connection: &mut Connection,
    task: TaskId,
    now: DateTime<Utc>,
) -> Result<Option<Waiting>, StoreError> {
    let standing = store::task_line::standing(connection, task, now - WORKER_SILENCE, now).await?;
    let Some(at) = standing else { return Ok(None) };
    let mut waiting = Waiting::estimate(at.ahead, at.running, at.slots, at.usual, at.run_after - now);
    if let Some(pause) = store::queue_pause::current(connection, now).await? {
        waiting.obstacle = Some(format!("The queue is paused: {}", pause.reason));
    } else if at.slots == 0 {
        waiting.obstacle = Some("No Docker Engine answers: waiting for one.".to_owned());
    }
    Ok(Some(waiting))
}

fn report_cancelled() -> TaskEvent {
    TaskEvent::Report {
        state: TaskState::Cancelled,
        message: "The build was cancelled.".into(),
        failure: None,
    }
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
            "The worker was lost {times} times while it built this; it is not tried again by itself."
        ),
        remedy: "Look for a build step that takes all memory or disk, then push again.".into(),
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
