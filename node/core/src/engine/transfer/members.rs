//! Swarms and their members: who takes part, what they announced, and when a member may be of use to a wanter.

use super::bits::Bits;
use super::fetch::Stage;
use super::slab::{ChunkNo, PeerNo, SwarmNo};
use super::swarm::{Gained, Swarm};
use super::table::Place;
use super::timers::Timer;
use super::{Transfer, Wanter};
use crate::limits::MANIFEST_CHUNKS_MAX;
use crate::{ChunkRef, Instant, ManifestId, PeerId};

impl Transfer {
    /// Opens a swarm that is not open.
    pub(super) fn open(&mut self, manifest: ManifestId, tree: &[ChunkRef], content_count: u32) {
        if self.swarms.find(manifest).is_some() {
            return;
        }
        let tree_count = u32::try_from(tree.len()).unwrap_or(u32::MAX);
        let space = tree_count.saturating_add(content_count).min(MANIFEST_CHUNKS_MAX);
        let no = self.swarms.open(Swarm::new(manifest, space));
        self.list(no, tree);
    }

    /// Lists chunks at the next indices of a swarm, as far as it has room.
    pub(super) fn list(&mut self, swarm: SwarmNo, chunks: &[ChunkRef]) {
        for &chunk in chunks {
            let no = self.table.intern(chunk);
            let Some(known) = self.swarms.get_mut(swarm).filter(|known| !known.content_is_known()) else {
                break;
            };
            let index = u32::try_from(known.chunks.len()).unwrap_or(u32::MAX);
            known.chunks.push(no);
            self.add_place(no, Place { swarm, index });
        }
        let wanters = self.swarms.get(swarm).map(|known| known.wanters.clone()).unwrap_or_default();
        wanters.into_iter().for_each(|wanter| self.refill(wanter));
    }

    fn add_place(&mut self, no: ChunkNo, place: Place) {
        let Some(chunk) = self.table.get_mut(no) else { return };
        chunk.places.insert(place);
        let sought =
            chunk.demand.as_ref().filter(|demand| !demand.in_flight()).map(|demand| demand.wanters.clone());
        if chunk.held {
            self.note_held_place(place);
            return;
        }
        sought.unwrap_or_default().iter().for_each(|wanter| self.mark(wanter, no));
    }

    /// Closes a swarm. What is still wanted of it can be had only through another one.
    pub(super) fn close(&mut self, manifest: ManifestId) {
        let Some((no, swarm)) = self.swarms.close(manifest) else { return };
        self.news.forget_swarm(no);
        for wanter in &swarm.wanters {
            if let Some(wants) = self.wanters.get_mut(wanter) {
                wants.lanes.remove(&no);
            }
        }
        for (peer, _) in swarm.members() {
            self.peers.account(peer, swarm.memory_of(peer), 0);
            if let Some(peer) = self.peers.get_mut(peer) {
                peer.swarms.remove(&no);
            }
        }
        for (index, &chunk) in (0..).zip(&swarm.chunks) {
            self.remove_place(chunk, Place { swarm: no, index });
        }
    }

    fn remove_place(&mut self, no: ChunkNo, place: Place) {
        if let Some(chunk) = self.table.get_mut(no) {
            chunk.places.remove(place);
            if let Some(demand) = &mut chunk.demand {
                demand.homes.remove(place.swarm);
            }
        }
        self.table.sweep(no);
    }

    /// A peer is gone.
    pub(super) fn remove_peer(&mut self, now: Instant, peer: PeerId) {
        let Some(no) = self.peers.find(peer) else { return };
        self.leave_all(no);
        self.serving.forget_peer(no);
        if let Some(gone) = self.peers.remove(no) {
            self.timers.disarm(gone.parts_from, Timer::Part(no));
            gone.paused_until.into_iter().for_each(|until| self.timers.disarm(until, Timer::Peer(no)));
        }
        self.abandon(peer, &[Stage::UnderWay]);
        if self.peers.is_empty() {
            self.alone_since = now;
            let wanters: Vec<Wanter> = self.wanters.keys().copied().collect();
            wanters.into_iter().for_each(|wanter| self.watch(wanter));
        }
    }

    /// A member has these indices too. Not noted of strangers, of those who sent wrong chunks, of swarms that are not
    /// open, or where memory for it is used up.
    pub(super) fn note_have(&mut self, peer: PeerId, manifest: ManifestId, ranges: &[(u32, u32)]) {
        let (Some(no), Some(swarm)) = (self.peers.find(peer), self.swarms.find(manifest)) else { return };
        let Some(known) = self.swarms.get(swarm) else { return };
        let has_memory = known.have(no).is_some_and(|have| have.bytes() > 0);
        let is_whole = matches!(ranges, [(0, to)] if *to >= known.space);
        let room = has_memory || is_whole || self.peers.has_room(no, Bits::bytes_at_most(known.space));
        let Some(peer) = self.peers.get_mut(no).filter(|peer| room && !peer.distrusted) else { return };
        peer.swarms.insert(swarm);
        let gained = self.change_have(no, swarm, |swarm| {
            swarm.join(no);
            swarm.gain(no, ranges)
        });
        self.note_near(no);
        self.note_gained(no, swarm, &gained.unwrap_or_default());
    }

    fn note_gained(&mut self, no: PeerNo, swarm: SwarmNo, gained: &Gained) {
        let Some(peer) = self.peers.get(no).filter(|peer| gained.count > 0 && peer.is_free()) else { return };
        let Some(known) = self.swarms.get(swarm) else { return };
        for wanter in &known.wanters {
            let Some(lane) = self.wanters.get_mut(wanter).and_then(|wants| wants.lanes.get_mut(&swarm))
            else {
                continue;
            };
            let of_use = !gained.is_listed()
                || !lane.loose.is_empty()
                || gained.first.iter().any(|&index| lane.todo.contains(index));
            if of_use {
                lane.note_free(no, peer);
                self.active.insert(*wanter);
            }
        }
    }

    /// Changes what a member is known to have, keeping account of the memory.
    pub(super) fn change_have<T>(
        &mut self,
        peer: PeerNo,
        swarm: SwarmNo,
        change: impl FnOnce(&mut Swarm) -> T,
    ) -> Option<T> {
        let known = self.swarms.get_mut(swarm)?;
        let before = known.memory_of(peer);
        let changed = change(known);
        let after = known.memory_of(peer);
        self.peers.account(peer, before, after);
        Some(changed)
    }

    /// A peer takes part in no swarm any more.
    pub(super) fn leave_all(&mut self, no: PeerNo) {
        let swarms = self.peers.get_mut(no).map(|peer| core::mem::take(&mut peer.swarms));
        swarms.unwrap_or_default().into_iter().for_each(|swarm| self.leave(no, swarm));
    }

    /// A peer takes part in a swarm no more.
    pub(super) fn leave(&mut self, no: PeerNo, swarm: SwarmNo) {
        self.change_have(no, swarm, |known| known.leave(no));
        if let Some(peer) = self.peers.get_mut(no) {
            peer.swarms.remove(&swarm);
        }
        let Some(known) = self.swarms.get(swarm) else { return };
        for wanter in &known.wanters {
            if let Some(lane) = self.wanters.get_mut(wanter).and_then(|wants| wants.lanes.get_mut(&swarm)) {
                lane.forget_peer(no);
            }
        }
    }

    /// A place in a peer's pipeline is free.
    pub(super) fn free_pipeline(&mut self, peer: PeerId) {
        let Some(no) = self.peers.find(peer) else { return };
        if let Some(peer) = self.peers.get_mut(no) {
            peer.queue = peer.queue.saturating_sub(1);
            self.make_ready(no);
        }
    }

    /// A peer that is free may be of use to whoever wants chunks of its swarms.
    pub(super) fn make_ready(&mut self, no: PeerNo) {
        let Some(peer) = self.peers.get(no).filter(|peer| peer.is_free()) else { return };
        let joined = self.swarms.wanted().filter(|(_, swarm)| swarm.have(no).is_some());
        for (swarm, wanter) in joined.flat_map(|(no, swarm)| swarm.wanters.iter().map(move |&who| (no, who)))
        {
            let lane = self.wanters.get_mut(&wanter).and_then(|wants| wants.lanes.get_mut(&swarm));
            if let Some(lane) = lane.filter(|lane| lane.has_work()) {
                lane.note_free(no, peer);
                self.active.insert(wanter);
            }
        }
    }
}
