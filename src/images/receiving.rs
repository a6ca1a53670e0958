//! How do bytes of unknown digest come in? Into a staged file, hashed on the way, so that their digest is true whoever
//! claims another.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256 as Hasher};
use tempfile::NamedTempFile;

use crate::domain::digest::Sha256;

/// A blob that is being written. Writing blocks on the disk.
#[derive(Debug)]
pub struct Receiving {
    file: NamedTempFile,
    hasher: Hasher,
    size: u64,
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
    pub(super) fn into_file(file: NamedTempFile) -> Self {
        Self { file, hasher: Hasher::new(), size: 0 }
    }

    /// Everything has been written.
    pub fn finish(self) -> Received {
        Received { file: self.file, sha256: Sha256(self.hasher.finalize().into()), size: self.size }
    }
}

impl Write for Receiving {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.as_file().write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file().flush()
    }
}
