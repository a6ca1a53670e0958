//! How is the end of a build written down when the database has its moments? Tried again for as long as the lease may last;
//! beyond it the task comes back by itself.

use std::time::Duration;

use super::{
    Fault,
    holder::{Concluded, Outcome},
    keeping::KeptImages,
    worker::{Interrupted, Worker},
};
use crate::store::{StoreError, task_leases::Claimed};

impl Worker {
    /// Writes how the work ended, trying for as long as the lease may last.
    pub(super) async fn conclude(
        &self,
        claimed: &Claimed,
        ended: Result<Result<KeptImages, Fault>, Interrupted>,
        ran: Duration,
    ) -> Result<(), StoreError> {
        let end = tokio::time::Instant::now() + self.parts.settings.lease.0;
        let outcome = match ended {
            Ok(Ok(kept)) => Outcome::Built(kept),
            Ok(Err(fault)) => Outcome::Faulted(fault),
            Err(Interrupted::Stopping) => Outcome::Stopping,
            Err(Interrupted::Cancelled) => Outcome::Cancelled,
            Err(Interrupted::LeaseLost) => {
                tracing::warn!(task.id = %claimed.id, "lost the lease of a task; its build was stopped");
                return Ok(());
            }
        };
        loop {
            match self.holder.conclude(claimed, &outcome).await {
                Err(error) if error.is_passing() && tokio::time::Instant::now() < end => {
                    tracing::warn!(task.id = %claimed.id, %error, "cannot conclude a task; trying again");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Err(error) => return Err(error),
                Ok(concluded) => {
                    count(&outcome, concluded, ran);
                    tracing::info!(
                        task.id = %claimed.id, executor = %claimed.executor, attempt = claimed.attempt, outcome = ?concluded,
                        "worked on a task"
                    );
                    // Used or not, it need not stay in the engine: the registry has it, the build cache its steps. Where
                    // the lease was lost, the name is somebody else's.
                    if let Outcome::Built(kept) = &outcome
                        && concluded != Concluded::LeaseLost
                    {
                        for kept in &kept.images {
                            self.forget_image(&kept.image.name).await;
                        }
                    }
                    return Ok(());
                }
            }
        }
    }
}

/// For the metrics: how it ended, and whose fault a failure was.
fn count(outcome: &Outcome, concluded: Concluded, ran: Duration) {
    let word = match concluded {
        Concluded::Succeeded => "succeeded",
        Concluded::Failed => "failed",
        Concluded::Cancelled => "cancelled",
        Concluded::Requeued => "requeued",
        Concluded::LeaseLost => "lease_lost",
    };
    let class = match outcome {
        Outcome::Faulted(fault) => fault.kind.as_str(),
        Outcome::Built(..) | Outcome::Stopping | Outcome::Cancelled => "",
    };
    metrics::counter!("hub_builds_total", "outcome" => word, "class" => class).increment(1);
    metrics::histogram!("hub_build_duration_seconds", "outcome" => word).record(ran.as_secs_f64());
}
