//! How does a use case reach an Executor? Only through `auth::policy`, after any secret was checked and any grant was
//! looked up.

use super::Hub;
use crate::{
    auth::{
        Caller,
        policy::{self, Action, Denied, Granted, Knowledge},
    },
    domain::{ExecutorRef, Secret, TokenId, executor::Executor},
    error::Error,
    store,
};

impl Hub {
    /// Finds out what is known of the caller and lets `policy` decide about the Executor that was found, if one was.
    /// `item` is what they asked for, in their words: tries with a secret are counted by it. Grants are looked up and
    /// secrets checked even where no Executor was found, so that the time tells nothing.
    pub(super) async fn authorize(
        &self,
        caller: &Caller,
        item: &str,
        secret: Option<&Secret>,
        found: Option<Executor>,
        action: Action,
    ) -> Result<Granted, Refused> {
        let mut knowledge = Knowledge::Nothing;
        if let Some(user) = caller.user_id()
            && !self.suffices(caller, knowledge, found.as_ref(), action)
        {
            let id = found.as_ref().map(|executor| &executor.id);
            let mut connection = self.0.store.read().await.map_err(Error::from)?;
            let level =
                store::executor_grants::level_of(&mut connection, id, user).await.map_err(Error::from)?;
            knowledge = level.map_or(knowledge, Knowledge::Grant);
        }
        // Where the caller may do the thing anyway, a secret makes no difference and costs no hash.
        if let Some(secret) = secret
            && !self.suffices(caller, knowledge, found.as_ref(), action)
        {
            let found = found.as_ref().map(|executor| (&executor.id, executor.secret_hash.as_deref()));
            if self.0.secrets.fit(secret, item, found).await? {
                knowledge = Knowledge::Secret;
            }
        }
        let executor = found.ok_or(Refused::Hidden)?;
        policy::authorize(caller, knowledge, executor, action, self.0.rules.hub).map_err(
            |denied| match denied {
                Denied::Hidden => Refused::Hidden,
                Denied::Forbidden => Refused::Forbidden,
            },
        )
    }

    /// The person who came with this token some time ago, as they are now; `None` when it is not good any more.
    pub(super) async fn caller_of(&self, token: TokenId) -> Result<Option<Caller>, Error> {
        let mut connection = self.0.store.read().await?;
        let found = store::tokens::find_live(&mut connection, token, self.0.clock.now()).await?;
        Ok(found.map(|found| Caller::Person { user: Box::new(found.user), token, power: found.power }))
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

    /// Whether nothing more needs to be known for this.
    fn suffices(
        &self,
        caller: &Caller,
        knowledge: Knowledge,
        found: Option<&Executor>,
        action: Action,
    ) -> bool {
        found.is_some_and(|executor| {
            policy::authorize(caller, knowledge, executor.clone(), action, self.0.rules.hub).is_ok()
        })
    }
}

/// What tries at [`Hub::namesake_without_owner`] are counted by: it is looked at after something else was, with the same
/// secret, and one try shall not count as two.
pub(super) fn namesake_item(reference: &ExecutorRef) -> String {
    format!("{reference} without an owner")
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
