//! How are bytes kept? By keys that only this module writes; bytes are durable before any row speaks of them.

mod backend;
mod batches;
mod copying;
mod key;
mod listing;
mod read;
mod room;
mod uploads;
mod verified;

use std::{
    fs::File,
    io,
    ops::Range,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use http::Method;
use object_store::{
    GetOptions, GetRange, GetResultPayload, ObjectStore, ObjectStoreExt as _, WriteMultipart, signer::Signer,
};
use tempfile::NamedTempFile;
use tokio_util::io::ReaderStream;

pub use batches::{Batches, TakesPieces};
pub use key::BlobKey;
pub use listing::{Listing, Stored};
pub use room::{Floor, Room};

use read::FileReader;

use crate::{config, error::Error};

/// What is read from disk at once on its way to a bucket.
const READ_BYTES: usize = 512 << 10;
/// Bytes of one part of an upload to a bucket; S3 wants 5 MiB at least.
const PART_BYTES: usize = 8 << 20;
/// How long an address works that the object store has signed.
const SIGNED_LIFE: Duration = Duration::from_mins(10);
const STAGING: &str = "staging";
const STAGING_OF_WORKER: &str = "staging-of-worker";
const UPLOADS: &str = "uploads";

/// Why bytes could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such object.
    #[error("there is no object {0}")]
    NotFound(String),
    /// The bytes are not those of its key.
    #[error("the bytes of {0} are damaged")]
    Damaged(String),
    /// The range lies outside the object.
    #[error("the range lies outside the object")]
    Range,
    /// The disk.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The bucket or folder.
    #[error("object store: {0}")]
    Store(#[from] object_store::Error),
    /// The settings fit no store.
    #[error("{0}")]
    Settings(String),
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        let no_space = |error: &io::Error| error.kind() == io::ErrorKind::StorageFull;
        match &error {
            BlobError::Io(io) if no_space(io) => Self::storage_full(error),
            BlobError::Store(_) => Self::unavailable(error),
            BlobError::Damaged(_) => Self::new(
                crate::error::ErrorKind::Internal,
                "bytes_damaged",
                "What the Hub has stored of this is damaged, so it is not given to anybody.",
                "Push the same files again, which heals it, and tell the Hub's operator: a disk may be failing.",
            ),
            _ => Self::internal(error),
        }
    }
}

/// Bytes on their way to a client.
pub type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// The object store.
#[derive(Debug, Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    /// The folder, when objects are plain files: they are then put in place by renaming.
    directory: Option<PathBuf>,
    signer: Option<Arc<dyn Signer>>,
    files: FileReader,
    found_good: verified::FoundGood,
    staging: PathBuf,
    uploads: PathBuf,
    prefix: String,
    floor: Floor,
}

impl Blobs {
    /// Opens the store of the settings for a server and throws away what a crash of it left in its staging folder,
    /// if that is its own.
    pub fn open(settings: &config::Blobs, data_dir: &Path) -> Result<Self, BlobError> {
        Self::open_beside(settings, data_dir)?.swept(data_dir)
    }

    /// The same for a worker, which may share a server's folder: it stages beside it, and leaves the server's uploads alone.
    pub fn open_for_worker(settings: &config::Blobs, data_dir: &Path) -> Result<Self, BlobError> {
        Self::of_settings(settings, data_dir, STAGING_OF_WORKER)?.swept(data_dir)
    }

    /// What lies in the data folder is this process's alone, which holds its lock. A folder that machines share may hold what
    /// others are receiving: a collection takes that when it is old.
    fn swept(self, data_dir: &Path) -> Result<Self, BlobError> {
        let staging = self.staging.canonicalize()?;
        if data_dir.canonicalize().is_ok_and(|own| staging.starts_with(own)) {
            for left_over in std::fs::read_dir(staging)?.flatten() {
                let _ = std::fs::remove_file(left_over.path());
            }
        }
        Ok(self)
    }

    /// Opens the store of the settings beside a process that uses it and may be receiving uploads just now.
    pub fn open_beside(settings: &config::Blobs, data_dir: &Path) -> Result<Self, BlobError> {
        Self::of_settings(settings, data_dir, STAGING)
    }

    /// A store of plain files in `directory`, wherever the Hub keeps its own.
    pub fn in_folder(directory: &Path) -> Result<Self, BlobError> {
        Self::of(backend::folder(directory)?, "", directory, STAGING)
    }

    fn of_settings(settings: &config::Blobs, data_dir: &Path, staging: &str) -> Result<Self, BlobError> {
        let prefix = settings.prefix.trim_matches('/');
        let mut blobs = Self::of(backend::open(settings)?, prefix, data_dir, staging)?;
        blobs.floor.bytes = settings.min_free_space.0;
        Ok(blobs)
    }

    fn of(opened: backend::Opened, prefix: &str, data_dir: &Path, staging: &str) -> Result<Self, BlobError> {
        // Staged files must be renamed into place, so they lie on the same file system as the objects.
        let beside = opened.directory.as_deref().unwrap_or(data_dir);
        let (staging, uploads) = (beside.join(staging), beside.join(UPLOADS));
        std::fs::create_dir_all(&staging)?;
        Ok(Self {
            store: opened.store,
            directory: opened.directory,
            signer: opened.signer,
            files: FileReader::default(),
            found_good: verified::FoundGood::default(),
            floor: Floor { place: staging.clone(), bytes: 0 },
            staging,
            uploads,
            prefix: prefix.to_owned(),
        })
    }

    /// A new file for bytes that are still being received or made; gone when it is dropped. Where too little is free it fails
    /// as on a full disk. Blocks on the disk.
    pub fn stage(&self) -> io::Result<NamedTempFile> {
        self.floor.check()?;
        self.stage_anyway()
    }

    /// The same however little is free: for what is gone in a moment, or takes less than it frees.
    pub fn stage_anyway(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new().prefix("part-").tempfile_in(&self.staging)
    }

    /// Stores a staged file under `key`, durably: when this returns, a crash of the machine loses nothing. An object
    /// that is there already should have the same bytes, since keys are digests, and is kept; one that a failing disk has
    /// changed, or a bucket has cut short, is replaced.
    pub async fn put(&self, key: &BlobKey, staged: NamedTempFile) -> Result<(), BlobError> {
        match &self.directory {
            Some(directory) => {
                let target = directory.join(self.path(key).as_ref());
                tokio::task::spawn_blocking(move || put_in_place(&target, staged))
                    .await
                    .map_err(io::Error::other)??;
            }
            None => self.upload(key, staged).await?,
        }
        Ok(())
    }

    async fn upload(&self, key: &BlobKey, staged: NamedTempFile) -> Result<(), BlobError> {
        let path = self.path(key);
        let size = tokio::fs::metadata(staged.path()).await?.len();
        if self.store.head(&path).await.is_ok_and(|found| found.size == size) {
            return Ok(());
        }
        let mut file = tokio::fs::File::open(staged.path()).await?;
        let parts = self.store.put_multipart(&path).await?;
        let mut writer = WriteMultipart::new_with_chunk_size(parts, PART_BYTES);
        let mut pieces = ReaderStream::with_capacity(&mut file, READ_BYTES);
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) => {
                    writer.wait_for_capacity(2).await?;
                    writer.put(piece);
                }
                Err(error) => {
                    let _ = writer.abort().await;
                    return Err(error.into());
                }
            }
        }
        writer.finish().await?;
        Ok(())
    }

    /// An object's bytes, or a range of them, as a stream. An empty range only looks whether there is such an object.
    pub async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<ByteStream, BlobError> {
        if range.as_ref().is_some_and(Range::is_empty) {
            self.size(key).await?;
            return Ok(Box::pin(futures_util::stream::empty()));
        }
        let path = self.path(key);
        if let Some(directory) = &self.directory {
            return self.files.stream(directory.join(path.as_ref()), range).await.map_err(
                |error| match error.kind() {
                    io::ErrorKind::NotFound => BlobError::NotFound(key.to_string()),
                    _ => BlobError::Io(error),
                },
            );
        }
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let result = self.store.get_opts(&path, options).await.map_err(|error| not_found(error, key))?;
        match result.payload {
            GetResultPayload::Stream(stream) => Ok(Box::pin(stream.map_err(io::Error::other))),
            // Only a folder answers with a file, and that case is served above.
            GetResultPayload::File(file, _) => {
                Ok(Box::pin(ReaderStream::with_capacity(tokio::fs::File::from_std(file), READ_BYTES)))
            }
        }
    }

    /// Bytes of an object; an error when there is none.
    pub async fn size(&self, key: &BlobKey) -> Result<u64, BlobError> {
        Ok(self.store.head(&self.path(key)).await.map_err(|error| not_found(error, key))?.size)
    }

    /// The object as a file on this machine: itself where objects are files, else a copy that is gone when dropped.
    pub async fn local_file(&self, key: &BlobKey) -> Result<LocalFile, BlobError> {
        if let Some(directory) = &self.directory {
            let path = directory.join(self.path(key).as_ref());
            return if tokio::fs::try_exists(&path).await? {
                Ok(LocalFile { path, _copy: None })
            } else {
                Err(BlobError::NotFound(key.to_string()))
            };
        }
        let mut bytes = self.get(key, None).await?;
        let copy = self.stage_anyway()?;
        let mut file = tokio::fs::File::from_std(copy.reopen()?);
        while let Some(piece) = bytes.next().await {
            tokio::io::AsyncWriteExt::write_all(&mut file, &piece?).await?;
        }
        tokio::io::AsyncWriteExt::flush(&mut file).await?;
        Ok(LocalFile { path: copy.path().to_owned(), _copy: Some(copy) })
    }

    /// An address of the store itself from which anybody can fetch an object for some minutes; `None` where the store has no
    /// such addresses.
    pub async fn signed_address(&self, key: &BlobKey) -> Result<Option<String>, BlobError> {
        let Some(signer) = &self.signer else { return Ok(None) };
        let address = signer.signed_url(Method::GET, &self.path(key), SIGNED_LIFE).await?;
        Ok(Some(address.to_string()))
    }

    /// Deletes an object; it is no error when there is none.
    pub async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        match self.store.delete(&self.path(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes, syncs and deletes a few bytes: whether the store would take a push now.
    pub async fn check(&self) -> Result<(), BlobError> {
        // How much is free is another question.
        let staged = self.stage_anyway()?;
        if self.directory.is_some() {
            tokio::task::spawn_blocking(move || {
                io::Write::write_all(&mut staged.as_file(), b"ready?")?;
                staged.as_file().sync_all()
            })
            .await
            .map_err(io::Error::other)??;
        } else {
            let path = object_store::path::Path::from(format!("{}/{STAGING}/ready", self.prefix));
            self.store.put(&path, Bytes::from_static(b"ready?").into()).await?;
            self.store.delete(&path).await?;
        }
        Ok(())
    }

    fn path(&self, key: &BlobKey) -> object_store::path::Path {
        let key = key.to_string();
        object_store::path::Path::from(if self.prefix.is_empty() {
            key
        } else {
            format!("{}/{key}", self.prefix)
        })
    }
}

/// An object as a file on this machine.
#[derive(Debug)]
pub struct LocalFile {
    path: PathBuf,
    _copy: Option<NamedTempFile>,
}

impl LocalFile {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Sync, rename, sync of the folder: after a crash the object is there whole or not at all.
fn put_in_place(target: &Path, staged: NamedTempFile) -> io::Result<()> {
    if target.try_exists()? && have_same_bytes(target, staged.path())? {
        return Ok(());
    }
    let folder = target.parent().ok_or_else(|| io::Error::other("an object lies in a folder"))?;
    let is_new = !folder.try_exists()?;
    std::fs::create_dir_all(folder)?;
    staged.as_file().sync_all()?;
    staged.persist(target).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()?;
    if is_new && let Some(above) = folder.parent() {
        File::open(above)?.sync_all()?;
    }
    Ok(())
}

fn have_same_bytes(one: &Path, other: &Path) -> io::Result<bool> {
    use io::BufRead as _;
    let (one, other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut one, mut other) =
        (io::BufReader::with_capacity(READ_BYTES, one), io::BufReader::with_capacity(READ_BYTES, other));
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let length = left.len().min(right.len());
        if left.get(..length) != right.get(..length) || (length == 0 && left.len() != right.len()) {
            return Ok(false);
        }
        if length == 0 {
            return Ok(true);
        }
        one.consume(length);
        other.consume(length);
    }
}

fn not_found(error: object_store::Error, key: &BlobKey) -> BlobError {
    match error {
        object_store::Error::NotFound { .. } => BlobError::NotFound(key.to_string()),
        error => error.into(),
    }
}
