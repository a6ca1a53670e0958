//! Which bytes does a backup need? A list in the order of keys, read and written a batch at a time.

use std::path::PathBuf;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};

use super::{
    BackupError,
    lines::{self, Written},
};
use crate::{
    blobs::BlobKey,
    check::key_of,
    store::{Connection, needed_bytes},
};

/// Longer than any line of such a list.
const LONGEST: u64 = 256;
/// Digests that are asked for at once.
const PAGE: i64 = 1000;

/// Bytes that are needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needed {
    pub(super) key: BlobKey,
    pub(super) size: u64,
}

/// Writes the list of what the rows that `connection` sees need; tells its lines and the bytes of all.
pub(super) async fn write(path: PathBuf, connection: &mut Connection) -> Result<(Written, u64), BackupError> {
    let mut bytes = 0;
    let begin = (connection, 0, Vec::new());
    let pages = stream::try_unfold(begin, async |(connection, mut place, mut after)| {
        while let Some(purpose) = needed_bytes::PURPOSES.get(place).copied() {
            let page = needed_bytes::page(&mut *connection, purpose, &after, PAGE).await?;
            if let Some((last, _)) = page.last() {
                after = last.as_bytes().to_vec();
                return Ok::<_, BackupError>(Some(((purpose, page), (connection, place, after))));
            }
            (place, after) = (place + 1, Vec::new());
        }
        Ok(None)
    });
    let texts = pages.map_ok(|(purpose, page)| {
        let mut text = String::new();
        for (sha256, size) in page {
            bytes += size;
            text += &key_of(purpose, sha256).to_string();
            text += " ";
            text += &size.to_string();
            text += "\n";
        }
        Bytes::from(text)
    });
    let written = lines::write(path, Box::pin(texts)).await?;
    Ok((written, bytes))
}

/// Reads such a list.
pub(super) fn read(path: PathBuf) -> impl Stream<Item = Result<Vec<Needed>, BackupError>> + Unpin {
    lines::read_lines(path, LONGEST).map(|batch| batch?.iter().map(|line| parse(line)).collect())
}

fn parse(line: &str) -> Result<Needed, BackupError> {
    let parsed = line.split_once(' ').and_then(|(key, size)| {
        let (key, size) = (BlobKey::read(key)?, size.parse().ok()?);
        Some(Needed { key, size })
    });
    parsed.ok_or_else(|| BackupError::Damaged("objects.gz holds a line that names no object".into()))
}
