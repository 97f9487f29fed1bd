//! Which chunks a new listing has as they were.
//!
//! All small files of a listing are one run, cut where its content says so. A chunk of before is one of now where all files
//! that its bytes are of are unchanged, and follow each other as they did: if the run is cut where it begins, it is cut where
//! it ends. So whoever reads what changed goes on until a cut comes where such a chunk begins. Only a chunk that ended because
//! its run did says nothing, unless the run ends there again.

use super::Index;
use crate::disk::Scan;
use crate::disk::scan::{Found, Stamp};
use core::cmp::Ordering;
use core::ops::Range;
use pollux_core::limits::RUN_OWN_FILE_BYTES;
use pollux_core::{ChunkRef, EntryKind, Run, Tree, path_order};

/// For each run, the chunks that can be taken as they are.
#[derive(Debug, Default)]
pub(crate) struct Reuse {
    runs: Vec<Vec<Known>>,
}

/// Chunks of before that follow each other.
#[derive(Debug)]
struct Known {
    chunks: Vec<ChunkRef>,
    /// Where each begins in the run of now, and where the last ends.
    bounds: Vec<u64>,
}

impl Reuse {
    /// Nothing is known.
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    /// What an index knows of a listing with these runs.
    pub(crate) fn new(index: &Index, scan: &Scan, runs: &[Run]) -> Self {
        let before = Before::new(index);
        let Ok(base) = rustix::fs::fstat(&scan.base) else { return Self::nothing() };
        // What is mounted beneath the base may have another clock.
        let unchanged = before.unchanged(scan, base.st_dev);
        let known = |run: &Run| before.known(run, scan, &unchanged);
        Self { runs: runs.iter().map(known).collect() }
    }

    /// The chunks that begin at this position of a run, and where they end.
    pub(crate) fn from(&self, run: usize, at: u64) -> Option<(&[ChunkRef], u64)> {
        let runs = self.runs.get(run)?;
        let known = runs.get(runs.partition_point(|known| known.end() <= at))?;
        let place = known.bounds.binary_search(&at).ok()?;
        Some((known.chunks.get(place..)?, known.end()))
    }

    /// Whether some begin there.
    pub(crate) fn begins(&self, run: usize, at: u64) -> bool {
        self.from(run, at).is_some()
    }
}

impl Known {
    fn end(&self) -> u64 {
        self.bounds.last().copied().unwrap_or_default()
    }
}

/// The tree of before, with what is asked for often.
struct Before<'a> {
    index: &'a Index,
    chunks: &'a [ChunkRef],
    /// Where each chunk begins in the content, and where the last ends.
    starts: Vec<u64>,
    /// Path, place among the files, offset in the content: in the listing's order.
    files: Vec<(&'a str, usize, u64)>,
    /// Where the run of small files ends.
    small_end: u64,
}

/// Files that follow each other in a run of now, as they did before.
struct Block {
    /// In the run.
    now: Range<u64>,
    /// In the content of before.
    before: u64,
}

impl<'a> Before<'a> {
    fn new(index: &'a Index) -> Self {
        let (chunks, files) = (index.tree.chunks(), files(&index.tree));
        let mut starts = vec![0];
        starts.extend(chunks.iter().scan(0u64, |at, chunk| {
            *at = at.saturating_add(chunk.bytes.into());
            Some(*at)
        }));
        let small = |(_, place, _): &&(&str, usize, u64)| {
            index.stamps.get(*place).is_some_and(|stamp| stamp.bytes < RUN_OWN_FILE_BYTES)
        };
        let end = |(_, place, offset): &(&str, usize, u64)| {
            offset + index.stamps.get(*place).map_or(0, |stamp| stamp.bytes)
        };
        let small_end = files.iter().filter(small).map(end).max().unwrap_or_default();
        Self { index, chunks, starts, files, small_end }
    }

    /// For each entry of a listing, where its bytes were, if it is an unchanged file.
    fn unchanged(&self, scan: &Scan, device: u64) -> Vec<Option<u64>> {
        let mut before = self.files.iter().peekable();
        let mut find = |found: &Found, stamp: &Stamp| {
            while before.next_if(|(path, ..)| path_order(path, &found.path) == Ordering::Less).is_some() {}
            let (_, place, offset) = before.next_if(|(path, ..)| *path == found.path)?;
            (stamp.device == device && self.index.believes(*place, stamp)).then_some(*offset)
        };
        scan.found.iter().map(|found| find(found, found.stamp()?)).collect()
    }

    fn known(&self, run: &Run, scan: &Scan, unchanged: &[Option<u64>]) -> Vec<Known> {
        let blocks = blocks(run, scan, unchanged);
        blocks.iter().filter_map(|block| self.whole(block, run.bytes)).collect()
    }

    /// The chunks that lie whole in a block.
    fn whole(&self, block: &Block, run_bytes: u64) -> Option<Known> {
        let before_end = block.before + (block.now.end - block.now.start);
        let first = self.starts.partition_point(|start| *start < block.before);
        let mut last = self.starts.partition_point(|start| *start <= before_end).checked_sub(1)?;
        // A chunk that ended because its run did.
        let ends_run = self.starts.get(last).is_some_and(|end| self.is_run_end(*end));
        if ends_run && block.now.end != run_bytes {
            last = last.checked_sub(1)?;
        }
        let chunks = self.chunks.get(first..last)?;
        let bounds = self.starts.get(first..=last)?.iter();
        let bounds: Vec<u64> = bounds.map(|start| start - block.before + block.now.start).collect();
        (!chunks.is_empty()).then(|| Known { chunks: chunks.to_vec(), bounds })
    }

    /// Small files are one run; each larger one is its own.
    fn is_run_end(&self, at: u64) -> bool {
        at >= self.small_end
    }
}

fn files(tree: &Tree) -> Vec<(&str, usize, u64)> {
    let files = tree.entries().iter().filter_map(|entry| match entry.kind {
        EntryKind::File { offset, .. } => Some((entry.path.as_str(), offset)),
        EntryKind::Directory | EntryKind::Symlink { .. } => None,
    });
    files.enumerate().map(|(place, (path, offset))| (path, place, offset)).collect()
}

fn blocks(run: &Run, scan: &Scan, unchanged: &[Option<u64>]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut at = 0;
    for index in &run.files {
        let bytes = scan.found.get(*index).and_then(Found::stamp).map_or(0, |stamp| stamp.bytes);
        let now = at..at + bytes;
        at = now.end;
        let Some(before) = unchanged.get(*index).copied().flatten().filter(|_| bytes > 0) else { continue };
        match blocks.last_mut() {
            Some(last)
                if last.now.end == now.start && last.before + (last.now.end - last.now.start) == before =>
            {
                last.now.end = now.end;
            }
            _ => blocks.push(Block { now, before }),
        }
    }
    blocks
}
