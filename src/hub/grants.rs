//! Whom does an Executor's owner let in, and how far? What is said here counts from the next request on.

use serde_json::json;

use super::{Hub, subject::Subject};
use crate::{
    auth::{Caller, audit::Deed, policy::Action},
    domain::{
        AccessLevel, Visibility,
        access::{Grant, Grantee},
        audit::AuditAction,
    },
    error::{Error, ErrorKind},
    store::{self, Connection, executor_grants::To},
};

impl Hub {
    /// Lets somebody in, or further in or out than before.
    pub async fn grant_access(
        &self,
        caller: &Caller,
        subject: &Subject,
        to: &Grantee,
        level: AccessLevel,
    ) -> Result<(), Error> {
        let (granted, mut transaction) = self.grant_change(caller, subject, Action::Manage).await?;
        let row = find_grantee(&mut transaction, to).await?;
        let executor = granted.executor();
        if let (To::User(id), Some(owner)) = (row, &executor.owner)
            && owner.id == id
        {
            return Err(Error::invalid(
                "grantee_is_owner",
                format!("{to} owns this Executor and may do everything with it."),
                "Let in somebody else.",
            ));
        }
        let now = self.0.clock.now();
        store::executor_grants::put(&mut transaction, &executor.id, row, level, caller.user_id(), now)
            .await?;
        let deed = Deed::with(AuditAction::AccessGranted, &granted);
        let said = json!({"to": to.to_string(), "level": level.as_str()});
        deed.saying(said).record(&mut transaction, caller, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Shuts somebody out, unless they own it or belong to a team that is let in. Everybody may give up what they were
    /// given themselves.
    pub async fn revoke_access(&self, caller: &Caller, subject: &Subject, to: &Grantee) -> Result<(), Error> {
        let is_own =
            matches!((to, caller.user()), (Grantee::Person(login), Some(user)) if *login == user.login);
        let action = if is_own { Action::Read } else { Action::Manage };
        let (granted, mut transaction) = self.grant_change(caller, subject, action).await?;
        let row = find_grantee(&mut transaction, to).await?;
        if !store::executor_grants::revoke(&mut transaction, &granted.executor().id, row).await? {
            return Err(Error::new(
                ErrorKind::NotFound,
                "grant_not_found",
                format!("{to} was not let into this Executor."),
                "Look at the list of those who were.",
            ));
        }
        let deed = Deed::with(AuditAction::AccessRevoked, &granted).saying(json!({"to": to.to_string()}));
        deed.record(&mut transaction, caller, self.0.clock.now()).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Who was let in, for those who may change it.
    pub async fn access_list(&self, caller: &Caller, subject: &Subject) -> Result<Vec<Grant>, Error> {
        let granted = self.grant(caller, subject, Action::Manage).await?;
        let mut connection = self.0.store.read().await?;
        if granted.executor().visibility == Visibility::Private {
            let deed = Deed::with(AuditAction::AccessRead, &granted);
            deed.record(&mut connection, caller, self.0.clock.now()).await?;
        }
        Ok(store::executor_grants::list(&mut connection, &granted.executor().id).await?)
    }
}

async fn find_grantee(connection: &mut Connection, to: &Grantee) -> Result<To, Error> {
    let found = match to {
        Grantee::Person(login) => {
            store::users::find_by_login(connection, login).await?.map(|user| To::User(user.id))
        }
        Grantee::Team(name) => store::teams::find(connection, name).await?.map(|team| To::Team(team.id)),
    };
    found.ok_or_else(|| {
        let (code, cause) = match to {
            Grantee::Person(login) => ("user_not_found", format!("There is nobody called '{login}'.")),
            Grantee::Team(name) => ("team_not_found", format!("There is no team called '{name}'.")),
        };
        Error::new(ErrorKind::NotFound, code, cause, "Check the name.")
    })
}
