//! How are a file's bytes streamed? In large pieces, each read in one turn off the runtime's threads into memory that was
//! used before, and never past the end that was promised.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    ops::Range,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::stream;
use tokio::task::JoinHandle;

use super::ByteStream;

/// Bytes of one piece: each costs a change of thread and back.
const PIECE_BYTES: usize = 512 << 10;
/// Buffers that are kept for later pieces. Getting such memory from the system each time costs about as much as reading
/// into it.
const KEPT_BUFFERS: usize = 16;

/// A piece of a file, and what is left of it.
type Read = (Bytes, (File, u64));

/// Reads files; its clones share their buffers.
#[derive(Debug, Clone, Default)]
pub(super) struct FileReader {
    buffers: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl FileReader {
    /// The bytes of a file, or a range of them. A file that turns out to be shorter ends the stream with an error: its
    /// length may have been told already. The first piece is read at once, in the turn that opens the file.
    pub(super) async fn stream(&self, path: PathBuf, range: Option<Range<u64>>) -> io::Result<ByteStream> {
        let reader = self.clone();
        let begun = off_the_runtime(move || {
            let (file, bytes) = open(&path, range)?;
            reader.read(file, bytes)
        });
        let (first, rest) = begun.await?;
        let reader = self.clone();
        // While a piece is on its way to the network, the next one is read.
        let next = reader.read_on(rest);
        Ok(Box::pin(stream::try_unfold((Some(first), next), move |(ready, next)| {
            let reader = reader.clone();
            async move {
                if let Some(piece) = ready.filter(|piece| !piece.is_empty()) {
                    return Ok(Some((piece, (None, next))));
                }
                let Some(next) = next else { return Ok(None) };
                let (piece, rest) = next.await.map_err(io::Error::other)??;
                Ok(Some((piece, (None, reader.read_on(rest)))))
            }
        })))
    }

    /// Begins to read the next piece; `None` when nothing is left.
    fn read_on(&self, (file, left): (File, u64)) -> Option<JoinHandle<io::Result<Read>>> {
        let reader = self.clone();
        (left > 0).then(|| tokio::task::spawn_blocking(move || reader.read(file, left)))
    }

    /// The next piece of the `left` bytes that are wanted, and what is left then.
    fn read(&self, file: File, left: u64) -> io::Result<Read> {
        let count = left.min(PIECE_BYTES as u64);
        if count == 0 {
            return Ok((Bytes::new(), (file, 0)));
        }
        let kept = self.buffers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let buffer = kept.unwrap_or_else(|| vec![0; PIECE_BYTES]);
        let length = usize::try_from(count).map_or(PIECE_BYTES, |count| count.min(PIECE_BYTES));
        let mut piece = Piece { buffer, length, reader: self.clone() };
        (&file).read_exact(piece.buffer.get_mut(..length).unwrap_or_default())?;
        Ok((Bytes::from_owner(piece), (file, left - count)))
    }
}

/// A piece on its way. Its memory comes back when the last reference is gone.
struct Piece {
    buffer: Vec<u8>,
    length: usize,
    reader: FileReader,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let mut kept = self.reader.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_BUFFERS {
            kept.push(std::mem::take(&mut self.buffer));
        }
    }
}

fn open(path: &PathBuf, range: Option<Range<u64>>) -> io::Result<(File, u64)> {
    let mut file = File::open(path)?;
    let Some(range) = range else {
        let bytes = file.metadata()?.len();
        return Ok((file, bytes));
    };
    if range.start > 0 {
        file.seek(SeekFrom::Start(range.start))?;
    }
    Ok((file, range.end.saturating_sub(range.start)))
}

async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;

    #[tokio::test]
    async fn any_range_of_a_file_comes_whole_and_buffers_are_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("object");
        let bytes: Vec<u8> = (0..PIECE_BYTES * 2 + 77).map(|at| u8::try_from(at % 251).unwrap()).collect();
        std::fs::write(&path, &bytes).unwrap();
        let reader = FileReader::default();
        let read = async |range| {
            let pieces: Vec<Bytes> =
                reader.stream(path.clone(), range).await.unwrap().try_collect().await.unwrap();
            pieces.concat()
        };
        assert_eq!(read(None).await, bytes);
        assert!(read(Some(0..0)).await.is_empty());
        let (start, end) = (PIECE_BYTES - 3, PIECE_BYTES * 2 + 5);
        assert_eq!(read(Some(start as u64..end as u64)).await, bytes[start..end]);
        assert_eq!(read(None).await, bytes, "with used buffers");
        assert!(!reader.buffers.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_file_that_is_shorter_than_promised_ends_in_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("object");
        std::fs::write(&path, vec![1; PIECE_BYTES + 10]).unwrap();
        let end = PIECE_BYTES as u64 + 11;
        let stream = FileReader::default().stream(path, Some(0..end)).await.unwrap();
        let read: Result<Vec<Bytes>, io::Error> = stream.try_collect().await;
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
