//! What becomes of a task whose worker went silent? Back to the queue, or parked when it lost three of them.

use std::sync::Arc;

use crate::{
    domain::Clock,
    store::{self, Store, StoreError, tasks::GivenBack},
};

use super::queue;

/// The third worker that is lost over one task parks it: by then the task is the likely cause.
const MAX_LOST_LEASES: i32 = 3;

/// Takes care of every task whose lease ran out; returns how many. Several workers may sweep at once.
pub(super) async fn sweep(store: &Store, clock: &Arc<dyn Clock>) -> Result<usize, StoreError> {
    let mut swept = 0;
    loop {
        let now = clock.now();
        let mut transaction = store.begin().await?;
        let Some(task) = store::tasks::take_abandoned(&mut transaction, now).await? else { return Ok(swept) };
        let found = store::tasks::find(&mut transaction, task.id).await?;
        let Some(found) = found else { return Ok(swept) };
        if task.lost_leases >= MAX_LOST_LEASES {
            let failure = queue::lost_worker(task.lost_leases);
            queue::fail(&mut transaction, task.id, &found.executor, task.worker, &failure, now).await?;
        } else {
            let message = "The worker went silent; the build starts again.".to_owned();
            let run_after = now + queue::back_off(task.lost_leases - 1);
            queue::give_back(
                &mut transaction,
                task.id,
                task.worker,
                GivenBack::Unfinished,
                message,
                run_after,
                now,
            )
            .await?;
        }
        transaction.commit().await?;
        tracing::warn!(task.id = %task.id, lost_leases = task.lost_leases, "took a task from a silent worker");
        swept += 1;
    }
}
