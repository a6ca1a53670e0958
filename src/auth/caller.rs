//! Who is asking?

use crate::domain::{
    Secret, TokenId, UserId,
    user::{Role, User},
};

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

    /// Whether they may do everything.
    pub fn is_admin(&self) -> bool {
        self.user().is_some_and(|user| user.role == Role::Admin)
    }

    /// The person, or the error that asks to sign in.
    pub fn require_user(&self) -> Result<&User, crate::error::Error> {
        self.user().ok_or_else(|| crate::error::Error::sign_in_required(false))
    }
}
