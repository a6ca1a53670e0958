//! How large may what people send be? The settings of packages and artifacts.

use serde::Deserialize;

use super::Bytes;

/// `[packages]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// Bytes of an uploaded zip.
    pub max_upload: Bytes,
    /// Bytes of all its files.
    pub max_unpacked: Bytes,
    /// How many files.
    pub max_files: usize,
    /// Unpacked bytes per packed byte.
    pub max_ratio: u64,
}

/// `[artifacts]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifacts {
    /// Bytes of one artifact.
    pub max_upload: Bytes,
    /// Bytes of all artifacts of one person.
    pub quota: Bytes,
    /// Artifacts of one person.
    pub max_count: u64,
}
