//! What can go wrong with a directory, by what a person can do about it.
use super::{Room, Skipped};
use pollux_core::{ChunkId, TreeError};
use rustix::io::Errno;
use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// Entries that an error lists before it says how many more there are.
const LISTED_MAX: usize = 5;

/// Why a directory cannot be saved or restored. [`DiskError::hint`] says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// What should be saved is not there.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// All that was named below this directory is excluded.
    #[error("nothing is left to save of {}: every path that is named is excluded", .0.display())]
    Excluded(PathBuf),
    /// A file that changed, or came, after the audit: what would be saved is not what was looked at.
    #[error("{} is not what was audited: it changed, or came, meanwhile", .0.display())]
    NotAudited(PathBuf),
    /// What should be saved from is a file, a socket or a device.
    #[error("{} is not a directory", .0.display())]
    BaseNotADirectory(PathBuf),
    /// A path under the base that is absolute, leaves the base, or goes through a link.
    #[error("the path {path:?} cannot be saved: {why}")]
    BadPath {
        /// As it was given.
        path: String,
        /// In words.
        why: &'static str,
    },
    /// A glob that does not parse.
    #[error("the glob {glob:?} cannot be used: {why}")]
    BadGlob {
        /// As it was given.
        glob: String,
        /// In words.
        why: String,
    },
    /// A strict scan met entries that a restore would refuse.
    #[error("{}", Listed(.0))]
    Refused(Vec<Skipped>),
    /// The directory is over a bound that holds for every tree.
    #[error("{}: {why}", .base.display())]
    Unfit {
        /// The directory.
        base: PathBuf,
        /// The bound.
        why: TreeError,
    },
    /// The target holds something already, and the mode was [`super::TargetMode::Fresh`].
    #[error("{} is not empty", .0.display())]
    TargetNotEmpty(PathBuf),
    /// The target, or a directory that must be there for it, is something else.
    #[error("{} is there already and is not a directory", .0.display())]
    TargetNotADirectory(PathBuf),
    /// The disk has not room enough for the tree.
    #[error("{} lacks room: {need}, {free} are free", .path.display())]
    NoRoom {
        /// Where it was to be written.
        path: PathBuf,
        /// What the tree takes.
        need: Room,
        /// What the file system gives.
        free: Room,
    },
    /// Two names of the tree are one name on this file system.
    #[error("{} is there twice: this file system does not tell its names apart", .0.display())]
    Collision(PathBuf),
    /// A directory was moved, or a link put in its place, while the restore wrote into it.
    #[error("{} was changed by another process while it was written", .0.display())]
    Disturbed(PathBuf),
    /// A file system is mounted below the target, so that it cannot be moved there.
    #[error("{} is on a file system of its own", .0.display())]
    Mounted(PathBuf),
    /// The tree holds no such chunk, or not of this length.
    #[error("chunk {0} is none of this tree's")]
    StrangeChunk(ChunkId),
    /// The restore is not complete, or a write failed.
    #[error("{missing} chunks of the tree were not written")]
    Incomplete {
        /// Distinct chunks.
        missing: usize,
    },
    /// Anything else that the system says no to.
    #[error("{}: {source}", .path.display())]
    Io {
        /// What it was about.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl DiskError {
    /// What a person can do about it, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::TargetNotEmpty(_) => {
                Some("--merge adds what is not there, --replace swaps the saved paths")
            }
            Self::TargetNotADirectory(_) => Some("remove it, or restore into another directory"),
            Self::Excluded(_) => {
                Some("name a path that no --exclude matches, nor a directory that it lies in")
            }
            Self::BaseNotADirectory(_) => {
                Some("name the directory that it is in, and then the path under it")
            }
            Self::BadPath { .. } => Some("paths are relative to the base and stay under it"),
            Self::Refused(_) => Some("exclude them with --exclude, or leave out --strict"),
            Self::NoRoom { .. } => Some("make room, or restore onto another file system"),
            Self::Collision(_) => Some("restore onto a file system that tells case apart"),
            Self::Mounted(_) => Some("unmount it, or restore into another directory"),
            Self::Unfit { .. } => Some("save fewer paths, or exclude some with --exclude"),
            Self::BadGlob { .. } => Some("`*` stays within one name, `**` does not; a literal `[` is `[[]`"),
            Self::NotAudited(_) => Some("end what writes to it before it is saved"),
            Self::Missing(_) | Self::Disturbed(_) => None,
            Self::StrangeChunk(_) | Self::Incomplete { .. } | Self::Io { .. } => None,
        }
    }

    /// Whether a disk or a quota is full.
    pub(super) fn is_full_disk(&self) -> bool {
        matches!(self, Self::Io { source, .. } if matches!(Errno::from_io_error(source), Some(Errno::NOSPC | Errno::DQUOT)))
    }

    /// What the system said about this path.
    pub(super) fn io(path: impl AsRef<Path>, source: impl Into<io::Error>) -> Self {
        Self::Io { path: path.as_ref().to_owned(), source: source.into() }
    }

    /// What the system said while a directory was made or opened where the caller wants one.
    pub(super) fn making(path: &Path, errno: Errno) -> Self {
        match errno {
            Errno::NOTDIR | Errno::LOOP => Self::TargetNotADirectory(path.to_owned()),
            other => Self::io(path, other),
        }
    }

    /// What the system said while something was made or written at this path, where no other process has any business.
    pub(super) fn writing(path: PathBuf, errno: Errno) -> Self {
        match errno {
            Errno::EXIST => Self::Collision(path),
            Errno::LOOP | Errno::NOTDIR | Errno::NOENT => Self::Disturbed(path),
            other => Self::io(path, other),
        }
    }
}

/// The first few of many skipped entries, in words.
struct Listed<'a>(&'a [Skipped]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, skipped) in self.0.iter().take(LISTED_MAX).enumerate() {
            let comma = if index == 0 { "" } else { "; " };
            write!(f, "{comma}{}: {}", skipped.path, skipped.why)?;
        }
        match self.0.len().saturating_sub(LISTED_MAX) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}
