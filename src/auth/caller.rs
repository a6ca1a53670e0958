//! Who is asking?

use crate::domain::{
    ExecutorId, Secret, TokenId, UserId,
    power::{Power, Scope},
    user::{Role, User},
};
use crate::error::{Error, ErrorKind};

/// What a request brings to say who asks; surfaces read it from wherever their clients put it.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Nothing.
    None,
    /// A session token or personal access token.
    Token(Secret),
}

/// Who asks, once the credentials are checked.
#[derive(Debug, Clone)]
pub enum Caller {
    /// Anybody.
    Anonymous,
    /// A signed-in person.
    Person {
        /// Who.
        user: Box<User>,
        /// By which token.
        token: TokenId,
        /// How far that token reaches.
        power: Power,
    },
}

impl Caller {
    /// The person, if somebody is signed in.
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::Anonymous => None,
            Self::Person { user, .. } => Some(user),
        }
    }

    /// The person's id, if somebody is signed in.
    pub fn user_id(&self) -> Option<UserId> {
        self.user().map(|user| user.id)
    }

    /// What they came with, if somebody is signed in.
    pub fn token(&self) -> Option<TokenId> {
        match self {
            Self::Anonymous => None,
            Self::Person { token, .. } => Some(*token),
        }
    }

    /// Whether they may do everything: an admin, by a token that reaches as far.
    pub fn is_admin(&self) -> bool {
        self.user().is_some_and(|user| user.role == Role::Admin) && self.reaches_all(Scope::Admin)
    }

    /// Whether what they came with reaches as far as `scope` with this Executor. Whoever came with nothing is held back by
    /// nothing but who they are not.
    pub fn reaches(&self, scope: Scope, executor: &ExecutorId) -> bool {
        match self {
            Self::Anonymous => true,
            Self::Person { power, .. } => power.reaches(scope, executor),
        }
    }

    /// The same with whatever Executor.
    pub fn reaches_all(&self, scope: Scope) -> bool {
        match self {
            Self::Anonymous => true,
            Self::Person { power, .. } => power.reaches_all(scope),
        }
    }

    /// The person, if what they came with reaches as far as `scope` with whatever they have; else the error that says what
    /// is missing.
    pub fn require(&self, scope: Scope) -> Result<&User, Error> {
        let user = self.require_user()?;
        if self.reaches_all(scope) { Ok(user) } else { Err(token_too_weak(scope)) }
    }

    /// The person, or the error that asks to sign in.
    pub fn require_user(&self) -> Result<&User, Error> {
        self.user().ok_or_else(|| Error::sign_in_required(false))
    }
}

/// The token does not reach so far.
pub(crate) fn token_too_weak(scope: Scope) -> Error {
    Error::new(
        ErrorKind::Forbidden,
        "token_too_weak",
        format!(
            "This token may not do that: it lacks the scope '{}', or is for certain Executors only.",
            scope.as_str()
        ),
        "Use a token that reaches further, or sign in.",
    )
}
