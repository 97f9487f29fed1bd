//! Fetches that take long, and peers that say nothing.
//!
//! A fetch that takes much longer than others of its class is hedged: one second holder is asked as well, and whoever sends
//! second is cancelled. That costs bytes, so only a small part of a wanter's may be had so; but what a silent peer was asked
//! for is had elsewhere in any case.
//!
//! A peer that says nothing for much longer than usual, while others send, has stalled: all that was asked of it is put back
//! at once, and it is left alone for a while. If nobody sends it is nobody's fault until the fetch timeout. Three stalls in a
//! row are reported. That is no judgement: it may come back, and begins anew. One that has never given anything
//! has less credit: it has stalled also when nobody sends at the moment, and of a straggler's chunk others are asked first
//! that have given something: whoever only says that it has everything would be the next to say nothing. Of
//! two that have given nothing and keep a chunk for a second, one is called off for a seed, or for who has given something.

use super::fetch::Stage;
use super::limits::{COPIES_MAX, HEDGE_AFTER_MAX, HEDGE_GAIN, HEDGE_RETRY, STALL_FACTOR_MAX, STALLS_MAX};
use super::peers::Peer;
use super::slab::{ChunkNo, PeerNo};
use super::timers::Timer;
use super::{Transfer, TransferOutput};
use crate::engine::{FetchId, Source};
use crate::limits::{FETCH_TIMEOUT, FETCHES_MAX};
use crate::{Instant, PeerId};
use core::time::Duration;

/// Who may be asked for a second copy beside near peers.
#[derive(Clone, Copy, Debug)]
struct Others {
    /** seeds: of what takes very long */
    seeds_too: bool,
    /** far ones: of what a silent peer was asked for, as a second copy over a thin link makes all others late */
    far_too: bool,
}

impl Transfer {
    /// Copies that were asked for because the first took long, and bytes of frames that arrived twice; for measures.
    pub(crate) const fn hedged(&self) -> (u64, u64) {
        (self.hedges, self.duplicate_bytes)
    }

    /// A fetch has taken long: perhaps its peer has stalled, else a second copy is asked for, or after very long, it is given
    /// up.
    pub(super) fn look_after(&mut self, now: Instant, fetch: FetchId) {
        let Some(known) = self.fetches.get_mut(&fetch) else { return };
        known.timer = None;
        let (peer, begun) = (known.peer, known.begun);
        if self.has_stalled(now, peer) {
            return self.note_stall(now, peer);
        }
        if now >= begun.after(FETCH_TIMEOUT * STALL_FACTOR_MAX) {
            return self.give_up(now, fetch);
        }
        self.hedge(now, fetch);
        self.look_afar(now, fetch);
        let next = now.after(HEDGE_RETRY);
        if let Some(known) = self.fetches.get_mut(&fetch) {
            known.timer = Some(next);
            self.timers.arm(next, Timer::Fetch(fetch));
        }
    }

    fn peer_mut(&mut self, peer: PeerId) -> Option<&mut Peer> {
        self.peers.find(peer).and_then(|no| self.peers.get_mut(no))
    }

    fn peer(&self, peer: PeerId) -> Option<&Peer> {
        self.peers.find(peer).and_then(|no| self.peers.get(no))
    }

    /// A peer said something about what was asked of it.
    pub(super) fn note_heard(&mut self, now: Instant, peer: PeerId) {
        if let Some(peer) = self.peer_mut(peer) {
            peer.note_heard(now);
        }
    }

    /// Whether a peer has said nothing for much longer than usual, as long as others sent.
    fn is_silent(&self, now: Instant, peer: PeerId) -> bool {
        self.peer(peer).is_some_and(|peer| {
            peer.silent_for(now, self.flow.from()) >= self.usual.stall_after(peer.source, peer.stalls)
        })
    }

    fn has_stalled(&self, now: Instant, peer: PeerId) -> bool {
        let timed_out = self.peer(peer).is_some_and(|peer| peer.quiet_for(now) >= FETCH_TIMEOUT);
        timed_out || (self.flow.flows(now) && self.is_silent(now, peer)) || self.is_unheard(now, peer)
    }

    /// Whether a peer that has never given anything says nothing for much longer than others usually take, whether they send
    /// now or not.
    fn is_unheard(&self, now: Instant, peer: PeerId) -> bool {
        self.peer(peer).is_some_and(|peer| {
            let patience = self.usual.stall_after(peer.source, peer.stalls);
            let is_judged = self.usual.is_known(peer.source) && peer.source == Source::Peer;
            is_judged && !peer.is_proven() && peer.quiet_for(now) >= patience
        })
    }

    /// A peer has stalled.
    fn note_stall(&mut self, now: Instant, id: PeerId) {
        let flows = self.flow.flows(now);
        let Some(peer) = self.peer_mut(id) else { return };
        let quiet = peer.quiet_for(now);
        let count = if quiet >= FETCH_TIMEOUT { STALLS_MAX } else { 1 };
        // Where nobody sends it may be this node's own link: nobody is reported for that before the timeout.
        let most = if flows || quiet >= FETCH_TIMEOUT { u32::MAX } else { STALLS_MAX - 1 };
        peer.stalls = peer.stalls.saturating_add(count).min(most);
        peer.note_slow(quiet);
        peer.note_heard(now);
        let is_last = peer.stalls >= STALLS_MAX;
        self.note_near_of(id);
        self.pause(now, id, now);
        self.abandon(id, &[Stage::UnderWay]);
        if is_last {
            self.outbox.push_back(TransferOutput::Stalled { peer: id });
        }
    }

    /// A peer sends other things, but not this one.
    fn give_up(&mut self, now: Instant, fetch: FetchId) {
        let Some(known) = self.fetches.get(&fetch) else { return };
        let (no, peer, begun) = (known.no, known.peer, known.begun);
        self.pause(now, peer, begun);
        self.release(fetch);
        self.requeue(no);
    }

    /// Asks a second holder for a chunk that takes long, if one is free.
    fn hedge(&mut self, now: Instant, fetch: FetchId) {
        let Some(known) = self.fetches.get(&fetch) else { return };
        let (no, first, bytes, took) = (known.no, known.peer, known.chunk.bytes, now.since(known.begun));
        let Some(sponsor) = known.sponsor else { return };
        let copies = self.table.demand(no).map_or(COPIES_MAX, |demand| demand.fetches.len());
        if copies >= COPIES_MAX && took >= HEDGE_AFTER_MAX {
            return self.replace(now, fetch);
        }
        let is_silent = self.is_silent(now, first);
        let in_budget = self.wanters.get(&sponsor).is_some_and(super::Wants::may_hedge);
        if copies >= COPIES_MAX || self.fetches.len() >= FETCHES_MAX || !(in_budget || is_silent) {
            return;
        }
        if took >= self.usual.late_after(known.source) {
            self.note_slow(first, took);
        }
        let within = if is_silent { FETCH_TIMEOUT } else { took / HEDGE_GAIN };
        let seeds_too = is_silent || took >= HEDGE_AFTER_MAX;
        let others = Others { seeds_too, far_too: seeds_too };
        let second = self.second_holder((no, first), within, others);
        let Some(output) = second.and_then(|second| self.begin(now, &[no], second, sponsor)) else { return };
        self.outbox.push_back(TransferOutput::Do(output));
        self.hedges += 1;
        // Nothing comes twice from who sends nothing.
        let paid = if is_silent { 0 } else { u64::from(bytes) };
        if let Some(wants) = self.wanters.get_mut(&sponsor) {
            wants.hedged_bytes = wants.hedged_bytes.saturating_add(paid);
        }
    }

    /// Two have a chunk under way, and of this one nothing has ever come: who is surer to send is asked in its place.
    fn replace(&mut self, now: Instant, fetch: FetchId) {
        let Some(known) = self.fetches.get(&fetch) else { return };
        let (no, first, sponsor, begun) = (known.no, known.peer, known.sponsor, known.begun);
        let is_unheard =
            self.peer(first).is_some_and(|peer| unsure(peer) > 1 && peer.quiet_for(now) >= HEDGE_AFTER_MAX);
        let others = Others { seeds_too: true, far_too: true };
        let other = self.second_holder((no, first), FETCH_TIMEOUT, others);
        let other = other.filter(|other| {
            self.peers.get(*other).is_some_and(|peer| unsure(peer) <= 1 && !self.is_asked(no, peer.id))
        });
        let (Some(other), Some(sponsor), true) = (other, sponsor, is_unheard) else { return };
        let flowing_from = self.flow.from();
        if let Some(peer) = self.peer_mut(first) {
            peer.keep_silence(now, flowing_from);
        }
        self.pause(now, first, begun);
        self.release(fetch);
        let output = self.begin(now, &[no], other, sponsor);
        self.outbox.extend(output.map(TransferOutput::Do));
        self.hedges += 1;
    }

    fn is_asked(&self, no: ChunkNo, peer: PeerId) -> bool {
        let mut copies = self.table.demand(no).into_iter().flat_map(|demand| demand.fetches.iter());
        copies.any(|copy| self.fetches.get(&copy).is_some_and(|known| known.peer == peer))
    }

    /// The quickest free holder but one, if it is expected to send within this time: peers that have given something, then
    /// seeds, which are there for what peers do not give, then peers of which nothing is known.
    fn second_holder(
        &self,
        (no, first): (ChunkNo, PeerId),
        within: Duration,
        others: Others,
    ) -> Option<PeerNo> {
        let chunk = self.table.get(no)?;
        let places =
            chunk.places.iter().filter_map(|place| Some((self.swarms.get(place.swarm)?, place.index)));
        let holders = places.flat_map(|(swarm, index)| {
            swarm.members().filter(move |(_, have)| have.contains(index)).map(|(peer, _)| peer)
        });
        let free = holders.filter_map(|peer| Some((peer, self.peers.get(peer)?)));
        let free = free.filter(|(_, peer)| peer.has_place() && peer.id != first);
        let free = free.filter(|(_, peer)| others.seeds_too || peer.source != Source::Seed);
        let free = free.filter(|(_, peer)| others.far_too || !peer.is_far());
        let free = free.filter(|(_, peer)| peer.expected() <= within);
        free.min_by_key(|(no, peer)| (peer.is_far(), unsure(peer), peer.expected(), *no)).map(|(no, _)| no)
    }

    /// A copy came too late. If that is late for its class, its peer is slower than was thought, and left alone for a while if
    /// it sent nothing meanwhile.
    pub(super) fn note_lost_race(&mut self, now: Instant, copy: FetchId) {
        let Some(known) = self.fetches.get(&copy) else { return };
        let (id, begun, stage) = (known.peer, known.begun, known.stage);
        let took = now.since(begun);
        if stage != Stage::UnderWay {
            self.duplicate_bytes += u64::from(known.frame_bytes);
            return;
        }
        let (is_late, flowing_from) = (took >= self.usual.late_after(known.source), self.flow.from());
        let Some(peer) = self.peer_mut(id) else { return };
        peer.keep_silence(now, flowing_from);
        let was_silent = peer.arrived <= begun;
        if is_late {
            peer.note_slow(took);
            if was_silent {
                self.pause(now, id, begun);
            }
        }
    }

    fn note_slow(&mut self, peer: PeerId, took: Duration) {
        if let Some(peer) = self.peer_mut(peer) {
            peer.note_slow(took);
        }
    }
}

/// How unsure it is that a holder sends what it is asked for.
fn unsure(peer: &Peer) -> u8 {
    match (peer.source, peer.is_proven()) {
        (Source::Peer | Source::Local, true) => 0,
        (Source::Seed, _) => 1,
        (Source::Peer | Source::Local, false) => 2,
    }
}
