//! Documents, and names in them.

use pollux_core::limits::GRANT_LIFE_MAX;
use pollux_core::{
    CandidateRef, CertifiedEnvelope, ChunkId, ChunkRef, Digest, Document, Envelope, Fallback,
    FreshnessAnswer, Grant, Issuer, Key, KeyPair, Lineage, Manifest, ManifestId, Membership, Network, Nonce,
    Papers, PapersDigest, Pattern, PeerId, PeerRole, Policy, PoolFile, Provenance, Publisher, Query, Receipt,
    RelayedAnswer, Root, Seed, Timestamp, Token, TreeRef, TreeTotals, Yank, Yanked, Zone,
};

const POOL: &str = "ci";

/// One of every type, signed.
pub(crate) fn documents() -> Vec<Envelope> {
    let mut two = signed(&root());
    two.add_signature(&KeyPair::from_seed([2; 32]));
    vec![
        two,
        signed(&policy()),
        signed(&manifest()),
        signed(&receipt()),
        signed(&answer()),
        signed(&relayed()),
        signed(&token()),
        signed(&membership()),
        signed(&grant()),
    ]
    .into_iter()
    .chain(yanks().iter().map(signed))
    .collect()
}

pub(crate) fn pool_file() -> PoolFile {
    PoolFile { version: 1, root: signed(&root()), policy: signed(&policy()), token: signed(&token()) }
}

/// A manifest with its receipt.
pub(super) fn certified() -> CertifiedEnvelope {
    CertifiedEnvelope { manifest: signed(&manifest()), receipts: vec![signed(&receipt())] }
}

/// A root, a policy and every kind of yank.
pub(super) fn papers() -> Papers {
    let yanks = yanks().iter().map(signed).collect();
    Papers { roots: vec![signed(&root())], policy: Some(signed(&policy())), yanks }
}

pub(super) fn signed_manifest() -> Envelope {
    signed(&manifest())
}

pub(super) fn signed_answer() -> Envelope {
    signed(&answer())
}

pub(super) fn signed_relayed() -> Envelope {
    signed(&relayed())
}

pub(super) fn signed_token() -> Envelope {
    signed(&token())
}

pub(super) fn signed_membership() -> Envelope {
    signed(&membership())
}

pub(super) fn query() -> Query {
    Query { key: key(), fallbacks: vec![Fallback::from(lineage()), fallback("core/yarn/v1-*")] }
}

pub(super) fn manifest_id() -> ManifestId {
    ManifestId::from_bytes([0xab; 32])
}

pub(super) fn key() -> Key {
    parsed("core/npm/1")
}

pub(super) fn pattern() -> Pattern {
    parsed("core/*/npm/**")
}

pub(super) fn peer() -> PeerId {
    PeerId::new(KeyPair::from_seed([1; 32]).public())
}

/// Names of every kind, and what matches them.
pub(crate) fn names() -> Vec<Vec<u8>> {
    let pem = KeyPair::from_seed([7; 32]).to_pem();
    let texts = [
        "mediawiki%2Fcore/master/composer/debian12-x86_64/php8.1-3f2a\nmediawiki%2Fcore/*/composer/**",
        "core/npm/1\ncore/npm/v1-*",
        "core/npm/v1-7\ncore/npm/v1-*",
        "core/npm/*",
        "a/*/**",
        "2026-11-03T09:05:00.250+05:30",
        "10.0.0.0/8",
        "2001:db8::/32",
        &peer().to_string(),
        &manifest_id().to_string(),
        pem.as_str(),
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn signed<D: Document>(document: &D) -> Envelope {
    Envelope::sign(document, &KeyPair::from_seed([1; 32]))
}

/// Where somebody says that it is.
pub(super) fn zone() -> Zone {
    parsed("eqiad-1")
}

#[expect(clippy::expect_used, reason = "the texts stand in this file")]
fn parsed<N: core::str::FromStr<Err: core::fmt::Debug>>(text: &str) -> N {
    text.parse().expect("a name of this file")
}

fn lineage() -> Lineage {
    parsed("core/npm")
}

fn fallback(text: &str) -> Fallback {
    parsed(text)
}

const fn time() -> Timestamp {
    Timestamp::from_millis(1_793_696_700_250)
}

fn expires() -> Timestamp {
    Timestamp::from_millis(1_794_301_500_000)
}

fn root() -> Root {
    let keys = [1, 2].map(|number| KeyPair::from_seed([number; 32]).public()).to_vec();
    Root { pool: POOL.to_owned(), version: 1, expires: expires(), keys, threshold: 2 }
}

fn policy() -> Policy {
    let key = peer().key().to_owned();
    let network = |cidr| Network { cidr: parsed(cidr), zone: "a".to_owned(), memberships: 2 };
    Policy {
        pool: POOL.to_owned(),
        version: 3,
        expires: expires(),
        seeds: vec![Seed {
            peer: peer(),
            addresses: vec!["seed.example:4480".to_owned(), "[2001:db8::1]:1".to_owned()],
        }],
        write: 1,
        read: 1,
        faulty: 0,
        publishers: vec![Publisher {
            name: "gate".to_owned(),
            key,
            patterns: vec![pattern()],
            byte_share: Some(7),
            pipelines: vec!["post".to_owned()],
            expires: expires(),
        }],
        issuers: vec![Issuer { key, patterns: vec![pattern()], grant_life_max: 900 }],
        admission: vec![key],
        yank: vec![key],
        networks: vec![network("10.0.0.0/8"), network("fd00::/8")],
        manifest_life_max: 86_400,
        generations_max: 64,
        relayed_age_max: 600,
        strict_admission: true,
    }
}

fn manifest() -> Manifest {
    Manifest {
        pool: POOL.to_owned(),
        key: key(),
        sequence: 42,
        created: time(),
        expires: expires(),
        tree: TreeRef {
            chunks: vec![ChunkRef { id: ChunkId::of(b"tree"), bytes: 300 }],
            totals: TreeTotals { files: 2, directories: 1, symlinks: 1, bytes: 9, chunks: 1 },
            roots: vec!["a".to_owned(), "b/c".to_owned()],
        },
        ancestors: vec![manifest_id()],
        generation: 2,
        provenance: Provenance {
            ci: "zuul.example".to_owned(),
            build: "7".to_owned(),
            ..Provenance::default()
        },
        packages: Some(ChunkId::of(b"packages")),
        grant: Some(signed(&token())),
    }
}

fn receipt() -> Receipt {
    let manifest = signed(&manifest()).id();
    Receipt { pool: POOL.to_owned(), seed: peer(), manifest, key: key(), sequence: 42, time: time() }
}

fn candidate() -> CandidateRef {
    CandidateRef { manifest: manifest_id(), key: key(), sequence: 42, complete: true }
}

fn answer() -> FreshnessAnswer {
    FreshnessAnswer {
        pool: POOL.to_owned(),
        seed: peer(),
        nonce: Nonce::from_bytes([0xcd; 32]),
        query: query(),
        root_version: 1,
        policy_version: 3,
        candidates: vec![candidate()],
        time: time(),
        papers: Some(digest()),
    }
}

fn relayed() -> RelayedAnswer {
    RelayedAnswer {
        pool: POOL.to_owned(),
        seed: peer(),
        lineage: lineage(),
        policy_version: 3,
        candidates: vec![candidate()],
        time: time(),
        papers: Some(digest()),
    }
}

pub(super) fn digest() -> PapersDigest {
    let hash = |byte| Digest::from_bytes([byte; 32]);
    PapersDigest { policy: hash(1), yanks: hash(2), yanks_count: 3 }
}

fn grant() -> Grant {
    Grant {
        pool: POOL.to_owned(),
        serial: "b1-7".to_owned(),
        key: *peer().key(),
        patterns: vec![pattern()],
        bytes_max: 5_000_000_000,
        manifests_max: 12,
        not_before: time(),
        expires: time().after(GRANT_LIFE_MAX),
        provenance: Provenance { build: "7".to_owned(), ..Provenance::default() },
    }
}

/// One of each kind.
fn yanks() -> Vec<Yank> {
    let build = Yanked::Build { ci: "zuul.example".to_owned(), build: "7".to_owned() };
    let old = Yanked::Pattern { pattern: pattern(), before: time() };
    let all = [
        Yanked::Manifest(manifest_id()),
        Yanked::Grant("b1-7".to_owned()),
        Yanked::Publisher(*peer().key()),
        build,
        old,
    ];
    let yank = |what| Yank {
        pool: POOL.to_owned(),
        serial: "y-1".to_owned(),
        what,
        reason: "left-pad".to_owned(),
        cascade: true,
        time: time(),
        manifests: vec![manifest_id()],
    };
    all.into_iter().map(yank).collect()
}

fn token() -> Token {
    Token { pool: POOL.to_owned(), serial: "2026-11".to_owned(), expires: expires() }
}

fn membership() -> Membership {
    Membership {
        pool: POOL.to_owned(),
        peer: peer(),
        role: PeerRole::Node,
        instance: None,
        address: [10, 0, 0, 7].into(),
        issuer: *peer().key(),
        issued: time(),
        expires: expires(),
    }
}
