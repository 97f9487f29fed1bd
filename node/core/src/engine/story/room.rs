//! A node that has enough neighbours: one that shares a swarm takes the place of one that shares none. Where there are
//! several seeds, one of them fills half of the places at most.
use super::Alarm;
use crate::engine::bounds::{NEIGHBOURS_PER_SEED_MAX, TRIAL_TIME};
use crate::engine::{DropReason, Engine};
use crate::limits::{NEWCOMERS_MAX, PEERS_MAX, SEED_PEERS_MAX};
use crate::{Now, PeerId};

impl Engine {
    /// Whether there is no place for a peer that has connected. A seed of the policy always has one.
    pub(super) fn has_no_place_for(&self, peer: &PeerId) -> bool {
        let peers = self.peers.len();
        if self.config.trust.is_seed(peer) {
            return false;
        }
        if self.is_seed() {
            return peers >= SEED_PEERS_MAX;
        }
        peers >= PEERS_MAX && peers >= PEERS_MAX + self.trials()
    }

    /// Whether a neighbour may be dialled: there is a place, counting dials under way, or it may take another's.
    pub(super) fn may_dial_one_more(&self, peer: &PeerId) -> bool {
        let peers = self.peers.len() + self.dials.neighbours_under_way();
        peers < PEERS_MAX || (self.swarms.concern(peer) && peers < PEERS_MAX + self.trials())
    }

    /// Whether a node may have one more peer from this seed; one that shares a swarm takes the place of another from it that
    /// shares none.
    pub(super) fn has_room_from(&mut self, now: Now, seed: &PeerId, newcomer: &PeerId) -> bool {
        let alone = self.config.trust.policy().seeds.len() == 1;
        let owed = self.peers.owed_to(seed) + self.dials.named_by(seed);
        if self.is_seed() || alone || owed < NEIGHBOURS_PER_SEED_MAX {
            return true;
        }
        if !self.swarms.concern(newcomer) {
            return false;
        }
        let owed = |peer: &PeerId| self.peers.get(peer).is_some_and(|found| found.is_owed_to(seed));
        let spared = |peer: &PeerId| !owed(peer) || self.swarms.concern(peer);
        let Some(idle) = self.peers.longest_silent(spared) else { return false };
        self.drop_peer(now, idle, DropReason::TooMany);
        true
    }

    /// Peers that may come on trial: as many as there are to make room for them.
    fn trials(&self) -> usize {
        let idle = self.peers.members().filter(|peer| !self.swarms.concern(peer));
        idle.take(NEWCOMERS_MAX).count()
    }

    /// A peer has connected: if it is one too many, it is on trial.
    pub(super) fn begin_trial(&mut self, now: Now, peer: PeerId) {
        if !self.is_seed() && self.peers.len() > PEERS_MAX && !self.config.trust.is_seed(&peer) {
            self.timers.set(Alarm::Trial(peer), now.instant.after(TRIAL_TIME));
        }
    }

    /// The trial is over: somebody has to go, if there are still too many.
    pub(super) fn end_trial(&mut self, now: Now, newcomer: PeerId) {
        if self.peers.len() <= PEERS_MAX {
            return;
        }
        let useful = self.swarms.concern(&newcomer);
        let spared = |peer: &PeerId| *peer == newcomer || self.swarms.concern(peer);
        let idle = self.peers.longest_silent(spared).filter(|_| useful);
        self.drop_peer(now, idle.unwrap_or(newcomer), DropReason::TooMany);
    }
}
