//! Where do bytes lie that come in pieces over several requests? In files that stay when this process ends, on the file
//! system of the objects where objects are files, so that the last piece leaves nothing to be copied.

use std::{
    fs::{File, OpenOptions},
    io,
};

use tempfile::{NamedTempFile, TempPath};

use super::Blobs;

impl Blobs {
    /// Makes the file of an upload; an error when there is one of the name. Blocks on the disk, as everything here.
    pub fn begin_upload(&self, name: &str) -> io::Result<File> {
        std::fs::create_dir_all(&self.uploads)?;
        OpenOptions::new().create_new(true).read(true).append(true).open(self.uploads.join(name))
    }

    /// The file of an upload, to read anywhere and to write at its end.
    pub fn open_upload(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).append(true).open(self.uploads.join(name))
    }

    /// The file of an upload that is over, to be put into its place; gone when it is dropped.
    pub fn take_upload(&self, name: &str, file: File) -> io::Result<NamedTempFile> {
        Ok(NamedTempFile::from_parts(file, TempPath::try_from_path(self.uploads.join(name))?))
    }

    /// Whether an upload has its file still: one that was opened may have been ended since.
    pub fn has_upload(&self, name: &str) -> io::Result<bool> {
        self.uploads.join(name).try_exists()
    }

    /// The file of an upload under its lock; `None` while somebody writes to it, ends it or begins it.
    pub fn lock_idle_upload(&self, name: &str) -> Option<File> {
        let file = File::open(self.uploads.join(name)).ok()?;
        file.try_lock().is_ok().then_some(file)
    }

    /// Removes the file of an upload, if there is one.
    pub fn remove_upload(&self, name: &str) {
        let _ = std::fs::remove_file(self.uploads.join(name));
    }

    /// Names and sizes of all uploads' files.
    pub fn uploads(&self) -> io::Result<Vec<(String, u64)>> {
        let entries = match std::fs::read_dir(&self.uploads) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        Ok(entries
            .flatten()
            .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.metadata().ok()?.len())))
            .collect())
    }
}
