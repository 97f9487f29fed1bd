//! The rules for a tree as a whole.

use super::error::{RootFault, TreeError, shown};
use super::path::{check_path, check_target, is_within, parent, path_order};
use super::{Entry, EntryKind};
use crate::ChunkRef;
use crate::limits::{
    CHUNK_BYTES_MAX, MANIFEST_CHUNKS_MAX, ROOTS_BYTES_MAX, ROOTS_MAX, TREE_ENTRIES_MAX, TREE_TEXT_BYTES_MAX,
};
use core::cmp::Ordering;
use std::collections::BTreeMap;

const MODE_MAX: u16 = 0o777;

/// How many of everything there may be.
pub(super) fn check_sizes(roots: &[String], entries: &[Entry], chunks: &[ChunkRef]) -> Result<(), TreeError> {
    check_count("roots", roots.len(), ROOTS_MAX)?;
    check_count("bytes of roots", roots.iter().map(String::len).sum(), ROOTS_BYTES_MAX)?;
    check_count("entries", entries.len(), TREE_ENTRIES_MAX)?;
    check_count("chunks", chunks.len(), MANIFEST_CHUNKS_MAX)?;
    check_count(TEXT, entries.iter().map(text_bytes).sum(), TREE_TEXT_BYTES_MAX)
}

/// What [`TREE_TEXT_BYTES_MAX`] counts.
pub(super) const TEXT: &str = "bytes of paths and targets";

pub(super) fn check_count<N: TryInto<u64>>(
    what: &'static str,
    count: usize,
    max: N,
) -> Result<(), TreeError> {
    let max = max.try_into().unwrap_or(u64::MAX);
    let few = u64::try_from(count).is_ok_and(|count| count <= max);
    if few { Ok(()) } else { Err(TreeError::TooMany { what, max }) }
}

fn text_bytes(entry: &Entry) -> usize {
    let target = match &entry.kind {
        EntryKind::Symlink { target } => target.len(),
        EntryKind::File { .. } | EntryKind::Directory => 0,
    };
    entry.path.len().saturating_add(target)
}

/// Each entry by itself, their order, and that each lies in a directory before it.
pub(super) fn check_entries(entries: &[Entry]) -> Result<(), TreeError> {
    let mut previous = None;
    // The directories above the entry at hand, outermost first.
    let mut above: Vec<&str> = Vec::new();
    for entry in entries {
        check_entry(entry)?;
        let path = entry.path.as_str();
        if previous.is_some_and(|previous| path_order(previous, path) != Ordering::Less) {
            return Err(TreeError::Order { path: shown(path) });
        }
        while above.pop_if(|directory| !is_within(path, directory)).is_some() {}
        if parent(path) != above.last().copied() {
            return Err(TreeError::Parent { path: shown(path) });
        }
        if entry.kind == EntryKind::Directory {
            above.push(path);
        }
        previous = Some(path);
    }
    Ok(())
}

fn check_entry(entry: &Entry) -> Result<(), TreeError> {
    let Entry { path, mode, kind, .. } = entry;
    check_path(path).map_err(|fault| TreeError::Path { path: shown(path), fault })?;
    if *mode > MODE_MAX {
        return Err(TreeError::Mode { path: shown(path), mode: *mode });
    }
    if let EntryKind::Symlink { target } = kind {
        check_target(path, target).map_err(|fault| TreeError::Target { path: shown(path), fault })?;
    }
    Ok(())
}

/// Roots are the base alone, or entries that do not lie in one another; every entry is in one of them or above one. The
/// entries are in order already.
pub(super) fn check_roots(roots: &[String], entries: &[Entry]) -> Result<(), TreeError> {
    let mut previous: Option<&str> = None;
    for root in roots {
        check_root(root, previous, entries).map_err(|fault| TreeError::Root { root: shown(root), fault })?;
        previous = Some(root);
    }
    match entries.iter().find(|entry| !belongs(&entry.path, roots)) {
        Some(entry) => Err(TreeError::Stray { path: shown(&entry.path) }),
        None => Ok(()),
    }
}

fn check_root(root: &str, previous: Option<&str>, entries: &[Entry]) -> Result<(), RootFault> {
    // What lies within a path follows it at once in this order, so the root before is the only one to look at.
    if previous
        .is_some_and(|previous| path_order(previous, root) != Ordering::Less || is_within(root, previous))
    {
        return Err(RootFault::Order);
    }
    if root.is_empty() {
        return Ok(());
    }
    check_path(root).map_err(RootFault::Path)?;
    let found = entries.binary_search_by(|entry| path_order(&entry.path, root));
    found.map(|_| ()).map_err(|_| RootFault::Missing)
}

/// Whether a path is within a root or above one; roots are in order.
fn belongs(path: &str, roots: &[String]) -> bool {
    let behind = roots.partition_point(|root| path_order(root, path) != Ordering::Greater);
    let before = behind.checked_sub(1).and_then(|index| roots.get(index));
    before.is_some_and(|root| is_within(path, root))
        || roots.get(behind).is_some_and(|root| is_within(root, path))
}

/// The chunks' lengths, and that every run ends where a chunk does. Gives where each chunk begins.
pub(super) fn check_chunks(chunks: &[ChunkRef], run_ends: &[u64]) -> Result<Vec<u64>, TreeError> {
    check_chunk_lengths(chunks)?;
    let mut starts = Vec::with_capacity(chunks.len());
    let mut position = 0u64;
    for chunk in chunks {
        starts.push(position);
        position += u64::from(chunk.bytes);
    }
    if run_ends.last() != Some(&position) {
        return Err(TreeError::ContentLength);
    }
    let ends_inside = |end: &u64| *end != position && starts.binary_search(end).is_err();
    match run_ends.iter().find(|end| ends_inside(end)) {
        Some(end) => {
            Err(TreeError::RunEnd { chunk: starts.partition_point(|start| start < end).saturating_sub(1) })
        }
        None => Ok(starts),
    }
}

fn check_chunk_lengths(chunks: &[ChunkRef]) -> Result<(), TreeError> {
    let mut lengths = BTreeMap::new();
    for chunk in chunks {
        let possible = (1..=CHUNK_BYTES_MAX).contains(&chunk.bytes);
        let before = lengths.insert(chunk.id, chunk.bytes);
        if !possible || before.is_some_and(|before| before != chunk.bytes) {
            return Err(TreeError::ChunkLength(chunk.id));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
