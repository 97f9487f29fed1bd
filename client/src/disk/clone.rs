//! Files that share their bytes on the disk until one of them is written to (`FICLONE`): XFS, Btrfs, bcachefs, ZFS.
//!
//! A clone is a file of its own, unlike a hard link: nothing that is done to one shows in the other. It is made from the very
//! descriptor through which bytes were written that were hashed in this run, never from a file that is found somewhere. What stood
//! at the target before is not cloned: whether it is the same is known only after all of it was read and hashed.
use super::{names::open_dir_at, write::write_all_at};
use rustix::{
    fd::{AsFd, BorrowedFd},
    fs::{AtFlags, Mode, OFlags, ioctl_ficlone, openat, unlinkat},
    io::{Errno, Result, pread},
};
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of a clone that is made to see whether any can: a file system may take one of nothing for granted.
const TRIAL_BYTES: usize = 4096;
/// Bytes copied at a time.
const COPY_BYTES: usize = 256 * 1024;

/// What of a restore was cloned instead of written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cloned {
    /// Files. With [`TargetMode::Merge`](super::TargetMode::Merge) also those that were there already.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Counts clones; several threads may make them.
#[derive(Debug, Default)]
pub(super) struct Clones {
    files: AtomicU64,
    bytes: AtomicU64,
}

impl Clones {
    /// Makes an empty file one with the bytes of another, which has so many. What cannot be cloned is copied.
    pub(super) fn fill(&self, to: BorrowedFd<'_>, from: BorrowedFd<'_>, bytes: u64) -> Result<()> {
        match ioctl_ficlone(to, from) {
            Ok(()) => {
                self.files.fetch_add(1, Ordering::Relaxed);
                self.bytes.fetch_add(bytes, Ordering::Relaxed);
                Ok(())
            }
            Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::IO)) => Err(errno),
            Err(_) => copy(to, from, bytes),
        }
    }

    /// All that were made.
    pub(super) fn count(&self) -> Cloned {
        Cloned { files: self.files.load(Ordering::Relaxed), bytes: self.bytes.load(Ordering::Relaxed) }
    }
}

/// Whether the file system of a directory clones: it is tried once, with two files that are gone afterwards.
pub(super) fn can_clone(staging: BorrowedFd<'_>, within: &str) -> bool {
    let tried = open_dir_at(staging, within).and_then(|dir| {
        let tried = try_clone(dir.as_fd());
        for name in TRIALS {
            // One that was not made is not there.
            let _ = unlinkat(&dir, name, AtFlags::empty());
        }
        tried
    });
    tried.is_ok()
}

const TRIALS: [&str; 2] = ["from", "to"];

fn try_clone(dir: BorrowedFd<'_>) -> Result<()> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let [from, to] = TRIALS.map(|name| openat(dir, name, flags, Mode::RUSR | Mode::WUSR));
    let (from, to) = (from?, to?);
    write_all_at(from.as_fd(), &[1; TRIAL_BYTES], 0)?;
    ioctl_ficlone(&to, &from)
}

fn copy(to: BorrowedFd<'_>, from: BorrowedFd<'_>, bytes: u64) -> Result<()> {
    let mut buffer = vec![0; COPY_BYTES];
    let mut at = 0;
    while at < bytes {
        let read = match pread(from, &mut buffer, at) {
            Ok(0) => return Err(Errno::IO),
            Err(Errno::INTR) => 0,
            read => read?,
        };
        write_all_at(to, buffer.get(..read).unwrap_or_default(), at)?;
        at = at.saturating_add(u64::try_from(read).unwrap_or(0));
    }
    Ok(())
}
