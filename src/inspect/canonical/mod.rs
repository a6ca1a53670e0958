//! What does the Hub store and serve? A zip that it wrote itself: sorted paths, fixed times, plain modes, no extras.
//!
//! Packed bytes of untouched files are copied as they are while they are unpacked once for proof, so a large package
//! costs one pass and constant memory.

mod digests;
mod md5_pair;
mod writer;

use std::fs::File;

use flate2::{Compress, Compression, FlushCompress, Status};
use sha2::{Digest, Sha256 as Hasher};

use self::{
    digests::{Digests, Sums},
    writer::{Item, Writer},
};
use super::{
    InspectError,
    archive::{Method, Reader},
    folder::{Content, Folder},
};
use crate::{
    domain::{
        digest::{Md5, Sha256},
        package::CanonicalZip,
    },
    inspect::hash::ContentHash,
};

/// Writes the folder's files into `target`, which is empty. Every untouched file is proven on the way; after an
/// error the target holds a torn zip that must be thrown away. Gives the MD5 of the upload as well, which costs nothing
/// beside that of the zip.
pub(super) fn write(folder: &Folder<'_>, target: &File) -> Result<(CanonicalZip, Md5), InspectError> {
    let mut writer = Writer::new(Digests::start(folder.upload().file(), target)?);
    let mut reader = Reader::new();
    let mut content = ContentHash::new();
    for (path, file) in folder.files() {
        let mut hasher = Hasher::new();
        let executable = file.executable();
        let size = match file {
            Content::Packed(entry) => {
                writer.begin(Item {
                    path,
                    executable,
                    method: entry.method,
                    crc: entry.crc,
                    packed: entry.packed,
                    size: entry.size,
                })?;
                reader.copy(folder.upload(), entry, &mut |packed| writer.data(packed), &mut |bytes| {
                    hasher.update(bytes);
                })?;
                entry.size
            }
            Content::Written { bytes, .. } => {
                let packed = deflate(bytes)?;
                writer.begin(Item {
                    path,
                    executable,
                    method: Method::Deflated,
                    crc: crc32fast::hash(bytes),
                    packed: packed.len() as u64,
                    size: bytes.len() as u64,
                })?;
                writer.data(&packed)?;
                hasher.update(bytes);
                bytes.len() as u64
            }
        };
        content.file(path, executable, size, &Sha256(hasher.finalize().into()));
    }
    let Sums { size, sha256, md5, upload_md5 } = writer.finish()?.finish()?;
    Ok((CanonicalZip { size, sha256, md5, content: content.finish() }, upload_md5))
}

/// A raw deflate stream of a file that the Hub wrote; such files are small.
fn deflate(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut compress = Compress::new(Compression::default(), false);
    let mut packed = Vec::with_capacity(bytes.len() / 2 + 64);
    loop {
        packed.reserve(1024);
        let taken = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        let rest = bytes.get(taken..).unwrap_or_default();
        let status =
            compress.compress_vec(rest, &mut packed, FlushCompress::Finish).map_err(std::io::Error::other)?;
        if status == Status::StreamEnd {
            return Ok(packed);
        }
    }
}
