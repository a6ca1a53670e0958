//! How are things identified, and how is a new identifier minted? The only place that asks for randomness.

use std::{fmt, str::FromStr};

use rand::{RngExt as _, TryRng as _, rngs::SysRng};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier. They sort roughly by the time of their making, which keeps indexes compact.
            #[expect(clippy::disallowed_methods, reason = "the one place that may mint identifiers")]
            pub fn mint() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.simple().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    };
}

uuid_id! {
    /// A person who may sign in.
    UserId
}
uuid_id! {
    /// People under one name.
    TeamId
}
uuid_id! {
    /// One accepted upload.
    CommitId
}
uuid_id! {
    /// One build of one commit; what the clients call `TASK_ID`.
    TaskId
}
uuid_id! {
    /// A named blob that somebody keeps here.
    ArtifactId
}
uuid_id! {
    /// One upload of an artifact, between the arrival of its bytes and its record.
    ArtifactUploadId
}
uuid_id! {
    /// One arrival of a part of an image: an upload in pieces, or bytes between their storing and their link.
    ImageUploadId
}
uuid_id! {
    /// A session token or personal access token (its row, never its text).
    TokenId
}
uuid_id! {
    /// One running worker process; new at each start, so that a lease never outlives its holder.
    WorkerId
}

/// The text is no identifier of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier")]
pub struct InvalidId;

/// The 8-character handle of an Executor, such as `w7qckiqy`: lower-case letters and digits, never reused.
/// The clients call it `uuid8`; it is safe in paths, addresses and image names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[serde(try_from = "String", into = "String")]
#[sqlx(transparent)]
pub struct ExecutorId(String);

impl ExecutorId {
    /// Eight characters: old programs cut the handle out of printed addresses by that shape (PROTOCOL.md B).
    const LENGTH: usize = 8;

    /// A new handle. It starts with a letter, so that no tool takes it for a number. Uniqueness is the database's
    /// business: 26·36⁷ handles make a clash rare, and the insert is tried again.
    pub fn mint() -> Self {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let mut rng = rand::rng();
        let mut id = String::with_capacity(Self::LENGTH);
        id.push(char::from(LETTERS[rng.random_range(0..26)]));
        for _ in 1..Self::LENGTH {
            id.push(char::from(LETTERS[rng.random_range(0..LETTERS.len())]));
        }
        Self(id)
    }

    /// The handle as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExecutorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ExecutorId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let valid = text.len() == Self::LENGTH
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidId) }
    }
}

impl TryFrom<String> for ExecutorId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ExecutorId> for String {
    fn from(id: ExecutorId) -> Self {
        id.0
    }
}

/// The name of one request in logs and answers: 16 hex digits, without a call of the operating system.
pub fn request_id() -> String {
    format!("{:016x}", rand::rng().random::<u64>())
}

/// `N` bytes from the operating system's generator, for keys and tokens.
///
/// # Panics
/// When the operating system has no randomness to give; going on without would be worse.
#[expect(clippy::expect_used, reason = "without randomness no secret can be made, and stopping is right")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minted_executor_ids_have_the_shape_that_old_programs_cut_out() {
        for _ in 0..1000 {
            let id = ExecutorId::mint();
            assert_eq!(id.as_str().parse::<ExecutorId>(), Ok(id.clone()));
            assert!(id.as_str().starts_with(|first: char| first.is_ascii_lowercase()));
        }
    }

    #[test]
    fn other_texts_are_no_executor_id() {
        for text in ["", "w7qckiq", "w7qckiqyy", "W7qckiqy", "w7qcki/y", "w7qcki\0y", "w7qckié"] {
            assert_eq!(text.parse::<ExecutorId>(), Err(InvalidId), "{text:?}");
        }
    }
}
