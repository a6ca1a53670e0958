//! How does a layer become what the registry keeps? It is unpacked already and passes by once: hashed, shown to whoever
//! watches, and spooled to disk; then packed with gzip, unless the registry has it. Memory stays the same whatever the size.
//!
//! Gzip, and not zstd: Docker 20.10 cannot read zstd layers. The same tar always becomes the same bytes, because library and
//! level are pinned and no time is written, so that a layer has one digest however often it is built.

use std::{
    fs::File,
    io::{self, BufWriter, IntoInnerError, Read, Seek as _, Write as _},
};

use flate2::{Compression, write::GzEncoder};

use super::{Received, Receiving};
use crate::domain::digest::Sha256;

/// What is read or written at once.
const CHUNK: usize = 256 << 10;
/// Gzip's own default: a fifth smaller than the fastest, at two thirds of its speed.
const LEVEL: Compression = Compression::new(6);

/// A layer that was spooled, unpacked; gone when dropped.
#[derive(Debug)]
pub struct Spooled(Received);

/// A layer on its way to the disk: whoever reads from this sees the layer's bytes, which are hashed and spooled.
pub struct Spool<'r> {
    layer: &'r mut dyn Read,
    size: u64,
    file: BufWriter<Receiving>,
    /// What the disk said, for it must not be taken for a fault of the layer.
    refused: Option<io::Error>,
}

impl<'r> Spool<'r> {
    /// Begins to spool `layer` into `file`.
    pub fn new(layer: &'r mut dyn Read, file: Receiving) -> Self {
        Self { layer, size: 0, file: BufWriter::with_capacity(CHUNK, file), refused: None }
    }

    /// How many bytes have passed by.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What the disk refused, if it did: then nothing more passes by.
    pub fn refused(&mut self) -> Option<io::Error> {
        self.refused.take()
    }

    /// Ends it; everything must have been read.
    pub fn finish(self) -> io::Result<Spooled> {
        Ok(Spooled(self.file.into_inner().map_err(IntoInnerError::into_error)?.finish()))
    }
}

impl Read for Spool<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.layer.read(buffer)?;
        self.size += read as u64;
        if let Err(error) = self.file.write_all(buffer.get(..read).unwrap_or_default()) {
            let told = io::Error::new(error.kind(), "the spool cannot be written");
            self.refused = Some(error);
            return Err(told);
        }
        Ok(read)
    }
}

impl Spooled {
    /// Digest of the plain tar.
    pub fn diff_id(&self) -> Sha256 {
        self.0.sha256
    }

    /// Its bytes.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// Packs it into `target`; `is_cancelled` is asked every now and then. Blocks for as long as the processor needs.
    pub fn pack(self, target: Receiving, is_cancelled: &dyn Fn() -> bool) -> io::Result<Received> {
        let mut plain: File = self.0.file.into_file();
        plain.rewind()?;
        // No name, no time: the header is always the same.
        let mut packing = GzEncoder::new(BufWriter::with_capacity(CHUNK, target), LEVEL);
        let mut chunk = vec![0; CHUNK];
        loop {
            if is_cancelled() {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "nobody wants the image any more"));
            }
            let read = plain.read(&mut chunk)?;
            if read == 0 {
                break;
            }
            packing.write_all(chunk.get(..read).unwrap_or_default())?;
        }
        Ok(packing.finish()?.into_inner().map_err(IntoInnerError::into_error)?.finish())
    }
}
