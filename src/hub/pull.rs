//! What does a pull get? The commit that a reference means, the address of its package, and the names of its images.

use std::sync::Arc;

use serde_json::json;

use super::{
    Hub,
    access::{Refused, namesake_item},
    download::DownloadAddress,
};
use crate::{
    auth::{
        Caller,
        audit::Deed,
        policy::{Action, Granted},
    },
    domain::{ExecutorRef, Secret, Tag, Visibility, audit::AuditAction, commit::Commit, executor::Executor},
    error::Error,
    store::{
        self,
        pulls::{Found, Tagged},
    },
};

/// What a pull asks for.
#[derive(Debug, Clone)]
pub struct Pull {
    /// Which Executor.
    pub reference: ExecutorRef,
    /// Which tag; `None` means `latest`, or the one pushed last.
    pub tag: Option<Tag>,
    /// What lets somebody read a private one who does not own it.
    pub secret: Option<Secret>,
    /// The platform whose image is wanted first, such as `linux/amd64`.
    pub platform: Option<String>,
}

/// What a pull gets.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// The Executor.
    pub executor: Executor,
    /// The commit.
    pub commit: Commit,
    /// Tags of the commit, the one asked for first; never empty.
    pub tags: Vec<String>,
    /// Where its package is.
    pub package: DownloadAddress,
    /// The name under which Docker pulls its image, or will when one is built.
    pub image: String,
    /// Names under which Docker pulls its image, best first; empty when none is built.
    pub images: Vec<String>,
}

impl Hub {
    /// Resolves a reference for a caller. What they may not see is not found, in the same words as what is not there.
    pub async fn pull(&self, caller: &Caller, pull: &Pull) -> Result<Pulled, Error> {
        let not_found = || Error::executor_not_found(&pull.reference, pull.tag.as_ref());
        let item = pull.reference.to_string();
        let mut found = self.look(caller, pull, &item, Some(&pull.reference)).await;
        if let Err(Refused::Hidden | Refused::Forbidden) = found {
            let namesake = self.namesake_without_owner(&pull.reference).await?;
            let id = namesake.and_then(|namesake| namesake.id.as_str().parse().ok()).map(ExecutorRef::Bare);
            let item = namesake_item(&pull.reference);
            found = self.look(caller, pull, &item, id.as_ref()).await;
        }
        let (granted, tagged) = match found {
            Ok(found) => found,
            Err(Refused::Hidden | Refused::Forbidden) => return Err(not_found()),
            Err(Refused::Failed(error)) => return Err(error),
        };
        let tagged = tagged.ok_or_else(not_found)?;
        if granted.executor().visibility == Visibility::Private {
            let said = json!({"commit": tagged.commit.id, "tag": tagged.tag});
            let mut connection = self.0.store.read().await?;
            let deed = Deed::with(AuditAction::ExecutorPulled, &granted).saying(said);
            deed.record(&mut connection, caller, self.0.clock.now()).await?;
        }
        let package = self.package_address(caller, &granted, &tagged.commit);
        let (commit, wanted) = (tagged.commit, pull.platform.as_deref());
        Ok(Pulled {
            package,
            image: self.name_of_image(&granted, commit.id),
            images: self.names_of_images(&granted, commit.id, tagged.images, wanted),
            executor: granted.into_executor(),
            commit,
            tags: tagged.tags,
        })
    }

    /// A number that grows with every change of what pulls of public Executors are made from; `None` while changes by other
    /// processes are not heard of, and where nothing is everybody's.
    pub fn public_changes(&self) -> Option<u64> {
        if self.0.rules.hub.sign_in_required { None } else { self.0.store.pull_memo().changes() }
    }

    /// Finds what a reference means and decides about it. Without a reference the same work is done for nothing.
    async fn look(
        &self,
        caller: &Caller,
        pull: &Pull,
        item: &str,
        reference: Option<&ExecutorRef>,
    ) -> Result<(Granted, Option<Tagged>), Refused> {
        let found = match reference {
            Some(reference) => {
                let (caller, tag, now) = (caller.user_id(), pull.tag.as_ref(), self.0.clock.now());
                let found = if caller.is_none() && self.0.rules.hub.sign_in_required {
                    // Here public Executors are hidden as well, and what is remembered is answered faster.
                    let mut connection = self.0.store.read().await.map_err(Error::from)?;
                    store::pulls::find(&mut connection, reference, caller, tag).await.map(|f| f.map(Arc::new))
                } else {
                    self.0.store.find_pull(reference, caller, tag, now).await
                };
                found.map_err(Error::from)?
            }
            None => None,
        };
        let (executor, tagged) = match found {
            Some(found) => {
                let Found { executor, tagged } = Arc::unwrap_or_clone(found);
                (Some(executor), tagged)
            }
            None => (None, None),
        };
        let granted = self.authorize(caller, item, pull.secret.as_ref(), executor, Action::Read).await?;
        Ok((granted, tagged))
    }
}
