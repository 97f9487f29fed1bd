//! Giving room back at once, because the file system runs short: whole segments go, and nothing is copied.
//!
//! First the blocks that were set aside and not used; then segments, the least useful first. Half-empty segments are for
//! [`super::Store::sweep`]: to copy needs room, and takes longer than who fills the disk waits.
use super::{
    StoreError,
    chunks::Chunks,
    disk::SegmentNumber,
    index::Place,
    sweep::{Swept, measured},
};
use pollux_core::ChunkId;
use std::cmp::Reverse;
use std::collections::HashMap;

/// How much a chunk is worth to this node: what is worth more stays longer. 0: nobody is known to need it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Worth(pub u64);

impl Worth {
    /// Of what is pinned: it never goes.
    pub const PINNED: Self = Self(u64::MAX);
    /// Of what is needed at this moment.
    pub const BUSY: Self = Self(u64::MAX - 1);
}

/// What may go. A segment with a chunk that is pinned stays on any terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terms {
    /// What is worth less than this. A segment with a chunk that a job was told is here, and that no manifest but a busy one names,
    /// stays.
    Below(Worth),
    /// Everything but such segments.
    KeepPromises,
    /// Everything; a save that relies on it fails.
    Everything,
}

/// A segment among those that may go.
#[derive(Debug)]
struct Candidate {
    number: SegmentNumber,
    bytes: u64,
    worth: Worth,
    needed_bytes: u64,
    chunks: Vec<(ChunkId, Place)>,
}

impl Chunks {
    /// Removes segments until so many bytes came back; see [`super::Store::give_back`].
    pub(super) fn give_back(&self, bytes: u64, worth: &dyn Fn(&ChunkId) -> Worth, terms: Terms) -> Swept {
        let mut swept = Swept::nothing();
        swept.bytes = self.writer().release_reserve();
        if swept.bytes >= bytes {
            return swept;
        }
        let _turn = self.removing();
        for candidate in self.candidates(worth) {
            let worthy = matches!(terms, Terms::Below(most) if candidate.worth >= most);
            if swept.bytes >= bytes || worthy {
                break;
            }
            swept.result = self.drop_segment(&candidate, (worth, terms), &mut swept);
            if swept.result.is_err() {
                break;
            }
        }
        swept
    }

    /// Every segment, the least useful first; among equals the one with the least that is needed, then the oldest.
    fn candidates(&self, worth: &dyn Fn(&ChunkId) -> Worth) -> Vec<Candidate> {
        let mut chunks: HashMap<SegmentNumber, Vec<(ChunkId, Place)>> = HashMap::new();
        for (chunk, place) in self.index().iter() {
            chunks.entry(place.segment).or_default().push((*chunk, *place));
        }
        let segments: Vec<_> = self.segments().values().cloned().collect();
        let candidates = segments.iter().filter_map(|segment| {
            let chunks = chunks.remove(&segment.number).unwrap_or_default();
            let bytes = measured(segment).ok()?;
            let (worth, needed_bytes) = worth_of(&chunks, bytes, worth);
            Some(Candidate { number: segment.number, bytes, worth, needed_bytes, chunks })
        });
        let mut candidates: Vec<_> = candidates.collect();
        candidates.sort_unstable_by_key(|segment| (segment.worth, segment.needed_bytes, segment.number));
        candidates
    }

    fn drop_segment(
        &self,
        candidate: &Candidate,
        (worth, terms): (&dyn Fn(&ChunkId) -> Worth, Terms),
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        let mut writer = self.writer();
        let active = writer.active().is_some_and(|active| active.number == candidate.number);
        let chunks = if active { self.chunks_in(candidate.number) } else { candidate.chunks.clone() };
        // What is published is no promise any more: others have it.
        let published = |chunk: &ChunkId| (Worth(1)..Worth::BUSY).contains(&worth(chunk));
        let promised = |chunk: &ChunkId| !published(chunk) && writer.put_again.is_promised(chunk);
        if chunks.iter().any(|(chunk, _)| worth(chunk) == Worth::PINNED) {
            return Ok(());
        }
        if terms != Terms::Everything && chunks.iter().any(|(chunk, _)| promised(chunk)) {
            return Ok(());
        }
        let unused = writer.let_go(candidate.number);
        let mut index = self.index_mut();
        swept.lost.extend(chunks.iter().filter(|(id, place)| index.remove(id, *place)).map(|(id, _)| *id));
        drop((index, writer));
        self.segments_mut().remove(&candidate.number);
        let dropped = self.disk.drop_segment(candidate.number);
        dropped.map_err(|error| StoreError::disk("remove a segment", error))?;
        self.writer().forget_segment(candidate.bytes);
        swept.bytes = swept.bytes.saturating_add(candidate.bytes).saturating_add(unused);
        swept.removed.push(candidate.number);
        Ok(())
    }

    fn chunks_in(&self, number: SegmentNumber) -> Vec<(ChunkId, Place)> {
        let index = self.index();
        index.iter().filter(|(_, place)| place.segment == number).map(|(id, place)| (*id, *place)).collect()
    }
}

/// What a segment is worth: as much as the most valuable quarter of it at least. A few needed chunks among many that
/// nobody needs are fetched again sooner than the disk is emptied of the rest. With the bytes that somebody needs.
fn worth_of(
    chunks: &[(ChunkId, Place)],
    segment_bytes: u64,
    worth: &dyn Fn(&ChunkId) -> Worth,
) -> (Worth, u64) {
    let mut worths: Vec<_> = chunks.iter().map(|(id, place)| (Reverse(worth(id)), place.bytes())).collect();
    worths.sort_unstable();
    let needed = worths.iter().filter(|(Reverse(worth), _)| *worth > Worth(0)).map(|(_, bytes)| bytes).sum();
    let mut counted = 0_u64;
    let quarter = worths.iter().find(|(_, bytes)| {
        counted = counted.saturating_add(*bytes);
        counted.saturating_mul(4) >= segment_bytes
    });
    (quarter.map_or(Worth(0), |(Reverse(worth), _)| *worth), needed)
}
