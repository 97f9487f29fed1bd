//! What goes wrong with peers: they decline, break off, or send something wrong. Who is slow or says nothing: see `slow`.

use super::fetch::Stage;
use super::limits::BUSY_IN_A_ROW;
use super::slab::{ChunkNo, PeerNo, SwarmNo};
use super::timers::Timer;
use super::{Transfer, TransferOutput};
use crate::engine::{FetchFailure, FetchId, Source};
use crate::message::Decline;
use crate::{ChunkFault, Instant, PeerId};
use std::collections::BTreeSet;

impl Transfer {
    /// A fetch ended without a frame.
    pub(super) fn note_failure(&mut self, now: Instant, fetch: FetchId, why: FetchFailure) {
        let Some(known) = self.fetches.get(&fetch) else { return };
        if known.stage != Stage::UnderWay {
            return;
        }
        let (no, peer, begun) = (known.no, known.peer, known.begun);
        self.note_heard(now, peer);
        match why {
            FetchFailure::TooLong => return self.note_wrong(fetch, ChunkFault::TooLong),
            FetchFailure::Declined(Decline::Missing) => self.note_lacking(peer, no),
            FetchFailure::Declined(Decline::Busy) => {
                if self.pause(now, peer, begun) {
                    self.note_busy(peer, no);
                }
            }
            FetchFailure::Declined(Decline::NotAMember | Decline::Unknown(_))
            | FetchFailure::Broken
            | FetchFailure::NotConnected => {
                self.pause(now, peer, begun);
            }
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

    /// One request more that a peer declined because it was busy. A seed that does so again and again has too many to give
    /// to, and this node too few others to ask.
    fn note_busy(&mut self, peer: PeerId, no: ChunkNo) {
        let peer = self.peers.find(peer).and_then(|no| self.peers.get_mut(no));
        let Some(peer) = peer.filter(|peer| peer.source == Source::Seed) else { return };
        peer.busy += 1;
        let places = self.table.get(no).map(|chunk| &chunk.places).filter(|_| peer.busy >= BUSY_IN_A_ROW);
        let Some(places) = places else { return };
        peer.busy = 0;
        let swarms: BTreeSet<SwarmNo> = places.iter().map(|place| place.swarm).collect();
        let manifests =
            swarms.into_iter().filter_map(|swarm| self.swarms.get(swarm)).map(|swarm| swarm.manifest);
        self.outbox.extend(manifests.map(|manifest| TransferOutput::SeedBusy { manifest }));
    }

    /// A peer is left alone for a while, for what was asked of it then; false if it is already, for that.
    pub(super) fn pause(&mut self, now: Instant, peer: PeerId, asked: Instant) -> bool {
        let Some(no) = self.peers.find(peer) else { return false };
        let Some(peer) = self.peers.get_mut(no) else { return false };
        let Some(until) = peer.note_trouble(now, asked) else { return false };
        if let Some(before) = peer.paused_until.replace(until) {
            self.timers.disarm(before, Timer::Peer(no));
        }
        self.timers.arm(until, Timer::Peer(no));
        true
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
}
