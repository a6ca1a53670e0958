//! What does a worker do to the tasks that it holds? It claims, keeps and ends them, each by one transaction that tells the
//! story's last line and changes everything that follows from it, or nothing when the lease is lost.
//!
//! No engine and no waiting in here: the tests of the state machine drive exactly this.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Fault,
    keeping::{KeptImage, KeptImages},
    queue,
};
use crate::{
    domain::{
        Clock, WorkerId,
        image::{RepositoryName, commit_tag},
        task::{Failure, FaultKind, Phase, TaskEvent, TaskState},
    },
    store::{
        self, Connection, Store, StoreError, notify,
        queue_pause::Pause,
        task_events::{self, Author},
        task_leases::{Claimed, GivenBack, Heartbeat, Lease},
    },
};

/// After so many engine faults in a row a worker takes nothing for a while, instead of burning everybody's tries.
pub const FAULTS_BEFORE_PAUSE: i32 = 3;

/// A worker as the queue knows it.
#[derive(Debug, Clone)]
pub struct Holder {
    /// Records.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Names the leases.
    pub id: WorkerId,
    /// How long the holder may be silent.
    pub lease: TimeDelta,
    /// Tries that may end with a fault of the engine or of the Hub.
    pub max_attempts: i32,
}

/// How work on a task ended.
#[derive(Debug)]
pub enum Outcome {
    /// There is an image for each platform.
    Built(KeptImages),
    /// There is none.
    Faulted(Fault),
    /// The worker is to stop, and the build was not done.
    Stopping,
    /// Somebody wanted it stopped.
    Cancelled,
}

/// What became of a task by that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concluded {
    /// The commit is usable and its tags have moved.
    Succeeded,
    /// It is not tried again by itself.
    Failed,
    /// It was stopped.
    Cancelled,
    /// It waits again.
    Requeued,
    /// Nothing changed: somebody else has the task.
    LeaseLost,
}

impl Holder {
    /// Takes the task whose turn it is, if any may be taken.
    pub async fn claim(&self) -> Result<Option<Claimed>, StoreError> {
        let now = self.clock.now();
        let mut connection = self.store.read().await?;
        store::task_leases::claim(&mut connection, self.id, now + self.lease, now).await
    }

    /// Makes the lease of a task longer.
    pub async fn heartbeat(&self, claimed: &Claimed) -> Result<Heartbeat, StoreError> {
        let until = self.clock.now() + self.lease;
        let mut connection = self.store.read().await?;
        store::task_leases::heartbeat(&mut connection, claimed.id, self.lease_of(claimed), until).await
    }

    /// What this holder's statements about a task that it claimed name.
    pub fn lease_of(&self, claimed: &Claimed) -> Lease {
        Lease { worker: self.id, attempt: claimed.attempt }
    }

    /// Ends work on a task. A wish to cancel that was heard of before this transaction began wins over every outcome. May be
    /// called again after an error: what was done already is found done, as a lost lease.
    pub async fn conclude(&self, claimed: &Claimed, outcome: &Outcome) -> Result<Concluded, StoreError> {
        match self.conclude_once(claimed, outcome).await {
            Err(StoreError::ProtectedTag(text)) => {
                let fault = Fault::new(FaultKind::ProtectedTag, format!("{text}: another push was faster."))
                    .with_remedy("Choose another tag and push again.");
                self.conclude_once(claimed, &Outcome::Faulted(fault)).await
            }
            concluded => concluded,
        }
    }

    async fn conclude_once(&self, claimed: &Claimed, outcome: &Outcome) -> Result<Concluded, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.store.begin().await?;
        let lease = self.lease_of(claimed);
        let held = store::task_leases::lock_held(&mut transaction, claimed.id, lease).await?;
        let concluded = match (held, outcome) {
            (Heartbeat::Lost, _) => return Ok(Concluded::LeaseLost),
            (Heartbeat::CancelRequested, _) | (_, Outcome::Cancelled) => {
                queue::end_cancelled(&mut transaction, claimed.id, &claimed.executor, lease, now).await?;
                Concluded::Cancelled
            }
            (Heartbeat::Held, Outcome::Built(kept)) => {
                self.succeed(&mut transaction, claimed, kept, now).await?
            }
            (Heartbeat::Held, Outcome::Faulted(fault)) => {
                self.fail_or_retry(&mut transaction, claimed, fault, now).await?
            }
            (Heartbeat::Held, Outcome::Stopping) => {
                let message = "The worker was told to stop; the build starts again.".to_owned();
                let why = GivenBack::Stopping;
                queue::give_back(&mut transaction, claimed.id, lease, why, message, now, now).await?;
                Concluded::Requeued
            }
        };
        transaction.commit().await?;
        Ok(concluded)
    }

    /// The images are noted, the commit leads to their manifest and is usable, its tags moved, the task over.
    async fn succeed(
        &self,
        connection: &mut Connection,
        claimed: &Claimed,
        kept: &KeptImages,
        now: DateTime<Utc>,
    ) -> Result<Concluded, StoreError> {
        for KeptImage { image, manifest } in &kept.images {
            let new = store::images::NewImage {
                commit: claimed.commit,
                platform: &image.platform,
                name: &image.name,
                engine_id: &image.id,
                size: image.size,
                manifest: *manifest,
            };
            store::images::put(connection, new, now).await?;
        }
        if let Some(manifest) = &kept.manifest {
            let (executor, commit) = (&claimed.executor, claimed.commit);
            store::image_tags::set_of_commit(connection, executor, commit, manifest).await?;
        }
        queue::make_usable(connection, claimed.commit, now).await?;
        let story = [
            TaskEvent::PhaseDone { phase: Phase::Build, message: "The image is built.".into() },
            TaskEvent::PhaseDone { phase: Phase::Image, message: words(claimed, kept) },
            TaskEvent::PhaseDone {
                phase: Phase::Commit,
                message: "The commit is usable and its tags have moved.".into(),
            },
            queue::report_success("The Executor is ready."),
        ];
        let author = Author::Holder(self.lease_of(claimed));
        task_events::append(connection, claimed.id, author, &story, now).await?;
        let state = TaskState::Succeeded;
        store::task_leases::finish(connection, claimed.id, self.lease_of(claimed), state, None, now).await?;
        notify::task_events(connection, claimed.id).await?;
        self.note_engine_works(connection).await?;
        Ok(Concluded::Succeeded)
    }

    async fn fail_or_retry(
        &self,
        connection: &mut Connection,
        claimed: &Claimed,
        fault: &Fault,
        now: DateTime<Utc>,
    ) -> Result<Concluded, StoreError> {
        let lease = self.lease_of(claimed);
        if fault.kind == FaultKind::Engine {
            self.note_engine_fault(connection, fault, now).await?;
        }
        if !fault.kind.is_retried() || claimed.faults + 1 >= self.max_attempts {
            let failure = Failure::from(fault.clone());
            queue::fail(connection, claimed.id, &claimed.executor, lease, &failure, now).await?;
            return Ok(Concluded::Failed);
        }
        let wait = queue::back_off(claimed.faults + 1);
        let message = format!("{} Trying again in {} s.", fault.message, wait.num_seconds());
        let why = GivenBack::Fault;
        queue::give_back(connection, claimed.id, lease, why, message, now + wait, now).await?;
        Ok(Concluded::Requeued)
    }

    /// Several faults in a row are the engine's doing, not the tasks': this worker pauses, longer each time, and with it the
    /// queue when no other worker is left. It goes on by itself when the time is over or the engine answers again.
    async fn note_engine_fault(
        &self,
        connection: &mut Connection,
        fault: &Fault,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let in_a_row = store::workers::count_fault(connection, self.id).await?;
        if in_a_row < FAULTS_BEFORE_PAUSE {
            return Ok(());
        }
        let until = now + pause_after(in_a_row);
        let reason = format!("The Docker Engine failed {in_a_row} times in a row: {}", fault.message);
        store::workers::pause(connection, self.id, &reason, until).await?;
        let since = now - queue::WORKER_SILENCE;
        let is_last = !store::workers::another_takes_tasks(connection, self.id, since, now).await?;
        tracing::error!(reason, %until, queue = is_last, "pausing");
        if is_last {
            let pause = Pause { reason, since: now, until: Some(until) };
            store::queue_pause::set(connection, &pause).await?;
        }
        Ok(())
    }

    /// The engine built something, or answers again: nothing waits for it any more.
    pub async fn note_engine_works(&self, connection: &mut Connection) -> Result<(), StoreError> {
        if store::workers::resume(connection, self.id).await? {
            store::queue_pause::clear_automatic(connection).await?;
            notify::work(connection).await?;
        }
        Ok(())
    }
}

/// Which image a build made and for what: its repository and tag in the registry, where it has one.
fn words(claimed: &Claimed, kept: &KeptImages) -> String {
    let platforms: Vec<&str> = kept.images.iter().map(|kept| kept.image.platform.as_str()).collect();
    let platforms = platforms.join(", ");
    if kept.manifest.is_none() {
        let names: Vec<&str> = kept.images.iter().map(|kept| kept.image.name.as_str()).collect();
        return format!("{} ({platforms})", names.join(", "));
    }
    let repository = RepositoryName::of_id(&claimed.executor);
    format!("{repository}:{} ({platforms})", commit_tag(claimed.commit))
}

/// A minute, then two, four, eight.
fn pause_after(faults_in_a_row: i32) -> TimeDelta {
    let doublings = (faults_in_a_row - FAULTS_BEFORE_PAUSE).clamp(0, 3);
    TimeDelta::minutes(1 << doublings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_eight_minutes() {
        let minutes: Vec<i64> = [3, 4, 5, 6, 7, 1000].iter().map(|n| pause_after(*n).num_minutes()).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 8, 8]);
    }
}
