//! Who builds? A worker: it claims a task, runs it on its engine under a lease that it keeps alive, and finishes it. Told to
//! stop, it takes nothing more, lets its builds go on for a while, and hands back what is not done then.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    Engine, Fault,
    engine::{BuildOutput, BuildPlan, BuiltImage, ImageKeeper},
    holder::Holder,
    keeping::{self, Keeper, KeptImage, KeptImages},
    logs::{LogError, StoryWriter},
    plan, platforms,
    sealing::Sealer,
    sweeper,
};
use crate::{
    auth::Keys,
    blobs::{BlobError, BlobKey, Blobs},
    config,
    domain::{
        BuildEnv, Clock, WorkerId,
        limits::BuildLimits,
        task::{FaultKind, Phase, TaskEvent},
    },
    images::{Images, PlatformImage, ingest::Intake},
    store::{
        self, Store, StoreError,
        notify::Notifications,
        task_leases::{Claimed, Heartbeat},
        workers::Sign,
    },
    telemetry,
};

/// Lines that may wait between engine and log; beyond this the build waits for the log.
const OUTPUT_LINES: usize = 1024;
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

    async fn build(&self, claimed: &Claimed, mut story: StoryWriter) -> Result<KeptImages, Fault> {
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
        let package = self.parts.blobs.local_file(&key).await.map_err(|error| match &error {
            BlobError::NotFound(_) => ours(&error).with_remedy(
                "Its operator should give every worker the `[blobs]` settings of the Hub: the package is not in this one's.",
            ),
            _ => ours(&error),
        })?;
        let build_env = match &claimed.build_env {
            None => BuildEnv::default(),
            Some(sealed) => self
                .parts
                .keys
                .decrypt_build_env(claimed.id, sealed)
                .ok_or_else(|| ours(&"the build variables do not open with this master key"))?,
        };
        let plans: Vec<BuildPlan> = self
            .platforms(&to_build.platforms)
            .await?
            .into_iter()
            .map(|platform| {
                let (package, build_env) = (package.path().to_owned(), build_env.clone());
                plan::of(claimed, &to_build, package, build_env, platform, &self.parts)
            })
            .collect();
        let names: Vec<String> = plans.iter().map(|plan| plan.image.clone()).collect();
        let (output, lines) = mpsc::channel(OUTPUT_LINES);
        // Both end together: the channel closes when the builds are over, and then the log is complete.
        let (built, written) = tokio::join!(self.build_all(claimed, plans, output), story.write(lines));
        drop(package);
        let built = match written {
            // A build without its log is not told truly; the next try may be.
            Err(LogError::Refused(error)) if built.is_ok() => Err(ours(&error)),
            _ => built,
        };
        let kept = match built {
            Ok(built) => self.store(claimed, built).await,
            Err(fault) => Err(fault),
        };
        if kept.is_err() {
            for name in &names {
                self.forget_image(name).await;
            }
        }
        kept
    }

    /// What to build for. The engine is asked only when somebody wants more than it builds by itself.
    async fn platforms(&self, wanted: &[String]) -> Result<Vec<Option<String>>, Fault> {
        if wanted.is_empty() {
            return platforms::choose(wanted, &[]);
        }
        platforms::choose(wanted, &self.parts.engine.ping().await?.platforms)
    }

    /// Builds one after the other, each within the time and space of a build; the first that fails ends it.
    async fn build_all(
        &self,
        claimed: &Claimed,
        plans: Vec<BuildPlan>,
        output: mpsc::Sender<BuildOutput>,
    ) -> Result<Vec<(BuiltImage, Arc<Keeper>)>, Fault> {
        let (several, mut built) = (plans.len() > 1, Vec::with_capacity(plans.len()));
        for plan in plans {
            if several {
                let platform = plan.platform.as_deref().unwrap_or("the engine's own platform");
                // The log may have ended; the build ends with it then.
                let _ = output.send(BuildOutput::Line(format!("[building for {platform}]"))).await;
            }
            let cancelled = CancellationToken::new();
            let _cancelled_when_dropped = cancelled.clone().drop_guard();
            let keeper = Arc::new(Keeper::new(Intake {
                images: self.parts.images.clone(),
                executor: claimed.executor.clone(),
                limit: self.parts.settings.image_limit.0,
                cancelled,
            }));
            let taker = Arc::clone(&keeper) as Arc<dyn ImageKeeper>;
            let image = self.parts.engine.build(plan, output.clone(), Some(taker)).await?;
            built.push((image, keeper));
        }
        Ok(built)
    }

    /// Stores the images of a task, and what stands for all of them.
    async fn store(
        &self,
        claimed: &Claimed,
        built: Vec<(BuiltImage, Arc<Keeper>)>,
    ) -> Result<KeptImages, Fault> {
        let storing = async {
            let (mut images, mut of_platforms) = (Vec::new(), Vec::new());
            for (image, keeper) in built {
                let manifest = keeper.store().await?.manifest;
                of_platforms.push(PlatformImage { platform: image.platform.clone(), manifest });
                images.push(KeptImage { image, manifest: Some(manifest) });
            }
            let index = self.parts.images.put_index(&claimed.executor, &of_platforms).await;
            let manifest = index.map_err(|error| keeping::not_stored(&error))?;
            Ok(KeptImages { images, manifest: Some(manifest) })
        };
        let late = || keeping::not_stored(&"it took longer than a build may take");
        tokio::time::timeout(self.parts.limits.time, storing).await.unwrap_or_else(|_| Err(late()))
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
