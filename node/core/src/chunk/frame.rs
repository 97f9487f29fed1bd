//! Frames: how a chunk is stored and sent; and the witness that it was checked.
use crate::{ChunkId, ChunkRef};
use serde::{Deserialize, Serialize};
/// How a frame holds the plain bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum FrameKind { /** plain */ Raw = 0, /** one zstd frame */ Zstd = 1 }
impl FrameKind { /** from wire */ pub fn from_byte(_b: u8) -> Option<Self> { todo!() } /** to wire */ pub fn as_byte(self) -> u8 { todo!() } }
/// A chunk as stored and sent: unchecked bytes from anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame { /** kind */ pub kind: FrameKind, /** bytes, never longer than the plain bytes */ pub bytes: Vec<u8> }
/// Reused zstd compression context.
pub struct FrameEncoder { _todo: () }
impl FrameEncoder { /** level: zstd 1..=19 */ pub fn new(_level: i32) -> Self { todo!() } /** frame of these plain bytes: zstd, or raw where that saves under 5 % */ pub fn encode(&mut self, _plain: &[u8]) -> Frame { todo!() } }
/// Reused decompression context and plain buffer; bounded window.
pub struct FrameDecoder { _todo: () }
impl FrameDecoder {
    /// new
    pub fn new() -> Self { todo!() }
    /// Decodes a frame that should hold `expected`, hashes it, and gives the plain bytes (borrowed from the decoder's buffer, or the frame's own when raw).
    pub fn open<'a>(&'a mut self, _frame: &'a Frame, _expected: ChunkRef) -> Result<&'a [u8], ChunkFault> { todo!() }
    /// The same, keeping the frame with the witness that it is right.
    pub fn verify(&mut self, _frame: Frame, _expected: ChunkRef) -> Result<VerifiedChunk, ChunkFault> { todo!() }
}
/// A frame whose decoded bytes were hashed and found to be `chunk`. Only [`FrameDecoder::verify`] (and encode of own bytes) makes one.
#[derive(Clone, Debug)]
pub struct VerifiedChunk { chunk: ChunkRef, frame: Frame }
impl VerifiedChunk {
    /// name and length
    pub fn chunk(&self) -> ChunkRef { self.chunk }
    /// as stored
    pub fn frame(&self) -> &Frame { &self.frame }
    /// Hashes and frames plain bytes of our own.
    pub fn from_plain(_plain: &[u8], _encoder: &mut FrameEncoder) -> Self { todo!() }
}
/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ChunkFault { #[error("todo")] WrongLength, #[error("todo")] WrongHash, #[error("todo")] BadFrame, #[error("todo")] TooLong }
impl ChunkId { }

/// The engine's witness that a chunk was checked: made from a [`VerifiedChunk`] only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckedChunk(ChunkRef);
impl VerifiedChunk { /// The witness, without the bytes.
    pub fn witness(&self) -> CheckedChunk { CheckedChunk(self.chunk) } }
impl CheckedChunk { /// name and length
    pub fn chunk(&self) -> ChunkRef { self.0 } }
