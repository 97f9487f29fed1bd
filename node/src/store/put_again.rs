//! Chunks that somebody put although they were there, or that were promised to somebody: nothing was written, but a
//! sweep must know.
use pollux_core::ChunkId;
use std::collections::HashMap;

/// The time between two sweep marks, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Epoch(u64);

/// Chunks that were put again while they were there, and the epoch in which they count as put. At most as many as there
/// are chunks.
#[derive(Debug, Default)]
pub(super) struct PutAgain {
    epoch: Epoch,
    chunks: HashMap<ChunkId, Epoch>,
}

impl PutAgain {
    /// Notes that somebody relies on this chunk from now on.
    pub(super) fn note(&mut self, chunk: &ChunkId) {
        self.note_for(chunk, 0);
    }

    /// Notes that somebody relies on this chunk until so many more epochs have ended.
    pub(super) fn note_for(&mut self, chunk: &ChunkId, epochs: u64) {
        let until = Epoch(self.epoch.0.saturating_add(epochs));
        let epoch = self.chunks.entry(*chunk).or_default();
        *epoch = until.max(*epoch);
    }

    /// Begins another epoch; says which one ended.
    pub(super) fn end_epoch(&mut self) -> Epoch {
        let ended = self.epoch;
        self.epoch.0 += 1;
        ended
    }

    /// Whether the chunk was put again after that epoch.
    pub(super) fn holds_since(&self, ended: Epoch, chunk: &ChunkId) -> bool {
        self.chunks.get(chunk).is_some_and(|epoch| *epoch > ended)
    }

    /// Whether somebody relies on this chunk now.
    pub(super) fn is_promised(&self, chunk: &ChunkId) -> bool {
        self.chunks.get(chunk).is_some_and(|epoch| *epoch >= self.epoch)
    }

    /// Forgets what was put again before that epoch ended.
    pub(super) fn forget_until(&mut self, ended: Epoch) {
        self.chunks.retain(|_, epoch| *epoch > ended);
    }
}
