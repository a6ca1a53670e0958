//! Which bytes does nothing refer to any more, and how do they go while the Hub is in use? The row that stands for them is
//! locked, nothing needs them under that lock, and only then are they deleted; a push of the same bytes waits for the lock
//! and stores them anew. What is not needed stays for a while, for downloads that were promised.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt as _;

use super::Hub;
use crate::{
    auth::{Caller, policy},
    blobs::{BlobKey, Stored},
    domain::digest::Sha256,
    error::Error,
    store,
};

pub use crate::store::package_bytes::Amount;

/// A push that has not ended after this long was ended by a crash: putting its bytes in place takes minutes at most.
const ABANDONED_AFTER: TimeDelta = TimeDelta::hours(6);
/// An unfinished upload is somebody's for as long as this, however short the time of grace.
const UPLOAD_TIME: Duration = Duration::from_hours(6);
/// How long the object store may take over one deletion; the database waits for it.
const DELETE_TIME: Duration = Duration::from_secs(30);
/// How many digests are looked at in one statement.
const ROUND: usize = 500;

/// What a collection took away, or would take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collection {
    /// Packages that no commit has; those without a record are among them once their time of grace is over.
    pub packages: Amount,
    /// Artifacts' bytes that no artifact has.
    pub artifacts: Amount,
    /// Layers and configurations of images that no repository has.
    pub images: Amount,
    /// What an unfinished upload left on this machine.
    pub uploads: Amount,
    /// Objects without any record, which only a crash can leave; the old enough ones go with the others.
    pub orphans: Amount,
    /// Packages and parts of images that nothing needs but that stay until their time of grace is over.
    pub waiting: Amount,
}

impl Collection {
    /// What was deleted, by the kinds that the metrics know.
    fn deleted(&self) -> [(&'static str, Amount); 4] {
        [
            ("package", self.packages),
            ("artifact", self.artifacts),
            ("image", self.images),
            ("upload", self.uploads),
        ]
    }
}

impl Hub {
    /// Deletes the bytes that nothing needs and tells how much that was. Several may collect at once, beside pushes and
    /// pulls of any kind.
    pub async fn collect(&self) -> Result<Collection, Error> {
        let collected = self.collect_all().await;
        let outcome = if collected.is_ok() { "done" } else { "failed" };
        metrics::counter!("hub_gc_runs_total", "outcome" => outcome).increment(1);
        if let Ok(collection) = &collected {
            for (kind, amount) in collection.deleted() {
                metrics::counter!("hub_gc_deleted_objects_total", "kind" => kind).increment(amount.objects);
                metrics::counter!("hub_gc_deleted_bytes_total", "kind" => kind).increment(amount.bytes);
            }
            let now = self.0.clock.now().timestamp();
            metrics::gauge!("hub_gc_last_success_timestamp_seconds")
                .set(f64::from(u32::try_from(now).unwrap_or(0)));
        }
        collected
    }

    async fn collect_all(&self) -> Result<Collection, Error> {
        let now = self.0.clock.now();
        let before = now - self.0.rules.collection_grace;
        let mut collection = Collection::default();
        {
            let mut connection = self.0.store.read().await?;
            store::package_bytes::release_abandoned(&mut connection, now - ABANDONED_AFTER).await?;
        }
        collection.orphans = self.look_for_orphans(true).await?;
        {
            let mut connection = self.0.store.read().await?;
            store::package_bytes::look(&mut connection, now).await?;
            collection.artifacts = store::artifact_bytes::preview(&mut connection).await?;
        }
        self.collect_artifact_bytes().await?;
        let mut after = Vec::new();
        loop {
            let round = i64::try_from(ROUND).unwrap_or(i64::MAX);
            let unneeded = {
                let mut connection = self.0.store.read().await?;
                store::package_bytes::unneeded(&mut connection, before, &after, round).await?
            };
            let Some(last) = unneeded.last() else { break };
            after = last.as_bytes().to_vec();
            for sha256 in unneeded {
                if let Some(size) = self.collect_package(sha256).await? {
                    collection.packages.add(size);
                }
            }
        }
        collection.images = self.0.images.collect().await?;
        let (_, waiting) = {
            let mut connection = self.0.store.read().await?;
            store::package_bytes::preview(&mut connection, before).await?
        };
        collection.waiting = waiting.and(self.0.images.preview_collection().await?.1);
        collection.uploads = self.stale_uploads(true).await?.and(self.0.images.stale_uploads(true).await?);
        tracing::info!(
            packages = collection.packages.objects,
            package_bytes = collection.packages.bytes,
            artifacts = collection.artifacts.objects,
            images = collection.images.objects,
            image_bytes = collection.images.bytes,
            uploads = collection.uploads.objects,
            orphans = collection.orphans.objects,
            outcome = "collected",
            "bytes"
        );
        Ok(collection)
    }

    /// What [`Hub::collect`] would take away now; changes nothing.
    pub async fn preview_collection(&self) -> Result<Collection, Error> {
        let before = self.0.clock.now() - self.0.rules.collection_grace;
        let orphans = self.look_for_orphans(false).await?;
        let mut connection = self.0.store.read().await?;
        let (packages, waiting) = store::package_bytes::preview(&mut connection, before).await?;
        let artifacts = store::artifact_bytes::preview(&mut connection).await?;
        drop(connection);
        let (images, waiting_images) = self.0.images.preview_collection().await?;
        let uploads = self.stale_uploads(false).await?.and(self.0.images.stale_uploads(false).await?);
        Ok(Collection { packages, artifacts, images, uploads, orphans, waiting: waiting.and(waiting_images) })
    }

    /// As [`Hub::collect`] and [`Hub::preview_collection`], for admins.
    pub async fn collect_for(&self, caller: &Caller, preview: bool) -> Result<Collection, Error> {
        policy::authorize_administration(caller)?;
        if preview { self.preview_collection().await } else { self.collect().await }
    }

    /// Collects if the operator wants it done by itself and nobody did for long enough; of several replicas one does.
    pub async fn collect_if_due(&self) -> Result<Option<Collection>, Error> {
        let every = self.0.rules.collect_every;
        if every.is_zero() {
            return Ok(None);
        }
        let now = self.0.clock.now();
        let is_due = {
            let mut connection = self.0.store.read().await?;
            store::package_bytes::begin_collection(&mut connection, now - every, now).await?
        };
        if is_due { self.collect().await.map(Some) } else { Ok(None) }
    }

    async fn collect_package(&self, sha256: Sha256) -> Result<Option<u64>, Error> {
        let hub = self.clone();
        // A task of its own, because a caller who hangs up must not end it between the bytes and their row.
        let collecting = tokio::spawn(async move {
            let before = hub.0.clock.now() - hub.0.rules.collection_grace;
            let mut transaction = hub.0.store.begin().await?;
            if !store::bytes_lock::may_delete(&mut transaction).await? {
                return Ok(None);
            }
            let size = store::package_bytes::lock_unneeded(&mut transaction, sha256, before).await?;
            let Some(size) = size else { return Ok(None) };
            let key = BlobKey::Package(sha256);
            tokio::time::timeout(DELETE_TIME, hub.0.blobs.delete(&key))
                .await
                .map_err(Error::unavailable)??;
            store::package_bytes::forget(&mut transaction, sha256).await?;
            transaction.commit().await?;
            Ok(Some(size))
        });
        collecting.await.map_err(Error::internal)?
    }

    /// Looks at every object for those without a record. With `adopt`, the old enough ones are given one, and then go the
    /// way of all others: whether they are needed is decided under their lock.
    async fn look_for_orphans(&self, adopt: bool) -> Result<Amount, Error> {
        let mut orphans = Amount::default();
        let mut listing = self.0.blobs.list().ready_chunks(ROUND);
        while let Some(found) = listing.next().await {
            let found: Vec<Stored> = found.into_iter().collect::<Result<_, _>>()?;
            for orphan in self.without_record(&found).await? {
                orphans.add(orphan.size);
                let before = self.0.clock.now() - self.0.rules.collection_grace;
                if !adopt || orphan.at > before {
                    continue;
                }
                let mut transaction = self.0.store.begin().await?;
                match orphan.key {
                    BlobKey::Package(sha256) => {
                        store::package_bytes::adopt(&mut transaction, sha256, orphan.size, orphan.at).await?;
                    }
                    BlobKey::Artifact(sha256) => {
                        store::artifact_bytes::adopt(&mut transaction, sha256, orphan.size).await?;
                    }
                    BlobKey::Image(sha256) => {
                        store::image_bytes::adopt(&mut transaction, sha256, orphan.size, orphan.at).await?;
                    }
                    // Whoever seals stories looks after these.
                    BlobKey::Log(_) => {}
                }
                transaction.commit().await?;
            }
        }
        Ok(orphans)
    }

    async fn without_record(&self, found: &[Stored]) -> Result<Vec<Stored>, Error> {
        let (mut packages, mut artifacts, mut images) = (Vec::new(), Vec::new(), Vec::new());
        for stored in found {
            match stored.key {
                BlobKey::Package(sha256) => packages.push(sha256),
                BlobKey::Artifact(sha256) => artifacts.push(sha256),
                BlobKey::Image(sha256) => images.push(sha256),
                BlobKey::Log(_) => {}
            }
        }
        let mut connection = self.0.store.read().await?;
        let packages = store::package_bytes::unknown(&mut connection, &packages).await?;
        let artifacts = store::artifact_bytes::unknown(&mut connection, &artifacts).await?;
        let images = store::image_bytes::unknown(&mut connection, &images).await?;
        let is_unknown = |stored: &&Stored| match stored.key {
            BlobKey::Package(sha256) => packages.contains(&sha256),
            BlobKey::Artifact(sha256) => artifacts.contains(&sha256),
            BlobKey::Image(sha256) => images.contains(&sha256),
            BlobKey::Log(_) => false,
        };
        Ok(found.iter().filter(is_unknown).copied().collect())
    }

    async fn stale_uploads(&self, remove: bool) -> Result<Amount, Error> {
        let age = self.0.rules.collection_grace.to_std().unwrap_or_default().max(UPLOAD_TIME);
        let blobs = self.0.blobs.clone();
        let sizes = tokio::task::spawn_blocking(move || blobs.stale_uploads(age, remove)).await;
        let mut amount = Amount::default();
        for size in sizes.map_err(Error::internal)?.map_err(Self::storage_error)? {
            amount.add(size);
        }
        Ok(amount)
    }
}
