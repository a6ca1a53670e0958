//! What does an engine write when an image is exported? Archives of small images, in the forms that engines have, whole or
//! broken in one way.

use sha2::{Digest as _, Sha256};

/// A file and its bytes.
pub type File<'a> = (&'a str, &'a [u8]);

/// A tar of these files, always the same for the same files.
pub fn tar_of(files: &[File<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        append(&mut builder, path, bytes);
    }
    builder.into_inner().unwrap()
}

fn append(builder: &mut tar::Builder<Vec<u8>>, path: &str, bytes: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_entry_type(tar::EntryType::Regular);
    builder.append_data(&mut header, path, bytes).unwrap();
}

/// `sha256:…` of these bytes.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(bytes))
}

fn hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A small image.
#[derive(Debug, Clone)]
pub struct Image {
    /// Plain tars, the base's first.
    pub layers: Vec<Vec<u8>>,
    /// Its description, spelled as no serializer would spell it again.
    pub config: Vec<u8>,
}

impl Image {
    /// An image of these layers; `says` tells it from others.
    pub fn new(layers: Vec<Vec<u8>>, says: &str) -> Self {
        let diff_ids: Vec<String> = layers.iter().map(|layer| digest(layer)).collect();
        let config = format!(
            "{{ \"os\":\"linux\",\"architecture\":\"amd64\",\n  \"config\":{{\"Labels\":{{\"says\":{}}}}}, \
             \"rootfs\":{{\"type\":\"layers\",\"diff_ids\":{}}}}}",
            serde_json::json!(says),
            serde_json::json!(diff_ids)
        );
        Self { layers, config: config.into_bytes() }
    }

    /// A base of one file below one file of its own.
    pub fn small(base: &str, own: &str) -> Self {
        let layer = |text: &str| tar_of(&[("srv/text", text.as_bytes())]);
        Self::new(vec![layer(base), layer(own)], own)
    }

    /// What Docker calls its id.
    pub fn id(&self) -> String {
        digest(&self.config)
    }

    /// As Docker 20.10 writes it: a folder for each layer in the order of names that mean nothing, a link for a layer that
    /// was there before, `manifest.json` last.
    pub fn saved(&self) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut paths = Vec::new();
        for (at, layer) in self.layers.iter().enumerate().rev() {
            let path = format!("{:02}/layer.tar", 99 - at);
            let same = self.layers.iter().enumerate().rev().find(|(_, other)| *other == layer);
            let first = same.map_or(at, |(first, _)| first);
            append(&mut builder, &format!("{:02}/VERSION", 99 - at), b"1.0");
            if first == at {
                append(&mut builder, &path, layer);
            } else {
                let mut header = tar::Header::new_gnu();
                header.set_size(0);
                header.set_entry_type(tar::EntryType::Symlink);
                builder.append_link(&mut header, &path, format!("../{:02}/layer.tar", 99 - first)).unwrap();
            }
            paths.insert(0, path);
        }
        let config = format!("{}.json", hex(&self.config));
        append(&mut builder, &config, &self.config);
        let manifest = serde_json::json!([{"Config": config, "RepoTags": null, "Layers": paths}]);
        append(&mut builder, "manifest.json", manifest.to_string().as_bytes());
        builder.into_inner().unwrap()
    }

    /// As an OCI layout, with packed layers if wanted, a statement about the image beside it, and without `manifest.json`.
    pub fn layout(&self, is_packed: bool) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut blob = |bytes: &[u8]| {
            append(&mut builder, &format!("blobs/sha256/{}", hex(bytes)), bytes);
            serde_json::json!({"digest": digest(bytes), "size": bytes.len()})
        };
        let config = blob(&self.config);
        let mut layers = Vec::new();
        for layer in &self.layers {
            layers.push(blob(&if is_packed { packed(layer) } else { layer.clone() }));
        }
        let manifest = serde_json::json!({"schemaVersion": 2, "config": config, "layers": layers});
        let mut image = blob(manifest.to_string().as_bytes());
        image["platform"] = serde_json::json!({"os": "linux", "architecture": "amd64"});
        let mut statement = blob(b"{\"schemaVersion\":2,\"layers\":[]}");
        statement["platform"] = serde_json::json!({"os": "unknown", "architecture": "unknown"});
        let inner = blob(serde_json::json!({"manifests": [statement, image]}).to_string().as_bytes());
        let index = serde_json::json!({"schemaVersion": 2, "manifests": [inner]});
        append(&mut builder, "index.json", index.to_string().as_bytes());
        append(&mut builder, "oci-layout", b"{\"imageLayoutVersion\":\"1.0.0\"}");
        builder.into_inner().unwrap()
    }
}

/// As `gzip` does it.
pub fn packed(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut packing = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packing.write_all(bytes).unwrap();
    packing.finish().unwrap()
}

/// The bytes of a packed layer.
pub fn unpacked(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}
