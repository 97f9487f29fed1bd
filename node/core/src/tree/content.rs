//! Where the bytes of files lie.
//!
//! A tree's content is its runs, one after another, and each run is cut into chunks from its own start:
//!
//! ```text
//! run 0       all files of less than 128 KiB, in listing order
//! run 1, 2, … each larger file by itself, in listing order
//! ```
//!
//! So an offset follows from the sizes alone, and large files have the same chunks wherever they occur.

use super::{Entry, EntryKind, Tree, TreeError};
use crate::limits::RUN_OWN_FILE_BYTES;
use core::ops::Range;

/// Files whose bytes are cut together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Indices into the listing, in the order in which their bytes follow each other; empty files are among them.
    pub files: Vec<usize>,
    /// Plain bytes of all of them.
    pub bytes: u64,
}

/// The runs of a listing, in content order: what a saver has to cut with a [`Cutter`](crate::Cutter), each run from its own start.
#[must_use]
pub fn runs(entries: &[Entry]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (index, bytes) in content_order(entries) {
        let own = bytes >= RUN_OWN_FILE_BYTES;
        match runs.last_mut().filter(|_| !own) {
            Some(small) => {
                small.files.push(index);
                small.bytes = small.bytes.saturating_add(bytes);
            }
            None => runs.push(Run { files: vec![index], bytes }),
        }
    }
    runs
}

/// Some bytes of a file: which part of which chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Index into [`Tree::chunks`].
    pub chunk: u32,
    /// Which of the chunk's plain bytes; never empty.
    pub range: Range<u32>,
}

/// Some bytes of a chunk: which part of which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Index into [`Tree::chunks`].
    pub chunk: u32,
    /// Which of the chunk's plain bytes; never empty.
    pub range: Range<u32>,
    /// Index into [`Tree::entries`]; a file.
    pub entry: usize,
    /// Where in the file they belong.
    pub offset: u64,
}

/// All placements of a tree, by chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placements(Vec<Placement>);

impl Placements {
    /// Where the bytes of the chunk with this index belong. A chunk that repeats has other placements under its other indices.
    #[must_use]
    pub fn of(&self, chunk: u32) -> &[Placement] {
        let begin = self.0.partition_point(|placement| placement.chunk < chunk);
        let end = self.0.partition_point(|placement| placement.chunk <= chunk);
        self.0.get(begin..end).unwrap_or_default()
    }

    /// All of them in content order.
    #[must_use]
    pub fn all(&self) -> &[Placement] {
        &self.0
    }
}

impl Tree {
    /// The pieces of a file of so many bytes at this offset in the content, in order. What is outside the content is left out.
    #[must_use]
    pub fn pieces(&self, bytes: u64, offset: u64) -> Vec<Piece> {
        self.pieces_of(bytes, offset).collect()
    }

    /// Where each chunk's bytes belong: the inverse of [`Self::pieces`] for all files, made in one pass.
    #[must_use]
    pub fn placements(&self) -> Placements {
        let mut placements = Vec::new();
        for (index, bytes) in content_order(&self.entries) {
            if let Some(EntryKind::File { offset, .. }) = self.entries.get(index).map(|entry| &entry.kind) {
                self.place(index, bytes, *offset, &mut placements);
            }
        }
        Placements(placements)
    }

    fn place(&self, entry: usize, bytes: u64, start: u64, placements: &mut Vec<Placement>) {
        let mut offset = 0;
        for Piece { chunk, range } in self.pieces_of(bytes, start) {
            let length = u64::from(range.end.saturating_sub(range.start));
            placements.push(Placement { chunk, range, entry, offset });
            offset += length;
        }
    }

    fn pieces_of(&self, bytes: u64, offset: u64) -> impl Iterator<Item = Piece> {
        let end = offset.saturating_add(bytes);
        let first = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let starts = self.starts.get(first..).unwrap_or_default();
        let chunks = self.chunks.get(first..).unwrap_or_default();
        let indexed = (u32::try_from(first).unwrap_or(u32::MAX)..).zip(starts.iter().zip(chunks));
        let reached = indexed.take_while(move |(_, (start, _))| **start < end);
        reached.filter_map(move |(chunk, (&start, of))| {
            let within = |position: u64| {
                u32::try_from(position.saturating_sub(start)).map_or(of.bytes, |at| at.min(of.bytes))
            };
            let range = within(offset)..within(end);
            (!range.is_empty()).then_some(Piece { chunk, range })
        })
    }
}

/// Gives every file its offset, and returns where the runs end.
pub(super) fn lay_out(entries: &mut [Entry]) -> Result<Vec<u64>, TreeError> {
    let order: Vec<_> = content_order(entries).collect();
    let mut ends = Vec::new();
    let mut position = 0u64;
    for (index, bytes) in order {
        if bytes >= RUN_OWN_FILE_BYTES {
            ends.push(position);
        }
        if let Some(EntryKind::File { offset, .. }) = entries.get_mut(index).map(|entry| &mut entry.kind) {
            *offset = position;
        }
        position = position.checked_add(bytes).ok_or(TreeError::ContentLength)?;
    }
    ends.push(position);
    Ok(ends)
}

/// Indices and sizes of the files, in the order in which their bytes follow each other.
fn content_order(entries: &[Entry]) -> impl Iterator<Item = (usize, u64)> {
    let small = file_sizes(entries).filter(|(_, bytes)| *bytes < RUN_OWN_FILE_BYTES);
    small.chain(file_sizes(entries).filter(|(_, bytes)| *bytes >= RUN_OWN_FILE_BYTES))
}

/// Indices and sizes of the files, in listing order.
fn file_sizes(entries: &[Entry]) -> impl Iterator<Item = (usize, u64)> {
    entries.iter().enumerate().filter_map(|(index, entry)| match entry.kind {
        EntryKind::File { bytes, .. } => Some((index, bytes)),
        EntryKind::Directory | EntryKind::Symlink { .. } => None,
    })
}

#[cfg(test)]
mod tests;
