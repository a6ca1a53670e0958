//! Which store do the settings name? A folder, an S3-compatible bucket, or this process's memory.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use object_store::{
    ObjectStore, RetryConfig, aws::AmazonS3Builder, local::LocalFileSystem, memory::InMemory, signer::Signer,
};

use super::BlobError;
use crate::config::{BlobBackend, Blobs};

pub(super) struct Opened {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) directory: Option<PathBuf>,
    /// Makes addresses from which anybody can fetch an object.
    pub(super) signer: Option<Arc<dyn Signer>>,
}

pub(super) fn open(settings: &Blobs) -> Result<Opened, BlobError> {
    match settings.backend {
        BlobBackend::Memory => Ok(Opened { store: Arc::new(InMemory::new()), directory: None, signer: None }),
        BlobBackend::Directory => folder(&settings.directory),
        BlobBackend::S3 => s3(settings),
    }
}

pub(super) fn folder(directory: &Path) -> Result<Opened, BlobError> {
    std::fs::create_dir_all(directory)?;
    let directory = directory.canonicalize()?;
    Ok(Opened {
        store: Arc::new(LocalFileSystem::new_with_prefix(&directory)?),
        directory: Some(directory),
        signer: None,
    })
}

fn s3(settings: &Blobs) -> Result<Opened, BlobError> {
    // The HTTP client comes without cryptography of its own and panics when nobody chose one; a second choice is no harm.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&settings.s3_bucket)
        .with_region(&settings.s3_region)
        .with_retry(RetryConfig { retry_timeout: settings.s3_patience.0, ..RetryConfig::default() })
        .with_allow_http(settings.s3_allow_http);
    if !settings.s3_endpoint.is_empty() {
        builder = builder.with_endpoint(&settings.s3_endpoint);
    }
    if !settings.s3_access_key_id.is_empty() {
        builder = builder
            .with_access_key_id(&settings.s3_access_key_id)
            .with_secret_access_key(settings.s3_secret_access_key.expose());
    }
    let store = Arc::new(builder.build()?);
    Ok(Opened { store: store.clone(), directory: None, signer: Some(store) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        blobs::{BlobKey, Blobs as Opened},
        config::{Environment, Overrides, Settings},
        domain::digest::Sha256,
    };

    #[tokio::test]
    async fn a_bucket_that_does_not_answer_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        let set = [
            "blobs.backend=s3",
            "blobs.s3_bucket=hub",
            "blobs.s3_endpoint=http://127.0.0.1:1",
            "blobs.s3_allow_http=true",
            "blobs.s3_access_key_id=id",
            "blobs.s3_secret_access_key=key",
        ];
        let overrides = Overrides { file: None, set: set.map(str::to_owned).into() };
        let settings = Settings::load(&Environment::of([]), &overrides).unwrap();
        let blobs = Opened::open(&settings.blobs, folder.path()).unwrap();
        assert!(matches!(settings.blobs.backend, BlobBackend::S3));
        let size = blobs.size(&BlobKey::Package(Sha256([0; 32])));
        // The client tries again for minutes; that it tries at all is what counts here.
        let tried = tokio::time::timeout(std::time::Duration::from_millis(50), size).await;
        assert!(!matches!(tried, Ok(Ok(_))));
    }
}
