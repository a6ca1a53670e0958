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
    /// A layer or configuration of images, by its digest: the same bytes are kept once, whoever pushed them.
    Image(Sha256),
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (folder, digest, ending) = match self {
            Self::Package(digest) => ("packages", digest, ".zip"),
            Self::Artifact(digest) => ("artifacts", digest, ""),
            Self::Log(digest) => ("logs", digest, ".jsonl.gz"),
            Self::Image(digest) => ("images", digest, ""),
        };
        // Two levels of folders keep each of them small for a million objects.
        let hex = digest.to_string();
        let (level, _) = hex.split_at(2);
        write!(f, "{folder}/sha256/{level}/{hex}{ending}")
    }
}

impl BlobKey {
    /// The digest of the object's bytes.
    pub fn sha256(&self) -> Sha256 {
        match self {
            Self::Package(sha256) | Self::Artifact(sha256) | Self::Image(sha256) | Self::Log(sha256) => {
                *sha256
            }
        }
    }

    /// Reads a key as it is written; `None` for what else may lie in a store.
    pub fn read(text: &str) -> Option<Self> {
        let (folder, file) = (text.split('/').next()?, text.rsplit('/').next()?);
        let key = match folder {
            "packages" => Self::Package(file.strip_suffix(".zip")?.parse().ok()?),
            "artifacts" => Self::Artifact(file.parse().ok()?),
            "images" => Self::Image(file.parse().ok()?),
            "logs" => Self::Log(file.strip_suffix(".jsonl.gz")?.parse().ok()?),
            _ => return None,
        };
        (key.to_string() == text).then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written_and_nothing_else_is() {
        let digests = [Sha256([7; 32]), Sha256([255; 32])];
        let kinds = [BlobKey::Package, BlobKey::Artifact, BlobKey::Image, BlobKey::Log];
        for key in kinds.into_iter().flat_map(|kind| digests.map(kind)) {
            assert_eq!(BlobKey::read(&key.to_string()), Some(key));
            assert_eq!(BlobKey::read(&key.to_string().to_uppercase()), None);
            assert_eq!(BlobKey::read(&format!("x/{key}")), None);
        }
        for other in ["", "packages", "packages/readme.txt", "staging/part-x", "packages/sha256/07/abc.zip"] {
            assert_eq!(BlobKey::read(other), None, "{other}");
        }
    }
}
