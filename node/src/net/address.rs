//! Peer ids and addresses, between Pollux's words and libp2p's.

use libp2p::Multiaddr;
use libp2p::core::transport::TransportError;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::DialError;
use pollux_client::printable::printable;
use pollux_core::{PeerId, PublicKey};
use std::io;
use std::net::SocketAddr;

/// A seed has an address or two.
const DIAL_FAILED_CHARS_MAX: usize = 300;
/// Multihash code (identity) and length, then the protobuf tags of an Ed25519 key of 32 bytes.
const ED25519_PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// What stands before an address that is dialled for bulk.
const BULK: Option<Protocol<'static>> = Some(Protocol::Tls);

/// The same peer in libp2p's words.
pub(super) fn to_libp2p(peer: PeerId) -> libp2p::PeerId {
    let bytes: Vec<u8> = ED25519_PREFIX.iter().chain(peer.key().as_bytes()).copied().collect();
    #[expect(
        clippy::expect_used,
        reason = "an identity multihash of 36 bytes is a peer id, whatever the key"
    )]
    libp2p::PeerId::from_bytes(&bytes).expect("an identity multihash of 36 bytes")
}

/// The peer, if it proves itself with an Ed25519 key; any other kind of key is none of ours.
pub(super) fn from_libp2p(peer: &libp2p::PeerId) -> Option<PeerId> {
    let bytes = peer.to_bytes();
    let key = <[u8; 32]>::try_from(bytes.strip_prefix(&ED25519_PREFIX)?).ok()?;
    Some(PeerId::new(PublicKey::from_bytes(key)))
}

/// `/ip4/…/tcp/…` or `/ip6/…/tcp/…`.
pub(super) fn to_multiaddr(address: SocketAddr) -> Multiaddr {
    Multiaddr::empty().with(Protocol::from(address.ip())).with(Protocol::Tcp(address.port()))
}

/// The same address, to be dialled for bulk: `/tls` stands before it. The TCP transport ignores what stands there, and the
/// upgrades of the connection see it.
pub(super) fn for_bulk(address: &Multiaddr) -> Multiaddr {
    BULK.into_iter().chain(address.iter()).collect()
}

/// Whether an address is one of [`for_bulk`].
pub(super) fn is_bulk(address: &Multiaddr) -> bool {
    address.iter().next() == BULK
}

/// The socket address in a multiaddress of the two above, if it has one.
pub(super) fn from_multiaddr(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter().skip_while(|part| Some(part) == BULK.as_ref());
    let first = parts.next()?;
    let Some(Protocol::Tcp(port)) = parts.next() else { return None };
    if let Protocol::Ip4(ip) = first {
        return Some(SocketAddr::from((ip, port)));
    }
    let Protocol::Ip6(ip) = first else { return None };
    Some(SocketAddr::from((ip, port)))
}

/// Of each address what came of it, for people, on one line; at most [`DIAL_FAILED_CHARS_MAX`].
pub(super) fn dial_failed(why: &DialError) -> String {
    let shown = |address: &Multiaddr| {
        from_multiaddr(address).map_or_else(|| address.to_string(), |address| address.to_string())
    };
    let words = if let DialError::WrongPeerId { address, .. } = why {
        format!("another identity answers at {}: is the pool file of another pool?", shown(address))
    } else if let DialError::Transport(tried) = why {
        let one =
            |(address, why): &(Multiaddr, TransportError<io::Error>)| format!("{}: {why}", shown(address));
        tried.iter().map(one).collect::<Vec<_>>().join("; ")
    } else {
        why.to_string()
    };
    printable(&words).chars().take(DIAL_FAILED_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use libp2p::identity::Keypair;

    #[test]
    fn peer_ids_survive_the_way_there_and_back() {
        let theirs = Keypair::generate_ed25519().public().to_peer_id();
        let ours = from_libp2p(&theirs).expect("an Ed25519 key");
        assert_eq!(to_libp2p(ours), theirs);
        assert_eq!(ours.to_string(), theirs.to_string());
    }

    #[test]
    fn a_key_that_is_no_point_of_the_curve_still_converts() {
        let ours = PeerId::new(PublicKey::from_bytes([0xff; 32]));
        assert_eq!(from_libp2p(&to_libp2p(ours)), Some(ours));
    }

    #[test]
    fn another_kind_of_key_is_refused() {
        // A SHA-256 multihash, as RSA and ECDSA keys have.
        let mut bytes = vec![0x12, 0x20];
        bytes.extend([7; 32]);
        let theirs = libp2p::PeerId::from_bytes(&bytes).expect("a multihash");
        assert_eq!(from_libp2p(&theirs), None);
        assert_eq!(from_libp2p(&libp2p::PeerId::random()), None);
    }

    #[test]
    fn addresses_survive_the_way_there_and_back() {
        for text in ["127.0.0.1:4001", "[::1]:4001", "[2001:db8::7]:65535"] {
            let address: SocketAddr = text.parse().expect("an address");
            let multi = to_multiaddr(address);
            assert_eq!(from_multiaddr(&multi), Some(address));
            assert_eq!(from_multiaddr(&for_bulk(&multi)), Some(address));
            assert_eq!((is_bulk(&multi), is_bulk(&for_bulk(&multi))), (false, true));
        }
        for text in ["/ip4/10.0.0.1/udp/4001", "/dns4/example.org/tcp/4001", "/memory/7", "/ip4/10.0.0.1"] {
            assert_eq!(from_multiaddr(&text.parse().expect("a multiaddress")), None, "{text}");
        }
        let with_peer: Multiaddr =
            format!("/ip4/10.0.0.1/tcp/1/p2p/{}", libp2p::PeerId::random()).parse().expect("one");
        assert_eq!(from_multiaddr(&with_peer), Some(SocketAddr::from(([10, 0, 0, 1], 1))));
    }
}
