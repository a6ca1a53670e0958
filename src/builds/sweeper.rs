//! What becomes of a task whose worker went silent? Back to the queue, or parked when it lost three of them; over, when
//! somebody wanted it stopped.

use crate::{
    domain::Clock,
    store::{
        self, Store, StoreError,
        task_leases::{Abandoned, GivenBack},
    },
};

use super::queue;

/// The third worker that is lost over one task parks it: by then the task is the likely cause.
pub const MAX_LOST_LEASES: i32 = 3;

/// Takes care of every task whose lease ran out; returns how many. Several workers may sweep at once.
pub async fn sweep(store: &Store, clock: &dyn Clock) -> Result<usize, StoreError> {
    let mut swept = 0;
    while let Some(task) = sweep_one(store, clock).await? {
        tracing::warn!(task.id = %task.id, lost_leases = task.lost_leases, "took a task from a silent worker");
        swept += 1;
    }
    Ok(swept)
}

async fn sweep_one(store: &Store, clock: &dyn Clock) -> Result<Option<Abandoned>, StoreError> {
    let now = clock.now();
    let mut transaction = store.begin().await?;
    let Some(task) = store::task_leases::take_abandoned(&mut transaction, now).await? else {
        return Ok(None);
    };
    if task.cancel_requested {
        queue::end_cancelled(&mut transaction, task.id, &task.executor, task.lease, now).await?;
    } else if task.lost_leases >= MAX_LOST_LEASES {
        let failure = queue::lost_worker(task.lost_leases);
        queue::fail(&mut transaction, task.id, &task.executor, task.lease, &failure, now).await?;
    } else {
        let message = "The worker went silent; the build starts again.".to_owned();
        let run_after = now + queue::back_off(task.lost_leases - 1);
        let why = GivenBack::Silent;
        queue::give_back(&mut transaction, task.id, task.lease, why, message, run_after, now).await?;
    }
    transaction.commit().await?;
    Ok(Some(task))
}
