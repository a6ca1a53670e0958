//! How do bytes reach the file and its digests at once? MD5 is the slowest step, so each digest has a thread of its own;
//! and the disk works on what is written while the rest is still being hashed.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{Builder, JoinHandle},
};

use sha2::{Digest, Sha256 as Sha256Hasher};

use super::md5_pair::Md5Pair;
use crate::domain::digest::{Md5, Sha256};

/// Bytes that travel to the hashing threads at once.
const CHUNK: usize = 128 << 10;
/// Chunks that may wait for each thread; more would only be memory.
const CHUNKS: usize = 4;
/// After how many chunks the disk is asked to write them. Without it, all of a large package is waited for in the end.
const CHUNKS_PER_SYNC: u64 = 64;

/// Length and digests of what was written, and the MD5 of the upload that it was made from.
pub(super) struct Sums {
    pub(super) size: u64,
    pub(super) sha256: Sha256,
    pub(super) md5: Md5,
    pub(super) upload_md5: Md5,
}

/// A writer to a file that hashes what passes. Dropped unfinished, its threads end by themselves.
pub(super) struct Digests<'a> {
    file: &'a File,
    chunk: Vec<u8>,
    size: u64,
    shipped: u64,
    full: SyncSender<Vec<u8>>,
    spare: Receiver<Vec<u8>>,
    md5: JoinHandle<io::Result<[Md5; 2]>>,
    sha256: JoinHandle<Sha256>,
    early: Option<EarlySync>,
}

impl<'a> Digests<'a> {
    /// Hashes what will be written to `file`, and beside it all of `upload`.
    pub(super) fn start(upload: &File, file: &'a File) -> io::Result<Self> {
        let upload = upload.try_clone()?;
        let (full, chunks) = sync_channel(CHUNKS);
        let (forward, seen) = sync_channel(CHUNKS);
        let (back, spare) = sync_channel(2 * CHUNKS + 2);
        let md5 = Builder::new().name("package-md5".into()).spawn(move || md5s(&upload, chunks, &forward))?;
        let sha256 = Builder::new().name("package-sha256".into()).spawn(move || sha256(seen, &back))?;
        Ok(Self {
            file,
            chunk: Vec::with_capacity(CHUNK),
            size: 0,
            shipped: 0,
            full,
            spare,
            md5,
            sha256,
            early: None,
        })
    }

    /// Bytes written so far.
    pub(super) fn position(&self) -> u64 {
        self.size
    }

    /// Writes what is left and gives the digests.
    pub(super) fn finish(mut self) -> io::Result<Sums> {
        self.ship()?;
        drop(self.full);
        let [upload_md5, md5] = self.md5.join().map_err(|_| hashing_died())??;
        let sha256 = self.sha256.join().map_err(|_| hashing_died())?;
        if let Some(early) = self.early {
            early.finish()?;
        }
        Ok(Sums { size: self.size, sha256, md5, upload_md5 })
    }

    fn ship(&mut self) -> io::Result<()> {
        self.file.write_all(&self.chunk)?;
        let empty = self.spare.try_recv().unwrap_or_else(|_| Vec::with_capacity(CHUNK));
        self.full.send(std::mem::replace(&mut self.chunk, empty)).map_err(|_| hashing_died())?;
        self.shipped += 1;
        if self.shipped.is_multiple_of(CHUNKS_PER_SYNC) {
            match &self.early {
                Some(early) => early.sync(),
                None => self.early = Some(EarlySync::start(self.file)?),
            }
        }
        Ok(())
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

/// The MD5s of the upload, read in step with the chunks, and of the chunks, which travel on.
fn md5s(upload: &File, chunks: Receiver<Vec<u8>>, forward: &SyncSender<Vec<u8>>) -> io::Result<[Md5; 2]> {
    let mut pair = Md5Pair::new();
    let mut read = vec![0; CHUNK];
    let mut offset = 0;
    for chunk in chunks {
        let count = upload.read_at(&mut read, offset)?;
        offset += count as u64;
        pair.update(read.get(..count).unwrap_or_default(), &chunk);
        // The next thread lives until this one lets go of it.
        let _gone = forward.send(chunk);
    }
    loop {
        let count = upload.read_at(&mut read, offset)?;
        if count == 0 {
            return Ok(pair.finish());
        }
        offset += count as u64;
        pair.update(read.get(..count).unwrap_or_default(), &[]);
    }
}

fn sha256(chunks: Receiver<Vec<u8>>, back: &SyncSender<Vec<u8>>) -> Sha256 {
    let mut hasher = Sha256Hasher::new();
    for mut chunk in chunks {
        hasher.update(&chunk);
        chunk.clear();
        // Nobody takes spares any more once the last chunk is under way.
        let _unneeded = back.try_send(chunk);
    }
    Sha256(hasher.finalize().into())
}

fn hashing_died() -> io::Error {
    io::Error::other("a thread that hashes a package has died")
}

/// A thread that waits for the disk while others work. It makes nothing durable that the last sync would not.
struct EarlySync {
    due: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl EarlySync {
    /// Syncs once, and then whenever it is told to.
    fn start(file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        let (due, wanted) = sync_channel(1);
        let work = move || {
            file.sync_data()?;
            wanted.iter().try_for_each(|()| file.sync_data())
        };
        Ok(Self { due, thread: Builder::new().name("package-sync".into()).spawn(work)? })
    }

    fn sync(&self) {
        // One that waits already will cover these bytes as well; one that failed says so in the end.
        let _is_due = self.due.try_send(());
    }

    /// A failed sync is told once and then forgotten by the system: whoever saw it must not lose it.
    fn finish(self) -> io::Result<()> {
        drop(self.due);
        self.thread.join().map_err(|_| hashing_died())?
    }
}
