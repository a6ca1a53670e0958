//! How is a canonical zip laid out? Headers that hold nothing but path, sizes, checksum and one of two modes.

use std::io::{self, Write};

use super::digests::Digests;
use crate::inspect::archive::{CENTRAL, END, END64, FULL32, LOCAL, LOCATOR64, Method};

/// 1 January 1980, 0:00: the earliest time that the format can say.
const DATE: u16 = 0x21;
const TIME: u16 = 0;
const PLAIN_VERSION: u16 = 20;
const WIDE_VERSION: u16 = 45;
const MADE_ON_UNIX: u16 = 3 << 8;
const FLAG_UTF8: u16 = 0x0800;
const EXTRA_ZIP64: u16 = 1;

/// One file that is about to be written; sizes and checksum are known before its bytes.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) path: &'a str,
    pub(super) executable: bool,
    pub(super) method: Method,
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) size: u64,
}

/// Writes a zip front to back. The directory is kept in memory until the end: it is bounded as the upload's is.
pub(super) struct Writer<'a> {
    out: Digests<'a>,
    directory: Vec<u8>,
    entries: u64,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: Digests<'a>) -> Self {
        Self { out, directory: Vec::new(), entries: 0 }
    }

    /// Writes the local header and notes the central one. Exactly `item.packed` bytes of data must follow.
    pub(super) fn begin(&mut self, item: Item<'_>) -> io::Result<()> {
        let offset = self.out.position();
        let wide_sizes = item.size >= FULL32.into() || item.packed >= FULL32.into();
        let name_bytes =
            u16::try_from(item.path.len()).map_err(|_| io::Error::other("a path is too long for a zip"))?;

        let mut local = Vec::with_capacity(64 + item.path.len());
        local.extend(LOCAL);
        let extra = if wide_sizes { wide_field(&[item.size, item.packed]) } else { Vec::new() };
        push_header(&mut local, &item, wide_sizes, wide_sizes, name_bytes, &extra);
        local.extend(item.path.as_bytes());
        local.extend(&extra);
        self.out.write_all(&local)?;

        let mut wide = Vec::new();
        if wide_sizes {
            wide.extend([item.size, item.packed]);
        }
        if offset >= FULL32.into() {
            wide.push(offset);
        }
        let extra = if wide.is_empty() { Vec::new() } else { wide_field(&wide) };
        let mode: u32 = if item.executable { 0o100_755 } else { 0o100_644 };
        let directory = &mut self.directory;
        directory.extend(CENTRAL);
        push_u16(directory, MADE_ON_UNIX | version(!wide.is_empty()));
        push_header(directory, &item, wide_sizes, !wide.is_empty(), name_bytes, &extra);
        // No comment, first disk, no internal attributes.
        directory.extend([0; 6]);
        push_u32(directory, mode << 16);
        push_u32(directory, narrow(offset));
        directory.extend(item.path.as_bytes());
        directory.extend(&extra);
        self.entries += 1;
        Ok(())
    }

    /// Writes packed bytes of the file begun last.
    pub(super) fn data(&mut self, packed: &[u8]) -> io::Result<()> {
        self.out.write_all(packed)
    }

    /// Writes the directory and the end records.
    pub(super) fn finish(mut self) -> io::Result<Digests<'a>> {
        let offset = self.out.position();
        let bytes = self.directory.len() as u64;
        let mut end = Vec::new();
        if self.entries >= u16::MAX.into() || offset >= FULL32.into() || bytes >= FULL32.into() {
            let end64_offset = offset + bytes;
            end.extend(END64);
            push_u64(&mut end, 44);
            push_u16(&mut end, MADE_ON_UNIX | WIDE_VERSION);
            push_u16(&mut end, WIDE_VERSION);
            end.extend([0; 8]);
            for value in [self.entries, self.entries, bytes, offset] {
                push_u64(&mut end, value);
            }
            end.extend(LOCATOR64);
            push_u32(&mut end, 0);
            push_u64(&mut end, end64_offset);
            push_u32(&mut end, 1);
        }
        let entries = u16::try_from(self.entries).unwrap_or(u16::MAX);
        end.extend(END);
        end.extend([0; 4]);
        push_u16(&mut end, entries);
        push_u16(&mut end, entries);
        push_u32(&mut end, narrow(bytes));
        push_u32(&mut end, narrow(offset));
        push_u16(&mut end, 0);
        self.out.write_all(&self.directory)?;
        self.out.write_all(&end)?;
        Ok(self.out)
    }
}

/// The fields that local and central headers share.
fn push_header(
    to: &mut Vec<u8>,
    item: &Item<'_>,
    wide_sizes: bool,
    wide: bool,
    name_bytes: u16,
    extra: &[u8],
) {
    push_u16(to, version(wide));
    push_u16(to, if item.path.is_ascii() { 0 } else { FLAG_UTF8 });
    push_u16(to, if item.method == Method::Stored { 0 } else { 8 });
    push_u16(to, TIME);
    push_u16(to, DATE);
    push_u32(to, item.crc);
    push_u32(to, if wide_sizes { FULL32 } else { narrow(item.packed) });
    push_u32(to, if wide_sizes { FULL32 } else { narrow(item.size) });
    push_u16(to, name_bytes);
    push_u16(to, u16::try_from(extra.len()).unwrap_or(u16::MAX));
}

fn version(wide: bool) -> u16 {
    if wide { WIDE_VERSION } else { PLAIN_VERSION }
}

fn wide_field(values: &[u64]) -> Vec<u8> {
    let mut field = Vec::with_capacity(4 + values.len() * 8);
    push_u16(&mut field, EXTRA_ZIP64);
    push_u16(&mut field, u16::try_from(values.len() * 8).unwrap_or(u16::MAX));
    for value in values {
        push_u64(&mut field, *value);
    }
    field
}

fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(FULL32)
}

fn push_u16(to: &mut Vec<u8>, value: u16) {
    to.extend(value.to_le_bytes());
}

fn push_u32(to: &mut Vec<u8>, value: u32) {
    to.extend(value.to_le_bytes());
}

fn push_u64(to: &mut Vec<u8>, value: u64) {
    to.extend(value.to_le_bytes());
}
