//! May this caller do this? Every decision in one place; what it grants is carried by [`Granted`], and use cases reach
//! an Executor's content only through that.

use super::Caller;
use crate::{
    domain::{
        AccessLevel, ExecutorId, Visibility,
        artifact::Artifact,
        audit::Right,
        executor::Executor,
        power::Scope,
        team::{Team, TeamRole},
    },
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
    /// Change its settings and its secret, and say who may use it.
    Manage,
}

impl Action {
    /// How far somebody must be let in for it.
    pub fn needs(self) -> AccessLevel {
        match self {
            Self::Read | Self::ReadTasks => AccessLevel::Read,
            Self::Push | Self::ChangeTags => AccessLevel::Write,
            Self::Manage | Self::Delete => AccessLevel::Admin,
        }
    }

    /// Whether an admin of the Hub may do it with what is not theirs. What is published in somebody's name they may hide
    /// and hand over, but not replace.
    fn is_for_hub_admins(self) -> bool {
        match self {
            Self::Read | Self::ReadTasks | Self::Manage | Self::Delete => true,
            Self::Push | Self::ChangeTags => false,
        }
    }

    /// Whether everybody may do it with what is public.
    fn is_for_everybody(self) -> bool {
        match self {
            Self::Read => true,
            Self::Push | Self::ReadTasks | Self::ChangeTags | Self::Manage | Self::Delete => false,
        }
    }
}

/// What is known of the caller besides who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knowledge {
    /// Nothing.
    Nothing,
    /// They are let into this Executor so far, by themselves or through a team, at this moment.
    Grant(AccessLevel),
    /// They know a secret that was checked against this Executor's hash and fits.
    Secret,
}

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

/// Whether `caller` may do `action` with `executor`.
pub fn authorize(
    caller: &Caller,
    knowledge: Knowledge,
    executor: Executor,
    action: Action,
    rules: HubRules,
) -> Result<Granted, Denied> {
    let trusted = trust(caller, knowledge, &executor);
    let is_shown = executor.visibility == Visibility::Public
        && executor.last_pushed_at.is_some()
        && rules.show_public_to(caller);
    let right = match trusted {
        Some((level, right)) if level >= action.needs() => Some(right),
        _ if caller.is_admin() && action.is_for_hub_admins() => Some(Right::HubAdmin),
        _ if is_shown && action.is_for_everybody() => Some(Right::Everybody),
        _ => None,
    };
    match right {
        Some(right) => Ok(Granted { object: executor, right }),
        None if trusted.is_some() || caller.is_admin() || is_shown => Err(Denied::Forbidden),
        None => Err(Denied::Hidden),
    }
}

/// How far the caller is let into this Executor, and by what right. An Executor without an owner belongs to whoever knows
/// its secret; the secret of another one lets push, and no more.
fn trust(caller: &Caller, knowledge: Knowledge, executor: &Executor) -> Option<(AccessLevel, Right)> {
    let owns = matches!((&executor.owner, caller.user_id()), (Some(owner), Some(id)) if owner.id == id);
    let by_account = match knowledge {
        _ if owns => Some((AccessLevel::Admin, Right::Own)),
        Knowledge::Grant(level) => Some((level, Right::Grant)),
        Knowledge::Nothing | Knowledge::Secret => None,
    };
    // A token that does not reach so far is worth no more than no token.
    let by_account =
        by_account.and_then(|(level, right)| Some((level.min(token_reach(caller, &executor.id)?), right)));
    let by_secret = match knowledge {
        Knowledge::Secret if executor.owner.is_none() => Some((AccessLevel::Admin, Right::Secret)),
        Knowledge::Secret => Some((AccessLevel::Write, Right::Secret)),
        Knowledge::Nothing | Knowledge::Grant(_) => None,
    };
    match (by_account, by_secret) {
        (Some(account), Some(secret)) if secret.0 > account.0 => Some(secret),
        (account, secret) => account.or(secret),
    }
}

/// How far the token that the caller came with reaches into this Executor.
fn token_reach(caller: &Caller, executor: &ExecutorId) -> Option<AccessLevel> {
    let reaches = |scope| caller.reaches(scope, executor);
    [(Scope::Admin, AccessLevel::Admin), (Scope::Write, AccessLevel::Write), (Scope::Read, AccessLevel::Read)]
        .into_iter()
        .find_map(|(scope, level)| reaches(scope).then_some(level))
}

/// What a caller wants with an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArtifactAction {
    /// See and download it.
    Read,
    /// Replace, change or delete it.
    Write,
}

/// Whether `caller` may do `action` with `artifact`. Nobody but its owner changes one.
pub fn authorize_artifact(
    caller: &Caller,
    artifact: Artifact,
    action: ArtifactAction,
    rules: HubRules,
) -> Result<Granted<Artifact>, Denied> {
    let owns = |scope| caller.user_id() == Some(artifact.owner.id) && caller.reaches_all(scope);
    let is_shown = artifact.visibility == Visibility::Public && rules.show_public_to(caller);
    let right = match action {
        ArtifactAction::Write if owns(Scope::Write) => Some(Right::Own),
        ArtifactAction::Read if owns(Scope::Read) => Some(Right::Own),
        ArtifactAction::Read if is_shown => Some(Right::Everybody),
        ArtifactAction::Read if caller.is_admin() => Some(Right::HubAdmin),
        ArtifactAction::Read | ArtifactAction::Write => None,
    };
    match right {
        Some(right) => Ok(Granted { object: artifact, right }),
        None if is_shown || owns(Scope::Read) || caller.is_admin() => Err(Denied::Forbidden),
        None => Err(Denied::Hidden),
    }
}

/// What a caller wants with a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeamAction {
    /// See who belongs to it.
    Read,
    /// Rename it, delete it, say who belongs to it.
    Manage,
}

/// Whether `caller`, who is `role` in `team` at this moment, may do `action` with it. That a team of some name exists is
/// no secret among signed-in people, since the name is taken.
pub fn authorize_team(
    caller: &Caller,
    role: Option<TeamRole>,
    team: Team,
    action: TeamAction,
) -> Result<Granted<Team>, Denied> {
    let needed = match action {
        TeamAction::Read => Scope::Read,
        TeamAction::Manage => Scope::Admin,
    };
    let right = match (role.filter(|_| caller.reaches_all(needed)), action) {
        (Some(TeamRole::Maintainer), _) | (Some(TeamRole::Member), TeamAction::Read) => Some(Right::Grant),
        _ if caller.is_admin() => Some(Right::HubAdmin),
        _ => None,
    };
    match right {
        Some(right) => Ok(Granted { object: team, right }),
        None if caller.user().is_some() => Err(Denied::Forbidden),
        None => Err(Denied::Hidden),
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
        ExecutorId, TokenId, UserId,
        executor::Owner,
        power::Power,
        user::{Role, User},
    };

    fn person(login: &str, role: Role) -> Caller {
        let user =
            User { id: UserId::mint(), login: login.parse().unwrap(), display_name: login.into(), role };
        Caller::Person { user: Box::new(user), token: TokenId::mint(), power: Power::full() }
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
        use AccessLevel as Level;
        use Action::{Manage, Push, Read, ReadTasks};
        use Denied::{Forbidden, Hidden};
        use Knowledge::{Grant, Nothing, Secret};
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
            (&alice, Nothing, Visibility::Private, true, Manage, None),
            (&admin, Nothing, Visibility::Private, true, Manage, None),
            (&bob, Nothing, Visibility::Private, true, Manage, Some(Hidden)),
            (&bob, Nothing, Visibility::Public, true, Manage, Some(Forbidden)),
            (&bob, Secret, Visibility::Private, true, Manage, Some(Forbidden)),
            (&bob, Grant(Level::Read), Visibility::Private, true, Read, None),
            (&bob, Grant(Level::Read), Visibility::Private, true, ReadTasks, None),
            (&bob, Grant(Level::Read), Visibility::Private, true, Push, Some(Forbidden)),
            (&bob, Grant(Level::Read), Visibility::Private, true, Manage, Some(Forbidden)),
            (&bob, Grant(Level::Write), Visibility::Private, true, Push, None),
            (&bob, Grant(Level::Write), Visibility::Private, true, Manage, Some(Forbidden)),
            (&bob, Grant(Level::Admin), Visibility::Private, true, Push, None),
            (&bob, Grant(Level::Admin), Visibility::Private, true, Manage, None),
        ];
        for (i, (caller, knowledge, visibility, is_usable, action, denied)) in rows.into_iter().enumerate() {
            let executor = executor(Some(&alice), visibility, is_usable);
            let answer = authorize(caller, knowledge, executor, action, HubRules::default());
            assert_eq!(answer.err(), denied, "row {i}");
        }
    }

    #[test]
    fn a_token_gives_no_more_than_its_scope_and_its_executors() {
        use Action::{Manage, Push, Read, ReadTasks};
        use Denied::{Forbidden, Hidden};
        let alice = person("alice", Role::Member);
        let mine = executor(Some(&alice), Visibility::Private, true);
        let with = |scope, executors| {
            let Caller::Person { user, token, .. } = alice.clone() else { unreachable!() };
            Caller::Person { user, token, power: Power { scope, executors } }
        };
        let named = || Some(vec![mine.id.clone()]);
        let other = || Some(vec![ExecutorId::mint()]);
        let rows = [
            (with(Scope::Read, None), Read, None),
            (with(Scope::Read, None), ReadTasks, None),
            (with(Scope::Read, None), Push, Some(Forbidden)),
            (with(Scope::Write, None), Push, None),
            (with(Scope::Write, None), Manage, Some(Forbidden)),
            (with(Scope::Write, named()), Push, None),
            (with(Scope::Write, other()), Push, Some(Hidden)),
            (with(Scope::Read, other()), Read, Some(Hidden)),
            (with(Scope::Admin, None), Manage, None),
        ];
        for (i, (caller, action, denied)) in rows.into_iter().enumerate() {
            let answer = authorize(&caller, Knowledge::Nothing, mine.clone(), action, HubRules::default());
            assert_eq!(answer.err(), denied, "row {i}");
        }
        let Caller::Person { user, token, .. } = person("root", Role::Admin) else { unreachable!() };
        let weak_admin =
            Caller::Person { user, token, power: Power { scope: Scope::Write, executors: None } };
        let answer = authorize(&weak_admin, Knowledge::Nothing, mine, Read, HubRules::default());
        assert_eq!(answer.err(), Some(Hidden), "an admin's weak token is no admin");
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

    #[test]
    fn an_executor_without_an_owner_belongs_to_whoever_knows_its_secret() {
        let ask = |knowledge, owner: Option<&Caller>| {
            let subject = executor(owner, Visibility::Private, true);
            authorize(&Caller::Anonymous, knowledge, subject, Action::Manage, HubRules::default()).err()
        };
        assert_eq!(ask(Knowledge::Secret, None), None);
        assert_eq!(ask(Knowledge::Nothing, None), Some(Denied::Hidden));
        assert_eq!(ask(Knowledge::Secret, Some(&person("alice", Role::Member))), Some(Denied::Forbidden));
    }
}
