//! Where does the story of a task go that is over? Into one compressed object, in frames that can be read one by one; its
//! rows go in the transaction that notes the object, so that a reader misses nothing and gets nothing twice.
//!
//! The object is a sequence of gzip members, each with the JSON lines of some hundred events: `zcat` reads it whole, and the
//! Hub reads what it needs. The same events always make the same bytes, so a sealer that dies leaves nothing behind.

use std::{
    io::{self, BufRead as _, Read as _, Write as _},
    sync::Arc,
};

use chrono::TimeDelta;
use flate2::{Compression, GzBuilder, bufread::GzDecoder};
use sha2::{Digest as _, Sha256 as Hasher};
use tempfile::NamedTempFile;

use crate::{
    blobs::{BlobError, BlobKey, Blobs},
    domain::{Clock, TaskId, digest::Sha256, task::NumberedEvent},
    store::{
        self, Store, StoreError,
        task_logs::{Frame, SealedLog},
    },
};

/// Events of one frame: what is decompressed to read a page.
pub(super) const FRAME_EVENTS: i64 = 500;
/// Followers that were there at the end have read the rows by then.
const SEAL_AFTER: TimeDelta = TimeDelta::seconds(30);
/// Stories that are sealed at one go.
const BATCH: usize = 200;

/// Why a story was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Records.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The object store.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The disk.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Seals stories. Several processes may seal at once.
#[derive(Debug, Clone)]
pub struct Sealer {
    /// Records.
    pub store: Store,
    /// Objects.
    pub blobs: Blobs,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Sealer {
    /// Seals the stories of tasks that ended a while ago and deletes the objects of tasks that are gone; how many were
    /// sealed. One that cannot be sealed is left for the next time.
    pub async fn seal_finished(&self) -> Result<usize, SealError> {
        let before = self.clock.now() - SEAL_AFTER;
        let mut sealed = 0;
        let mut last = None;
        for _ in 0..BATCH {
            let next = {
                let mut connection = self.store.read().await?;
                store::task_logs::next_unsealed(&mut connection, before, last).await?
            };
            let Some((finished_at, task)) = next else { break };
            last = Some((finished_at, task));
            match self.seal(task).await {
                Ok(is_sealed) => sealed += usize::from(is_sealed),
                Err(error) => tracing::warn!(task.id = %task, %error, "cannot seal a task's story"),
            }
        }
        self.delete_leftovers().await?;
        Ok(sealed)
    }

    /// Seals the story of a task that is over; `false` when somebody else was faster or it is gone.
    pub async fn seal(&self, task: TaskId) -> Result<bool, SealError> {
        let mut writing =
            Writing { file: self.stage().await?, hasher: Hasher::new(), size: 0, frames: Vec::new() };
        let mut last = 0;
        loop {
            let events = {
                let mut connection = self.store.read().await?;
                store::task_events::read_after(&mut connection, task, last, FRAME_EVENTS).await?
            };
            if events.is_empty() && !writing.frames.is_empty() {
                break;
            }
            let first = last + 1;
            last = events.last().map_or(last, |event| event.number);
            let is_end = events.is_empty();
            writing = tokio::task::spawn_blocking(move || writing.frame(first, &events))
                .await
                .map_err(io::Error::other)??;
            if is_end {
                break;
            }
        }
        let Writing { file, hasher, size, frames } = writing;
        let log = SealedLog { sha256: Sha256(hasher.finalize().into()), size, frames };
        self.blobs.put(&BlobKey::Log(log.sha256), file).await?;
        let mut transaction = self.store.begin().await?;
        store::task_logs::lock(&mut transaction).await?;
        // Taken for a leftover and deleted since it was put: the next time stores it anew.
        if matches!(self.blobs.size(&BlobKey::Log(log.sha256)).await, Err(BlobError::NotFound(_))) {
            return Ok(false);
        }
        if !store::task_logs::seal(&mut transaction, task, &log, self.clock.now()).await? {
            return Ok(false);
        }
        transaction.commit().await?;
        Ok(true)
    }

    async fn stage(&self) -> io::Result<NamedTempFile> {
        let blobs = self.blobs.clone();
        tokio::task::spawn_blocking(move || blobs.stage_anyway()).await.map_err(io::Error::other)?
    }

    /// Deletes objects of stories whose task is gone.
    pub async fn delete_leftovers(&self) -> Result<(), SealError> {
        let mut connection = self.store.read().await?;
        let leftovers = store::task_logs::leftovers(&mut connection).await?;
        drop(connection);
        for sha256 in leftovers {
            let mut transaction = self.store.begin().await?;
            if !store::bytes_lock::may_delete(&mut transaction).await? {
                return Ok(());
            }
            store::task_logs::lock(&mut transaction).await?;
            if store::task_logs::is_leftover(&mut transaction, sha256).await? {
                self.blobs.delete(&BlobKey::Log(sha256)).await?;
            }
            store::task_logs::forget_leftover(&mut transaction, sha256).await?;
            transaction.commit().await?;
        }
        Ok(())
    }
}

struct Writing {
    file: NamedTempFile,
    hasher: Hasher,
    size: u64,
    frames: Vec<Frame>,
}

impl Writing {
    fn frame(mut self, number: i64, events: &[NumberedEvent]) -> io::Result<Self> {
        let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
        for event in events {
            serde_json::to_writer(&mut encoder, event)?;
            encoder.write_all(b"\n")?;
        }
        let bytes = encoder.finish()?;
        self.file.write_all(&bytes)?;
        self.hasher.update(&bytes);
        self.frames.push(Frame { number, offset: self.size });
        self.size += bytes.len() as u64;
        Ok(self)
    }
}

/// The events of one frame. Its checksum is part of it: what is damaged is an error and never told.
pub(super) fn read_frame(bytes: &[u8]) -> io::Result<Vec<NumberedEvent>> {
    // A frame holds a page of lines of bounded length; more than that was never written.
    const MOST_BYTES: u64 = 256 << 20;
    let lines = io::BufReader::new(GzDecoder::new(bytes).take(MOST_BYTES)).lines();
    lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}
