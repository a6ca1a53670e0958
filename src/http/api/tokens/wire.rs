//! What do tokens look like in the API?

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{auth::tokens::TokenRow, domain::power::Scope};

/// How far a token reaches; each scope holds those before it.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Scope)]
pub(in crate::http::api) enum ScopeWord {
    /// See and pull what its owner may see.
    Read,
    /// Push as well.
    Write,
    /// Everything that its owner may.
    Admin,
}

impl From<Scope> for ScopeWord {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Read => Self::Read,
            Scope::Write => Self::Write,
            Scope::Admin => Self::Admin,
        }
    }
}

impl From<ScopeWord> for Scope {
    fn from(word: ScopeWord) -> Self {
        match word {
            ScopeWord::Read => Self::Read,
            ScopeWord::Write => Self::Write,
            ScopeWord::Admin => Self::Admin,
        }
    }
}

/// A personal access token, without its text.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct Token {
    id: String,
    name: String,
    scope: ScopeWord,
    /// Ids of the Executors that it is limited to; absent when it is not limited.
    executors: Option<Vec<String>>,
    created_at: DateTime<Utc>,
    /// When it stops working; absent when it never does.
    expires_at: Option<DateTime<Utc>>,
    /// To the minute.
    last_used_at: Option<DateTime<Utc>>,
}

impl From<TokenRow> for Token {
    fn from(row: TokenRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name,
            scope: row.power.scope.into(),
            executors: row.power.executors.map(|ids| ids.into_iter().map(String::from).collect()),
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        }
    }
}
