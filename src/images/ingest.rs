//! How does an image that an engine built enter the registry? Its archive is read once into staged parts, each layer packed
//! unless the registry has it; when the whole image is known to be good, the parts are stored, and only then named.
//!
//! The manifest is ours, in Docker's form and not in OCI's: the description is kept byte for byte, so that the image has the
//! same id everywhere, and it may say things that OCI has no word for (health checks, the shell, triggers). Every client since
//! Docker 1.10 reads that form, podman, skopeo and containerd too.

use std::{
    collections::{HashMap, hash_map::Entry},
    io::{self, Read, Write as _},
};

use serde::Deserialize;
use serde_json::json;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{
    Images, NewImageManifest, Received,
    archive::{self, ArchiveError, Outline},
    staging::{Spool, Spooled},
};
use crate::{
    domain::{ExecutorId, digest::Sha256, image::ImageDigest},
    error::Error,
};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// Why an image did not enter.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// What the engine sent.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Its layers have more than these bytes.
    #[error("the image is larger than {0} bytes")]
    TooLarge(u64),
    /// The disk of this machine.
    #[error("the image cannot be staged: {0}")]
    Disk(io::Error),
    /// The object store or the database.
    #[error("the image cannot be stored: {}", .0.cause)]
    Store(Error),
}

impl From<Error> for IngestError {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// The way into the registry, for one image.
#[derive(Debug)]
pub struct Intake {
    /// The registry.
    pub images: Images,
    /// Whose repository it enters.
    pub executor: ExecutorId,
    /// Bytes that all layers may have, unpacked.
    pub limit: u64,
    /// Stops the packing of an image that nobody wants any more.
    pub cancelled: CancellationToken,
}

/// An image that was read and is not stored; its parts are gone when this is dropped.
#[derive(Debug)]
pub struct StagedImage {
    config: Vec<u8>,
    layers: Vec<Layer>,
    packed: HashMap<Sha256, Received>,
}

/// A layer, packed.
#[derive(Debug, Clone, Copy)]
struct Layer {
    diff_id: Sha256,
    digest: ImageDigest,
    size: u64,
}

/// An image of which every byte is stored, and which a commit may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredImage {
    /// Its manifest.
    pub manifest: ImageDigest,
    /// Bytes of its layers as they are pulled.
    pub size: u64,
    /// How many layers it has.
    pub layers: usize,
    /// How many of them the registry did not have before.
    pub new_layers: usize,
    /// Their bytes.
    pub new_size: u64,
}

#[derive(Debug, Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Debug, Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Vec<String>,
}

impl Intake {
    /// Reads an archive into staged parts and shows `watch` each layer on the way. Blocks; to be called where the runtime can
    /// be reached (`spawn_blocking`). Needs disk for one unpacked layer, and for what is new, packed. Stores nothing.
    pub fn read(
        &self,
        archive: &mut dyn Read,
        mut watch: impl FnMut(&str, &mut dyn Read) -> io::Result<()>,
    ) -> Result<(Outline, StagedImage), IngestError> {
        let mut shown: HashMap<String, Sha256> = HashMap::new();
        let mut known: HashMap<Sha256, Layer> = HashMap::new();
        let mut packed = HashMap::new();
        let mut room = self.limit;
        let outline = archive::read(archive, |path, tar| {
            let spooled = self.spool(&mut |spool| watch(path, spool), tar, room)?;
            room = room.saturating_sub(spooled.size());
            let diff_id = spooled.diff_id();
            shown.insert(path.to_owned(), diff_id);
            if let Entry::Vacant(unknown) = known.entry(diff_id) {
                let (layer, new) = self.pack(spooled)?;
                unknown.insert(layer);
                packed.extend(new.map(|new| (diff_id, new)));
            }
            Ok::<_, IngestError>(())
        })?;
        let layers = in_order(&outline, &shown, &known)?;
        packed.retain(|diff_id, _| layers.iter().any(|layer| layer.diff_id == *diff_id));
        let config = outline.config.clone();
        Ok((outline, StagedImage { config, layers, packed }))
    }

    fn spool(
        &self,
        watch: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
        tar: &mut dyn Read,
        room: u64,
    ) -> Result<Spooled, IngestError> {
        let mut tar = tar.take(room.saturating_add(1));
        let mut spool = Spool::new(&mut tar, self.images.stage().map_err(IngestError::Disk)?);
        let seen = watch(&mut spool).and_then(|()| io::copy(&mut spool, &mut io::sink()));
        if let Some(refused) = spool.refused() {
            return Err(IngestError::Disk(refused));
        }
        if spool.size() > room {
            return Err(IngestError::TooLarge(self.limit));
        }
        seen.map_err(ArchiveError::from)?;
        spool.finish().map_err(IngestError::Disk)
    }

    /// What a layer is in the registry: what it became before, or what it becomes now.
    fn pack(&self, spooled: Spooled) -> Result<(Layer, Option<Received>), IngestError> {
        let diff_id = spooled.diff_id();
        let known = Handle::current().block_on(self.images.known_layer(&self.executor, diff_id))?;
        if let Some(blob) = known {
            return Ok((Layer { diff_id, digest: blob.digest, size: blob.size }, None));
        }
        let target = self.images.stage().map_err(IngestError::Disk)?;
        let packed = spooled.pack(target, &|| self.cancelled.is_cancelled()).map_err(IngestError::Disk)?;
        Ok((Layer { diff_id, digest: packed.sha256.into(), size: packed.size }, Some(packed)))
    }

    /// Stores a staged image, durably: first its parts, then the manifest that names them. A crash in between leaves parts
    /// that nothing names, which are collected.
    pub async fn store(&self, staged: StagedImage) -> Result<StoredImage, IngestError> {
        let StagedImage { config, layers, packed } = staged;
        let (size, new_layers) = (layers.iter().map(|layer| layer.size).sum(), packed.len());
        let mut new_size = 0;
        for (diff_id, layer) in packed {
            new_size += layer.size;
            let blob = self.images.put_blob(&self.executor, layer).await?;
            self.images.remember_layer(diff_id, &blob).await?;
        }
        let config_size = config.len();
        let config = self.images.put_blob(&self.executor, self.stage(config).await?).await?;
        let content = manifest(&config.digest, config_size, &layers);
        let new = NewImageManifest { content: &content, media_type: Some(MANIFEST), digest: None };
        let manifest = self.images.put_manifest(&self.executor, new).await?.digest;
        Ok(StoredImage { manifest, size, layers: layers.len(), new_layers, new_size })
    }

    async fn stage(&self, bytes: Vec<u8>) -> Result<Received, IngestError> {
        let images = self.images.clone();
        let staging = tokio::task::spawn_blocking(move || {
            let mut file = images.stage()?;
            file.write_all(&bytes)?;
            Ok(file.finish())
        });
        staging.await.map_err(io::Error::other).flatten().map_err(IngestError::Disk)
    }
}

/// The image's layers in their order, each checked against what the image says of itself.
fn in_order(
    outline: &Outline,
    shown: &HashMap<String, Sha256>,
    known: &HashMap<Sha256, Layer>,
) -> Result<Vec<Layer>, ArchiveError> {
    let config: Config = serde_json::from_slice(&outline.config)
        .map_err(|error| ArchiveError::Unknown(format!("its own description: {error}")))?;
    let said = config.rootfs.diff_ids;
    if said.len() != outline.layers.len() {
        return Err(ArchiveError::Unknown("it has not as many layers as it says".into()));
    }
    let mut layers = Vec::new();
    for (path, said) in outline.layers.iter().zip(said) {
        let layer = shown.get(path).and_then(|diff_id| known.get(diff_id));
        let layer = layer.filter(|layer| ImageDigest::from(layer.diff_id).to_string() == said);
        let wrong = || ArchiveError::Unknown(format!("its layer {path} is not {said}"));
        layers.push(*layer.ok_or_else(wrong)?);
    }
    Ok(layers)
}

fn manifest(config: &ImageDigest, config_size: usize, layers: &[Layer]) -> Vec<u8> {
    let of_layer =
        |layer: &Layer| json!({"mediaType": LAYER, "size": layer.size, "digest": layer.digest.to_string()});
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "size": config_size, "digest": config.to_string()},
        "layers": layers.iter().map(of_layer).collect::<Vec<_>>(),
    })
    .to_string()
    .into_bytes()
}
