//! How is an upload received? Straight to a file, with constant memory whatever the size; what is refused is still read to
//! its end, because the old clients look for an answer only after they have sent everything.

use std::{
    io::{self, Write as _},
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

use crate::{
    domain::digest::Sha256,
    error::{Error, ErrorKind},
    hub::{Hub, TakesPieces, artifacts::ReceivedArtifact},
};

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

    /// Receives it into a file and past a hasher, if one is given; `None` when there is more than `limit`. Gives the number of bytes last.
    async fn receive_file(
        mut self,
        hub: &Hub,
        limit: u64,
        hasher: Option<Hasher>,
    ) -> Result<Option<(NamedTempFile, Option<Hasher>, u64)>, Error> {
        let mut batches = hub.batches_to(Staged::begin(hub, hasher).await?);
        let (mut received, mut failed): (u64, Option<io::Error>) = (0, None);
        loop {
            let piece = match self.piece().await {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(error) => {
                    // What was written is gone before anybody is answered.
                    batches.give_up().await;
                    return Err(error);
                }
            };
            received += piece.len() as u64;
            // What cannot be kept is read to its end all the same.
            if received <= limit && failed.is_none() {
                failed = batches.push(piece).await.err();
            }
            if received > limit.saturating_mul(2) {
                break;
            }
        }
        if let Some(error) = failed {
            return Err(Hub::storage_error(error));
        }
        if received > limit {
            batches.give_up().await;
            return Ok(None);
        }
        let Staged { file, hasher } = batches.finish().await.map_err(Hub::storage_error)?;
        Ok(Some((file, hasher, received)))
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
    let staged = match Staged::begin(hub, None).await {
        Ok(staged) => staged,
        Err(error) => {
            drain(&mut body).await;
            return Err(error);
        }
    };
    let mut batches = hub.batches_to(staged);
    let taken = async {
        let mut received: u64 = 0;
        while let Some(piece) = tokio::time::timeout(timeout, body.next()).await.map_err(|_| too_slow())? {
            let piece = piece.map_err(|error| broken(&error))?;
            received += piece.len() as u64;
            if received > limit {
                drain(&mut body).await;
                return Err(package_too_large(limit));
            }
            if let Err(error) = batches.push(piece).await {
                drain(&mut body).await;
                return Err(Hub::storage_error(error));
            }
        }
        Ok(())
    }
    .await;
    if let Err(error) = taken {
        // What was written is gone before anybody is answered.
        batches.give_up().await;
        return Err(error);
    }
    Ok(batches.finish().await.map_err(Hub::storage_error)?.file)
}

fn package_too_large(limit: u64) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        "upload_too_large",
        format!("The package is larger than {} MiB, the limit of this Hub.", limit >> 20),
        "Leave out what the Executor does not need (see .gitignore), or ask the operator for `packages.max_upload`.",
    )
}

/// A file for what comes, and its hash, where one is wanted.
struct Staged {
    file: NamedTempFile,
    hasher: Option<Hasher>,
}

impl Staged {
    async fn begin(hub: &Hub, hasher: Option<Hasher>) -> Result<Self, Error> {
        let hub = hub.clone();
        let staging = tokio::task::spawn_blocking(move || hub.stage_upload());
        let file = staging.await.map_err(Error::internal)?.map_err(Hub::storage_error)?;
        Ok(Self { file, hasher })
    }
}

impl TakesPieces for Staged {
    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(piece);
        }
        self.file.write_all(piece)
    }
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
