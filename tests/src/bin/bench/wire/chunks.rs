//! What is moved: a few distinct chunks, again and again.

use crate::BenchError;
use pollux_core::ChunkId;

/// Bytes of a chunk.
pub(super) const CHUNK_BYTES: u32 = 256 * 1024;
/// Distinct chunks: 16 MB, more than a core's own cache holds.
const DISTINCT: u8 = 64;
/// Bytes before a chunk on a plain stream: its number and its length, little-endian.
pub(super) const HEAD_BYTES: usize = 8;

/// The chunks, which both sides make for themselves.
#[derive(Clone, Debug)]
pub(super) struct Chunks(Vec<Held>);

#[derive(Clone, Debug)]
struct Held {
    id: ChunkId,
    /// The head, and the chunk.
    framed: Vec<u8>,
}

impl Chunks {
    /// Makes them.
    pub(super) fn made() -> Self {
        Self((0..DISTINCT).map(Held::made).collect())
    }

    /// The name of the chunk that comes at this place in the endless sequence.
    pub(super) fn id(&self, number: u64) -> ChunkId {
        self.held(number).id
    }

    /// Its bytes.
    pub(super) fn bytes(&self, number: u64) -> &[u8] {
        self.framed(number).get(HEAD_BYTES..).unwrap_or_default()
    }

    /// Its bytes, with their head.
    pub(super) fn framed(&self, number: u64) -> &[u8] {
        &self.held(number).framed
    }

    /// The bytes of a chunk by its name.
    pub(super) fn bytes_of(&self, id: &ChunkId) -> Option<&[u8]> {
        self.framed_of(id)?.get(HEAD_BYTES..)
    }

    /// The same, with their head.
    pub(super) fn framed_of(&self, id: &ChunkId) -> Option<&[u8]> {
        self.0.iter().find(|held| held.id == *id).map(|held| held.framed.as_slice())
    }

    /// Whether these are the bytes of the chunk at this place.
    ///
    /// # Errors
    /// They are others.
    pub(super) fn check(&self, number: u64, bytes: &[u8]) -> Result<(), BenchError> {
        if ChunkId::of(bytes) == self.id(number) {
            return Ok(());
        }
        Err(BenchError::step("taking", format!("chunk {number} is not what was asked for")))
    }

    #[expect(clippy::expect_used, reason = "a remainder is less than what it is divided by")]
    fn held(&self, number: u64) -> &Held {
        let at = usize::try_from(number % u64::from(DISTINCT)).unwrap_or_default();
        self.0.get(at).expect("a chunk for each remainder")
    }

    /// Flips a bit of the last chunk, which keeps its name.
    #[cfg(test)]
    pub(super) fn spoil(&mut self) {
        let byte = self.0.last_mut().and_then(|held| held.framed.last_mut()).expect("a chunk");
        *byte ^= 1;
    }
}

impl Held {
    fn made(number: u8) -> Self {
        let bytes = (0..CHUNK_BYTES).map(|at| number ^ u8::try_from(at % 251).unwrap_or_default());
        let bytes: Vec<u8> = bytes.collect();
        let head = [u32::from(number).to_le_bytes(), CHUNK_BYTES.to_le_bytes()];
        Self { id: ChunkId::of(&bytes), framed: [head.concat(), bytes].concat() }
    }
}
