//! Which Executor shall be changed, and may this caller change it? One way for every use case that changes one.

use super::{
    Hub,
    access::{Refused, namesake_item},
};
use crate::{
    auth::{
        Caller,
        policy::{Action, Granted},
    },
    domain::{ExecutorRef, Secret},
    error::{Error, ErrorKind},
    store::{self, Connection},
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

impl Subject {
    /// To whoever may not know of it, and to everybody once it is gone.
    pub(super) fn not_found(&self) -> Error {
        Error::executor_not_found(&self.reference, None)
    }
}

impl Hub {
    /// The Executor, if the caller may do this with it. What they may not see is not found; what they see and may not
    /// change is forbidden.
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
        if let (Err(Refused::Hidden | Refused::Forbidden), Some(secret)) = (&decided, secret) {
            let namesake = self.namesake_without_owner(reference).await?;
            match self.authorize(caller, &namesake_item(reference), Some(secret), namesake, action).await {
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
