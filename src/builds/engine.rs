//! What must a builder of images be able to do? The seam between the queue and the Docker Engine.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::PathBuf,
    sync::Arc,
};

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::{
    domain::{BuildEnv, CommitId, ExecutorId, TaskId, limits::BuildLimits},
    images::archive::Outline,
};

use super::fault::Fault;

/// Builds images. Two implementations exist: the Docker Engine, and a scripted one for the tests of the queue.
#[async_trait]
pub trait Engine: Send + Sync + std::fmt::Debug {
    /// Asks whether the engine answers, and what it is. Returns within a few seconds.
    async fn ping(&self) -> Result<EngineInfo, Fault>;

    /// Builds the image of `plan` for its one platform, sending what the build prints to `output` as it happens, and hands the image to
    /// `keeper`, once it is whole. Without a keeper it stays in the engine. An error means that the image must not be used,
    /// whatever the keeper has of it. Dropping the future stops the build at once and leaves nothing running. Building the
    /// same plan again is allowed and replaces the image.
    async fn build(
        &self,
        plan: BuildPlan,
        output: mpsc::Sender<BuildOutput>,
        keeper: Option<Arc<dyn ImageKeeper>>,
    ) -> Result<BuiltImage, Fault>;

    /// Removes an image by name; it is no error when there is none.
    async fn remove(&self, image: &str) -> Result<(), Fault>;
}

/// Takes an image out of the engine: as one stream, which is read once.
pub trait ImageKeeper: Send + Sync + std::fmt::Debug {
    /// Reads an image's archive (what `docker save` writes) to its end and shows `watch` each of its layers. Blocks. What
    /// was taken is for nobody to have before the engine's `build` has ended well: only then was all of it searched.
    fn take(&self, archive: &mut dyn Read, watch: &mut dyn LayerWatch) -> Result<Outline, Fault>;
}

/// Sees the layers of an image while they pass by.
pub trait LayerWatch {
    /// A layer, unpacked, by its path in the archive. Need not be read to its end.
    fn layer(&mut self, path: &str, tar: &mut dyn Read) -> io::Result<()>;
}

/// What an engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineInfo {
    /// Its version, such as `20.10.24`.
    pub version: String,
    /// The platforms that it builds for, such as `linux/amd64`: the one that it is itself first. Never empty.
    pub platforms: Vec<String>,
    /// Whether BuildKit is there; without it, builds with build variables are refused.
    pub buildkit: bool,
}

/// Everything that one build needs.
#[derive(Debug)]
pub struct BuildPlan {
    /// Which task asks; names the build's session and temporary things.
    pub task: TaskId,
    /// Which Executor, for labels.
    pub executor: ExecutorId,
    /// Which commit, for labels.
    pub commit: CommitId,
    /// The canonical package zip, on this machine's disk.
    pub package: PathBuf,
    /// Path of the Dockerfile inside the package.
    pub dockerfile: String,
    /// Whether the Hub wrote that Dockerfile itself.
    pub dockerfile_is_generated: bool,
    /// Full image name with tag, such as `executor-hub/w7qckiqy:0192…`.
    pub image: String,
    /// Image labels.
    pub labels: BTreeMap<String, String>,
    /// `ARG` values that are no secrets (`JINA_VERSION` and the like).
    pub build_args: BTreeMap<String, String>,
    /// The author's variables: they reach every `RUN` as secrets and never a layer.
    pub build_env: BuildEnv,
    /// Keyed hash of owner and values: different owners or values never share a cached layer.
    pub secret_scope: String,
    /// Whether to ignore cached layers.
    pub no_cache: bool,
    /// One of the platforms that the engine offers; `None` is the engine's own.
    pub platform: Option<String>,
    /// Bounds.
    pub limits: BuildLimits,
}

/// What a build prints and does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildOutput {
    /// One line of console text without its line end, in BuildKit's plain progress form (`#5 [2/3] RUN …`,
    /// `#5 0.312 text`, `#5 DONE 0.4s`), values of build variables already masked.
    Line(String),
    /// Something that the author should know.
    Warning(String),
}

/// The image that a build made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// The engine's image id (`sha256:…`).
    pub id: String,
    /// The name and tag under which the engine keeps it.
    pub name: String,
    /// Its platform, such as `linux/amd64`.
    pub platform: String,
    /// Bytes of all its layers, unpacked.
    pub size: u64,
}
