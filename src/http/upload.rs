//! How is an upload received? Straight to a file, with constant memory whatever the size; what is refused is still read to
//! its end, because the old clients look for an answer only after they have sent everything.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::body::Bytes;
use futures_util::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256 as Hasher};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use crate::{
    domain::digest::Sha256,
    error::{Error, ErrorKind},
    hub::{Hub, artifacts::ReceivedArtifact},
};

/// Pieces that may wait between network and disk; the client waits beyond that.
const PIECES: usize = 8;
/// Bytes of one form field that is no file.
const FIELD_BYTES: usize = 256 << 10;
/// Bytes of all fields of one form that are no files: they are kept in memory, whoever sends them.
const ALL_FIELDS_BYTES: usize = 1 << 20;
/// How long what is refused is read on, so that its sender gets to see why.
const DRAIN_TIME: Duration = Duration::from_mins(1);

/// Bytes that the form's parser may take in without giving anything out: more means a head or a boundary without end,
/// which it would keep in memory.
const UNREAD_BYTES: usize = 4 << 20;
/// Parts of one form.
const PARTS: usize = 256;

/// A form whose parts come one after the other.
pub(super) struct Form {
    multipart: multer::Multipart<'static>,
    timeout: Duration,
    unread: Arc<AtomicUsize>,
    parts_left: usize,
    text_left: Arc<AtomicUsize>,
}

impl Form {
    /// The form in a request's body. `timeout` bounds the wait for each piece.
    pub(super) fn new<S, E>(content_type: Option<&str>, body: S, timeout: Duration) -> Result<Self, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        let boundary =
            content_type.and_then(|text| multer::parse_boundary(text).ok()).filter(|b| b.len() <= 256);
        let boundary = boundary.ok_or_else(|| {
            Error::invalid(
                "not_multipart",
                "The request is no multipart form.",
                "Send it as multipart/form-data with a part called 'file'.",
            )
        })?;
        let unread = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&unread);
        let counted = body.map(move |piece| {
            let piece = piece.map_err(Into::into)?;
            if seen.fetch_add(piece.len(), Ordering::Relaxed) > UNREAD_BYTES {
                return Err(Box::<dyn std::error::Error + Send + Sync>::from("a part's head has no end"));
            }
            Ok(piece)
        });
        Ok(Self {
            multipart: multer::Multipart::new(counted, boundary),
            timeout,
            unread,
            parts_left: PARTS,
            text_left: Arc::new(AtomicUsize::new(ALL_FIELDS_BYTES)),
        })
    }

    /// The next part; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Part>, Error> {
        if self.parts_left == 0 {
            let cause = format!("The form has more than {PARTS} parts.");
            return Err(Error::invalid("too_many_parts", cause, "Send fewer."));
        }
        self.parts_left -= 1;
        let next = tokio::time::timeout(self.timeout, self.multipart.next_field()).await;
        self.unread.store(0, Ordering::Relaxed);
        match next {
            Ok(Ok(field)) => Ok(field.map(|field| Part {
                field,
                timeout: self.timeout,
                unread: Arc::clone(&self.unread),
                text_left: Arc::clone(&self.text_left),
            })),
            Ok(Err(error)) => Err(broken(&error)),
            Err(_) => Err(too_slow()),
        }
    }

    /// Reads the rest and throws it away, for a while.
    pub(super) async fn drain(mut self) {
        let _ = tokio::time::timeout(DRAIN_TIME, async {
            while let Ok(Some(mut part)) = self.next().await {
                while let Ok(Some(_)) = part.piece().await {}
            }
        })
        .await;
    }
}

/// Reads a body and throws it away, for a while.
pub(super) async fn drain<S, E>(mut body: S)
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let _ = tokio::time::timeout(DRAIN_TIME, async { while let Some(Ok(_)) = body.next().await {} }).await;
}

/// One part of a form.
pub(super) struct Part {
    field: multer::Field<'static>,
    timeout: Duration,
    unread: Arc<AtomicUsize>,
    text_left: Arc<AtomicUsize>,
}

impl Part {
    /// The part's name.
    pub(super) fn name(&self) -> String {
        self.field.name().unwrap_or_default().to_owned()
    }

    /// Whether it is a file.
    pub(super) fn is_file(&self) -> bool {
        self.field.file_name().is_some() || self.field.name() == Some("file")
    }

    /// Its text.
    pub(super) async fn text(mut self) -> Result<String, Error> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.piece().await? {
            if bytes.len() + piece.len() > FIELD_BYTES {
                return Err(Error::invalid(
                    "field_too_long",
                    format!("The form field '{}' is longer than {FIELD_BYTES} bytes.", self.name()),
                    "Send less.",
                ));
            }
            let left = self.text_left.load(Ordering::Relaxed).checked_sub(piece.len()).ok_or_else(|| {
                let cause = format!("The form's fields are longer than {ALL_FIELDS_BYTES} bytes together.");
                Error::invalid("fields_too_long", cause, "Send less.")
            })?;
            self.text_left.store(left, Ordering::Relaxed);
            bytes.extend_from_slice(&piece);
        }
        String::from_utf8(bytes)
            .map_err(|_| Error::invalid("field_encoding", "A form field is not UTF-8.", "Send UTF-8."))
    }

    /// Receives a package into a file, up to the limit of the Hub's rules. It is hashed when it is inspected.
    pub(super) async fn receive(self, hub: &Hub) -> Result<NamedTempFile, Error> {
        let limit = hub.rules().limits.upload_bytes;
        let received = self.receive_file(hub, limit, None).await?;
        received.map(|(file, _, _)| file).ok_or_else(|| package_too_large(limit))
    }

    /// Receives an artifact into a file, up to the limit of the Hub's rules.
    pub(super) async fn receive_artifact(self, hub: &Hub) -> Result<ReceivedArtifact, Error> {
        let limit = hub.rules().artifacts.upload_bytes;
        let received = self.receive_file(hub, limit, Some(Hasher::new())).await?;
        let (file, hasher, size) = received.ok_or_else(|| {
            Error::new(
                ErrorKind::TooLarge,
                "upload_too_large",
                format!("The artifact is larger than {limit} bytes, the limit of this Hub."),
                "Store it in parts, or ask the operator for `artifacts.max_upload`.",
            )
        })?;
        let sha256 = Sha256(hasher.unwrap_or_default().finalize().into());
        Ok(ReceivedArtifact { file, sha256, size })
    }

    /// Receives it into a file and past a hasher, if one is given; `None` when there is more than `limit`. The disk and the
    /// hash have a thread of their own. Gives the number of bytes last.
    async fn receive_file(
        mut self,
        hub: &Hub,
        limit: u64,
        hasher: Option<Hasher>,
    ) -> Result<Option<(NamedTempFile, Option<Hasher>, u64)>, Error> {
        let (pieces, waiting) = mpsc::channel::<Bytes>(PIECES);
        let writer = {
            let hub = hub.clone();
            tokio::task::spawn_blocking(move || write(&hub, waiting, hasher))
        };
        let taken = self.pass_on(pieces, limit).await;
        // Also when it broke off: what was written is gone before anybody is answered.
        let written = writer.await.map_err(Error::internal)?;
        let Some(received) = taken? else { return Ok(None) };
        let (file, hasher) = written.map_err(Hub::storage_error)?;
        Ok(Some((file, hasher, received)))
    }

    /// Reads everything and passes it on; gives the number of bytes, or `None` when there are more than `limit`.
    async fn pass_on(&mut self, pieces: mpsc::Sender<Bytes>, limit: u64) -> Result<Option<u64>, Error> {
        let mut received: u64 = 0;
        let mut is_too_large = false;
        while let Some(piece) = self.piece().await? {
            received += piece.len() as u64;
            is_too_large |= received > limit;
            // A failed writer closes the channel and says why itself; the rest is read to its end.
            if !is_too_large && pieces.send(piece).await.is_err() {
                while self.piece().await?.is_some() {}
                break;
            }
            if received > limit.saturating_mul(2) {
                break;
            }
        }
        Ok((!is_too_large).then_some(received))
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, Error> {
        let piece = tokio::time::timeout(self.timeout, self.field.chunk()).await;
        self.unread.store(0, Ordering::Relaxed);
        match piece {
            Ok(Ok(piece)) => Ok(piece),
            Ok(Err(error)) => Err(broken(&error)),
            Err(_) => Err(too_slow()),
        }
    }
}

/// Receives a body that is a package into a file, up to the limit of the Hub's rules. `timeout` bounds the wait for each
/// piece. One that is too large is read on for a while, so that its sender sees the answer.
pub(super) async fn receive_bare<S, E>(
    hub: &Hub,
    mut body: S,
    timeout: Duration,
) -> Result<NamedTempFile, Error>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    let limit = hub.rules().limits.upload_bytes;
    let (pieces, waiting) = mpsc::channel::<Bytes>(PIECES);
    let writer = {
        let hub = hub.clone();
        tokio::task::spawn_blocking(move || write(&hub, waiting, None))
    };
    let taken = async {
        let mut received: u64 = 0;
        while let Some(piece) = tokio::time::timeout(timeout, body.next()).await.map_err(|_| too_slow())? {
            let piece = piece.map_err(|error| broken(&error))?;
            received += piece.len() as u64;
            if received > limit {
                drain(&mut body).await;
                return Err(package_too_large(limit));
            }
            // A failed writer closes the channel and says why itself.
            if pieces.send(piece).await.is_err() {
                drain(&mut body).await;
                break;
            }
        }
        Ok(())
    }
    .await;
    drop(pieces);
    // Also when it broke off: what was written is gone before anybody is answered.
    let written = writer.await.map_err(Error::internal)?;
    taken?;
    Ok(written.map_err(Hub::storage_error)?.0)
}

fn package_too_large(limit: u64) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        "upload_too_large",
        format!("The package is larger than {} MiB, the limit of this Hub.", limit >> 20),
        "Leave out what the Executor does not need (see .gitignore), or ask the operator for `packages.max_upload`.",
    )
}

fn write(
    hub: &Hub,
    mut waiting: mpsc::Receiver<Bytes>,
    mut hasher: Option<Hasher>,
) -> std::io::Result<(NamedTempFile, Option<Hasher>)> {
    let file = hub.stage_upload()?;
    while let Some(piece) = waiting.blocking_recv() {
        if let Some(hasher) = &mut hasher {
            hasher.update(&piece);
        }
        file.as_file().write_all(&piece)?;
    }
    Ok((file, hasher))
}

fn broken(error: &impl std::fmt::Display) -> Error {
    tracing::debug!(%error, "an upload broke off");
    Error::new(
        ErrorKind::BrokenUpload,
        "upload_broken",
        "The upload broke off or is no well-formed form.",
        "Push again; if it happens again, look for a proxy with a limit on size or time.",
    )
}

fn too_slow() -> Error {
    Error::new(
        ErrorKind::BrokenUpload,
        "upload_stalled",
        "Nothing of the upload arrived for too long.",
        "Push again over a steadier connection.",
    )
}
