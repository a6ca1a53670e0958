//! How are damaged bytes kept from being served as good? The last piece of a whole object is held back until the digest of
//! all of it is known; when that does not fit, the stream breaks off instead of ending. A file that was found good a moment
//! ago, and that nobody has written to since, is not hashed again: many pull the same package at once.

use std::{
    collections::HashMap,
    io,
    os::unix::fs::MetadataExt as _,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use sha2::{Digest as _, Sha256 as Hasher};

use super::{BlobError, BlobKey, Blobs, ByteStream};

/// For how long a file that was found good is taken to be so.
const GOOD_FOR: Duration = Duration::from_mins(10);
/// Files that are remembered.
const REMEMBERED: usize = 10_000;

/// Tells whether a file was written to or replaced: its inode, its length, and when it changed, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp(u64, u64, (i64, i64), (i64, i64));

/// Files that were found good, and when.
#[derive(Debug, Clone, Default)]
pub(super) struct FoundGood(Arc<Mutex<HashMap<BlobKey, (Stamp, Instant)>>>);

impl FoundGood {
    fn holds(&self, key: &BlobKey, stamp: Stamp) -> bool {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.get(key).is_some_and(|(then, at)| *then == stamp && at.elapsed() < GOOD_FOR)
    }

    fn note(&self, key: BlobKey, stamp: Stamp) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if found.len() >= REMEMBERED {
            found.clear();
        }
        found.insert(key, (stamp, Instant::now()));
    }
}

struct Held {
    rest: ByteStream,
    piece: Option<Bytes>,
    hasher: Hasher,
    key: BlobKey,
    /// Where to note that the file is good.
    note: Option<(FoundGood, Stamp)>,
}

impl Blobs {
    /// A whole object's bytes. One that is damaged is [`BlobError::Damaged`] at once if it is small, and otherwise ends in an
    /// error before its last piece: nobody takes it for complete.
    pub async fn get_verified(&self, key: &BlobKey) -> Result<ByteStream, BlobError> {
        let stamp = self.stamp(key).await;
        if stamp.is_some_and(|stamp| self.found_good.holds(key, stamp)) {
            return self.get(key, None).await;
        }
        let note = stamp.map(|stamp| (self.found_good.clone(), stamp));
        let mut held =
            Held { rest: self.get(key, None).await?, piece: None, hasher: Hasher::new(), key: *key, note };
        // Two pieces ahead: what fits into one is known before anything is answered.
        let first = held.advance().await?;
        if first.is_none() && held.piece.is_none() {
            return Ok(Box::pin(stream::empty()));
        }
        let ready = match first {
            Some(_) => first,
            None => held.piece.take(),
        };
        Ok(Box::pin(stream::try_unfold((ready, held), async |(ready, mut held)| {
            if let Some(piece) = ready {
                return Ok(Some((piece, (None, held))));
            }
            let next = match held.advance().await {
                Ok(Some(piece)) => Some(piece),
                Ok(None) => held.piece.take(),
                Err(error) => return Err(io::Error::other(error)),
            };
            Ok(next.map(|piece| (piece, (None, held))))
        })))
    }

    /// What the file of an object looks like now; `None` where objects are no files, or where there is none.
    async fn stamp(&self, key: &BlobKey) -> Option<Stamp> {
        let path = self.directory.as_ref()?.join(self.path(key).as_ref());
        let is = tokio::fs::metadata(path).await.ok()?;
        Some(Stamp(is.ino(), is.len(), (is.mtime(), is.mtime_nsec()), (is.ctime(), is.ctime_nsec())))
    }
}

impl Held {
    /// Reads until a piece may go because another one follows it; `None` when all was read and fits, with the last piece
    /// still held.
    async fn advance(&mut self) -> Result<Option<Bytes>, BlobError> {
        loop {
            let Some(next) = self.rest.next().await else {
                let digest = std::mem::take(&mut self.hasher).finalize();
                if self.piece.is_some() && digest.as_slice() != self.key.sha256().as_bytes() {
                    tracing::error!(key = %self.key, "stored bytes are damaged; nobody is given them");
                    return Err(BlobError::Damaged(self.key.to_string()));
                }
                if let Some((found_good, stamp)) = self.note.take() {
                    found_good.note(self.key, stamp);
                }
                return Ok(None);
            };
            let next = next?;
            let (mut hasher, piece) = (std::mem::take(&mut self.hasher), next.clone());
            self.hasher = tokio::task::spawn_blocking(move || {
                hasher.update(&piece);
                hasher
            })
            .await
            .map_err(io::Error::other)?;
            if let Some(before) = self.piece.replace(next) {
                return Ok(Some(before));
            }
        }
    }
}
