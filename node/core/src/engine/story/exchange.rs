//! Neighbours of neighbours: while no seed is here, a node that has few asks some of those it has who else takes part.
//!
//! A member names only who is connected to it and takes part, and few of them; whoever is named has to show its membership
//! as anybody does. What nobody asked for is not heard, and of one member's word a node has few neighbours at a time, so
//! that a liar can waste some dials, and no more.
use crate::engine::Engine;
use crate::engine::bounds::{MEMBERS_ASKED_MAX, NAMED_BY_MEMBER_MAX};
use crate::message::Control;
use crate::{ManifestId, PeerId};

impl Engine {
    /// Asks some members that take part for others.
    pub(super) fn ask_neighbours(&mut self, manifest: ManifestId) {
        let mut members = self.taking_part(&manifest);
        self.chance.shuffle(&mut members);
        members.truncate(MEMBERS_ASKED_MAX);
        let Some(swarm) = self.swarms.get_mut(&manifest) else { return };
        swarm.asked = members.iter().copied().collect();
        for peer in members {
            self.send(peer, Control::AskNeighbours { manifest });
        }
    }

    /// A member that takes part asks for others. Seeds name some to everybody who enters.
    pub(super) fn on_ask_neighbours(&mut self, peer: PeerId, manifest: ManifestId) {
        let mut others = self.taking_part(&manifest);
        if self.is_seed() || !others.contains(&peer) {
            return;
        }
        others.retain(|other| *other != peer);
        self.chance.shuffle(&mut others);
        let reached = others.iter().filter_map(|other| self.peers.reach(other));
        let peers = reached.take(NAMED_BY_MEMBER_MAX).collect();
        self.send(peer, Control::Neighbours { manifest, peers });
    }

    /// Members that are connected and take part in a swarm.
    fn taking_part(&self, manifest: &ManifestId) -> Vec<PeerId> {
        let Some(swarm) = self.swarms.get(manifest) else { return Vec::new() };
        self.peers.members().filter(|peer| swarm.neighbours.contains(peer)).collect()
    }
}
