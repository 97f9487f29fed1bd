//! The segment that takes records.
use super::{
    StoreError,
    disk::Disk,
    footer,
    index::{Entry, Place},
    record::{RecordHeader, SEGMENT_HEADER_BYTES},
    segment::{Contents, Segment},
    writer::Bounds,
};
use pollux_core::{ChunkRef, Frame};

/// See the module.
#[derive(Debug)]
pub(super) struct Active {
    /// Its file and tag.
    pub(super) segment: Segment,
    entries: Vec<Entry>,
    end: u32,
    /// Blocks are set aside up to here.
    reserved_end: u64,
    abandoned: bool,
}

impl Active {
    /// A segment that was just begun.
    pub(super) fn begun(segment: Segment) -> Self {
        let end = SEGMENT_HEADER_BYTES;
        Self { segment, entries: Vec::new(), end, reserved_end: u64::from(end), abandoned: false }
    }

    /// A segment of an earlier run; whatever lies behind its last record is cut off already.
    pub(super) fn resumed(segment: Segment, contents: Contents) -> Self {
        let Contents { entries, end, .. } = contents;
        Self { segment, entries, end, reserved_end: u64::from(end), abandoned: false }
    }

    /// Whether a record of this many bytes may still be appended.
    pub(super) fn takes(&self, record_bytes: u32, bounds: &Bounds) -> bool {
        let end = self.end.saturating_add(record_bytes);
        end <= bounds.segment_bytes_max && self.entries.len() < footer::RECORDS_MAX
    }

    /// A failed write could not be undone: the segment must not be appended to.
    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    /// Bytes that the footer will have after one more record.
    pub(super) fn next_footer_bytes(&self) -> u64 {
        footer::footer_bytes(self.entries.len().saturating_add(1))
    }

    /// Sees that the file system has room for a record, for the footer, and for what must stay free; sets blocks
    /// aside. So a segment can be sealed on a disk that is full by then.
    pub(super) fn reserve(
        &mut self,
        record_bytes: u32,
        disk: &dyn Disk,
        bounds: &Bounds,
    ) -> Result<(), StoreError> {
        let needed_end = u64::from(self.end) + u64::from(record_bytes) + self.next_footer_bytes();
        if needed_end <= self.reserved_end {
            return Ok(());
        }
        let needed = needed_end - self.reserved_end;
        let bytes = grant(needed, disk, bounds)?;
        let reserved = self.segment.file.reserve(self.reserved_end, bytes);
        reserved.map_err(|error| StoreError::disk("set room for chunks aside", error))?;
        self.reserved_end += bytes;
        Ok(())
    }

    /// Writes a record at the end. A failed write is cut off again, or the segment is abandoned.
    pub(super) fn write(
        &mut self,
        chunk: ChunkRef,
        frame: &Frame,
        buffer: &mut Vec<u8>,
    ) -> Result<Place, StoreError> {
        let header = RecordHeader::of(self.segment.tag, chunk, frame);
        let header = header.ok_or_else(|| StoreError::Records("a frame of impossible length".to_owned()))?;
        buffer.clear();
        header.encode(buffer);
        buffer.extend(&frame.bytes);
        if let Err(error) = self.segment.file.write_all_at(buffer, u64::from(self.end)) {
            self.cut_off();
            return Err(StoreError::disk("append a chunk", error));
        }
        let entry = Entry { chunk, offset: self.end, frame_bytes: header.frame_bytes };
        self.end = self.end.saturating_add(header.record_bytes());
        self.entries.push(entry);
        Ok(entry.place(self.segment.number))
    }

    /// Writes the footer behind durable records; says how many bytes it has. Without room for it there is none,
    /// and the next start walks the records.
    pub(super) fn write_footer(&mut self) -> u64 {
        let footer = footer::encode(self.segment.tag, &self.entries, self.end);
        let written = self.segment.file.write_all_at(&footer, u64::from(self.end));
        let bytes = u64::try_from(footer.len()).unwrap_or(u64::MAX);
        if written.is_err() {
            self.cut_off();
            return 0;
        }
        // Gives back the blocks that were set aside and not used; if it fails they stay until the segment goes.
        let _ = self.segment.file.set_bytes(u64::from(self.end).saturating_add(bytes));
        bytes
    }

    /// Bytes that are set aside and not used.
    pub(super) fn unused_bytes(&self) -> u64 {
        self.reserved_end.saturating_sub(u64::from(self.end))
    }

    /// Gives them back; says how many. The next record sets its own aside.
    pub(super) fn release_reserve(&mut self) -> u64 {
        let unused = self.unused_bytes();
        self.cut_off();
        if self.abandoned { 0 } else { unused }
    }

    fn cut_off(&mut self) {
        self.reserved_end = u64::from(self.end);
        if let Err(error) = self.segment.file.set_bytes(u64::from(self.end)) {
            tracing::warn!(segment = self.segment.number.0, %error, "a torn record could not be cut off");
            self.abandoned = true;
        }
    }
}

/// How many bytes may be set aside for these: a whole step if there is room, what is needed if there is just that.
pub(super) fn grant(needed: u64, disk: &dyn Disk, bounds: &Bounds) -> Result<u64, StoreError> {
    let space = disk.space().map_err(|error| StoreError::disk("ask how much room there is", error))?;
    let spare = space.free.saturating_sub(bounds.free_bytes_min);
    let step = needed.max(bounds.reserve_bytes);
    [step, needed].into_iter().find(|bytes| *bytes <= spare).ok_or(StoreError::Full)
}
