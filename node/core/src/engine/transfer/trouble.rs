//! What goes wrong with peers: they decline, break off, are slow, say nothing, or send something wrong.

use super::fetch::Stage;
use super::limits::{COPIES_MAX, HEDGE_AFTER_MIN, HEDGE_FACTOR, HEDGE_RETRY, STALL_FACTOR_MAX, STALLS_MAX};
use super::slab::{ChunkNo, PeerNo};
use super::timers::Timer;
use super::{Transfer, TransferOutput};
use crate::engine::{FetchFailure, FetchId, Source};
use crate::limits::{FETCH_TIMEOUT, FETCHES_MAX};
use crate::message::Decline;
use crate::{ChunkFault, Instant, PeerId};
use core::time::Duration;

impl Transfer {
    /// A fetch ended without a frame.
    pub(super) fn note_failure(&mut self, now: Instant, fetch: FetchId, why: FetchFailure) {
        let Some(known) = self.fetches.get(&fetch) else { return };
        if known.stage != Stage::UnderWay {
            return;
        }
        let (no, peer, begun) = (known.no, known.peer, known.begun);
        match why {
            FetchFailure::TooLong => return self.note_wrong(fetch, ChunkFault::TooLong),
            FetchFailure::Declined(Decline::Missing) => self.note_lacking(peer, no),
            FetchFailure::Declined(Decline::Busy | Decline::NotAMember | Decline::Unknown(_))
            | FetchFailure::Broken
            | FetchFailure::NotConnected => self.pause(now, peer, begun),
        }
        self.release(fetch);
        self.requeue(no);
    }

    /// A peer turned out to lack a chunk that it had announced.
    fn note_lacking(&mut self, peer: PeerId, no: ChunkNo) {
        let (Some(peer_no), Some(chunk)) = (self.peers.find(peer), self.table.get_mut(no)) else { return };
        let places = chunk.places.clone();
        if let Some(demand) = chunk.demand.as_mut().filter(|_| places.is_empty()) {
            demand.refused.insert(peer);
        }
        for place in places.iter() {
            self.change_have(peer_no, place.swarm, |swarm| swarm.lack(peer_no, place.index));
        }
    }

    /// A peer is left alone for a while, for what was asked of it then.
    fn pause(&mut self, now: Instant, peer: PeerId, asked: Instant) {
        let Some(no) = self.peers.find(peer) else { return };
        let Some(peer) = self.peers.get_mut(no) else { return };
        let Some(until) = peer.note_trouble(now, asked) else { return };
        if let Some(before) = peer.paused_until.replace(until) {
            self.timers.disarm(before, Timer::Peer(no));
        }
        self.timers.arm(until, Timer::Peer(no));
    }

    /// A peer's pause is over.
    pub(super) fn end_pause(&mut self, no: PeerNo) {
        if let Some(peer) = self.peers.get_mut(no) {
            peer.paused_until = None;
            self.make_ready(no);
        }
    }

    /// A peer sent something wrong: it is reported, and not asked again. Only for a chunk that no manifest lists, its
    /// length may be the job's mistake: then the peer merely does not have what is wanted.
    pub(super) fn blame(&mut self, peer: PeerId, no: ChunkNo, fault: ChunkFault) {
        let listed = self.table.get(no).is_some_and(|chunk| !chunk.places.is_empty());
        let by_length = matches!(fault, ChunkFault::TooLong | ChunkFault::WrongLength);
        if by_length && !listed {
            return self.note_lacking(peer, no);
        }
        let Some(peer_no) = self.peers.find(peer) else { return };
        let Some(known) = self.peers.get_mut(peer_no) else { return };
        if core::mem::replace(&mut known.distrusted, true) {
            return;
        }
        self.outbox.push_back(TransferOutput::Junk { peer, fault });
        self.leave_all(peer_no);
        self.abandon(peer, &[Stage::UnderWay, Stage::Arrived]);
    }

    /// Whatever was asked of a peer and has come no further is asked of others.
    pub(super) fn abandon(&mut self, peer: PeerId, stages: &[Stage]) {
        let lost =
            self.fetches.iter().filter(|(_, known)| known.peer == peer && stages.contains(&known.stage));
        let lost: Vec<(FetchId, ChunkNo)> = lost.map(|(&fetch, known)| (fetch, known.no)).collect();
        for (fetch, no) in lost {
            self.release(fetch);
            self.requeue(no);
        }
    }

    /// A fetch has taken long: a second copy is asked for, or after longer, it is given up.
    pub(super) fn look_after(&mut self, now: Instant, fetch: FetchId) {
        let Some(known) = self.fetches.get_mut(&fetch) else { return };
        known.timer = None;
        let stalled_at = self.stalled_at(fetch);
        if now >= stalled_at {
            return self.give_up(now, fetch);
        }
        self.hedge(now, fetch);
        let next = now.after(HEDGE_RETRY).min(stalled_at);
        if let Some(known) = self.fetches.get_mut(&fetch) {
            known.timer = Some(next);
            self.timers.arm(next, Timer::Fetch(fetch));
        }
    }

    /// When a fetch counts as stalled: a timeout after it was asked for, or after the last other chunk of that peer
    /// arrived, since a queue is served in turn; but not for ever.
    fn stalled_at(&self, fetch: FetchId) -> Instant {
        let Some(known) = self.fetches.get(&fetch) else { return Instant::ZERO };
        let arrived = self.peers.find(known.peer).and_then(|no| self.peers.get(no)).map(|peer| peer.arrived);
        let quiet_since = arrived.map_or(known.begun, |arrived| arrived.max(known.begun));
        quiet_since.after(FETCH_TIMEOUT).min(known.begun.after(FETCH_TIMEOUT * STALL_FACTOR_MAX))
    }

    fn give_up(&mut self, now: Instant, fetch: FetchId) {
        let Some(known) = self.fetches.get(&fetch) else { return };
        let (no, peer, begun) = (known.no, known.peer, known.begun);
        self.note_slow(peer, now.since(begun));
        self.pause(now, peer, begun);
        self.release(fetch);
        let Some(known) = self.peers.find(peer).and_then(|peer| self.peers.get_mut(peer)) else { return };
        known.stalls += 1;
        if known.stalls >= STALLS_MAX {
            known.stalls = 0;
            self.outbox.push_back(TransferOutput::Stalled { peer });
        }
        self.requeue(no);
    }

    /// Asks a second holder for a chunk that takes long, if one is free.
    fn hedge(&mut self, now: Instant, fetch: FetchId) {
        let Some(known) = self.fetches.get(&fetch) else { return };
        let (no, first, took) = (known.no, known.peer, now.since(known.begun));
        let Some(sponsor) = known.sponsor else { return };
        let copies = self.table.demand(no).map_or(COPIES_MAX, |demand| demand.fetches.len());
        if copies >= COPIES_MAX || self.fetches.len() >= FETCHES_MAX {
            return;
        }
        self.note_slow(first, took);
        if let Some(second) = self.second_holder(no, first)
            && let Some(output) = self.begin(now, &[no], second, sponsor)
        {
            self.outbox.push_back(TransferOutput::Do(output));
        }
    }

    /// The quickest free holder but one: peers before seeds.
    fn second_holder(&self, no: ChunkNo, first: PeerId) -> Option<PeerNo> {
        let chunk = self.table.get(no)?;
        let places =
            chunk.places.iter().filter_map(|place| Some((self.swarms.get(place.swarm)?, place.index)));
        let holders = places.flat_map(|(swarm, index)| {
            swarm.members().filter(move |(_, have)| have.contains(index)).map(|(peer, _)| peer)
        });
        let free = holders.filter_map(|peer| Some((peer, self.peers.get(peer)?)));
        let free = free.filter(|(_, peer)| peer.has_place() && peer.id != first);
        free.min_by_key(|(no, peer)| (peer.source == Source::Seed, peer.expected(), *no)).map(|(no, _)| no)
    }

    /// A copy came too late: its peer is slower than was thought.
    pub(super) fn note_lost_race(&mut self, now: Instant, copy: FetchId) {
        let Some(known) = self.fetches.get(&copy) else { return };
        let (peer, begun, stage) = (known.peer, known.begun, known.stage);
        let took = now.since(begun);
        if stage == Stage::UnderWay && took >= HEDGE_AFTER_MIN {
            self.note_slow(peer, took);
            self.pause(now, peer, begun);
        }
    }

    fn note_slow(&mut self, peer: PeerId, took: Duration) {
        if let Some(peer) = self.peers.find(peer).and_then(|no| self.peers.get_mut(no)) {
            peer.note_slow(took);
        }
    }

    /// How long a fetch may take before it is hedged.
    pub(super) fn hedge_after(&self) -> Duration {
        (self.typical * HEDGE_FACTOR).max(HEDGE_AFTER_MIN).min(FETCH_TIMEOUT)
    }

    /// Follows the median of what fetches take: up a little for each that took longer, down for each that did not.
    pub(super) fn note_typical(&mut self, took: Duration) {
        let step = self.typical / 16 + Duration::from_micros(1);
        self.typical =
            if took > self.typical { self.typical + step } else { self.typical.saturating_sub(step) };
    }
}
