//! How much more fits where the Hub writes, and does it come back? Into the folder of objects, or, with a bucket, where
//! uploads are received. Uploads and images stop before the last of it: others live on that disk, a private Postgres among
//! them.

use std::{
    io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use object_store::ObjectStoreExt as _;

use super::{BlobError, Blobs, STAGING};

/// What is left on a file system.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Bytes that this process may still write.
    pub free_bytes: u64,
    /// Files that may still be made; `None` where the file system makes them as they are wanted.
    pub free_files: Option<u64>,
}

/// What must stay free where the Hub writes.
#[derive(Debug, Clone)]
pub struct Floor {
    pub(super) place: PathBuf,
    pub(super) bytes: u64,
}

impl Floor {
    /// An error of the kind of a full disk while less is free. Looks at the disk, which blocks for a moment.
    pub fn check(&self) -> io::Result<()> {
        if self.bytes == 0 || room(&self.place)?.free_bytes >= self.bytes {
            return Ok(());
        }
        let why = format!("less than {} bytes are free (blobs.min_free_space)", self.bytes);
        Err(io::Error::new(io::ErrorKind::StorageFull, why))
    }
}

/// What is written to try the store out.
const TRIAL: &[u8] = b"Executor Hub was here";

impl Blobs {
    /// What is looked at before anything large is written.
    pub fn floor(&self) -> &Floor {
        &self.floor
    }

    /// Writes an object, reads it and deletes it: whether the store does all that the Hub needs.
    pub async fn try_out(&self) -> Result<(), BlobError> {
        let name = format!("{STAGING}/doctor-{}", std::process::id());
        let path = match self.prefix.as_str() {
            "" => object_store::path::Path::from(name),
            prefix => object_store::path::Path::from(format!("{prefix}/{name}")),
        };
        self.store.put(&path, Bytes::from_static(TRIAL).into()).await?;
        let read = self.store.get(&path).await?.bytes().await;
        self.store.delete(&path).await?;
        if read? == TRIAL {
            return Ok(());
        }
        Err(BlobError::Settings("other bytes came back than were written".into()))
    }

    /// What is left where uploads are received, which is where objects lie when those are files.
    pub fn room(&self) -> io::Result<Room> {
        room(&self.staging)
    }
}

fn room(place: &Path) -> io::Result<Room> {
    let told = nix::sys::statvfs::statvfs(place).map_err(io::Error::from)?;
    Ok(Room {
        free_bytes: told.blocks_available().saturating_mul(told.fragment_size()),
        free_files: (told.files() > 0).then(|| told.files_available()),
    })
}
