//! May this caller do this with an Executor? What they own, what they were let into, what they know the secret of and
//! what everybody may see is decided by one function.

use super::{Denied, Granted, HubRules};
use crate::{
    auth::Caller,
    domain::{AccessLevel, ExecutorId, Visibility, audit::Right, executor::Executor, power::Scope},
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
    /// Stop its builds and start them again.
    SteerBuilds,
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
            Self::Push | Self::SteerBuilds | Self::ChangeTags => AccessLevel::Write,
            Self::Manage | Self::Delete => AccessLevel::Admin,
        }
    }

    /// Whether an admin of the Hub may do it with what is not theirs. What is published in somebody's name they may hide
    /// and hand over, but not replace; what its builds take from the others is theirs to end.
    fn is_for_hub_admins(self) -> bool {
        match self {
            Self::Read | Self::ReadTasks | Self::SteerBuilds | Self::Manage | Self::Delete => true,
            Self::Push | Self::ChangeTags => false,
        }
    }

    /// Whether everybody may do it with what is public.
    fn is_for_everybody(self) -> bool {
        match self {
            Self::Read => true,
            Self::Push
            | Self::ReadTasks
            | Self::SteerBuilds
            | Self::ChangeTags
            | Self::Manage
            | Self::Delete => false,
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

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{executor, person},
        *,
    };
    use crate::domain::{power::Power, user::Role};

    #[test]
    fn the_matrix_of_the_design_holds() {
        use AccessLevel as Level;
        use Action::{Manage, Push, Read, ReadTasks, SteerBuilds};
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
            (&admin, Nothing, Visibility::Private, true, SteerBuilds, None),
            (&alice, Nothing, Visibility::Private, false, SteerBuilds, None),
            (&bob, Nothing, Visibility::Public, true, SteerBuilds, Some(Forbidden)),
            (&bob, Secret, Visibility::Private, true, SteerBuilds, None),
            (&bob, Grant(Level::Read), Visibility::Private, true, SteerBuilds, Some(Forbidden)),
            (&bob, Grant(Level::Write), Visibility::Private, true, SteerBuilds, None),
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
