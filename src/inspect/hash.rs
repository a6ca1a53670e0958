//! Do two packages hold the same files? Their content hashes say so, whatever tool packed them, and when.

use std::{fs::File, io, os::unix::fs::FileExt};

use sha2::{Digest, Sha256 as Hasher};

use crate::domain::digest::{Md5, Sha256};

/// Bytes that are read at once.
const STEP: usize = 128 << 10;

/// The MD5 of an upload that was not inspected to its end. Blocks on the disk.
pub fn md5_of(upload: &File) -> io::Result<Md5> {
    let mut hasher = md5::Md5::new();
    let mut step = vec![0; STEP];
    let mut offset = 0;
    loop {
        let count = upload.read_at(&mut step, offset)?;
        if count == 0 {
            return Ok(Md5(hasher.finalize().into()));
        }
        hasher.update(step.get(..count).unwrap_or_default());
        offset += count as u64;
    }
}

/// SHA-256 over path, mode, size and digest of each file, in the order of paths. No part can be mistaken for another:
/// paths hold no NUL, and all else has a fixed length.
pub(super) struct ContentHash(Hasher);

impl ContentHash {
    pub(super) fn new() -> Self {
        let mut hasher = Hasher::new();
        hasher.update(b"executor-hub package 1\n");
        Self(hasher)
    }

    /// Adds the next file; the caller keeps the order.
    pub(super) fn file(&mut self, path: &str, executable: bool, size: u64, digest: &Sha256) {
        self.0.update(path.as_bytes());
        self.0.update([0, u8::from(executable)]);
        self.0.update(size.to_be_bytes());
        self.0.update(digest.as_bytes());
    }

    pub(super) fn finish(self) -> Sha256 {
        Sha256(self.0.finalize().into())
    }
}
