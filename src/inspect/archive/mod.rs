//! Which files does this zip hold? One answer for every reader: what two readers could see differently is refused.
//!
//! Local entries must fill the file from its first byte to the central directory without gap or overlap, and the
//! directory must end where the end record starts. So there is no room for a second directory, hidden data, or a bomb
//! whose entries share bytes.

mod content;
mod directory;
mod name;
mod records;

use std::{fs::File, io, os::unix::fs::FileExt};

pub(super) use content::Reader;
pub(super) use name::folded;
pub(super) use records::{CENTRAL, END, END64, FULL32, LOCAL, LOCATOR64};

use super::{InspectError, refusal::Refusal};
use crate::domain::limits::PackageLimits;

/// How an entry's bytes are packed; the Hub takes no third way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// As they are.
    Stored,
    /// A raw deflate stream.
    Deflated,
}

/// One checked file of an archive.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Checked path in the package.
    pub(super) path: String,
    /// Whether any execute bit was set.
    pub(super) executable: bool,
    /// How it is packed.
    pub(super) method: Method,
    /// Declared CRC-32, proven when the content is read.
    pub(super) crc: u32,
    /// Packed bytes.
    pub(super) packed: u64,
    /// Declared unpacked bytes, proven when the content is read.
    pub(super) size: u64,
    /// Where the packed bytes start in the upload.
    pub(super) start: u64,
}

/// An upload, read at positions so that nobody shares its cursor.
#[derive(Clone, Copy)]
pub(super) struct Upload<'a> {
    file: &'a File,
    /// Bytes of the file when it was opened.
    pub(super) bytes: u64,
}

impl<'a> Upload<'a> {
    /// The file itself; its cursor is nobody's.
    pub(super) fn file(&self) -> &'a File {
        self.file
    }

    fn read_into(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    /// Reads `count` bytes, or `None` where the file has no such range.
    fn read(&self, offset: u64, count: u64) -> io::Result<Option<Vec<u8>>> {
        if offset.checked_add(count).is_none_or(|end| end > self.bytes) {
            return Ok(None);
        }
        let Ok(count) = usize::try_from(count) else { return Ok(None) };
        let mut buffer = vec![0; count];
        self.read_into(offset, &mut buffer)?;
        Ok(Some(buffer))
    }
}

/// A zip whose structure has been checked; its contents are checked when read.
pub(super) struct Archive<'a> {
    /// Where the bytes are.
    pub(super) upload: Upload<'a>,
    /// Files in the order of the directory; folders are checked and dropped.
    pub(super) entries: Vec<Entry>,
}

impl<'a> Archive<'a> {
    /// Reads and checks the whole structure. Memory is bounded by the directory's, which has a limit of its own.
    pub(super) fn open(file: &'a File, limits: &PackageLimits) -> Result<Self, InspectError> {
        let upload = Upload { file, bytes: file.metadata()?.len() };
        if upload.bytes > limits.upload_bytes {
            return Err(Refusal::too_large(
                "archive_too_large",
                format!("The package has {} bytes; at most {} are taken.", upload.bytes, limits.upload_bytes),
            )
            .into());
        }
        let entries = directory::read(upload, limits)?;
        Ok(Self { upload, entries })
    }
}
