//! Which images and parts of them does nothing name any more, and how do they go while others push? From the top down:
//! manifests without a name, blobs that no manifest names, bytes that no repository has. Each waits for its time of grace
//! and goes under a lock, so that a push that is told "it is here" finds it when it comes to name it.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Images;
use crate::{
    blobs::BlobKey,
    domain::{ImageUploadId, digest::Sha256},
    error::Error,
    store::{self, package_bytes::Amount},
};

/// An arrival that has not ended after this long was ended by a crash.
const ABANDONED_AFTER: Duration = Duration::from_hours(6);
/// How long the object store may take over one deletion; the database waits for it.
const DELETE_TIME: Duration = Duration::from_secs(30);
/// How many are looked at in one statement.
const ROUND: i64 = 500;
/// Uploads that are locked at the same time.
const LOCKED_AT_ONCE: usize = 100;

impl Images {
    /// Deletes what nothing names and tells how many bytes have gone. Several may collect at once.
    pub async fn collect(&self) -> Result<Amount, Error> {
        let now = self.0.clock.now();
        let before = now - self.0.rules.grace;
        {
            let mut connection = self.0.store.read().await?;
            store::image_bytes::release_abandoned(&mut connection, now - ABANDONED_AFTER).await?;
            store::image_uploads::forget_abandoned(&mut connection, now - self.0.rules.upload_life).await?;
        }
        // An index goes before the images that it names: each round finds what the one before has set free.
        let untagged = now - self.0.rules.keep_untagged;
        loop {
            let mut transaction = self.0.store.begin().await?;
            let gone = store::image_manifests::delete_unnamed(&mut transaction, untagged, ROUND).await?;
            transaction.commit().await?;
            if gone == 0 {
                break;
            }
        }
        loop {
            let mut transaction = self.0.store.begin().await?;
            let gone = store::image_blobs::unlink_unnamed(&mut transaction, before, ROUND).await?;
            transaction.commit().await?;
            if gone == 0 {
                break;
            }
        }
        {
            let mut connection = self.0.store.read().await?;
            store::image_bytes::look(&mut connection, now).await?;
        }
        let (mut amount, mut after) = (Amount::default(), Vec::new());
        loop {
            let unneeded = {
                let mut connection = self.0.store.read().await?;
                store::image_bytes::unneeded(&mut connection, before, &after, ROUND).await?
            };
            let Some(last) = unneeded.last() else { return Ok(amount) };
            after = last.as_bytes().to_vec();
            for sha256 in unneeded {
                if let Some(size) = self.collect_bytes(sha256, before).await? {
                    amount.add(size);
                }
            }
        }
    }

    /// Bytes that no repository has: what may go now, and what waits until its time of grace is over. Changes nothing, and
    /// so knows nothing of what the collection itself would set free.
    pub async fn preview_collection(&self) -> Result<(Amount, Amount), Error> {
        let mut connection = self.0.store.read().await?;
        let before = self.0.clock.now() - self.0.rules.grace;
        Ok(store::image_bytes::preview(&mut connection, before).await?)
    }

    async fn collect_bytes(&self, sha256: Sha256, before: DateTime<Utc>) -> Result<Option<u64>, Error> {
        let images = self.clone();
        // A task of its own, because a caller who hangs up must not end it between the bytes and their row.
        let collecting = tokio::spawn(async move {
            let mut transaction = images.0.store.begin().await?;
            if !store::bytes_lock::may_delete(&mut transaction).await? {
                return Ok(None);
            }
            let size = store::image_bytes::lock_unneeded(&mut transaction, sha256, before).await?;
            let Some(size) = size else { return Ok(None) };
            tokio::time::timeout(DELETE_TIME, images.0.blobs.delete(&BlobKey::Image(sha256)))
                .await
                .map_err(Error::unavailable)??;
            store::image_bytes::forget(&mut transaction, sha256).await?;
            transaction.commit().await?;
            Ok(Some(size))
        });
        collecting.await.map_err(Error::internal)?
    }

    /// What uploads in pieces that are over have left on this machine; with `remove`, it is removed.
    pub async fn stale_uploads(&self, remove: bool) -> Result<Amount, Error> {
        let blobs = self.0.blobs.clone();
        let files = tokio::task::spawn_blocking(move || blobs.uploads()).await.map_err(Error::internal)?;
        let files: Vec<(ImageUploadId, u64)> = files
            .map_err(crate::blobs::BlobError::Io)?
            .into_iter()
            .filter_map(|(name, size)| Some((name.parse().ok()?, size)))
            .collect();
        let mut amount = Amount::default();
        // In rounds, so that not too many files are open.
        for files in files.chunks(LOCKED_AT_ONCE) {
            amount = amount.and(self.stale_among(files.to_vec(), remove).await?);
        }
        Ok(amount)
    }

    /// Those of these that nobody has locked and that have no row. Locked first and looked for then: one that is being begun
    /// or ended is left alone.
    async fn stale_among(&self, files: Vec<(ImageUploadId, u64)>, remove: bool) -> Result<Amount, Error> {
        let blobs = self.0.blobs.clone();
        let locking = tokio::task::spawn_blocking(move || {
            let lock =
                |(id, size): (ImageUploadId, u64)| Some((blobs.lock_idle_upload(&id.to_string())?, id, size));
            files.into_iter().filter_map(lock).collect::<Vec<_>>()
        });
        let locked = locking.await.map_err(Error::internal)?;
        let ids: Vec<ImageUploadId> = locked.iter().map(|(_, id, _)| *id).collect();
        let open = {
            let mut connection = self.0.store.read().await?;
            store::image_uploads::open_among(&mut connection, &ids).await?
        };
        let blobs = self.0.blobs.clone();
        let removing = tokio::task::spawn_blocking(move || {
            let mut amount = Amount::default();
            for (_lock, id, size) in locked.into_iter().filter(|(_, id, _)| !open.contains(id)) {
                if remove {
                    blobs.remove_upload(&id.to_string());
                }
                amount.add(size);
            }
            amount
        });
        removing.await.map_err(Error::internal)
    }
}
