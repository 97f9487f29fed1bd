//! The socket protocol between a job and its node.
//!
//! A stream of frames in both directions. A frame, all numbers little-endian:
//!
//! ```text
//! u32  length of what follows, kind included
//! u8   kind: 0 message, 1 chunk
//! …    message: postcard of a Request (job to node) or a Reply (node to job)
//!      chunk:   id (32 bytes), plain bytes (u32), frame kind (u8), source (u8), then the frame's bytes
//! ```
//!
//! The job speaks first, with [`Request::Hello`]; the node chooses a version. Variants and fields are added at the
//! end only, and a side never sends what the chosen version lacks. A job has at most one [`Request::Resolve`],
//! [`Request::Publish`], [`Request::List`], [`Request::Log`] or [`Request::Spread`] under way; it may fetch meanwhile. What breaks these rules is answered
//! with [`Reply::Refused`] and the end of the connection.
//!
//! A later release may lengthen lists of *reasons* without a new version, because what it says is understood all the same: a
//! miss ([`Reply::Miss`], [`Reply::ChunkFailed`]), a chunk that was not taken ([`PutFailure`]), a seed that is silent, a node that
//! is not let in. Why a publish did not succeed ([`PublishEnd`]) carries more than a number and is not such a list; a new reason
//! of the seeds comes in words. Everything else needs a new version.

mod codec;
mod message;
mod overview;
#[cfg(test)]
mod recorded;

pub use codec::{ChunkHead, FrameError, FrameHead, FrameType, decode, encode};
pub use message::{ChunkSource, NodeStatus, PublishEnd, PutFailure, Reply, Request, TakenBack};
pub use overview::{
    Asked, ENDS_MAX, Ending, Further, LoggedWarning, Overview, Place, PoolEnd, SeedStatus, WARNING_BYTES_MAX,
    WARNINGS_KEPT,
};

use pollux_core::limits::CHUNK_BYTES_MAX;

/// Newest version of the protocol. 3 has [`Request::Overview`], and nothing else that 2 has not.
pub const VERSION: u16 = 3;
/// Oldest version still spoken: one less than the newest, where there is one that was released.
pub const VERSION_OLDEST: u16 = 2;
/// Bytes of a message at most: [`CHUNKS_PER_MESSAGE_MAX`] chunks with their lengths, and a page of manifests.
pub const MESSAGE_BYTES_MAX: u32 = 1024 * 1024;
/// Bytes of a chunk frame's body at most.
pub const CHUNK_FRAME_BYTES_MAX: u32 = 38 + CHUNK_BYTES_MAX;
/// Bytes of papers in one message at most (in postcard): [`MESSAGE_BYTES_MAX`], with room for the rest.
pub const PAPERS_BYTES_MAX: usize = 1000 * 1024;
/// Manifests of one [`Request::Used`] at most: no job restores more.
pub const USED_MAX: usize = 1024;
/// Users whose restores a node remembers at most; a CI instance has a few.
pub const USERS_REMEMBERED_MAX: usize = 64;
/// Chunks named by one message at most.
pub const CHUNKS_PER_MESSAGE_MAX: usize = 16 * 1024;
/// Chunks asked for and not yet answered at most: a node reads nothing further from a job that is over it.
pub const CHUNKS_OUTSTANDING_MAX: usize = 4 * CHUNKS_PER_MESSAGE_MAX;
