//! How does work on a task end? With one transaction that tells the story's last line and changes everything that follows
//! from it, or nothing when the lease is lost.

use std::{sync::atomic::Ordering, time::Duration};

use chrono::TimeDelta;

use super::{
    Fault,
    engine::BuiltImage,
    queue,
    worker::{Interrupted, Worker},
};
use crate::{
    domain::task::{Failure, FaultKind, Phase, TaskEvent, TaskState},
    store::{
        self, StoreError, notify,
        queue_pause::Pause,
        task_events::{self, Author},
        tasks::{Claimed, GivenBack},
    },
};

/// After so many engine faults in a row, everybody waits a minute instead of burning their tries.
const FAULTS_BEFORE_PAUSE: u32 = 3;

impl Worker {
    /// Writes how the work ended, trying for as long as the lease may last.
    pub(super) async fn conclude(
        &self,
        claimed: &Claimed,
        outcome: Result<Result<BuiltImage, Fault>, Interrupted>,
    ) -> Result<(), StoreError> {
        let end = tokio::time::Instant::now() + self.parts.settings.lease.0;
        loop {
            let done = match &outcome {
                Ok(Ok(image)) => self.succeed(claimed, image).await,
                Ok(Err(fault)) => self.fail_or_retry(claimed, fault).await,
                Err(Interrupted::Stopping) => self.hand_back(claimed).await,
                Err(Interrupted::Cancelled) => self.cancel(claimed).await,
                Err(Interrupted::LeaseLost) => {
                    tracing::warn!(task.id = %claimed.id, "lost the lease of a task; its build was stopped");
                    Ok(())
                }
            };
            match done {
                Err(StoreError::Unavailable(error)) if tokio::time::Instant::now() < end => {
                    tracing::warn!(task.id = %claimed.id, %error, "cannot conclude a task; trying again");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                done => return done,
            }
        }
    }

    /// One transaction: the image is noted, the commit usable, its tags moved, the task over.
    async fn succeed(&self, claimed: &Claimed, image: &BuiltImage) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        let mut transaction = self.parts.store.begin().await?;
        let new = store::images::NewImage {
            commit: claimed.commit,
            platform: &image.platform,
            name: &image.name,
            engine_id: &image.id,
            size: image.size,
        };
        store::images::put(&mut transaction, new, now).await?;
        match queue::make_usable(&mut transaction, claimed.commit, now).await {
            Ok(()) => {}
            Err(StoreError::ProtectedTag(text)) => {
                drop(transaction);
                let message = format!("{text}: another push was faster. Choose another tag and push again.");
                return self
                    .fail(claimed, &Failure::from(Fault::new(FaultKind::ProtectedTag, message)))
                    .await;
            }
            Err(error) => return Err(error),
        }
        let story = [
            TaskEvent::PhaseDone { phase: Phase::Build, message: "The image is built.".into() },
            TaskEvent::PhaseDone {
                phase: Phase::Image,
                message: format!("{} ({})", image.name, image.platform),
            },
            TaskEvent::PhaseDone {
                phase: Phase::Commit,
                message: "The commit is usable and its tags have moved.".into(),
            },
            queue::report_success("The Executor is ready."),
        ];
        let is_held = task_events::append(&mut transaction, claimed.id, Author::Holder(self.id), &story, now)
            .await?
            && store::tasks::finish(&mut transaction, claimed.id, self.id, TaskState::Succeeded, None, now)
                .await?;
        if !is_held {
            tracing::warn!(task.id = %claimed.id, "lost the lease of a task at its end; its result is dropped");
            return Ok(());
        }
        notify::task_events(&mut transaction, claimed.id).await?;
        store::queue_pause::clear_automatic(&mut transaction).await?;
        transaction.commit().await?;
        self.faults_in_a_row.store(0, Ordering::Relaxed);
        tracing::info!(task.id = %claimed.id, executor = %claimed.executor, outcome = "succeeded", "built");
        Ok(())
    }

    async fn fail_or_retry(&self, claimed: &Claimed, fault: &Fault) -> Result<(), StoreError> {
        let max = i32::from(self.parts.settings.max_attempts);
        if !fault.kind.is_retried() || claimed.faults + 1 >= max {
            return self.fail(claimed, &Failure::from(fault.clone())).await;
        }
        let now = self.parts.clock.now();
        let wait = queue::back_off(claimed.faults + 1);
        let mut transaction = self.parts.store.begin().await?;
        let message = format!("{} Trying again in {} s.", fault.message, wait.num_seconds());
        queue::give_back(&mut transaction, claimed.id, self.id, GivenBack::Fault, message, now + wait, now)
            .await?;
        let in_a_row = self.faults_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        if fault.kind == FaultKind::Engine && in_a_row >= FAULTS_BEFORE_PAUSE {
            let pause = Pause {
                reason: format!("The Docker Engine failed {in_a_row} times in a row: {}", fault.message),
                since: now,
                until: Some(now + TimeDelta::minutes(1)),
            };
            store::queue_pause::set(&mut transaction, &pause).await?;
            tracing::error!(reason = pause.reason, "pausing the queue for a minute");
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn fail(&self, claimed: &Claimed, failure: &Failure) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        let mut transaction = self.parts.store.begin().await?;
        queue::fail(&mut transaction, claimed.id, &claimed.executor, self.id, failure, now).await?;
        transaction.commit().await?;
        tracing::info!(task.id = %claimed.id, executor = %claimed.executor, outcome = failure.kind.as_str(), "build failed");
        Ok(())
    }

    async fn hand_back(&self, claimed: &Claimed) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        let mut transaction = self.parts.store.begin().await?;
        let message = "The worker was told to stop; the build starts again.".to_owned();
        queue::give_back(&mut transaction, claimed.id, self.id, GivenBack::Unfinished, message, now, now)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn cancel(&self, claimed: &Claimed) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        let mut transaction = self.parts.store.begin().await?;
        let report = TaskEvent::Report {
            state: TaskState::Cancelled,
            message: "The build was cancelled.".into(),
            failure: None,
        };
        task_events::append(&mut transaction, claimed.id, Author::Holder(self.id), &[report], now).await?;
        store::tasks::finish(&mut transaction, claimed.id, self.id, TaskState::Cancelled, None, now).await?;
        store::executors::discard_if_stillborn(&mut transaction, &claimed.executor, now).await?;
        notify::task_events(&mut transaction, claimed.id).await?;
        transaction.commit().await?;
        Ok(())
    }
}
