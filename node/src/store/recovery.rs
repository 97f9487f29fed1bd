//! What a start makes of the segments that it finds.
//!
//! Only the last segment can be torn, because a segment is begun only when the earlier ones are durable: its frames
//! are all checked, it is cut back to its last whole record and synced. The others tell their records by their
//! footers or, where there is none, by a walk over the records' headers.
use super::{
    StoreError,
    active::Active,
    disk::{Disk, SegmentNumber},
    group_sync::GroupSync,
    index::Index,
    record::SEGMENT_HEADER_BYTES,
    records::Quarantined,
    segment::{Contents, Depth, Opened, Segment},
    writer::{Bounds, Writer},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// What was found.
#[derive(Debug)]
pub(super) struct Recovered {
    /// Where every chunk lies.
    pub(super) index: Index,
    /// The open segments.
    pub(super) segments: HashMap<SegmentNumber, Segment>,
    /// A writer that goes on behind the last record.
    pub(super) writer: Writer,
    /// Bytes that were cut off, or that nothing can be made of.
    pub(super) torn_bytes: u64,
    /// Quarantined places that exist no more.
    pub(super) released: Vec<Quarantined>,
}

/// Opens all segments of the disk.
pub(super) fn recover(
    disk: &Arc<dyn Disk>,
    sync: &Arc<GroupSync>,
    bounds: Bounds,
    quarantined: &[Quarantined],
) -> Result<Recovered, StoreError> {
    let numbers = disk.segments().map_err(|error| StoreError::disk("list the segments", error))?;
    let last = numbers.last().copied();
    let next_number = last.map_or(0, |last| last.0.saturating_add(1));
    let mut found = Recovered {
        index: Index::default(),
        segments: HashMap::new(),
        writer: Writer::new(Arc::clone(disk), Arc::clone(sync), bounds, next_number),
        torn_bytes: 0,
        released: Vec::new(),
    };
    let skipped: HashSet<Quarantined> = quarantined.iter().copied().collect();
    let mut resumed_end = None;
    for number in numbers {
        let is_last = Some(number) == last;
        let Some((segment, contents)) = found.open(&**disk, number, is_last)? else { continue };
        found.add_to_index(number, &contents, &skipped);
        found.segments.insert(number, segment.clone());
        if is_last && !contents.sealed {
            resumed_end = Some((number, contents.end));
            found.resume(segment, contents, sync)?;
        } else {
            found.writer.count_segment(contents.file_bytes);
        }
    }
    let is_gone = |place: &Quarantined| {
        let cut = resumed_end.is_some_and(|(number, end)| number == place.segment && place.offset >= end);
        cut || !found.segments.contains_key(&place.segment)
    };
    found.released = quarantined.iter().copied().filter(is_gone).collect();
    Ok(found)
}

impl Recovered {
    fn open(
        &mut self,
        disk: &dyn Disk,
        number: SegmentNumber,
        is_last: bool,
    ) -> Result<Option<(Segment, Contents)>, StoreError> {
        let failed = |error| StoreError::disk(format!("read segment {:08}", number.0), error);
        match Segment::open(disk, number).map_err(failed)? {
            Opened::Newer(found) => Err(StoreError::NewerFormat { found, known: super::directory::FORMAT }),
            Opened::Unreadable(bytes) => {
                self.torn_bytes = self.torn_bytes.saturating_add(bytes);
                give_up(disk, number, bytes, is_last).map_err(failed)?;
                Ok(None)
            }
            Opened::Segment(segment) => {
                let depth = if is_last { Depth::Frames } else { Depth::Headers };
                let contents = segment.contents(depth).map_err(failed)?;
                Ok(Some((segment, contents)))
            }
        }
    }

    fn add_to_index(&mut self, number: SegmentNumber, contents: &Contents, skipped: &HashSet<Quarantined>) {
        for entry in &contents.entries {
            let place = Quarantined { segment: number, offset: entry.offset };
            if !skipped.contains(&place) {
                self.index.insert(entry.chunk.id, entry.place(number));
            }
        }
    }

    /// Cuts the segment and makes what is left durable: records of a killed process may not be on the disk yet.
    fn resume(&mut self, segment: Segment, contents: Contents, sync: &GroupSync) -> Result<(), StoreError> {
        let end = u64::from(contents.end);
        let torn_bytes = contents.file_bytes.saturating_sub(end);
        if torn_bytes > 0 {
            tracing::warn!(segment = segment.number.0, torn_bytes, "cut back to the last whole record");
        }
        // Also gives back blocks that were set aside behind the end.
        let cut = segment.file.set_bytes(end);
        cut.map_err(|error| StoreError::disk("cut a segment back to its last whole record", error))?;
        sync.sync(&[Arc::clone(&segment.file)])?;
        self.torn_bytes = self.torn_bytes.saturating_add(torn_bytes);
        self.writer.count_segment(end);
        self.writer.resume(Active::resumed(segment, contents));
        Ok(())
    }
}

/// A segment without a readable beginning: the last one was being begun and holds nothing; any other is damaged
/// beyond use and is left for a person to look at.
fn give_up(disk: &dyn Disk, number: SegmentNumber, bytes: u64, is_last: bool) -> std::io::Result<()> {
    if is_last && bytes <= u64::from(SEGMENT_HEADER_BYTES) {
        return disk.remove_segment(number);
    }
    tracing::error!(segment = number.0, bytes, "a segment cannot be read and is left aside");
    Ok(())
}
