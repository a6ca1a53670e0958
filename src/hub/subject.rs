//! Which Executor shall be changed, and may this caller change it? One way for every use case that changes one.

use super::{
    Hub,
    access::{Refused, namesake_item},
};
use crate::{
    auth::{
        Caller,
        audit::Deed,
        policy::{Action, Granted},
    },
    domain::{ExecutorRef, Secret, Visibility, audit::AuditAction},
    error::{Error, ErrorKind},
    store::{self, Connection, Transaction},
};

/// An Executor as a caller points at it.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Which.
    pub reference: ExecutorRef,
    /// What lets somebody change (or read) it who does not own it.
    pub secret: Option<Secret>,
}

impl From<ExecutorRef> for Subject {
    fn from(reference: ExecutorRef) -> Self {
        Self { reference, secret: None }
    }
}

impl From<&ExecutorRef> for Subject {
    fn from(reference: &ExecutorRef) -> Self {
        reference.clone().into()
    }
}

impl Subject {
    /// To whoever may not know of it, and to everybody once it is gone.
    pub(super) fn not_found(&self) -> Error {
        Error::executor_not_found(&self.reference, None)
    }
}

impl Hub {
    /// The Executor, if the caller may do this with it. What they may not see is not found; what they see and may not
    /// change is forbidden. Whoever may not know of the holder of a bare name finds what would be found if it did not exist.
    pub(super) async fn grant(
        &self,
        caller: &Caller,
        subject: &Subject,
        action: Action,
    ) -> Result<Granted, Error> {
        let Subject { reference, secret } = subject;
        let item = reference.to_string();
        let found = {
            let mut connection = self.0.store.read().await?;
            store::executors::find(&mut connection, reference, caller.user_id()).await?
        };
        let mut decided = self.authorize(caller, &item, secret.as_ref(), found, action).await;
        let looks_further = match &decided {
            Err(Refused::Hidden) => true,
            Err(Refused::Forbidden) => secret.is_some(),
            Ok(_) | Err(Refused::Failed(_)) => false,
        };
        if looks_further {
            let (namesake, item) = (self.namesake_without_owner(reference).await?, namesake_item(reference));
            match self.authorize(caller, &item, secret.as_ref(), namesake, action).await {
                // What they may see of the first one says more than that there is no second one.
                Err(Refused::Hidden) => {}
                second => decided = second,
            }
        }
        decided.map_err(|refused| match refused {
            Refused::Hidden => subject.not_found(),
            Refused::Forbidden => Error::new(
                ErrorKind::Forbidden,
                "change_not_allowed",
                format!("You may not do this with the Executor {reference}."),
                "Sign in as its owner, bring its secret, or ask its owner to let you in.",
            ),
            Refused::Failed(error) => error,
        })
    }

    /// The Executor, if the caller may read it; that they looked at a private one is written down.
    pub(super) async fn grant_look(&self, caller: &Caller, subject: &Subject) -> Result<Granted, Error> {
        let granted = self.grant(caller, subject, Action::Read).await?;
        if granted.executor().visibility == Visibility::Private {
            let mut connection = self.0.store.read().await?;
            let deed = Deed::with(AuditAction::ExecutorRead, &granted);
            deed.record(&mut connection, caller, self.0.clock.now()).await?;
        }
        Ok(granted)
    }

    /// The Executor, if the caller may do this with it, and a transaction that holds it as [`Hub::hold`] does.
    pub(super) async fn grant_change(
        &self,
        caller: &Caller,
        subject: &Subject,
        action: Action,
    ) -> Result<(Granted, Transaction), Error> {
        let granted = self.grant(caller, subject, action).await?;
        let mut transaction = self.0.store.begin().await?;
        self.hold(&mut transaction, subject, &granted).await?;
        Ok((granted, transaction))
    }

    /// Holds the Executor's row until the transaction ends: changes of one Executor come one after the other, and what
    /// was granted is still there.
    pub(super) async fn hold(
        &self,
        connection: &mut Connection,
        subject: &Subject,
        granted: &Granted,
    ) -> Result<(), Error> {
        if store::executors::lock(connection, &granted.executor().id).await? {
            return Ok(());
        }
        Err(subject.not_found())
    }
}
