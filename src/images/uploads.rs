//! How does a blob come in pieces? Into a file of its own, whose length says how far it came: whoever was cut off asks and
//! goes on from there, after a restart of the Hub as well. One sender at a time; at the end the digest decides.
//!
//! The file lies beside the objects (or, with a bucket, in the data folder of the machine that began the upload).

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _, Write as _},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256 as Hasher, Sha512};
use tokio::sync::mpsc;

use super::{Images, Received, StoredBlob, digest_invalid};
use crate::{
    blobs::BlobError,
    domain::{ExecutorId, ImageUploadId, digest::Sha256, image::ImageDigest},
    error::{Error, ErrorKind},
    store,
};

/// Uploads that one repository may have open.
const OPEN_UPLOADS: i64 = 256;
/// Pieces that may wait between network and disk; the sender waits beyond that.
const PIECES: usize = 8;
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
        off_the_runtime(move || blobs.begin_upload(&name).map(drop)).await?;
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
        let file = self.open_upload(id).await?;
        let hashes = self.0.hashes.clone();
        let most = self.0.rules.max_blob;
        let (sender, receiver) = mpsc::channel(PIECES);
        let writing = tokio::task::spawn_blocking(move || write(file, id, begin, most, &hashes, receiver));
        let mut pieces = std::pin::pin!(pieces);
        let mut broke_off = false;
        while let Some(piece) = pieces.next().await {
            match piece {
                // Nobody takes it: the writer has ended and says below why.
                Ok(piece) => {
                    if sender.send(piece).await.is_err() {
                        break;
                    }
                }
                Err(_) => {
                    broke_off = true;
                    break;
                }
            }
        }
        drop(sender);
        let appended = writing.await.map_err(Error::internal)??;
        if broke_off {
            return Err(Error::new(
                ErrorKind::BrokenUpload,
                "upload_broken",
                "The upload broke off.",
                "Ask how far it came and go on from there.",
            ));
        }
        Ok(appended)
    }

    /// Ends an upload whose bytes have this digest and gives them to its repository. With any other digest it is over too.
    pub async fn finish_upload(
        &self,
        executor: &ExecutorId,
        id: ImageUploadId,
        digest: ImageDigest,
    ) -> Result<StoredBlob, Error> {
        self.touch_upload(executor, id).await?;
        let mut file = self.open_upload(id).await?;
        let known = self.0.hashes.take(id);
        let (blobs, name) = (self.0.blobs.clone(), id.to_string());
        let (received, is) = off_the_runtime(move || {
            lock(&file)?;
            let size = file.metadata()?.len();
            let hasher = match known {
                Some((at, hasher)) if at == size => hasher,
                _ => hash_up_to(&mut file, size)?,
            };
            let sha256 = Sha256(hasher.finalize().into());
            let is = match digest {
                ImageDigest::Sha256(_) => ImageDigest::Sha256(sha256),
                ImageDigest::Sha512(_) => sha512(&mut file)?,
            };
            Ok((Received { file: blobs.take_upload(&name, file)?, sha256, size }, is))
        })
        .await?;
        let ended = {
            let mut connection = self.0.store.read().await?;
            store::image_uploads::end(&mut connection, id, executor).await?
        };
        if !ended {
            return Err(upload_unknown());
        }
        if is != digest {
            return Err(digest_invalid(&is));
        }
        self.put_blob_as(executor, received, digest).await
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
fn write(
    mut file: File,
    id: ImageUploadId,
    begin: Begin,
    most: u64,
    hashes: &Hashes,
    mut pieces: mpsc::Receiver<Bytes>,
) -> Result<Appended, Error> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::WouldBlock => Error::new(
            ErrorKind::PolicyDenied,
            "upload_busy",
            "Somebody is sending to this upload at the moment.",
            "Send one piece at a time.",
        ),
        _ => BlobError::Io(error).into(),
    };
    lock(&file).map_err(failed)?;
    let mut size = file.metadata().map_err(failed)?.len();
    if let Begin::At(at) = begin
        && at != size
    {
        return Ok(Appended::OutOfOrder(size));
    }
    let mut hasher = match hashes.take(id) {
        Some((at, hasher)) if at == size => hasher,
        _ => hash_up_to(&mut file, size).map_err(failed)?,
    };
    while let Some(piece) = pieces.blocking_recv() {
        if size + piece.len() as u64 > most {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "blob_too_large",
                format!("A layer has at most {most} bytes here."),
                "Ask the operator for more (`images.max_layer`).",
            ));
        }
        file.write_all(&piece).map_err(failed)?;
        hasher.update(&piece);
        size += piece.len() as u64;
    }
    hashes.keep(id, size, hasher);
    Ok(Appended::Now(size))
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
