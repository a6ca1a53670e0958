//! What is in a stored package, file by file, and in which files do two packages differ? Bytes are proven as the archive's
//! reader proves every upload's, and what is kept of them is bounded by what was asked for.

use std::{collections::BTreeMap, fs::File};

use sha2::{Digest as _, Sha256};

use super::{
    InspectError,
    archive::{Archive, Entry, Reader},
};
use crate::domain::limits::PackageLimits;

/// The beginning of a file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePart {
    /// Bytes of the whole file.
    pub size: u64,
    /// Its first bytes; all of them where there are no more than were asked for.
    pub bytes: Vec<u8>,
}

/// A file that is not the same in two packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Relative to the packages.
    pub path: String,
    /// As it was; `None` where it was not there.
    pub before: Option<Side>,
    /// As it is; `None` where it is not there any more.
    pub after: Option<Side>,
    /// Both sides have the same size and checksum, and there was too much of them to look closer.
    pub is_guess: bool,
}

/// A file as one of two packages has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Its bytes.
    pub size: u64,
    /// All of it, where it is small enough and the packages do not differ in too many files.
    pub content: Option<Vec<u8>>,
}

/// How much of two packages is looked at.
#[derive(Debug, Clone, Copy)]
pub struct ComparisonBounds {
    /// Bytes of files whose sizes and checksums are the same, which are read to see whether they are.
    pub proven_bytes: u64,
    /// Bytes of one file whose content is given.
    pub file_bytes: u64,
    /// Bytes of all contents that are given.
    pub content_bytes: u64,
}

/// What the Hub stores was within its limits when it came; these may have become narrower since.
const STORED: PackageLimits = PackageLimits {
    upload_bytes: 1 << 50,
    unpacked_bytes: 1 << 50,
    entries: 1 << 20,
    depth: 1 << 16,
    path_bytes: 1 << 16,
    ratio: 1 << 20,
    source_bytes: 0,
    readme_bytes: 0,
};

/// The first bytes of a file of a stored package, at most `most`; `None` where it has no such file. Blocks.
pub fn file(package: &File, path: &str, most: u64) -> Result<Option<FilePart>, InspectError> {
    let archive = Archive::open(package, &STORED)?;
    let Some(entry) = archive.entries.iter().find(|entry| entry.path == path) else { return Ok(None) };
    let bytes = Reader::new().prefix(archive.upload, entry, most)?;
    Ok(Some(FilePart { size: entry.size, bytes }))
}

/// In which files two stored packages differ, by path. Checksums of zips can be forged, so files that have the same are read;
/// beyond the bounds the answer says that it is a guess. Blocks.
pub fn compare(before: &File, after: &File, bounds: ComparisonBounds) -> Result<Vec<Change>, InspectError> {
    let (before, after) = (Archive::open(before, &STORED)?, Archive::open(after, &STORED)?);
    let mut pairs: BTreeMap<&str, (Option<&Entry>, Option<&Entry>)> = BTreeMap::new();
    for entry in &before.entries {
        pairs.entry(&entry.path).or_default().0 = Some(entry);
    }
    for entry in &after.entries {
        pairs.entry(&entry.path).or_default().1 = Some(entry);
    }
    let mut reader = Reader::new();
    let (mut unproven, mut room) = (bounds.proven_bytes, bounds.content_bytes);
    let mut changes = Vec::new();
    for (path, (old, new)) in pairs {
        let mut is_guess = false;
        if let (Some(old), Some(new)) = (old, new)
            && (old.size, old.crc) == (new.size, new.crc)
        {
            let cost = old.size.saturating_mul(2);
            is_guess = cost > unproven;
            if !is_guess {
                unproven -= cost;
                if digest(&mut reader, &before, old)? == digest(&mut reader, &after, new)? {
                    continue;
                }
            }
        }
        let mut side = |archive: &Archive<'_>, entry: Option<&Entry>| {
            let Some(entry) = entry else { return Ok(None) };
            let fits = !is_guess && entry.size <= bounds.file_bytes && entry.size <= room;
            let content = if fits { Some(reader.prefix(archive.upload, entry, entry.size)?) } else { None };
            room -= if fits { entry.size } else { 0 };
            Ok::<_, InspectError>(Some(Side { size: entry.size, content }))
        };
        let (old, new) = (side(&before, old)?, side(&after, new)?);
        changes.push(Change { path: path.to_owned(), before: old, after: new, is_guess });
    }
    Ok(changes)
}

fn digest(reader: &mut Reader, archive: &Archive<'_>, entry: &Entry) -> Result<[u8; 32], InspectError> {
    let mut hasher = Sha256::new();
    reader.copy(archive.upload, entry, &mut |_| Ok(()), &mut |bytes| hasher.update(bytes))?;
    Ok(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    const BOUNDS: ComparisonBounds =
        ComparisonBounds { proven_bytes: 1 << 20, file_bytes: 100, content_bytes: 150 };

    fn zip(files: &[(&str, &[u8])]) -> File {
        let mut writer = ZipWriter::new(tempfile::tempfile().unwrap());
        for (path, content) in files {
            writer.start_file(*path, SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn a_file_is_read_up_to_what_was_asked_for() {
        let package = zip(&[("a.py", b"print('hello')\n"), ("b/c.txt", b"")]);
        let part = file(&package, "a.py", 5).unwrap().unwrap();
        assert_eq!((part.size, part.bytes.as_slice()), (15, b"print".as_slice()));
        assert_eq!(file(&package, "a.py", 99).unwrap().unwrap().bytes, b"print('hello')\n");
        assert_eq!(file(&package, "b/c.txt", 99).unwrap().unwrap().size, 0);
        for path in ["b", "b/", "../a.py", "/a.py", "", "A.py"] {
            assert_eq!(file(&package, path, 9).unwrap(), None, "{path}");
        }
    }

    #[test]
    fn packages_differ_in_what_was_added_removed_and_changed() {
        let before = zip(&[("same", b"x"), ("gone", b"old"), ("changed", b"one"), ("large", &[b'a'; 101])]);
        let after = zip(&[("same", b"x"), ("new", b"new"), ("changed", b"two"), ("large", &[b'b'; 101])]);
        let changes = compare(&before, &after, BOUNDS).unwrap();
        let paths: Vec<&str> = changes.iter().map(|change| change.path.as_str()).collect();
        assert_eq!(paths, ["changed", "gone", "large", "new"]);
        let side = |content: &[u8]| Some(Side { size: 3, content: Some(content.to_vec()) });
        assert_eq!((&changes[0].before, &changes[0].after), (&side(b"one"), &side(b"two")));
        assert_eq!((&changes[1].before, &changes[1].after), (&side(b"old"), &None));
        assert_eq!(changes[2].after, Some(Side { size: 101, content: None }), "too large to be given");
        assert_eq!(changes[3].after, side(b"new"));
    }

    #[test]
    fn a_forged_checksum_hides_nothing_and_what_was_not_read_is_called_a_guess() {
        // Two words with one CRC-32.
        let (one, two) = (b"plumless".as_slice(), b"buckeroo".as_slice());
        assert_eq!(crc32fast::hash(one), crc32fast::hash(two));
        let (before, after) = (zip(&[("a", one)]), zip(&[("a", two)]));
        let changes = compare(&before, &after, BOUNDS).unwrap();
        assert_eq!(changes.len(), 1);
        assert!(!changes[0].is_guess);
        let changes = compare(&before, &after, ComparisonBounds { proven_bytes: 15, ..BOUNDS }).unwrap();
        assert!(changes[0].is_guess && changes[0].after.as_ref().unwrap().content.is_none());
        assert!(compare(&before, &before, BOUNDS).unwrap().is_empty());
    }
}
