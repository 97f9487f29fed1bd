//! Every chunk that is named by an open swarm or wanted: whether the store holds it, where it is listed, who wants it.

use super::Wanter;
use super::limits::LOOSE_HELD_MAX;
use super::slab::{ChunkNo, Few, Slab, SwarmNo};
use crate::engine::FetchId;
use crate::limits::CHUNK_BYTES_MAX;
use crate::{ChunkId, ChunkRef, PeerId};
use std::collections::{BTreeMap, BTreeSet};

/// Where a swarm lists a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /** the swarm */
    pub(super) swarm: SwarmNo,
    /** in its index space */
    pub(super) index: u32,
}

/// Who wants a chunk, and what is done about it.
#[derive(Debug, Default)]
pub(super) struct Demand {
    /** those that do not have it yet */
    pub(super) wanters: Few<Wanter>,
    /** copies that are not verified yet */
    pub(super) fetches: Few<FetchId>,
    /** the copy that was verified, while its buffer lives */
    pub(super) verified: Option<FetchId>,
    /** holders of whole manifests that turned out to lack it, or to have something else under its name */
    pub(super) refused: Few<PeerId>,
    /** swarms that it was wanted of, to be asked while none lists it */
    pub(super) homes: Few<SwarmNo>,
}

impl Demand {
    /// Whether a copy is on its way or there.
    pub(super) fn in_flight(&self) -> bool {
        self.verified.is_some() || !self.fetches.is_empty()
    }

    fn is_over(&self) -> bool {
        self.wanters.is_empty() && !self.in_flight()
    }
}

/// One chunk.
#[derive(Debug)]
pub(super) struct Chunk {
    /** name and length */
    pub(super) chunk: ChunkRef,
    /** the store has it */
    pub(super) held: bool,
    /** where it is listed */
    pub(super) places: Few<Place>,
    /** none while nobody wants it */
    pub(super) demand: Option<Box<Demand>>,
}

impl Chunk {
    /// Its demand, made if there was none.
    pub(super) fn demand_mut(&mut self) -> &mut Demand {
        self.demand.get_or_insert_default()
    }
}

/// See the module. A name that is listed with two lengths is two chunks here: one listing is wrong, and it must not
/// spoil the other.
#[derive(Debug)]
pub(super) struct Table {
    chunks: Slab<ChunkNo, Chunk>,
    numbers: BTreeMap<ChunkRef, ChunkNo>,
    /** held, but neither listed nor wanted */
    loose_held: BTreeSet<ChunkId>,
    /** there were more of those than are remembered */
    loose_overflowed: bool,
}

impl Table {
    /// Knows nothing.
    pub(super) const fn new() -> Self {
        Self {
            chunks: Slab::new(),
            numbers: BTreeMap::new(),
            loose_held: BTreeSet::new(),
            loose_overflowed: false,
        }
    }

    /// The chunk with this number.
    pub(super) fn get(&self, no: ChunkNo) -> Option<&Chunk> {
        self.chunks.get(no)
    }

    /// The chunk with this number, to be changed.
    pub(super) fn get_mut(&mut self, no: ChunkNo) -> Option<&mut Chunk> {
        self.chunks.get_mut(no)
    }

    /// The demand for a chunk, if there is any.
    pub(super) fn demand(&self, no: ChunkNo) -> Option<&Demand> {
        self.get(no)?.demand.as_deref()
    }

    /// The demand for a chunk, to be changed, if there is any.
    pub(super) fn demand_mut(&mut self, no: ChunkNo) -> Option<&mut Demand> {
        self.get_mut(no)?.demand.as_deref_mut()
    }

    /// The number of a chunk, if it is known.
    pub(super) fn find(&self, chunk: &ChunkRef) -> Option<ChunkNo> {
        self.numbers.get(chunk).copied()
    }

    /// The number of a chunk, known from now on. [`Self::sweep`] forgets it again.
    pub(super) fn intern(&mut self, chunk: ChunkRef) -> ChunkNo {
        if let Some(no) = self.find(&chunk) {
            return no;
        }
        let held = self.is_held(chunk.id);
        self.loose_held.remove(&chunk.id);
        let no = self.chunks.insert(Chunk { chunk, held, places: Few::default(), demand: None });
        self.numbers.insert(chunk, no);
        no
    }

    /// All chunks of this name: one for each length that is claimed.
    pub(super) fn named(&self, id: ChunkId) -> Vec<ChunkNo> {
        let all = ChunkRef { id, bytes: 0 }..=ChunkRef { id, bytes: u32::MAX };
        self.numbers.range(all).map(|(_, &no)| no).collect()
    }

    /// Whether the store is believed to hold it.
    pub(super) fn is_held(&self, id: ChunkId) -> bool {
        let all = ChunkRef { id, bytes: 0 }..=ChunkRef { id, bytes: u32::MAX };
        self.loose_held.contains(&id)
            || self.numbers.range(all).any(|(_, &no)| self.get(no).is_some_and(|chunk| chunk.held))
    }

    /// Whether the store may hold it: it does, or more was held once than is remembered, and nobody lists it. Then the
    /// store itself has to say.
    pub(super) fn may_be_held(&self, id: ChunkId) -> bool {
        self.is_held(id) || (self.loose_overflowed && self.named(id).is_empty())
    }

    /// The plain bytes of a chunk; of one that nobody lists, as many as it may have.
    pub(super) fn bytes_at_most(&self, id: ChunkId) -> u32 {
        let all = ChunkRef { id, bytes: 0 }..=ChunkRef { id, bytes: u32::MAX };
        self.numbers.range(all).next_back().map_or(CHUNK_BYTES_MAX, |(chunk, _)| chunk.bytes)
    }

    /// The store holds a chunk that nobody lists.
    pub(super) fn hold_loose(&mut self, id: ChunkId) {
        if self.loose_held.len() < LOOSE_HELD_MAX {
            self.loose_held.insert(id);
        } else {
            self.loose_overflowed = true;
        }
    }

    /// The store does not hold it.
    pub(super) fn lose_loose(&mut self, id: ChunkId) {
        self.loose_held.remove(&id);
    }

    /// Forgets a demand that is over, and a chunk that nobody lists or wants.
    pub(super) fn sweep(&mut self, no: ChunkNo) {
        let Some(chunk) = self.chunks.get_mut(no) else { return };
        if chunk.demand.as_ref().is_some_and(|demand| demand.is_over()) {
            chunk.demand = None;
        }
        if chunk.demand.is_some() || !chunk.places.is_empty() {
            return;
        }
        if let Some(chunk) = self.chunks.remove(no) {
            self.numbers.remove(&chunk.chunk);
            if chunk.held {
                self.hold_loose(chunk.chunk.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: u8, bytes: u32) -> ChunkRef {
        ChunkRef { id: ChunkId::from_bytes([name; 32]), bytes }
    }

    #[test]
    fn two_lengths_are_two_chunks_of_one_name() {
        let mut table = Table::new();
        let (a, b) = (table.intern(chunk(1, 10)), table.intern(chunk(1, 20)));
        assert_ne!(a, b);
        assert_eq!(table.named(chunk(1, 0).id), [a, b]);
        assert_eq!(table.intern(chunk(1, 10)), a);
    }

    #[test]
    fn what_is_held_is_remembered_when_nobody_lists_it() {
        let (mut table, id) = (Table::new(), chunk(1, 10).id);
        table.hold_loose(id);
        let no = table.intern(chunk(1, 10));
        assert!(table.get(no).is_some_and(|chunk| chunk.held));
        table.sweep(no);
        assert!(table.get(no).is_none() && table.is_held(id));
        table.lose_loose(id);
        assert!(!table.is_held(id));
    }

    #[test]
    fn what_is_listed_or_wanted_stays() {
        let mut table = Table::new();
        let no = table.intern(chunk(1, 10));
        table.get_mut(no).unwrap().demand_mut().fetches.insert(FetchId(3));
        table.sweep(no);
        assert!(table.demand(no).is_some_and(Demand::in_flight));
        table.demand_mut(no).unwrap().fetches.remove(FetchId(3));
        let place = Place { swarm: SwarmNo::from(0), index: 0 };
        table.get_mut(no).unwrap().places.insert(place);
        table.sweep(no);
        assert!(table.get(no).is_some() && table.demand(no).is_none());
    }

    #[test]
    fn what_did_not_fit_may_be_held_unless_somebody_lists_it() {
        let mut table = Table::new();
        let (unknown, listed) = (chunk(1, 10), chunk(2, 10));
        assert!(!table.may_be_held(unknown.id));
        table.loose_overflowed = true;
        assert!(table.may_be_held(unknown.id) && !table.is_held(unknown.id));
        table.intern(listed);
        assert!(!table.may_be_held(listed.id), "of what is listed it is known");
    }

    #[test]
    fn memory_of_loose_chunks_is_bounded() {
        let mut table = Table::new();
        for n in 0..=u32::try_from(LOOSE_HELD_MAX).unwrap() {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&n.to_le_bytes());
            table.hold_loose(ChunkId::from_bytes(id));
        }
        assert_eq!(table.loose_held.len(), LOOSE_HELD_MAX);
        assert!(table.loose_overflowed);
    }
}
