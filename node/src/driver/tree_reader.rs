//! A tree out of the store.

use crate::store::{Store, tree_content};
use pollux_core::engine::TreeFault;
use pollux_core::{ChunkRef, FrameDecoder, TreeRef};

/// The content chunks of a tree whose own chunks the store holds, checked against what its manifest declares.
///
/// # Errors
/// A chunk that is not there, an encoding that breaks a rule, totals that differ.
pub(super) fn content(
    store: &Store,
    tree: &TreeRef,
    decoder: &mut FrameDecoder,
) -> Result<Vec<ChunkRef>, TreeFault> {
    tree_content(tree, decoder, &mut |chunk| {
        let found = store.get(&chunk.id).map_err(|_| TreeFault::Missing)?;
        found.map(|(_, frame)| frame).ok_or(TreeFault::Missing)
    })
}
