//! A tree's encoding, put together from its chunks and checked against what its manifest declares.
use pollux_core::engine::TreeFault;
use pollux_core::limits::TREE_BYTES_MAX;
use pollux_core::{ChunkRef, Frame, FrameDecoder, Tree, TreeRef};

/// The content chunks of a tree whose own chunks `read` finds.
///
/// # Errors
/// What `read` says, an encoding that breaks a rule, totals that differ.
pub(crate) fn content(
    tree: &TreeRef,
    decoder: &mut FrameDecoder,
    read: &mut dyn FnMut(&ChunkRef) -> Result<Frame, TreeFault>,
) -> Result<Vec<ChunkRef>, TreeFault> {
    let encoded = encoding(tree, decoder, read)?;
    let opened = Tree::decode(&encoded).map_err(|_| TreeFault::Broken)?;
    opened.check_against(&tree.totals, &tree.roots).map_err(|_| TreeFault::DiffersFromManifest)?;
    Ok(opened.chunks().to_vec())
}

fn encoding(
    tree: &TreeRef,
    decoder: &mut FrameDecoder,
    read: &mut dyn FnMut(&ChunkRef) -> Result<Frame, TreeFault>,
) -> Result<Vec<u8>, TreeFault> {
    let bytes: u64 = tree.chunks.iter().map(|chunk| u64::from(chunk.bytes)).sum();
    if bytes > TREE_BYTES_MAX {
        return Err(TreeFault::Broken);
    }
    let mut encoded = Vec::with_capacity(usize::try_from(bytes).map_err(|_| TreeFault::Broken)?);
    for chunk in &tree.chunks {
        let frame = read(chunk)?;
        let plain = decoder.open(&frame, *chunk).map_err(|_| TreeFault::Broken)?;
        encoded.extend_from_slice(plain);
    }
    Ok(encoded)
}
