//! What bounds the wire: counts, windows and patience, each with its reason.

use pollux_core::PeerRole;
use pollux_core::limits::{PEERS_MAX, SEED_PEERS_MAX, STRANGER_BYTES_MAX};
use std::time::Duration;

/// Control messages that may wait for one peer: a slow peer costs so many, and the engine's credit runs out.
pub(super) const CONTROL_WINDOW: u32 = 64;
/// Events that may wait for the driver; when they do, nothing more is read from any peer.
pub(super) const EVENTS_MAX: usize = 256;
/// Requests read from one bulk stream and not yet served, at most: what an honest peer has under way in all.
pub(super) const ASKS_PER_STREAM_MAX: usize = 16;
/// Bulk streams that a peer may open on one connection: one is all that a connection can use, one may be dying.
pub(super) const GIVERS_PER_CONNECTION_MAX: usize = 2;
/// Requests that wait on one lane at most, those that were cancelled included: beyond, the peer answers nothing.
pub(super) const REQUESTS_PER_LANE_MAX: usize = 64;
/// Bulk connections that this node dials to one peer: each is driven by its own task, two keep two cores busy.
pub(super) const LANES_PER_PEER_MAX: usize = 2;
/// Requests under way on every lane from which a further lane pays.
pub(super) const LANE_BUSY: u32 = 4;
/// Connections with one peer: control, a second one while both sides dial at once, and the bulk of both sides.
pub(super) const CONNECTIONS_PER_PEER_MAX: u32 = 6;
/// Connections from one address: many nodes may share one behind a NAT, or on loopback.
pub(super) const CONNECTIONS_PER_ADDRESS_MAX: u32 = 4096;
/// Bytes that are read of a connection's socket, within TLS, before its peer is known to belong: what it may say
/// (`STRANGER_BYTES_MAX`), and three times as much for negotiations and for the twelve bytes that the multiplexer adds to each
/// frame, also where the frames are small.
pub(super) const STRANGER_SOCKET_BYTES_MAX: usize = 4 * STRANGER_BYTES_MAX;
/// Addresses of one dial that are tried at most.
pub(super) const DIAL_ADDRESSES_MAX: usize = 16;

/// Connections at most: a control connection and bulk for every peer that is served at one time.
pub(super) fn connections_max(role: PeerRole) -> u32 {
    let peers = match role {
        PeerRole::Seed => SEED_PEERS_MAX,
        PeerRole::Node => PEERS_MAX,
    };
    u32::try_from(peers.saturating_mul(3)).unwrap_or(u32::MAX)
}

/// Handshakes under way from outside at most: each costs a signature, so a flood of them must not take the CPU.
pub(super) fn handshakes_max(role: PeerRole) -> u32 {
    match role {
        PeerRole::Seed => 1024,
        PeerRole::Node => 128,
    }
}

/// Connections from one address at most whose peers are not known to belong, those in their handshakes included: many
/// nodes may boot at once behind one NAT, and who finds no place tries again within a second; but the places for all
/// ([`handshakes_max`]) must not go to one address.
pub(super) fn strangers_per_address_max(role: PeerRole) -> u32 {
    match role {
        PeerRole::Seed => 64,
        PeerRole::Node => 32,
    }
}

/// How long the wire waits for what. One value for the program; tests shorten it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For a dial with its handshakes.
    pub(super) handshake: Duration,
    /// For the negotiation of a stream, and for the first use of a connection.
    pub(super) first_use: Duration,
    /// For a peer that dialled, and is not known to belong, to open its control stream. From then on the engine gives it
    /// as long to prove itself.
    pub(super) stranger: Duration,
    /// For the next use of a bulk connection by the side that dialled it; the other side waits twice as long.
    pub(super) idle: Duration,
    /// For a peer to take a byte of what is written to it.
    pub(super) stall: Duration,
    /// For the last messages to a peer that is let go.
    pub(super) farewell: Duration,
    /// Before a peer that cannot be dialled back is tried again.
    pub(super) redial: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            first_use: Duration::from_secs(10),
            stranger: Duration::from_secs(3),
            idle: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            farewell: Duration::from_secs(2),
            redial: Duration::from_secs(30),
        }
    }
}
