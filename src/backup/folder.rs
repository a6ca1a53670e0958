//! Where do backups lie? In a folder that only its owner may enter, written by one process at a time; a backup appears
//! under its name when it is whole, and what a crash left is taken away by the next one.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::BackupError;

const UNFINISHED: &str = ".unfinished";
/// How the names of backups begin that are being removed.
pub(super) const OLD: &str = ".old-";

/// A folder of backups that this process writes to.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Takes the folder, making it when it is missing. Blocks on the disk.
    pub fn take(path: &Path) -> Result<Self, BackupError> {
        private_dir(path)?;
        let path = path.canonicalize()?;
        for inner in ["backups", "objects"] {
            private_dir(&path.join(inner))?;
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("backup.lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(BackupError::Busy),
            Err(fs::TryLockError::Error(error)) => return Err(error.into()),
        }
        let unfinished = path.join("backups").join(UNFINISHED);
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        for left_over in fs::read_dir(path.join("backups"))?.flatten() {
            if left_over.file_name().to_string_lossy().starts_with(OLD) {
                fs::remove_dir_all(left_over.path())?;
            }
        }
        for left_over in fs::read_dir(path.join("objects"))?.flatten() {
            if left_over.file_name() == "staging" {
                fs::remove_dir_all(left_over.path())?;
            }
        }
        Ok(Self { path, _lock: lock })
    }

    /// Where the bytes lie.
    pub(super) fn objects(&self) -> PathBuf {
        self.path.join("objects")
    }

    /// Where a backup is made until it is whole.
    pub(super) fn begin(&self) -> io::Result<PathBuf> {
        let unfinished = self.path.join("backups").join(UNFINISHED);
        private_dir(&unfinished)?;
        private_dir(&unfinished.join("tables"))?;
        Ok(unfinished)
    }

    /// Gives the backup in the making its name: from here on it is there, whatever happens to the machine.
    pub(super) fn finish(&self, unfinished: &Path, name: &str) -> io::Result<PathBuf> {
        sync_dir(&unfinished.join("tables"))?;
        sync_dir(unfinished)?;
        let whole = self.path.join("backups").join(name);
        fs::rename(unfinished, &whole)?;
        sync_dir(&self.path.join("backups"))?;
        Ok(whole)
    }

    /// Names of the backups that are whole, the oldest first.
    pub fn names(&self) -> io::Result<Vec<String>> {
        names_in(&self.path)
    }

    /// Where a backup lies.
    pub(super) fn backup(&self, name: &str) -> PathBuf {
        self.path.join("backups").join(name)
    }
}

/// Names of the whole backups in a folder, the oldest first; their names are their moments.
pub(super) fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = fs::read_dir(folder.join("backups"))?
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    Ok(names)
}

/// A new file that only its owner may read.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Writes a small file, durably, for its owner only.
pub(super) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = private_file(path)?;
    io::Write::write_all(&mut file, content)?;
    file.sync_all()
}

fn private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
