//! How are artifacts read, changed and deleted, once they are there?

use super::super::{Hub, download::DownloadAddress};
use super::{Said, name_taken, upload::find_own};
use crate::{
    auth::{Caller, audit::Deed, policy::ArtifactAction},
    domain::{
        ArtifactId, Visibility,
        artifact::{Artifact, ArtifactRef},
        audit::AuditAction,
        power::Scope,
    },
    error::Error,
    store::{self},
};

impl Hub {
    /// An artifact that this caller may read.
    pub async fn artifact(&self, caller: &Caller, reference: &ArtifactRef) -> Result<Artifact, Error> {
        let mut connection = self.0.store.read().await?;
        let granted = self.find_artifact(&mut connection, caller, reference, ArtifactAction::Read).await?;
        if granted.object().visibility == Visibility::Private {
            let deed = Deed::with(AuditAction::ArtifactRead, &granted);
            deed.record(&mut connection, caller, self.0.clock.now()).await?;
        }
        Ok(granted.into_object())
    }

    /// Where the bytes of an artifact that this caller may read are fetched.
    pub async fn artifact_address(
        &self,
        caller: &Caller,
        reference: &ArtifactRef,
    ) -> Result<DownloadAddress, Error> {
        let artifact = self.artifact(caller, reference).await?;
        Ok(self.artifact_bytes_address(caller, &artifact))
    }

    /// Changes what is said of an artifact of the caller's; its bytes stay.
    pub async fn update_artifact(
        &self,
        caller: &Caller,
        reference: &ArtifactRef,
        said: &Said,
    ) -> Result<Artifact, Error> {
        let owner = caller.require(Scope::Write)?.id;
        let mut transaction = self.0.store.begin().await?;
        let granted = self.find_artifact(&mut transaction, caller, reference, ArtifactAction::Write).await?;
        let id = granted.object().id;
        store::artifacts::lock(&mut transaction, id, owner).await?.ok_or_else(Error::artifact_not_found)?;
        let now = self.0.clock.now();
        let changed = store::artifacts::change(&mut transaction, id, said, None, now).await;
        changed.map_err(|error| name_taken(error, said.name.as_ref()))?;
        let deed = Deed::with(AuditAction::ArtifactChanged, &granted);
        deed.record(&mut transaction, caller, now).await?;
        let artifact = find_own(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(artifact)
    }

    /// Deletes one artifact of the caller's; an error when it is not there.
    pub async fn delete_artifact(&self, caller: &Caller, reference: &ArtifactRef) -> Result<(), Error> {
        match self.delete_artifacts(caller, std::slice::from_ref(reference)).await? {
            0 => Err(Error::artifact_not_found()),
            _ => Ok(()),
        }
    }

    /// Deletes artifacts of the caller's and returns how many there were. What is not there (for them) is passed over;
    /// one that they may see but not delete stops all of it before anything is deleted.
    pub async fn delete_artifacts(
        &self,
        caller: &Caller,
        references: &[ArtifactRef],
    ) -> Result<usize, Error> {
        let owner = caller.require(Scope::Write)?.id;
        let mut transaction = self.0.store.begin().await?;
        let found = store::artifacts::find_all(&mut transaction, references, Some(owner)).await?;
        let mut ids: Vec<ArtifactId> = Vec::with_capacity(found.len());
        for artifact in found {
            if let Some(own) = self.authorize_artifact(caller, artifact, ArtifactAction::Write)? {
                let deed = Deed::with(AuditAction::ArtifactDeleted, &own);
                deed.record(&mut transaction, caller, self.0.clock.now()).await?;
                ids.push(own.object().id);
            }
        }
        let mut left = store::artifacts::delete(&mut transaction, owner, &ids).await?;
        transaction.commit().await?;
        let deleted = left.len();
        left.sort_unstable();
        left.dedup();
        self.let_go(left).await;
        tracing::info!(deleted, outcome = "deleted", "artifacts");
        Ok(deleted)
    }
}
