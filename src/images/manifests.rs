//! What makes a manifest good? It is JSON of the second schema, says nothing of itself that its sender denies, and
//! everything that it names is in the repository. Its bytes are kept as they came: its digest is over them.

use std::collections::{BTreeSet, HashSet};

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256 as Hasher, Sha512};

use super::{Images, manifest_unknown};
use crate::{
    domain::{ExecutorId, digest::Sha256, image::ImageDigest},
    error::{Error, ErrorKind},
    store::{
        self,
        image_manifests::{Manifest, NewManifest, Referrer},
    },
};

/// Bytes of one manifest: what the specification asks registries to take at least.
pub const MANIFEST_BYTES: usize = 4 << 20;
/// Bytes of what a manifest says it is: lists of referrers hold it for each of them.
const KIND_BYTES: usize = 255;

/// A manifest that is pushed.
#[derive(Debug)]
pub struct NewImageManifest<'a> {
    /// Its bytes.
    pub content: &'a [u8],
    /// What its sender says it is; without, it has to say so itself.
    pub media_type: Option<&'a str>,
    /// The digest under which it was pushed; without, it is its SHA-256.
    pub digest: Option<ImageDigest>,
}

/// A manifest that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredManifest {
    /// Identifies it.
    pub digest: ImageDigest,
    /// The manifest that it speaks of.
    pub subject: Option<ImageDigest>,
    /// How many bytes.
    pub size: usize,
}

/// What of a manifest concerns a registry.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    schema_version: u64,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    annotations: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: Option<String>,
    digest: String,
    #[serde(default)]
    urls: Option<Vec<String>>,
}

impl Descriptor {
    /// Whether its bytes may lie elsewhere.
    fn is_foreign(&self) -> bool {
        let kind = self.media_type.as_deref().unwrap_or_default();
        self.urls.as_ref().is_some_and(|urls| !urls.is_empty())
            || kind.contains("nondistributable")
            || kind.contains("foreign")
    }

    fn digest(&self) -> Result<ImageDigest, Error> {
        self.digest
            .parse()
            .map_err(|_| invalid(&format!("It names '{:.100}', which is no digest.", self.digest)))
    }
}

impl Images {
    /// Keeps a manifest in a repository that has all that it names. Pushing it again changes nothing. When this returns it is
    /// durable; it is collected some time later unless something names it: a tag, a commit, an index.
    pub async fn put_manifest(
        &self,
        executor: &ExecutorId,
        new: NewImageManifest<'_>,
    ) -> Result<StoredManifest, Error> {
        let mut transaction = self.0.store.begin().await?;
        let stored = self.put_manifest_in(&mut transaction, executor, new).await?;
        transaction.commit().await?;
        Ok(stored)
    }

    /// The same as part of a transaction.
    pub async fn put_manifest_in(
        &self,
        connection: &mut store::Connection,
        executor: &ExecutorId,
        new: NewImageManifest<'_>,
    ) -> Result<StoredManifest, Error> {
        let digest = digest_of(new.content, new.digest)?;
        let content = read(new.content)?;
        let media_type = media_type(&content, new.media_type)?;
        // Sets: a manifest of a few MiB names tens of thousands.
        let (mut blobs, mut children) = (BTreeSet::new(), BTreeSet::new());
        for part in content.config.iter().chain(content.layers.iter().flatten()) {
            let digest = part.digest()?.to_string();
            if !part.is_foreign() {
                blobs.insert(digest);
            }
        }
        for child in content.manifests.iter().flatten() {
            children.insert(child.digest()?.to_string());
        }
        let (blobs, children) = (Vec::from_iter(blobs), Vec::from_iter(children));
        let subject = content.subject.as_ref().map(Descriptor::digest).transpose()?;
        let present = store::image_blobs::present(connection, executor, &blobs).await?;
        let present: HashSet<String> = present.into_iter().map(|(digest, _)| digest).collect();
        let missing_blob = blobs.iter().find(|digest| !present.contains(*digest));
        let present = store::image_manifests::present(connection, executor, &children).await?;
        let present: HashSet<String> = present.into_iter().collect();
        let missing = missing_blob.or_else(|| children.iter().find(|digest| !present.contains(*digest)));
        if let Some(missing) = missing {
            return Err(Error::new(
                ErrorKind::NotFound,
                "manifest_blob_unknown",
                format!("The manifest names {missing}, which this repository does not have."),
                "Push that first.",
            ));
        }
        let config_type = content.config.as_ref().and_then(|config| config.media_type.as_deref());
        let artifact_type = content.artifact_type.as_deref().filter(|text| !text.is_empty()).or(config_type);
        if artifact_type.is_some_and(|text| text.len() > KIND_BYTES) {
            return Err(invalid(&format!("The name of its kind is longer than {KIND_BYTES} bytes.")));
        }
        let new = NewManifest {
            digest,
            media_type,
            content: new.content,
            subject,
            artifact_type,
            annotations: content.annotations.as_ref().filter(|said| said.is_object()),
            blobs: &blobs,
            children: &children,
        };
        let size = new.content.len();
        store::image_manifests::put(connection, executor, new, self.0.clock.now()).await?;
        Ok(StoredManifest { digest, subject, size })
    }

    /// The manifest with this digest.
    pub async fn manifest(&self, executor: &ExecutorId, digest: &ImageDigest) -> Result<Manifest, Error> {
        let mut connection = self.0.store.read().await?;
        let found = store::image_manifests::find(&mut connection, executor, digest).await?;
        found.ok_or_else(manifest_unknown)
    }

    /// The manifests that speak of this one, after `after` in the order of digests; at most `limit`.
    pub async fn referrers(
        &self,
        executor: &ExecutorId,
        subject: &ImageDigest,
        artifact_type: Option<&str>,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Referrer>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut connection = self.0.store.read().await?;
        let found = store::image_manifests::referrers(
            &mut connection,
            executor,
            subject,
            artifact_type,
            after,
            limit,
        );
        Ok(found.await?)
    }
}

fn digest_of(bytes: &[u8], claimed: Option<ImageDigest>) -> Result<ImageDigest, Error> {
    let is = match claimed {
        Some(ImageDigest::Sha512(_)) => ImageDigest::Sha512(Sha512::digest(bytes).into()),
        Some(ImageDigest::Sha256(_)) | None => ImageDigest::Sha256(Sha256(Hasher::digest(bytes).into())),
    };
    match claimed {
        Some(claimed) if claimed != is => Err(super::digest_invalid(&is)),
        _ => Ok(is),
    }
}

fn read(bytes: &[u8]) -> Result<Content, Error> {
    if bytes.len() > MANIFEST_BYTES {
        return Err(Error::new(
            ErrorKind::TooLarge,
            "manifest_too_large",
            format!("A manifest has at most {MANIFEST_BYTES} bytes."),
            "Put into a layer what is so large.",
        ));
    }
    let content: Content =
        serde_json::from_slice(bytes).map_err(|error| invalid(&format!("It cannot be read: {error}.")))?;
    if content.schema_version != 2 {
        return Err(invalid("Only manifests with \"schemaVersion\": 2 are kept here."));
    }
    if content.config.is_none() && content.layers.is_none() && content.manifests.is_none() {
        return Err(invalid("It names neither layers nor manifests."));
    }
    if content.manifests.is_some() && (content.config.is_some() || content.layers.is_some()) {
        return Err(invalid("It is an image and an index at once."));
    }
    Ok(content)
}

/// What it is: by what it says itself and by what its sender says, which must not differ. A program that reads it as
/// something else than what was checked would be deceived.
fn media_type<'a>(content: &'a Content, said: Option<&'a str>) -> Result<&'a str, Error> {
    const INDEXES: [&str; 2] = [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ];
    const IMAGES: [&str; 2] = [
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ];
    let said = said.map(|text| text.split(';').next().unwrap_or(text).trim()).filter(|text| !text.is_empty());
    let own = content.media_type.as_deref().filter(|text| !text.is_empty());
    let is = match (own, said) {
        (Some(own), Some(said)) if own != said => {
            return Err(invalid(&format!("It is sent as '{said:.100}' and says that it is '{own:.100}'.")));
        }
        (Some(text), _) | (None, Some(text)) => text,
        (None, None) => return Err(invalid("Nobody says what it is.")),
    };
    let is_index = content.manifests.is_some();
    if (is_index && IMAGES.contains(&is)) || (!is_index && INDEXES.contains(&is)) || is.len() > 255 {
        return Err(invalid(&format!("What it holds is not '{is:.100}'.")));
    }
    Ok(is)
}

fn invalid(cause: &str) -> Error {
    Error::new(ErrorKind::Invalid, "manifest_invalid", format!("This manifest cannot be kept. {cause}"), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";

    fn kind(text: &str, said: Option<&str>) -> Result<String, String> {
        let content = read(text.as_bytes()).map_err(|error| error.cause)?;
        media_type(&content, said).map(str::to_owned).map_err(|error| error.cause)
    }

    #[test]
    fn what_a_manifest_is_must_not_be_in_doubt() {
        let image = r#"{"schemaVersion": 2, "layers": []}"#;
        assert_eq!(kind(image, Some(IMAGE)).as_deref(), Ok(IMAGE));
        assert_eq!(kind(image, Some(&format!("{IMAGE}; charset=utf-8"))).as_deref(), Ok(IMAGE));
        assert!(kind(image, Some(INDEX)).is_err());
        assert!(kind(image, None).is_err());
        let says = format!(r#"{{"schemaVersion": 2, "mediaType": "{IMAGE}", "layers": []}}"#);
        assert_eq!(kind(&says, None).as_deref(), Ok(IMAGE));
        assert!(kind(&says, Some("application/vnd.docker.distribution.manifest.v2+json")).is_err());
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"schemaVersion": 1, "layers": []}"#,
            r#"{"schemaVersion": 2}"#,
            r#"{"schemaVersion": 2, "layers": [], "manifests": []}"#,
        ] {
            assert!(kind(bad, Some(IMAGE)).is_err(), "{bad}");
        }
    }
}
