//! How do bytes get from one store to another, and are they still what they were? Every copy is hashed on its way, and what
//! does not fit its key arrives nowhere.

use std::io::{self, Write as _};

use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256 as Hasher};

use super::{BlobError, BlobKey, Blobs};

impl Blobs {
    /// Copies an object to another store, durably; gives its bytes. [`BlobError::Damaged`] when they are not those of the
    /// key: the other store is as it was.
    pub async fn copy_to(&self, key: &BlobKey, other: &Self) -> Result<u64, BlobError> {
        let place = other.clone();
        let mut staged =
            tokio::task::spawn_blocking(move || place.stage()).await.map_err(io::Error::other)??;
        let mut bytes = self.get(key, None).await?;
        let (mut hasher, mut size) = (Hasher::new(), 0);
        while let Some(piece) = bytes.next().await {
            let piece = piece?;
            size += piece.len() as u64;
            (staged, hasher) = tokio::task::spawn_blocking(move || {
                hasher.update(&piece);
                staged.write_all(&piece)?;
                Ok::<_, io::Error>((staged, hasher))
            })
            .await
            .map_err(io::Error::other)??;
        }
        if hasher.finalize().as_slice() != key.sha256().as_bytes() {
            return Err(BlobError::Damaged(key.to_string()));
        }
        other.put(key, staged).await?;
        Ok(size)
    }

    /// Reads an object to its end; gives its bytes, or [`BlobError::Damaged`] when they are not those of the key.
    pub async fn verify(&self, key: &BlobKey) -> Result<u64, BlobError> {
        let mut bytes = self.get(key, None).await?;
        let (mut hasher, mut size) = (Hasher::new(), 0);
        while let Some(piece) = bytes.next().await {
            let piece = piece?;
            size += piece.len() as u64;
            hasher = tokio::task::spawn_blocking(move || {
                hasher.update(&piece);
                hasher
            })
            .await
            .map_err(io::Error::other)?;
        }
        if hasher.finalize().as_slice() != key.sha256().as_bytes() {
            return Err(BlobError::Damaged(key.to_string()));
        }
        Ok(size)
    }
}
