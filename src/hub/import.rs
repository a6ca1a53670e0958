//! How do packages come that nobody pushes? As pushes of their owners, by the operator's word; what is there already with the
//! same bytes under the same tags is left as it is, so that an import can be broken off and begun again.

use super::{
    Hub,
    publish::{Accepted, Push, Target, Upload},
};
use crate::{
    auth::Caller,
    domain::{ExecutorName, Tag, TokenId, digest::Sha256, power::Power, user::User},
    error::Error,
    store,
};

/// What became of a package.
#[derive(Debug)]
pub enum Imported {
    /// It is a commit now; its build is waiting, if there are builds.
    Taken(Box<Accepted>),
    /// The owner's Executor of this name has these bytes under all these tags.
    Unchanged(ExecutorName),
}

impl Hub {
    /// Takes a package as if `owner` had pushed it. A push to `Target::Own`; everything that refuses a push refuses this.
    pub async fn import(&self, owner: &User, mut push: Push, upload: Upload) -> Result<Imported, Error> {
        let caller = Caller::Person {
            user: Box::new(owner.clone()),
            // The operator's word stands for a token.
            token: TokenId::mint(),
            power: Power::full(),
        };
        if push.tags.is_empty() && push.protected_tags.is_empty() {
            push.tags.push(Tag::latest());
        }
        let (inspection, staged) = self.inspect(&push, upload).await?;
        let own_name = match &push.target {
            Target::Own { name: Some(name) } => Some(name.clone()),
            _ => inspection.package.name.as_deref().and_then(|name| name.trim().parse().ok()),
        };
        let tags: Vec<Tag> = push.tags.iter().chain(&push.protected_tags).cloned().collect();
        if let Some(name) = own_name
            && self.has_under(owner, &name, inspection.zip.sha256, &tags).await?
        {
            return Ok(Imported::Unchanged(name));
        }
        let admitted = self.admit(&caller, push).await?;
        let accepted = self.accept_inspected(admitted, inspection, staged).await?;
        Ok(Imported::Taken(Box::new(accepted)))
    }

    /// Whether the Executor of that owner and name has these bytes under all these tags, or will have once a build that is
    /// waiting or running succeeds.
    pub async fn has_under(
        &self,
        owner: &User,
        name: &ExecutorName,
        package: Sha256,
        tags: &[Tag],
    ) -> Result<bool, Error> {
        let mut connection = self.0.store.read().await?;
        let found = store::executors::find_in_namespace(&mut connection, Some(owner.id), name).await?;
        match found {
            Some(found) => Ok(store::tags::have(&mut connection, &found.id, package, tags).await?),
            None => Ok(false),
        }
    }
}
