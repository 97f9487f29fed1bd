//! Chunks: how bytes are cut, framed and checked.
//!
//! A chunk is 1 to [`CHUNK_BYTES_MAX`](crate::limits::CHUNK_BYTES_MAX) plain bytes, named by their hash. [`Cutter`] finds
//! where one ends and the next begins; [`FrameEncoder`] makes the form in which it is stored and sent; [`FrameDecoder`]
//! is the only way from a foreign frame to believed bytes. Nothing here knows which file a chunk belongs to.

mod cut;
mod frame;
mod gear;
mod header;
mod witness;

#[cfg(test)]
pub(crate) mod test_bytes;

pub use cut::{ChunkRef, Cutter};
pub use frame::{ChunkFault, Frame, FrameDecoder, FrameEncoder, FrameKind};
pub use witness::{CheckedChunk, HashedChunk, VerifiedChunk};
