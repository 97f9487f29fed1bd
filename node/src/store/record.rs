//! Segments and their records, byte by byte. All numbers are little-endian.
//!
//! A segment is a header, records without gaps, and, once it is sealed, a footer (see `footer`).
//!
//! ```text
//! segment header, 28 bytes          record, 60 bytes and a frame
//!  0  8  magic "plxseg\r\n"          0  8  the segment's tag
//!  8  4  format version, 1           8 32  chunk id
//! 12  4  segment number             40  4  plain bytes, 1 ..= 1 MiB
//! 16  8  tag                        44  4  frame bytes, 1 ..= plain bytes
//! 24  4  CRC32 of bytes 0 .. 24     48  1  kind of frame: 0 raw, 1 zstd
//!                                   49  3  zero
//!                                   52  4  CRC32 of the frame
//!                                   56  4  CRC32 of bytes 0 .. 56
//!                                   60  …  frame
//! ```
//!
//! The tag is random and never leaves the disk. So nobody can upload a chunk whose bytes look like a record or a
//! footer of the segment it will lie in, and a reader may look for the next record behind damaged bytes.
use super::disk::SegmentNumber;
use pollux_core::{ChunkId, ChunkRef, Frame, FrameKind, limits::CHUNK_BYTES_MAX};
use std::io;

/// Bytes of a segment's header.
pub(super) const SEGMENT_HEADER_BYTES: u32 = 28;
/// Bytes of a record before its frame.
pub(super) const RECORD_HEADER_BYTES: u32 = 60;
/// The same, as the size of a buffer.
pub(super) const RECORD_HEADER_SIZE: usize = 60;
/// Bytes of a record's entry in the footer.
pub(super) const FOOTER_ENTRY_BYTES: u64 = 44;
/// The format that is written.
const SEGMENT_VERSION: u32 = 1;
const SEGMENT_MAGIC: [u8; 8] = *b"plxseg\r\n";

/// What records and footer of one segment begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentTag([u8; 8]);

impl SegmentTag {
    /// A new one. Never zeros, which is what unwritten blocks hold.
    pub(super) fn random() -> io::Result<Self> {
        let mut bytes = [0; 8];
        while bytes == [0; 8] {
            pollux_client::random::fill(&mut bytes)?;
        }
        Ok(Self(bytes))
    }

    /// The tag of these bytes.
    pub(super) const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// What a record begins with.
    pub(super) const fn bytes(self) -> [u8; 8] {
        self.0
    }

    /// What a footer begins with: never the beginning of a record.
    pub(super) fn footer_bytes(self) -> [u8; 8] {
        self.0.map(|byte| !byte)
    }
}

/// What a segment's first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SegmentHeader {
    /// Ours, with this tag.
    Ours(SegmentTag),
    /// Whole, but of a newer format.
    Newer(u32),
    /// Not a header: never written, torn or damaged.
    Bad,
}

impl SegmentHeader {
    /// The bytes of a new segment's header.
    pub(super) fn encode(number: SegmentNumber, tag: SegmentTag) -> Vec<u8> {
        let mut bytes = SEGMENT_MAGIC.to_vec();
        bytes.extend(SEGMENT_VERSION.to_le_bytes());
        bytes.extend(number.0.to_le_bytes());
        bytes.extend(tag.bytes());
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// Reads the header of segment `number`.
    pub(super) fn decode(bytes: &[u8], number: SegmentNumber) -> Self {
        Self::parse(bytes, number).unwrap_or(Self::Bad)
    }

    fn parse(mut bytes: &[u8], number: SegmentNumber) -> Option<Self> {
        let crc = crc32fast::hash(bytes.get(..24)?);
        let magic = take::<8>(&mut bytes)?;
        let version = take_u32(&mut bytes)?;
        let named = take_u32(&mut bytes)?;
        let tag = SegmentTag::from_bytes(take(&mut bytes)?);
        if magic != SEGMENT_MAGIC || take_u32(&mut bytes)? != crc {
            return None;
        }
        if version > SEGMENT_VERSION {
            return Some(Self::Newer(version));
        }
        (named == number.0 && tag.bytes() != [0; 8]).then_some(Self::Ours(tag))
    }
}

/// A record without its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHeader {
    /// The segment's tag.
    pub(super) tag: SegmentTag,
    /// The chunk.
    pub(super) chunk: ChunkRef,
    /// How the frame holds it.
    pub(super) kind: FrameKind,
    /// Bytes of the frame.
    pub(super) frame_bytes: u32,
    /// CRC32 of the frame.
    pub(super) frame_crc: u32,
}

impl RecordHeader {
    /// The header of this frame's record; none if the frame has a length that no frame has.
    pub(super) fn of(tag: SegmentTag, chunk: ChunkRef, frame: &Frame) -> Option<Self> {
        let frame_bytes = u32::try_from(frame.bytes.len()).ok()?;
        let frame_crc = crc32fast::hash(&frame.bytes);
        let header = Self { tag, chunk, kind: frame.kind, frame_bytes, frame_crc };
        header.is_bounded().then_some(header)
    }

    /// Appends the header's bytes to an empty buffer.
    pub(super) fn encode(&self, buffer: &mut Vec<u8>) {
        buffer.extend(self.tag.bytes());
        buffer.extend(self.chunk.id.as_bytes());
        buffer.extend(self.chunk.bytes.to_le_bytes());
        buffer.extend(self.frame_bytes.to_le_bytes());
        buffer.extend([self.kind.as_byte(), 0, 0, 0]);
        buffer.extend(self.frame_crc.to_le_bytes());
        buffer.extend(crc32fast::hash(buffer).to_le_bytes());
    }

    /// Reads a header, of whatever tag; none if it is damaged or says what cannot be.
    pub(super) fn decode(bytes: &[u8; RECORD_HEADER_SIZE]) -> Option<Self> {
        let mut rest: &[u8] = bytes;
        let tag = SegmentTag::from_bytes(take(&mut rest)?);
        let id = ChunkId::from_bytes(take(&mut rest)?);
        let chunk = ChunkRef { id, bytes: take_u32(&mut rest)? };
        let frame_bytes = take_u32(&mut rest)?;
        let [kind, padding @ ..] = take::<4>(&mut rest)?;
        let frame_crc = take_u32(&mut rest)?;
        if take_u32(&mut rest)? != crc32fast::hash(bytes.get(..56)?) || padding != [0; 3] {
            return None;
        }
        let header = Self { tag, chunk, kind: FrameKind::from_byte(kind)?, frame_bytes, frame_crc };
        header.is_bounded().then_some(header)
    }

    /// Bytes of the whole record.
    pub(super) fn record_bytes(&self) -> u32 {
        RECORD_HEADER_BYTES.saturating_add(self.frame_bytes)
    }

    fn is_bounded(&self) -> bool {
        let plain = self.chunk.bytes;
        (1..=CHUNK_BYTES_MAX).contains(&plain) && (1..=plain).contains(&self.frame_bytes)
    }
}

/// Takes the next bytes off the front.
pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

/// Takes a little-endian number off the front.
pub(super) fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    take(bytes).map(u32::from_le_bytes)
}

/// A length that fits in memory.
pub(super) fn size(bytes: u32) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
