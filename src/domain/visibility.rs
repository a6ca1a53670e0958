//! Who may see an Executor without being let in?

use serde::{Deserialize, Serialize};

/// Public Executors may be read by everyone; a private one does not exist for strangers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Visibility {
    /// Everyone may read it.
    Public,
    /// Its owner, those whom the owner let in, and holders of its secret may read it.
    Private,
}

impl Visibility {
    /// The word that clients, database and API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

impl std::fmt::Display for Visibility {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
