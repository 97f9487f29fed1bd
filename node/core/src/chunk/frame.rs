//! Frames: how a chunk is stored and sent.
//!
//! A frame is the plain bytes themselves ([`FrameKind::Raw`]), or exactly one zstd frame of them ([`FrameKind::Zstd`]): the
//! content size stated, no dictionary, no checksum (the chunk's name is one), no skippable frame, nothing behind it, a
//! window of 8 MiB at most, and never longer than the plain bytes. A chunk is compressed once, where it is saved;
//! everybody else passes the frame on as it is. Two frames of one chunk may differ, its name may not.

use super::header;
use crate::limits::CHUNK_BYTES_MAX;
use crate::{ChunkId, ChunkRef, VerifiedChunk};
use core::fmt;
use serde::{Deserialize, Serialize};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{CParameter, find_frame_compressed_size};

/// How a frame holds the plain bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum FrameKind {
    /// As they are.
    Raw = 0,
    /// In one zstd frame.
    Zstd = 1,
}

impl FrameKind {
    /// The kind that this byte stands for on the wire and on disk.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Raw),
            1 => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The byte that stands for it.
    #[must_use]
    pub const fn as_byte(self) -> u8 {
        match self {
            Self::Raw => 0,
            Self::Zstd => 1,
        }
    }
}

/// A chunk as stored and sent: unchecked bytes from anybody.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// How to read the bytes.
    pub kind: FrameKind,
    /// What is stored and sent: no longer than the plain bytes if it is a good frame.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({:?}, {} bytes)", self.kind, self.bytes.len())
    }
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ChunkFault {
    /// Its plain bytes are not as many as the chunk has.
    #[error("the frame does not hold as many plain bytes as the chunk has")]
    WrongLength,
    /// Its plain bytes are another chunk's.
    #[error("the plain bytes are not those of the chunk")]
    WrongHash,
    /// It is not one well-formed frame of the allowed kind.
    #[error("the bytes are not exactly one frame")]
    BadFrame,
    /// It is longer than the chunk's plain bytes, or the chunk longer than any can be.
    #[error("the frame is longer than the chunk may be")]
    TooLong,
}

/// The levels of zstd that keep to a window of 8 MiB.
const LEVELS: core::ops::RangeInclusive<i32> = 1..=19;

/// Makes frames. Keeps a zstd context and a buffer from one to the next; one for each thread.
pub struct FrameEncoder {
    compressor: Compressor<'static>,
    compressed: Vec<u8>,
}

impl FrameEncoder {
    /// An encoder of this zstd level, which is brought into 1 to 19.
    #[must_use]
    #[expect(clippy::expect_used, reason = "zstd takes every level in the range")]
    pub fn new(level: i32) -> Self {
        let level = level.clamp(*LEVELS.start(), *LEVELS.end());
        let compressor = Compressor::new(level).expect("the level is in zstd's range");
        Self { compressor, compressed: Vec::new() }
    }

    /// The encoder of a save: zstd's level 3 with tables of 80 KiB, a ninth of what it takes for large chunks. They stay in
    /// the processor's nearest caches, also where every thread compresses: 10 % less time for 2 % more bytes.
    #[must_use]
    #[expect(clippy::expect_used, reason = "zstd takes these values at every level")]
    pub fn for_saving() -> Self {
        let mut encoder = Self::new(3);
        for parameter in [CParameter::HashLog(14), CParameter::ChainLog(12), CParameter::MinMatch(5)] {
            encoder.compressor.set_parameter(parameter).expect("the value is in zstd's range");
        }
        encoder
    }

    /// A frame of these plain bytes: zstd, or raw where that saves less than 5 %.
    #[must_use]
    pub fn encode(&mut self, plain: &[u8]) -> Frame {
        // zstd gives up once it is over this, and is quick where nothing repeats: noise goes through at 8 GB/s, gzip'd
        // archives at 2.6. So no sample is taken first, which could only guess wrong.
        let worthwhile = plain.len() - plain.len().div_ceil(20);
        if self.compressed.len() < worthwhile {
            self.compressed.resize(worthwhile, 0);
        }
        let room = self.compressed.get_mut(..worthwhile).unwrap_or_default();
        let compressed = self.compressor.compress_to_buffer(plain, room).ok();
        let zstd = compressed.and_then(|bytes| self.compressed.get(..bytes)).filter(|_| !plain.is_empty());
        match zstd {
            Some(zstd) => Frame { kind: FrameKind::Zstd, bytes: zstd.to_vec() },
            None => Frame { kind: FrameKind::Raw, bytes: plain.to_vec() },
        }
    }
}

impl fmt::Debug for FrameEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameEncoder").finish_non_exhaustive()
    }
}

/// Opens frames. Keeps a zstd context and a buffer of at most [`CHUNK_BYTES_MAX`] from one to the next; one for each thread.
///
/// However hostile the frame, no more memory than that is taken: the frame is decoded into a buffer of the expected length,
/// whatever its header claims, and needs no window beside it.
pub struct FrameDecoder {
    decompressor: Decompressor<'static>,
    plain: Vec<u8>,
}

impl FrameDecoder {
    /// A decoder.
    #[must_use]
    pub fn new() -> Self {
        Self { decompressor: Decompressor::default(), plain: Vec::new() }
    }

    /// The plain bytes of a frame, if it is one of `expected`: length, form and hash are compared. They lie in the frame
    /// where it is raw, else in this decoder.
    ///
    /// # Errors
    ///
    /// What is wrong with the frame. An `expected` that no chunk can have (no bytes, or more than [`CHUNK_BYTES_MAX`])
    /// fits no frame.
    pub fn open<'a>(&'a mut self, frame: &'a Frame, expected: ChunkRef) -> Result<&'a [u8], ChunkFault> {
        let length = expected_length(expected)?;
        if frame.bytes.len() > length {
            return Err(ChunkFault::TooLong);
        }
        let plain = match frame.kind {
            FrameKind::Raw => frame.bytes.as_slice(),
            FrameKind::Zstd => self.decode(&frame.bytes, length)?,
        };
        if plain.len() != length {
            return Err(ChunkFault::WrongLength);
        }
        if ChunkId::of(plain) != expected.id {
            return Err(ChunkFault::WrongHash);
        }
        Ok(plain)
    }

    /// The same, keeping the frame together with the witness that it is right.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn verify(&mut self, frame: Frame, expected: ChunkRef) -> Result<VerifiedChunk, ChunkFault> {
        self.open(&frame, expected)?;
        Ok(VerifiedChunk::checked(expected, frame))
    }

    /// Decodes one zstd frame that must have `length` plain bytes.
    fn decode(&mut self, zstd: &[u8], length: usize) -> Result<&[u8], ChunkFault> {
        if u64::try_from(length) != Ok(header::content_bytes(zstd)?) {
            return Err(ChunkFault::WrongLength);
        }
        if find_frame_compressed_size(zstd) != Ok(zstd.len()) {
            return Err(ChunkFault::BadFrame);
        }
        if self.plain.len() < length {
            self.plain.resize(length, 0);
        }
        let room = self.plain.get_mut(..length).unwrap_or_default();
        let decoded = self.decompressor.decompress_to_buffer(zstd, room);
        let decoded = decoded.map_err(|_| ChunkFault::BadFrame)?;
        self.plain.get(..decoded).ok_or(ChunkFault::BadFrame)
    }
}

impl Default for FrameDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for FrameDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameDecoder").finish_non_exhaustive()
    }
}

/// The length of a chunk that can exist.
fn expected_length(expected: ChunkRef) -> Result<usize, ChunkFault> {
    match expected.bytes {
        0 => Err(ChunkFault::WrongLength),
        bytes if bytes > CHUNK_BYTES_MAX => Err(ChunkFault::TooLong),
        bytes => usize::try_from(bytes).map_err(|_| ChunkFault::TooLong),
    }
}

#[cfg(test)]
mod tests;
