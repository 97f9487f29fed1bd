//! What a seed says is to be taken of it. In a crowd each member takes another part of a seed, and the rest from the other
//! members; so a seed sends about one copy.

use super::bits::Bits;
use super::limits::{PART_ASK_BELOW, PART_ASK_EVERY, PART_WAIT_MAX};
use super::peers::Peer;
use super::slab::{PeerNo, SwarmNo};
use super::timers::Timer;
use super::{Transfer, TransferOutput};
use crate::engine::Source;
use crate::{Instant, ManifestId, PeerId};

/// See the module.
#[derive(Debug)]
pub(super) struct Part {
    /** which chunks, taken or not */
    pub(super) chunks: Bits,
    /** of these, not yet asked of the seed; those that came from elsewhere count */
    left: u32,
    /** when another part was asked for, until that is said */
    asked: Option<Instant>,
}

impl Part {
    /// Nothing yet.
    pub(super) fn new(space: u32) -> Self {
        Self { chunks: Bits::new(space), left: 0, asked: None }
    }

    /// Memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.bytes()
    }

    /// Whether the seed is about to say what else is to be taken of it.
    pub(super) fn is_awaited(&self, now: Instant) -> bool {
        self.asked.is_some_and(|asked| now.since(asked) < PART_WAIT_MAX)
    }

    /// Adds what the seed says. When it was asked for that, if it was.
    fn add(&mut self, ranges: &[(u32, u32)]) -> Option<Instant> {
        let mut new = 0;
        for &(from, to) in ranges {
            self.chunks.insert_range(from, to, &mut |_| new += 1);
        }
        self.left += new;
        self.asked.take()
    }

    /// So many chunks were asked of the seed, or (none) nothing is left to ask. True if another part is to be asked for.
    const fn take(&mut self, count: u32) -> bool {
        self.left = if count > 0 { self.left.saturating_sub(count) } else { 0 };
        self.left < PART_ASK_BELOW && self.asked.is_none()
    }
}

impl Transfer {
    /// A seed says what is to be taken of it. Not noted of who is no seed, or sent wrong chunks, for swarms that are not
    /// open, or where memory for it is used up.
    pub(super) fn note_part(&mut self, seed: PeerId, manifest: ManifestId, ranges: &[(u32, u32)]) {
        let (Some(no), Some(swarm)) = (self.peers.find(seed), self.swarms.find(manifest)) else { return };
        let Some(known) = self.swarms.get(swarm) else { return };
        let has_memory = known.part(no).is_some_and(|part| part.bytes() > 0);
        let room = has_memory || self.peers.has_room(no, Bits::bytes_at_most(known.space));
        let is_seed = |peer: &&mut Peer| peer.source == Source::Seed && !peer.distrusted;
        let Some(peer) = self.peers.get_mut(no).filter(is_seed).filter(|_| room) else { return };
        peer.swarms.insert(swarm);
        let asked = self.change_have(no, swarm, |swarm| {
            swarm.join(no);
            swarm.part_mut(no).add(ranges)
        });
        self.note_near(no);
        if let Some(asked) = asked.flatten() {
            self.timers.disarm(asked.after(PART_WAIT_MAX), Timer::Part(no));
        }
        self.make_ready(no);
    }

    /// So many chunks were asked of a seed, or there was none to be asked. Whoever lacks little finds nothing in most parts:
    /// it asks for the next at a pace that no seed takes for a flood.
    pub(super) fn use_part(&mut self, now: Instant, (swarm, seed): (SwarmNo, PeerNo), count: u32) {
        let (Some(swarm), Some(peer)) = (self.swarms.get_mut(swarm), self.peers.get_mut(seed)) else {
            return;
        };
        let (manifest, id) = (swarm.manifest, peer.id);
        let Some(part) = swarm.known_part_mut(seed) else { return };
        if !part.take(count) {
            return;
        }
        if now < peer.parts_from {
            return self.timers.arm(peer.parts_from, Timer::Part(seed));
        }
        part.asked = Some(now);
        peer.parts_from = now.after(PART_ASK_EVERY);
        self.timers.arm(now.after(PART_WAIT_MAX), Timer::Part(seed));
        self.outbox.push_back(TransferOutput::PartUsed { seed: id, manifest });
    }
}
