//! What peers say to each other: control messages (postcard, length-prefixed) and the bulk plane's headers (fixed layout).
use crate::*;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// Newest control protocol version; the oldest still spoken is one less, where there is one.
pub const CONTROL_VERSION: u16 = 1;
/// Newest bulk protocol version.
pub const BULK_VERSION: u16 = 1;

/// A control message. Variants are added at the end only; a peer never sends one that the negotiated version lacks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Control {
    /// First message of both sides.
    Hello(Hello),
    /// Node to seed: let me in.
    Join { token: Envelope },
    /// Seed to node: you are in (also the renewal).
    Welcome { membership: Envelope, /** some live members, to be neighbours while seeds are away */ peers: Vec<PeerAddress> },
    /// Seed to node: you are not.
    Refused { why: Refusal },
    /// To a seed: what is newest?
    Ask { ask: u32, nonce: Nonce, query: Query },
    /// From a seed. `beside` are the certified manifests that the answer names.
    Answer { ask: u32, answer: Envelope, beside: Vec<CertifiedEnvelope> },
    /// To a peer, while seeds are away.
    AskRelayed { ask: u32, query: Query },
    /// From a peer: relayed answers that it was given.
    Relayed { ask: u32, answers: Vec<(Envelope, Vec<CertifiedEnvelope>)> },
    /// Seed to members that serve the lineage, every 30 seconds.
    Relay { answer: Envelope, beside: Vec<CertifiedEnvelope> },
    /// I take part in the swarm of this manifest (to a seed: tell me neighbours; to a peer: tell me what you have).
    Enter { manifest: ManifestId, have: ChunkSet },
    /// From a seed: neighbours of a swarm.
    Neighbours { manifest: ManifestId, peers: Vec<PeerAddress> },
    /// I have these chunks too (a batch; indices in the manifest's chunk space).
    Have { manifest: ManifestId, chunks: ChunkSet },
    /// I no longer take part.
    Leave { manifest: ManifestId },
    /// Holder to seed: please pull, and sign a receipt.
    Offer { offer: u32, manifest: Envelope },
    /// Seed to holder, while it pulls: chunks it has of all.
    OfferProgress { offer: u32, have: u32, of: u32 },
    /// Seed to holder: my receipt.
    OfferReceipt { offer: u32, receipt: Envelope },
    /// Seed to holder: refused, and what stands if that is the reason.
    OfferRefused { offer: u32, why: OfferRefusal, standing: Option<Box<CertifiedEnvelope>> },
    /// Holder to seeds: the certificate.
    Certify { certified: CertifiedEnvelope },
    /// Seed: I keep that certificate.
    Certified { manifest: ManifestId },
    /// To a seed: what is there? (for people; each row is verified by who asked)
    List { ask: u32, what: ListQuery },
    /// From a seed.
    Listing { ask: u32, rows: Vec<CertifiedEnvelope>, more: bool },
}

/// First message of both sides of a control stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello { pub pool: String, pub role: PeerRole, /** program version, for people */ pub software: String, pub membership: Option<Envelope>, /** where I accept connections: the port; the address is the observed one */ pub listen_port: u16 }

/// A peer and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerAddress { pub peer: PeerId, pub addresses: Vec<SocketAddr> }

/// Why a join is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal { #[error("the join token is not valid in this pool")] BadToken, #[error("the join token has expired")] TokenExpired, #[error("that is another pool")] OtherPool, #[error("no more members are admitted from this address")] AddressFull, #[error("this peer is not a seed")] NotASeed, #[error("the seed is full")] Full }

/// Why an offer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum OfferRefusal { #[error("the manifest is not believed")] NotBelieved, #[error("another manifest stands at this sequence")] Conflict, #[error("the sequence is too far ahead")] SequenceTooFar, #[error("a chunk could not be pulled from the holder")] CannotPull, #[error("the seed's disk is full")] Full, #[error("the tree breaks a rule")] BadTree, #[error("the seed has too many offers under way")] Busy }

/// What a listing is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListQuery { /** newest of every key that the pattern covers (none: all), after this key in order */ Pattern { pattern: Option<Pattern>, after: Option<Key> }, /** one manifest */ Manifest(ManifestId), /** manifests whose id begins so (hexadecimal, 4 digits at least) */ Prefix(String) }

/// A set of chunk indices of one manifest, as sorted disjoint ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkSet { ranges: Vec<(u32, u32)> }

/// Header of a request on a bulk stream: request number (u32 LE), chunk id (32 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkRequest { pub request: u32, pub chunk: ChunkId }
/// Header of a reply: request (u32 LE), status (u8), frame kind (u8), two zero bytes, frame bytes that follow (u32 LE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkReply { pub request: u32, pub outcome: BulkOutcome }
/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkOutcome { /** a frame of that many bytes follows */ Frame { kind: FrameKind, bytes: u32 }, Declined(Decline) }
/// Why a chunk is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Decline { #[error("not held")] Missing, #[error("busy")] Busy, #[error("not a member")] NotAMember }
