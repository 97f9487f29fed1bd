//! Why a tree is refused.

use super::path::{PathFault, TargetFault};
use crate::ChunkId;

/// Why a tree is refused. Paths in it are shortened and are shown escaped: they may be hostile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Other bytes altogether.
    #[error("these bytes are not a tree")]
    NotATree,
    /// Written by another version of Pollux.
    #[error("the tree has format version {0}, which this program does not read")]
    Version(u8),
    /// Not what any writer makes.
    #[error("the tree's encoding is broken: {0}")]
    Malformed(&'static str),
    /// Over one of the limits.
    #[error("the tree has more than {max} {what}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many there may be.
        max: u64,
    },
    /// An entry's path breaks a rule.
    #[error("{path:?}: {fault}")]
    Path {
        /// The path.
        path: String,
        /// The rule.
        fault: PathFault,
    },
    /// A symlink's target breaks a rule.
    #[error("{path:?}: {fault}")]
    Target {
        /// The symlink's path.
        path: String,
        /// The rule.
        fault: TargetFault,
    },
    /// A mode has more than the nine permission bits.
    #[error("{path:?}: mode {mode:o} has more than permission bits")]
    Mode {
        /// The entry's path.
        path: String,
        /// Its mode.
        mode: u16,
    },
    /// An entry is listed twice, or in the wrong place.
    #[error("{path:?} is listed twice or out of order")]
    Order {
        /// The path of the second of two entries.
        path: String,
    },
    /// An entry's directory is not listed before it, or is not a directory.
    #[error("{path:?} does not lie in a directory of the tree")]
    Parent {
        /// The entry's path.
        path: String,
    },
    /// An entry belongs to no root.
    #[error("{path:?} lies under none of the tree's roots")]
    Stray {
        /// The entry's path.
        path: String,
    },
    /// A root breaks a rule.
    #[error("root {root:?}: {fault}")]
    Root {
        /// The root.
        root: String,
        /// The rule.
        fault: RootFault,
    },
    /// A chunk's length is none that a chunk can have, or not the one it had before.
    #[error("chunk {0:?} is listed with a wrong length")]
    ChunkLength(ChunkId),
    /// The chunks' lengths do not add up to the files'.
    #[error("the chunks do not hold as many bytes as the files")]
    ContentLength,
    /// A chunk holds the end of one run and the beginning of the next.
    #[error("chunk {chunk} of the tree reaches over the end of a run")]
    RunEnd {
        /// Index of the chunk.
        chunk: usize,
    },
    /// Totals or roots are not those that the manifest declares.
    #[error("the tree is not as its manifest declares it")]
    DiffersFromManifest,
}

/// Why a root is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootFault {
    /// It is neither the base nor a path that an entry can have.
    #[error(transparent)]
    Path(PathFault),
    /// It lies within the root before it, or is not in order.
    #[error("it is listed twice, out of order, or within another root")]
    Order,
    /// There is no entry for it.
    #[error("the tree has no such entry")]
    Missing,
}

/// A foreign path, cut to what a person can read.
pub(super) fn shown(path: &str) -> String {
    const CHARS_MAX: usize = 200;
    path.chars().take(CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_paths_are_shown_short_and_escaped() {
        let path = shown(&"\u{1b}[2J/".repeat(1000));
        let text = TreeError::Path { path, fault: PathFault::TooDeep }.to_string();
        assert!(text.len() < 1000 && !text.contains('\u{1b}'), "{text}");
    }
}
