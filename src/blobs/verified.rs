//! How are damaged bytes kept from being served as good? The last piece of a whole object is held back until the digest of
//! all of it is known; when that does not fit, the stream breaks off instead of ending.

use std::io;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use sha2::{Digest as _, Sha256 as Hasher};

use super::{BlobError, BlobKey, Blobs, ByteStream};

struct Held {
    rest: ByteStream,
    piece: Option<Bytes>,
    hasher: Hasher,
    key: BlobKey,
}

impl Blobs {
    /// A whole object's bytes. One that is damaged is [`BlobError::Damaged`] at once if it is small, and otherwise ends in an
    /// error before its last piece: nobody takes it for complete.
    pub async fn get_verified(&self, key: &BlobKey) -> Result<ByteStream, BlobError> {
        let mut held =
            Held { rest: self.get(key, None).await?, piece: None, hasher: Hasher::new(), key: *key };
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
