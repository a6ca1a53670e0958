//! Did a value of a build variable get into the image? Every file, name, link and attribute of the layers that the build made
//! is searched, and the image's own description; only then may the image be used. What lies compressed inside a file
//! (an archive that a step made) is not seen.

use std::{
    collections::{BTreeSet, HashMap},
    io::{self, Read},
};

use aho_corasick::AhoCorasick;
use serde::Deserialize;

use crate::{builds::engine::LayerWatch, domain::BuildEnv, images::archive::Outline};

use super::mask::stored_forms;

/// Shorter values turn up in any image.
const MIN_VALUE: usize = 6;
const WINDOW: usize = 256 << 10;

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

/// Searches the layers of one image as they pass by. Whose they are, its own or its base's, is known at the end only, so
/// findings are kept by path and judged then.
#[derive(Debug)]
pub struct Search {
    needles: Needles,
    findings: HashMap<String, Finding>,
}

/// One finding inside a file of the export.
#[derive(Debug, Clone)]
struct Finding {
    variables: BTreeSet<String>,
    file: String,
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

impl Search {
    /// A search that has seen nothing.
    pub fn new(needles: Needles) -> Self {
        Self { needles, findings: HashMap::new() }
    }

    /// The first leak: in the image's description, or in the last `layers` of its layers (those below are its base's, where
    /// the same words may stand by chance).
    pub fn judge(&self, image: &Outline, layers: usize) -> Result<Option<Leak>, serde_json::Error> {
        let mut variables = BTreeSet::new();
        self.needles.find_in(&image.config, &mut variables);
        let description: Description = serde_json::from_slice(&image.config)?;
        if !variables.is_empty() {
            // Every instruction is in the history by its text, with the values that its variables had.
            let writes = |entry: &&HistoryEntry| {
                let mut written = BTreeSet::new();
                self.needles.find_in(entry.created_by.as_bytes(), &mut written);
                !written.is_empty()
            };
            let step = description.history.iter().find(writes).map(|entry| entry.created_by.clone());
            return Ok(Some(Leak { variables, step, file: None }));
        }
        let steps: Vec<&HistoryEntry> =
            description.history.iter().filter(|entry| !entry.empty_layer).collect();
        let base = image.layers.len().saturating_sub(layers);
        for (at, path) in image.layers.iter().enumerate().skip(base) {
            if let Some(finding) = self.findings.get(path) {
                let step = steps.get(at).map(|entry| entry.created_by.clone());
                let Finding { variables, file } = finding.clone();
                return Ok(Some(Leak { variables, step, file: Some(file) }));
            }
        }
        Ok(None)
    }
}

impl LayerWatch for Search {
    fn layer(&mut self, path: &str, tar: &mut dyn Read) -> io::Result<()> {
        let mut archive = tar::Archive::new(tar);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let mut variables = BTreeSet::new();
            self.needles.find_in(&entry.path_bytes(), &mut variables);
            if let Some(target) = entry.link_name_bytes() {
                self.needles.find_in(&target, &mut variables);
            }
            // Extended attributes, and whatever else the format keeps beside a file.
            for extension in entry.pax_extensions()?.into_iter().flatten() {
                self.needles.find_in(extension?.value_bytes(), &mut variables);
            }
            self.needles.find_in_stream(&mut entry, &mut variables)?;
            if !variables.is_empty() {
                let file = format!("/{}", entry.path()?.display());
                self.findings.insert(path.to_owned(), Finding { variables, file });
                return Ok(());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::archive::{self, ArchiveError};

    fn search_export(export: &[u8], layers: usize, needles: &Needles) -> Result<Option<Leak>, ArchiveError> {
        let mut search = Search::new(needles.clone());
        let image = archive::read(export, |path, tar| search.layer(path, tar).map_err(ArchiveError::from))?;
        Ok(search.judge(&image, layers).expect("a description"))
    }

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
