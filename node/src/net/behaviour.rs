//! How the swarm calls the wire's books.

use super::NetEvent;
use super::address::from_libp2p;
use super::handler::{Handler, Order, Report};
use super::wire::Wire;
use libp2p::Multiaddr;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, ToSwarm};
use pollux_core::PeerId;
use std::task::{Context, Poll};

/// The peer's key is of another kind than ours.
#[derive(Debug, thiserror::Error)]
#[error("not an Ed25519 identity")]
struct ForeignKey;

fn ours(peer: &libp2p::PeerId) -> Result<PeerId, ConnectionDenied> {
    from_libp2p(peer).ok_or_else(|| ConnectionDenied::new(ForeignKey))
}

impl NetworkBehaviour for Wire {
    type ConnectionHandler = Handler;
    type ToSwarm = NetEvent;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.gate.knock(connection, local, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: libp2p::PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        let id = ours(&peer)?;
        self.gate.enter(connection, peer, local, remote)?;
        if self.is_admitted(id) {
            self.gate.admit(connection);
        }
        Ok(self.handler(id, None))
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: libp2p::PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        self.gate.leave_house(connection, peer, remote)?;
        let id = ours(&peer)?;
        let dialled_for = self.peers.get(&id).and_then(|peer| peer.dials.get(&connection)).copied();
        Ok(self.handler(id, dialled_for))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        self.gate.on_swarm_event(&event);
        if let FromSwarm::ConnectionEstablished(established) = &event
            && let Some(id) = from_libp2p(&established.peer_id)
        {
            self.on_established(id, established);
        } else if let FromSwarm::ConnectionClosed(closed) = &event
            && let Some(id) = from_libp2p(&closed.peer_id)
        {
            self.on_closed(id, closed);
        } else if let FromSwarm::DialFailure(failure) = &event {
            self.on_dial_failed(failure);
        }
    }

    fn on_connection_handler_event(&mut self, peer: libp2p::PeerId, link: ConnectionId, report: Report) {
        if let Some(id) = from_libp2p(&peer) {
            self.report(id, link, report);
        }
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<NetEvent, Order>> {
        self.out.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}
