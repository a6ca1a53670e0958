//! What can be done with Executors and artifacts, in no surface's words? Each use case takes a `Caller` and returns domain types.

mod accept;
mod access;
pub mod artifacts;
pub mod builds;
pub mod catalog;
pub mod download;
pub mod progress;
pub mod publish;
pub mod pull;

use std::sync::Arc;

use crate::{
    auth::{Keys, policy::HubRules},
    blobs::{BlobError, Blobs},
    builds::progress::Progress,
    config::{self, BuildMode},
    domain::{
        Clock,
        limits::{ArtifactLimits, PackageLimits},
    },
    error::Error,
    inspect::PythonParser,
    store::Store,
};

/// What the use cases need.
#[derive(Debug)]
pub struct Parts {
    /// Records.
    pub store: Store,
    /// Packages and artifacts.
    pub blobs: Blobs,
    /// Keys for download addresses and build variables.
    pub keys: Keys,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How Python source is read.
    pub parser: PythonParser,
    /// Follows tasks.
    pub progress: Progress,
    /// Rules that the operator chose.
    pub rules: Rules,
}

/// What the operator chose about pushes and pulls.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Who may read.
    pub hub: HubRules,
    /// Whether people may push without signing in.
    pub anonymous_push: bool,
    /// Bounds on uploads.
    pub limits: PackageLimits,
    /// Bounds on artifacts.
    pub artifacts: ArtifactLimits,
    /// When images are built.
    pub build_mode: BuildMode,
    /// Base image with `{jina}` and `{python}`.
    pub base_image: String,
    /// For clients that do not say.
    pub default_jina: String,
    /// For clients that do not say.
    pub default_python: String,
    /// How long a download address works.
    pub download_address_life: std::time::Duration,
    /// First part of image names.
    pub image_prefix: String,
}

impl Rules {
    /// From the settings.
    pub fn of(settings: &config::Settings) -> Self {
        Self {
            hub: HubRules { sign_in_required: settings.auth.sign_in_required },
            anonymous_push: settings.auth.anonymous_push && !settings.auth.sign_in_required,
            limits: settings.package_limits(),
            artifacts: settings.artifact_limits(),
            build_mode: settings.builds.mode,
            base_image: settings.builds.base_image.clone(),
            default_jina: settings.builds.default_jina.clone(),
            default_python: settings.builds.default_python.clone(),
            download_address_life: settings.auth.download_address_life.0,
            image_prefix: settings.builds.image_prefix.clone(),
        }
    }
}

/// The handle that every surface holds.
#[derive(Debug, Clone)]
pub struct Hub(Arc<Parts>);

impl Hub {
    /// Over the given parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Rules that the operator chose.
    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// A file for an upload that is being received; gone when it is dropped. Blocks on the disk.
    pub fn stage_upload(&self) -> std::io::Result<tempfile::NamedTempFile> {
        self.0.blobs.stage()
    }

    /// What a failure to write an upload means to its sender.
    pub fn storage_error(error: std::io::Error) -> Error {
        BlobError::Io(error).into()
    }
}
