//! The one writer: appends records to the active segment, begins and seals segments, keeps within the quota.
//!
//! - Before a segment is begun, everything in the earlier ones is durable. So a crash can tear only the last one.
//! - A record that was not written whole is cut off again; if even that fails, the segment is left as it is and
//!   another one is begun.
use super::{
    StoreError,
    active::{Active, grant},
    disk::{Disk, DiskFile, SegmentNumber},
    footer,
    group_sync::{Appended, GroupSync},
    index::Place,
    put_again::PutAgain,
    record::{RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES},
    segment::Segment,
};
use pollux_core::{ChunkRef, Frame};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What bounds the segments. All in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// One segment at most, its footer left out.
    pub(super) segment_bytes_max: u32,
    /// All segments together at most.
    pub(super) bytes_max: u64,
    /// What stays free on the file system.
    pub(super) free_bytes_min: u64,
    /// How much is set aside at a time.
    pub(super) reserve_bytes: u64,
}

/// Why a record is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A chunk is new here.
    Add,
    /// A chunk moves to a new place and its old one will be given back: allowed over the quota.
    Move,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Writer {
    disk: Arc<dyn Disk>,
    sync: Arc<GroupSync>,
    bounds: Bounds,
    active: Option<Active>,
    next_number: u32,
    /// Files with bytes that are not known to be durable.
    dirty: Vec<(SegmentNumber, Arc<dyn DiskFile>)>,
    appended: Appended,
    /// Bytes of all segments' files; read by others without the writer's lock.
    disk_bytes: Arc<AtomicU64>,
    /// One record at a time is put together here.
    buffer: Vec<u8>,
    /// Guarded by the writer's lock, like the decision not to write a chunk again.
    pub(super) put_again: PutAgain,
}

impl Writer {
    /// A writer whose first new segment has this number.
    pub(super) fn new(disk: Arc<dyn Disk>, sync: Arc<GroupSync>, bounds: Bounds, next_number: u32) -> Self {
        Self {
            disk,
            sync,
            bounds,
            active: None,
            next_number,
            dirty: Vec::new(),
            appended: Appended(0),
            disk_bytes: Arc::default(),
            buffer: Vec::new(),
            put_again: PutAgain::default(),
        }
    }

    /// Goes on with a segment of an earlier run.
    pub(super) fn resume(&mut self, active: Active) {
        self.active = Some(active);
    }

    /// Counts bytes that a segment has.
    pub(super) fn count_segment(&self, bytes: u64) {
        let counted = self.disk_bytes().saturating_add(bytes);
        self.disk_bytes.store(counted, Ordering::Relaxed);
    }

    /// Forgets the bytes of a segment that was removed.
    pub(super) fn forget_segment(&self, bytes: u64) {
        let counted = self.disk_bytes().saturating_sub(bytes);
        self.disk_bytes.store(counted, Ordering::Relaxed);
    }

    /// Bytes of all segments' files.
    pub(super) fn disk_bytes(&self) -> u64 {
        self.disk_bytes.load(Ordering::Relaxed)
    }

    /// The same, for who must not wait for the writer: it may be syncing.
    pub(super) fn shared_disk_bytes(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.disk_bytes)
    }

    /// Gives the blocks back that were set aside and not used; says how many bytes.
    pub(super) fn release_reserve(&mut self) -> u64 {
        self.active.as_mut().map_or(0, Active::release_reserve)
    }

    /// Forgets a segment that is about to go; says how many bytes are set aside for it and not used.
    pub(super) fn let_go(&mut self, number: SegmentNumber) -> u64 {
        self.dirty.retain(|(dirty, _)| *dirty != number);
        let active = self.active.take_if(|active| active.segment.number == number);
        active.map_or(0, |active| active.unused_bytes())
    }

    /// How many records have been appended.
    pub(super) fn appended(&self) -> Appended {
        self.appended
    }

    /// The segment that takes records now.
    pub(super) fn active(&self) -> Option<&Segment> {
        self.active.as_ref().map(|active| &active.segment)
    }

    /// The first segment that may still take records.
    pub(super) fn first_unsealed(&self) -> SegmentNumber {
        self.active().map_or(SegmentNumber(self.next_number), |segment| segment.number)
    }

    /// Hands over the files that must be synced for all that was appended so far.
    pub(super) fn take_dirty(&mut self) -> (Appended, Vec<Arc<dyn DiskFile>>) {
        (self.appended, self.dirty.drain(..).map(|(_, file)| file).collect())
    }

    /// Appends a record to the active segment. After an error the segments hold what they held.
    pub(super) fn append(
        &mut self,
        chunk: ChunkRef,
        frame: &Frame,
        purpose: Purpose,
    ) -> Result<Place, StoreError> {
        self.sync.check()?;
        let frame_bytes = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
        let bytes = frame_bytes.saturating_add(RECORD_HEADER_BYTES);
        if purpose == Purpose::Add && self.is_over_quota(bytes) {
            return Err(StoreError::Full);
        }
        let mut active = self.active_for(bytes)?;
        let reserved = active.reserve(bytes, &*self.disk, &self.bounds);
        let written = reserved.and_then(|()| active.write(chunk, frame, &mut self.buffer));
        self.mark_dirty(&active.segment);
        if !active.is_abandoned() {
            self.active = Some(active);
        }
        let place = written?;
        self.appended.0 += 1;
        self.count_segment(u64::from(bytes));
        Ok(place)
    }

    /// Whether the segments would be too large with one more record, the active one's footer counted.
    fn is_over_quota(&self, record_bytes: u32) -> bool {
        let around = match &self.active {
            Some(active) => active.next_footer_bytes(),
            None => footer::footer_bytes(1) + u64::from(SEGMENT_HEADER_BYTES),
        };
        let bytes = self.disk_bytes().saturating_add(u64::from(record_bytes)).saturating_add(around);
        bytes > self.bounds.bytes_max
    }

    /// Takes out the active segment, or a new one where it has no room for this record.
    fn active_for(&mut self, record_bytes: u32) -> Result<Active, StoreError> {
        match self.active.take() {
            Some(active) if active.takes(record_bytes, &self.bounds) => return Ok(active),
            Some(active) => self.seal(active)?,
            None => {}
        }
        self.begin(record_bytes)
    }

    /// Makes the records durable, then writes the footer that vouches for them.
    fn seal(&mut self, mut active: Active) -> Result<(), StoreError> {
        self.sync_dirty()?;
        let footer_bytes = active.write_footer();
        self.count_segment(footer_bytes);
        self.sync.sync(&[active.segment.file])
    }

    fn begin(&mut self, record_bytes: u32) -> Result<Active, StoreError> {
        self.sync_dirty()?;
        let needed = u64::from(SEGMENT_HEADER_BYTES) + u64::from(record_bytes) + footer::footer_bytes(1);
        grant(needed, &*self.disk, &self.bounds)?;
        let number = SegmentNumber(self.next_number);
        self.next_number = self.next_number.checked_add(1).ok_or(StoreError::Full)?;
        let segment = Segment::create(&*self.disk, number)
            .map_err(|error| StoreError::disk("begin a segment", error))?;
        self.count_segment(u64::from(SEGMENT_HEADER_BYTES));
        Ok(Active::begun(segment))
    }

    fn sync_dirty(&mut self) -> Result<(), StoreError> {
        let (_, files) = self.take_dirty();
        self.sync.sync(&files)
    }

    fn mark_dirty(&mut self, segment: &Segment) {
        if !self.dirty.iter().any(|(number, _)| *number == segment.number) {
            self.dirty.push((segment.number, Arc::clone(&segment.file)));
        }
    }
}
