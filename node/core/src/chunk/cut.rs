//! FastCDC over runs.
use crate::ChunkId;
use serde::{Deserialize, Serialize};
/// A chunk's name and how many plain bytes it has (1 ..= CHUNK_BYTES_MAX).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChunkRef { /** name */ pub id: ChunkId, /** plain bytes */ pub bytes: u32 }
/// Cuts one run after another. Streamed: never holds more than CHUNK_BYTES_MAX of a run.
/// `push` takes the next bytes of the run and calls back with each finished chunk's plain bytes; `finish` ends the run.
#[derive(Debug)]
pub struct Cutter { _todo: () }
impl Cutter {
    /// A cutter at the start of a run.
    pub fn new() -> Self { todo!() }
    /// Takes more bytes; `emit` gets the plain bytes of each chunk as it is cut.
    pub fn push(&mut self, _bytes: &[u8], _emit: impl FnMut(&[u8])) { todo!() }
    /// Ends the run (the next push starts another).
    pub fn finish(&mut self, _emit: impl FnMut(&[u8])) { todo!() }
}
