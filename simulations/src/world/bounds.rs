//! The engine's own bounds, held against what it does.

use super::{Violation, World};
use crate::node::Role;
use crate::numbered::{ChunkNo, NodeNo};
use pollux_core::engine::FetchId;
use pollux_core::limits::{
    CONTROL_BYTES_MAX, FETCHES_MAX, NEWCOMERS_MAX, PEERS_MAX, REQUEST_BYTES_MAX, REQUEST_CHUNKS_MAX,
    SEED_PEERS_MAX,
};

impl World {
    /// One request is of a bounded size, and so is all that is under way.
    pub(super) fn hold_fetch(&mut self, no: NodeNo, chunks: &[(FetchId, ChunkNo)]) {
        let bytes = |&(_, no): &(FetchId, ChunkNo)| {
            usize::try_from(self.content.chunk(no).bytes).unwrap_or(usize::MAX)
        };
        let sum = chunks.iter().map(bytes).sum();
        let bytes_max = usize::try_from(REQUEST_BYTES_MAX).unwrap_or(usize::MAX);
        self.hold(no, "chunks in one request", chunks.len(), REQUEST_CHUNKS_MAX);
        self.hold(no, "bytes in one request", sum, bytes_max);
        let under_way = self.nodes.at(no).fetches.len();
        self.hold(no, "chunks under way", under_way, FETCHES_MAX);
    }

    /// A message is of a bounded size.
    pub(super) fn hold_message(&mut self, no: NodeNo, bytes: usize) {
        self.hold(no, "bytes in one message", bytes, CONTROL_BYTES_MAX);
    }

    /// A node has so many peers at most.
    pub(super) fn hold_peers(&mut self, no: NodeNo) {
        let node = self.nodes.at(no);
        let max = if node.spec.role == Role::Seed { SEED_PEERS_MAX } else { PEERS_MAX + NEWCOMERS_MAX };
        let peers = node.engine.as_ref().map_or(0, |engine| engine.status().peers);
        self.hold(no, "peers", usize::try_from(peers).unwrap_or(usize::MAX), max);
    }

    fn hold(&mut self, no: NodeNo, what: &'static str, is: usize, max: usize) {
        if is > max {
            self.violated(no, Violation::OverLimit { what, is, max });
        }
    }
}
