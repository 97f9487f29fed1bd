//! Where a peer that dialled this node can be dialled itself, for connections of its bulk plane.
//!
//! Its address is the one observed, its port the one it tells. Without that its chunks still come, on its control
//! connection, where they hold up messages.

use pollux_core::message::Control;
use pollux_core::{PeerId, Trust};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Addresses of the peers that dialled; one for each connection, so bounded as they are.
#[derive(Debug)]
pub(super) struct Reach {
    trust: Arc<Trust>,
    observed: BTreeMap<PeerId, IpAddr>,
}

impl Reach {
    pub(super) const fn new(trust: Arc<Trust>) -> Self {
        Self { trust, observed: BTreeMap::new() }
    }

    /// A peer has dialled.
    pub(super) fn note(&mut self, peer: PeerId, address: SocketAddr) {
        self.observed.insert(peer, address.ip().to_canonical());
    }

    /// It is gone.
    pub(super) fn forget(&mut self, peer: &PeerId) {
        self.observed.remove(peer);
    }

    /// Whether the policy names it as a seed: an operator wants to know when it cannot be reached.
    pub(super) fn is_seed(&self, peer: &PeerId) -> bool {
        self.trust.is_seed(peer)
    }

    /// Where to reach a peer that has just said where it listens, if the policy lets that address be dialled.
    pub(super) fn told(&self, peer: &PeerId, message: &Control) -> Option<SocketAddr> {
        let Control::Hello(hello) = message else { return None };
        let address = *self.observed.get(peer)?;
        let may = hello.listen_port != 0 && self.trust.policy().may_dial(&address);
        may.then(|| SocketAddr::new(address, hello.listen_port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use pollux_client::pool::{self, InitRequest};
    use pollux_core::message::Hello;
    use pollux_core::{PeerRole, PoolFile, PublicKey};

    fn reach() -> Reach {
        let directory = tempfile::tempdir().unwrap();
        let now = Clock::new(0).wall();
        let request = InitRequest {
            directory: directory.path().join("pool"),
            name: "ci".to_owned(),
            seed_address: "192.0.2.1:4480".to_owned(),
            networks: vec![pool::network("10.0.0.0/8").unwrap()],
            patterns: vec!["**".parse().unwrap()],
            policy_days: 1,
            now,
        };
        pool::init(&request).unwrap();
        let text = std::fs::read_to_string(directory.path().join("pool/pool.json")).unwrap();
        Reach::new(Arc::new(Trust::open(&PoolFile::from_json(&text).unwrap(), now).unwrap()))
    }

    fn peer() -> PeerId {
        PeerId::new(PublicKey::from_bytes([3; 32]))
    }

    fn hello(listen_port: u16) -> Control {
        let (pool, software) = ("ci".to_owned(), "a test".to_owned());
        Control::Hello(Hello { pool, role: PeerRole::Node, software, membership: None, listen_port })
    }

    #[test]
    fn a_peer_that_dialled_is_reached_at_the_port_that_it_tells() {
        let mut reach = reach();
        reach.note(peer(), "[::ffff:10.1.2.3]:50000".parse().unwrap());
        assert_eq!(reach.told(&peer(), &hello(4480)), Some("10.1.2.3:4480".parse().unwrap()));
        assert_eq!(reach.told(&peer(), &hello(0)), None);
        reach.forget(&peer());
        assert_eq!(reach.told(&peer(), &hello(4480)), None);
    }

    #[test]
    fn dial_metadata_address() {
        let mut reach = reach();
        for address in ["169.254.169.254:1", "127.0.0.1:1", "192.168.0.1:1"] {
            reach.note(peer(), address.parse().unwrap());
            assert_eq!(reach.told(&peer(), &hello(80)), None, "{address}");
        }
    }
}
