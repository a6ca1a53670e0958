//! May this caller do this with a team? It is its maintainers'; its members see who belongs to it.

use super::{Denied, Granted};
use crate::{
    auth::Caller,
    domain::{
        audit::Right,
        power::Scope,
        team::{Team, TeamRole},
    },
};

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
