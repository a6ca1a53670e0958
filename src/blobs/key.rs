//! Where does each kind of object lie? Keys are made of digests only, never of a text that somebody sent.

use std::fmt;

use crate::domain::digest::Sha256;

/// The key of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlobKey {
    /// A canonical package zip, by its own digest: the same bytes are kept once.
    Package(Sha256),
    /// An artifact's bytes, by their digest: the same bytes are kept once, whoever stored them.
    Artifact(Sha256),
    /// The sealed story of a task, by its own digest.
    Log(Sha256),
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (folder, digest, ending) = match self {
            Self::Package(digest) => ("packages", digest, ".zip"),
            Self::Artifact(digest) => ("artifacts", digest, ""),
            Self::Log(digest) => ("logs", digest, ".jsonl.gz"),
        };
        // Two levels of folders keep each of them small for a million objects.
        let hex = digest.to_string();
        let (level, _) = hex.split_at(2);
        write!(f, "{folder}/sha256/{level}/{hex}{ending}")
    }
}
