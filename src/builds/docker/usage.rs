//! How much of the engine's disk does a step hold? What it wrote into its layer and its caches, files that it has
//! deleted and still keeps open included.

use std::{
    collections::HashSet,
    fs::{self, Metadata},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Bytes of a name and its inode, so that a step cannot fill a disk with empty files.
const ENTRY: u64 = 512;
const BLOCK: u64 = 512;

/// Bytes that the trees at `roots` hold and that the `processes` keep open without a name. Stops counting above
/// `enough`. Blocks; links are not followed.
pub fn held(roots: &[PathBuf], processes: &[i32], enough: u64) -> u64 {
    let mut counted = Counted::default();
    let mut open: Vec<PathBuf> = roots.to_vec();
    while let Some(folder) = open.pop() {
        // What goes away while we look is not held.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            counted.add(&metadata);
            if metadata.is_dir() {
                open.push(entry.path());
            }
            if counted.bytes > enough {
                return counted.bytes;
            }
        }
    }
    for process in processes {
        counted.add_nameless(&PathBuf::from(format!("/proc/{process}/fd")));
    }
    counted.bytes
}

#[derive(Default)]
struct Counted {
    bytes: u64,
    /// Files of several names, and nameless ones that several processes hold, count once.
    seen: HashSet<(u64, u64)>,
}

impl Counted {
    fn add(&mut self, file: &Metadata) {
        self.bytes = self.bytes.saturating_add(ENTRY);
        let is_shared = !file.is_dir() && file.nlink() != 1;
        if !is_shared || self.seen.insert((file.dev(), file.ino())) {
            self.bytes = self.bytes.saturating_add(file.blocks().saturating_mul(BLOCK));
        }
    }

    fn add_nameless(&mut self, descriptors: &Path) {
        for descriptor in fs::read_dir(descriptors).into_iter().flatten().flatten() {
            match fs::metadata(descriptor.path()) {
                Ok(file) if file.is_file() && file.nlink() == 0 => self.add(&file),
                _ => {}
            }
        }
    }
}

/// Bytes that are free on the disk of `path`; `None` when it cannot be told.
pub fn free(path: &Path) -> Option<u64> {
    let disk = nix::sys::statvfs::statvfs(path).ok()?;
    Some(disk.blocks_available().saturating_mul(disk.fragment_size()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_count_by_their_blocks_and_links_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = vec![folder.path().to_owned()];
        fs::create_dir(folder.path().join("d")).expect("a folder");
        let file = folder.path().join("d/a");
        fs::write(&file, vec![1; 1 << 20]).expect("a file");
        let one = held(&root, &[], u64::MAX);
        assert!((1 << 20..(1 << 20) + (1 << 16)).contains(&one), "{one}");
        fs::hard_link(&file, folder.path().join("b")).expect("a link");
        std::os::unix::fs::symlink("/", folder.path().join("c")).expect("a link");
        let linked = held(&root, &[], u64::MAX);
        assert!(linked < one + (1 << 16), "{linked}");
        assert!(held(&root, &[], 1000) > 1000);
        assert!(free(folder.path()).expect("a disk") > 0);
    }

    #[test]
    fn deleted_files_count_while_they_are_open() {
        use std::io::Write as _;
        let mut file = tempfile::tempfile().expect("a nameless file");
        file.write_all(&vec![1; 1 << 20]).expect("written");
        let own = i32::try_from(std::process::id()).expect("a pid");
        assert!(held(&[], &[own], u64::MAX) >= 1 << 20);
    }
}
