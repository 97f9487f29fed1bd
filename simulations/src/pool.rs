//! The pool's documents: real keys, a real policy, real signatures. All keys are made of fixed bytes, so each run has
//! the same peers.

use crate::cache::Cache;
use crate::numbered::NodeNo;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use pollux_core::{
    Envelope, Key, KeyPair, Manifest, Network, PeerId, Policy, PoolFile, Provenance, Publisher, Query, Root,
    Seed, Timestamp, Token, Trust,
};
use std::sync::Arc;

/// The wall clock at the beginning of every run: 2026-11-03T09:05:00Z.
pub(crate) const BEGIN: Timestamp = Timestamp::from_millis(1_793_696_700_000);
/// Where peers listen.
pub(crate) const PORT: u16 = 4001;
const POOL: &str = "simulation";
const KEY: &str = "simulation/main/cache/v1";
/// All documents hold this long: longer than any run.
const LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);

/// The pool.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) trust: Arc<Trust>,
    /// The join token.
    pub(crate) token: Envelope,
    publisher: KeyPair,
}

impl Pool {
    /// A pool with one seed.
    #[expect(clippy::expect_used, reason = "the same documents in every run; a test opens them")]
    pub(crate) fn new() -> Self {
        let (root_key, admission, publisher) =
            (key_pair("root", 0), key_pair("admission", 0), key_pair("publisher", 0));
        let expires = BEGIN.after(LIFE);
        let pool = POOL.to_owned();
        let root =
            Root { pool: pool.clone(), version: 1, expires, keys: vec![root_key.public()], threshold: 1 };
        let policy = policy(&publisher, &admission);
        let token = Token { pool, serial: "1".to_owned(), expires };
        let file = PoolFile {
            version: PoolFile::VERSION,
            root: Envelope::sign(&root, &root_key),
            policy: Envelope::sign(&policy, &root_key),
            token: Envelope::sign(&token, &admission),
        };
        let trust = Trust::open(&file, BEGIN).expect("the pool's own documents hold");
        Self { trust: Arc::new(trust), token: file.token, publisher }
    }

    /// The signed manifest of a cache.
    pub(crate) fn manifest(&self, cache: &Cache) -> Envelope {
        let manifest = Manifest {
            pool: POOL.to_owned(),
            key: key(),
            sequence: 1,
            created: BEGIN,
            expires: BEGIN.after(LIFE),
            tree: cache.tree().clone(),
            ancestors: Vec::new(),
            generation: 1,
            provenance: Provenance::default(),
            packages: None,
            grant: None,
        };
        Envelope::sign(&manifest, &self.publisher)
    }
}

/// What every job asks for.
pub(crate) fn query() -> Query {
    Query { key: key(), fallbacks: Vec::new() }
}

#[expect(clippy::expect_used, reason = "a constant; a test reads it")]
fn key() -> Key {
    KEY.parse().expect("the key is well-formed")
}

/// A node's identity. The seed's, which the policy names, is that of node 0.
pub(crate) fn identity(no: NodeNo) -> KeyPair {
    key_pair("node", no.0)
}

/// Where a node is.
pub(crate) fn address(no: NodeNo) -> SocketAddr {
    let [_, b, c, d] = no.0.saturating_add(1).to_be_bytes();
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, b, c, d)), PORT)
}

fn key_pair(what: &str, number: u32) -> KeyPair {
    let mut hasher = blake3::Hasher::new_derive_key("pollux-sim 2026 keys");
    hasher.update(what.as_bytes());
    hasher.update(&number.to_le_bytes());
    KeyPair::from_seed(*hasher.finalize().as_bytes())
}

#[expect(clippy::expect_used, reason = "constants; a test reads them")]
fn policy(publisher: &KeyPair, admission: &KeyPair) -> Policy {
    let expires = BEGIN.after(LIFE);
    let seed = NodeNo(0);
    let cidr = "10.0.0.0/8".parse().expect("the network is well-formed");
    Policy {
        pool: POOL.to_owned(),
        version: 1,
        expires,
        seeds: vec![Seed {
            peer: PeerId::new(identity(seed).public()),
            addresses: vec![address(seed).to_string()],
        }],
        write: 1,
        read: 1,
        faulty: 0,
        publishers: vec![Publisher {
            name: "gate".to_owned(),
            key: publisher.public(),
            patterns: vec!["simulation/**".parse().expect("the pattern is well-formed")],
            byte_share: None,
            pipelines: Vec::new(),
            expires,
        }],
        issuers: Vec::new(),
        admission: vec![admission.public()],
        yank: Vec::new(),
        networks: vec![Network { cidr, zone: "a".to_owned(), memberships: 1 }],
        manifest_life_max: LIFE.as_secs(),
        generations_max: 64,
        relayed_age_max: 600,
        strict_admission: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_believes_its_manifest() {
        let pool = Pool::new();
        let manifest = pool.manifest(&Cache::new(100_000, 65_536));
        let verified = pool.trust.verify_manifest(&manifest, BEGIN).unwrap();
        assert!(query().matched(&verified.manifest().key).is_some());
        assert!(pool.trust.is_seed(&PeerId::new(identity(NodeNo(0)).public())));
    }

    #[test]
    fn nodes_have_addresses_of_their_own_that_may_be_dialled() {
        assert_eq!(address(NodeNo(0)).to_string(), "10.0.0.1:4001");
        assert_eq!(address(NodeNo(255)).to_string(), "10.0.1.0:4001");
        let trust = Pool::new().trust;
        assert!([0, 9, 9_999].iter().all(|&no| trust.policy().may_dial(&address(NodeNo(no)).ip())));
    }
}
