//! Zones: where this node and its peers are. A peer's own word counts, else the policy, which places addresses. Both only
//! say who is named to whom, who is asked first of two that are about as quick, and whose chunks are not fetched from far away:
//! a peer that lies about its zone is found out by its speed, and counts only while it gives. Where one of two zones is not
//! known, nobody is near or far.
use crate::engine::Engine;
use crate::message::Control;
use crate::{PeerId, Zone};
use std::net::IpAddr;

impl Engine {
    /// Tells a peer where this node is, if that was configured: what the policy says of its address, the peer knows.
    pub(super) fn say_zone(&mut self, peer: PeerId) {
        if let Some(zone) = self.config.zone.clone() {
            self.send(peer, Control::Zone { zone });
        }
    }

    /// A peer says where it is. Only its first word counts: nodes stay where they are, and each word is work.
    pub(super) fn on_zone(&mut self, peer: PeerId, zone: Zone) {
        let Some(found) = self.peers.get_mut(&peer).filter(|found| found.zone.is_none()) else { return };
        found.zone = Some(zone);
        self.place(&peer);
    }

    /// Notes where a peer that belongs is.
    pub(super) fn place(&mut self, peer: &PeerId) {
        let Some(found) = self.peers.get(peer) else { return };
        let zone = found.zone.clone().or_else(|| self.zone_at(&found.ip));
        if let (Some(zone), Some(own)) = (&zone, self.own_zone()) {
            self.transfer.peer_is_near(*peer, *zone == own);
        }
        if let Some(zone) = zone.filter(|_| self.is_seed()) {
            self.tracker.place(*peer, zone);
        }
    }

    fn own_zone(&self) -> Option<Zone> {
        let seen = || self.zone_at(&self.joining.address()?);
        self.config.zone.clone().or_else(seen)
    }

    /// The zone in which the policy has an address.
    fn zone_at(&self, address: &IpAddr) -> Option<Zone> {
        self.config.trust.policy().network_of(address)?.zone.parse().ok()
    }
}
