//! The pool's documents: real keys, a real policy, real signatures. All keys are made of fixed bytes, so each run has
//! the same peers.

use crate::content::Version;
use crate::numbered::NodeNo;
use crate::scenario::Scenario;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use pollux_core::{
    Envelope, Key, KeyPair, Manifest, ManifestId, Network, Papers, PeerId, Policy, PoolFile, Provenance,
    Publisher, Query, Receipt, Root, Seed, Timestamp, Token, Trust, Yank, Yanked,
};
use std::sync::Arc;

/// The wall clock at the beginning of every run: 2026-11-03T09:05:00Z.
pub(crate) const BEGIN: Timestamp = Timestamp::from_millis(1_793_696_700_000);
/// Where peers listen.
pub(crate) const PORT: u16 = 4001;
const POOL: &str = "simulation";
/// All documents hold this long: longer than any run.
const LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);

/// The pool.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) trust: Arc<Trust>,
    /// The join token.
    pub(crate) token: Envelope,
    file: PoolFile,
    publisher: KeyPair,
    yanker: KeyPair,
}

impl Pool {
    /// The pool of a scenario: its seeds are the first nodes.
    #[expect(clippy::expect_used, reason = "the same documents in every run; a test opens them")]
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let (root_key, admission, publisher) =
            (key_pair("root", 0), key_pair("admission", 0), key_pair("publisher", 0));
        let expires = BEGIN.after(LIFE);
        let pool = POOL.to_owned();
        let root =
            Root { pool: pool.clone(), version: 1, expires, keys: vec![root_key.public()], threshold: 1 };
        let yanker = key_pair("yank", 0);
        let policy = policy(scenario, [&publisher, &admission, &yanker]);
        let token = Token { pool, serial: "1".to_owned(), expires };
        let file = PoolFile {
            version: PoolFile::VERSION,
            root: Envelope::sign(&root, &root_key),
            policy: Envelope::sign(&policy, &root_key),
            token: Envelope::sign(&token, &admission),
        };
        let trust = Trust::open(&file, BEGIN).expect("the pool's own documents hold");
        Self { trust: Arc::new(trust), token: file.token.clone(), file, publisher, yanker }
    }

    /// What a node judges by that has these papers on its disk.
    pub(crate) fn trust_with(&self, papers: Option<&Papers>, wall: Timestamp) -> Arc<Trust> {
        let opened = papers.and_then(|papers| Trust::open_with(&self.file, papers, wall).ok());
        opened.map_or_else(|| Arc::clone(&self.trust), Arc::new)
    }

    /// A yank of a manifest.
    pub(crate) fn yank(&self, number: usize, manifest: ManifestId, time: Timestamp) -> Papers {
        let yank = Yank {
            pool: POOL.to_owned(),
            serial: (number + 1).to_string(),
            what: Yanked::Manifest(manifest),
            reason: "the scenario says so".to_owned(),
            cascade: false,
            time,
            manifests: Vec::new(),
        };
        Papers { yanks: vec![Envelope::sign(&yank, &self.yanker)], ..Papers::default() }
    }

    /// The signed manifest of a version of the cache of this name, of one of several builds that publish it.
    pub(crate) fn manifest(&self, name: &str, version: &Version, build: u32) -> Envelope {
        self.manifest_at(name, version, (build, version.sequence))
    }

    /// The same at a higher sequence, after a race that nobody won.
    pub(crate) fn manifest_at(
        &self,
        name: &str,
        version: &Version,
        (build, sequence): (u32, u64),
    ) -> Envelope {
        let provenance = Provenance { build: build.to_string(), ..Provenance::default() };
        let manifest = Manifest { provenance, sequence, ..self.plain_manifest(name, version) };
        Envelope::sign(&manifest, &self.publisher)
    }

    /// What somebody makes up who has no publisher's key: the newest of all.
    pub(crate) fn forged(&self, name: &str, version: &Version, forger: &KeyPair) -> Envelope {
        let manifest = Manifest { sequence: version.sequence + 1_000, ..self.plain_manifest(name, version) };
        Envelope::sign(&manifest, forger)
    }

    fn plain_manifest(&self, name: &str, version: &Version) -> Manifest {
        Manifest {
            pool: POOL.to_owned(),
            key: key(name),
            sequence: version.sequence,
            created: BEGIN,
            expires: BEGIN.after(LIFE),
            tree: version.tree.clone(),
            ancestors: Vec::new(),
            generation: 1,
            provenance: Provenance::default(),
            packages: None,
            grant: None,
        }
    }
}

/// What a job that restores the cache of this name asks for.
pub(crate) fn query(name: &str) -> Query {
    Query { key: key(name), fallbacks: Vec::new() }
}

#[expect(
    clippy::expect_used,
    reason = "the scenario's check lets only names through that fit; a test reads one"
)]
fn key(name: &str) -> Key {
    format!("simulation/main/{name}/1").parse().expect("the key is well-formed")
}

/// A seed's receipt for whatever it is offered.
pub(crate) fn receipt(no: NodeNo, manifest: &Envelope, time: Timestamp) -> Option<Envelope> {
    let key = identity(no);
    let Manifest { key: of, sequence, .. } = manifest.body().ok()?;
    let seed = PeerId::new(key.public());
    let receipt = Receipt { pool: POOL.to_owned(), seed, manifest: manifest.id(), key: of, sequence, time };
    Some(Envelope::sign(&receipt, &key))
}

/// A node's identity. Those of the first nodes are the seeds', which the policy names.
pub(crate) fn identity(no: NodeNo) -> KeyPair {
    key_pair("node", no.0)
}

/// Where a node of a zone is: each zone is a network of its own. Those of one host have ports of their own.
pub(crate) fn address(no: NodeNo, host: NodeNo, zone: usize) -> SocketAddr {
    let [_, _, c, d] = host.0.saturating_add(1).to_be_bytes();
    let port = u16::try_from(no.0.saturating_sub(host.0)).unwrap_or_default().saturating_add(PORT);
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, octet(zone), c, d)), port)
}

fn octet(zone: usize) -> u8 {
    u8::try_from(zone).unwrap_or(u8::MAX)
}

fn key_pair(what: &str, number: u32) -> KeyPair {
    let mut hasher = blake3::Hasher::new_derive_key("pollux-sim 2026 keys");
    hasher.update(what.as_bytes());
    hasher.update(&number.to_le_bytes());
    KeyPair::from_seed(*hasher.finalize().as_bytes())
}

#[expect(clippy::expect_used, reason = "constants and small numbers; a test reads them")]
fn policy(scenario: &Scenario, [publisher, admission, yanker]: [&KeyPair; 3]) -> Policy {
    let expires = BEGIN.after(LIFE);
    let zone = scenario.zone(&scenario.seeds.zone).unwrap_or_default();
    let seed = |no| Seed {
        peer: PeerId::new(identity(NodeNo(no)).public()),
        addresses: vec![address(NodeNo(no), NodeNo(no), zone).to_string()],
    };
    let network = |zone: usize| Network {
        cidr: format!("10.{}.0.0/16", octet(zone)).parse().expect("the network is well-formed"),
        zone: scenario.zones.get(zone).map_or_else(|| "all".to_owned(), |zone| zone.name.clone()),
        memberships: 1,
    };
    // As a pool begins: as many faulty seeds as may be, and two majorities that share an honest one.
    let faulty = (scenario.seeds.count - 1) / 3;
    let both = scenario.seeds.count.saturating_add(faulty) / 2 + 1;
    Policy {
        pool: POOL.to_owned(),
        version: 1,
        expires,
        seeds: (0..scenario.seeds.count).map(seed).collect(),
        write: both,
        read: both,
        faulty,
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
        yank: vec![yanker.public()],
        networks: (0..scenario.zones.len().max(1)).map(network).collect(),
        manifest_life_max: LIFE.as_secs(),
        generations_max: 64,
        relayed_age_max: 600,
        strict_admission: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Content;

    #[test]
    fn the_pool_believes_its_manifests() {
        for name in ["crowd", "two-regions", "long-tail"] {
            let scenario = Scenario::ready(name).unwrap();
            let (pool, content) = (Pool::new(&scenario), Content::new(&scenario));
            for (_, version) in content.versions() {
                let cache = &scenario.caches[version.cache].name;
                let manifest = pool.manifest(cache, version, 0);
                let verified = pool.trust.verify_manifest(&manifest, BEGIN).unwrap();
                assert!(query(cache).matched(&verified.manifest().key).is_some());
            }
            for no in 0..scenario.seeds.count {
                assert!(pool.trust.is_seed(&PeerId::new(identity(NodeNo(no)).public())));
            }
        }
    }

    #[test]
    fn nodes_have_addresses_of_their_own_that_may_be_dialled() {
        let at = |no, host, zone| address(NodeNo(no), NodeNo(host), zone);
        assert_eq!(at(0, 0, 0).to_string(), "10.0.0.1:4001");
        assert_eq!(at(255, 255, 1).to_string(), "10.1.1.0:4001");
        assert_eq!(at(7, 5, 0).to_string(), "10.0.0.6:4003");
        let trust = Pool::new(&Scenario::ready("two-regions").unwrap()).trust;
        let dialled = |no, zone| trust.policy().may_dial(&at(no, no, zone).ip());
        assert!(dialled(0, 0) && dialled(9_999, 1) && !dialled(9, 2));
    }
}
