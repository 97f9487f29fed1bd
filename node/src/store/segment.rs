//! One segment's file: begun, opened, read and walked.
use super::{
    disk::{Disk, DiskFile, SegmentNumber},
    footer,
    index::{Entry, Place},
    record::{
        RECORD_HEADER_BYTES, RECORD_HEADER_SIZE, RecordHeader, SEGMENT_HEADER_BYTES, SegmentHeader,
        SegmentTag, size,
    },
};
use pollux_core::{ChunkId, Frame};
use rustix::io::Errno;
use std::{io, sync::Arc};

/// Bytes looked through at once for the next record behind damaged bytes.
const SEARCH_BYTES: usize = 64 * 1024;
const TAG_BYTES: usize = 8;

/// An open segment.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// Its number.
    pub(super) number: SegmentNumber,
    /// Its file.
    pub(super) file: Arc<dyn DiskFile>,
    /// What its records begin with.
    pub(super) tag: SegmentTag,
}

/// What opening a segment's file finds.
#[derive(Debug)]
pub(super) enum Opened {
    /// A segment of ours.
    Segment(Segment),
    /// One that a newer program wrote.
    Newer(u32),
    /// Neither a header nor a first record can be read; with the file's length.
    Unreadable(u64),
}

/// How closely a walk looks at records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Headers only: for a segment that was durable before the last start.
    Headers,
    /// Frames too: for the segment that a crash may have torn.
    Frames,
}

/// What a segment holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contents {
    /// Its records, in order.
    pub(super) entries: Vec<Entry>,
    /// Where the last whole record ends.
    pub(super) end: u32,
    /// Length of the file.
    pub(super) file_bytes: u64,
    /// It has a footer and takes no more records.
    pub(super) sealed: bool,
}

impl Segment {
    /// Begins a segment, with its header written but not yet durable.
    pub(super) fn create(disk: &dyn Disk, number: SegmentNumber) -> io::Result<Self> {
        let tag = SegmentTag::random()?;
        let file = disk.create_segment(number)?;
        if let Err(error) = file.write_all_at(&SegmentHeader::encode(number, tag), 0) {
            // An empty file holds nothing to lose; if it stays, the next start removes it.
            let _ = disk.remove_segment(number);
            return Err(error);
        }
        Ok(Self { number, file, tag })
    }

    /// Opens a segment. A damaged header is made good by the first record, which has the tag too.
    pub(super) fn open(disk: &dyn Disk, number: SegmentNumber) -> io::Result<Opened> {
        let file = disk.open_segment(number)?;
        let tag = match first_bytes(&*file, number)? {
            SegmentHeader::Newer(version) => return Ok(Opened::Newer(version)),
            SegmentHeader::Ours(tag) => Some(tag),
            SegmentHeader::Bad => read_header(&*file, SEGMENT_HEADER_BYTES)?.map(|first| first.tag),
        };
        match tag {
            Some(tag) => Ok(Opened::Segment(Self { number, file, tag })),
            None => Ok(Opened::Unreadable(file.bytes()?)),
        }
    }

    /// Whether its header can be read.
    pub(super) fn has_header(&self) -> io::Result<bool> {
        Ok(first_bytes(&*self.file, self.number)? == SegmentHeader::Ours(self.tag))
    }

    /// Writes its header anew; not yet durable.
    pub(super) fn write_header(&self) -> io::Result<()> {
        self.file.write_all_at(&SegmentHeader::encode(self.number, self.tag), 0)
    }

    /// Reads a chunk's frame; none if the record is damaged.
    pub(super) fn read(&self, chunk: &ChunkId, place: Place) -> io::Result<Option<Frame>> {
        let Some(header) = self.record_at(place.offset)? else { return Ok(None) };
        let named = header.chunk.id == *chunk && header.chunk.bytes == place.plain_bytes;
        if !named || header.frame_bytes != place.frame_bytes {
            return Ok(None);
        }
        self.frame_of(&header, place.offset)
    }

    /// Lists the records: by the footer if there is one, else by a walk.
    pub(super) fn contents(&self, depth: Depth) -> io::Result<Contents> {
        let file_bytes = self.file.bytes()?;
        if let Some(entries) = footer::read(&*self.file, file_bytes, self.tag) {
            return Ok(Contents { end: end_of(&entries), entries, file_bytes, sealed: true });
        }
        let mut entries = Vec::new();
        let mut at = SEGMENT_HEADER_BYTES;
        while let Some(entry) = self.next_record(at, file_bytes, depth)? {
            at = entry_end(&entry);
            entries.push(entry);
        }
        Ok(Contents { end: end_of(&entries), entries, file_bytes, sealed: false })
    }

    /// The first whole record at or behind this offset.
    pub(super) fn next_record(&self, from: u32, file_bytes: u64, depth: Depth) -> io::Result<Option<Entry>> {
        let mut at = Some(from);
        while let Some(offset) = at {
            if let Some(entry) = self.whole_record(offset, file_bytes, depth)? {
                return Ok(Some(entry));
            }
            at = match offset.checked_add(1) {
                Some(next) => self.find_tag(next, file_bytes)?,
                None => None,
            };
        }
        Ok(None)
    }

    fn whole_record(&self, offset: u32, file_bytes: u64, depth: Depth) -> io::Result<Option<Entry>> {
        let Some(header) = self.record_at(offset)? else { return Ok(None) };
        let whole = u64::from(offset) + u64::from(header.record_bytes()) <= file_bytes;
        if !whole || (depth == Depth::Frames && self.frame_of(&header, offset)?.is_none()) {
            return Ok(None);
        }
        Ok(Some(Entry { chunk: header.chunk, offset, frame_bytes: header.frame_bytes }))
    }

    fn record_at(&self, offset: u32) -> io::Result<Option<RecordHeader>> {
        Ok(read_header(&*self.file, offset)?.filter(|header| header.tag == self.tag))
    }

    fn frame_of(&self, header: &RecordHeader, offset: u32) -> io::Result<Option<Frame>> {
        let at = u64::from(offset) + u64::from(RECORD_HEADER_BYTES);
        let read = unless_damaged(self.file.read_new_at(size(header.frame_bytes), at))?;
        let whole = read.filter(|bytes| crc32fast::hash(bytes) == header.frame_crc);
        Ok(whole.map(|bytes| Frame { kind: header.kind, bytes }))
    }

    /// Where the segment's tag stands next, at or behind this offset.
    fn find_tag(&self, from: u32, file_bytes: u64) -> io::Result<Option<u32>> {
        let mut at = u64::from(from);
        let mut window = vec![0; SEARCH_BYTES];
        while at + u64::from(RECORD_HEADER_BYTES) <= file_bytes {
            let left = usize::try_from(file_bytes - at).unwrap_or(usize::MAX);
            window.resize(left.min(SEARCH_BYTES), 0);
            let read = read_or_damaged(&*self.file, &mut window, at)?;
            let found = window.windows(TAG_BYTES).position(|bytes| bytes == self.tag.bytes());
            if let Some(ahead) = found.filter(|_| read) {
                return Ok(u64::try_from(ahead).ok().and_then(|ahead| u32::try_from(at + ahead).ok()));
            }
            // The next window begins with the last bytes of this one, where a tag may have begun.
            at += u64::try_from(window.len() - (TAG_BYTES - 1)).unwrap_or(u64::MAX);
        }
        Ok(None)
    }
}

fn first_bytes(file: &dyn DiskFile, number: SegmentNumber) -> io::Result<SegmentHeader> {
    let mut bytes = [0; 28];
    let read = read_or_damaged(file, &mut bytes, 0)?;
    Ok(if read { SegmentHeader::decode(&bytes, number) } else { SegmentHeader::Bad })
}

fn read_header(file: &dyn DiskFile, offset: u32) -> io::Result<Option<RecordHeader>> {
    let mut bytes = [0; RECORD_HEADER_SIZE];
    let read = read_or_damaged(file, &mut bytes, u64::from(offset))?;
    Ok(read.then(|| RecordHeader::decode(&bytes)).flatten())
}

/// Fills the buffer; false where it cannot be.
fn read_or_damaged(file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
    Ok(unless_damaged(file.read_exact_at(buffer, offset))?.is_some())
}

/// What was read; none where the file ends too early or the disk cannot read these bytes any more.
fn unless_damaged<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::IO) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where the record ends.
pub(super) fn entry_end(entry: &Entry) -> u32 {
    entry.offset.saturating_add(RECORD_HEADER_BYTES).saturating_add(entry.frame_bytes)
}

/// Where the last of these records ends.
pub(super) fn end_of(entries: &[Entry]) -> u32 {
    entries.last().map_or(SEGMENT_HEADER_BYTES, entry_end)
}
