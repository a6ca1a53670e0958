//! How does a use case reach an Executor? Only through `auth::policy`, after any secret was checked.

use super::Hub;
use crate::{
    auth::{
        Caller, passwords,
        policy::{self, Action, Denied, Granted, Knowledge},
    },
    domain::{ExecutorRef, Secret, executor::Executor},
    error::Error,
    store,
};

impl Hub {
    /// Checks what the caller brings against the Executor that was found, if one was, and lets `policy` decide. A secret
    /// is checked even where no Executor was found, so that the time tells nothing.
    pub(super) async fn authorize(
        &self,
        caller: &Caller,
        secret: Option<&Secret>,
        found: Option<Executor>,
        action: Action,
    ) -> Result<Granted, Refused> {
        let hash = found.as_ref().and_then(|executor| executor.secret_hash.clone());
        let knowledge = match secret {
            Some(secret) if self.needs_secret(caller, found.as_ref(), action) => {
                if passwords::verify(secret, hash.as_deref()).await? {
                    Knowledge::Secret
                } else {
                    Knowledge::Nothing
                }
            }
            _ => Knowledge::Nothing,
        };
        let executor = found.ok_or(Refused::Hidden)?;
        policy::authorize(caller, knowledge, executor, action, self.0.rules.hub).map_err(
            |denied| match denied {
                Denied::Hidden => Refused::Hidden,
                Denied::Forbidden => Refused::Forbidden,
            },
        )
    }

    /// The Executor without an owner that bears this bare name. Whoever may not know of the holder of a bare name must find
    /// what would be found if it did not exist, and whoever was given NAME and SECRET must be able to use them, whoever
    /// holds the bare name.
    pub(super) async fn namesake_without_owner(
        &self,
        reference: &ExecutorRef,
    ) -> Result<Option<Executor>, Error> {
        let ExecutorRef::Bare(name) = reference else { return Ok(None) };
        let mut connection = self.0.store.read().await?;
        Ok(store::executors::find_in_namespace(&mut connection, None, name).await?)
    }

    /// A secret makes no difference where the caller may do the thing anyway: reading what is public costs no hash.
    fn needs_secret(&self, caller: &Caller, found: Option<&Executor>, action: Action) -> bool {
        found.is_none_or(|executor| {
            let (executor, rules) = (executor.clone(), self.0.rules.hub);
            policy::authorize(caller, Knowledge::Nothing, executor, action, rules).is_err()
        })
    }
}

/// Why a use case may not go on.
#[derive(Debug)]
pub(super) enum Refused {
    /// To this caller it does not exist.
    Hidden,
    /// They may see it, but not do this.
    Forbidden,
    /// The decision could not be made.
    Failed(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
