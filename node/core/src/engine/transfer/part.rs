//! What a seed says is to be taken of it. In a crowd each member takes another part of a seed, and the rest from the other
//! members; so a seed sends about one copy.

use super::Transfer;
use super::TransferOutput;
use super::bits::Bits;
use super::limits::PART_ASK_BELOW;
use super::slab::{PeerNo, SwarmNo};
use crate::engine::Source;
use crate::{ManifestId, PeerId};

/// See the module.
#[derive(Debug)]
pub(super) struct Part {
    /** which chunks, taken or not */
    pub(super) chunks: Bits,
    /** of these, not yet asked of the seed; those that came from elsewhere count */
    left: u32,
    /** another part was asked for */
    asked: bool,
}

impl Part {
    /// Nothing yet.
    pub(super) fn new(space: u32) -> Self {
        Self { chunks: Bits::new(space), left: 0, asked: false }
    }

    fn add(&mut self, ranges: &[(u32, u32)]) {
        let mut new = 0;
        for &(from, to) in ranges {
            self.chunks.insert_range(from, to, &mut |_| new += 1);
        }
        self.left += new;
        self.asked = false;
    }

    /// So many chunks were asked of the seed, or (none) nothing is left to ask. True if another part is to be asked for.
    fn take(&mut self, count: u32) -> bool {
        self.left = if count > 0 { self.left.saturating_sub(count) } else { 0 };
        self.left < PART_ASK_BELOW && !core::mem::replace(&mut self.asked, true)
    }
}

impl Transfer {
    /// A seed says what is to be taken of it.
    pub(super) fn note_part(&mut self, seed: PeerId, manifest: ManifestId, ranges: &[(u32, u32)]) {
        let (Some(no), Some(swarm)) = (self.peers.find(seed), self.swarms.find(manifest)) else { return };
        let Some(peer) = self.peers.get_mut(no).filter(|peer| peer.source == Source::Seed) else { return };
        peer.swarms.insert(swarm);
        if let Some(swarm) = self.swarms.get_mut(swarm) {
            swarm.part_mut(no).add(ranges);
        }
        self.make_ready(no);
    }

    /// So many chunks were asked of a seed, or there was none to be asked.
    pub(super) fn use_part(&mut self, swarm: SwarmNo, seed: PeerNo, count: u32) {
        let Some(swarm) = self.swarms.get_mut(swarm) else { return };
        let manifest = swarm.manifest;
        let used = swarm.known_part_mut(seed).is_some_and(|part| part.take(count));
        if let Some(seed) = self.peers.get(seed).filter(|_| used).map(|peer| peer.id) {
            self.outbox.push_back(TransferOutput::PartUsed { seed, manifest });
        }
    }
}
