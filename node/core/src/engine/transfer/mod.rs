//! Chunks on their way: who wants them, who has them, what is asked of whom.
//!
//! Owned by the engine, which tells it of peers and swarms and hands it the inputs that are about chunks. Knows no trust and no documents.
use crate::engine::{AskId, Credit, FetchEnd, FetchFailure, FetchId, JobId, Output, ServeFailure, StoreFailure};
use crate::message::ChunkSet;
use crate::{CheckedChunk, ChunkFault, ChunkId, ChunkRef, Instant, ManifestId, PeerId};
use rand_chacha::ChaCha8Rng;

/// A pull of our own (a seed pulls what an offer names); chosen by the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PullId(pub u64);
/// Who wants chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wanter { /** each chunk is delivered to it */ Job(JobId), /** each chunk is kept */ Pull(PullId) }
/// What comes out.
#[derive(Debug)]
pub(crate) enum TransferOutput {
    /// Pass on: `Fetch`, `Check`, `Keep`, `Release`, `Serve`, `Decline`, `Deliver`.
    Do(Output),
    /// Newly held chunks of a swarm, batched: tell the swarm's peers.
    Announce { manifest: ManifestId, chunks: ChunkSet },
    /// Pull: so many of its chunks are kept.
    Progress { pull: PullId, have: u32, of: u32 },
    /// Everything asked for by this wanter was delivered (job) or kept (pull); further wants may follow.
    Done(Wanter),
    /// This one cannot be had (job: told; pull: it has failed as a whole).
    Failed { wanter: Wanter, chunk: ChunkRef, why: FetchEnd },
    /// The store refused a pulled chunk: the pull has failed.
    NotKept { pull: PullId, why: StoreFailure },
    /// A peer sent something wrong; the engine drops or bans it.
    Junk { peer: PeerId, fault: ChunkFault },
    /// A peer did not deliver within the time allowed, repeatedly.
    Stalled { peer: PeerId },
    /// The local store holds every chunk of this swarm's manifest now.
    Complete { manifest: ManifestId },
}
/// See the module.
#[derive(Debug)]
pub(crate) struct Transfer { _todo: () }
impl Transfer {
    pub(crate) fn new(_rng: ChaCha8Rng) -> Self { todo!() }
    /// A member is connected (may be asked for chunks; may ask us).
    pub(crate) fn peer_up(&mut self, _now: Instant, _peer: PeerId, _is_seed: bool) { todo!() }
    /// It is gone: its fetches are asked of others, its asks forgotten.
    pub(crate) fn peer_gone(&mut self, _now: Instant, _peer: PeerId) { todo!() }
    /// Takes part in a manifest's swarm; `content` chunks are known once the tree is open. Harmless if known.
    pub(crate) fn open_swarm(&mut self, _manifest: ManifestId, _tree: &[ChunkRef], _content_count: u32) { todo!() }
    /// The tree's content chunks in order (indices after the tree's).
    pub(crate) fn set_content(&mut self, _manifest: ManifestId, _content: &[ChunkRef]) { todo!() }
    pub(crate) fn close_swarm(&mut self, _manifest: ManifestId) { todo!() }
    /// The store holds these (an answer to `Look`, or jobs' uploads).
    pub(crate) fn note_held(&mut self, _chunks: &mut dyn Iterator<Item = ChunkId>) { todo!() }
    /// The store lost it.
    pub(crate) fn note_lost(&mut self, _now: Instant, _chunk: ChunkId) { todo!() }
    /// Which indices of this swarm the store holds (for `Enter`).
    pub(crate) fn held_of(&self, _manifest: ManifestId) -> ChunkSet { todo!() }
    /// A peer has these.
    pub(crate) fn peer_has(&mut self, _now: Instant, _peer: PeerId, _manifest: ManifestId, _chunks: &ChunkSet) { todo!() }
    /// A peer takes no part any more.
    pub(crate) fn peer_left(&mut self, _now: Instant, _peer: PeerId, _manifest: ManifestId) { todo!() }
    /// Wants chunks of an open swarm, from anybody who has them (`from`: from this peer whatever it announced: the holder of an offer). Those the store holds are delivered from it.
    pub(crate) fn want(&mut self, _now: Instant, _wanter: Wanter, _manifest: ManifestId, _chunks: &[ChunkRef], _from: Option<PeerId>) { todo!() }
    /// Everything it wanted is dropped; fetches nobody else wants are cancelled.
    pub(crate) fn drop_wanter(&mut self, _now: Instant, _wanter: Wanter) { todo!() }
    /// `Checks`, `Writes`, `Reads`, `Deliver` credits (`Send` is the engine's own).
    pub(crate) fn credit(&mut self, _credit: Credit) { todo!() }
    pub(crate) fn frame_arrived(&mut self, _now: Instant, _fetch: FetchId, _bytes: u32) { todo!() }
    pub(crate) fn fetch_failed(&mut self, _now: Instant, _fetch: FetchId, _why: FetchFailure) { todo!() }
    pub(crate) fn checked(&mut self, _now: Instant, _fetch: FetchId, _result: Result<CheckedChunk, ChunkFault>) { todo!() }
    pub(crate) fn kept(&mut self, _now: Instant, _fetch: FetchId, _result: Result<(), StoreFailure>) { todo!() }
    pub(crate) fn asked(&mut self, _now: Instant, _ask: AskId, _peer: PeerId, _chunk: ChunkId) { todo!() }
    pub(crate) fn served(&mut self, _now: Instant, _ask: AskId, _result: Result<u32, ServeFailure>) { todo!() }
    pub(crate) fn on_timeout(&mut self, _now: Instant) { todo!() }
    pub(crate) fn next_timeout(&self) -> Option<Instant> { todo!() }
    /// Next output; plans fetches as it is drained.
    pub(crate) fn poll(&mut self, _now: Instant) -> Option<TransferOutput> { todo!() }
    /// Fetches under way, for status.
    pub(crate) fn fetches(&self) -> u32 { todo!() }
    /// Wrong chunks seen, for status.
    pub(crate) fn junk(&self) -> u64 { todo!() }
}
