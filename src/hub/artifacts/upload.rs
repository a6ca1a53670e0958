//! What happens to an upload of an artifact? Its bytes are durable before its row speaks of them; a row that it replaces
//! changes in one step, and an upload that is refused leaves nothing behind.

use serde_json::json;
use tempfile::NamedTempFile;

use super::super::Hub;
use super::{Said, name_taken};
use crate::{
    auth::{Caller, Origin, audit::Deed, policy::ArtifactAction},
    blobs::BlobKey,
    domain::{
        ArtifactId, ArtifactUploadId, UserId,
        artifact::{Artifact, ArtifactRef},
        audit::{AuditAction, Right},
        digest::Sha256,
        power::Scope,
    },
    error::{Error, ErrorKind},
    store::{
        self, Connection,
        artifacts::{StoredBytes, Usage},
    },
};

/// How often an upload looks for what it replaces while others take and give up the same name.
const ATTEMPTS: u8 = 3;

/// Bytes that were received.
#[derive(Debug)]
pub struct ReceivedArtifact {
    /// The bytes; gone when dropped.
    pub file: NamedTempFile,
    /// Their digest.
    pub sha256: Sha256,
    /// How many.
    pub size: u64,
}

/// What an upload says beside its bytes.
#[derive(Debug, Clone, Default)]
pub struct UploadArtifact {
    /// The artifact to replace. Without one, the caller's own of the name is replaced, if there is one.
    pub id: Option<ArtifactId>,
    /// What else; where it replaces an artifact and says nothing, that stays as it is.
    pub said: Said,
}

impl Hub {
    /// Stores an artifact, or replaces one of the caller's. When this returns, it is durable; a caller who hangs up
    /// meanwhile does not undo it.
    pub async fn upload_artifact(
        &self,
        caller: &Caller,
        upload: UploadArtifact,
        received: ReceivedArtifact,
    ) -> Result<Artifact, Error> {
        let owner = caller.require(Scope::Write)?.id;
        if let Some(id) = upload.id {
            let mut connection = self.0.store.read().await?;
            let reference = ArtifactRef::Id(id);
            self.find_artifact(&mut connection, caller, &reference, ArtifactAction::Write).await?;
        }
        let hub = self.clone();
        let storing = tokio::spawn(
            Origin::current().during(async move { hub.store_artifact(owner, upload, received).await }),
        );
        storing.await.map_err(Error::internal)?
    }

    async fn store_artifact(
        &self,
        owner: UserId,
        upload: UploadArtifact,
        received: ReceivedArtifact,
    ) -> Result<Artifact, Error> {
        let ReceivedArtifact { file, sha256, size } = received;
        let holder = ArtifactUploadId::mint();
        {
            let mut transaction = self.0.store.begin().await?;
            let now = self.0.clock.now();
            store::artifact_bytes::hold(&mut transaction, holder, sha256, size, now).await?;
            transaction.commit().await?;
        }
        let stored = StoredBytes { sha256, size };
        let recorded = match self.0.blobs.put(&BlobKey::Artifact(sha256), file).await {
            Ok(()) => self.record_artifact(owner, &upload, stored, holder).await,
            Err(error) => Err(error.into()),
        };
        match recorded {
            Ok((artifact, left)) => {
                if let Some(left) = left.filter(|left| *left != sha256) {
                    self.let_go(vec![left]).await;
                }
                tracing::info!(artifact = %artifact.id, size, outcome = "stored", "artifact");
                Ok(artifact)
            }
            Err(error) => {
                // Where the database does not answer, the hold is released with the abandoned ones.
                if let Ok(mut connection) = self.0.store.read().await
                    && store::artifact_bytes::release(&mut connection, holder).await.is_ok()
                {
                    drop(connection);
                    self.let_go(vec![sha256]).await;
                }
                Err(error)
            }
        }
    }

    /// Writes the row and gives up the hold on the bytes in one transaction. Also tells the digest that the row had
    /// before, if it is an old one.
    async fn record_artifact(
        &self,
        owner: UserId,
        upload: &UploadArtifact,
        stored: StoredBytes,
        holder: ArtifactUploadId,
    ) -> Result<(Artifact, Option<Sha256>), Error> {
        let mut attempt = 1;
        loop {
            match self.try_to_record(owner, upload, stored, holder).await {
                // Between the look for the name and the insert, another upload took it: now there is one to replace.
                Err(error)
                    if error.kind == ErrorKind::NameTaken && upload.id.is_none() && attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    async fn try_to_record(
        &self,
        owner: UserId,
        upload: &UploadArtifact,
        stored: StoredBytes,
        holder: ArtifactUploadId,
    ) -> Result<(Artifact, Option<Sha256>), Error> {
        let now = self.0.clock.now();
        let said = &upload.said;
        let mut transaction = self.0.store.begin().await?;
        let replaced = match (upload.id, &said.name) {
            (Some(id), _) => Some(id),
            (None, Some(name)) => {
                let reference = ArtifactRef::Named { owner: None, name: name.clone() };
                let found = store::artifacts::find(&mut transaction, &reference, Some(owner)).await?;
                found.map(|artifact| artifact.id)
            }
            (None, None) => None,
        };
        let locked = match replaced {
            Some(id) => store::artifacts::lock(&mut transaction, id, owner).await?.map(|left| (id, left)),
            None => None,
        };
        let (id, left) = match locked {
            Some((id, left)) => {
                let changed = store::artifacts::change(&mut transaction, id, said, Some(stored), now).await;
                changed.map_err(|error| name_taken(error, said.name.as_ref()))?;
                (id, Some(left))
            }
            // It went away a moment ago: by id that is an error, by name the name is free.
            None if upload.id.is_some() => return Err(Error::artifact_not_found()),
            None => {
                let id = ArtifactId::mint();
                let inserted = store::artifacts::insert(&mut transaction, id, owner, said, stored, now).await;
                inserted.map_err(|error| name_taken(error, said.name.as_ref()))?;
                (id, None)
            }
        };
        self.check_quota(&mut transaction, owner).await?;
        store::artifact_bytes::release(&mut transaction, holder).await?;
        let artifact = find_own(&mut transaction, id).await?;
        let said = json!({"size": artifact.size, "sha256": artifact.sha256.to_string()});
        let deed = Deed::to(AuditAction::ArtifactStored, &artifact, Right::Own).saying(said);
        let by = (artifact.owner.id, artifact.owner.login.as_str());
        deed.record_as(&mut transaction, Some(by), now).await?;
        transaction.commit().await?;
        Ok((artifact, left))
    }

    /// Refuses what has brought its owner over the operator's bounds; the transaction then takes it back. The row that
    /// counts is locked by now, so that two uploads cannot both take the last place.
    async fn check_quota(&self, connection: &mut Connection, owner: UserId) -> Result<(), Error> {
        let limits = &self.0.rules.artifacts;
        let Usage { artifacts, bytes } = store::artifacts::usage(connection, owner).await?;
        let cause = if bytes > limits.person_bytes {
            let limit = limits.person_bytes;
            format!("With this your artifacts come to {bytes} bytes; this Hub keeps {limit} of one person.")
        } else if artifacts > limits.person_artifacts {
            format!("You have {} artifacts, as many as this Hub keeps of one person.", artifacts - 1)
        } else {
            return Ok(());
        };
        Err(Error::new(
            ErrorKind::OverQuota,
            "artifact_quota",
            cause,
            "Delete artifacts that you do not need, or ask the operator for more (`artifacts.quota`, `artifacts.max_count`).",
        ))
    }
}

/// An artifact that was written in this transaction.
pub(super) async fn find_own(connection: &mut Connection, id: ArtifactId) -> Result<Artifact, Error> {
    let found = store::artifacts::find(connection, &ArtifactRef::Id(id), None).await?;
    found.ok_or_else(|| Error::internal("an artifact that was just written is not there"))
}
