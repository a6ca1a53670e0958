//! How much more fits where the Hub writes, and does it come back? Into the folder of objects, or, with a bucket, where
//! uploads are received.

use std::io;

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

/// What is written to try the store out.
const TRIAL: &[u8] = b"Executor Hub was here";

impl Blobs {
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
        let told = nix::sys::statvfs::statvfs(&self.staging).map_err(io::Error::from)?;
        Ok(Room {
            free_bytes: told.blocks_available().saturating_mul(told.fragment_size()),
            free_files: (told.files() > 0).then(|| told.files_available()),
        })
    }
}
