//! What is one accepted upload? A commit never changes, it is only added.

use chrono::{DateTime, Utc};

use super::{
    CommitId, ExecutorId, Tag, UserId, Visibility,
    digest::{Md5, Sha256},
    package::Package,
};

/// One accepted, immutable upload of an Executor.
#[derive(Debug, Clone)]
pub struct Commit {
    /// New with every push; old clients mark their local copy with it.
    pub id: CommitId,
    /// Whose commit it is.
    pub executor: ExecutorId,
    /// Identifies the stored zip.
    pub package_sha256: Sha256,
    /// What clients check after a download.
    pub package_md5: Md5,
    /// Bytes of the stored zip.
    pub package_size: u64,
    /// Names of its build variables; their values are told nobody.
    pub build_env_names: Vec<String>,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
}

/// How a commit is to be built and tagged, as its push asked.
#[derive(Debug, Clone)]
pub struct NewCommit {
    /// Minted by the caller, because the package's address is made before the row.
    pub id: CommitId,
    /// The stored zip.
    pub package_sha256: Sha256,
    /// Of the stored zip.
    pub package_md5: Md5,
    /// Of the stored zip, in bytes.
    pub package_size: u64,
    /// What it is built of: the same for the same package and build parameters only.
    pub build_key: [u8; 32],
    /// The same for the same files, whatever packed them.
    pub content_sha256: Sha256,
    /// What inspection found.
    pub package: Package,
    /// Tags to move when it works.
    pub tags: Vec<Tag>,
    /// Tags to set for good when it works.
    pub protected_tags: Vec<Tag>,
    /// What the push said of visibility; `None` leaves it as it is.
    pub visibility: Option<Visibility>,
    /// Names of the build variables.
    pub build_env_names: Vec<String>,
    /// Platforms to build for; empty means the engine's own.
    pub platforms: Vec<String>,
    /// What the client said of its libraries: `jina`, `docarray`, `python`, `architecture`.
    pub client: ClientFacts,
    /// Who pushed it; nobody for an anonymous push.
    pub pushed_by: Option<UserId>,
}

/// What a push client tells of its libraries in `jinameta-*` headers; only what choosing a base image needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ClientFacts {
    /// Version of `jina`, such as `3.27.0`.
    pub jina: Option<String>,
    /// Version of `docarray`.
    pub docarray: Option<String>,
    /// Version of Python, such as `3.11.7`.
    pub python: Option<String>,
    /// `x86_64`, `arm64` …
    pub architecture: Option<String>,
}
