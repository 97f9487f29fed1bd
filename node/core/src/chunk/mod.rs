//! Chunks: how bytes are cut, framed, checked.
mod cut;
mod frame;
pub use cut::{ChunkRef, Cutter};
pub use frame::{CheckedChunk, Frame, FrameDecoder, FrameEncoder, FrameKind, ChunkFault, VerifiedChunk};
