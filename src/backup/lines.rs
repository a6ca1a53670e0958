//! How are a million lines written and read in little memory? In pieces, compressed and hashed off the runtime's threads, with
//! a short queue between.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use bytes::{Bytes, BytesMut};
use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use futures_util::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256 as Hasher};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{BackupError, folder::private_file};
use crate::domain::digest::Sha256;

/// What goes through the queue at once.
const PIECE_BYTES: usize = 64 << 10;
const QUEUE: usize = 8;

/// What was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    pub(super) lines: u64,
    pub(super) sha256: Sha256,
}

/// Writes pieces of lines into a new file, compressed; durable when this returns.
pub(super) async fn write<E>(
    path: PathBuf,
    mut pieces: impl Stream<Item = Result<Bytes, E>> + Unpin,
) -> Result<Written, BackupError>
where
    BackupError: From<E>,
{
    let (queue, mut queued) = mpsc::channel::<Bytes>(QUEUE);
    let writing = tokio::task::spawn_blocking(move || -> io::Result<Written> {
        let file = Hashing { inner: BufWriter::new(private_file(&path)?), hasher: Hasher::new() };
        let mut packed = GzEncoder::new(file, Compression::fast());
        let mut lines = 0;
        while let Some(piece) = queued.blocking_recv() {
            lines += count_lines(&piece);
            packed.write_all(&piece)?;
        }
        let mut file = packed.finish()?;
        file.inner.flush()?;
        file.inner.get_ref().sync_all()?;
        Ok(Written { lines, sha256: Sha256(file.hasher.finalize().into()) })
    });
    let mut gathered = BytesMut::with_capacity(PIECE_BYTES);
    let mut failed = None;
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => gathered.extend_from_slice(&piece),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
        // A writer that failed says why itself.
        if gathered.len() >= PIECE_BYTES && queue.send(gathered.split().freeze()).await.is_err() {
            break;
        }
    }
    let _ = queue.send(gathered.freeze()).await;
    drop(queue);
    let written = writing.await.map_err(BackupError::from_join)??;
    match failed {
        None => Ok(written),
        Some(error) => Err(error.into()),
    }
}

/// Reads such a file in pieces, not necessarily of whole lines.
pub(super) fn read(path: PathBuf) -> ReceiverStream<Result<Bytes, BackupError>> {
    let (queue, queued) = mpsc::channel(QUEUE);
    tokio::task::spawn_blocking(move || {
        let pieces = || -> io::Result<()> {
            let mut unpacked = open(&path)?;
            loop {
                let mut piece = vec![0; PIECE_BYTES];
                let length = unpacked.read(&mut piece)?;
                piece.truncate(length);
                if length == 0 || queue.blocking_send(Ok(piece.into())).is_err() {
                    return Ok(());
                }
            }
        };
        if let Err(error) = pieces() {
            let _ = queue.blocking_send(Err(error.into()));
        }
    });
    ReceiverStream::new(queued)
}

/// Reads the lines of such a file, a batch at a time; a line that is longer than `longest` is an error.
pub(super) fn read_lines(path: PathBuf, longest: u64) -> ReceiverStream<Result<Vec<String>, BackupError>> {
    const BATCH: usize = 500;
    let (queue, queued) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        let batches = || -> io::Result<()> {
            let mut unpacked = BufReader::new(open(&path)?);
            let mut batch = Vec::with_capacity(BATCH);
            loop {
                let mut line = String::new();
                let length = unpacked.by_ref().take(longest).read_line(&mut line)?;
                if length == 0 {
                    break;
                }
                if line.pop() != Some('\n') {
                    return Err(io::Error::other("a line without an end"));
                }
                batch.push(line);
                if batch.len() == BATCH && queue.blocking_send(Ok(std::mem::take(&mut batch))).is_err() {
                    return Ok(());
                }
            }
            let _ = queue.blocking_send(Ok(batch));
            Ok(())
        };
        if let Err(error) = batches() {
            let _ = queue.blocking_send(Err(error.into()));
        }
    });
    ReceiverStream::new(queued)
}

/// What a file holds; an error when it cannot be unpacked. Blocks on the disk.
pub(super) fn measure(path: &Path) -> io::Result<Written> {
    let mut packed = File::open(path)?;
    let mut hasher = Hasher::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let length = packed.read(&mut piece)?;
        if length == 0 {
            break;
        }
        hasher.update(piece.get(..length).unwrap_or_default());
    }
    let mut unpacked = open(path)?;
    let mut lines = 0;
    loop {
        let length = unpacked.read(&mut piece)?;
        if length == 0 {
            break;
        }
        lines += count_lines(piece.get(..length).unwrap_or_default());
    }
    Ok(Written { lines, sha256: Sha256(hasher.finalize().into()) })
}

fn open(path: &Path) -> io::Result<GzDecoder<BufReader<File>>> {
    Ok(GzDecoder::new(BufReader::new(File::open(path)?)))
}

#[expect(clippy::naive_bytecount, reason = "the file's compression takes a hundred times as long")]
fn count_lines(piece: &[u8]) -> u64 {
    piece.iter().filter(|byte| **byte == b'\n').count() as u64
}

struct Hashing<W> {
    inner: W,
    hasher: Hasher,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
