//! Who may connect: bounds on connections in all, under way, per peer and per address, and on those of strangers.

use super::address::from_multiaddr;
use super::bounds::{
    CONNECTIONS_PER_ADDRESS_MAX, CONNECTIONS_PER_PEER_MAX, connections_max, handshakes_max,
    strangers_per_address_max,
};
use libp2p::connection_limits::{Behaviour, ConnectionLimits};
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour};
use libp2p::{Multiaddr, PeerId};
use pollux_core::PeerRole;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Counts connections and refuses those over a bound.
pub(super) struct Gate {
    limits: Behaviour,
    strangers_max: u32,
    /// Each inbound connection, established or on its way.
    inbound: BTreeMap<ConnectionId, Visitor>,
    per_address: BTreeMap<IpAddr, Crowd>,
}

/// One inbound connection.
#[derive(Clone, Copy, Debug)]
struct Visitor {
    from: IpAddr,
    /// Nobody has said yet that its peer belongs.
    stranger: bool,
}

/// Inbound connections from one address.
#[derive(Clone, Copy, Debug, Default)]
struct Crowd {
    all: u32,
    strangers: u32,
}

/// Too many connections come from one address.
#[derive(Debug, thiserror::Error)]
#[error("too many connections from {0}")]
struct AddressFull(IpAddr);

impl Gate {
    /// With the bounds of the role.
    pub(super) fn new(role: PeerRole) -> Self {
        let limits = ConnectionLimits::default()
            .with_max_pending_incoming(Some(handshakes_max(role)))
            .with_max_established(Some(connections_max(role)))
            .with_max_established_per_peer(Some(CONNECTIONS_PER_PEER_MAX));
        Self {
            limits: Behaviour::new(limits),
            strangers_max: strangers_per_address_max(role),
            inbound: BTreeMap::new(),
            per_address: BTreeMap::new(),
        }
    }

    /// Before the handshake of an inbound connection.
    pub(super) fn knock(
        &mut self,
        connection: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.limits.handle_pending_inbound_connection(connection, local, remote)?;
        let Some(ip) = from_multiaddr(remote).map(|address| address.ip()) else { return Ok(()) };
        let crowd = self.per_address.entry(ip).or_default();
        if crowd.all >= CONNECTIONS_PER_ADDRESS_MAX || crowd.strangers >= self.strangers_max {
            return Err(ConnectionDenied::new(AddressFull(ip)));
        }
        crowd.all = crowd.all.saturating_add(1);
        crowd.strangers = crowd.strangers.saturating_add(1);
        self.inbound.insert(connection, Visitor { from: ip, stranger: true });
        Ok(())
    }

    /// A connection's peer belongs: it leaves room for other strangers.
    pub(super) fn admit(&mut self, connection: ConnectionId) {
        let Some(visitor) = self.inbound.get_mut(&connection).filter(|visitor| visitor.stranger) else {
            return;
        };
        visitor.stranger = false;
        if let Some(crowd) = self.per_address.get_mut(&visitor.from) {
            crowd.strangers = crowd.strangers.saturating_sub(1);
        }
    }

    /// After the handshake of an inbound connection.
    pub(super) fn enter(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.limits.handle_established_inbound_connection(connection, peer, local, remote).map(drop)
    }

    /// After the handshake of a connection that this node dialled.
    pub(super) fn leave_house(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let limits = &mut self.limits;
        limits
            .handle_established_outbound_connection(connection, peer, remote, Endpoint::Dialer, PortUse::New)
            .map(drop)
    }

    /// Keeps the counts.
    pub(super) fn on_swarm_event(&mut self, event: &FromSwarm<'_>) {
        self.limits.on_swarm_event(*event);
        if let FromSwarm::ConnectionClosed(closed) = event {
            self.release(closed.connection_id);
        } else if let FromSwarm::ListenFailure(failure) = event {
            self.release(failure.connection_id);
        }
    }

    fn release(&mut self, connection: ConnectionId) {
        let Some(Visitor { from, stranger }) = self.inbound.remove(&connection) else { return };
        let Some(crowd) = self.per_address.get_mut(&from) else { return };
        crowd.all = crowd.all.saturating_sub(1);
        crowd.strangers = crowd.strangers.saturating_sub(u32::from(stranger));
        if crowd.all == 0 {
            self.per_address.remove(&from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libp2p::swarm::ListenError;
    use libp2p::swarm::behaviour::ListenFailure;

    fn address(text: &str) -> Multiaddr {
        text.parse().expect("a multiaddress")
    }

    fn knock(gate: &mut Gate, number: usize, from: &str) -> bool {
        let local = address("/ip4/127.0.0.1/tcp/1");
        gate.knock(ConnectionId::new_unchecked(number), &local, &address(from)).is_ok()
    }

    fn give_up(gate: &mut Gate, number: usize) {
        let here = address("/ip4/127.0.0.1/tcp/1");
        let failure = ListenFailure {
            local_addr: &here,
            send_back_addr: &here,
            error: &ListenError::Aborted,
            connection_id: ConnectionId::new_unchecked(number),
            peer_id: None,
        };
        gate.on_swarm_event(&FromSwarm::ListenFailure(failure));
    }

    #[test]
    fn handshakes_under_way_are_bounded_and_leave_room_when_they_fail() {
        let mut gate = Gate::new(PeerRole::Node);
        let most = usize::try_from(handshakes_max(PeerRole::Node)).expect("small");
        for number in 0..most {
            assert!(knock(&mut gate, number, &format!("/ip4/10.0.1.{number}/tcp/1")));
        }
        assert!(!knock(&mut gate, most, "/ip4/10.0.0.2/tcp/1"));
        give_up(&mut gate, 0);
        assert!(knock(&mut gate, most + 1, "/ip4/10.0.0.2/tcp/1"));
    }

    #[test]
    fn one_address_cannot_take_all_room() {
        let mut gate = Gate::new(PeerRole::Seed);
        let most = usize::try_from(CONNECTIONS_PER_ADDRESS_MAX).expect("small");
        for number in 0..most {
            assert!(knock(&mut gate, number, "/ip4/10.0.0.1/tcp/1"));
            enter(&mut gate, number);
            gate.admit(ConnectionId::new_unchecked(number));
        }
        assert!(!knock(&mut gate, most, "/ip4/10.0.0.1/tcp/2"));
        give_up(&mut gate, most);
        assert!(knock(&mut gate, most + 1, "/ip4/10.0.0.2/tcp/1"));
        assert_eq!(gate.per_address.len(), 2);
        give_up(&mut gate, most + 1);
        assert_eq!(gate.per_address.len(), 1);
    }

    #[test]
    fn strangers_of_one_address_leave_room_to_those_of_others() {
        for role in [PeerRole::Seed, PeerRole::Node] {
            let mut gate = Gate::new(role);
            let most = usize::try_from(strangers_per_address_max(role)).expect("small");
            for number in 0..most {
                assert!(knock(&mut gate, number, "/ip4/10.0.0.1/tcp/1"));
                enter(&mut gate, number);
            }
            assert!(!knock(&mut gate, most, "/ip4/10.0.0.1/tcp/1"), "whether in its handshake or after");
            assert!(knock(&mut gate, most + 1, "/ip4/10.0.0.2/tcp/1"));
            for _ in 0..2 {
                gate.admit(ConnectionId::new_unchecked(0));
            }
            assert!(knock(&mut gate, most + 2, "/ip4/10.0.0.1/tcp/1"), "one of them belongs");
            assert!(!knock(&mut gate, most + 3, "/ip4/10.0.0.1/tcp/1"), "and counts once");
            give_up(&mut gate, 0);
            assert!(!knock(&mut gate, most + 3, "/ip4/10.0.0.1/tcp/1"), "one that belongs made no room");
            give_up(&mut gate, 1);
            assert!(knock(&mut gate, most + 3, "/ip4/10.0.0.1/tcp/1"));
        }
    }

    fn enter(gate: &mut Gate, number: usize) {
        let here = address("/ip4/127.0.0.1/tcp/1");
        gate.enter(ConnectionId::new_unchecked(number), PeerId::random(), &here, &here).expect("room");
    }
}
