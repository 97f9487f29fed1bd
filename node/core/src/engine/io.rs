//! What goes into the engine and what comes out. Which duty each output is, and which input answers it, stands in the
//! documentation of [`crate::engine`].
use super::ids::{AskId, FetchId, JobId, TaskId};
use super::outcome::{
    DropReason, Event, FetchFailure, Offence, ServeFailure, Share, Source, StoreFailure, TreeFault,
};
use super::record::Record;
use super::reply::{JobReply, JobRequest};
use super::work::{Statement, Verdict, Work};
use crate::message::{Control, Decline, LogPage, LogPlace, LogQuery, VoteEnvelope};
use crate::{
    CertifiedEnvelope, CheckedChunk, ChunkFault, ChunkId, ChunkRef, Envelope, LogEntry, ManifestId, Papers,
    PeerId, Timestamp, TreeRef, Trust,
};
use std::net::SocketAddr;
use std::sync::Arc;

/// One thing that happened.
#[derive(Debug)]
pub enum Input {
    /// The time that `next_timeout` named has come (or any time: harmless).
    Timeout,
    /// The driver can take more. The engine emits nothing of a kind without credit for it.
    Credit(Credit),
    /// At start, one for each certified manifest that the store remembers; verified like any other.
    Recovered(CertifiedEnvelope),
    /// At start of a seed: one for each receipt that it signed before (its votes, also for what was never certified).
    RecoveredVote {
        /// What it voted for.
        manifest: Envelope,
        /// Its receipt.
        receipt: Envelope,
    },
    /// At start of a seed: a vote of another seed that was brought here before.
    RecoveredBallot(VoteEnvelope),
    /// At start of a seed, once at most: its store has a marker, and this is the epoch that it had before this start. The
    /// driver has raised it by one on the disk.
    Marked {
        /// See [`Record`].
        epoch: u64,
    },
    /// At start of a seed: the highest epoch of another seed's store that was seen.
    RecoveredSeen {
        /// Whose.
        seed: PeerId,
        /// Which.
        epoch: u64,
    },
    /// At start of a seed: what a publisher's caches take of its disk.
    RecoveredShare(Share),
    /// At start, once at most, before all else: papers with the newer policy that was kept and had not taken over. Those
    /// that had are in the configuration's trust.
    RecoveredPapers(Papers),
    /// An operator has admitted this node: a membership to show, believed no more than any other. May come at any time, and
    /// again.
    Admitted {
        /// As it was found.
        membership: Envelope,
    },
    /// A control connection is up.
    Connected {
        /// Who, proven by the handshake.
        peer: PeerId,
        /// Where it is, as seen from here.
        address: SocketAddr,
        /// Whether this side dialled.
        dialled: bool,
    },
    /// It is gone.
    Disconnected {
        /// Who.
        peer: PeerId,
    },
    /// A dial did not succeed.
    DialFailed {
        /// Who.
        peer: PeerId,
    },
    /// A control message.
    Message {
        /// From whom.
        peer: PeerId,
        /// Decoded, nothing about it believed.
        message: Box<Control>,
    },
    /// The driver saw a peer break the protocol.
    Misbehaved {
        /// Who.
        peer: PeerId,
        /// How.
        offence: Offence,
    },
    /// A fetched frame is in the driver's hands; nothing about it is believed yet.
    FrameArrived {
        /// Which.
        fetch: FetchId,
        /// Length of the frame.
        bytes: u32,
    },
    /// A fetch ended without a frame.
    FetchFailed {
        /// Which.
        fetch: FetchId,
        /// Why.
        why: FetchFailure,
    },
    /// Answer to [`Output::Check`].
    Checked {
        /// Which.
        fetch: FetchId,
        /// The witness, or what is wrong.
        result: Result<CheckedChunk, ChunkFault>,
    },
    /// Answer to [`Output::Keep`].
    Kept {
        /// Which.
        fetch: FetchId,
        /// How it went.
        result: Result<(), StoreFailure>,
    },
    /// A peer asks for chunks, with one request. Each has a number of its own and is answered by itself, as in
    /// [`Output::Fetch`]; together they are one turn. What goes beyond the bound on waiting asks is declined.
    Asked {
        /// Who.
        peer: PeerId,
        /// The driver's number for each, and which chunk, in the order asked.
        chunks: Vec<(AskId, ChunkId)>,
    },
    /// A peer takes back what it asked for. What waits for its turn is declined; what was handed to the driver is the
    /// driver's to end, with [`ServeFailure::Unwanted`] where its frame was not begun.
    TakenBack {
        /// Who.
        peer: PeerId,
        /// The driver's number for the ask.
        ask: AskId,
    },
    /// Answer to [`Output::Serve`], for each of its chunks.
    Served {
        /// Which.
        ask: AskId,
        /// Bytes of the frame that was sent, or why not.
        result: Result<u32, ServeFailure>,
    },
    /// Answer to [`Output::Verify`].
    Verified {
        /// Which.
        task: TaskId,
        /// With the witness.
        verdict: Box<Verdict>,
    },
    /// Answer to [`Output::Sign`].
    Signed {
        /// Which.
        task: TaskId,
        /// The statement, signed.
        envelope: Envelope,
    },
    /// Answer to [`Output::Record`].
    Recorded {
        /// Which.
        task: TaskId,
        /// How it went.
        result: Result<(), StoreFailure>,
    },
    /// Answer to [`Output::Sync`].
    Synced {
        /// Which.
        task: TaskId,
        /// How it went.
        result: Result<(), StoreFailure>,
    },
    /// Answer to [`Output::Look`].
    Looked {
        /// Which.
        task: TaskId,
        /// Whether the store holds each, in the order asked.
        held: Vec<bool>,
    },
    /// Answer to [`Output::OpenTree`].
    TreeOpened {
        /// Which.
        task: TaskId,
        /// The tree's content chunks in order.
        result: Result<Vec<ChunkRef>, TreeFault>,
    },
    /// A job asks.
    Job {
        /// Who.
        job: JobId,
        /// What.
        request: JobRequest,
    },
    /// A job's connection is gone, or it cancelled: everything it wanted is dropped.
    JobLeft {
        /// Who.
        job: JobId,
    },
    /// Answer to [`Output::ReadLog`].
    LogRead {
        /// Which.
        task: TaskId,
        /// What was found.
        page: LogPage,
    },
    /// The store lost a chunk (a bad record was quarantined, or it was evicted).
    ChunkLost {
        /// Which.
        chunk: ChunkId,
    },
    /// At start: when a manifest was last used.
    RecoveredUse {
        /// Which.
        manifest: ManifestId,
        /// When; none: a seed has let its content go.
        used: Option<Timestamp>,
    },
    /// A node's disk ran short: content of these manifests was evicted. [`Input::ChunkLost`] says which.
    Evicted {
        /// Which; what jobs restore or publish is fetched anew.
        manifests: Vec<ManifestId>,
    },
    /// How full a seed's store is, whenever that changes.
    Room {
        /// Bytes that it holds.
        bytes: u64,
        /// Bytes that it can have.
        bytes_max: u64,
    },
    /// On a seed, once in a while: let go what need not be kept. [`Engine::needs`](super::Engine::needs) then says what
    /// a sweep may take.
    Tidy,
    /// The node is to stop. It takes leave of its swarms and hands over what only it has: the driver goes on until
    /// [`Engine::is_handed_over`](super::Engine::is_handed_over), and no longer than a moment.
    Stopping,
}

/// Leave to emit so much more of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credit {
    /// Control messages to this peer.
    Send {
        /// Who.
        peer: PeerId,
        /// How many more.
        messages: u32,
    },
    /// [`Output::Check`]s.
    Checks(u32),
    /// [`Output::Keep`]s.
    Writes(u32),
    /// Chunks to give ([`Output::Serve`]): counted one by one, as each takes a buffer until its peer has taken it.
    Reads(u32),
    /// Plain bytes that the job's socket takes ([`Output::Deliver`]).
    Deliver {
        /// Who.
        job: JobId,
        /// How many more.
        bytes: u32,
    },
}

/// One thing for the driver to do.
#[derive(Debug)]
pub enum Output {
    /// Connect to a peer at one of these addresses, `host:port` each.
    Dial {
        /// Who.
        peer: PeerId,
        /// In the order to try them.
        addresses: Vec<String>,
    },
    /// Close everything with this peer.
    Disconnect {
        /// Who.
        peer: PeerId,
        /// For logs.
        why: DropReason,
    },
    /// Send on the control stream.
    Send {
        /// Who.
        peer: PeerId,
        /// What.
        message: Box<Control>,
    },
    /// Ask a peer for chunks on the bulk plane, with one request: of [`REQUEST_BYTES_MAX`](crate::limits::REQUEST_BYTES_MAX)
    /// and [`REQUEST_CHUNKS_MAX`](crate::limits::REQUEST_CHUNKS_MAX) at most, and at least one. Only the asking is common:
    /// each arrives, fails and is released by itself. A frame longer than its chunk's `bytes` ends its fetch as `TooLong`.
    Fetch {
        /// Who.
        peer: PeerId,
        /// The engine's number for each, and which chunk.
        chunks: Vec<(FetchId, ChunkRef)>,
    },
    /// Decode and hash what arrived.
    Check {
        /// Which.
        fetch: FetchId,
        /// What it has to be.
        chunk: ChunkRef,
    },
    /// Append what was checked to the store.
    Keep {
        /// Which.
        fetch: FetchId,
    },
    /// Forget this fetch and its buffer; if it is still under way, cancel it.
    Release {
        /// Which.
        fetch: FetchId,
    },
    /// Give a peer chunks that it asked for, in this order. All are of one request, and at least one: of a request come
    /// those that are held and that there is credit for; the others are declined, or come with a later output.
    Serve {
        /// Which ask, and which chunk.
        chunks: Vec<(AskId, ChunkId)>,
    },
    /// Do not.
    Decline {
        /// Which ask.
        ask: AskId,
        /// What to tell the peer.
        why: Decline,
    },
    /// Do `work.run(&trust)` off this thread.
    Verify {
        /// Which.
        task: TaskId,
        /// What.
        work: Box<Work>,
        /// What it is judged by at this moment.
        trust: Arc<Trust>,
    },
    /// Do `statement.sign(key)` with the identity key, off this thread.
    Sign {
        /// Which.
        task: TaskId,
        /// What.
        statement: Box<Statement>,
    },
    /// Make durable, then answer.
    Record {
        /// Which.
        task: TaskId,
        /// What.
        record: Box<Record>,
    },
    /// Make every kept chunk durable, then answer.
    Sync {
        /// Which.
        task: TaskId,
    },
    /// Which of these does the store hold?
    Look {
        /// Which.
        task: TaskId,
        /// In this order.
        chunks: Vec<ChunkRef>,
    },
    /// Read the tree's chunks from the store, decode, check against totals and roots.
    OpenTree {
        /// Which.
        task: TaskId,
        /// As the manifest declares it.
        tree: TreeRef,
    },
    /// Give a chunk to a job: from the fetch's buffer if one is named, else from the store.
    Deliver {
        /// To whom.
        job: JobId,
        /// Which chunk.
        chunk: ChunkRef,
        /// For the job's summary.
        source: Source,
        /// Where its bytes are.
        fetch: Option<FetchId>,
    },
    /// Answer a job.
    Reply {
        /// Whom.
        job: JobId,
        /// What.
        reply: Box<JobReply>,
    },
    /// For logs and metrics; no duty.
    Event(Event),
    /// A peer has proven that it belongs. Before, the driver gives it what a stranger gets: a stream for messages, of which
    /// little is read, and no chunks.
    Admit {
        /// Who.
        peer: PeerId,
    },
    /// A peer that dialled this node can be dialled itself, for more connections of the bulk plane. The policy lets this
    /// address be dialled.
    Reach {
        /// Who.
        peer: PeerId,
        /// Where it was seen, at the port that it tells.
        address: SocketAddr,
    },
    /// On a seed: append this to the log, before any record that comes after it is made durable. Where that fails, the
    /// records are made durable all the same.
    Log(Box<LogEntry>),
    /// On a seed: look through a bounded part of the log for lines that answer this ([`LogEntry::answers`]). One at a time
    /// for each reader, a few in all.
    ReadLog {
        /// Which.
        task: TaskId,
        /// What is looked for.
        what: LogQuery,
        /// From where on; none: from the beginning.
        after: Option<LogPlace>,
    },
}
