//! Where are bytes kept? The settings of the object store.

use std::path::PathBuf;

use serde::Deserialize;

use super::{Bytes, Span, secret_text};
use crate::domain::Secret;

/// `[blobs]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blobs {
    /// Which kind of store.
    pub backend: BlobBackend,
    /// Resolved when settings are loaded.
    pub directory: PathBuf,
    /// Bucket name.
    pub s3_bucket: String,
    /// Empty means Amazon's own.
    pub s3_endpoint: String,
    /// Region name.
    pub s3_region: String,
    /// Key id; empty means that the environment of the machine provides one.
    pub s3_access_key_id: String,
    /// Key.
    #[serde(deserialize_with = "secret_text")]
    pub s3_secret_access_key: Secret,
    /// Whether plain HTTP is allowed to the endpoint.
    pub s3_allow_http: bool,
    /// How long requests are tried again.
    pub s3_patience: Span,
    /// Put before every key.
    pub prefix: String,
    /// With less than this free the Hub is not ready and takes nothing more.
    pub min_free_space: Bytes,
}

/// Kinds of object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlobBackend {
    /// Files below a folder.
    Directory,
    /// An S3-compatible bucket.
    S3,
    /// The memory of this process.
    Memory,
}

impl Blobs {
    /// A key whose value cannot be, and why not.
    pub(super) fn wrong(&self) -> Option<(&'static str, &'static str)> {
        let is_nowhere = self.backend == BlobBackend::S3 && self.s3_bucket.is_empty();
        is_nowhere.then_some(("blobs.s3_bucket", "the backend \"s3\" needs a bucket"))
    }
}
