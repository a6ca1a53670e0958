//! What is a team? People under one name, so that an Executor's owner need not know each of them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ExecutorName, Login, TeamId, name::InvalidName};

/// The name of a team: the grammar of an Executor's name, unique without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TeamName(ExecutorName);

impl TeamName {
    /// The name as it was chosen.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The form in which names are compared: lower case.
    pub fn key(&self) -> String {
        self.0.key()
    }
}

impl std::str::FromStr for TeamName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        text.parse().map(Self)
    }
}

impl std::fmt::Display for TeamName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A team.
#[derive(Debug, Clone)]
pub struct Team {
    /// Never changes.
    pub id: TeamId,
    /// What people call it.
    pub name: TeamName,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// Somebody who belongs to a team.
#[derive(Debug, Clone)]
pub struct Member {
    /// Who.
    pub login: Login,
    /// As what.
    pub role: TeamRole,
    /// Since when.
    pub added_at: DateTime<Utc>,
}

/// What somebody is in their team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum TeamRole {
    /// May use what the team may use.
    Member,
    /// May also rename and delete the team, and say who belongs to it.
    Maintainer,
}

impl TeamRole {
    /// The word that database and API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Maintainer => "maintainer",
        }
    }
}
