//! Which store do the settings name? A folder, an S3-compatible bucket, or this process's memory.

use std::{path::PathBuf, sync::Arc};

use object_store::{ObjectStore, local::LocalFileSystem, memory::InMemory};

use super::BlobError;
use crate::config::{BlobBackend, Blobs};

pub(super) struct Opened {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) directory: Option<PathBuf>,
}

pub(super) fn open(settings: &Blobs) -> Result<Opened, BlobError> {
    match settings.backend {
        BlobBackend::Memory => Ok(Opened { store: Arc::new(InMemory::new()), directory: None }),
        BlobBackend::Directory => {
            std::fs::create_dir_all(&settings.directory)?;
            let directory = settings.directory.canonicalize()?;
            Ok(Opened {
                store: Arc::new(LocalFileSystem::new_with_prefix(&directory)?),
                directory: Some(directory),
            })
        }
        BlobBackend::S3 => s3(settings),
    }
}

#[cfg(feature = "s3")]
fn s3(settings: &Blobs) -> Result<Opened, BlobError> {
    use object_store::aws::AmazonS3Builder;
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&settings.s3_bucket)
        .with_region(&settings.s3_region)
        .with_allow_http(settings.s3_allow_http);
    if !settings.s3_endpoint.is_empty() {
        builder = builder.with_endpoint(&settings.s3_endpoint);
    }
    if !settings.s3_access_key_id.is_empty() {
        builder = builder
            .with_access_key_id(&settings.s3_access_key_id)
            .with_secret_access_key(settings.s3_secret_access_key.expose());
    }
    Ok(Opened { store: Arc::new(builder.build()?), directory: None })
}

#[cfg(not(feature = "s3"))]
fn s3(_settings: &Blobs) -> Result<Opened, BlobError> {
    Err(BlobError::Settings("this program was built without the feature \"s3\"".into()))
}
