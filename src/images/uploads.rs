//! How does a blob come in pieces? Into a file of its own, whose length says how far it came: whoever was cut off asks and
//! goes on from there, after a restart of the Hub as well. One sender at a time; at the end the digest decides.
//!
//! The file lies beside the objects (or, with a bucket, in the data folder of the machine that began the upload).

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _, Write as _},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256 as Hasher, Sha512};

use super::{Images, Received, StoredBlob, digest_invalid};
use crate::{
    blobs::{BlobError, Blobs, TakesPieces},
    domain::{ExecutorId, ImageUploadId, digest::Sha256, image::ImageDigest},
    error::{Error, ErrorKind},
    store,
};

/// How long the rest of a piece that cannot be kept is read.
const DRAIN_TIME: Duration = Duration::from_mins(1);

/// Uploads that one repository may have open.
const OPEN_UPLOADS: i64 = 256;
/// Bytes that are read at once where an upload has to be hashed again.
const READ_BYTES: usize = 256 << 10;
/// Uploads whose hash is remembered. The others are read once more at their end.
const KEPT_HASHES: usize = 1024;

/// How far the hash of each open upload has come, for this process; what is not here is read from the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Hashes(Arc<Mutex<HashMap<ImageUploadId, (u64, Hasher)>>>);

impl Hashes {
    fn take(&self, id: ImageUploadId) -> Option<(u64, Hasher)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id)
    }

    fn keep(&self, id: ImageUploadId, at: u64, hasher: Hasher) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_HASHES {
            kept.clear();
        }
        kept.insert(id, (at, hasher));
    }
}

/// Where a piece is to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Wherever the upload stands.
    Here,
    /// At this byte, or it is refused.
    At(u64),
}

/// What became of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// The upload has so many bytes now.
    Now(u64),
    /// It was to begin elsewhere; the upload still has so many bytes.
    OutOfOrder(u64),
}

impl Images {
    /// Begins an upload.
    pub async fn begin_upload(&self, executor: &ExecutorId) -> Result<ImageUploadId, Error> {
        let id = ImageUploadId::mint();
        let (blobs, name) = (self.0.blobs.clone(), id.to_string());
        // Locked until there is its row, so that no collection takes it for a leftover.
        let _locked = off_the_runtime(move || {
            let file = blobs.begin_upload(&name)?;
            lock(&file)?;
            Ok(file)
        })
        .await?;
        let mut connection = self.0.store.read().await?;
        let now = self.0.clock.now();
        if store::image_uploads::begin(&mut connection, id, executor, OPEN_UPLOADS, now).await? {
            return Ok(id);
        }
        drop(connection);
        self.drop_file(id).await?;
        Err(Error::new(
            ErrorKind::RateLimited,
            "too_many_uploads",
            "This repository has as many open uploads as it may.",
            "Finish or cancel some of them.",
        ))
    }

    /// How many bytes an upload has.
    pub async fn upload_size(&self, executor: &ExecutorId, id: ImageUploadId) -> Result<u64, Error> {
        self.touch_upload(executor, id).await?;
        let file = self.open_upload(id).await?;
        off_the_runtime(move || Ok(file.metadata()?.len())).await
    }

    /// Adds a piece. What came before the sender broke off stays, for whoever goes on from there. An error of `pieces`
    /// means that it broke off.
    pub async fn append<E>(
        &self,
        executor: &ExecutorId,
        id: ImageUploadId,
        begin: Begin,
        pieces: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<Appended, Error> {
        self.touch_upload(executor, id).await?;
        let writer = match self.open_writer(id, begin).await? {
            Ok(writer) => writer,
            Err(size) => return Ok(Appended::OutOfOrder(size)),
        };
        let mut batches = self.0.blobs.batches_to(writer);
        let mut pieces = std::pin::pin!(pieces);
        let mut broke_off = false;
        while let Some(piece) = pieces.next().await {
            let Ok(piece) = piece else {
                broke_off = true;
                break;
            };
            if let Err(error) = batches.push(piece).await {
                // Whoever is still sending would see a broken connection instead of the answer.
                let reading = async { while let Some(Ok(_)) = pieces.next().await {} };
                let _ = tokio::time::timeout(DRAIN_TIME, reading).await;
                return Err(self.not_written(error));
            }
        }
        let writer = batches.finish().await.map_err(|error| self.not_written(error))?;
        let size = writer.size;
        // Its lock goes with it, before anybody ends the upload.
        tokio::task::spawn_blocking(move || drop(writer)).await.map_err(Error::internal)?;
        if broke_off {
            return Err(Error::new(
                ErrorKind::BrokenUpload,
                "upload_broken",
                "The upload broke off.",
                "Ask how far it came and go on from there.",
            ));
        }
        Ok(Appended::Now(size))
    }

    fn not_written(&self, error: io::Error) -> Error {
        if error.kind() != io::ErrorKind::FileTooLarge {
            return failed(error);
        }
        Error::new(
            ErrorKind::TooLarge,
            "blob_too_large",
            format!("A layer has at most {} bytes here.", self.0.rules.max_blob),
            "Ask the operator for more (`images.max_layer`).",
        )
    }

    /// The end of an upload, locked; or how many bytes it has, when a piece is to begin elsewhere.
    async fn open_writer(&self, id: ImageUploadId, begin: Begin) -> Result<Result<Writer, u64>, Error> {
        let file = self.open_upload(id).await?;
        let (blobs, kept, most) = (self.0.blobs.clone(), self.0.hashes.clone(), self.0.rules.max_blob);
        let opening = tokio::task::spawn_blocking(move || {
            lock_own(&blobs, id, &file)?;
            let size = file.metadata().map_err(failed)?.len();
            if begin != Begin::Here && begin != Begin::At(size) {
                return Ok(Err(size));
            }
            let mut writer = Writer { file, id, size, most, hasher: None, kept };
            writer.hasher = Some(match writer.kept.take(id) {
                Some((at, hasher)) if at == size => hasher,
                _ => hash_up_to(&mut writer.file, size).map_err(failed)?,
            });
            Ok(Ok(writer))
        });
        opening.await.map_err(Error::internal)?
    }

    /// Ends an upload whose bytes have this digest and gives them to its repository. With any other digest it is over too.
    pub async fn finish_upload(
        &self,
        executor: &ExecutorId,
        id: ImageUploadId,
        digest: ImageDigest,
    ) -> Result<StoredBlob, Error> {
        let (images, executor) = (self.clone(), executor.clone());
        // A task of its own: a sender who hangs up while the bytes are hashed must not lose them.
        let ending = tokio::spawn(async move { images.end_upload(&executor, id, digest).await });
        ending.await.map_err(Error::internal)?
    }

    async fn end_upload(
        &self,
        executor: &ExecutorId,
        id: ImageUploadId,
        digest: ImageDigest,
    ) -> Result<StoredBlob, Error> {
        self.touch_upload(executor, id).await?;
        let mut file = self.open_upload(id).await?;
        let known = self.0.hashes.take(id);
        let blobs = self.0.blobs.clone();
        let hashing = tokio::task::spawn_blocking(move || {
            lock_own(&blobs, id, &file)?;
            let size = file.metadata().map_err(failed)?.len();
            let hasher = match known {
                Some((at, hasher)) if at == size => hasher,
                _ => hash_up_to(&mut file, size).map_err(failed)?,
            };
            let sha256 = Sha256(hasher.finalize().into());
            let is = match digest {
                ImageDigest::Sha256(_) => ImageDigest::Sha256(sha256),
                ImageDigest::Sha512(_) => sha512(&mut file).map_err(failed)?,
            };
            Ok::<_, Error>((file, sha256, size, is))
        });
        let (file, sha256, size, is) = hashing.await.map_err(Error::internal)??;
        let ended = {
            let mut connection = self.0.store.read().await?;
            store::image_uploads::end(&mut connection, id, executor).await?
        };
        if !ended {
            return Err(upload_unknown());
        }
        // From here on nobody can go on with it: the file is gone with whatever goes wrong.
        let file = self.0.blobs.take_upload(&id.to_string(), file).map_err(BlobError::Io)?;
        if is != digest {
            return Err(digest_invalid(&is));
        }
        self.put_blob_as(executor, Received { file, sha256, size }, digest).await
    }

    /// Gives an upload up.
    pub async fn cancel_upload(&self, executor: &ExecutorId, id: ImageUploadId) -> Result<(), Error> {
        let ended = {
            let mut connection = self.0.store.read().await?;
            store::image_uploads::end(&mut connection, id, executor).await?
        };
        if !ended {
            return Err(upload_unknown());
        }
        self.0.hashes.take(id);
        self.drop_file(id).await
    }

    async fn touch_upload(&self, executor: &ExecutorId, id: ImageUploadId) -> Result<(), Error> {
        let mut connection = self.0.store.read().await?;
        if store::image_uploads::touch(&mut connection, id, executor, self.0.clock.now()).await? {
            return Ok(());
        }
        Err(upload_unknown())
    }

    async fn open_upload(&self, id: ImageUploadId) -> Result<File, Error> {
        let (blobs, name) = (self.0.blobs.clone(), id.to_string());
        let opened = tokio::task::spawn_blocking(move || blobs.open_upload(&name)).await;
        match opened.map_err(Error::internal)? {
            Ok(file) => Ok(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(upload_unknown()),
            Err(error) => Err(BlobError::Io(error).into()),
        }
    }

    async fn drop_file(&self, id: ImageUploadId) -> Result<(), Error> {
        let (blobs, name) = (self.0.blobs.clone(), id.to_string());
        tokio::task::spawn_blocking(move || blobs.remove_upload(&name)).await.map_err(Error::internal)
    }
}

/// Writes pieces to the end of an upload, hashing on the way. The lock of the file keeps a second sender out, in this
/// process or another.
#[derive(Debug)]
struct Writer {
    file: File,
    id: ImageUploadId,
    size: u64,
    most: u64,
    /// Of all bytes that the file has; `None` when that is not known any more.
    hasher: Option<Hasher>,
    kept: Hashes,
}

impl TakesPieces for Writer {
    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.size + piece.len() as u64 > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if let Err(error) = self.file.write_all(piece) {
            // Part of it may be there.
            self.hasher = None;
            return Err(error);
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(piece);
        }
        self.size += piece.len() as u64;
        Ok(())
    }
}

impl Drop for Writer {
    /// Runs before the file, and with it its lock, is let go.
    fn drop(&mut self) {
        if let Some(hasher) = self.hasher.take() {
            self.kept.keep(self.id, self.size, hasher);
        }
    }
}

fn failed(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => Error::new(
            ErrorKind::PolicyDenied,
            "upload_busy",
            "Somebody is sending to this upload at the moment.",
            "Send one piece at a time.",
        ),
        _ => BlobError::Io(error).into(),
    }
}

/// Locks the file of an upload that was opened. It may have been ended in between: its file is the stored object then.
fn lock_own(blobs: &Blobs, id: ImageUploadId, file: &File) -> Result<(), Error> {
    lock(file).map_err(failed)?;
    if blobs.has_upload(&id.to_string()).map_err(failed)? { Ok(()) } else { Err(upload_unknown()) }
}

fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(std::fs::TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

fn hash_up_to(file: &mut File, size: u64) -> io::Result<Hasher> {
    let mut hasher = Hasher::new();
    each_piece(file, size, |piece| hasher.update(piece))?;
    Ok(hasher)
}

fn sha512(file: &mut File) -> io::Result<ImageDigest> {
    let mut hasher = Sha512::new();
    each_piece(file, u64::MAX, |piece| hasher.update(piece))?;
    Ok(ImageDigest::Sha512(hasher.finalize().into()))
}

fn each_piece(file: &mut File, size: u64, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    if size == 0 {
        return Ok(());
    }
    // The file is open for appending: where it is read makes no difference to where it is written.
    io::Seek::seek(file, io::SeekFrom::Start(0))?;
    let mut bytes = vec![0; READ_BYTES];
    let mut file = file.take(size);
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(()),
            count => take(bytes.get(..count).unwrap_or_default()),
        }
    }
}

async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await.map_err(Error::internal)?;
    Ok(done.map_err(BlobError::Io)?)
}

/// There is no such upload (any more).
pub(crate) fn upload_unknown() -> Error {
    Error::new(
        ErrorKind::NotFound,
        "blob_upload_unknown",
        "There is no such upload (any more).",
        "Begin it again.",
    )
}
