//! Which Postgres is it, and how much of it does this process take?

use std::path::PathBuf;

use serde::Deserialize;

use super::{Span, secret_text};
use crate::domain::Secret;

/// `[database]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Empty means a private Postgres.
    #[serde(deserialize_with = "secret_text")]
    pub url: Secret,
    /// Folder of `initdb` and `postgres`; empty means the usual places.
    pub postgres_bin: PathBuf,
    /// Connections of this process.
    pub max_connections: u32,
    /// How long a request waits for a connection.
    pub acquire_timeout: Span,
}

impl Database {
    /// A key whose value cannot be, and why not.
    pub(super) fn wrong(&self) -> Option<(&'static str, &'static str)> {
        (self.max_connections < 2).then_some(("database.max_connections", "at least 2 are needed"))
    }
}
