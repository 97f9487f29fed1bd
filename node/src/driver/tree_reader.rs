//! A tree out of the store.

use crate::store::Store;
use pollux_core::engine::TreeFault;
use pollux_core::limits::TREE_BYTES_MAX;
use pollux_core::{ChunkRef, FrameDecoder, Tree, TreeRef};

/// The content chunks of a tree whose own chunks the store holds, checked against what its manifest declares.
///
/// # Errors
/// A chunk that is not there, an encoding that breaks a rule, totals that differ.
pub(super) fn content(
    store: &Store,
    tree: &TreeRef,
    decoder: &mut FrameDecoder,
) -> Result<Vec<ChunkRef>, TreeFault> {
    let encoded = encoding(store, tree, decoder)?;
    let opened = Tree::decode(&encoded).map_err(|_| TreeFault::Broken)?;
    opened.check_against(&tree.totals, &tree.roots).map_err(|_| TreeFault::DiffersFromManifest)?;
    Ok(opened.chunks().to_vec())
}

fn encoding(store: &Store, tree: &TreeRef, decoder: &mut FrameDecoder) -> Result<Vec<u8>, TreeFault> {
    let bytes: u64 = tree.chunks.iter().map(|chunk| u64::from(chunk.bytes)).sum();
    if bytes > TREE_BYTES_MAX {
        return Err(TreeFault::Broken);
    }
    let mut encoded = Vec::with_capacity(usize::try_from(bytes).map_err(|_| TreeFault::Broken)?);
    for chunk in &tree.chunks {
        let found = store.get(&chunk.id).map_err(|_| TreeFault::Missing)?;
        let (_, frame) = found.ok_or(TreeFault::Missing)?;
        let plain = decoder.open(&frame, *chunk).map_err(|_| TreeFault::Broken)?;
        encoded.extend_from_slice(plain);
    }
    Ok(encoded)
}
