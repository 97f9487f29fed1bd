//! Placing bytes: directories, files and links of a tree beneath a staging directory.
//!
//! Everything is made, nothing is opened that was there before: a name that is taken already is a collision of names on a
//! file system that folds case, or the work of another process. A file gets its mode when it is made, or while it is open
//! where the umask was in the way, and its time, if it is asked for, before it is closed. Links come after all files, so that no file is
//! written through one; directories get mode and time last, deepest first.
//!
//! Nothing is synced: a restore is a copy of a cache, and a machine that crashes takes it along.
use super::{
    DiskError, Times,
    beneath::{Beneath, split},
    clone::{Cloned, Clones},
    layout::Layout,
    parts::{Hold, Parts},
    recent::Recent,
};
use pollux_core::{Entry, EntryKind, Placement};
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{AtFlags, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT},
    fs::{fchmod, fstat, futimens, mkdirat, openat, symlinkat, utimensat},
    io::{Errno, pwrite},
};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Directories kept open at most.
const DIRECTORIES_MAX: usize = 64;

/// What is made with `open`, and nothing opened that is there.
const MAKE: OFlags = OFlags::CREATE.union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Writes a tree beneath a directory. Several threads may write at once.
#[derive(Debug)]
pub(super) struct Writer {
    top: Beneath,
    /// What the umask and default ACLs leave of a mode that a file or directory is made with.
    granted: u32,
    /// The target, for messages.
    target: PathBuf,
    times: Times,
    directories: Mutex<Recent<OwnedFd>>,
    parts: Mutex<Parts>,
    clones: Clones,
}

impl Writer {
    /// Writes beneath `top`, which was just made with mode 0777.
    pub(super) fn new(
        top: Beneath,
        target: PathBuf,
        times: Times,
        held_bytes_max: u64,
    ) -> Result<Self, DiskError> {
        let stat = fstat(top.dir()).map_err(|errno| DiskError::io(&target, errno))?;
        Ok(Self {
            top,
            granted: stat.st_mode & 0o777,
            target,
            times,
            directories: Mutex::new(Recent::new(DIRECTORIES_MAX)),
            parts: Mutex::new(Parts::new(held_bytes_max)),
            clones: Clones::default(),
        })
    }

    /// Where the tree is written.
    pub(super) fn top(&self) -> &Beneath {
        &self.top
    }

    /// What was cloned so far.
    pub(super) fn cloned(&self) -> Cloned {
        self.clones.count()
    }

    /// Makes all directories, open to their owner for as long as they are filled.
    pub(super) fn make_directories(&self, layout: &Layout) -> Result<(), DiskError> {
        for (index, entry) in directories(layout) {
            let dir = self.directory_of(layout, index)?;
            let mode = Mode::from_raw_mode(u32::from(entry.mode) | 0o700);
            mkdirat(&*dir, name_of(entry), mode).map_err(|errno| self.failed(entry, errno))?;
        }
        Ok(())
    }

    /// Puts bytes of a chunk where they belong, unless they are cloned there later.
    pub(super) fn put(&self, layout: &Layout, place: &Placement, piece: &[u8]) -> Result<(), DiskError> {
        let Some(entry) = layout.tree().entries().get(place.entry) else {
            return Ok(());
        };
        let EntryKind::File { bytes: file_bytes, .. } = entry.kind else {
            return Ok(());
        };
        if layout.duplicates().is_other(place.entry) {
            return Ok(());
        }
        if u64::try_from(piece.len()) == Ok(file_bytes) {
            return self.write_whole(layout, place.entry, entry, piece);
        }
        let held = self.parts().hold(place, file_bytes, piece);
        match held {
            Hold::Waits => Ok(()),
            Hold::Whole(bytes) => self.write_whole(layout, place.entry, entry, &bytes),
            Hold::No => self.write_piece(layout, place, entry, piece),
        }
    }

    /// Whether no file waits for a piece.
    pub(super) fn is_settled(&self) -> bool {
        self.parts().is_empty()
    }

    /// Makes what has no bytes in chunks: empty files, then links.
    pub(super) fn make_rest(&self, layout: &Layout) -> Result<(), DiskError> {
        for (index, entry) in layout.tree().entries().iter().enumerate() {
            if matches!(entry.kind, EntryKind::File { bytes: 0, .. }) {
                self.write_whole(layout, index, entry, &[])?;
            }
        }
        for (index, entry) in layout.tree().entries().iter().enumerate() {
            if let EntryKind::Symlink { target } = &entry.kind {
                let dir = self.directory_of(layout, index)?;
                self.link(&dir, entry, target).map_err(|errno| self.failed(entry, errno))?;
            }
        }
        Ok(())
    }

    /// Gives directories their modes and times, now that nothing is made in them any more; deepest first, as long as those
    /// above can be entered.
    pub(super) fn finish_directories(&self, layout: &Layout) -> Result<(), DiskError> {
        self.directories.lock().unwrap_or_else(PoisonError::into_inner).clear();
        for (_, entry) in directories(layout).rev() {
            let made = (u32::from(entry.mode) | 0o700) & self.granted;
            if self.times == Times::Now && made == u32::from(entry.mode) {
                continue;
            }
            let seal = |dir: OwnedFd| self.seal(dir.as_fd(), entry, made);
            self.top.open_dir(&entry.path).and_then(seal).map_err(|errno| self.failed(entry, errno))?;
        }
        Ok(())
    }

    fn link(&self, dir: &OwnedFd, entry: &Entry, target: &str) -> rustix::io::Result<()> {
        symlinkat(target, dir, name_of(entry))?;
        match self.times {
            Times::Saved => utimensat(dir, name_of(entry), &times(entry), AtFlags::SYMLINK_NOFOLLOW),
            Times::Now => Ok(()),
        }
    }

    fn write_whole(
        &self,
        layout: &Layout,
        index: usize,
        entry: &Entry,
        bytes: &[u8],
    ) -> Result<(), DiskError> {
        let dir = self.directory_of(layout, index)?;
        let write = || {
            let file = make(&dir, entry, access(layout, index))?;
            write_all_at(file.as_fd(), bytes, 0)?;
            self.seal(file.as_fd(), entry, u32::from(entry.mode) & self.granted)?;
            Ok(file)
        };
        let file = write().map_err(|errno| self.failed(entry, errno))?;
        self.clone_others(layout, index, file.as_fd())
    }

    fn write_piece(
        &self,
        layout: &Layout,
        place: &Placement,
        entry: &Entry,
        piece: &[u8],
    ) -> Result<(), DiskError> {
        let dir = self.directory_of(layout, place.entry)?;
        let write = || {
            let file = self.open_piecewise(&dir, place.entry, entry, access(layout, place.entry))?;
            write_all_at(file.as_fd(), piece, place.offset)?;
            let whole = self.parts().wrote(place.entry, piece);
            if whole {
                self.seal(file.as_fd(), entry, 0o600 & self.granted)?;
            }
            Ok(whole.then_some(file))
        };
        match write().map_err(|errno| self.failed(entry, errno))? {
            Some(file) => self.clone_others(layout, place.entry, file.as_fd()),
            None => Ok(()),
        }
    }

    /// Makes the other files that have the content of one that is whole now.
    fn clone_others(&self, layout: &Layout, first: usize, file: BorrowedFd<'_>) -> Result<(), DiskError> {
        for index in layout.duplicates().of_first(first) {
            let Some(entry) = layout.tree().entries().get(*index) else { continue };
            let dir = self.directory_of(layout, *index)?;
            self.clone_from(file, &dir, entry).map_err(|errno| self.failed(entry, errno))?;
        }
        Ok(())
    }

    fn clone_from(&self, file: BorrowedFd<'_>, dir: &OwnedFd, entry: &Entry) -> rustix::io::Result<()> {
        let EntryKind::File { bytes, .. } = entry.kind else { return Ok(()) };
        let clone = make(dir, entry, OFlags::WRONLY)?;
        self.clones.fill(clone.as_fd(), file, bytes)?;
        self.seal(clone.as_fd(), entry, u32::from(entry.mode) & self.granted)
    }

    /// A file that is written piece by piece: made for its first piece, opened again if it was closed since.
    fn open_piecewise(
        &self,
        dir: &OwnedFd,
        index: usize,
        entry: &Entry,
        access: OFlags,
    ) -> rustix::io::Result<Arc<OwnedFd>> {
        let mut parts = self.parts();
        if let Some(file) = parts.open(index) {
            return Ok(file);
        }
        let made = parts.made(index);
        let file = match made {
            None => openat(dir, name_of(entry), MAKE | access, Mode::RUSR | Mode::WUSR)?,
            Some(_) => {
                let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                openat(dir, name_of(entry), flags, Mode::empty())?
            }
        };
        let stat = fstat(&file)?;
        if made.is_some_and(|made| made != (stat.st_dev, stat.st_ino)) {
            return Err(Errno::LOOP);
        }
        parts.make(index, &stat);
        Ok(parts.keep_open(index, file))
    }

    /// Mode, where what it was made with is not it, and time, where it is asked for.
    fn seal(&self, file: BorrowedFd<'_>, entry: &Entry, made: u32) -> rustix::io::Result<()> {
        if made != u32::from(entry.mode) {
            fchmod(file, Mode::from_raw_mode(entry.mode.into()))?;
        }
        match self.times {
            Times::Saved => futimens(file, &times(entry)),
            Times::Now => Ok(()),
        }
    }

    fn directory_of(&self, layout: &Layout, index: usize) -> Result<Arc<OwnedFd>, DiskError> {
        let (number, path) = layout.directory_of(index);
        let mut directories = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = directories.get(number) {
            return Ok(dir);
        }
        let dir = self.top.open_dir(path);
        let dir = dir.map_err(|errno| DiskError::writing(self.target.join(path), errno))?;
        Ok(directories.insert(number, dir))
    }

    /// Every write begins with its directory.
    #[cfg(test)]
    pub(super) fn stand_still(&self) -> MutexGuard<'_, Recent<OwnedFd>> {
        self.directories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        // Whoever panicked in there left a file unfinished, and then the restore is never finished either.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, entry: &Entry, errno: Errno) -> DiskError {
        DiskError::writing(self.target.join(&entry.path), errno)
    }
}

fn directories(layout: &Layout) -> impl DoubleEndedIterator<Item = (usize, &Entry)> {
    let entries = layout.tree().entries().iter().enumerate();
    entries.filter(|(_, entry)| entry.kind == EntryKind::Directory)
}

/// Makes an empty file with the mode of its entry, as far as that is granted.
fn make(dir: &OwnedFd, entry: &Entry, access: OFlags) -> rustix::io::Result<OwnedFd> {
    openat(dir, name_of(entry), MAKE | access, Mode::from_raw_mode(entry.mode.into()))
}

/// What a file is opened for: one that others are cloned from is read as well.
fn access(layout: &Layout, index: usize) -> OFlags {
    if layout.duplicates().of_first(index).is_empty() { OFlags::WRONLY } else { OFlags::RDWR }
}

fn name_of(entry: &Entry) -> &str {
    split(&entry.path).1
}

/// Writes bytes to a place in a file.
pub(super) fn write_all_at(file: BorrowedFd<'_>, mut bytes: &[u8], mut at: u64) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        let written = match pwrite(file, bytes, at) {
            Ok(0) => return Err(Errno::NOSPC),
            Err(Errno::INTR) => 0,
            written => written?,
        };
        bytes = bytes.get(written..).unwrap_or_default();
        at = at.saturating_add(u64::try_from(written).unwrap_or(0));
    }
    Ok(())
}

/// The entry's time of modification; the time of access stays.
fn times(entry: &Entry) -> Timestamps {
    let nanoseconds = entry.modified_ns.rem_euclid(1_000_000_000);
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec {
            tv_sec: entry.modified_ns.div_euclid(1_000_000_000),
            tv_nsec: nanoseconds,
        },
    }
}
