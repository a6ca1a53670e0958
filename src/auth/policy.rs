//! May this caller do this? Every decision in one place; what it grants is carried by [`Granted`], and use cases reach
//! an Executor's content only through that.

use super::Caller;
use crate::{
    domain::{Visibility, artifact::Artifact, executor::Executor},
    error::{Error, ErrorKind},
};

/// What a caller wants with an Executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// See it, pull it.
    Read,
    /// Push a new commit to it.
    Push,
    /// Follow its builds.
    ReadTasks,
    /// Move, protect and delete its tags, and say which are protected by rule.
    ChangeTags,
    /// Delete it or one of its commits, and bring it back.
    Delete,
}

/// What the caller knows besides who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knowledge {
    /// Nothing.
    Nothing,
    /// A secret that was checked against this Executor's hash and fits.
    Secret,
}

/// Proof that a caller may do `action` with the Executor inside.
#[derive(Debug, Clone)]
pub struct Granted {
    executor: Executor,
    action: Action,
}

impl Granted {
    /// The Executor.
    pub fn executor(&self) -> &Executor {
        &self.executor
    }

    /// What was granted.
    pub fn action(&self) -> Action {
        self.action
    }

    /// The Executor, when nothing more is to be decided.
    pub fn into_executor(self) -> Executor {
        self.executor
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

/// Whether `caller` may do `action` with `executor`.
pub fn authorize(
    caller: &Caller,
    knowledge: Knowledge,
    executor: Executor,
    action: Action,
    rules: HubRules,
) -> Result<Granted, Denied> {
    let owns = match (&executor.owner, caller.user_id()) {
        (Some(owner), Some(id)) => owner.id == id,
        _ => false,
    };
    let knows_secret = knowledge == Knowledge::Secret;
    let is_trusted = owns || caller.is_admin() || knows_secret;
    let may_read = is_trusted
        || (executor.visibility == Visibility::Public
            && executor.last_pushed_at.is_some()
            && (!rules.sign_in_required || caller.user().is_some()));
    let allowed = match action {
        Action::Read => may_read,
        Action::Push | Action::ChangeTags => owns || knows_secret,
        Action::ReadTasks => is_trusted,
        // A secret that others may know of, too, is not enough to take somebody's Executor away.
        Action::Delete => owns || caller.is_admin() || (knows_secret && executor.owner.is_none()),
    };
    if allowed {
        Ok(Granted { executor, action })
    } else if may_read {
        Err(Denied::Forbidden)
    } else {
        Err(Denied::Hidden)
    }
}

/// Whether `caller` may do what concerns the whole Hub.
pub fn require_admin(caller: &Caller) -> Result<(), Error> {
    caller.require_user()?;
    if caller.is_admin() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Forbidden,
        "admins_only",
        "Only admins of this Hub may do this.",
        "Ask one of them.",
    ))
}

/// What a caller wants with an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArtifactAction {
    /// See and download it.
    Read,
    /// Replace, change or delete it.
    Write,
}

/// Whether `caller` may do `action` with `artifact`, which they get back if so. Nobody but its owner changes one.
pub fn authorize_artifact(
    caller: &Caller,
    artifact: Artifact,
    action: ArtifactAction,
    rules: HubRules,
) -> Result<Artifact, Denied> {
    let owns = caller.user_id() == Some(artifact.owner.id);
    let may_read = owns
        || caller.is_admin()
        || (artifact.visibility == Visibility::Public
            && (!rules.sign_in_required || caller.user().is_some()));
    let allowed = match action {
        ArtifactAction::Read => may_read,
        ArtifactAction::Write => owns,
    };
    match (allowed, may_read) {
        (true, _) => Ok(artifact),
        (false, true) => Err(Denied::Forbidden),
        (false, false) => Err(Denied::Hidden),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::{
        ExecutorId, TokenId, UserId,
        executor::Owner,
        user::{Role, User},
    };

    fn person(login: &str, role: Role) -> Caller {
        let user =
            User { id: UserId::mint(), login: login.parse().unwrap(), display_name: login.into(), role };
        Caller::Person { user: Box::new(user), token: TokenId::mint() }
    }

    fn executor(owner: Option<&Caller>, visibility: Visibility, is_usable: bool) -> Executor {
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

    #[test]
    fn the_matrix_of_the_design_holds() {
        use Action::{Push, Read, ReadTasks};
        use Denied::{Forbidden, Hidden};
        use Knowledge::{Nothing, Secret};
        let (alice, bob) = (person("alice", Role::Member), person("bob", Role::Member));
        let (admin, nobody) = (person("root", Role::Admin), Caller::Anonymous);
        let rows = [
            (&alice, Nothing, Visibility::Private, true, Read, None),
            (&alice, Nothing, Visibility::Private, true, Push, None),
            (&alice, Nothing, Visibility::Private, false, ReadTasks, None),
            (&bob, Nothing, Visibility::Private, true, Read, Some(Hidden)),
            (&bob, Nothing, Visibility::Private, true, Push, Some(Hidden)),
            (&bob, Secret, Visibility::Private, true, Read, None),
            (&bob, Secret, Visibility::Private, true, Push, None),
            (&bob, Nothing, Visibility::Public, true, Read, None),
            (&bob, Nothing, Visibility::Public, true, Push, Some(Forbidden)),
            (&bob, Nothing, Visibility::Public, true, ReadTasks, Some(Forbidden)),
            (&bob, Nothing, Visibility::Public, false, Read, Some(Hidden)),
            (&nobody, Nothing, Visibility::Public, true, Read, None),
            (&nobody, Nothing, Visibility::Private, true, Read, Some(Hidden)),
            (&nobody, Secret, Visibility::Private, true, Read, None),
            (&admin, Nothing, Visibility::Private, true, Read, None),
            (&admin, Nothing, Visibility::Private, true, ReadTasks, None),
            (&admin, Nothing, Visibility::Private, true, Push, Some(Forbidden)),
        ];
        for (i, (caller, knowledge, visibility, is_usable, action, denied)) in rows.into_iter().enumerate() {
            let executor = executor(Some(&alice), visibility, is_usable);
            let answer = authorize(caller, knowledge, executor, action, HubRules::default());
            assert_eq!(answer.err(), denied, "row {i}");
        }
    }

    #[test]
    fn artifacts_are_their_owners_and_public_ones_everybodys_to_read() {
        use crate::domain::{ArtifactId, digest::Sha256};
        use ArtifactAction::{Read, Write};
        use Denied::{Forbidden, Hidden};
        use Visibility::{Private, Public};
        let (alice, bob) = (person("alice", Role::Member), person("bob", Role::Member));
        let (admin, nobody) = (person("root", Role::Admin), Caller::Anonymous);
        let rows = [
            (&alice, Private, Read, false, None),
            (&alice, Private, Write, false, None),
            (&bob, Private, Read, false, Some(Hidden)),
            (&bob, Private, Write, false, Some(Hidden)),
            (&bob, Public, Read, false, None),
            (&bob, Public, Read, true, None),
            (&bob, Public, Write, false, Some(Forbidden)),
            (&nobody, Public, Read, false, None),
            (&nobody, Public, Read, true, Some(Hidden)),
            (&nobody, Public, Write, true, Some(Hidden)),
            (&nobody, Private, Read, false, Some(Hidden)),
            (&admin, Private, Read, true, None),
            (&admin, Private, Write, false, Some(Forbidden)),
        ];
        for (i, (caller, visibility, action, sign_in_required, denied)) in rows.into_iter().enumerate() {
            let owner = alice.user().map(|u| Owner { id: u.id, login: u.login.clone() }).unwrap();
            let artifact = Artifact {
                id: ArtifactId::mint(),
                owner,
                name: None,
                visibility,
                kind: None,
                meta_data: None,
                sha256: Sha256([0; 32]),
                size: 0,
                created_at: DateTime::UNIX_EPOCH,
                updated_at: DateTime::UNIX_EPOCH,
            };
            let answer = authorize_artifact(caller, artifact, action, HubRules { sign_in_required });
            assert_eq!(answer.err(), denied, "row {i}");
        }
    }

    #[test]
    fn a_sign_in_only_hub_hides_public_executors_from_strangers() {
        let rules = HubRules { sign_in_required: true };
        let alice = person("alice", Role::Member);
        let subject = || executor(Some(&alice), Visibility::Public, true);
        let ask = |caller, knowledge| authorize(caller, knowledge, subject(), Action::Read, rules).err();
        assert_eq!(ask(&Caller::Anonymous, Knowledge::Nothing), Some(Denied::Hidden));
        assert_eq!(ask(&Caller::Anonymous, Knowledge::Secret), None);
        assert_eq!(ask(&person("bob", Role::Member), Knowledge::Nothing), None);
    }

    #[test]
    fn nobody_owns_an_executor_without_an_owner() {
        let answer = authorize(
            &person("bob", Role::Member),
            Knowledge::Nothing,
            executor(None, Visibility::Public, true),
            Action::Push,
            HubRules::default(),
        );
        assert_eq!(answer.err(), Some(Denied::Forbidden));
    }
}
