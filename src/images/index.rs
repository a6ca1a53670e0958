//! What is the image of a commit that was built for several platforms? An index of them, made here, always the same for the
//! same images.

use serde_json::json;

use super::{Images, NewImageManifest, StoredManifest};
use crate::{
    domain::{ExecutorId, image::ImageDigest},
    error::Error,
};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The image of one platform.
#[derive(Debug, Clone)]
pub struct PlatformImage {
    /// Such as `linux/amd64` or `linux/arm/v7`.
    pub platform: String,
    /// Its manifest, which the repository has.
    pub manifest: ImageDigest,
}

impl Images {
    /// The image that stands for these: the only one itself, or an index of several, which the repository has then.
    pub async fn put_index(
        &self,
        executor: &ExecutorId,
        platforms: &[PlatformImage],
    ) -> Result<ImageDigest, Error> {
        if let [only] = platforms {
            return Ok(only.manifest);
        }
        let mut platforms = platforms.to_vec();
        platforms.sort_by(|one, other| one.platform.cmp(&other.platform));
        let mut manifests = Vec::with_capacity(platforms.len());
        for image in &platforms {
            let found = self.manifest(executor, &image.manifest).await?;
            let mut parts = image.platform.split('/');
            let mut platform = json!({"os": parts.next(), "architecture": parts.next()});
            if let Some(variant) = parts.next() {
                platform["variant"] = variant.into();
            }
            manifests.push(json!({
                "mediaType": found.media_type,
                "digest": found.digest,
                "size": found.content.len(),
                "platform": platform,
            }));
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).to_string();
        let new = NewImageManifest { content: index.as_bytes(), media_type: Some(INDEX), digest: None };
        let StoredManifest { digest, .. } = self.put_manifest(executor, new).await?;
        Ok(digest)
    }
}
