//! Files of a tree that have another's content.
//!
//! Only files that are cut by themselves (128 KiB or more) are looked at: equal ones have equal chunks, and for smaller ones a
//! clone costs more than their bytes.
use pollux_core::{ChunkRef, EntryKind, Tree, limits::RUN_OWN_FILE_BYTES};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Range,
};

/// By the index of their entry.
#[derive(Debug, Default)]
pub(super) struct Duplicates {
    /// Of the first file with some content, the others that have it.
    of: BTreeMap<usize, Vec<usize>>,
    /// All those others.
    others: BTreeSet<usize>,
}

impl Duplicates {
    /// Those of a tree.
    pub(super) fn of(tree: &Tree) -> Self {
        let mut first: HashMap<Vec<(ChunkRef, Range<u32>)>, usize> = HashMap::new();
        let mut duplicates = Self::default();
        for (index, entry) in tree.entries().iter().enumerate() {
            let EntryKind::File { bytes, offset, .. } = entry.kind else { continue };
            if bytes < RUN_OWN_FILE_BYTES {
                continue;
            }
            let original = *first.entry(content(tree, bytes, offset)).or_insert(index);
            if original != index {
                duplicates.of.entry(original).or_default().push(index);
                duplicates.others.insert(index);
            }
        }
        duplicates
    }

    /// The files that have the content of this one, where it is the first that has it.
    pub(super) fn of_first(&self, entry: usize) -> &[usize] {
        self.of.get(&entry).map_or(&[], Vec::as_slice)
    }

    /// Whether an earlier file has the content of this one.
    pub(super) fn is_other(&self, entry: usize) -> bool {
        self.others.contains(&entry)
    }
}

/// Which bytes of which chunks a file has.
fn content(tree: &Tree, bytes: u64, offset: u64) -> Vec<(ChunkRef, Range<u32>)> {
    let chunk = |index: u32| usize::try_from(index).ok().and_then(|index| tree.chunks().get(index)).copied();
    let pieces = tree.pieces(bytes, offset).into_iter();
    pieces.filter_map(|piece| Some((chunk(piece.chunk)?, piece.range))).collect()
}
