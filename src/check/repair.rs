//! What can be made right without losing anything? What is made from other records is made again, and bytes that belong to
//! nothing are given to the collector, which looks again under its lock.

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;

use super::{CheckError, Checker};
use crate::{
    blobs::{BlobKey, Stored},
    domain::digest::Sha256,
    store::{consistency, needed_bytes},
};

/// Executors whose entries are made again in one transaction.
const ROUND: i64 = 500;

impl Checker {
    /// Makes search entries and counts again, and hands stories that belong to nothing to whoever deletes them. Packages and
    /// artifacts that belong to nothing are left to a collection.
    pub async fn repair(&self, now: DateTime<Utc>) -> Result<(), CheckError> {
        let mut after = String::new();
        loop {
            let mut transaction = self.store.begin().await?;
            let last = consistency::rewrite_search_entries(&mut transaction, &after, ROUND, now).await?;
            transaction.commit().await?;
            match last {
                Some(last) => after = last,
                None => break,
            }
        }
        let mut transaction = self.store.begin().await?;
        consistency::recount_artifacts(&mut transaction).await?;
        transaction.commit().await?;
        self.give_up_logs(now).await
    }

    async fn give_up_logs(&self, now: DateTime<Utc>) -> Result<(), CheckError> {
        let mut listing = self.blobs.list().ready_chunks(500);
        while let Some(found) = listing.next().await {
            let found: Vec<Stored> = found.into_iter().collect::<Result<_, _>>()?;
            let is_old_log =
                |stored: &Stored| matches!(stored.key, BlobKey::Log(_)) && stored.at < now - self.patience;
            let digests: Vec<Sha256> = self
                .unknown(&found)
                .await?
                .iter()
                .filter(|stored| is_old_log(stored))
                .map(|stored| stored.key.sha256())
                .collect();
            if !digests.is_empty() {
                let mut connection = self.store.read().await?;
                needed_bytes::give_up_logs(&mut connection, &digests).await?;
            }
        }
        Ok(())
    }
}
