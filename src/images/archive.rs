//! What is in the archive that an engine makes of an image? Its description and its layers, whatever order they come in: read
//! once, from a stream, with nothing but the descriptions in memory.
//!
//! Engines write three kinds. Docker up to 24 writes `<id>/layer.tar` files in the order of their ids, repeated layers as links,
//! and `manifest.json` last. Docker since 25 and podman write the blobs of an OCI layout and a `manifest.json` that names them;
//! an OCI layout alone has an `index.json` instead. So layers are shown as they pass by, under their paths, and which path is
//! which layer is only known at the end.

use std::{
    collections::HashMap,
    io::{self, Read},
};

use serde::Deserialize;

/// `manifest.json` and image descriptions are small; a larger file is no such thing.
const MAX_DESCRIPTION: u64 = 8 << 20;
/// All descriptions together.
const MAX_DESCRIPTIONS: usize = 32 << 20;
/// Files, folders and links of an archive: engines write a few for each of at most 127 layers.
const MAX_ENTRIES: usize = 10_000;
/// An index may name indexes; nobody nests them deeper.
const MAX_DEPTH: usize = 4;
/// A gzip file's first bytes: engines with the containerd store export layers as they were pulled.
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What ends the first 262 bytes of a tar.
const TAR_MAGIC: &[u8] = b"ustar";
const TAR_MAGIC_END: u64 = 262;

/// Why an archive is no image.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It broke off, or is damaged.
    #[error("the exported image cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It is whole, but not what we know.
    #[error("the exported image is none that we know: {0}")]
    Unknown(String),
}

/// An image as its archive tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The image's own description, byte for byte: its SHA-256 is what Docker calls the image's id.
    pub config: Vec<u8>,
    /// The paths under which its layers were shown, the base's first. A layer may be there twice.
    pub layers: Vec<String>,
}

/// Reads an archive to its end and shows `layer` the plain tar of every layer in it, also of those that the image does not
/// name. What `layer` leaves unread is passed over. Blocks.
pub fn read<E: From<ArchiveError>>(
    archive: impl Read,
    mut layer: impl FnMut(&str, &mut dyn Read) -> Result<(), E>,
) -> Result<Outline, E> {
    let mut parts = Parts::default();
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().map_err(ArchiveError::from)?;
    for (count, entry) in entries.enumerate() {
        if count == MAX_ENTRIES {
            return Err(unknown("it has too many files").into());
        }
        let mut entry = entry.map_err(ArchiveError::from)?;
        let path = plain(&entry.path().map_err(ArchiveError::from)?.to_string_lossy());
        let kind = entry.header().entry_type();
        if kind.is_symlink() || kind.is_hard_link() {
            let target = entry.link_name().map_err(ArchiveError::from)?.unwrap_or_default();
            let target = target.to_string_lossy();
            // A symbolic link is seen from where it lies, a hard one from the top.
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let target =
                if kind.is_symlink() { plain(&format!("{folder}/{target}")) } else { plain(&target) };
            parts.links.insert(path, target);
            continue;
        }
        if !kind.is_file() {
            continue;
        }
        let (head, mut whole) = peek(&mut entry).map_err(ArchiveError::from)?;
        if !is_layer(&head) {
            parts.keep_text(path, &mut whole)?;
        } else if head.starts_with(&ZSTD) {
            return Err(unknown("its layers are packed with zstd").into());
        } else if head.starts_with(&GZIP) {
            layer(&path, &mut flate2::read::MultiGzDecoder::new(whole))?;
            parts.shown.push(path);
        } else {
            layer(&path, &mut whole)?;
            parts.shown.push(path);
        }
    }
    Ok(parts.outline()?)
}

/// What was met on the way.
#[derive(Debug, Default)]
struct Parts {
    texts: HashMap<String, Vec<u8>>,
    text_bytes: usize,
    links: HashMap<String, String>,
    shown: Vec<String>,
}

/// An image in `manifest.json`.
#[derive(Debug, Deserialize)]
struct SavedImage {
    #[serde(rename = "Config")]
    config: String,
    #[serde(rename = "Layers")]
    layers: Option<Vec<String>>,
}

/// An index or a manifest of an OCI layout.
#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(default)]
    manifests: Vec<Descriptor>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
struct Descriptor {
    digest: String,
    platform: Option<Platform>,
}

#[derive(Debug, Deserialize)]
struct Platform {
    os: String,
}

impl Parts {
    fn keep_text(&mut self, path: String, file: &mut impl Read) -> Result<(), ArchiveError> {
        let mut text = Vec::new();
        file.take(MAX_DESCRIPTION + 1).read_to_end(&mut text)?;
        self.text_bytes += text.len();
        if text.len() as u64 > MAX_DESCRIPTION || self.text_bytes > MAX_DESCRIPTIONS {
            return Err(unknown("its descriptions are too large"));
        }
        self.texts.insert(path, text);
        Ok(())
    }

    fn outline(mut self) -> Result<Outline, ArchiveError> {
        let (config, layers) = match self.texts.get("manifest.json") {
            Some(manifest) => {
                let images: Vec<SavedImage> = json(manifest, "manifest.json")?;
                let image = images.into_iter().next().ok_or_else(|| unknown("its manifest.json is empty"))?;
                (image.config, image.layers.unwrap_or_default())
            }
            None => self.find_in_layout()?,
        };
        let layers = layers.iter().map(|path| self.layer(path)).collect::<Result<_, _>>()?;
        let config =
            self.texts.remove(&plain(&config)).ok_or_else(|| unknown("its own description is missing"))?;
        Ok(Outline { config, layers })
    }

    /// The image of an OCI layout: the first that `index.json` leads to.
    fn find_in_layout(&self) -> Result<(String, Vec<String>), ArchiveError> {
        let mut path = "index.json".to_owned();
        for _ in 0..MAX_DEPTH {
            let text = self.texts.get(&path).ok_or_else(|| unknown(&format!("it has no {path}")))?;
            let manifest: Manifest = json(text, &path)?;
            if let Some(config) = manifest.config {
                let layers = manifest.layers.iter().map(Descriptor::path).collect();
                return Ok((config.path(), layers));
            }
            // BuildKit puts statements about an image beside it, for an unknown platform.
            let is_image = |at: &&Descriptor| at.platform.as_ref().is_none_or(|on| on.os != "unknown");
            let next = manifest.manifests.iter().find(is_image);
            path = next.ok_or_else(|| unknown("its index names no image"))?.path();
        }
        Err(unknown("its indexes are nested too deep"))
    }

    /// Where a layer was shown that the image names by this path.
    fn layer(&self, path: &str) -> Result<String, ArchiveError> {
        let path = plain(path);
        let shown = self.links.get(&path).unwrap_or(&path);
        if self.shown.contains(shown) {
            return Ok(shown.clone());
        }
        Err(unknown(&format!("its layer {shown} is missing")))
    }
}

impl Descriptor {
    fn path(&self) -> String {
        format!("blobs/{}", self.digest.replacen(':', "/", 1))
    }
}

fn unknown(what: &str) -> ArchiveError {
    ArchiveError::Unknown(what.to_owned())
}

fn json<T: for<'de> Deserialize<'de>>(text: &[u8], path: &str) -> Result<T, ArchiveError> {
    serde_json::from_slice(text).map_err(|error| unknown(&format!("{path}: {error}")))
}

/// A path without `.`, `..` and doubled slashes.
fn plain(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The first bytes of a file, and the file as if they had not been read.
fn peek<R: Read>(file: &mut R) -> io::Result<(Vec<u8>, impl Read)> {
    let mut head = Vec::new();
    file.by_ref().take(TAR_MAGIC_END).read_to_end(&mut head)?;
    Ok((head.clone(), io::Cursor::new(head).chain(file)))
}

/// A tar, also an empty one, or a packed one; descriptions are none of these.
fn is_layer(head: &[u8]) -> bool {
    let is_empty_tar = head.len() as u64 == TAR_MAGIC_END && head.iter().all(|byte| *byte == 0);
    head.ends_with(TAR_MAGIC) || is_empty_tar || head.starts_with(&GZIP) || head.starts_with(&ZSTD)
}
