//! Where the bytes of a chunk belong, however often it occurs in a tree.
use super::duplicates::Duplicates;
use pollux_core::{ChunkRef, Entry, EntryKind, Placement, Placements, Tree, path_order};
use std::{collections::HashSet, ops::Range};

/// A tree, indexed by chunk.
#[derive(Debug)]
pub(super) struct Layout {
    tree: Tree,
    /// Files that are not written but cloned.
    duplicates: Duplicates,
    /// For each entry the entry of its directory plus one, or 0 for the top.
    parents: Vec<usize>,
    placements: Placements,
    /// Each chunk of the tree with its index in it, in order of ids.
    occurrences: Vec<(ChunkRef, u32)>,
}

impl Layout {
    pub(super) fn new(tree: Tree, duplicates: Duplicates) -> Self {
        let mut occurrences: Vec<_> = tree.chunks().iter().copied().zip(0..).collect();
        occurrences.sort_unstable();
        Self {
            parents: parents(tree.entries()),
            placements: tree.placements(),
            occurrences,
            tree,
            duplicates,
        }
    }

    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Files that are cloned from others.
    pub(super) fn duplicates(&self) -> &Duplicates {
        &self.duplicates
    }

    /// The directory that an entry lies in: a number to keep it by (0 for the top), and its path.
    pub(super) fn directory_of(&self, index: usize) -> (usize, &str) {
        let number = self.parents.get(index).copied().unwrap_or(0);
        let entry = number.checked_sub(1).and_then(|index| self.tree.entries().get(index));
        (number, entry.map_or("", |entry| &entry.path))
    }

    /// The distinct chunks in content order.
    pub(super) fn distinct(&self) -> Vec<ChunkRef> {
        let mut seen = HashSet::new();
        self.tree.chunks().iter().copied().filter(|chunk| seen.insert(*chunk)).collect()
    }

    /// The occurrences of a chunk: the same range at every call. `None`: it is none of this tree's.
    pub(super) fn occurrences_of(&self, chunk: ChunkRef) -> Option<Range<usize>> {
        let first = self.occurrences.partition_point(|(other, _)| *other < chunk);
        let end = self.occurrences.partition_point(|(other, _)| *other <= chunk);
        (first < end).then_some(first..end)
    }

    /// How many occurrences of chunks there are in all.
    pub(super) fn occurrence_count(&self) -> usize {
        self.occurrences.len()
    }

    /// Where the bytes of an occurrence belong.
    pub(super) fn placements_of(&self, occurrence: usize) -> &[Placement] {
        self.occurrences.get(occurrence).map_or(&[], |(_, chunk)| self.placements.of(*chunk))
    }

    /// A path's entry and all entries that lie below it.
    pub(super) fn subtree(&self, path: &str) -> &[Entry] {
        let entries = self.tree.entries();
        let first = entries.partition_point(|entry| path_order(&entry.path, path).is_lt());
        let rest = entries.get(first..).unwrap_or_default();
        let end = rest.partition_point(|entry| entry.path == path || lies_in(&entry.path, path));
        rest.get(..end).unwrap_or_default()
    }
}

/// The number of each entry's directory: directories come before what lies in them.
fn parents(entries: &[Entry]) -> Vec<usize> {
    let mut way: Vec<(&str, usize)> = Vec::new();
    let mut parents = Vec::with_capacity(entries.len());
    for (number, entry) in (1..).zip(entries) {
        while way.pop_if(|(dir, _)| !lies_in(&entry.path, dir)).is_some() {}
        parents.push(way.last().map_or(0, |(_, number)| *number));
        if entry.kind == EntryKind::Directory {
            way.push((&entry.path, number));
        }
    }
    parents
}

fn lies_in(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}
