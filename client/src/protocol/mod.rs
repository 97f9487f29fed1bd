//! The socket protocol between a job (client) and its node.
//!
//! A frame: length of what follows (u32 LE), kind (u8), body. Kind 0 is a message (postcard), kind 1 a chunk
//! (id 32 bytes, plain bytes u32 LE, frame kind u8, source u8, then the frame's bytes).
use pollux_core::{CertifiedEnvelope, ChunkId, ChunkRef, Envelope, Fallback, Frame, Key, ManifestId, engine::{EngineStatus, MissReason}, message::ListQuery};
use serde::{Deserialize, Serialize};

/// Newest version of the protocol; a peer may speak one less.
pub const VERSION: u16 = 1;
/// Oldest version still spoken.
pub const VERSION_OLDEST: u16 = 1;
/// Bytes of a message frame at most.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Chunks named by one message at most.
pub const CHUNKS_PER_MESSAGE_MAX: usize = 16 * 1024;

/// What a client says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// First: the versions spoken.
    Hello { oldest: u16, newest: u16, software: String },
    /// How is the node?
    Status,
    /// What is the newest for this?
    Resolve { key: Key, fallbacks: Vec<Fallback>, deadline_ms: u32 },
    /// Send me these chunks (in any order; each answered by a chunk frame or ChunkFailed). May be sent again before the last ones arrived; the node reads no further request while MORE than CHUNKS_PER_MESSAGE_MAX*4 are outstanding.
    Fetch { manifest: ManifestId, chunks: Vec<ChunkRef> },
    /// Drop what is outstanding.
    Cancel,
    /// Which of these does the node lack?
    Lacks { chunks: Vec<ChunkId> },
    /// (chunk frames may come now: each is checked and stored) Answer when all chunk frames so far are durable.
    Flush,
    /// Publish this signed manifest; every chunk is in the node.
    Publish { manifest: Envelope, deadline_ms: u32 },
    /// For people.
    List { what: ListQuery, deadline_ms: u32 },
}
/// What the node answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    Welcome { version: u16, software: String, pool: String },
    /// No common version, too many jobs, not allowed, bad request: with words. The node closes.
    Refused { why: String },
    Status(Box<NodeStatus>),
    Found { certified: Box<CertifiedEnvelope>, /** none: exact key */ fallback: Option<u8>, relayed: bool },
    Miss { reason: MissReason },
    FetchDone,
    ChunkFailed { chunk: ChunkRef, why: MissReason },
    /// Indices into what was asked.
    Lacking { indices: Vec<u32> },
    /// A chunk frame was refused (bad, or the disk is full) and everything after is ignored until Flush is answered with this.
    PutFailed { chunk: ChunkId, why: PutFailure },
    Flushed,
    PublishProgress { have: u32, of: u32 },
    Published { certified: Box<CertifiedEnvelope> },
    PublishFailed { why: PublishEnd },
    Listing { rows: Vec<CertifiedEnvelope>, more: bool, from_seed: bool },
}
/// Why a chunk was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PutFailure { Bad, Full, Broken }
/// Why a publish did not succeed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PublishEnd { NotBelieved(String), Incomplete { missing: u32 }, BadTree, LostRace { standing: Option<Box<CertifiedEnvelope>> }, Refused(String), SeedsSilent, Timeout }
/// Where a chunk came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum ChunkSource { Local = 0, Peer = 1, Seed = 2 }
/// A chunk frame.
#[derive(Clone, Debug, PartialEq)]
pub struct ChunkFrame { pub chunk: ChunkRef, pub source: ChunkSource, pub frame: Frame }
/// The node on one screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus { pub software: String, pub pool: String, pub peer: String, pub role: String, pub uptime_seconds: u64, pub engine: EngineStatus, pub store_chunks: u64, pub store_bytes: u64, pub store_bytes_max: u64, pub disk_free_bytes: u64, pub policy_version: u64, pub policy_expires_ms: u64 }
