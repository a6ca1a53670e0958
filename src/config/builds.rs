//! How are images built, and within which bounds? The settings of builds.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{Bytes, Span};

/// `[builds]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Builds {
    /// Whether images are built.
    pub mode: BuildMode,
    /// Builds at once in this process.
    pub slots: u16,
    /// Address of the engine; resolved when settings are loaded.
    pub engine: String,
    /// With `{jina}`, `{python}` and `{docarray}`.
    pub base_image: String,
    /// For clients that do not say.
    pub default_jina: String,
    /// For clients that do not say.
    pub default_python: String,
    /// For clients that do not say.
    pub default_docarray: String,
    /// First part of image names.
    pub image_prefix: String,
    /// Patterns of images to start from.
    pub allowed_images: Vec<String>,
    /// Network of build steps.
    pub network: BuildNetwork,
    /// PEM file, or empty.
    pub ca_certificates: PathBuf,
    /// Lease of a worker.
    pub lease: Span,
    /// Tries after engine faults.
    pub max_attempts: u16,
    /// How long builds may go on after the signal to stop.
    pub drain: Span,
    /// Bound on one build.
    pub time_limit: Span,
    /// Bound on one build step.
    pub memory_limit: Bytes,
    /// Bound on the processes of one build step.
    pub process_limit: u32,
    /// Bound on what one build step writes to the engine's disk.
    pub disk_limit: Bytes,
    /// What a build leaves free on the engine's disk.
    pub disk_reserve: Bytes,
    /// Bound on kept console output.
    pub log_limit: Bytes,
    /// Bound on all console output.
    pub output_limit: Bytes,
    /// Bound on the layers of an image, unpacked.
    pub image_limit: Bytes,
    /// What to do where limits cannot be kept.
    pub unkept_limits: UnkeptLimits,
    /// Age at which unused build cache is removed; zero keeps it.
    pub cache_age: Span,
    /// Variables for every build step; no secrets.
    pub environment: BTreeMap<String, String>,
}

/// When images are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildMode {
    /// When an engine answers; packages are taken without one.
    Auto,
    /// Always; pushes wait for an engine.
    Required,
    /// Never.
    Off,
}

/// What becomes of a build whose memory, processes and disk cannot be bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnkeptLimits {
    /// It runs, and its log says so.
    Warn,
    /// It does not run, unless the classic builder can bound its memory.
    Refuse,
}

/// Network of build steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildNetwork {
    /// The engine's own.
    Default,
    /// None at all.
    None,
}

impl Builds {
    /// A key whose value cannot be, and why not.
    pub(super) fn wrong(&self) -> Option<(&'static str, &'static str)> {
        if self.lease.0 < Duration::from_secs(3) {
            return Some(("builds.lease", "it must be 3s or more, for a heartbeat every third of it"));
        }
        if self.max_attempts == 0 {
            return Some(("builds.max_attempts", "at least 1 is needed"));
        }
        if self.memory_limit.0 < 16 << 20 {
            return Some(("builds.memory_limit", "it must be 16MiB or more, or no step can begin"));
        }
        if self.process_limit < 16 {
            return Some(("builds.process_limit", "it must be 16 or more, or no step can begin"));
        }
        let prefix = &self.image_prefix;
        let in_grammar =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '/' | ':');
        let is_good = !prefix.is_empty() && prefix.chars().all(in_grammar);
        (!is_good).then_some(("builds.image_prefix", "use lower-case letters, digits, '-', '.', '/' and ':'"))
    }
}
