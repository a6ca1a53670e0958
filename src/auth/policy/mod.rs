//! May this caller do this? Every decision in one place; what it grants is carried by [`Granted`], and use cases reach
//! what they work on only through that.

mod artifact;
mod executor;
mod team;

use super::Caller;
use crate::{
    domain::{audit::Right, executor::Executor},
    error::{Error, ErrorKind},
};

pub use artifact::{ArtifactAction, authorize_artifact};
pub use executor::{Action, Knowledge, authorize};
pub use team::{TeamAction, authorize_team};

/// Proof that a caller may do what they asked for with what is inside. Nothing but this module makes one, so whoever asks for it as a
/// parameter cannot be called without a decision.
#[derive(Debug, Clone)]
pub struct Granted<T = Executor> {
    object: T,
    right: Right,
}

impl<T> Granted<T> {
    /// What was granted.
    pub fn object(&self) -> &T {
        &self.object
    }

    /// By what right.
    pub fn right(&self) -> Right {
        self.right
    }

    /// The thing itself, when nothing more is to be decided.
    pub fn into_object(self) -> T {
        self.object
    }
}

impl Granted {
    /// The Executor.
    pub fn executor(&self) -> &Executor {
        &self.object
    }

    /// The Executor, when nothing more is to be decided.
    pub fn into_executor(self) -> Executor {
        self.object
    }
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// To this caller it does not exist.
    Hidden,
    /// They may see it, but not do this.
    Forbidden,
}

/// What the operator decided about everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HubRules {
    /// Whether everything needs a signed-in person or a secret.
    pub sign_in_required: bool,
}

impl HubRules {
    /// Whether this caller gets to see what is public.
    pub fn show_public_to(self, caller: &Caller) -> bool {
        !self.sign_in_required || caller.user().is_some()
    }
}

/// Whether `caller` may do what concerns the whole Hub.
///
/// # Errors
/// Nobody is asked to sign in; somebody who is no admin, or whose token does not reach so far, is refused.
pub fn authorize_administration(caller: &Caller) -> Result<Right, Error> {
    caller.require_user()?;
    if caller.is_admin() {
        return Ok(Right::HubAdmin);
    }
    Err(Error::new(
        ErrorKind::Forbidden,
        "admins_only",
        "Only admins of this Hub may do this, with a token that reaches as far.",
        "Ask one of them.",
    ))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::{
        ExecutorId, TokenId, UserId, Visibility,
        executor::Owner,
        power::Power,
        user::{Role, User},
    };

    pub(super) fn person(login: &str, role: Role) -> Caller {
        let user =
            User { id: UserId::mint(), login: login.parse().unwrap(), display_name: login.into(), role };
        Caller::Person { user: Box::new(user), token: TokenId::mint(), power: Power::full() }
    }

    pub(super) fn executor(owner: Option<&Caller>, visibility: Visibility, is_usable: bool) -> Executor {
        let owner = owner.and_then(Caller::user).map(|u| Owner { id: u.id, login: u.login.clone() });
        Executor {
            id: ExecutorId::mint(),
            owner,
            name: None,
            visibility,
            secret_hash: None,
            created_at: DateTime::UNIX_EPOCH,
            last_pushed_at: is_usable.then_some(DateTime::UNIX_EPOCH),
        }
    }
}
