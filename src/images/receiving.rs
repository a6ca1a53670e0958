//! How do bytes of unknown digest come in? Into a staged file, hashed on the way, so that their digest is true whoever
//! claims another.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256 as Hasher};
use tempfile::NamedTempFile;

use crate::{blobs::Floor, domain::digest::Sha256};

/// Bytes after which it is looked again whether there is room for more.
const LOOK_BYTES: u64 = 1 << 20;

/// A blob that is being written. Writing blocks on the disk.
#[derive(Debug)]
pub struct Receiving {
    file: NamedTempFile,
    hasher: Hasher,
    size: u64,
    floor: Floor,
    /// The size at which to look.
    look_at: u64,
}

/// A blob whose bytes are all there, though not yet durable.
#[derive(Debug)]
pub struct Received {
    /// The bytes; gone when dropped.
    pub file: NamedTempFile,
    /// Their digest.
    pub sha256: Sha256,
    /// How many.
    pub size: u64,
}

impl Receiving {
    pub(super) fn into_file(file: NamedTempFile, floor: Floor) -> Self {
        Self { file, hasher: Hasher::new(), size: 0, floor, look_at: LOOK_BYTES }
    }

    /// Everything has been written.
    pub fn finish(self) -> Received {
        Received { file: self.file, sha256: Sha256(self.hasher.finalize().into()), size: self.size }
    }
}

impl Write for Receiving {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.size >= self.look_at {
            self.floor.check()?;
            self.look_at = self.size + LOOK_BYTES;
        }
        let written = self.file.as_file().write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file().flush()
    }
}
