//! What may a token be used for? No more than its owner gave it, so that a program that leaks it loses little.

use serde::{Deserialize, Serialize};

use super::ExecutorId;

/// How far a token reaches; each scope holds those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Scope {
    /// See and pull what its owner may see.
    Read,
    /// Push as well.
    Write,
    /// Everything that its owner may: settings, tokens, and the Hub's administration for an admin.
    Admin,
}

impl Scope {
    /// The word that database and API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// What one token may be used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Power {
    /// How far it reaches.
    pub scope: Scope,
    /// With these Executors only; `None` sets no such limit.
    pub executors: Option<Vec<ExecutorId>>,
}

impl Power {
    /// Everything that its owner may: sessions, and tokens without a limit.
    pub fn full() -> Self {
        Self { scope: Scope::Admin, executors: None }
    }

    /// Whether it reaches as far as `scope` with this Executor.
    pub fn reaches(&self, scope: Scope, executor: &ExecutorId) -> bool {
        self.scope >= scope && self.executors.as_ref().is_none_or(|named| named.contains(executor))
    }

    /// Whether it reaches as far as `scope` with whatever its owner has or will have.
    pub fn reaches_all(&self, scope: Scope) -> bool {
        self.scope >= scope && self.executors.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reaches_no_further_than_its_scope_and_its_executors() {
        let (here, there) = (ExecutorId::mint(), ExecutorId::mint());
        let limited = Power { scope: Scope::Write, executors: Some(vec![here.clone()]) };
        assert!(limited.reaches(Scope::Read, &here) && limited.reaches(Scope::Write, &here));
        assert!(!limited.reaches(Scope::Admin, &here) && !limited.reaches(Scope::Read, &there));
        assert!(!limited.reaches_all(Scope::Read));
        assert!(Power::full().reaches(Scope::Admin, &there) && Power::full().reaches_all(Scope::Admin));
    }
}
