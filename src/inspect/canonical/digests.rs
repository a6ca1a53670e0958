//! How do bytes reach the file and its digests at once? MD5 is the slowest step, so hashing has a thread of its own.

use std::{
    fs::File,
    io::{self, Write},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{Builder, JoinHandle},
};

use md5::{Digest, Md5 as Md5Hasher};
use sha2::Sha256 as Sha256Hasher;

use crate::domain::digest::{Md5, Sha256};

/// Bytes that travel to the hashing thread at once.
const CHUNK: usize = 128 << 10;
/// Chunks that may be under way; more would only be memory.
const CHUNKS: usize = 4;

/// Length and digests of what was written.
pub(super) struct Sums {
    pub(super) size: u64,
    pub(super) sha256: Sha256,
    pub(super) md5: Md5,
}

/// A writer to a file that hashes what passes. Dropped unfinished, its thread ends by itself.
pub(super) struct Digests<'a> {
    file: &'a File,
    chunk: Vec<u8>,
    size: u64,
    full: SyncSender<Vec<u8>>,
    spare: Receiver<Vec<u8>>,
    hashing: JoinHandle<(Sha256, Md5)>,
}

impl<'a> Digests<'a> {
    pub(super) fn start(file: &'a File) -> io::Result<Self> {
        let (full, chunks) = sync_channel::<Vec<u8>>(CHUNKS);
        let (back, spare) = sync_channel(CHUNKS + 1);
        let hashing = Builder::new().name("package-digests".into()).spawn(move || {
            let (mut sha256, mut md5) = (Sha256Hasher::new(), Md5Hasher::new());
            for mut chunk in chunks {
                md5.update(&chunk);
                sha256.update(&chunk);
                chunk.clear();
                // Nobody takes spares any more once the last chunk is under way.
                let _unneeded = back.try_send(chunk);
            }
            (Sha256(sha256.finalize().into()), Md5(md5.finalize().into()))
        })?;
        Ok(Self { file, chunk: Vec::with_capacity(CHUNK), size: 0, full, spare, hashing })
    }

    /// Bytes written so far.
    pub(super) fn position(&self) -> u64 {
        self.size
    }

    /// Writes what is left and gives the digests.
    pub(super) fn finish(mut self) -> io::Result<Sums> {
        self.ship()?;
        drop(self.full);
        let (sha256, md5) = self.hashing.join().map_err(|_| hashing_died())?;
        Ok(Sums { size: self.size, sha256, md5 })
    }

    fn ship(&mut self) -> io::Result<()> {
        self.file.write_all(&self.chunk)?;
        let empty = self.spare.try_recv().unwrap_or_else(|_| Vec::with_capacity(CHUNK));
        self.full.send(std::mem::replace(&mut self.chunk, empty)).map_err(|_| hashing_died())
    }
}

impl Write for Digests<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(bytes.get(..count).unwrap_or_default());
        self.size += count as u64;
        if self.chunk.len() >= CHUNK {
            self.ship()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.ship()
    }
}

fn hashing_died() -> io::Error {
    io::Error::other("the thread that hashes a package has died")
}
