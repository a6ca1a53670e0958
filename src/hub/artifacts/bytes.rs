//! When do bytes of artifacts go? With the last artifact that has them, unless somebody is uploading the same ones: who
//! stores bytes refers to their row first, and who deletes them holds that row's lock meanwhile.

use std::time::Duration;

use chrono::TimeDelta;

use super::super::Hub;
use crate::{
    blobs::BlobKey,
    domain::digest::Sha256,
    error::Error,
    store::{self},
};

/// An upload that has not ended after this long was ended by a crash: putting the bytes in place takes minutes at most.
const ABANDONED_AFTER: TimeDelta = TimeDelta::hours(6);
/// How long the object store may take over one deletion; the database waits for it.
const DELETE_TIME: Duration = Duration::from_secs(30);
/// How many digests one round of collecting looks at.
const ROUND: i64 = 100;

impl Hub {
    /// Deletes the bytes that nothing needs any more. What fails is left to [`Hub::collect_artifact_bytes`]: the artifact
    /// itself is gone, and that is what was asked for.
    pub(super) async fn let_go(&self, digests: Vec<Sha256>) {
        let hub = self.clone();
        // A task of its own, because a caller who hangs up must not end it between the bytes and their row.
        let collecting = tokio::spawn(async move {
            for sha256 in digests {
                if let Err(error) = hub.collect_one(sha256).await {
                    tracing::warn!(%sha256, %error, cause = ?error.source_for_log(), "cannot delete an artifact's bytes yet");
                }
            }
        });
        let _ = collecting.await;
    }

    async fn collect_one(&self, sha256: Sha256) -> Result<bool, Error> {
        let mut transaction = self.0.store.begin().await?;
        if !store::bytes_lock::may_delete(&mut transaction).await?
            || !store::artifact_bytes::lock_unneeded(&mut transaction, sha256).await?
        {
            return Ok(false);
        }
        let key = BlobKey::Artifact(sha256);
        tokio::time::timeout(DELETE_TIME, self.0.blobs.delete(&key)).await.map_err(Error::unavailable)??;
        store::artifact_bytes::forget(&mut transaction, sha256).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Deletes bytes that crashes have left; returns how many objects. Meant to be run now and then; several replicas may
    /// run it at once.
    pub async fn collect_artifact_bytes(&self) -> Result<u64, Error> {
        let mut collected = 0;
        let before = self.0.clock.now() - ABANDONED_AFTER;
        {
            let mut connection = self.0.store.read().await?;
            store::artifact_bytes::release_abandoned(&mut connection, before).await?;
        }
        loop {
            let unneeded = {
                let mut connection = self.0.store.read().await?;
                store::artifact_bytes::unneeded(&mut connection, ROUND).await?
            };
            let mut progress = 0;
            for sha256 in unneeded {
                progress += u64::from(self.collect_one(sha256).await?);
            }
            collected += progress;
            // What another replica collects at the same time is no progress of ours, and it will end as well.
            if progress == 0 {
                return Ok(collected);
            }
        }
    }
}
