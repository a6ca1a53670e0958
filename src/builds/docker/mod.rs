//! How does the Docker Engine build an Executor's image? Through BuildKit, with secrets from memory, from a package
//! that is streamed, under limits; and nothing of a build is left running when its future is dropped.
//!
//! ```text
//!   package zip ── recipe ──▶ dockerfile (checked, rewritten) ──▶ context (tar stream) ──▶ engine
//!   build env ──▶ provision (mounts) ──▶ session (gRPC) ──▶ engine
//!   limits ──▶ guard (steps by their mark) ──▶ cgroup, usage ──▶ the kernel
//!   engine ──▶ progress (lines) ──▶ console (masked, bounded) ──▶ the task's events
//!   image ──▶ export (one pass) ──▶ leaks (search of its layers), and whoever keeps the image ──▶ BuiltImage
//! ```

mod build;
mod cgroup;
mod classify;
mod connection;
mod console;
mod context;
pub mod diagnosis;
mod dockerfile;
mod export;
mod glob;
mod guard;
mod ignore;
mod images;
mod instruction;
mod leaks;
mod mask;
#[cfg(test)]
mod mask_hostile;
mod offer;
mod permissions;
mod preparation;
mod progress;
mod provision;
mod prune;
mod session;
mod step;
mod usage;
mod variables;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use async_trait::async_trait;
use bollard::{errors::Error, query_parameters::RemoveImageOptionsBuilder};
use tokio::sync::mpsc;

use self::connection::{ANSWER_TIME, Host, SessionOrFault, abilities};
use self::{
    dockerfile::Rules,
    images::ImageRule,
    instruction::Heredocs,
    provision::{Ingredients, Provision},
    step::Place,
};
use super::{
    engine::{BuildOutput, BuildPlan, BuiltImage, Engine, EngineInfo, ImageKeeper},
    fault::Fault,
};
use crate::domain::{BuildEnv, task::FaultKind};

pub use self::prune::Pruned;

/// How the engine is reached and what builds on it may do.
#[derive(Debug, Clone, Default)]
pub struct DockerSettings {
    /// `unix:///path/to/docker.sock` or `tcp://host:port`; `None` means `/var/run/docker.sock`.
    pub host: Option<String>,
    /// Patterns of images that Dockerfiles may build upon or copy from (`python:3.*`, `ghcr.io/team/**`, `python` for
    /// any tag). Empty: all but the Hub's own.
    pub allowed_images: Vec<String>,
    /// The path under which the Hub names its images in the engine, such as `executor-hub/`. They may be private, so
    /// no Dockerfile may use them.
    pub own_image_prefix: String,
    /// What steps may reach.
    pub network: Network,
    /// What becomes of builds whose steps cannot be bounded.
    pub unbounded: Unbounded,
    /// Variables for every `RUN` that are no secrets: package index, proxies. What an image sets itself wins.
    pub environment: BTreeMap<String, String>,
    /// A bundle of certificates in PEM (at most 500 KiB, the engine's limit) for every `RUN`. It replaces the one of
    /// the image for pip, requests, OpenSSL, curl and git, so it should hold the public authorities too.
    pub ca_certificates: Option<PathBuf>,
}

/// The network of a build's steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Network {
    /// The engine's bridge: the world, but not the engine's own host by its loopback address.
    #[default]
    Default,
    /// None at all: all that a build needs must be in its base image.
    None,
}

/// What becomes of a build on an engine whose BuildKit steps this process cannot reach to bound their memory,
/// processes and disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unbounded {
    /// It runs, and its log says so.
    #[default]
    Warned,
    /// The classic builder, which bounds memory by itself, builds it; what has variables is refused.
    Refused,
}

/// Builds with a Docker Engine (20.10 or later). Nothing is connected until something is asked, and each task connects
/// anew: an engine that was restarted is simply there again.
#[derive(Debug, Clone)]
pub struct DockerEngine {
    settings: DockerSettings,
    /// Whether the operator was told which limits are kept.
    told: Arc<OnceLock<()>>,
}

impl DockerEngine {
    /// An engine by its settings; does not fail and does not connect.
    pub fn new(settings: DockerSettings) -> Self {
        Self { settings, told: Arc::default() }
    }

    fn host(&self) -> Result<Host, Fault> {
        Host::parse(self.settings.host.as_deref())
    }
}

#[async_trait]
impl Engine for DockerEngine {
    async fn ping(&self) -> Result<EngineInfo, Fault> {
        let host = self.host()?;
        let asking = async {
            let docker = host.connect(ANSWER_TIME).await?;
            let buildkit = match host.open_session(&Provision::none()).await {
                Ok(_) => true,
                Err(SessionOrFault::NoBuildKit(_)) => false,
                Err(SessionOrFault::Fault(fault)) => return Err(fault),
            };
            if buildkit && self.told.set(()).is_ok() {
                match Place::find(&host, &docker).await {
                    Ok(_) => tracing::info!("memory, processes and disk of build steps are bounded"),
                    Err(reason) => {
                        tracing::warn!(
                            reason,
                            "memory, processes and disk of BuildKit's steps are not bounded"
                        );
                    }
                }
            }
            let mut info = abilities(&host, &docker, buildkit).await?.info;
            if buildkit {
                // An engine whose BuildKit cannot be asked builds for itself all the same.
                let offered = host.offered_platforms().await.unwrap_or_else(|error| {
                    tracing::debug!(%error, "the engine does not say what it builds for");
                    Vec::new()
                });
                for platform in offered {
                    if !info.platforms.contains(&platform) {
                        info.platforms.push(platform);
                    }
                }
            }
            Ok(info)
        };
        match tokio::time::timeout(ANSWER_TIME, asking).await {
            Ok(answer) => answer,
            Err(_) => Err(host.silent(&"it is silent")),
        }
    }

    async fn build(
        &self,
        plan: BuildPlan,
        output: mpsc::Sender<BuildOutput>,
        keeper: Option<Arc<dyn ImageKeeper>>,
    ) -> Result<BuiltImage, Fault> {
        build::build(&self.settings, &self.host()?, plan, output, keeper).await
    }

    async fn remove(&self, image: &str) -> Result<(), Fault> {
        let host = self.host()?;
        let docker = host.connect(ANSWER_TIME).await?;
        let options = RemoveImageOptionsBuilder::default().force(true).build();
        match docker.remove_image(image, Some(options), None).await {
            Ok(_) | Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(()),
            Err(error) => Err(Fault::new(
                FaultKind::Engine,
                format!("The Docker Engine did not remove the image {image}: {error}. It is tried again."),
            )),
        }
    }
}

/// What an engine would get to read of an author's Dockerfile when these variables are pushed along; else which line is
/// at fault. For checking one without an engine: any image may be used.
pub fn rewritten(text: &str, build_env: &BuildEnv) -> Result<String, String> {
    let provision = Provision::new(Ingredients {
        environment: Vec::new(),
        certificates: None,
        build_env,
        scope: "check",
        mark: None,
    });
    let rules = Rules {
        images: &ImageRule::new(Vec::new(), "executor-hub/"),
        provision: &provision,
        heredocs: Heredocs::Known,
        args: BTreeMap::new(),
    };
    dockerfile::rewrite(text, &rules)
        .map(|rewritten| rewritten.text)
        .map_err(|rejected| format!("line {}: {}", rejected.line, rejected.reason))
}
