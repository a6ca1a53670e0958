//! Which tags may a commit have? Docker's grammar, because images carry the same tags.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A name inside one Executor that points at one commit: a letter, digit or `_`, then up to 127 of letters, digits,
/// `_`, `.` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

/// The text is no tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tag starts with a letter, digit or '_' and holds up to 128 letters, digits, '_', '.' and '-'")]
pub struct InvalidTag;

impl Tag {
    /// What a push without tags gets, and what a pull without a tag asks for first.
    pub fn latest() -> Self {
        Self("latest".to_owned())
    }

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the comma list of a push form: blanks around items are dropped, empty items skipped, repeats merged.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, (String, InvalidTag)> {
        let mut tags: Vec<Self> = Vec::new();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let tag: Self = item.parse().map_err(|reason| (item.to_owned(), reason))?;
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        Ok(tags)
    }
}

impl FromStr for Tag {
    type Err = InvalidTag;

    fn from_str(text: &str) -> Result<Self, InvalidTag> {
        let mut characters = text.bytes();
        let first = characters.next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let rest = characters.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
        if first && rest && text.len() <= 128 { Ok(Self(text.to_owned())) } else { Err(InvalidTag) }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Tag {
    type Error = InvalidTag;

    fn try_from(text: String) -> Result<Self, InvalidTag> {
        text.parse()
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0
    }
}

/// Which tags are protected by rule: the signs of a tag, and `*` for any text, such as `v*`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TagPattern(String);

/// The text is no pattern of tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pattern of tags holds 1 to 128 letters, digits, '_', '.', '-' and '*'")]
pub struct InvalidTagPattern;

impl TagPattern {
    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TagPattern {
    type Err = InvalidTagPattern;

    fn from_str(text: &str) -> Result<Self, InvalidTagPattern> {
        let in_grammar = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'*');
        let is_good = !text.is_empty() && text.len() <= 128 && text.bytes().all(in_grammar);
        if is_good { Ok(Self(text.to_owned())) } else { Err(InvalidTagPattern) }
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TagPattern {
    type Error = InvalidTagPattern;

    fn try_from(text: String) -> Result<Self, InvalidTagPattern> {
        text.parse()
    }
}

impl From<TagPattern> for String {
    fn from(pattern: TagPattern) -> Self {
        pattern.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_tags_with_stars() {
        for good in ["v*", "*", "release-*", "1.*.0", "latest"] {
            assert!(good.parse::<TagPattern>().is_ok(), "{good}");
        }
        for bad in ["", "v%", "a b", "a\\b", "[v]", &"a".repeat(129)] {
            assert_eq!(bad.parse::<TagPattern>(), Err(InvalidTagPattern), "{bad:?}");
        }
    }

    #[test]
    fn lists_are_read_as_the_clients_write_them() {
        let tags = Tag::parse_list("v1.0.0, latest,,v1.0.0").expect("good tags");
        assert_eq!(tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["v1.0.0", "latest"]);
        assert_eq!(Tag::parse_list("ok,-bad").expect_err("a bad tag").0, "-bad");
    }

    #[test]
    fn the_grammar_is_dockers() {
        assert!("_A.b-c".parse::<Tag>().is_ok());
        assert!("a".repeat(128).parse::<Tag>().is_ok());
        for text in ["", ".a", "-a", "a/b", "a:b", "a b", "é", &"a".repeat(129)] {
            assert_eq!(text.parse::<Tag>(), Err(InvalidTag), "{text:?}");
        }
    }
}
