//! What may a page offer to whoever looks at an Executor? Only a guess that saves them dead ends: the use cases decide.

use super::Hub;
use crate::{
    auth::{
        Caller,
        policy::{self, Action, Knowledge},
    },
    domain::executor::Executor,
};

/// What is worth offering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offers {
    /// To follow its builds.
    pub builds: bool,
    /// To push to it, and to stop and repeat its builds.
    pub push: bool,
    /// To change its settings.
    pub settings: bool,
}

impl Hub {
    /// What the caller may do with an Executor that they may see.
    pub fn offers(&self, caller: &Caller, executor: &Executor) -> Offers {
        let may = |action| {
            policy::authorize(caller, Knowledge::Nothing, executor.clone(), action, self.0.rules.hub).is_ok()
        };
        let is_known = caller.user().is_some();
        Offers {
            builds: may(Action::ReadTasks),
            push: is_known && (caller.is_admin() || may(Action::Push)),
            settings: is_known && may(Action::Manage),
        }
    }
}
