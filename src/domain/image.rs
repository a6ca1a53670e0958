//! How do images, their parts and their repositories spell their names? As OCI does, which is stricter than the Hub.

use std::{fmt, str::FromStr};

use super::{CommitId, ExecutorId, ExecutorRef, digest::Sha256, executor::Executor};

/// What identifies a blob or a manifest: an algorithm and the digest of its bytes. Two algorithms may stand for the same
/// bytes; the Hub keeps bytes by their SHA-256 whatever they were asked for by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ImageDigest {
    /// `sha256:` and 64 lower-case hexadecimal digits.
    Sha256(Sha256),
    /// `sha512:` and 128 lower-case hexadecimal digits.
    Sha512([u8; 64]),
}

/// The text is no digest of an algorithm that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a sha256 or sha512 digest")]
pub struct InvalidImageDigest;

impl From<Sha256> for ImageDigest {
    fn from(digest: Sha256) -> Self {
        Self::Sha256(digest)
    }
}

impl FromStr for ImageDigest {
    type Err = InvalidImageDigest;

    fn from_str(text: &str) -> Result<Self, InvalidImageDigest> {
        let (algorithm, hex) = text.split_once(':').ok_or(InvalidImageDigest)?;
        if hex.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidImageDigest);
        }
        match algorithm {
            "sha256" => hex.parse().map(Self::Sha256).map_err(|_| InvalidImageDigest),
            "sha512" => {
                let mut bytes = [0; 64];
                hex::decode_to_slice(hex, &mut bytes).map_err(|_| InvalidImageDigest)?;
                Ok(Self::Sha512(bytes))
            }
            _ => Err(InvalidImageDigest),
        }
    }
}

impl fmt::Display for ImageDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digest) => write!(f, "sha256:{digest}"),
            Self::Sha512(bytes) => write!(f, "sha512:{}", hex::encode(bytes)),
        }
    }
}

/// What stands before `-<32 hexadecimal digits>` in the tag of a commit.
const COMMIT_TAG: &str = "commit-";

/// The tag by which the image of a commit is pulled, whatever its other tags do: `commit-` and the commit's id. It means
/// that commit and nothing else for ever: no Executor's tag and no push by hand can take it.
pub fn commit_tag(commit: CommitId) -> String {
    format!("{COMMIT_TAG}{commit}")
}

/// The commit that a tag of this form means; `None` for every other tag.
pub fn commit_of_tag(tag: &str) -> Option<CommitId> {
    let id = tag.strip_prefix(COMMIT_TAG)?;
    // The parser of ids knows more spellings than the one that is a tag of a commit.
    id.parse().ok().filter(|commit: &CommitId| commit.to_string() == id)
}

/// The repository of an Executor: its images have this name behind the registry's host.
///
/// Names of images are lower case, names of Executors keep theirs; since those are unique without regard to case, the
/// lower-case form leads back to one Executor. Where even that is no name of an image (`My__.Encoder`), and wherever
/// something must mean the same for ever, the id stands in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryName {
    /// The Executor that is meant.
    pub reference: ExecutorRef,
    /// Proof that whoever made this name had been given the Executor's secret; pulls only.
    pub key: Option<String>,
    text: String,
}

/// The text is no repository's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a repository is OWNER/NAME, NAME or ID, in lower case")]
pub struct InvalidRepository;

/// Between an id and the key that opens it.
const KEY: &str = "key";

impl RepositoryName {
    /// By the Executor's id, which never means anything else.
    pub fn of_id(id: &ExecutorId) -> String {
        id.to_string()
    }

    /// By the Executor's id, readable for whoever has the name: `key` proves that its secret was known.
    pub fn with_key(id: &ExecutorId, key: &str) -> String {
        format!("{id}/{KEY}/{key}")
    }

    /// As people write it: `owner/name` or `name` where that can be written, else the id.
    pub fn shown(executor: &Executor) -> String {
        let name = executor.name.as_ref().map(super::ExecutorName::key).filter(|name| is_component(name));
        match (&executor.owner, name) {
            (Some(owner), Some(name)) if is_component(&owner.login.key()) => {
                format!("{}/{name}", owner.login.key())
            }
            // A bare name may be held by another's Executor.
            _ => executor.id.to_string(),
        }
    }

    /// The name as it was read.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for RepositoryName {
    type Err = InvalidRepository;

    fn from_str(text: &str) -> Result<Self, InvalidRepository> {
        if text.len() > 255 || !text.split('/').all(is_component) {
            return Err(InvalidRepository);
        }
        let parts: Vec<&str> = text.split('/').collect();
        let (reference, key) = match parts.as_slice() {
            [id, word, key] if *word == KEY => {
                let id: ExecutorId = id.parse().map_err(|_| InvalidRepository)?;
                (id.as_str().parse().map(ExecutorRef::Bare), Some((*key).to_owned()))
            }
            _ => (text.parse::<ExecutorRef>(), None),
        };
        let reference = reference.map_err(|_| InvalidRepository)?;
        Ok(Self { reference, key, text: text.to_owned() })
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether the specification allows this between two slashes: runs of lower-case letters and digits with `.`, `_`, `__`
/// or any number of `-` between them.
fn is_component(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends_in_words =
        bytes.first().is_some_and(|byte| is_word(*byte)) && bytes.last().is_some_and(|byte| is_word(*byte));
    let mut gaps = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    ends_in_words
        && gaps.all(|gap| matches!(gap, "" | "." | "_" | "__") || gap.bytes().all(|byte| byte == b'-'))
}

/// Whether the text has the form of any repository name, one of this Hub or not.
pub fn is_repository(text: &str) -> bool {
    !text.is_empty() && text.len() <= 255 && text.split('/').all(is_component)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_in_one_spelling() {
        for good in [format!("sha256:{}", "ab".repeat(32)), format!("sha512:{}", "cd".repeat(64))] {
            assert_eq!(good.parse::<ImageDigest>().unwrap().to_string(), good);
        }
        for bad in ["", "sha256:", "sha256:AB", "md5:00", "latest", &format!("sha256:{}", "AB".repeat(32))] {
            assert!(bad.parse::<ImageDigest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_tag_of_a_commit_leads_back_to_it_and_nothing_else_does() {
        let commit = CommitId::mint();
        assert_eq!(commit_of_tag(&commit_tag(commit)), Some(commit));
        assert!(super::super::Tag::from_str(&commit_tag(commit)).is_ok());
        for other in [
            "latest",
            "commit-",
            "commit-1",
            &commit_tag(commit).to_uppercase(),
            &format!("commit-{}", commit.0),
        ] {
            assert_eq!(commit_of_tag(other), None, "{other}");
        }
    }

    #[test]
    fn names_of_repositories_are_those_of_docker() {
        for good in ["alice/my-encoder", "w7qckiqy", "a__b", "a.b/c_d", "a---b", "w7qckiqy/key/0123abcd"] {
            assert_eq!(good.parse::<RepositoryName>().unwrap().as_str(), good);
        }
        for bad in [
            "", "Alice/x", "a/", "/a", "a//b", "-a", "a-", "a___b", "a._b", "a..b", "rpc/x", "a/b/c", "a b",
            "a/key/b",
        ] {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad}");
        }
        let with_key: RepositoryName = "w7qckiqy/key/0123abcd".parse().unwrap();
        assert_eq!(with_key.key.as_deref(), Some("0123abcd"));
        assert!(is_repository("a/b/c/d/e") && !is_repository("A/b"));
    }
}
