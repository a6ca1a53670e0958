//! What image does a test push? A small one, made here: a configuration, one layer, and the manifest that names them.

use executor_hub::{
    domain::{CommitId, ExecutorId},
    images::NewImageManifest,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};

use super::hub::TestHub;

pub const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// What every image of the tests has for a configuration.
pub const CONFIG: &[u8] =
    br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;

pub fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

pub fn sha512(bytes: &[u8]) -> String {
    format!("sha512:{}", hex::encode(Sha512::digest(bytes)))
}

/// A manifest with one layer, and what else it shall say.
pub fn manifest(layer: &[u8], more: Value) -> String {
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": sha256(CONFIG),
            "size": CONFIG.len(),
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": sha256(layer),
            "size": layer.len(),
        }],
    });
    manifest.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    manifest.to_string()
}

/// Gives a commit an image, as a build does; returns the digest of its manifest.
pub async fn build_image(hub: &TestHub, executor: &str, commit: &str, layer: &[u8]) -> String {
    put_image(hub, executor, commit, &[CONFIG, layer], &manifest(layer, json!({}))).await
}

async fn put_image(hub: &TestHub, executor: &str, commit: &str, parts: &[&[u8]], content: &str) -> String {
    let images = hub.app.images();
    let executor: ExecutorId = executor.parse().unwrap();
    let commit: CommitId = commit.parse().unwrap();
    for part in parts {
        let mut receiving = images.stage().unwrap();
        std::io::Write::write_all(&mut receiving, part).unwrap();
        images.put_blob(&executor, receiving.finish()).await.unwrap();
    }
    let new = NewImageManifest { content: content.as_bytes(), media_type: None, digest: None };
    let stored = images.put_manifest(&executor, new).await.unwrap();
    let mut transaction = hub.app.store().begin().await.unwrap();
    executor_hub::store::image_tags::set_of_commit(&mut transaction, &executor, commit, &stored.digest)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    stored.digest.to_string()
}

/// As [`build_image`], with a layer that tools can unpack.
pub async fn build_real_image(hub: &TestHub, executor: &str, commit: &str) -> String {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    let content = b"hello\n";
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    tar.append_data(&mut header, "hello.txt", content.as_slice()).unwrap();
    let unpacked = tar.into_inner().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, &unpacked).unwrap();
    let layer = gzip.finish().unwrap();
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/hello.txt"]},
        "rootfs": {"type": "layers", "diff_ids": [sha256(&unpacked)]},
        "history": [{"created_by": "a test"}],
    })
    .to_string();
    let mut content: Value = serde_json::from_str(&manifest(&layer, json!({}))).unwrap();
    content["config"]["digest"] = sha256(config.as_bytes()).into();
    content["config"]["size"] = config.len().into();
    put_image(hub, executor, commit, &[config.as_bytes(), &layer], &content.to_string()).await
}
