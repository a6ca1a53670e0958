//! Who builds? A worker: it claims a task, runs it on its engine under a lease that it keeps alive, and finishes it. Told to
//! stop, it takes nothing more, lets its builds go on for a while, and hands back what is not done then.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    Engine, Fault, holder::Holder, keeping::KeptImages, logs::StoryWriter, sealing::Sealer, sweeper,
};
use crate::{
    auth::Keys,
    blobs::Blobs,
    config,
    domain::{Clock, WorkerId, limits::BuildLimits},
    images::Images,
    store::{
        self, Store, StoreError,
        notify::Notifications,
        task_leases::{Claimed, Heartbeat},
        workers::Sign,
    },
    telemetry,
};

/// How often a worker asks its engine whether it is there, and looks for silent workers.
const PULSE: Duration = Duration::from_secs(10);
/// Nothing is staged for so long that somebody still wants.
const LEFT_OVER: Duration = Duration::from_hours(24);
/// How long the story of a first push that failed can still be read after its name was given back.
const KEEP_DISCARDED: TimeDelta = TimeDelta::hours(1);

/// What a worker needs.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Records.
    pub store: Store,
    /// Packages.
    pub blobs: Blobs,
    /// Where built images go.
    pub images: Images,
    /// Keys for build variables.
    pub keys: Keys,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Wake-ups.
    pub notifications: Notifications,
    /// What builds.
    pub engine: Arc<dyn Engine>,
    /// `[builds]`
    pub settings: config::Builds,
    /// Bounds on one build.
    pub limits: BuildLimits,
    /// Machine and folder; whoever holds that folder's lock is the only worker of this place.
    pub place: String,
}

/// One worker.
#[derive(Debug)]
pub struct Worker {
    pub(super) holder: Holder,
    pub(super) parts: Parts,
    engine_answers: watch::Sender<bool>,
    stop: CancellationToken,
}

/// How work on a task ended before the engine did.
pub(super) enum Interrupted {
    /// The worker is to stop.
    Stopping,
    /// Somebody else has the task.
    LeaseLost,
    /// Somebody cancelled it.
    Cancelled,
}

impl Worker {
    /// A worker that has not started. `stop` makes it take nothing more, finish or hand back what it holds, and end.
    pub fn new(parts: Parts, stop: CancellationToken) -> Arc<Self> {
        let holder = Holder {
            store: parts.store.clone(),
            clock: Arc::clone(&parts.clock),
            id: WorkerId::mint(),
            lease: TimeDelta::from_std(parts.settings.lease.0).unwrap_or(TimeDelta::seconds(30)),
            max_attempts: i32::from(parts.settings.max_attempts),
        };
        Arc::new(Self { holder, parts, engine_answers: watch::channel(false).0, stop })
    }

    /// Takes over from workers that died in this place and says whether there is an engine: after this, a push knows
    /// whether it will be built.
    pub async fn register(&self) -> Result<(), StoreError> {
        self.pulse().await?;
        let mut transaction = self.parts.store.begin().await?;
        let place = &self.parts.place;
        let expired =
            store::task_leases::expire_leases_of_predecessors(&mut transaction, place, self.holder.id)
                .await?;
        transaction.commit().await?;
        if expired > 0 {
            tracing::info!(tasks = expired, "taking over tasks of a worker that died here");
        }
        sweeper::sweep(&self.parts.store, self.parts.clock.as_ref()).await?;
        self.clear_staging().await;
        Ok(())
    }

    /// Removes what images that a crash cut off have left on this machine. Others may be staging theirs in the same folder, so
    /// only what is old goes.
    async fn clear_staging(&self) {
        let blobs = self.parts.blobs.clone();
        let clearing = tokio::task::spawn_blocking(move || blobs.stale_uploads(LEFT_OVER, true)).await;
        if let Err(error) = clearing.map_err(std::io::Error::other).flatten() {
            tracing::warn!(%error, "cannot clear away what staged images have left");
        }
    }

    /// Works until it is told to stop; then finishes or hands back what it holds.
    pub async fn run(self: Arc<Self>) {
        let mut slots = JoinSet::new();
        for _ in 0..self.parts.settings.slots {
            slots.spawn(Arc::clone(&self).slot_loop());
        }
        let pulse = tokio::spawn(Arc::clone(&self).pulse_loop());
        let sealing = tokio::spawn(Arc::clone(&self).seal_loop());
        while slots.join_next().await.is_some() {}
        pulse.abort();
        // What it was at is begun again by whoever seals next.
        sealing.abort();
        let removed = async {
            let mut connection = self.parts.store.read().await?;
            let long_ago = self.parts.clock.now() - TimeDelta::days(1);
            store::workers::remove(&mut connection, self.holder.id, long_ago).await
        };
        if let Err(error) = removed.await {
            tracing::warn!(%error, "cannot take the worker off the list");
        }
    }

    /// Goes on while the last builds are finished, so that nobody takes the worker for dead.
    async fn pulse_loop(self: Arc<Self>) {
        loop {
            if let Err(error) = self.pulse().await {
                tracing::warn!(%error, "cannot write the worker's sign of life");
            }
            if let Err(error) = self.tidy().await {
                tracing::warn!(%error, "cannot look for silent workers and for what is to be deleted");
            }
            tokio::select! {
                () = self.stop.cancelled(), if !self.stop.is_cancelled() => {}
                () = tokio::time::sleep(PULSE) => {}
            }
        }
    }

    /// Apart from the pulse, which must not wait for an object store.
    async fn seal_loop(self: Arc<Self>) {
        let sealer = Sealer {
            store: self.parts.store.clone(),
            blobs: self.parts.blobs.clone(),
            clock: Arc::clone(&self.parts.clock),
        };
        loop {
            tokio::time::sleep(PULSE).await;
            if let Err(error) = sealer.seal_finished().await {
                tracing::warn!(%error, "cannot seal the stories of finished tasks; trying again later");
            }
        }
    }

    async fn tidy(&self) -> Result<(), StoreError> {
        sweeper::sweep(&self.parts.store, self.parts.clock.as_ref()).await?;
        let now = self.parts.clock.now();
        let mut transaction = self.parts.store.begin().await?;
        store::executors::collect_discarded(&mut transaction, now - KEEP_DISCARDED, now).await?;
        transaction.commit().await
    }

    /// Asks the engine whether it is there, and tells everybody.
    async fn pulse(&self) -> Result<(), StoreError> {
        let answer = self.parts.engine.ping().await;
        let is_new = self.engine_answers.send_replace(answer.is_ok()) != answer.is_ok();
        match &answer {
            Ok(engine) if is_new => {
                tracing::info!(
                    engine.version,
                    engine.platforms = engine.platforms.join(" "),
                    engine.buildkit,
                    "the Docker Engine answers"
                );
            }
            Err(fault) if is_new => tracing::warn!(%fault, "the Docker Engine does not answer"),
            _ => {}
        }
        let sign = Sign {
            id: self.holder.id,
            name: &self.parts.place,
            slots: i32::from(self.parts.settings.slots),
            is_draining: self.stop.is_cancelled(),
            engine: answer.as_ref().ok().map(|engine| {
                serde_json::json!({
                    "version": engine.version, "platform": engine.platforms.first(), "platforms": engine.platforms,
                    "buildkit": engine.buildkit,
                })
            }),
            engine_fault: answer.as_ref().err().map(|fault| fault.message.as_str()),
        };
        let mut connection = self.parts.store.read().await?;
        store::workers::put(&mut connection, sign, self.parts.clock.now()).await?;
        if answer.is_ok() && is_new {
            self.holder.note_engine_works(&mut connection).await?;
        }
        Ok(())
    }

    async fn slot_loop(self: Arc<Self>) {
        let mut engine_answers = self.engine_answers.subscribe();
        while !self.stop.is_cancelled() {
            let has_engine = *engine_answers.borrow_and_update();
            if has_engine {
                match self.run_next().await {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(error) => tracing::warn!(%error, "cannot take a task"),
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = self.parts.notifications.work(), if has_engine => {}
                changed = engine_answers.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(self.until_due().await) => {}
            }
        }
    }

    /// How long to sleep when nobody wakes us: until the next task is due, a few seconds at most.
    async fn until_due(&self) -> Duration {
        const LONGEST: Duration = Duration::from_secs(5);
        let Ok(mut connection) = self.parts.store.read().await else { return LONGEST };
        match store::task_line::next_due(&mut connection).await {
            Ok(Some(due)) => {
                let wait = (due - self.parts.clock.now()).to_std().unwrap_or(Duration::from_millis(250));
                wait.clamp(Duration::from_millis(250), LONGEST)
            }
            _ => LONGEST,
        }
    }

    /// Takes the next task and works on it to whatever end; `false` when there is none to take.
    pub async fn run_next(&self) -> Result<bool, StoreError> {
        let claimed = self.holder.claim().await?;
        let Some(claimed) = claimed else { return Ok(false) };
        tracing::info!(task.id = %claimed.id, executor = %claimed.executor, attempt = claimed.attempt, "building");
        let started = std::time::Instant::now();
        let span = telemetry::build_span(&claimed.id.to_string(), claimed.executor.as_str(), claimed.attempt);
        let outcome = self.work_on(&claimed).instrument(span.clone()).await;
        telemetry::end_build(
            &span,
            match &outcome {
                Ok(Ok(_)) => "built",
                Ok(Err(fault)) => fault.kind.as_str(),
                Err(_) => "interrupted",
            },
        );
        if let Err(error) = self.conclude(&claimed, outcome, started.elapsed()).await {
            // The lease runs out and the task comes back: nothing is lost.
            tracing::error!(task.id = %claimed.id, %error, "cannot conclude a task");
        }
        Ok(true)
    }

    /// Builds while keeping the lease. Whatever ends first, the engine's work stops with it.
    async fn work_on(&self, claimed: &Claimed) -> Result<Result<KeptImages, Fault>, Interrupted> {
        let story = StoryWriter::new(
            self.parts.store.clone(),
            Arc::clone(&self.parts.clock),
            claimed.id,
            self.holder.lease_of(claimed),
        );
        tokio::select! {
            biased;
            () = self.until_drained() => Err(Interrupted::Stopping),
            interrupted = self.keep_lease(claimed) => Err(interrupted),
            built = self.build(claimed, story) => Ok(built),
        }
    }

    /// Resolves when the worker was told to stop and its builds had their time to end.
    async fn until_drained(&self) {
        self.stop.cancelled().await;
        tokio::time::sleep(self.parts.settings.drain.0).await;
    }

    /// Removes an image from the engine: one that ended well lies in the registry, and any other was not searched for secrets.
    pub(super) async fn forget_image(&self, image: &str) {
        if let Err(fault) = self.parts.engine.remove(image).await {
            tracing::debug!(image, %fault, "cannot remove an image from the engine");
        }
    }

    /// Resolves when the task must not be worked on any more. While the database does not answer, work goes on until the
    /// lease runs out by this worker's own clock.
    async fn keep_lease(&self, claimed: &Claimed) -> Interrupted {
        let lease = self.parts.settings.lease.0;
        let mut held_until = tokio::time::Instant::now() + lease;
        // Interest first, then looking: a wish to cancel that comes in between wakes us.
        let mut wishes = self.parts.notifications.cancelled(claimed.id).await;
        loop {
            let heartbeat = self.holder.heartbeat(claimed);
            match heartbeat.await {
                Ok(Heartbeat::Held) => held_until = tokio::time::Instant::now() + lease,
                Ok(Heartbeat::CancelRequested) => return Interrupted::Cancelled,
                Ok(Heartbeat::Lost) => return Interrupted::LeaseLost,
                Err(error) => {
                    tracing::warn!(task.id = %claimed.id, %error, "cannot renew the lease; trying again");
                    if tokio::time::Instant::now() > held_until {
                        return Interrupted::LeaseLost;
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(lease / 3) => {}
                _ = wishes.changed() => {}
            }
        }
    }
}
