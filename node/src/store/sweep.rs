//! Giving room back. Whoever calls knows which chunks are live; here segments are removed, or emptied first.
//!
//! A chunk that was put after the mark is never swept, also where it was there already and was not written again.
use super::{
    StoreError,
    chunks::{Chunks, quarantined},
    disk::SegmentNumber,
    index::Place,
    put_again::Epoch,
    records::Quarantined,
    segment::Segment,
    writer::Purpose,
};
use pollux_core::{ChunkId, ChunkRef};
use std::collections::HashMap;

/// A moment in a store's life; see [`super::Store::sweep_mark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepMark {
    /// Segments before this one take no records any more.
    segment: SegmentNumber,
    /// Chunks put again in a later epoch are kept.
    epoch: Epoch,
}

/// What a sweep did.
#[derive(Debug)]
pub(super) struct Swept {
    /// Bytes of the files that were removed.
    pub(super) bytes: u64,
    /// Segments that were removed.
    pub(super) removed: Vec<SegmentNumber>,
    /// Chunks that went with them.
    pub(super) lost: Vec<ChunkId>,
    /// Chunks whose records were found damaged.
    pub(super) damaged: Vec<(Quarantined, ChunkId)>,
    /// Whether it went to the end.
    pub(super) result: Result<(), StoreError>,
}

/// What of a segment is live.
#[derive(Debug, Default)]
struct Share {
    live: Vec<(ChunkId, Place)>,
    live_bytes: u64,
    dead: Vec<(ChunkId, Place)>,
}

impl Swept {
    /// So far.
    pub(super) fn nothing() -> Self {
        Self { bytes: 0, removed: Vec::new(), lost: Vec::new(), damaged: Vec::new(), result: Ok(()) }
    }
}

impl Chunks {
    /// The mark of this moment.
    pub(super) fn sweep_mark(&self) -> SweepMark {
        let mut writer = self.writer();
        let segment = writer.first_unsealed();
        SweepMark { segment, epoch: writer.put_again.end_epoch() }
    }

    /// Removes what is not live; see [`super::Store::sweep`].
    pub(super) fn sweep(&self, mark: SweepMark, live: &dyn Fn(&ChunkId) -> bool) -> Swept {
        let mut swept = Swept::nothing();
        let mut shares: Vec<_> = self.shares(mark, live).into_iter().collect();
        // Those that give room back without needing any come first.
        shares.sort_unstable_by_key(|(number, share)| (share.live_bytes, *number));
        for (number, share) in shares {
            swept.result = self.sweep_segment(number, &share, mark, &mut swept);
            if swept.result.is_err() {
                return swept;
            }
        }
        self.writer().put_again.forget_until(mark.epoch);
        swept
    }

    fn shares(&self, mark: SweepMark, live: &dyn Fn(&ChunkId) -> bool) -> HashMap<SegmentNumber, Share> {
        let numbers =
            self.segments().keys().copied().filter(|number| *number < mark.segment).collect::<Vec<_>>();
        let mut shares: HashMap<_, _> =
            numbers.into_iter().map(|number| (number, Share::default())).collect();
        let places: Vec<_> = self.index().iter().map(|(chunk, place)| (*chunk, *place)).collect();
        for (chunk, place) in places {
            let Some(share) = shares.get_mut(&place.segment) else { continue };
            if live(&chunk) || self.writer().put_again.holds_since(mark.epoch, &chunk) {
                share.live.push((chunk, place));
                share.live_bytes += place.bytes();
            } else {
                share.dead.push((chunk, place));
            }
        }
        shares
    }

    fn sweep_segment(
        &self,
        number: SegmentNumber,
        share: &Share,
        mark: SweepMark,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        // One that was given back at once meanwhile is gone.
        let _turn = self.removing();
        let Some(segment) = self.segments().get(&number).cloned() else { return Ok(()) };
        let bytes = measured(&segment)?;
        if share.live_bytes.saturating_mul(2) >= bytes {
            return Ok(());
        }
        for (chunk, place) in &share.live {
            if !self.move_chunk(&segment, chunk, *place)? {
                swept.damaged.push((quarantined(*place), *chunk));
            }
        }
        self.sync()?;
        if self.drop_from_index(share, mark) {
            swept.lost.extend(share.dead.iter().map(|(chunk, _)| *chunk));
            self.remove_segment(&segment, bytes)?;
            swept.bytes = swept.bytes.saturating_add(bytes);
            swept.removed.push(number);
        }
        Ok(())
    }

    /// Appends a live chunk again; false if its record is damaged.
    fn move_chunk(&self, segment: &Segment, chunk: &ChunkId, place: Place) -> Result<bool, StoreError> {
        let mut writer = self.writer();
        if self.index().get(chunk) != Some(place) {
            return Ok(true);
        }
        let frame = segment.read(chunk, place).map_err(|error| StoreError::disk("read a chunk", error))?;
        let Some(frame) = frame else { return Ok(!self.index_mut().remove(chunk, place)) };
        let moved = ChunkRef { id: *chunk, bytes: place.plain_bytes };
        self.append(&mut writer, moved, &frame, Purpose::Move)?;
        Ok(true)
    }

    /// Removes the dead chunks, unless one of them was put again meanwhile: then the segment waits for another sweep.
    fn drop_from_index(&self, share: &Share, mark: SweepMark) -> bool {
        let writer = self.writer();
        if share.dead.iter().any(|(chunk, _)| writer.put_again.holds_since(mark.epoch, chunk)) {
            return false;
        }
        let mut index = self.index_mut();
        for (chunk, place) in &share.dead {
            index.remove(chunk, *place);
        }
        true
    }

    fn remove_segment(&self, segment: &Segment, bytes: u64) -> Result<(), StoreError> {
        self.segments_mut().remove(&segment.number);
        let removed = self.disk.remove_segment(segment.number);
        removed.map_err(|error| StoreError::disk("remove a segment", error))?;
        self.writer().forget_segment(bytes);
        Ok(())
    }
}

/// Bytes of a segment's file.
pub(super) fn measured(segment: &Segment) -> Result<u64, StoreError> {
    segment.file.bytes().map_err(|error| StoreError::disk("measure a segment", error))
}
