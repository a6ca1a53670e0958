//! What are the bytes of one entry, and are they what the directory declares? Memory is constant; nothing is trusted.

use std::io;

use crc32fast::Hasher as Crc;
use flate2::{Decompress, FlushDecompress, Status};

use super::{Entry, Method, Upload};
use crate::inspect::{
    InspectError,
    refusal::{Refusal, quoted},
};

/// Bytes that are read, or unpacked, in one step.
const STEP: usize = 128 << 10;

/// Unpacks entries one after the other, through buffers that it keeps.
pub(in crate::inspect) struct Reader {
    packed: Vec<u8>,
    unpacked: Vec<u8>,
    inflater: Decompress,
}

impl Reader {
    pub(in crate::inspect) fn new() -> Self {
        Self { packed: vec![0; STEP], unpacked: vec![0; STEP], inflater: Decompress::new(false) }
    }

    /// The first bytes of an entry, at most `limit`. Size and checksum are proven only if all of it was read.
    pub(in crate::inspect) fn prefix(
        &mut self,
        upload: Upload<'_>,
        entry: &Entry,
        limit: u64,
    ) -> Result<Vec<u8>, InspectError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        self.walk(upload, entry, &mut |_| Ok(()), &mut |chunk| {
            let room = limit - bytes.len();
            bytes.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
            if chunk.len() <= room { Walk::On } else { Walk::Stop }
        })?;
        Ok(bytes)
    }

    /// Gives the packed bytes to `packed` and the unpacked ones to `unpacked`, and proves CRC and both sizes.
    /// What was given before an error must be thrown away.
    pub(in crate::inspect) fn copy(
        &mut self,
        upload: Upload<'_>,
        entry: &Entry,
        packed: &mut dyn FnMut(&[u8]) -> io::Result<()>,
        unpacked: &mut dyn FnMut(&[u8]),
    ) -> Result<(), InspectError> {
        self.walk(upload, entry, packed, &mut |chunk| {
            unpacked(chunk);
            Walk::On
        })
    }

    fn walk(
        &mut self,
        upload: Upload<'_>,
        entry: &Entry,
        on_packed: &mut dyn FnMut(&[u8]) -> io::Result<()>,
        on_unpacked: &mut dyn FnMut(&[u8]) -> Walk,
    ) -> Result<(), InspectError> {
        self.inflater.reset(false);
        let mut proof = Proof { crc: Crc::new(), size: 0, ended: entry.method == Method::Stored };
        let mut offset = entry.start;
        let mut left = entry.packed;
        while left > 0 {
            let count = usize::try_from(left).map_or(STEP, |left| left.min(STEP));
            let Some(chunk) = self.packed.get_mut(..count) else { break };
            upload.read_into(offset, chunk)?;
            on_packed(chunk)?;
            offset += count as u64;
            left -= count as u64;
            let walk = match entry.method {
                Method::Stored => proof.take(entry, chunk, on_unpacked)?,
                Method::Deflated => {
                    inflate(&mut self.inflater, chunk, &mut self.unpacked, &mut proof, entry, on_unpacked)?
                }
            };
            if walk == Walk::Stop {
                return Ok(());
            }
        }
        proof.conclude(entry)
    }
}

#[derive(PartialEq, Eq)]
enum Walk {
    On,
    Stop,
}

/// What has been seen of an entry so far.
struct Proof {
    crc: Crc,
    size: u64,
    ended: bool,
}

impl Proof {
    fn take(
        &mut self,
        entry: &Entry,
        chunk: &[u8],
        on_unpacked: &mut dyn FnMut(&[u8]) -> Walk,
    ) -> Result<Walk, Refusal> {
        self.size += chunk.len() as u64;
        if self.size > entry.size {
            return Err(damaged(entry, "archive_size_mismatch", "unpacks to more than it declares"));
        }
        self.crc.update(chunk);
        Ok(on_unpacked(chunk))
    }

    fn conclude(&self, entry: &Entry) -> Result<(), InspectError> {
        if !self.ended {
            return Err(damaged(entry, "archive_stream_cut", "ends before its data does").into());
        }
        if self.size != entry.size {
            return Err(damaged(entry, "archive_size_mismatch", "unpacks to less than it declares").into());
        }
        if self.crc.clone().finalize() != entry.crc {
            return Err(damaged(entry, "archive_crc", "does not match its checksum").into());
        }
        Ok(())
    }
}

fn inflate(
    inflater: &mut Decompress,
    mut packed: &[u8],
    buffer: &mut [u8],
    proof: &mut Proof,
    entry: &Entry,
    on_unpacked: &mut dyn FnMut(&[u8]) -> Walk,
) -> Result<Walk, Refusal> {
    loop {
        if proof.ended {
            return if packed.is_empty() {
                Ok(Walk::On)
            } else {
                Err(damaged(entry, "archive_stream_long", "goes on after its data has ended"))
            };
        }
        let (before_in, before_out) = (inflater.total_in(), inflater.total_out());
        let status = inflater
            .decompress(packed, buffer, FlushDecompress::None)
            .map_err(|_| damaged(entry, "archive_deflate", "is not a deflate stream"))?;
        let taken = usize::try_from(inflater.total_in() - before_in).unwrap_or(usize::MAX);
        let given = usize::try_from(inflater.total_out() - before_out).unwrap_or(usize::MAX);
        packed = packed.get(taken..).unwrap_or_default();
        proof.ended = status == Status::StreamEnd;
        let chunk = buffer.get(..given).unwrap_or_default();
        if !chunk.is_empty() && proof.take(entry, chunk, on_unpacked)? == Walk::Stop {
            return Ok(Walk::Stop);
        }
        if packed.is_empty() && given < buffer.len() && !proof.ended {
            return Ok(Walk::On);
        }
        if taken == 0 && given == 0 && !proof.ended {
            return Err(damaged(entry, "archive_deflate", "is not a deflate stream"));
        }
    }
}

fn damaged(entry: &Entry, code: &'static str, why: &str) -> Refusal {
    Refusal::archive(code, format!("The entry {} {why}.", quoted(&entry.path)))
}
