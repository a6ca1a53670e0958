//! What can be done with Executors and artifacts, in no surface's words? Each use case takes a `Caller` and returns domain types.

mod accept;
mod access;
pub mod artifacts;
pub mod audit;
pub mod builds;
pub mod catalog;
pub mod collection;
pub mod deletion;
pub mod download;
pub mod files;
pub mod following;
pub mod grants;
mod image_names;
pub mod import;
pub mod listing;
mod namespace;
pub mod offers;
pub mod overview;
pub mod progress;
pub mod publish;
pub mod pull;
mod pull_counts;
pub mod rates;
mod recognise;
pub mod registry_tokens;
mod repeat;
pub mod repositories;
pub mod secrets;
pub mod show;
pub mod subject;
pub mod tags;
pub mod teams;
pub mod usage;

use std::sync::Arc;

use chrono::TimeDelta;

use crate::{
    auth::{Keys, policy::HubRules, secrets::Secrets},
    blobs::{Batches, BlobError, Blobs},
    builds::progress::Progress,
    config::{self, BuildMode},
    domain::{
        Clock, TagPattern,
        limits::{ArtifactLimits, PackageLimits},
    },
    error::Error,
    images::Images,
    inspect::PythonParser,
    store::{self, Store},
};

pub use crate::blobs::TakesPieces;
pub use pull_counts::PullCounts;

/// What the use cases need.
#[derive(Debug)]
pub struct Parts {
    /// Records.
    pub store: Store,
    /// Packages and artifacts.
    pub blobs: Blobs,
    /// The registry of images.
    pub images: Images,
    /// Keys for download addresses and build variables.
    pub keys: Keys,
    /// Whether secrets fit.
    pub secrets: Secrets,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How Python source is read.
    pub parser: PythonParser,
    /// Follows tasks.
    pub progress: Progress,
    /// Rules that the operator chose.
    pub rules: Rules,
    /// What was pulled since it was last written down.
    pub pull_counts: PullCounts,
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
    /// Base image with `{jina}`, `{python}` and `{docarray}`.
    pub base_image: String,
    /// For clients that do not say.
    pub default_jina: String,
    /// For clients that do not say.
    pub default_python: String,
    /// For clients that do not say.
    pub default_docarray: String,
    /// How long a download address works.
    pub download_address_life: std::time::Duration,
    /// Host under which images are pulled, with its port.
    pub image_host: String,
    /// How long a token for Docker works.
    pub registry_token_life: TimeDelta,
    /// For how long what was deleted can be brought back.
    pub undo_window: TimeDelta,
    /// How much one person may have.
    pub quotas: usage::Quotas,
    /// How often one may push or ask.
    pub rates: rates::Rates,
    /// How long bytes that nothing needs are kept.
    pub collection_grace: TimeDelta,
    /// How often bytes that nothing needs are collected; zero means when somebody says so.
    pub collect_every: TimeDelta,
    /// Tags that are protected by rule where an Executor has no patterns of its own.
    pub protected_tags: Vec<TagPattern>,
}

impl Rules {
    /// From the settings.
    pub fn of(settings: &config::Settings) -> Self {
        let time = |span: config::Span| TimeDelta::from_std(span.0).unwrap_or(TimeDelta::days(7));
        Self {
            hub: HubRules { sign_in_required: settings.auth.sign_in_required },
            anonymous_push: settings.auth.anonymous_push && !settings.auth.sign_in_required,
            limits: settings.package_limits(),
            artifacts: settings.artifact_limits(),
            build_mode: settings.builds.mode,
            base_image: settings.builds.base_image.clone(),
            default_jina: settings.builds.default_jina.clone(),
            default_python: settings.builds.default_python.clone(),
            default_docarray: settings.builds.default_docarray.clone(),
            download_address_life: settings.auth.download_address_life.0,
            image_host: settings.server.image_host().to_owned(),
            registry_token_life: time(settings.images.token_life),
            quotas: usage::Quotas {
                package_bytes: settings.limits.storage_per_owner.0,
                executors: settings.limits.executors_per_owner,
            },
            rates: rates::Rates {
                pushes_per_hour: settings.limits.pushes_per_hour,
                anonymous_pushes_per_hour: settings.limits.anonymous_pushes_per_hour,
                requests_per_minute: settings.limits.api_requests_per_minute,
            },
            undo_window: time(settings.executors.undo_window),
            collection_grace: time(settings.collection.grace),
            collect_every: time(settings.collection.every),
            protected_tags: settings.executors.protected_tags.clone(),
        }
    }
}

/// The handle that every surface holds.
#[derive(Debug, Clone)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: Parts,
    /// How often callers have asked lately.
    requests: rates::RequestRates,
    /// Turns of those who look into packages.
    looks: tokio::sync::Semaphore,
}

impl std::ops::Deref for Inner {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Hub {
    /// Over the given parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            parts,
            requests: rates::RequestRates::default(),
            looks: tokio::sync::Semaphore::new(files::LOOKS),
        }))
    }

    /// Rules that the operator chose.
    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// Writes down for the database what the operator's settings say. Every server does so before it serves.
    pub async fn write_rules(&self) -> Result<(), Error> {
        let mut transaction = self.0.store.begin().await?;
        store::tag_rules::set_of_operator(&mut transaction, &self.0.rules.protected_tags).await?;
        Ok(transaction.commit().await?)
    }

    /// A file for an upload that is being received; gone when it is dropped. Blocks on the disk.
    pub fn stage_upload(&self) -> std::io::Result<tempfile::NamedTempFile> {
        self.0.blobs.stage()
    }

    /// The way of an upload to its file.
    pub fn batches_to<W: TakesPieces>(&self, writer: W) -> Batches<W> {
        self.0.blobs.batches_to(writer)
    }

    /// What a failure to write an upload means to its sender.
    pub fn storage_error(error: std::io::Error) -> Error {
        BlobError::Io(error).into()
    }
}
