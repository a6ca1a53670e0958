//! What is an artifact? Bytes that one person keeps here, by id or by a name of their own, with metadata that means
//! something only to their programs.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{ArtifactId, Login, Visibility, digest::Sha256, executor::Owner};

/// An artifact as the Hub keeps it.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Never changes, whatever its bytes are.
    pub id: ArtifactId,
    /// Whose it is; only they may change it.
    pub owner: Owner,
    /// Its name among its owner's; many have only an id.
    pub name: Option<ArtifactName>,
    /// Who may read it.
    pub visibility: Visibility,
    /// What its owner's program calls its kind, such as `DocArray`.
    pub kind: Option<ArtifactKind>,
    /// What its owner's program noted.
    pub meta_data: Option<MetaData>,
    /// Identifies its bytes.
    pub sha256: Sha256,
    /// How many bytes.
    pub size: u64,
    /// When it was first uploaded.
    pub created_at: DateTime<Utc>,
    /// When its bytes or anything said of it last changed.
    pub updated_at: DateTime<Utc>,
}

/// Why a text is no name or kind of an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Nothing is left of it.
    #[error("it is empty")]
    Empty,
    /// Longer than allowed.
    #[error("it is longer than {0} characters")]
    TooLong(usize),
    /// A control character, or a slash in a name.
    #[error("it holds a character that is not allowed")]
    Character,
    /// White space where nobody would see it.
    #[error("it starts or ends with a blank")]
    Blank,
}

/// The name of an artifact among its owner's: 1–256 characters, compared exactly, because uploading under a name replaces
/// what has it. No slash, which parts the owner from the name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArtifactName(String);

/// What a program calls the kind of its artifacts: 1–64 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactKind(String);

impl FromStr for ArtifactName {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        check(text, 256, |c| c == '/')?;
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for ArtifactKind {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        check(text, 64, |_| false)?;
        Ok(Self(text.to_owned()))
    }
}

fn check(text: &str, longest: usize, is_refused: fn(char) -> bool) -> Result<(), InvalidText> {
    if text.is_empty() {
        return Err(InvalidText::Empty);
    }
    if text.chars().count() > longest {
        return Err(InvalidText::TooLong(longest));
    }
    if text.chars().any(|c| c.is_control() || is_refused(c)) {
        return Err(InvalidText::Character);
    }
    if text.trim() != text {
        return Err(InvalidText::Blank);
    }
    Ok(())
}

impl ArtifactName {
    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ArtifactKind {
    /// The kind as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ArtifactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Every way a client may point at an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArtifactRef {
    /// By id, whoever asks.
    Id(ArtifactId),
    /// By name.
    Named {
        /// Whose; `None` means the caller's own.
        owner: Option<Login>,
        /// Among that person's.
        name: ArtifactName,
    },
}

impl ArtifactRef {
    /// Reads `name` or `owner/name`; `None` for what can be no artifact's name.
    pub fn of_name(text: &str) -> Option<Self> {
        let (owner, name) = match text.split_once('/') {
            Some((owner, name)) => (Some(owner.parse().ok()?), name),
            None => (None, text),
        };
        Some(Self::Named { owner, name: name.parse().ok()? })
    }
}

/// Why a text is no metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetaData {
    /// Not JSON, or JSON of another kind.
    #[error("it is no JSON object")]
    NotAnObject,
    /// More than the database should carry for one artifact.
    #[error("it is longer than {} KiB", MetaData::MAX_BYTES >> 10)]
    TooLong,
    /// The one character that the database cannot keep.
    #[error("it holds the character U+0000")]
    Nul,
}

/// A JSON object that means something only to its owner's programs.
#[derive(Debug, Clone, PartialEq)]
pub struct MetaData(Map<String, Value>);

impl MetaData {
    const MAX_BYTES: usize = 256 << 10;

    /// The object.
    pub fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl FromStr for MetaData {
    type Err = InvalidMetaData;

    fn from_str(text: &str) -> Result<Self, InvalidMetaData> {
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidMetaData::TooLong);
        }
        let object: Map<String, Value> =
            serde_json::from_str(text).map_err(|_| InvalidMetaData::NotAnObject)?;
        if object.iter().any(|(key, value)| key.contains('\0') || holds_nul(value)) {
            return Err(InvalidMetaData::Nul);
        }
        Ok(Self(object))
    }
}

impl From<Map<String, Value>> for MetaData {
    /// What the database gives back was checked when it went in.
    fn from(object: Map<String, Value>) -> Self {
        Self(object)
    }
}

/// Whether a value holds the one character that Postgres keeps in no text.
pub(super) fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(object) => object.iter().any(|(key, value)| key.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_stand_after_its_owner() {
        let name = |text: &str| text.parse::<ArtifactName>().unwrap();
        assert_eq!(
            ArtifactRef::of_name("weights v2"),
            Some(ArtifactRef::Named { owner: None, name: name("weights v2") })
        );
        assert_eq!(
            ArtifactRef::of_name("alice/weights"),
            Some(ArtifactRef::Named { owner: "alice".parse().ok(), name: name("weights") })
        );
        for text in ["", "/", "alice/", "/weights", "a/b/c", "a b/c", "x\0", "x\ny", " x"] {
            assert_eq!(ArtifactRef::of_name(text), None, "{text:?}");
        }
    }

    #[test]
    fn metadata_is_an_object_that_the_database_can_keep() {
        assert!(r#"{"a": {"b": [1, "é", null]}}"#.parse::<MetaData>().is_ok());
        for text in ["", "[]", "1", "null", "{", "{\"a\": 1e999}", "{\"a\": \"\\ud800\"}"] {
            assert_eq!(text.parse::<MetaData>(), Err(InvalidMetaData::NotAnObject), "{text}");
        }
        for text in [r#"{"a": "\u0000"}"#, r#"{"\u0000": 1}"#, r#"{"a": [{"b\u0000": 1}]}"#] {
            assert_eq!(text.parse::<MetaData>(), Err(InvalidMetaData::Nul), "{text}");
        }
        let long = format!("{{\"a\": \"{}\"}}", "x".repeat(MetaData::MAX_BYTES));
        assert_eq!(long.parse::<MetaData>(), Err(InvalidMetaData::TooLong));
        // Deeper than any parser should follow.
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(deep.parse::<MetaData>(), Err(InvalidMetaData::NotAnObject));
    }
}
