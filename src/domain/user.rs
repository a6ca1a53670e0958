//! Who is a person to the Hub?

use serde::{Deserialize, Serialize};

use super::{Login, UserId};

/// Someone who may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Never changes.
    pub id: UserId,
    /// What stands before the slash in `alice/MyExecutor`.
    pub login: Login,
    /// For show; the login when nothing else was chosen.
    pub display_name: String,
    /// What they may do beyond their own things.
    pub role: Role,
}

/// What a person may do beyond their own things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Role {
    /// Their own things only.
    Member,
    /// Everything.
    Admin,
}
