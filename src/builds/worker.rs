//! Who builds? A worker: it claims a task, runs it on its engine under a lease that it keeps alive, and finishes it.

use std::{
    sync::{Arc, atomic::AtomicU32},
    time::Duration,
};

use chrono::TimeDelta;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{Engine, Fault, engine::BuiltImage, logs::StoryWriter, plan, sweeper};
use crate::{
    auth::Keys,
    blobs::{BlobKey, Blobs},
    config,
    domain::{
        BuildEnv, Clock, WorkerId,
        limits::BuildLimits,
        task::{FaultKind, Phase, TaskEvent},
    },
    store::{
        self, Store, StoreError,
        notify::Notifications,
        tasks::{Claimed, Heartbeat},
        workers::Sign,
    },
};

/// Lines that may wait between engine and log; beyond this the build waits for the log.
const OUTPUT_LINES: usize = 1024;
/// How often a worker asks its engine whether it is there, and looks for silent workers.
const PULSE: Duration = Duration::from_secs(10);
/// How long the story of a first push that failed can still be read after its name was given back.
const KEEP_DISCARDED: TimeDelta = TimeDelta::hours(1);

/// What a worker needs.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Records.
    pub store: Store,
    /// Packages.
    pub blobs: Blobs,
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
    pub(super) id: WorkerId,
    pub(super) parts: Parts,
    engine_answers: watch::Sender<bool>,
    pub(super) faults_in_a_row: AtomicU32,
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
    /// A worker that has not started. `stop` makes it hand its tasks back and end.
    pub fn new(parts: Parts, stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            id: WorkerId::mint(),
            parts,
            engine_answers: watch::channel(false).0,
            faults_in_a_row: AtomicU32::new(0),
            stop,
        })
    }

    /// Takes over from workers that died in this place and says whether there is an engine: after this, a push knows
    /// whether it will be built.
    pub async fn register(&self) -> Result<(), StoreError> {
        self.pulse().await?;
        let mut transaction = self.parts.store.begin().await?;
        let now = self.parts.clock.now();
        let place = &self.parts.place;
        let expired =
            store::tasks::expire_leases_of_predecessors(&mut transaction, place, self.id, now).await?;
        transaction.commit().await?;
        if expired > 0 {
            tracing::info!(tasks = expired, "taking over tasks of a worker that died here");
        }
        sweeper::sweep(&self.parts.store, &self.parts.clock).await?;
        Ok(())
    }

    /// Works until it is told to stop; then hands back what it holds.
    pub async fn run(self: Arc<Self>) {
        let mut loops = JoinSet::new();
        loops.spawn(Arc::clone(&self).pulse_loop());
        for _ in 0..self.parts.settings.slots {
            loops.spawn(Arc::clone(&self).slot_loop());
        }
        while loops.join_next().await.is_some() {}
        let removed = async {
            let mut connection = self.parts.store.read().await?;
            let long_ago = self.parts.clock.now() - TimeDelta::days(1);
            store::workers::remove(&mut connection, self.id, long_ago).await
        };
        if let Err(error) = removed.await {
            tracing::warn!(%error, "cannot take the worker off the list");
        }
    }

    async fn pulse_loop(self: Arc<Self>) {
        while !self.stop.is_cancelled() {
            if let Err(error) = self.pulse().await {
                tracing::warn!(%error, "cannot write the worker's sign of life");
            }
            if let Err(error) = self.tidy().await {
                tracing::warn!(%error, "cannot look for silent workers and for what is to be deleted");
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(PULSE) => {}
            }
        }
    }

    async fn tidy(&self) -> Result<(), StoreError> {
        sweeper::sweep(&self.parts.store, &self.parts.clock).await?;
        let now = self.parts.clock.now();
        let mut connection = self.parts.store.read().await?;
        store::executors::collect_discarded(&mut connection, now - KEEP_DISCARDED, now).await?;
        Ok(())
    }

    /// Asks the engine whether it is there, and tells everybody.
    async fn pulse(&self) -> Result<(), StoreError> {
        let answer = self.parts.engine.ping().await;
        let is_new = self.engine_answers.send_replace(answer.is_ok()) != answer.is_ok();
        match &answer {
            Ok(engine) if is_new => {
                tracing::info!(engine.version, engine.platform, engine.buildkit, "the Docker Engine answers");
            }
            Err(fault) if is_new => tracing::warn!(%fault, "the Docker Engine does not answer"),
            _ => {}
        }
        let sign = Sign {
            id: self.id,
            name: &self.parts.place,
            slots: i32::from(self.parts.settings.slots),
            engine: answer.as_ref().ok().map(|engine| {
                serde_json::json!({
                    "version": engine.version, "platform": engine.platform, "buildkit": engine.buildkit,
                })
            }),
            engine_fault: answer.as_ref().err().map(|fault| fault.message.as_str()),
        };
        let mut connection = self.parts.store.read().await?;
        store::workers::put(&mut connection, sign, self.parts.clock.now()).await
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
        match store::tasks::next_due(&mut connection).await {
            Ok(Some(due)) => {
                let wait = (due - self.parts.clock.now()).to_std().unwrap_or(Duration::from_millis(250));
                wait.clamp(Duration::from_millis(250), LONGEST)
            }
            _ => LONGEST,
        }
    }

    /// Takes the next task and works on it to whatever end; `false` when there is none to take.
    pub async fn run_next(&self) -> Result<bool, StoreError> {
        let now = self.parts.clock.now();
        let claimed = {
            let mut connection = self.parts.store.read().await?;
            store::tasks::claim(&mut connection, self.id, now + self.lease(), now).await?
        };
        let Some(claimed) = claimed else { return Ok(false) };
        tracing::info!(task.id = %claimed.id, executor = %claimed.executor, attempt = claimed.attempt, "building");
        let outcome = self.work_on(&claimed).await;
        if let Err(error) = self.conclude(&claimed, outcome).await {
            // The lease runs out and the task comes back: nothing is lost.
            tracing::error!(task.id = %claimed.id, %error, "cannot conclude a task");
        }
        Ok(true)
    }

    /// Builds while keeping the lease. Whatever ends first, the engine's work stops with it.
    async fn work_on(&self, claimed: &Claimed) -> Result<Result<BuiltImage, Fault>, Interrupted> {
        let story = StoryWriter {
            store: self.parts.store.clone(),
            clock: Arc::clone(&self.parts.clock),
            task: claimed.id,
            worker: self.id,
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Interrupted::Stopping),
            interrupted = self.keep_lease(claimed) => Err(interrupted),
            built = self.build(claimed, story) => Ok(built),
        }
    }

    async fn build(&self, claimed: &Claimed, story: StoryWriter) -> Result<BuiltImage, Fault> {
        let ours = |error: &dyn std::fmt::Display| {
            tracing::error!(task.id = %claimed.id, %error, "a build failed for a reason of the Hub's own");
            Fault::new(FaultKind::Internal, "The Hub could not build this because of a fault of its own.")
        };
        let start = TaskEvent::PhaseStarted {
            phase: Phase::Build,
            message: if claimed.attempt > 1 {
                format!("Building the image (attempt {}).", claimed.attempt)
            } else {
                "Building the image.".to_owned()
            },
        };
        story.append(&[start]).await.map_err(|error| ours(&error))?;
        let to_build = {
            let mut connection = self.parts.store.read().await.map_err(|error| ours(&error))?;
            store::commits::to_build(&mut connection, claimed.commit).await.map_err(|error| ours(&error))?
        };
        let to_build = to_build.ok_or_else(|| ours(&"the commit is gone"))?;
        let key = BlobKey::Package(to_build.commit.package_sha256);
        let package = self.parts.blobs.local_file(&key).await.map_err(|error| ours(&error))?;
        let build_env = match &claimed.build_env {
            None => BuildEnv::default(),
            Some(sealed) => self
                .parts
                .keys
                .decrypt_build_env(claimed.id, sealed)
                .ok_or_else(|| ours(&"the build variables do not open with this master key"))?,
        };
        let plan = plan::of(
            claimed,
            &to_build,
            package.path().to_owned(),
            build_env,
            &self.parts.settings.image_prefix,
            self.parts.limits,
            &self.parts.keys,
        );
        let image = plan.image.clone();
        let (output, lines) = mpsc::channel(OUTPUT_LINES);
        // Both end together: the channel closes when the build is over, and then the log is complete.
        let (built, ()) = tokio::join!(self.parts.engine.build(plan, output), story.write(lines));
        drop(package);
        if built.is_err() {
            self.forget_image(&image).await;
        }
        built
    }

    /// Removes what a build that did not end well may have left in the engine, since nobody searched it for secrets.
    async fn forget_image(&self, image: &str) {
        if let Err(fault) = self.parts.engine.remove(image).await {
            tracing::debug!(image, %fault, "cannot remove the image of a failed build");
        }
    }

    /// Resolves when the task must not be worked on any more. While the database does not answer, work goes on until the
    /// lease runs out by this worker's own clock.
    async fn keep_lease(&self, claimed: &Claimed) -> Interrupted {
        let lease = self.parts.settings.lease.0;
        let mut held_until = tokio::time::Instant::now() + lease;
        loop {
            tokio::time::sleep(lease / 3).await;
            let until = self.parts.clock.now() + self.lease();
            let heartbeat = async {
                let mut connection = self.parts.store.read().await?;
                store::tasks::heartbeat(&mut connection, claimed.id, self.id, until).await
            };
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
        }
    }

    fn lease(&self) -> TimeDelta {
        TimeDelta::from_std(self.parts.settings.lease.0).unwrap_or(TimeDelta::seconds(30))
    }
}
