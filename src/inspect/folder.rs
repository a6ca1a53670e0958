//! Which files will be stored? Those of the upload, with what the Hub wrote or rewrote in their place.

use std::collections::BTreeMap;

use super::{
    InspectError,
    archive::{Archive, Entry, Reader, Upload, folded},
    refusal::{Refusal, quoted},
};
use crate::domain::package::PackageFile;

/// Where the bytes of one stored file come from.
pub(super) enum Content {
    /// The upload.
    Packed(Entry),
    /// The Hub.
    Written {
        /// All of it.
        bytes: Vec<u8>,
        /// Kept from the file that it replaces.
        executable: bool,
    },
}

impl Content {
    /// Whether the stored mode is 0755 rather than 0644.
    pub(super) fn executable(&self) -> bool {
        match self {
            Self::Packed(entry) => entry.executable,
            Self::Written { executable, .. } => *executable,
        }
    }

    fn size(&self) -> u64 {
        match self {
            Self::Packed(entry) => entry.size,
            Self::Written { bytes, .. } => bytes.len() as u64,
        }
    }
}

/// The package as it will be stored, sorted by the bytes of its paths.
pub(super) struct Folder<'a> {
    upload: Upload<'a>,
    files: BTreeMap<String, Content>,
    reader: Reader,
}

impl<'a> Folder<'a> {
    pub(super) fn new(archive: Archive<'a>) -> Self {
        let files =
            archive.entries.into_iter().map(|entry| (entry.path.clone(), Content::Packed(entry))).collect();
        Self { upload: archive.upload, files, reader: Reader::new() }
    }

    pub(super) fn upload(&self) -> Upload<'a> {
        self.upload
    }

    /// Paths and contents, sorted.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &Content)> {
        self.files.iter().map(|(path, content)| (path.as_str(), content))
    }

    /// Paths, sorted.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Paths and sizes for the record.
    pub(super) fn listing(&self) -> Vec<PackageFile> {
        self.files()
            .map(|(path, content)| PackageFile { path: path.to_owned(), size: content.size() })
            .collect()
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// A whole file, or `None` if there is no such file. One with more than `limit` bytes is refused.
    pub(super) fn read(&mut self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, InspectError> {
        if self.files.get(path).is_some_and(|content| content.size() > limit) {
            return Err(Refusal::too_large(
                "file_too_large",
                format!("The file {} has more than {limit} bytes, too many to be read.", quoted(path)),
            )
            .into());
        }
        self.prefix(path, limit)
    }

    /// The first bytes of a file, or `None` if there is no such file.
    pub(super) fn prefix(&mut self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, InspectError> {
        match self.files.get(path) {
            None => Ok(None),
            Some(Content::Packed(entry)) => self.reader.prefix(self.upload, entry, limit).map(Some),
            Some(Content::Written { bytes, .. }) => {
                let end = usize::try_from(limit).map_or(bytes.len(), |limit| limit.min(bytes.len()));
                Ok(bytes.get(..end).map(<[u8]>::to_vec))
            }
        }
    }

    /// Whether the file is small enough to be read for its meaning.
    pub(super) fn fits(&self, path: &str, limit: u64) -> bool {
        self.files.get(path).is_some_and(|content| content.size() <= limit)
    }

    /// Puts a file of the Hub's making in place of the author's, or beside them. A path that some file system takes
    /// for another file of the package, or that is a folder in it, is refused.
    pub(super) fn write(&mut self, path: &str, bytes: Vec<u8>) -> Result<(), Refusal> {
        let executable = self.files.get(path).is_some_and(Content::executable);
        if !self.has(path) {
            let key = folded(path);
            let inside = format!("{key}/");
            let clash = self
                .paths()
                .map(|other| (other, folded(other)))
                .find(|(_, other)| *other == key || other.starts_with(&inside));
            if let Some((other, _)) = clash {
                return Err(Refusal::other(
                    "generated_name_taken",
                    format!(
                        "The Hub has to write {}, but the package holds {}.",
                        quoted(path),
                        quoted(other)
                    ),
                    format!("Rename it, or write {} yourself.", quoted(path)),
                ));
            }
        }
        self.files.insert(path.to_owned(), Content::Written { bytes, executable });
        Ok(())
    }
}
