//! How does a blob get into a repository? Its row is held, its bytes are synced into their place, and then it is linked: a
//! crash between two of these leaves what the collector finds, never a link to bytes that are not there.

use std::ops::Range;

use super::{Images, Received, StoredBlob, blob_unknown};
use crate::{
    blobs::{BlobError, BlobKey, ByteStream},
    domain::{ExecutorId, ImageUploadId, digest::Sha256, image::ImageDigest},
    error::{Error, ErrorKind},
    store::{self, image_blobs::Unlinked},
};

impl Images {
    /// Stores bytes and gives them to a repository, under their SHA-256. When this returns, both are durable; a caller who
    /// goes away meanwhile does not undo it.
    pub async fn put_blob(&self, executor: &ExecutorId, received: Received) -> Result<StoredBlob, Error> {
        let digest = ImageDigest::Sha256(received.sha256);
        self.put_blob_as(executor, received, digest).await
    }

    /// The same under a digest that was checked against the bytes.
    pub(super) async fn put_blob_as(
        &self,
        executor: &ExecutorId,
        received: Received,
        digest: ImageDigest,
    ) -> Result<StoredBlob, Error> {
        let (images, executor) = (self.clone(), executor.clone());
        tokio::spawn(async move { images.store_and_link(&executor, received, digest).await })
            .await
            .map_err(Error::internal)?
    }

    async fn store_and_link(
        &self,
        executor: &ExecutorId,
        received: Received,
        digest: ImageDigest,
    ) -> Result<StoredBlob, Error> {
        let Received { file, sha256, size } = received;
        let arrival = ImageUploadId::mint();
        let mut transaction = self.0.store.begin().await?;
        store::image_bytes::hold(&mut transaction, arrival, sha256, size, self.0.clock.now()).await?;
        transaction.commit().await?;
        let stored = self.0.blobs.put(&BlobKey::Image(sha256), file).await;
        let mut transaction = self.0.store.begin().await?;
        let blob = StoredBlob { digest, sha256, size };
        if stored.is_ok() {
            store::image_blobs::link(&mut transaction, executor, &blob, self.0.clock.now()).await?;
        }
        store::image_bytes::release(&mut transaction, arrival).await?;
        transaction.commit().await?;
        stored?;
        Ok(blob)
    }

    /// A blob of a repository, if it has it. A push that hears so has some time to name it before it could be collected.
    pub async fn knows_blob(
        &self,
        executor: &ExecutorId,
        digest: &ImageDigest,
    ) -> Result<Option<StoredBlob>, Error> {
        let mut connection = self.0.store.read().await?;
        // First touched: whoever collects it just now is waited for, and then it is not found.
        store::image_blobs::touch(&mut connection, executor, digest, self.0.clock.now()).await?;
        Ok(store::image_blobs::find(&mut connection, executor, digest).await?)
    }

    /// What an unpacked layer became when it was compressed before, if that is still kept; the repository has it then.
    pub async fn known_layer(
        &self,
        executor: &ExecutorId,
        diff_id: Sha256,
    ) -> Result<Option<StoredBlob>, Error> {
        let mut transaction = self.0.store.begin().await?;
        let known = store::image_bytes::of_layer(&mut transaction, diff_id).await?;
        let Some((sha256, size)) = known else { return Ok(None) };
        // A collection that was cut off leaves a row without its bytes: the layer is packed and put again then.
        match self.0.blobs.size(&BlobKey::Image(sha256)).await {
            Ok(found) if found == size => {}
            Ok(_) | Err(BlobError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let blob = StoredBlob { digest: sha256.into(), sha256, size };
        store::image_blobs::link(&mut transaction, executor, &blob, self.0.clock.now()).await?;
        transaction.commit().await?;
        Ok(Some(blob))
    }

    /// Notes what an unpacked layer became, for whoever has the same layer next.
    pub async fn remember_layer(&self, diff_id: Sha256, blob: &StoredBlob) -> Result<(), Error> {
        let mut connection = self.0.store.read().await?;
        Ok(store::image_bytes::remember_layer(&mut connection, diff_id, blob.sha256).await?)
    }

    /// Gives a repository a blob of another one, both of which the caller may read; `None` where that one has none.
    pub async fn mount(
        &self,
        from: &ExecutorId,
        to: &ExecutorId,
        digest: &ImageDigest,
    ) -> Result<Option<StoredBlob>, Error> {
        let mut transaction = self.0.store.begin().await?;
        // Under its lock, so that it is not collected before it is linked a second time.
        let present = store::image_blobs::present(&mut transaction, from, &[digest.to_string()]).await?;
        if present.is_empty() {
            return Ok(None);
        }
        let Some(blob) = store::image_blobs::find(&mut transaction, from, digest).await? else {
            return Ok(None);
        };
        store::image_blobs::link(&mut transaction, to, &blob, self.0.clock.now()).await?;
        transaction.commit().await?;
        Ok(Some(blob))
    }

    /// The bytes of a blob, or a range of them.
    pub async fn read(&self, blob: &StoredBlob, range: Option<Range<u64>>) -> Result<ByteStream, Error> {
        match self.0.blobs.get(&BlobKey::Image(blob.sha256), range).await {
            Ok(stream) => Ok(stream),
            Err(BlobError::NotFound(_)) => Err(blob_unknown()),
            Err(error) => Err(error.into()),
        }
    }

    /// An address of the object store from which anybody can fetch these bytes for some minutes; `None` where the store has
    /// no such addresses.
    pub async fn signed_address(&self, blob: &StoredBlob) -> Result<Option<String>, Error> {
        Ok(self.0.blobs.signed_address(&BlobKey::Image(blob.sha256)).await?)
    }

    /// Takes a blob from a repository, if no manifest there names it.
    pub async fn delete_blob(&self, executor: &ExecutorId, digest: &ImageDigest) -> Result<(), Error> {
        let mut transaction = self.0.store.begin().await?;
        match store::image_blobs::unlink(&mut transaction, executor, digest).await? {
            Unlinked::Done => Ok(transaction.commit().await?),
            Unlinked::Missing => Err(blob_unknown()),
            Unlinked::InUse => Err(Error::new(
                ErrorKind::PolicyDenied,
                "blob_in_use",
                "An image of this repository has this blob.",
                "Delete the image first.",
            )),
        }
    }
}
