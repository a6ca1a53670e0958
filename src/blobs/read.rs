//! How are a file's bytes streamed? In large pieces, each read in one step off the runtime's threads, and never past the
//! end that was promised.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    ops::Range,
    path::PathBuf,
};

use bytes::Bytes;
use futures_util::stream;

use super::ByteStream;

/// Bytes of one piece. Smaller ones cost more changes of thread, larger ones leave the processor's cache before they
/// are sent.
const PIECE_BYTES: u64 = 256 << 10;

/// The bytes of a file, or a range of them. A file that turns out to be shorter ends the stream with an error: its
/// length may have been told already.
pub(super) async fn stream(path: PathBuf, range: Option<Range<u64>>) -> io::Result<ByteStream> {
    let (file, left) = off_the_runtime(move || open(&path, range)).await?;
    Ok(Box::pin(stream::try_unfold((file, left), |(file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let (piece, file) = off_the_runtime(move || Ok((read(&file, left.min(PIECE_BYTES))?, file))).await?;
        let left = left - piece.len() as u64;
        Ok(Some((piece, (file, left))))
    })))
}

fn open(path: &PathBuf, range: Option<Range<u64>>) -> io::Result<(File, u64)> {
    let mut file = File::open(path)?;
    let Some(range) = range else {
        let bytes = file.metadata()?.len();
        return Ok((file, bytes));
    };
    file.seek(SeekFrom::Start(range.start))?;
    Ok((file, range.end.saturating_sub(range.start)))
}

fn read(file: &File, count: u64) -> io::Result<Bytes> {
    let mut piece = Vec::with_capacity(usize::try_from(count).map_err(io::Error::other)?);
    file.take(count).read_to_end(&mut piece)?;
    if (piece.len() as u64) < count {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "an object is shorter than it was"));
    }
    Ok(piece.into())
}

async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
