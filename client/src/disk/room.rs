//! Whether a tree fits on a disk.
use super::DiskError;
use pollux_core::Tree;
use rustix::{fd::BorrowedFd, fs::fstatvfs};
use std::{fmt, path::Path};

/// Room on a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Bytes.
    pub bytes: u64,
    /// Files, directories and links; `u64::MAX` where the file system does not count them.
    pub inodes: u64,
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.bytes)?;
        if self.inodes == u64::MAX {
            return Ok(());
        }
        write!(f, " and {} entries", self.inodes)
    }
}

/// Refuses what cannot fit. Only the plain bytes are counted, which is what the tree takes at least: file systems that
/// compress or pack tails are not refused wrongly, and others say so themselves when they are full.
pub(super) fn check_room(place: BorrowedFd<'_>, path: &Path, tree: &Tree) -> Result<(), DiskError> {
    let need = room_of(tree);
    let free = free(place);
    if need.bytes > free.bytes || need.inodes > free.inodes {
        return Err(DiskError::NoRoom { path: path.to_owned(), need, free });
    }
    Ok(())
}

/// That there is no room, with what there is now.
pub(super) fn no_room(place: BorrowedFd<'_>, path: &Path, need: Room) -> DiskError {
    DiskError::NoRoom { path: path.to_owned(), need, free: free(place) }
}

/// What a tree takes at least.
pub(super) fn room_of(tree: &Tree) -> Room {
    let totals = tree.totals();
    let inodes = totals.files.saturating_add(totals.directories).saturating_add(totals.symlinks);
    Room { bytes: totals.bytes, inodes }
}

/// What the caller may still use; a file system that does not tell has room.
fn free(place: BorrowedFd<'_>) -> Room {
    let Ok(told) = fstatvfs(place) else {
        return Room { bytes: u64::MAX, inodes: u64::MAX };
    };
    let inodes = if told.f_files == 0 { u64::MAX } else { told.f_favail };
    Room { bytes: told.f_bavail.saturating_mul(told.f_frsize), inodes }
}
