//! What is one try to build a commit? Its package and variables are fetched, the engine builds for each platform while the log
//! is written, and what came out is stored in the registry; the lease is somebody else's care.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    Fault,
    engine::{BuildOutput, BuildPlan, BuiltImage, ImageKeeper},
    keeping::{self, Keeper, KeptImage, KeptImages},
    logs::{LogError, StoryWriter},
    plan, platforms,
    worker::Worker,
};
use crate::{
    blobs::{BlobError, BlobKey},
    domain::{
        BuildEnv,
        task::{FaultKind, Phase, TaskEvent},
    },
    images::{PlatformImage, ingest::Intake},
    store::{self, task_leases::Claimed},
};

/// Lines that may wait between engine and log; beyond this the build waits for the log.
const OUTPUT_LINES: usize = 1024;

impl Worker {
    /// Builds and stores; when anything fails, the engine keeps nothing of it.
    pub(super) async fn build(&self, claimed: &Claimed, mut story: StoryWriter) -> Result<KeptImages, Fault> {
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
}
