//! How do old backups go? The oldest beyond the wanted number, then the bytes that no backup lists: lists and folders are
//! both in the order of keys, so they are walked side by side and never held whole.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use futures_util::StreamExt as _;

use super::{BackupError, Folder, folder::OLD, objects};

/// Removes all but the newest `keep` backups, and the bytes that only those needed; gives the numbers of backups and objects
/// that went.
pub async fn prune(folder: &Folder, keep: usize) -> Result<(usize, u64), BackupError> {
    let names = folder.names()?;
    let old = names.len().saturating_sub(keep.max(1));
    for name in names.iter().take(old) {
        let gone = folder.backup(name);
        // Under a hidden name first: half a backup must not be found.
        let hidden = gone.with_file_name(format!("{OLD}{name}"));
        fs::rename(&gone, &hidden)?;
        fs::remove_dir_all(&hidden)?;
    }
    let mut lists: Vec<_> = folder.names()?.iter().map(|name| List::of(&folder.backup(name))).collect();
    let mut gone = 0;
    for shelf in shelves(&folder.objects())? {
        let prefix = format!("{}/", shelf.strip_prefix(folder.objects()).unwrap_or(&shelf).display());
        let mut needed = BTreeSet::new();
        for list in &mut lists {
            list.take_below(&prefix, &mut needed).await?;
        }
        for entry in fs::read_dir(&shelf)? {
            let entry = entry?;
            let key = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if !needed.contains(&key) {
                fs::remove_file(entry.path())?;
                gone += 1;
            }
        }
    }
    Ok((old, gone))
}

/// The folders that objects lie in, in the order of their names.
fn shelves(objects: &Path) -> io::Result<Vec<PathBuf>> {
    let mut shelves = Vec::new();
    for kind in fs::read_dir(objects)?.flatten() {
        let by_digest = kind.path().join("sha256");
        if by_digest.is_dir() {
            shelves.extend(fs::read_dir(by_digest)?.flatten().map(|entry| entry.path()));
        }
    }
    shelves.sort();
    Ok(shelves)
}

/// The list of a backup, read as far as its folders have been walked.
struct List {
    batches: std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<Vec<objects::Needed>, BackupError>>>>,
    ready: std::collections::VecDeque<String>,
}

impl List {
    fn of(backup: &Path) -> Self {
        Self {
            batches: Box::pin(objects::read(backup.join("objects.gz"))),
            ready: std::collections::VecDeque::new(),
        }
    }

    /// Takes the keys that begin with `prefix`, passing over those before.
    async fn take_below(&mut self, prefix: &str, needed: &mut BTreeSet<String>) -> Result<(), BackupError> {
        loop {
            while let Some(key) = self.ready.front() {
                if key.as_str() >= prefix && !key.starts_with(prefix) {
                    return Ok(());
                }
                if let Some(key) = self.ready.pop_front()
                    && key.starts_with(prefix)
                {
                    needed.insert(key);
                }
            }
            let Some(batch) = self.batches.next().await else { return Ok(()) };
            self.ready.extend(batch?.into_iter().map(|needed| needed.key.to_string()));
        }
    }
}
