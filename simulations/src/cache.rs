//! What the crowd wants: a tree of one file, cut in chunks of one size.
//!
//! Each chunk's bytes are made once and hashed once, for the witness that engines are told; then they are dropped. They
//! are a number and zeros: what they are matters to nobody, since a frame is as long as its plain bytes here.

use crate::numbered::{ChunkNo, Numbered};
use core::ops::Range;
use pollux_core::{
    CheckedChunk, ChunkId, ChunkRef, Entry, EntryKind, FrameEncoder, Tree, TreeRef, VerifiedChunk,
};
use std::collections::BTreeMap;

/// The tree's own chunks are no smaller, so that a manifest can name them all.
const TREE_CHUNK_BYTES_MIN: usize = 64 << 10;

/// The cache.
#[derive(Debug)]
pub(crate) struct Cache {
    witnesses: Numbered<ChunkNo, CheckedChunk>,
    by_id: BTreeMap<ChunkId, ChunkNo>,
    tree: TreeRef,
    tree_chunks: u32,
    content: Vec<ChunkRef>,
    bytes: u64,
}

impl Cache {
    /// `size` plain bytes in chunks of `chunk_bytes`, both as a checked scenario has them.
    pub(crate) fn new(size: u64, chunk_bytes: u64) -> Self {
        let mut encoder = FrameEncoder::new(1);
        let content: Vec<CheckedChunk> = lengths(size, chunk_bytes)
            .enumerate()
            .map(|(number, bytes)| VerifiedChunk::from_plain(&plain(number, bytes), &mut encoder).witness())
            .collect();
        let tree = tree(size, content.iter().map(CheckedChunk::chunk).collect());
        let step = usize::try_from(chunk_bytes).unwrap_or(usize::MAX).max(TREE_CHUNK_BYTES_MIN);
        let encoded = tree.encode();
        let own = encoded.chunks(step).map(|bytes| VerifiedChunk::from_plain(bytes, &mut encoder).witness());
        let own: Vec<CheckedChunk> = own.collect();
        let tree_ref = TreeRef {
            chunks: own.iter().map(CheckedChunk::chunk).collect(),
            totals: tree.totals(),
            roots: tree.roots().to_vec(),
        };
        Self::numbered(own, content, tree_ref)
    }

    fn numbered(own: Vec<CheckedChunk>, content: Vec<CheckedChunk>, tree: TreeRef) -> Self {
        let tree_chunks = u32::try_from(own.len()).unwrap_or(u32::MAX);
        let refs: Vec<ChunkRef> = content.iter().map(CheckedChunk::chunk).collect();
        let (mut witnesses, mut by_id, mut bytes) = (Numbered::default(), BTreeMap::new(), 0);
        for witness in own.into_iter().chain(content) {
            bytes += u64::from(witness.chunk().bytes);
            let no = witnesses.push(witness);
            by_id.insert(witness.chunk().id, no);
        }
        Self { witnesses, by_id, tree, tree_chunks, content: refs, bytes }
    }

    /// How the manifest names the tree.
    pub(crate) const fn tree(&self) -> &TreeRef {
        &self.tree
    }

    /// What opening the tree gives.
    pub(crate) fn content(&self) -> &[ChunkRef] {
        &self.content
    }

    /// Bytes that a node fetches: the tree's and the content's frames.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.witnesses.len()).unwrap_or(u32::MAX)
    }

    /// The tree's own chunks.
    pub(crate) fn tree_numbers(&self) -> impl Iterator<Item = ChunkNo> {
        numbers(0..self.tree_chunks)
    }

    /// The content's chunks, in order.
    pub(crate) fn content_numbers(&self) -> impl Iterator<Item = ChunkNo> {
        numbers(self.tree_chunks..self.count())
    }

    pub(crate) fn find(&self, id: &ChunkId) -> Option<ChunkNo> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn witness(&self, no: ChunkNo) -> CheckedChunk {
        *self.witnesses.at(no)
    }

    pub(crate) fn chunk(&self, no: ChunkNo) -> ChunkRef {
        self.witness(no).chunk()
    }
}

fn numbers(range: Range<u32>) -> impl Iterator<Item = ChunkNo> {
    range.map(ChunkNo)
}

fn lengths(size: u64, chunk_bytes: u64) -> impl Iterator<Item = u64> {
    let mut left = size;
    core::iter::from_fn(move || {
        let bytes = left.min(chunk_bytes);
        left -= bytes;
        (bytes > 0).then_some(bytes)
    })
}

fn plain(number: usize, bytes: u64) -> Vec<u8> {
    let mut plain: Vec<u8> = number.to_le_bytes().to_vec();
    plain.resize(usize::try_from(bytes).unwrap_or(0), 0);
    plain
}

#[expect(clippy::expect_used, reason = "one file whose chunks have its length breaks no rule of trees")]
fn tree(size: u64, content: Vec<ChunkRef>) -> Tree {
    let kind = EntryKind::File { bytes: size, offset: 0 };
    let file = Entry { path: "cache".to_owned(), mode: 0o644, modified_ns: 0, kind };
    Tree::new(vec![String::new()], vec![file], content).expect("a scenario in bounds makes a tree")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cache_is_its_tree_and_its_content() {
        let cache = Cache::new(10 * 65_536 + 1, 65_536);
        assert_eq!(cache.content().len(), 11);
        assert_eq!(cache.tree().chunks.len(), 1);
        assert_eq!(cache.count(), 12);
        assert_eq!(cache.tree().totals.bytes, 10 * 65_536 + 1);
        let tree = u64::from(cache.chunk(ChunkNo(0)).bytes);
        assert_eq!(cache.bytes(), 10 * 65_536 + 1 + tree);
        for no in cache.tree_numbers().chain(cache.content_numbers()) {
            assert_eq!(cache.find(&cache.chunk(no).id), Some(no), "every chunk has one name");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        #[test]
        fn any_size_in_bounds_makes_a_cache(size in 1..600_000u64, chunk_bytes in 4_096..70_000u64) {
            let cache = Cache::new(size, chunk_bytes);
            let content: u64 = cache.content().iter().map(|chunk| u64::from(chunk.bytes)).sum();
            prop_assert_eq!(content, size);
            prop_assert!(cache.content().iter().all(|chunk| u64::from(chunk.bytes) <= chunk_bytes));
        }
    }
}
