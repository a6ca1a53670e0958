//! Who belongs together? Teams are made by anybody who is signed in, and kept by their maintainers.

use serde_json::json;

use super::Hub;
use crate::{
    auth::{
        Caller,
        audit::Deed,
        policy::{self, Denied, Granted, TeamAction},
    },
    domain::{
        Login, TeamId,
        audit::{AuditAction, Right},
        page::{Page, PageSize},
        team::{Member, Team, TeamName, TeamRole},
        user::User,
    },
    error::{Error, ErrorKind},
    store::{self, Connection, StoreError},
};

impl Hub {
    /// Makes a team with the caller as its maintainer.
    pub async fn create_team(&self, caller: &Caller, name: &TeamName) -> Result<Team, Error> {
        let user = caller.require_user()?;
        let now = self.0.clock.now();
        let team = Team { id: TeamId::mint(), name: name.clone(), created_at: now };
        let mut transaction = self.0.store.begin().await?;
        store::teams::insert(&mut transaction, &team).await.map_err(|error| name_taken(error, name))?;
        store::teams::put_member(&mut transaction, team.id, user.id, TeamRole::Maintainer, now).await?;
        Deed::to(AuditAction::TeamCreated, &team, Right::Own).record(&mut transaction, caller, now).await?;
        transaction.commit().await?;
        Ok(team)
    }

    /// Gives a team another name. What it was let into stays.
    pub async fn rename_team(&self, caller: &Caller, name: &TeamName, to: &TeamName) -> Result<Team, Error> {
        let mut transaction = self.0.store.begin().await?;
        let granted = self.hold_team(&mut transaction, caller, name, TeamAction::Manage).await?;
        let renamed = store::teams::rename(&mut transaction, granted.object().id, to).await;
        renamed.map_err(|error| name_taken(error, to))?;
        let deed = Deed::with(AuditAction::TeamRenamed, &granted).saying(json!({"to": to.as_str()}));
        deed.record(&mut transaction, caller, self.0.clock.now()).await?;
        transaction.commit().await?;
        Ok(Team { name: to.clone(), ..granted.into_object() })
    }

    /// Dissolves a team: everybody loses what they had through it.
    pub async fn delete_team(&self, caller: &Caller, name: &TeamName) -> Result<(), Error> {
        let mut transaction = self.0.store.begin().await?;
        let granted = self.hold_team(&mut transaction, caller, name, TeamAction::Manage).await?;
        store::teams::delete(&mut transaction, granted.object().id).await?;
        let deed = Deed::with(AuditAction::TeamDeleted, &granted);
        deed.record(&mut transaction, caller, self.0.clock.now()).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Brings somebody into a team, or gives them another role in it.
    pub async fn put_team_member(
        &self,
        caller: &Caller,
        name: &TeamName,
        login: &Login,
        role: TeamRole,
    ) -> Result<(), Error> {
        let now = self.0.clock.now();
        let mut transaction = self.0.store.begin().await?;
        let granted = self.hold_team(&mut transaction, caller, name, TeamAction::Manage).await?;
        let (team, member) = (granted.object().id, find_user(&mut transaction, login).await?);
        store::teams::put_member(&mut transaction, team, member.id, role, now).await?;
        keep_a_maintainer(&mut transaction, team).await?;
        let deed = Deed::with(AuditAction::MemberAdded, &granted);
        let said = json!({"member": member.login.as_str(), "role": role.as_str()});
        deed.saying(said).record(&mut transaction, caller, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Removes somebody from a team; everybody may leave by themselves. What they had through it is lost at once.
    pub async fn remove_team_member(
        &self,
        caller: &Caller,
        name: &TeamName,
        login: &Login,
    ) -> Result<(), Error> {
        let mut transaction = self.0.store.begin().await?;
        let leaves = caller.user().is_some_and(|user| user.login.key() == login.key());
        let action = if leaves { TeamAction::Read } else { TeamAction::Manage };
        let granted = self.hold_team(&mut transaction, caller, name, action).await?;
        let (team, member) = (granted.object().id, find_user(&mut transaction, login).await?);
        if !store::teams::remove_member(&mut transaction, team, member.id).await? {
            return Err(Error::new(
                ErrorKind::NotFound,
                "member_not_found",
                format!("'{login}' does not belong to the team {name}."),
                "Look at the list of its members.",
            ));
        }
        keep_a_maintainer(&mut transaction, team).await?;
        let deed = Deed::with(AuditAction::MemberRemoved, &granted);
        let said = json!({"member": member.login.as_str()});
        deed.saying(said).record(&mut transaction, caller, self.0.clock.now()).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// A team and who belongs to it, for those who do.
    pub async fn team(&self, caller: &Caller, name: &TeamName) -> Result<(Team, Vec<Member>), Error> {
        let mut connection = self.0.store.read().await?;
        let found = store::teams::find(&mut connection, name).await?;
        let granted = decide(&mut connection, caller, name, found, TeamAction::Read).await?;
        let members = store::teams::members(&mut connection, granted.object().id).await?;
        Ok((granted.into_object(), members))
    }

    /// The teams of the caller by name, after the one that `cursor` names; every team for an admin of the Hub.
    pub async fn teams(
        &self,
        caller: &Caller,
        cursor: Option<&str>,
        size: PageSize,
    ) -> Result<Page<Team>, Error> {
        let user = caller.require_user()?.id;
        let of = (!caller.is_admin()).then_some(user);
        let mut connection = self.0.store.read().await?;
        let after = cursor.unwrap_or_default();
        let teams = store::teams::list(&mut connection, of, after, size.and_one_more()).await?;
        Ok(Page::cut(teams, size, |team| team.name.to_string()))
    }

    async fn hold_team(
        &self,
        connection: &mut Connection,
        caller: &Caller,
        name: &TeamName,
        action: TeamAction,
    ) -> Result<Granted<Team>, Error> {
        let found = store::teams::lock(connection, name).await?;
        decide(connection, caller, name, found, action).await
    }
}

async fn decide(
    connection: &mut Connection,
    caller: &Caller,
    name: &TeamName,
    found: Option<Team>,
    action: TeamAction,
) -> Result<Granted<Team>, Error> {
    let user = caller.require_user()?.id;
    let not_found = || {
        let cause = format!("There is no team called '{name}'.");
        Error::new(ErrorKind::NotFound, "team_not_found", cause, "Check the name.")
    };
    let team = found.ok_or_else(not_found)?;
    let role = store::teams::role_of(connection, team.id, user).await?;
    policy::authorize_team(caller, role, team, action).map_err(|denied| match denied {
        Denied::Hidden => not_found(),
        Denied::Forbidden => Error::new(
            ErrorKind::Forbidden,
            "team_not_yours",
            format!("The team {name} is kept by its maintainers."),
            "Ask one of them, or an admin of the Hub.",
        ),
    })
}

/// The row of the team is held, so that two who leave at once are counted one after the other.
async fn keep_a_maintainer(connection: &mut Connection, team: TeamId) -> Result<(), Error> {
    if store::teams::maintainers(connection, team).await? > 0 {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::PolicyDenied,
        "last_maintainer",
        "A team has at least one maintainer.",
        "Make somebody else one first, or delete the team.",
    ))
}

async fn find_user(connection: &mut Connection, login: &Login) -> Result<User, Error> {
    store::users::find_by_login(connection, login).await?.ok_or_else(|| {
        let cause = format!("There is nobody called '{login}'.");
        Error::new(ErrorKind::NotFound, "user_not_found", cause, "Check the login.")
    })
}

fn name_taken(error: StoreError, name: &TeamName) -> Error {
    match error {
        StoreError::Conflict(_) => Error::new(
            ErrorKind::NameTaken,
            "team_name_taken",
            format!("There is a team called '{name}' already."),
            "Choose another name.",
        ),
        error => error.into(),
    }
}
