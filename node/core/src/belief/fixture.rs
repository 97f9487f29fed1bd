//! A pool for tests: root keys, seeds, a publisher, and everything that they sign.
//!
//! ```ignore
//! let mut pool = Pool::new(4);                           // 4 seeds: write 3, read 3, faulty 1
//! pool.policy.generations_max = 2;                       // change what the pool says, then …
//! let trust = pool.trust();                              // … open it: at WALL
//! let manifest = pool.manifest("core/main/npm/1", 7);    // change what it says, then …
//! let certified = pool.certified(&manifest);             // … sign it, with `write` receipts at WALL
//! let certified = trust.certify(&certified, WALL).unwrap();
//! ```
//!
//! The publisher `gate` may sign `core/**`; any 2 of the 3 root keys sign. All keys are made of fixed bytes, so each
//! run has the same ids. Nothing here expires within an hour of [`WALL`].
use crate::{
    Asked, CandidateRef, CertifiedEnvelope, CertifiedManifest, ChunkId, ChunkRef, Document, Envelope,
    FreshnessAnswer, Grant, Issuer, KeyPair, Lineage, Manifest, ManifestId, Membership, Network, Nonce,
    PeerId, PeerRole, Policy, PoolFile, Provenance, PublicKey, Publisher, Query, Receipt, RelayedAnswer,
    Root, Seed, Timestamp, Token, TreeRef, TreeTotals, Trust, Yank, Yanked,
};
use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

/// The time of every test: 2026-11-03T09:05:00Z.
pub(crate) const WALL: Timestamp = Timestamp::from_millis(1_793_696_700_000);
/// The pool's name.
pub(crate) const POOL: &str = "fixture";
/// Where its members are.
pub(crate) const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));

/// `WALL` and so many seconds.
pub(crate) fn later(seconds: u64) -> Timestamp {
    WALL.after(Duration::from_secs(seconds))
}

/// So many seconds before `WALL`.
pub(crate) fn earlier(seconds: u64) -> Timestamp {
    Timestamp::from_millis(WALL.as_millis() - seconds * 1000)
}

/// A key pair made of this byte.
pub(crate) fn key_pair(byte: u8) -> KeyPair {
    KeyPair::from_seed([byte; 32])
}

/// A node that is no seed.
pub(crate) fn node(number: u8) -> PeerId {
    PeerId::new(key_pair(100 + number).public())
}

/// A query for a key, then these fallbacks.
pub(crate) fn query(key: &str, fallbacks: &[&str]) -> Query {
    let fallbacks = fallbacks.iter().map(|fallback| fallback.parse().unwrap()).collect();
    Query { key: key.parse().unwrap(), fallbacks }
}

/// See the module. What the pool says may be changed before it is signed.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) roots: Vec<KeyPair>,
    pub(crate) seeds: Vec<KeyPair>,
    pub(crate) publisher: KeyPair,
    pub(crate) admission: KeyPair,
    pub(crate) root: Root,
    pub(crate) policy: Policy,
}

impl Pool {
    /// A pool of 1 to 16 seeds, with the quorums that so many allow.
    pub(crate) fn new(seeds: u8) -> Self {
        let roots: Vec<KeyPair> = (1..=3).map(key_pair).collect();
        let seeds: Vec<KeyPair> = (0..seeds).map(|number| key_pair(10 + number)).collect();
        let (publisher, admission) = (key_pair(4), key_pair(5));
        let keys = roots.iter().map(KeyPair::public).collect();
        let root = Root { pool: POOL.to_owned(), version: 1, expires: later(9_000), keys, threshold: 2 };
        let policy = policy(&seeds, &publisher, &admission);
        Self { roots, seeds, publisher, admission, root, policy }
    }

    /// The pool file, root and policy signed by as many root keys as the root's threshold says.
    pub(crate) fn file(&self) -> PoolFile {
        let threshold = usize::try_from(self.root.threshold).unwrap();
        let signers = &self.roots[..threshold];
        PoolFile {
            version: 1,
            root: signed(&self.root, signers),
            policy: signed(&self.policy, signers),
            token: self.token(later(8_000)),
        }
    }

    /// The pool, opened at `WALL`.
    pub(crate) fn trust(&self) -> Trust {
        Trust::open(&self.file(), WALL).unwrap()
    }

    /// A seed's peer id.
    pub(crate) fn seed_id(&self, seed: usize) -> PeerId {
        PeerId::new(self.seeds[seed].public())
    }

    /// A manifest of this key: made ten minutes before `WALL`, good for an hour, of one tree chunk and no files.
    #[expect(clippy::unused_self, reason = "reads as what belongs to the pool")]
    pub(crate) fn manifest(&self, key: &str, sequence: u64) -> Manifest {
        let tree = ChunkRef { id: ChunkId::of(format!("{key} {sequence}").as_bytes()), bytes: 100 };
        Manifest {
            pool: POOL.to_owned(),
            key: key.parse().unwrap(),
            sequence,
            created: earlier(600),
            expires: later(3_600),
            tree: TreeRef { chunks: vec![tree], totals: TreeTotals::default(), roots: vec![String::new()] },
            ancestors: Vec::new(),
            generation: 1,
            provenance: Provenance::default(),
            packages: None,
            grant: None,
        }
    }

    /// A manifest with the publisher's signature.
    pub(crate) fn sign(&self, manifest: &Manifest) -> Envelope {
        Envelope::sign(manifest, &self.publisher)
    }

    /// A seed's receipt for a signed manifest, whoever signed it.
    pub(crate) fn receipt(&self, seed: usize, manifest: &Envelope, time: Timestamp) -> Envelope {
        let Manifest { key, sequence, .. } = manifest.body().unwrap();
        let pool = POOL.to_owned();
        let receipt =
            Receipt { pool, seed: self.seed_id(seed), manifest: manifest.id(), key, sequence, time };
        Envelope::sign(&receipt, &self.seeds[seed])
    }

    /// A manifest, signed, with receipts of the first `write` seeds at `WALL`.
    pub(crate) fn certified(&self, manifest: &Manifest) -> CertifiedEnvelope {
        let write = usize::try_from(self.policy.write).unwrap();
        self.certified_at(manifest, &vec![WALL; write])
    }

    /// A manifest, signed, with a receipt of the first seed at the first of these times, and so on.
    pub(crate) fn certified_at(&self, manifest: &Manifest, times: &[Timestamp]) -> CertifiedEnvelope {
        self.with_receipts(self.sign(manifest), times)
    }

    /// The same for a manifest that somebody has signed.
    pub(crate) fn with_receipts(&self, manifest: Envelope, times: &[Timestamp]) -> CertifiedEnvelope {
        let receipts =
            times.iter().enumerate().map(|(seed, time)| self.receipt(seed, &manifest, *time)).collect();
        CertifiedEnvelope { manifest, receipts }
    }

    /// The witness of that, with one time for all receipts.
    pub(crate) fn witness(&self, key: &str, sequence: u64, time: Timestamp) -> CertifiedManifest {
        let times = vec![time; usize::try_from(self.policy.write).unwrap()];
        self.trust().certify(&self.certified_at(&self.manifest(key, sequence), &times), WALL).unwrap()
    }

    /// A question to a seed.
    pub(crate) fn asked(&self, seed: usize, query: &Query) -> Asked {
        Asked { seed: self.seed_id(seed), nonce: Nonce::from_bytes([42; 32]), query: query.clone() }
    }

    /// What the seed asked answers, when these are what it knows; at `WALL`.
    pub(crate) fn answer(&self, asked: &Asked, candidates: &[CertifiedEnvelope]) -> FreshnessAnswer {
        FreshnessAnswer {
            pool: POOL.to_owned(),
            seed: asked.seed,
            nonce: asked.nonce,
            query: asked.query.clone(),
            root_version: self.root.version,
            policy_version: self.policy.version,
            candidates: candidates.iter().map(named).collect(),
            time: WALL,
            papers: None,
        }
    }

    /// What a seed says of a lineage, to be handed on; at `WALL`.
    pub(crate) fn relayed(
        &self,
        seed: usize,
        lineage: &str,
        candidates: &[CertifiedEnvelope],
    ) -> RelayedAnswer {
        RelayedAnswer {
            pool: POOL.to_owned(),
            seed: self.seed_id(seed),
            lineage: lineage.parse::<Lineage>().unwrap(),
            policy_version: self.policy.version,
            candidates: candidates.iter().map(named).collect(),
            time: WALL,
            papers: None,
        }
    }

    /// What a seed signs, signed by it.
    pub(crate) fn by_seed<D: Document>(&self, seed: usize, document: &D) -> Envelope {
        Envelope::sign(document, &self.seeds[seed])
    }

    /// A join token.
    pub(crate) fn token(&self, expires: Timestamp) -> Envelope {
        let token = Token { pool: POOL.to_owned(), serial: "1".to_owned(), expires };
        Envelope::sign(&token, &self.admission)
    }

    /// A membership that a seed gives a node at [`ADDRESS`]; issued at `WALL`, good for 15 minutes.
    pub(crate) fn membership(&self, seed: usize, peer: PeerId) -> Membership {
        Membership {
            pool: POOL.to_owned(),
            peer,
            role: PeerRole::Node,
            instance: None,
            address: ADDRESS,
            issuer: self.seeds[seed].public(),
            issued: WALL,
            expires: later(900),
        }
    }
}

/// The policy's one issuer of grants; it may give `core/**` for ten minutes.
pub(crate) fn issuer() -> KeyPair {
    key_pair(40)
}

/// The policy's one key for yanks.
pub(crate) fn yank_key() -> KeyPair {
    key_pair(41)
}

/// The key of [`grant`].
pub(crate) fn grantee() -> KeyPair {
    key_pair(42)
}

/// A grant for two manifests of `core/main/**`, of 1,000 bytes together, from five minutes before `WALL` for ten.
pub(crate) fn grant() -> Grant {
    Grant {
        pool: POOL.to_owned(),
        serial: "g-1".to_owned(),
        key: grantee().public(),
        patterns: vec!["core/main/**".parse().unwrap()],
        bytes_max: 1_000,
        manifests_max: 2,
        not_before: earlier(300),
        expires: later(300),
        provenance: Provenance { build: "b1".to_owned(), ..Provenance::default() },
    }
}

/// The manifest under this grant, with its provenance, signed by the grant's key.
pub(crate) fn under(grant: &Grant, manifest: &Manifest) -> Envelope {
    let provenance = grant.provenance.clone();
    let grant = Some(Envelope::sign(grant, &issuer()));
    Envelope::sign(&Manifest { grant, provenance, ..manifest.clone() }, &grantee())
}

/// A yank that takes no descendants along; signed at `WALL`.
pub(crate) fn yank(serial: &str, what: Yanked) -> Yank {
    Yank {
        pool: POOL.to_owned(),
        serial: serial.to_owned(),
        what,
        reason: "it held a miner".to_owned(),
        cascade: false,
        time: WALL,
        manifests: Vec::new(),
    }
}

/// The same as seeds spread it.
pub(crate) fn yank_envelope(yank: &Yank) -> Envelope {
    Envelope::sign(yank, &yank_key())
}

/// How an answer names a certified manifest.
pub(crate) fn named(certified: &CertifiedEnvelope) -> CandidateRef {
    let Manifest { key, sequence, .. } = certified.manifest.body().unwrap();
    CandidateRef { manifest: certified.manifest.id(), key, sequence, complete: true }
}

/// A document with all these signatures.
pub(crate) fn signed<D: Document>(document: &D, keys: &[KeyPair]) -> Envelope {
    let (first, rest) = keys.split_first().unwrap();
    let mut envelope = Envelope::sign(document, first);
    for key in rest {
        envelope.add_signature(key);
    }
    envelope
}

/// A name for a manifest that is nowhere.
pub(crate) const NO_MANIFEST: ManifestId = ManifestId::from_bytes([0xee; 32]);

fn policy(seeds: &[KeyPair], publisher: &KeyPair, admission: &KeyPair) -> Policy {
    let count = u32::try_from(seeds.len()).unwrap();
    let faulty = (count - 1) / 3;
    let quorum = (count + faulty) / 2 + 1;
    Policy {
        pool: POOL.to_owned(),
        version: 1,
        expires: later(9_000),
        seeds: seeds.iter().enumerate().map(|(number, key)| seed(number, key.public())).collect(),
        write: quorum,
        read: quorum,
        faulty,
        publishers: vec![publisher_of("gate", publisher.public(), &["core/**"], later(7_200))],
        issuers: vec![Issuer {
            key: issuer().public(),
            patterns: vec!["core/**".parse().unwrap()],
            grant_life_max: 600,
        }],
        admission: vec![admission.public()],
        yank: vec![yank_key().public()],
        networks: vec![Network { cidr: "10.0.0.0/8".parse().unwrap(), zone: "a".to_owned(), memberships: 1 }],
        manifest_life_max: 86_400,
        generations_max: 64,
        relayed_age_max: 600,
        strict_admission: false,
    }
}

fn seed(number: usize, key: PublicKey) -> Seed {
    Seed { peer: PeerId::new(key), addresses: vec![format!("10.0.1.{}:4001", number + 1)] }
}

/// A publisher for a policy.
pub(crate) fn publisher_of(name: &str, key: PublicKey, patterns: &[&str], expires: Timestamp) -> Publisher {
    Publisher {
        name: name.to_owned(),
        key,
        patterns: patterns.iter().map(|pattern| pattern.parse().unwrap()).collect(),
        byte_share: None,
        pipelines: Vec::new(),
        expires,
    }
}
