//! The end: what waits is given, and before all what nobody else in the neighbourhood has, each chunk to one that passes
//! it on. Nothing else is begun.

use super::Transfer;
use super::table::Place;
use crate::message::{ChunkSet, Decline};
use crate::{ChunkId, ManifestId};
use std::collections::BTreeMap;

/// What a node that ends still gives.
#[derive(Debug, Default)]
pub(super) struct LastGifts {
    /** it ends */
    is_ending: bool,
    /** what only this node has, and was not given yet */
    rare: BTreeMap<ChunkId, Place>,
}

impl LastGifts {
    /// Why a chunk that is asked for now is not given.
    pub(super) fn refusal(&self, chunk: ChunkId) -> Option<Decline> {
        let refused = self.is_ending && !self.rare.contains_key(&chunk);
        // Who still has something to get is not told to come back later, which it would take for all of it.
        let why = if self.rare.is_empty() { Decline::Busy } else { Decline::Missing };
        refused.then_some(why)
    }

    /// Somebody else has it now, or it turned out that this node has not.
    pub(super) fn note_given(&mut self, chunk: &ChunkId) {
        self.rare.remove(chunk);
    }
}

impl Transfer {
    /// What the store holds of a swarm and no member has announced; nothing where nobody else takes part.
    pub(crate) fn only_here(&self, manifest: ManifestId) -> ChunkSet {
        let swarm = self.swarms.find(manifest).and_then(|no| self.swarms.get(no));
        let swarm = swarm.filter(|swarm| swarm.members().next().is_some());
        let held = swarm.into_iter().flat_map(|swarm| swarm.held.iter().map(move |index| (swarm, index)));
        held.filter(|(swarm, index)| swarm.holders(*index) == 0).map(|(_, index)| index).collect()
    }

    /// From now on nothing is given but what was asked for before, and these chunks of open swarms, each until it was.
    pub(crate) fn give_last(&mut self, rare: &[(ManifestId, ChunkSet)]) {
        let mut chunks = BTreeMap::new();
        for (manifest, indices) in rare {
            let Some(swarm) = self.swarms.find(*manifest) else { continue };
            for index in indices.iter() {
                let no = self.swarms.get(swarm).and_then(|known| known.chunk(index));
                let chunk = no.and_then(|no| self.table.get(no));
                chunks.extend(chunk.map(|known| (known.chunk.id, Place { swarm, index })));
            }
        }
        self.serving.last = LastGifts { is_ending: true, rare: chunks };
    }

    /// A member has announced more: what it has need not be given any more.
    pub(super) fn note_spread(&mut self) {
        let swarms = &self.swarms;
        let is_rare =
            |place: &Place| swarms.get(place.swarm).is_none_or(|known| known.holders(place.index) == 0);
        self.serving.last.rare.retain(|_, place| is_rare(place));
    }

    /// Whether nothing is left to give since [`Self::give_last`].
    pub(crate) fn gave_last(&self) -> bool {
        self.serving.last.is_ending && self.serving.last.rare.is_empty() && self.serving.is_idle()
    }
}
