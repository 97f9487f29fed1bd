//! The footer of a sealed segment: its index, so that a start need not walk the records. Little-endian:
//!
//! ```text
//!  0  8  the segment's tag, all bits flipped
//!  8  4  number of entries, n
//! 12  …  n entries of 44 bytes: chunk id 32, record's offset 4, frame bytes 4, plain bytes 4
//!  …  4  CRC32 of everything above
//! the segment's last 16 bytes:
//!  0  4  where the footer begins
//!  4  8  the segment's tag, all bits flipped
//! 12  4  CRC32 of bytes 0 .. 12
//! ```
//!
//! It is written only after the records are durable, so a whole footer vouches for whole records.
use super::{
    disk::DiskFile,
    index::Entry,
    record::{FOOTER_ENTRY_BYTES, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES, SegmentTag, take, take_u32},
};
use pollux_core::{ChunkId, ChunkRef, limits::CHUNK_BYTES_MAX};

/// Records of one segment at most, so that a footer is at most 2.8 MiB.
pub(super) const RECORDS_MAX: usize = 65_536;
const TRAILER_BYTES: u64 = 16;
/// Bytes of a footer around its entries, the trailer left out.
const AROUND_ENTRIES: u64 = 16;

/// Bytes of the footer of so many records.
pub(super) fn footer_bytes(records: usize) -> u64 {
    let records = u64::try_from(records).unwrap_or(u64::MAX);
    records.saturating_mul(FOOTER_ENTRY_BYTES).saturating_add(AROUND_ENTRIES + TRAILER_BYTES)
}

/// The footer of these records, to be written where they end.
pub(super) fn encode(tag: SegmentTag, entries: &[Entry], end: u32) -> Vec<u8> {
    let mut bytes = tag.footer_bytes().to_vec();
    bytes.extend(u32::try_from(entries.len()).unwrap_or(u32::MAX).to_le_bytes());
    for entry in entries {
        bytes.extend(entry.chunk.id.as_bytes());
        bytes.extend(entry.offset.to_le_bytes());
        bytes.extend(entry.frame_bytes.to_le_bytes());
        bytes.extend(entry.chunk.bytes.to_le_bytes());
    }
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    let mut trailer = end.to_le_bytes().to_vec();
    trailer.extend(tag.footer_bytes());
    bytes.extend(&trailer);
    bytes.extend(crc32fast::hash(&trailer).to_le_bytes());
    bytes
}

/// The entries of a segment of this length, if it ends with a whole footer.
pub(super) fn read(file: &dyn DiskFile, file_bytes: u64, tag: SegmentTag) -> Option<Vec<Entry>> {
    let trailer_at = file_bytes.checked_sub(TRAILER_BYTES)?;
    let begin = read_trailer(file, trailer_at, tag)?;
    let bytes = trailer_at.checked_sub(u64::from(begin))?;
    if bytes < AROUND_ENTRIES
        || bytes > AROUND_ENTRIES + FOOTER_ENTRY_BYTES * u64::try_from(RECORDS_MAX).ok()?
    {
        return None;
    }
    let mut footer = vec![0; usize::try_from(bytes).ok()?];
    file.read_exact_at(&mut footer, u64::from(begin)).ok()?;
    decode(&footer, tag, begin)
}

fn read_trailer(file: &dyn DiskFile, at: u64, tag: SegmentTag) -> Option<u32> {
    let mut bytes = [0; 16];
    file.read_exact_at(&mut bytes, at).ok()?;
    let crc = crc32fast::hash(bytes.get(..12)?);
    let mut rest: &[u8] = &bytes;
    let begin = take_u32(&mut rest)?;
    let ours = take(&mut rest)? == tag.footer_bytes() && take_u32(&mut rest)? == crc;
    (ours && begin >= SEGMENT_HEADER_BYTES).then_some(begin)
}

/// Reads a footer that begins at `end`, which is where the records end.
fn decode(footer: &[u8], tag: SegmentTag, end: u32) -> Option<Vec<Entry>> {
    let (checked, crc) = footer.split_last_chunk::<4>()?;
    let mut rest = checked;
    if crc32fast::hash(checked) != u32::from_le_bytes(*crc) || take(&mut rest)? != tag.footer_bytes() {
        return None;
    }
    let count = usize::try_from(take_u32(&mut rest)?).ok()?;
    if count.checked_mul(44)? != rest.len() {
        return None;
    }
    (0..count).map(|_| decode_entry(&mut rest).filter(|entry| is_inside(entry, end))).collect()
}

fn decode_entry(rest: &mut &[u8]) -> Option<Entry> {
    let id = ChunkId::from_bytes(take(rest)?);
    let (offset, frame_bytes, bytes) = (take_u32(rest)?, take_u32(rest)?, take_u32(rest)?);
    Some(Entry { chunk: ChunkRef { id, bytes }, offset, frame_bytes })
}

fn is_inside(entry: &Entry, end: u32) -> bool {
    let record_end =
        entry.offset.checked_add(RECORD_HEADER_BYTES).and_then(|at| at.checked_add(entry.frame_bytes));
    let plain = entry.chunk.bytes;
    entry.offset >= SEGMENT_HEADER_BYTES
        && record_end.is_some_and(|record_end| record_end <= end)
        && plain <= CHUNK_BYTES_MAX
        && (1..=plain).contains(&entry.frame_bytes)
}
