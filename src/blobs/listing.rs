//! What lies in the object store, whatever the records say? Listed for whoever looks for what a crash has left.

use std::{pin::Pin, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt as _};

use super::{BlobError, BlobKey, Blobs};

/// An object that is there.
#[derive(Debug, Clone, Copy)]
pub struct Stored {
    /// Its key.
    pub key: BlobKey,
    /// Its bytes.
    pub size: u64,
    /// When it was put there, by the store's clock.
    pub at: DateTime<Utc>,
}

/// Objects, as they are found.
pub type Listing = Pin<Box<dyn Stream<Item = Result<Stored, BlobError>> + Send>>;

impl Blobs {
    /// Every object whose key is one of ours, in the store's order; what else lies there is passed over.
    pub fn list(&self) -> Listing {
        let blobs = self.clone();
        let prefix = (!self.prefix.is_empty()).then(|| object_store::path::Path::from(self.prefix.as_str()));
        let found = self.store.list(prefix.as_ref());
        Box::pin(found.filter_map(move |found| {
            let stored = match found {
                Ok(meta) => {
                    let path = meta.location.as_ref();
                    let below = match blobs.prefix.as_str() {
                        "" => Some(path),
                        prefix => path.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')),
                    };
                    let key = below.and_then(BlobKey::read);
                    key.map(|key| Ok(Stored { key, size: meta.size, at: meta.last_modified }))
                }
                // It went away between being listed and being looked at.
                Err(object_store::Error::NotFound { .. }) => None,
                Err(error) => Some(Err(error.into())),
            };
            std::future::ready(stored)
        }))
    }

    /// Sizes of the files that uploads on this machine left unfinished for longer than `age`; with `remove`, they are
    /// removed. Blocks on the disk.
    pub fn stale_uploads(&self, age: Duration, remove: bool) -> std::io::Result<Vec<u64>> {
        let mut sizes = Vec::new();
        for entry in std::fs::read_dir(&self.staging)?.flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            // By the machine's own clock, as the file's time is.
            let is_stale = meta.modified()?.elapsed().is_ok_and(|elapsed| elapsed >= age);
            if meta.is_file() && is_stale && (!remove || std::fs::remove_file(entry.path()).is_ok()) {
                sizes.push(meta.len());
            }
        }
        Ok(sizes)
    }
}
