//! Witnesses: values that exist only because somebody hashed the bytes.
//!
//! ```text
//! our own bytes     → HashedChunk ─ compress ─→ VerifiedChunk ─ witness ─→ CheckedChunk
//! foreign frame     → FrameDecoder::verify ───↗
//! ```

use crate::limits::CHUNK_BYTES_MAX;
use crate::{ChunkId, ChunkRef, Frame, FrameEncoder};
use core::fmt;

/// A frame whose plain bytes were hashed and found to be the chunk's. The store and a restore take nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedChunk {
    chunk: ChunkRef,
    frame: Frame,
}

impl VerifiedChunk {
    /// For the decoder, once it has compared the hash.
    pub(super) const fn checked(chunk: ChunkRef, frame: Frame) -> Self {
        Self { chunk, frame }
    }

    /// Hashes and frames plain bytes of our own.
    ///
    /// # Panics
    ///
    /// If there are no bytes, or more than [`CHUNK_BYTES_MAX`]: a [`Cutter`](crate::Cutter) gives out no such chunk.
    #[must_use]
    pub fn from_plain(plain: &[u8], encoder: &mut FrameEncoder) -> Self {
        Self { chunk: name(plain), frame: encoder.encode(plain) }
    }

    /// Its name and length.
    #[must_use]
    pub const fn chunk(&self) -> ChunkRef {
        self.chunk
    }

    /// As it is stored and sent.
    #[must_use]
    pub const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The frame itself, for the wire.
    #[must_use]
    pub fn into_parts(self) -> (ChunkRef, Frame) {
        (self.chunk, self.frame)
    }

    /// The witness without the bytes.
    #[must_use]
    pub const fn witness(&self) -> CheckedChunk {
        CheckedChunk(self.chunk)
    }
}

/// The witness that a chunk was checked, without its bytes: what the engine is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckedChunk(ChunkRef);

impl CheckedChunk {
    /// Name and length.
    #[must_use]
    pub const fn chunk(&self) -> ChunkRef {
        self.0
    }
}

/// Plain bytes of our own with their name: hashed, not yet compressed. So a saver can ask first which chunks are lacking.
/// They may lie in any memory that always gives out the same bytes.
pub struct HashedChunk<P> {
    chunk: ChunkRef,
    plain: P,
}

impl<P: AsRef<[u8]>> HashedChunk<P> {
    /// Hashes a chunk's plain bytes.
    ///
    /// # Panics
    ///
    /// If there are no bytes, or more than [`CHUNK_BYTES_MAX`]: a [`Cutter`](crate::Cutter) gives out no such chunk.
    #[must_use]
    pub fn new(plain: P) -> Self {
        Self { chunk: name(plain.as_ref()), plain }
    }

    /// Its name and length.
    #[must_use]
    pub fn chunk(&self) -> ChunkRef {
        self.chunk
    }

    /// The plain bytes.
    #[must_use]
    pub fn plain(&self) -> &[u8] {
        self.plain.as_ref()
    }

    /// Frames it.
    #[must_use]
    pub fn compress(&self, encoder: &mut FrameEncoder) -> VerifiedChunk {
        VerifiedChunk { chunk: self.chunk, frame: encoder.encode(self.plain()) }
    }
}

impl<P> fmt::Debug for HashedChunk<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashedChunk").field("chunk", &self.chunk).finish_non_exhaustive()
    }
}

/// Name and length of plain bytes that a chunk can have.
fn name(plain: &[u8]) -> ChunkRef {
    let bytes = u32::try_from(plain.len()).unwrap_or(u32::MAX);
    assert!((1..=CHUNK_BYTES_MAX).contains(&bytes), "a chunk has 1 byte to 1 MiB, not {bytes}");
    ChunkRef { id: ChunkId::of(plain), bytes }
}

#[cfg(test)]
mod tests {
    use super::super::test_bytes::{noise, text};
    use super::*;
    use crate::{FrameDecoder, FrameKind};

    #[test]
    fn hashing_first_and_compressing_later_gives_the_same_chunk() {
        let mut encoder = FrameEncoder::new(3);
        for plain in [noise("raw", 5000), text("zstd", 5000), vec![7]] {
            let hashed = HashedChunk::new(plain.clone());
            assert_eq!(hashed.plain(), plain);
            let verified = hashed.compress(&mut encoder);
            assert_eq!(verified, VerifiedChunk::from_plain(&plain, &mut encoder));
            assert_eq!(verified.chunk(), hashed.chunk());
            assert_eq!(verified.chunk().id, ChunkId::of(&plain));
            assert_eq!(verified.witness().chunk(), verified.chunk());
        }
    }

    #[test]
    fn own_chunk_is_opened_again() {
        let plain = text("own", 100_000);
        let (chunk, frame) = VerifiedChunk::from_plain(&plain, &mut FrameEncoder::new(1)).into_parts();
        assert_eq!(frame.kind, FrameKind::Zstd);
        let again = FrameDecoder::new().verify(frame.clone(), chunk).expect("it is a good frame");
        assert_eq!(again.frame(), &frame);
    }

    #[test]
    fn debug_output_shows_no_bytes() {
        let hashed = HashedChunk::new(vec![65; 4000]);
        assert!(format!("{hashed:?}").len() < 100);
        assert!(format!("{:?}", hashed.compress(&mut FrameEncoder::new(3))).len() < 150);
    }

    #[test]
    #[should_panic(expected = "1 byte to 1 MiB")]
    fn empty_chunk_has_no_name() {
        let _ = HashedChunk::new(Vec::<u8>::new());
    }

    #[test]
    #[should_panic(expected = "1 byte to 1 MiB")]
    fn chunk_over_the_limit_has_no_name() {
        let _ = VerifiedChunk::from_plain(&vec![0; 1024 * 1024 + 1], &mut FrameEncoder::new(3));
    }
}
