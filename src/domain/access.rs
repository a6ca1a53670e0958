//! What may somebody do with an Executor? Three levels, each with all that the one before has.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Login, team::TeamName};

/// How far somebody is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum AccessLevel {
    /// See it and pull it though it is private, and follow its builds.
    Read,
    /// Push to it and change its tags as well.
    Write,
    /// Change its settings, say who else may use it, and delete it as well.
    Admin,
}

impl AccessLevel {
    /// The word that database, API and command line use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// The text is no level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of read, write and admin")]
pub struct InvalidLevel;

impl FromStr for AccessLevel {
    type Err = InvalidLevel;

    fn from_str(text: &str) -> Result<Self, InvalidLevel> {
        [Self::Read, Self::Write, Self::Admin]
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or(InvalidLevel)
    }
}

/// Whom an owner lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grantee {
    /// One person.
    Person(Login),
    /// Everybody who belongs to a team, for as long as they do.
    Team(TeamName),
}

impl std::fmt::Display for Grantee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Person(login) => write!(f, "{login}"),
            Self::Team(name) => write!(f, "the team {name}"),
        }
    }
}

/// Somebody who was let in.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Who.
    pub to: Grantee,
    /// How far.
    pub level: AccessLevel,
    /// Since when.
    pub granted_at: DateTime<Utc>,
    /// By whom; `None` when that person is gone, or when it was done with the secret.
    pub granted_by: Option<Login>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_grow_and_have_one_spelling() {
        assert!(AccessLevel::Read < AccessLevel::Write && AccessLevel::Write < AccessLevel::Admin);
        assert_eq!("write".parse(), Ok(AccessLevel::Write));
        for bad in ["", "Write", "owner", "write "] {
            assert_eq!(bad.parse::<AccessLevel>(), Err(InvalidLevel), "{bad:?}");
        }
    }
}
