//! Why the store refuses, and what a caller can do about it.
use pollux_core::{Key, engine::StoreFailure};
use rustix::io::Errno;
use std::{io, path::PathBuf};

/// Why a store refuses.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room: over the quota, or the file system is full. Nothing was written; what is there stays readable.
    #[error("the store is full")]
    Full,
    /// The disk failed to make data durable, so nothing that was not durable before can be promised. Reads go on;
    /// writes are refused until the store is opened again.
    #[error("the disk failed to make data durable; the store takes nothing more until it is opened again")]
    Broken,
    /// Another node has this store open, or a check mends it.
    #[error("the store in {directory} is in use by another node{}", named(*process))]
    InUse {
        /// The store.
        directory: PathBuf,
        /// Its process, if that is known.
        process: Option<u32>,
    },
    /// A check looks at this store.
    #[error("the store in {0} is being checked")]
    BeingChecked(PathBuf),
    /// There is no store in this directory.
    #[error("there is no store in {0}")]
    Absent(PathBuf),
    /// The store was written by a newer program. It is left as it is.
    #[error(
        "the store has format {found}, this program knows formats up to {known}: use a newer program or another directory"
    )]
    NewerFormat {
        /// The format that the store says it has.
        found: u32,
        /// The newest format that this program can read.
        known: u32,
    },
    /// The store was written in a format that is read no more. It is left as it is.
    #[error(
        "the store has format {found}, this program knows formats from {oldest} on: use the release that wrote it, or another \
         directory"
    )]
    OlderFormat {
        /// The format that the store says it has.
        found: u32,
        /// The oldest format that this program can read.
        oldest: u32,
    },
    /// The directory holds something that is not a store. It is left as it is.
    #[error("{0} is not a store: it has data but no readable FORMAT file; use another directory")]
    NotAStore(PathBuf),
    /// A vote for this key and sequence was given to another manifest. A vote is never changed.
    #[error("a vote for {key} sequence {sequence} was given to another manifest")]
    VoteConflict {
        /// The key.
        key: Key,
        /// The sequence.
        sequence: u64,
    },
    /// The disk refused an operation.
    #[error("cannot {doing}: {source}")]
    Disk {
        /// What was tried, with the path where there is one.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// The records' database refused an operation, or holds what cannot be read.
    #[error("the store's records cannot be used: {0}")]
    Records(String),
}

impl StoreError {
    /// What the engine is told: full, or anything worse.
    #[must_use]
    pub fn failure(&self) -> StoreFailure {
        match self {
            Self::Full => StoreFailure::Full,
            Self::Broken
            | Self::InUse { .. }
            | Self::BeingChecked(_)
            | Self::Absent(_)
            | Self::NewerFormat { .. }
            | Self::OlderFormat { .. }
            | Self::NotAStore(_)
            | Self::VoteConflict { .. }
            | Self::Disk { .. }
            | Self::Records(_) => StoreFailure::Broken,
        }
    }

    /// A disk's error, told apart from a full disk.
    pub(crate) fn disk(doing: impl Into<String>, source: io::Error) -> Self {
        if is_full(&source) {
            return Self::Full;
        }
        Self::Disk { doing: doing.into(), source }
    }
}

fn named(process: Option<u32>) -> String {
    process.map_or_else(String::new, |process| format!(" (process {process})"))
}

/// Whether the error means that there is no room: no space, over the disk quota, or a file too large.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG))
}
