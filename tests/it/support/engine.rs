//! What builds in tests of the queue? A scripted engine, with the same face as the Docker Engine.

use std::{
    collections::VecDeque,
    io::{self, Read},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use executor_hub::{
    builds::{
        Engine, Fault,
        engine::{BuildOutput, BuildPlan, BuiltImage, EngineInfo, ImageKeeper, LayerWatch},
    },
    domain::task::FaultKind,
};
use tokio::sync::{Notify, mpsc};

use super::archive::Image;

/// What every build prints; the last line would break a reader of markup.
const LINES: [&str; 3] =
    ["#1 [1/2] FROM base", "#2 [2/2] RUN true", "#2 0.1 hello from the build in [/workspace]"];

/// How one build goes.
#[derive(Debug, Clone)]
pub enum Script {
    /// It prints a few lines and works.
    Works,
    /// It prints these lines as well and works.
    Says(Vec<String>),
    /// It prints a line and fails.
    Fails(FaultKind),
    /// It prints a line and fails with everything that a fault can tell.
    Explains,
    /// It prints a line and waits until [`FakeEngine::release`]; then it works.
    Waits,
    /// It hands over this archive, whatever that is, and says that it works.
    HandsOver(Vec<u8>),
    /// It hands over an image, and then finds a value in it that must not be there.
    Leaks,
}

/// Builds as the scripts say, in their order; without one, builds work.
#[derive(Debug, Default)]
pub struct FakeEngine {
    is_away: AtomicBool,
    scripts: Mutex<VecDeque<Script>>,
    built: Mutex<Vec<String>>,
    removed: Mutex<Vec<String>>,
    released: Notify,
    started: Notify,
}

impl FakeEngine {
    /// Adds a script.
    pub fn next(&self, script: Script) {
        self.scripts.lock().unwrap().push_back(script);
    }

    /// Makes it answer or not.
    pub fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    /// Lets a waiting build go on.
    pub fn release(&self) {
        self.released.notify_one();
    }

    /// Resolves when a build has started to wait.
    pub async fn has_started(&self) {
        self.started.notified().await;
    }

    /// Names of the images that were built.
    pub fn built(&self) -> Vec<String> {
        self.built.lock().unwrap().clone()
    }

    /// Names of the images that were taken out of it.
    pub fn removed(&self) -> Vec<String> {
        self.removed.lock().unwrap().clone()
    }

    /// The image that it builds of a plan: a layer that all have, and one of its own.
    pub fn image(name: &str) -> Image {
        Image::small("what all images start from", name)
    }
}

/// Gives an image to whoever keeps it, as the Docker Engine does: off the runtime's threads, in one stream.
async fn hand_over(keeper: Option<Arc<dyn ImageKeeper>>, archive: Vec<u8>) -> Result<(), Fault> {
    let Some(keeper) = keeper else { return Ok(()) };
    let taking = tokio::task::spawn_blocking(move || keeper.take(&mut archive.as_slice(), &mut NoWatch));
    taking.await.unwrap().map(drop)
}

/// Looks for nothing.
struct NoWatch;

impl LayerWatch for NoWatch {
    fn layer(&mut self, _path: &str, _tar: &mut dyn Read) -> io::Result<()> {
        Ok(())
    }
}

#[async_trait]
impl Engine for FakeEngine {
    async fn ping(&self) -> Result<EngineInfo, Fault> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(Fault::new(FaultKind::Engine, "The engine does not answer."));
        }
        Ok(EngineInfo {
            version: "0".into(),
            platforms: vec!["linux/amd64".into(), "linux/arm64".into()],
            buildkit: true,
        })
    }

    async fn build(
        &self,
        plan: BuildPlan,
        output: mpsc::Sender<BuildOutput>,
        keeper: Option<Arc<dyn ImageKeeper>>,
    ) -> Result<BuiltImage, Fault> {
        let image = Self::image(&plan.image);
        let mut archive = image.saved();
        let script = self.scripts.lock().unwrap().pop_front().unwrap_or(Script::Works);
        for line in LINES {
            output.send(BuildOutput::Line(line.into())).await.unwrap();
        }
        match script {
            Script::Works => {}
            Script::Says(lines) => {
                for line in lines {
                    output.send(BuildOutput::Line(line)).await.unwrap();
                }
            }
            Script::Fails(kind) => {
                return Err(Fault::new(kind, format!("It failed on purpose ({}).", kind.as_str())));
            }
            Script::Explains => {
                let line = "ERROR: No matching distribution found for nonsense".to_owned();
                return Err(Fault::new(FaultKind::Dependency, "A requirement does not exist.")
                    .with_lines(vec![line])
                    .with_remedy("Look for its name on the package index."));
            }
            Script::Waits => {
                self.started.notify_one();
                self.released.notified().await;
            }
            Script::HandsOver(other) => archive = other,
            Script::Leaks => {
                hand_over(keeper, archive).await?;
                return Err(Fault::new(FaultKind::SecretLeak, "The value of TOKEN was found in the image."));
            }
        }
        hand_over(keeper, archive).await?;
        self.built.lock().unwrap().push(plan.image.clone());
        let platform = plan.platform.unwrap_or_else(|| "linux/amd64".into());
        Ok(BuiltImage { id: image.id(), name: plan.image, platform, size: 1 })
    }

    async fn remove(&self, image: &str) -> Result<(), Fault> {
        self.removed.lock().unwrap().push(image.to_owned());
        Ok(())
    }
}
