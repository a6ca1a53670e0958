//! How does what comes over a network get to a disk? Gathered into batches, each written on a blocking thread while the next
//! one comes: a sender who takes an hour holds a thread for the moments of writing only.

use std::io;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::{Blobs, room::Floor};

/// Bytes that make a batch; as many are written meanwhile.
const BATCH_BYTES: usize = 1 << 20;
/// Pieces that make a batch, however small they are.
const BATCH_PIECES: usize = 512;

/// What takes the bytes; called on blocking threads.
pub trait TakesPieces: Send + 'static {
    /// Takes the next bytes. After an error it is dropped.
    fn take(&mut self, piece: &[u8]) -> io::Result<()>;
}

/// The way to a [`TakesPieces`]. Dropped early, it loses what was gathered; what is just being written is written to its end.
#[derive(Debug)]
pub struct Batches<W: TakesPieces> {
    gathered: Vec<Bytes>,
    bytes: usize,
    writer: Writer<W>,
    floor: Floor,
}

#[derive(Debug)]
enum Writer<W: TakesPieces> {
    Idle(W),
    Busy(JoinHandle<io::Result<W>>),
    /// It said why when it ended.
    Gone,
}

impl Blobs {
    /// The way to a writer, which fails as on a full disk while too little is free where uploads are received.
    pub fn batches_to<W: TakesPieces>(&self, writer: W) -> Batches<W> {
        Batches::to(writer, self.floor.clone())
    }
}

impl<W: TakesPieces> Batches<W> {
    fn to(writer: W, floor: Floor) -> Self {
        Self { gathered: Vec::new(), bytes: 0, writer: Writer::Idle(writer), floor }
    }

    /// Passes on a piece; waits where the disk is slower than the sender. After an error nothing more is taken.
    pub async fn push(&mut self, piece: Bytes) -> io::Result<()> {
        self.bytes += piece.len();
        self.gathered.push(piece);
        if self.bytes < BATCH_BYTES && self.gathered.len() < BATCH_PIECES {
            return Ok(());
        }
        self.writer = Writer::Busy(self.write_gathered().await?);
        Ok(())
    }

    /// Writes what is left and gives the writer back.
    pub async fn finish(mut self) -> io::Result<W> {
        self.write_gathered().await?.await.map_err(io::Error::other)?
    }

    /// Hands what was gathered to a blocking thread, as soon as the batch before it is written.
    async fn write_gathered(&mut self) -> io::Result<JoinHandle<io::Result<W>>> {
        let mut writer = self.idle().await?;
        let (batch, floor) = (std::mem::take(&mut self.gathered), self.floor.clone());
        self.bytes = 0;
        Ok(tokio::task::spawn_blocking(move || {
            // Who has sent everything already may end without any room.
            if !batch.is_empty() {
                floor.check()?;
            }
            batch.iter().try_for_each(|piece| writer.take(piece))?;
            Ok(writer)
        }))
    }

    /// Waits until nothing is being written and drops the writer: what it had is gone then.
    pub async fn give_up(mut self) {
        drop(self.idle().await);
    }

    async fn idle(&mut self) -> io::Result<W> {
        match std::mem::replace(&mut self.writer, Writer::Gone) {
            Writer::Idle(writer) => Ok(writer),
            Writer::Busy(writing) => writing.await.map_err(io::Error::other)?,
            Writer::Gone => Err(io::Error::other("writing has ended")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Floor = Floor { place: std::path::PathBuf::new(), bytes: 0 };

    struct Kept(Vec<u8>, usize);

    impl TakesPieces for Kept {
        fn take(&mut self, piece: &[u8]) -> io::Result<()> {
            if self.0.len() + piece.len() > self.1 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.0.extend_from_slice(piece);
            Ok(())
        }
    }

    #[tokio::test]
    async fn everything_arrives_in_order_whatever_the_size_of_its_pieces() {
        let bytes: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
        for size in [1_000, 65_536, 3_000_000] {
            let mut batches = Batches::to(Kept(Vec::new(), usize::MAX), NONE);
            for piece in bytes.chunks(size) {
                batches.push(Bytes::copy_from_slice(piece)).await.unwrap();
            }
            assert!(batches.finish().await.unwrap().0 == bytes, "pieces of {size}");
        }
    }

    #[tokio::test]
    async fn the_writers_error_is_told_once_and_then_that_it_has_ended() {
        let mut batches = Batches::to(Kept(Vec::new(), 3 << 20), NONE);
        let mut told = Vec::new();
        for _ in 0..8 {
            told.extend(
                batches.push(Bytes::from(vec![0; BATCH_BYTES])).await.err().map(|error| error.kind()),
            );
        }
        assert_eq!(told[..2], [io::ErrorKind::StorageFull, io::ErrorKind::Other]);
        assert!(batches.finish().await.is_err());
        let small = Batches::to(Kept(Vec::new(), 0), NONE);
        assert!(small.finish().await.is_ok());
    }
}
