//! May this caller do this with an artifact? Nobody but its owner changes one.

use super::{Denied, Granted, HubRules};
use crate::{
    auth::Caller,
    domain::{Visibility, artifact::Artifact, audit::Right, power::Scope},
};

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

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::{super::tests::person, *};
    use crate::domain::{executor::Owner, user::Role};

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
}
