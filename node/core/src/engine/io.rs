//! What goes into the engine and what comes out.
use crate::message::*;
use crate::*;
use core::time::Duration;
use std::net::SocketAddr;

macro_rules! number { ($(#[$d:meta])* $n:ident) => { $(#[$d])* #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)] pub struct $n(pub u64); } }
number!(/** A job's connection; chosen by the driver. */ JobId);
number!(/** A chunk under way to us; chosen by the engine. */ FetchId);
number!(/** A chunk that a peer asked for; chosen by the driver. */ AskId);
number!(/** Work given to the driver; chosen by the engine. */ TaskId);

/// One thing that happened.
#[derive(Debug)]
pub enum Input {
    /// The time that `next_timeout` named has come (or any time: harmless).
    Timeout,
    /// The driver can take more. The engine emits nothing of a kind without credit for it.
    Credit(Credit),
    /// At start, one for each certified manifest that the store remembers; verified like any other.
    Recovered(CertifiedEnvelope),
    /// At start of a seed: a receipt it signed before (its votes; also uncertified ones), with the manifest.
    RecoveredVote { manifest: Envelope, receipt: Envelope },
    /// A control connection is up.
    Connected { peer: PeerId, address: SocketAddr, dialled: bool },
    /// It is gone.
    Disconnected { peer: PeerId },
    /// A dial did not succeed.
    DialFailed { peer: PeerId },
    /// A control message.
    Message { peer: PeerId, message: Box<Control> },
    /// The driver saw a peer break the protocol.
    Misbehaved { peer: PeerId, offence: Offence },
    /// A fetched frame is in the driver's hands (nothing about it is believed yet).
    FrameArrived { fetch: FetchId, bytes: u32 },
    /// A fetch ended without a frame.
    FetchFailed { fetch: FetchId, why: FetchFailure },
    /// Answer to `Check`.
    Checked { fetch: FetchId, result: Result<CheckedChunk, ChunkFault> },
    /// Answer to `Keep`.
    Kept { fetch: FetchId, result: Result<(), StoreFailure> },
    /// A peer asks for a chunk.
    Asked { ask: AskId, peer: PeerId, chunk: ChunkId },
    /// Answer to `Serve`.
    Served { ask: AskId, result: Result<u32, ServeFailure> },
    /// Answer to `Verify`.
    Verified { task: TaskId, verdict: Box<Verdict> },
    /// Answer to `Sign`.
    Signed { task: TaskId, envelope: Envelope },
    /// Answer to `Record`.
    Recorded { task: TaskId, result: Result<(), StoreFailure> },
    /// Answer to `Sync`.
    Synced { task: TaskId, result: Result<(), StoreFailure> },
    /// Answer to `Look`: which of those chunks the store holds (bit i: chunks[i]).
    Looked { task: TaskId, held: Vec<bool> },
    /// Answer to `OpenTree`: the tree's content chunks in order.
    TreeOpened { task: TaskId, result: Result<Vec<ChunkRef>, TreeFault> },
    /// A job asks.
    Job { job: JobId, request: JobRequest },
    /// A job's connection is gone, or it cancelled: everything it wanted is dropped.
    JobLeft { job: JobId },
    /// The store lost a chunk (a bad record was quarantined, or it was evicted).
    ChunkLost { chunk: ChunkId },
}

/// Leave to emit so much more of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credit {
    /// Control messages to this peer.
    Send { peer: PeerId, messages: u32 },
    /// `Check` outputs.
    Checks(u32),
    /// `Keep` outputs.
    Writes(u32),
    /// `Serve` outputs.
    Reads(u32),
    /// Plain bytes that the job's socket takes (`Deliver`).
    Deliver { job: JobId, bytes: u32 },
}

/// One thing for the driver to do.
#[derive(Debug)]
pub enum Output {
    /// Connect to a peer at one of these addresses (the driver adds the seeds' host names' addresses itself).
    Dial { peer: PeerId, addresses: Vec<String> },
    /// Close everything with this peer.
    Disconnect { peer: PeerId, why: DropReason },
    /// Send on the control stream.
    Send { peer: PeerId, message: Box<Control> },
    /// Ask a peer for a chunk on the bulk plane; a frame longer than `chunk.bytes` ends the fetch as `TooLong`.
    Fetch { fetch: FetchId, peer: PeerId, chunk: ChunkRef },
    /// Decode and hash what arrived.
    Check { fetch: FetchId, chunk: ChunkRef },
    /// Append it to the store.
    Keep { fetch: FetchId },
    /// Forget this fetch and its buffer; if it is still under way, cancel it.
    Release { fetch: FetchId },
    /// Give a peer the chunk it asked for.
    Serve { ask: AskId, chunk: ChunkId },
    /// Do not.
    Decline { ask: AskId, why: Decline },
    /// Do `work.run(trust)` off this thread.
    Verify { task: TaskId, work: Box<Work> },
    /// Do `statement.sign(key)` with the identity key, off this thread.
    Sign { task: TaskId, statement: Box<Statement> },
    /// Make durable, then answer.
    Record { task: TaskId, record: Box<Record> },
    /// Make every kept chunk durable, then answer.
    Sync { task: TaskId },
    /// Which of these does the store hold?
    Look { task: TaskId, chunks: Vec<ChunkRef> },
    /// Read the tree's chunks from the store, decode, check against the manifest's totals and roots.
    OpenTree { task: TaskId, tree: TreeRef },
    /// Give a chunk to a job: from the fetch's buffer if one is named, else from the store.
    Deliver { job: JobId, chunk: ChunkRef, source: Source, fetch: Option<FetchId> },
    /// Answer a job.
    Reply { job: JobId, reply: Box<JobReply> },
    /// For logs and metrics; no duty.
    Event(Event),
}

/// What verification is asked for; pure, runs anywhere.
#[derive(Clone, Debug)]
pub enum Work {
    Manifest { envelope: Envelope, wall: Timestamp },
    Certified { certified: CertifiedEnvelope, wall: Timestamp },
    Answer { asked: Asked, answer: Envelope, beside: Vec<CertifiedEnvelope>, wall: Timestamp },
    Relayed { query: Query, answers: Vec<(Envelope, Vec<CertifiedEnvelope>)>, wall: Timestamp },
    Receipt { envelope: Envelope },
    Token { envelope: Envelope, wall: Timestamp },
    Membership { envelope: Envelope, peer: PeerId, wall: Timestamp },
}
/// Its outcome, with the witness.
#[derive(Clone, Debug)]
pub enum Verdict {
    Manifest(Result<VerifiedManifest, Disbelief>),
    Certified(Result<CertifiedManifest, Disbelief>),
    Answer(Result<VerifiedAnswer, Disbelief>),
    Relayed(Vec<Result<VerifiedAnswer, Disbelief>>),
    Receipt(Result<VerifiedReceipt, Disbelief>),
    Token(Result<Token, Disbelief>),
    Membership(Result<VerifiedMembership, Disbelief>),
}
impl Work { /// Verifies.
    pub fn run(self, _trust: &Trust) -> Verdict { todo!() } }
/// What a seed signs with its identity key.
#[derive(Clone, Debug)]
pub enum Statement { Receipt(Receipt), Answer(FreshnessAnswer), Relayed(RelayedAnswer), Membership(Membership) }
impl Statement { /// Signs.
    pub fn sign(&self, _key: &KeyPair) -> Envelope { todo!() } }
/// What must be durable.
#[derive(Clone, Debug)]
pub enum Record {
    /// A certified manifest (chunks complete or not).
    Certified(CertifiedEnvelope),
    /// A seed's vote: at most one per key and sequence, ever.
    Vote { manifest: Envelope, key: Key, sequence: u64, receipt: Envelope },
    /// A node lets a manifest go.
    Forget(ManifestId),
}
/// What a job asks of the engine.
#[derive(Clone, Debug)]
pub enum JobRequest {
    /// What is the newest? One nonce per seed of the policy, in order.
    Resolve { query: Query, nonces: Vec<Nonce>, deadline: Duration },
    /// Give me these chunks of that manifest (which was resolved before), in any order.
    Fetch { manifest: ManifestId, chunks: Vec<ChunkRef> },
    /// The chunks are in the store: publish.
    Publish { manifest: Envelope, deadline: Duration },
    /// For people.
    List { what: ListQuery, deadline: Duration },
}
/// What a job is told.
#[derive(Clone, Debug)]
pub enum JobReply {
    Found { certified: Box<CertifiedManifest>, matched: Matched, /** by relayed answers, seeds being away */ relayed: bool },
    Miss(MissReason),
    /// Every chunk asked for was delivered.
    FetchDone,
    /// This chunk cannot be had any more.
    FetchFailed { chunk: ChunkRef, why: FetchEnd },
    PublishProgress { have: u32, of: u32 },
    Published { certified: Box<CertifiedEnvelope> },
    PublishFailed(PublishFailure),
    Listing { rows: Vec<CertifiedManifest>, more: bool, /** answered by a seed, or only from what this node knows */ from_seed: bool },
}
/// How a manifest answers a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matched { Exact, /** index of the fallback */ Fallback(u8) }
/// Why there is nothing: the closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum MissReason {
    #[error("nothing was ever saved under this key or its fallbacks")] NothingSaved,
    #[error("the seeds did not answer in time")] SeedsSilent,
    #[error("the node has not joined the pool yet")] NotJoined,
    #[error("no answer could be believed")] NotBelieved,
    #[error("nobody who is reachable holds the chunks")] NoHolder,
    #[error("no progress within the time allowed")] TooSlow,
}
/// Why a chunk cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchEnd { NoHolder, NoProgress, UnknownManifest }
/// Why a publish did not succeed.
#[derive(Clone, Debug, PartialEq)]
pub enum PublishFailure { NotBelieved(Disbelief), /** chunks that the manifest names are not in the store */ Incomplete { missing: u32 }, BadTree, /** somebody else's manifest stands */ LostRace { standing: Option<Box<CertifiedEnvelope>> }, Refused(OfferRefusal), SeedsSilent, Timeout }
/// Where a chunk came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source { Local, Peer, Seed }
/// How a fetch fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchFailure { Declined(Decline), Broken, TooLong, NotConnected }
/// How serving fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServeFailure { Missing, Corrupt, PeerGone }
/// How the store fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFailure { Full, Broken }
/// Why a tree cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeFault { Missing, Broken, DiffersFromManifest }
/// What a peer did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence { BadMessage, TooLong, UnaskedChunk, Flood }
/// Why a peer is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason { Misbehaved, Junk, Stalled, NotAMember, TooMany, OtherPool }
/// What happened, for logs and metrics.
#[derive(Clone, Debug)]
pub enum Event {
    Joined { seed: PeerId }, JoinRefused { seed: PeerId, why: Refusal }, Disbelieved { from: Option<PeerId>, why: Disbelief },
    Offended { peer: PeerId, offence: Offence }, Junk { peer: PeerId, fault: ChunkFault }, Banned { peer: PeerId },
    Complete { manifest: ManifestId }, Receipt { manifest: ManifestId }, Certified { manifest: ManifestId },
}
/// What `pollux status` shows of the engine.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize, PartialEq)]
pub struct EngineStatus { pub joined: bool, pub seeds_connected: u32, pub seeds_total: u32, pub peers: u32, pub manifests: u32, pub jobs: u32, pub fetches: u32, pub banned: u32, pub junk_chunks: u64 }
