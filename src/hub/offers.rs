//! What may a page offer to whoever looks at an Executor? Only a guess that saves them dead ends: the use cases decide.

use super::Hub;
use crate::{
    auth::{
        Caller,
        policy::{self, Action, Knowledge},
    },
    domain::executor::Executor,
    error::Error,
    store,
};

/// What is worth offering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offers {
    /// To follow its builds.
    pub builds: bool,
    /// To stop and repeat its builds.
    pub steer: bool,
    /// To change its settings.
    pub settings: bool,
}

impl Hub {
    /// What the caller may do with an Executor that they may see.
    pub async fn offers(&self, caller: &Caller, executor: &Executor) -> Result<Offers, Error> {
        let knowledge = match caller.user_id() {
            Some(user) => {
                let mut connection = self.0.store.read().await?;
                let level =
                    store::executor_grants::level_of(&mut connection, Some(&executor.id), user).await?;
                level.map_or(Knowledge::Nothing, Knowledge::Grant)
            }
            None => Knowledge::Nothing,
        };
        let may =
            |action| policy::authorize(caller, knowledge, executor.clone(), action, self.0.rules.hub).is_ok();
        let is_known = caller.user().is_some();
        Ok(Offers {
            builds: may(Action::ReadTasks),
            steer: is_known && may(Action::SteerBuilds),
            settings: is_known && may(Action::Manage),
        })
    }
}
