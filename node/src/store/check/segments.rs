//! Every record of every segment: read, its frame opened, its chunk hashed; and footers compared with what was walked.
use super::{CheckFault, CheckMode, Checker, FaultKind};
use crate::store::{
    StoreError,
    disk::SegmentNumber,
    footer,
    index::Entry,
    record::SEGMENT_HEADER_BYTES,
    records::Quarantined,
    segment::{Depth, Opened, Segment, end_of, entry_end},
};
use pollux_core::ChunkId;
use std::io;

/// Stands for the chunk of a record whose header is gone.
const NO_CHUNK: [u8; 32] = [0; 32];

/// A segment as its records' headers tell.
#[derive(Debug)]
struct Walk {
    /// In order.
    entries: Vec<Entry>,
    /// Where a record should begin and none does, with others behind.
    gaps: Vec<u32>,
    file_bytes: u64,
}

impl Walk {
    fn of(segment: &Segment) -> io::Result<Self> {
        let file_bytes = segment.file.bytes()?;
        let mut walk = Self { entries: Vec::new(), gaps: Vec::new(), file_bytes };
        let mut at = SEGMENT_HEADER_BYTES;
        while let Some(entry) = segment.next_record(at, file_bytes, Depth::Headers)? {
            if entry.offset != at {
                walk.gaps.push(at);
            }
            at = entry_end(&entry);
            walk.entries.push(entry);
        }
        Ok(walk)
    }

    /// The record that begins there.
    fn at(&self, offset: u32) -> Option<&Entry> {
        let found = self.entries.binary_search_by_key(&offset, |entry| entry.offset);
        found.ok().and_then(|at| self.entries.get(at))
    }

    /// Bytes behind the last record.
    fn tail_bytes(&self) -> u64 {
        self.file_bytes.saturating_sub(u64::from(end_of(&self.entries)))
    }
}

/// A record that is damaged.
type Bad = (u32, Option<ChunkId>, FaultKind);

impl Checker<'_> {
    /// Checks one segment.
    pub(super) fn check_segment(&mut self, number: SegmentNumber, is_last: bool) -> Result<(), StoreError> {
        let failed = |error| StoreError::disk(format!("read segment {:08}", number.0), error);
        let segment = match Segment::open(&*self.disk, number).map_err(failed)? {
            Opened::Newer(found) => {
                return Err(StoreError::NewerFormat { found, known: crate::store::directory::FORMAT });
            }
            Opened::Unreadable(bytes) => {
                self.unreadable(number, bytes, is_last);
                return Ok(());
            }
            Opened::Segment(segment) => segment,
        };
        self.check_header(&segment)?;
        let walk = Walk::of(&segment).map_err(failed)?;
        self.report.segments += 1;
        self.report.bytes = self.report.bytes.saturating_add(walk.file_bytes);
        let mut bad = Vec::new();
        for entry in &walk.entries {
            bad.extend(self.check_record(&segment, entry).map_err(failed)?);
        }
        let found = footer::read(&*segment.file, walk.file_bytes, segment.tag);
        let footer = match &found {
            Some(entries) => self.compare(number, &walk, entries, &mut bad),
            None => self.without_footer(number, &walk, is_last, &mut bad),
        };
        self.quarantine(number, bad)?;
        footer.map_or(Ok(()), |what| self.mend_footer(&segment, &walk, what))
    }

    /// The last one may have been begun only: that is no fault, and the next start removes it.
    fn unreadable(&mut self, number: SegmentNumber, bytes: u64, is_last: bool) {
        if is_last && bytes <= u64::from(SEGMENT_HEADER_BYTES) {
            self.report.torn_bytes = self.report.torn_bytes.saturating_add(bytes);
            return;
        }
        self.fault((number, 0), None, (FaultKind::SegmentUnreadable, false));
    }

    fn check_header(&mut self, segment: &Segment) -> Result<(), StoreError> {
        let failed = |error| StoreError::disk("write a segment's header", error);
        if segment.has_header().map_err(failed)? {
            return Ok(());
        }
        if self.mode == CheckMode::Repair {
            segment.write_header().and_then(|()| segment.file.sync()).map_err(failed)?;
        }
        self.fault((segment.number, 0), None, (FaultKind::SegmentHeader, self.mode == CheckMode::Repair));
        Ok(())
    }

    fn check_record(&mut self, segment: &Segment, entry: &Entry) -> io::Result<Option<Bad>> {
        let place = entry.place(segment.number);
        let bytes = u64::from(entry_end(entry).saturating_sub(entry.offset));
        self.advance(bytes);
        if self.is_quarantined(segment.number, entry.offset) {
            self.report.quarantined += 1;
            return Ok(None);
        }
        let bad = |what| Ok(Some((entry.offset, Some(entry.chunk.id), what)));
        let Some(frame) = segment.read(&entry.chunk.id, place)? else { return bad(FaultKind::Frame) };
        if self.decoder.verify(frame, entry.chunk).is_err() {
            return bad(FaultKind::Chunk);
        }
        self.report.records += 1;
        self.index.insert(entry.chunk.id, place);
        Ok(None)
    }

    /// What a footer names and a walk does not find is damaged; what a walk finds must be in the footer.
    fn compare(
        &mut self,
        number: SegmentNumber,
        walk: &Walk,
        footer: &[Entry],
        bad: &mut Vec<Bad>,
    ) -> Option<FaultKind> {
        let mut same = 0;
        let mut differs = false;
        for entry in footer {
            match walk.at(entry.offset) {
                Some(walked) if walked == entry => same += 1,
                Some(_) => differs = true,
                None if self.is_quarantined(number, entry.offset) => self.report.quarantined += 1,
                None => bad.push((entry.offset, Some(entry.chunk.id), FaultKind::RecordHeader)),
            }
        }
        (differs || same != walk.entries.len()).then_some(FaultKind::FooterDiffers)
    }

    /// A segment that is walked. What lies behind the last record of the last one is cut off by the next start; any other one
    /// has nothing there, where it has no footer.
    fn without_footer(
        &mut self,
        number: SegmentNumber,
        walk: &Walk,
        is_last: bool,
        bad: &mut Vec<Bad>,
    ) -> Option<FaultKind> {
        for gap in &walk.gaps {
            if self.is_quarantined(number, *gap) {
                self.report.quarantined += 1;
            } else {
                bad.push((*gap, None, FaultKind::RecordHeader));
            }
        }
        if is_last {
            self.report.torn_bytes = self.report.torn_bytes.saturating_add(walk.tail_bytes());
            return None;
        }
        (walk.tail_bytes() > 0).then_some(FaultKind::Footer)
    }

    fn is_quarantined(&self, segment: SegmentNumber, offset: u32) -> bool {
        self.quarantined.contains(&Quarantined { segment, offset })
    }

    /// Names damaged records, and quarantines them as a node does that finds one.
    fn quarantine(&mut self, segment: SegmentNumber, bad: Vec<Bad>) -> Result<(), StoreError> {
        let places: Vec<_> = bad
            .iter()
            .map(|(offset, chunk, _)| {
                let chunk = chunk.unwrap_or(ChunkId::from_bytes(NO_CHUNK));
                (Quarantined { segment, offset: *offset }, chunk)
            })
            .collect();
        let repaired = self.mode == CheckMode::Repair;
        if repaired && !places.is_empty() {
            self.records.quarantine_all(&places)?;
        }
        for (offset, chunk, what) in bad {
            self.fault((segment, offset), chunk, (what, repaired));
        }
        Ok(())
    }

    /// Writes the footer anew, behind the last record. In between there is none, and a start walks the records.
    fn mend_footer(&mut self, segment: &Segment, walk: &Walk, what: FaultKind) -> Result<(), StoreError> {
        let end = end_of(&walk.entries);
        let repaired = self.mode == CheckMode::Repair;
        if repaired {
            let footer = footer::encode(segment.tag, &walk.entries, end);
            let file = &segment.file;
            let written = file
                .set_bytes(u64::from(end))
                .and_then(|()| file.write_all_at(&footer, u64::from(end)))
                .and_then(|()| file.sync());
            written.map_err(|error| StoreError::disk("write a segment's footer", error))?;
        }
        self.fault((segment.number, end), None, (what, repaired));
        Ok(())
    }

    fn fault(
        &mut self,
        (segment, offset): (SegmentNumber, u32),
        chunk: Option<ChunkId>,
        (what, repaired): (FaultKind, bool),
    ) {
        self.report.note(CheckFault { segment: segment.0, offset, chunk, what, repaired });
    }
}
