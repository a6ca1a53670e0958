//! Which names may Executors and people have? One parser decides, for forms, URLs, files and rows alike.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing is left of it.
    #[error("it is empty")]
    Empty,
    /// More than 64 characters.
    #[error("it is longer than 64 characters")]
    TooLong,
    /// A character outside letters, digits, `-`, `_` and `.`.
    #[error("it may hold only letters, digits, '-', '_' and '.'")]
    Character,
    /// `.` and `..` mean something else in paths.
    #[error("'.' and '..' are no names")]
    Dots,
    /// Surfaces of the Hub live under this word.
    #[error("this word is reserved")]
    Reserved,
}

/// The name of an Executor: 1–64 of letters, digits, `-`, `_` and `.`. Case is kept for show; [`Self::key`] is what
/// makes it unique.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExecutorName(String);

impl ExecutorName {
    /// The name as its author wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which names are compared: lower case.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for ExecutorName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }
}

/// The name that a person signs in with and that stands before the slash in `alice/MyExecutor`. Same grammar as
/// [`ExecutorName`], less the words under which the Hub's own surfaces live.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Login(String);

/// Words that may not be a login: `/v2/rpc/…` is the RPC, while `/v2/<login>/…` is the image registry; the others
/// are pages and surfaces.
const RESERVED_LOGINS: &[&str] = &[
    "_catalog",
    "account",
    "admin",
    "anonymous",
    "api",
    "artifact",
    "artifacts",
    "assets",
    "executor",
    "executors",
    "feeds",
    "invitations",
    "library",
    "livez",
    "metrics",
    "packages",
    "ping",
    "probe",
    "readyz",
    "rpc",
    "setup",
    "sign-in",
    "sign-out",
    "sign-up",
    "token",
    "v1",
    "v2",
];

impl Login {
    /// The login as it was chosen.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which logins are compared: lower case.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for Login {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        check(text)?;
        if RESERVED_LOGINS.contains(&text.to_ascii_lowercase().as_str()) {
            return Err(InvalidName::Reserved);
        }
        Ok(Self(text.to_owned()))
    }
}

macro_rules! text_newtype {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

text_newtype!(ExecutorName);
text_newtype!(Login);

fn check(text: &str) -> Result<(), InvalidName> {
    const MAX_CHARACTERS: usize = 64;
    if text.is_empty() {
        return Err(InvalidName::Empty);
    }
    if text.chars().count() > MAX_CHARACTERS {
        return Err(InvalidName::TooLong);
    }
    if !text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Err(InvalidName::Character);
    }
    if matches!(text, "." | "..") {
        return Err(InvalidName::Dots);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_case_and_compare_without_it() {
        let name: ExecutorName = "My-Encoder_2.0".parse().expect("a good name");
        assert_eq!((name.as_str(), name.key().as_str()), ("My-Encoder_2.0", "my-encoder_2.0"));
    }

    #[test]
    fn bad_names_are_refused_with_their_reason() {
        let cases = [
            ("", InvalidName::Empty),
            (&"a".repeat(65), InvalidName::TooLong),
            ("a/b", InvalidName::Character),
            ("a b", InvalidName::Character),
            ("a\nb", InvalidName::Character),
            ("été", InvalidName::Character),
            ("..", InvalidName::Dots),
        ];
        for (text, reason) in cases {
            assert_eq!(text.parse::<ExecutorName>(), Err(reason), "{text:?}");
        }
    }

    #[test]
    fn rpc_is_no_login_because_the_rpc_lives_there() {
        for word in ["rpc", "RPC", "api", "v2"] {
            assert_eq!(word.parse::<Login>(), Err(InvalidName::Reserved), "{word}");
            assert!(word.parse::<ExecutorName>().is_ok(), "an Executor may well be called {word}");
        }
    }
}
