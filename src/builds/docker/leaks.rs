//! Did a value of a build variable get into the image? Every file, name and link of the layers that the build made is
//! searched, and the image's own description; only then may the image be used. What lies compressed inside a file
//! (an archive that a step made) is not seen.

use std::{
    collections::{BTreeSet, HashMap},
    io::{self, Read},
};

use aho_corasick::AhoCorasick;
use bollard::Docker;
use bytes::Bytes;
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::domain::BuildEnv;

use super::mask::stored_forms;

/// Shorter values turn up in any image.
const MIN_VALUE: usize = 6;
const WINDOW: usize = 256 << 10;
const CHUNKS_IN_FLIGHT: usize = 16;
/// `manifest.json` and image descriptions are small; a larger file is no such thing.
const MAX_DESCRIPTION: u64 = 8 << 20;
/// A gzip file's first bytes: engines with the containerd store export layers as they were pulled.
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What ends the first 262 bytes of a tar.
const TAR_MAGIC: &[u8] = b"ustar";
const TAR_MAGIC_END: u64 = 262;

/// A value that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// Names of the variables whose values were found there.
    pub variables: BTreeSet<String>,
    /// The instruction that wrote it, as the image's history has it.
    pub step: Option<String>,
    /// The file in the image; `None` for the image's own description.
    pub file: Option<String>,
}

/// Why the search did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The engine broke off.
    #[error("the engine did not export the image: {0}")]
    Export(String),
    /// What it exported is no image that we know.
    #[error("the exported image cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// The search itself broke.
    #[error("the search for build variables was cut off")]
    Broken,
}

/// What is searched for.
#[derive(Debug, Clone)]
pub struct Needles {
    automaton: AhoCorasick,
    names: Vec<String>,
    longest: usize,
}

impl Needles {
    /// The values of `env` that are long enough; `None` when there is none.
    pub fn new(env: &BuildEnv) -> Option<Self> {
        let (mut patterns, mut names) = (Vec::new(), Vec::new());
        for (name, value) in env.variables() {
            for form in stored_forms(value.expose(), MIN_VALUE) {
                patterns.push(form);
                names.push(name.to_owned());
            }
        }
        let longest = patterns.iter().map(Vec::len).max()?;
        // The sizes of BuildEnv are far below what the automaton can hold.
        let automaton = AhoCorasick::new(&patterns).ok()?;
        Some(Self { automaton, names, longest })
    }

    fn find_in(&self, bytes: &[u8], found: &mut BTreeSet<String>) {
        for hit in self.automaton.find_overlapping_iter(bytes) {
            found.extend(self.names.get(hit.pattern().as_usize()).cloned());
        }
    }

    /// Reads `stream` to its end.
    fn find_in_stream(&self, stream: &mut impl Read, found: &mut BTreeSet<String>) -> io::Result<()> {
        let mut window = vec![0; WINDOW + self.longest];
        let mut kept = 0;
        loop {
            let Some(free) = window.get_mut(kept..) else { return Ok(()) };
            let read = stream.read(free)?;
            if read == 0 {
                return Ok(());
            }
            let filled = kept + read;
            self.find_in(window.get(..filled).unwrap_or_default(), found);
            // The tail stays, so that a value across two reads is whole in the next window.
            kept = filled.min(self.longest.saturating_sub(1));
            window.copy_within(filled - kept..filled, 0);
        }
    }
}

/// Searches the image `name`: its description, and the last `layers` of its layers (those below are its base's, where
/// the same words may stand by chance). The first leak is told.
pub async fn search(
    docker: &Docker,
    name: &str,
    layers: usize,
    needles: Needles,
) -> Result<Option<Leak>, SearchError> {
    let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let search =
        tokio::task::spawn_blocking(move || search_export(Received::new(receiver), layers, &needles));
    let mut export = std::pin::pin!(docker.export_image(name));
    while let Some(chunk) = export.next().await {
        let chunk = chunk.map_err(|error| SearchError::Export(error.to_string()))?;
        // The search has ended by itself when nobody takes the chunk.
        if sender.send(chunk).await.is_err() {
            break;
        }
    }
    drop(sender);
    search.await.map_err(|_| SearchError::Broken)?.map_err(SearchError::from)
}

/// One finding inside a file of the export.
#[derive(Debug)]
struct Finding {
    variables: BTreeSet<String>,
    file: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ManifestEntry {
    #[serde(rename = "Config")]
    config: String,
    #[serde(rename = "Layers")]
    layers: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Description {
    #[serde(default)]
    history: Vec<HistoryEntry>,
}

#[derive(Debug, Deserialize)]
struct HistoryEntry {
    #[serde(default)]
    created_by: String,
    #[serde(default)]
    empty_layer: bool,
}

/// `manifest.json` comes last in some exports, so findings are kept by path and judged at the end.
fn search_export(export: impl Read, layers: usize, needles: &Needles) -> io::Result<Option<Leak>> {
    let mut findings: HashMap<String, Option<Finding>> = HashMap::new();
    let mut texts: HashMap<String, Vec<u8>> = HashMap::new();
    let mut links: HashMap<String, String> = HashMap::new();
    let mut archive = tar::Archive::new(export);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.display().to_string();
        if entry.header().entry_type().is_symlink() {
            // A layer that occurs twice: `../<id>/layer.tar`.
            if let Some(target) = entry.link_name()? {
                links.insert(path, target.display().to_string().trim_start_matches("../").to_owned());
            }
            continue;
        }
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let (head, whole) = peek(&mut entry)?;
        if is_layer(&head) {
            findings.insert(path, search_layer(&head, whole, needles)?);
        } else {
            let mut text = Vec::new();
            whole.take(MAX_DESCRIPTION).read_to_end(&mut text)?;
            texts.insert(path, text);
        }
    }
    judge(&findings, &texts, &links, layers, needles)
}

fn judge(
    findings: &HashMap<String, Option<Finding>>,
    texts: &HashMap<String, Vec<u8>>,
    links: &HashMap<String, String>,
    layers: usize,
    needles: &Needles,
) -> io::Result<Option<Leak>> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let manifest = texts.get("manifest.json").ok_or_else(|| bad("it has no manifest.json"))?;
    let manifest: Vec<ManifestEntry> = serde_json::from_slice(manifest)?;
    let image = manifest.first().ok_or_else(|| bad("its manifest.json is empty"))?;
    let description = texts.get(&image.config).ok_or_else(|| bad("it has no description"))?;
    let mut variables = BTreeSet::new();
    needles.find_in(description, &mut variables);
    let description: Description = serde_json::from_slice(description)?;
    if !variables.is_empty() {
        // Every instruction is in the history by its text, with the values that its variables had.
        let writes = |entry: &&HistoryEntry| {
            let mut written = BTreeSet::new();
            needles.find_in(entry.created_by.as_bytes(), &mut written);
            !written.is_empty()
        };
        let step = description.history.iter().find(writes).map(|entry| entry.created_by.clone());
        return Ok(Some(Leak { variables, step, file: None }));
    }
    let steps: Vec<&HistoryEntry> = description.history.iter().filter(|entry| !entry.empty_layer).collect();
    let base = image.layers.len().saturating_sub(layers);
    for (at, layer) in image.layers.iter().enumerate().skip(base) {
        let path = links.get(layer).unwrap_or(layer);
        let searched = findings.get(path).ok_or_else(|| bad("one of its layers is no layer"))?;
        if let Some(finding) = searched {
            let step = steps.get(at).map(|entry| entry.created_by.clone());
            return Ok(Some(Leak { variables: finding.variables.clone(), step, file: finding.file.clone() }));
        }
    }
    Ok(None)
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

fn search_layer(head: &[u8], layer: impl Read, needles: &Needles) -> io::Result<Option<Finding>> {
    if head.starts_with(&ZSTD) {
        // Passing over it would let a value through unseen.
        return Err(io::Error::new(io::ErrorKind::Unsupported, "its layers are packed with zstd"));
    }
    if head.starts_with(&GZIP) {
        return search_tar(flate2::read::MultiGzDecoder::new(layer), needles);
    }
    search_tar(layer, needles)
}

fn search_tar(layer: impl Read, needles: &Needles) -> io::Result<Option<Finding>> {
    let mut archive = tar::Archive::new(layer);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let mut variables = BTreeSet::new();
        needles.find_in(&entry.path_bytes(), &mut variables);
        if let Some(target) = entry.link_name_bytes() {
            needles.find_in(&target, &mut variables);
        }
        needles.find_in_stream(&mut entry, &mut variables)?;
        if !variables.is_empty() {
            let file = format!("/{}", entry.path()?.display());
            return Ok(Some(Finding { variables, file: Some(file) }));
        }
    }
    Ok(None)
}

/// What the engine sends, for a blocking reader.
struct Received {
    receiver: mpsc::Receiver<Bytes>,
    chunk: Bytes,
}

impl Received {
    fn new(receiver: mpsc::Receiver<Bytes>) -> Self {
        Self { receiver, chunk: Bytes::new() }
    }
}

impl Read for Received {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
        }
        let taken = self.chunk.split_to(self.chunk.len().min(buffer.len()));
        buffer.get_mut(..taken.len()).unwrap_or_default().copy_from_slice(&taken);
        Ok(taken.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needles(json: &str) -> Needles {
        Needles::new(&BuildEnv::parse(json).expect("good variables")).expect("something to look for")
    }

    fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_entry_type(tar::EntryType::Regular);
            builder.append_data(&mut header, path, *bytes).expect("an entry");
        }
        builder.into_inner().expect("a tar")
    }

    fn image(base: &[u8], own: &[u8], description: &str) -> Vec<u8> {
        tar_of(&[
            ("1/layer.tar", own),
            ("0/layer.tar", base),
            ("c.json", description.as_bytes()),
            ("manifest.json", br#"[{"Config":"c.json","Layers":["0/layer.tar","1/layer.tar"]}]"#),
        ])
    }

    const HISTORY: &str = r#"{"history":[{"created_by":"FROM"},{"created_by":"ENV","empty_layer":true},{"created_by":"RUN leak"}]}"#;

    #[test]
    fn a_value_in_a_layer_of_the_build_is_found_with_its_step_and_file() {
        let hidden = [vec![b'x'; WINDOW - 3], b"dTpodW50ZXIyLWh1bnRlcjI=".to_vec()].concat();
        let own = tar_of(&[("etc/clean", b"nothing"), ("etc/key", &hidden)]);
        let needles = needles(r#"{"TOKEN": "hunter2-hunter2"}"#);
        let leak = search_export(image(&tar_of(&[]), &own, HISTORY).as_slice(), 1, &needles).expect("read");
        let leak = leak.expect("a leak");
        assert_eq!(leak.variables.first().map(String::as_str), Some("TOKEN"));
        assert_eq!((leak.step.as_deref(), leak.file.as_deref()), (Some("RUN leak"), Some("/etc/key")));
    }

    #[test]
    fn words_of_the_base_image_are_no_leak() {
        let base = tar_of(&[("usr/lib/a", b"release")]);
        let needles = needles(r#"{"BRANCH": "release"}"#);
        let found = |layers| search_export(image(&base, &tar_of(&[]), HISTORY).as_slice(), layers, &needles);
        assert_eq!(found(1).expect("read"), None);
        assert!(found(2).expect("read").is_some());
    }

    #[test]
    fn names_and_descriptions_are_searched_too() {
        let needles = needles(r#"{"TOKEN": "hunter2"}"#);
        let named = image(&tar_of(&[]), &tar_of(&[("srv/hunter2/x", b"")]), HISTORY);
        assert!(search_export(named.as_slice(), 1, &needles).expect("read").is_some());
        let described = image(&tar_of(&[]), &tar_of(&[]), r#"{"config":{"Env":["A=hunter2"]}}"#);
        let leak = search_export(described.as_slice(), 1, &needles).expect("read").expect("a leak");
        assert_eq!((leak.step, leak.file), (None, None));
        let history =
            r#"{"history":[{"created_by":"ENV B=1"},{"created_by":"ENV A=hunter2","empty_layer":true}]}"#;
        let told = image(&tar_of(&[]), &tar_of(&[]), history);
        let leak = search_export(told.as_slice(), 1, &needles).expect("read").expect("a leak");
        assert_eq!((leak.step.as_deref(), leak.file), (Some("ENV A=hunter2"), None));
    }

    #[test]
    fn an_export_that_is_cut_off_is_not_taken_for_clean() {
        let whole = image(&tar_of(&[]), &tar_of(&[]), HISTORY);
        let needles = needles(r#"{"TOKEN": "hunter2"}"#);
        assert!(search_export(&whole[..whole.len() / 2], 1, &needles).is_err());
        let packed = image(&tar_of(&[]), &[0x28, 0xb5, 0x2f, 0xfd, 0], HISTORY);
        assert!(search_export(packed.as_slice(), 1, &needles).is_err());
        assert!(Needles::new(&BuildEnv::parse(r#"{"A": "short"}"#).expect("good")).is_none());
    }
}
