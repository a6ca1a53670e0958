//! Where is the space, and may somebody have more of it?

use super::Hub;
use crate::{
    auth::{Caller, policy},
    domain::UserId,
    error::{Error, ErrorKind},
    store::{self, Connection},
};

pub use crate::store::usage::{ExecutorUsage, OwnerUsage};

/// How many Executors or people one answer names.
const MOST_SHOWN: i64 = 1000;

/// What a person has here.
#[derive(Debug, Clone)]
pub struct OwnUsage {
    /// How many Executors, deleted ones included until they are purged.
    pub executors: u64,
    /// How many they may have; `None` means any number.
    pub most_executors: Option<u64>,
    /// Bytes of their packages, each digest counted once.
    pub package_bytes: u64,
    /// How many they may come to; `None` means any number.
    pub most_package_bytes: Option<u64>,
    /// Bytes of their artifacts.
    pub artifact_bytes: u64,
    /// What each Executor comes to, the largest first.
    pub by_executor: Vec<ExecutorUsage>,
}

/// What everybody has here.
#[derive(Debug, Clone)]
pub struct HubUsage {
    /// By person, the largest first.
    pub by_owner: Vec<OwnerUsage>,
    /// The largest Executors.
    pub by_executor: Vec<ExecutorUsage>,
}

/// How much one person may have; 0 means any amount.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quotas {
    /// Bytes of packages.
    pub package_bytes: u64,
    /// Executors.
    pub executors: u64,
}

impl Hub {
    /// What the caller has here.
    pub async fn usage(&self, caller: &Caller) -> Result<OwnUsage, Error> {
        let owner = caller.require_user()?.id;
        let mut connection = self.0.store.read().await?;
        let (executors, package_bytes) = store::usage::of_owner(&mut connection, owner).await?;
        let artifacts = store::artifacts::usage(&mut connection, owner).await?;
        let by_executor = store::usage::executors(&mut connection, Some(owner), MOST_SHOWN).await?;
        let limit = |most: u64| (most > 0).then_some(most);
        Ok(OwnUsage {
            executors,
            most_executors: limit(self.0.rules.quotas.executors),
            package_bytes,
            most_package_bytes: limit(self.0.rules.quotas.package_bytes),
            artifact_bytes: artifacts.bytes,
            by_executor,
        })
    }

    /// What everybody has here, for admins.
    pub async fn usage_of_all(&self, caller: &Caller) -> Result<HubUsage, Error> {
        policy::authorize_administration(caller)?;
        self.usage_for_operator().await
    }

    /// The same for whoever runs commands on the Hub's machine.
    pub async fn usage_for_operator(&self) -> Result<HubUsage, Error> {
        let mut connection = self.0.store.read().await?;
        Ok(HubUsage {
            by_owner: store::usage::owners(&mut connection, MOST_SHOWN).await?,
            by_executor: store::usage::executors(&mut connection, None, MOST_SHOWN).await?,
        })
    }

    /// Refuses a push that has brought its owner over the operator's bounds; the transaction then takes it back. Pushes of
    /// one owner come here one after the other.
    pub(super) async fn check_quotas(
        &self,
        connection: &mut Connection,
        owner: Option<UserId>,
    ) -> Result<(), Error> {
        let quotas = self.0.rules.quotas;
        let Some(owner) = owner.filter(|_| quotas.package_bytes > 0 || quotas.executors > 0) else {
            return Ok(());
        };
        store::usage::hold_owner(connection, owner).await?;
        let (executors, bytes) = store::usage::of_owner(connection, owner).await?;
        let over = |code, cause: String, remedy| Err(Error::new(ErrorKind::OverQuota, code, cause, remedy));
        if quotas.package_bytes > 0 && bytes > quotas.package_bytes {
            return over(
                "package_quota",
                format!(
                    "With this the owner's packages come to {bytes} bytes; this Hub keeps {} of one owner.",
                    quotas.package_bytes
                ),
                "Delete Executors or commits that nobody needs, or ask the operator for more (`limits.storage_per_owner`).",
            );
        }
        if quotas.executors > 0 && executors > quotas.executors {
            return over(
                "executor_quota",
                format!("The owner has {} Executors, as many as this Hub keeps of one owner.", executors - 1),
                "Delete one that nobody needs, or ask the operator for more (`limits.executors_per_owner`).",
            );
        }
        Ok(())
    }
}
