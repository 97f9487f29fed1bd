//! The listing of a directory: its entries, and for each file where its bytes lie in the chunks.
//!
//! A [`Tree`] exists only if every rule for hostile input holds for it, whether it was scanned here or decoded from foreign
//! bytes: paths are relative, in order, and lie in directories of the tree; modes are permission bits; symlinks lead nowhere
//! outside; the chunks hold exactly the files' bytes. What cannot be known without the disk that it is written to (names
//! that fold to one, room) is the writer's to check. Each idea has its file: `path` the rules for names, `content` where
//! bytes lie, `rules` those for the whole, `codec` the format.

mod codec;
mod content;
mod error;
mod path;
mod reader;
mod rules;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use content::{Piece, Placement, Placements, Run, runs};
pub use error::{RootFault, TreeError};
pub use path::{PathFault, TargetFault, check_path, check_target, path_order};

use crate::ChunkRef;
use serde::{Deserialize, Serialize};

/// A checked tree: every rule of hostile input holds for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    roots: Vec<String>,
    entries: Vec<Entry>,
    chunks: Vec<ChunkRef>,
    /// Where in the content each chunk begins.
    starts: Vec<u64>,
}

/// One entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the base, names joined by `/`.
    pub path: String,
    /// Permission bits, 0o777 at most. A symlink's mean nothing.
    pub mode: u16,
    /// Modification time: nanoseconds since 1970-01-01T00:00:00Z.
    pub modified_ns: i64,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File {
        /// How many plain bytes it has.
        bytes: u64,
        /// Where they begin in the content, which is the chunks' plain bytes one after another. [`Tree::new`] sets it.
        offset: u64,
    },
    /// A directory.
    Directory,
    /// A relative symlink that stays under the base.
    Symlink {
        /// Its text.
        target: String,
    },
}

/// Totals of a tree, declared by its manifest and checked against the tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeTotals {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symlinks.
    pub symlinks: u64,
    /// Plain bytes of all files.
    pub bytes: u64,
    /// Content chunks; one that repeats counts each time.
    pub chunks: u32,
}

impl Tree {
    /// A tree of these entries, whose offsets it sets.
    ///
    /// `roots` are the saved paths under the base ("" is the base itself), in any order. `entries` are in [`path_order`], each
    /// after the directory that it lies in; every root is among them. `chunks` are those of the [`runs`], in content order;
    /// a chunk that repeats is listed again.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    pub fn new(
        mut roots: Vec<String>,
        entries: Vec<Entry>,
        chunks: Vec<ChunkRef>,
    ) -> Result<Self, TreeError> {
        roots.sort_by(|left, right| path_order(left, right));
        Self::checked(roots, entries, chunks)
    }

    /// The same, of roots that must be in order.
    fn checked(
        roots: Vec<String>,
        mut entries: Vec<Entry>,
        chunks: Vec<ChunkRef>,
    ) -> Result<Self, TreeError> {
        rules::check_sizes(&roots, &entries, &chunks)?;
        codec::check_fits(&roots, &entries, &chunks)?;
        rules::check_entries(&entries)?;
        rules::check_roots(&roots, &entries)?;
        let run_ends = content::lay_out(&mut entries)?;
        let starts = rules::check_chunks(&chunks, &run_ends)?;
        Ok(Self { roots, entries, chunks, starts })
    }

    /// Its bytes: equal trees have equal bytes. They are no more than [`TREE_BYTES_MAX`](crate::limits::TREE_BYTES_MAX).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// The tree that foreign bytes hold. Memory and time are bounded by the length of the bytes and the limits.
    ///
    /// # Errors
    ///
    /// What is wrong with the encoding, or the first rule that the tree breaks.
    pub fn decode(bytes: &[u8]) -> Result<Self, TreeError> {
        codec::decode(bytes)
    }

    /// The entries in [`path_order`].
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The content's chunks in order; one that repeats is listed again.
    #[must_use]
    pub fn chunks(&self) -> &[ChunkRef] {
        &self.chunks
    }

    /// The saved paths under the base in [`path_order`]; "" means the base itself, and then it is the only one.
    #[must_use]
    pub fn roots(&self) -> &[String] {
        &self.roots
    }

    /// Totals, which the manifest declares too.
    #[must_use]
    pub fn totals(&self) -> TreeTotals {
        let mut totals = TreeTotals::default();
        for entry in &self.entries {
            match entry.kind {
                EntryKind::File { bytes, .. } => {
                    totals.files += 1;
                    totals.bytes += bytes;
                }
                EntryKind::Directory => totals.directories += 1,
                EntryKind::Symlink { .. } => totals.symlinks += 1,
            }
        }
        totals.chunks = u32::try_from(self.chunks.len()).unwrap_or(u32::MAX);
        totals
    }

    /// Whether this is the tree that a manifest speaks of.
    ///
    /// # Errors
    ///
    /// [`TreeError::DiffersFromManifest`] where totals or roots are others than declared.
    pub fn check_against(&self, totals: &TreeTotals, roots: &[String]) -> Result<(), TreeError> {
        let same = self.totals() == *totals && self.roots == roots;
        if same { Ok(()) } else { Err(TreeError::DiffersFromManifest) }
    }
}
