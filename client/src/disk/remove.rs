//! Removing a directory with all that it holds, by descriptors, so that no link leads the removal elsewhere.
//!
//! What is mounted below is left standing, and so are the directories above that.
use super::{
    mounts::is_mount_root,
    names::{is_dir, names_in, open_dir_at, stat_at},
};
use rustix::{
    fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    fs::{AtFlags, Mode, OFlags, chmod, fchmod, fstat, openat, renameat, unlinkat},
    io::{Errno, Result},
    path::Arg,
};

/// Directories open one in another at most: a deeper one is first moved to the top, so that descriptors do not run out.
const DEPTH_MAX: usize = 64;

/// Descriptors that a removal takes at least: for the top, a directory in it, and the listing of that.
pub(super) const DESCRIPTORS_MIN: usize = 3;

/// Removes `name` in `dir`, whatever it is. Takes what descriptors there are, [`DESCRIPTORS_MIN`] at least. Goes on after a failure, to leave as little as possible, and gives the first.
pub(super) fn remove_all<P: Arg + Copy>(dir: impl AsFd, name: P) -> Result<()> {
    let Some(stat) = stat_at(&dir, name)? else {
        return Ok(());
    };
    if !is_dir(&stat) {
        return unlinkat(dir, name, AtFlags::empty());
    }
    let top = open_dir_at(&dir, name)?;
    let mut removal = Removal { top: top.as_fd(), device: stat.st_dev, moved: 0, failed: None };
    removal.empty(top.as_fd(), 0)?;
    removal.empty_moved()?;
    removal.failed.map_or_else(|| unlinkat(dir, name, AtFlags::REMOVEDIR), Err)
}

struct Removal<'a> {
    top: BorrowedFd<'a>,
    device: u64,
    /// Directories moved to the top so far; also the next one's name.
    moved: u64,
    failed: Option<Errno>,
}

impl Removal<'_> {
    /// Empties what was moved to the top, until nothing more is.
    fn empty_moved(&mut self) -> Result<()> {
        let mut seen = 0;
        while seen < self.moved && self.failed.is_none() {
            seen = self.moved;
            self.empty(self.top, 0)?;
        }
        Ok(())
    }

    fn empty(&mut self, dir: BorrowedFd<'_>, depth: usize) -> Result<()> {
        let names = match names_in(dir) {
            Err(Errno::ACCESS) => open_up(dir).and_then(|()| names_in(dir)),
            names => names,
        }?;
        for name in &names {
            if let Err(errno) = self.remove(dir, name, depth) {
                self.failed.get_or_insert(errno);
            }
        }
        Ok(())
    }

    fn remove(&mut self, dir: BorrowedFd<'_>, name: &std::ffi::CStr, depth: usize) -> Result<()> {
        match unlink(dir, name, AtFlags::empty()) {
            // What unlink says of a directory: Linux, and what POSIX has it say.
            Err(Errno::ISDIR | Errno::PERM) => self.remove_dir(dir, name, depth),
            done => done,
        }
    }

    fn remove_dir(&mut self, dir: BorrowedFd<'_>, name: &std::ffi::CStr, depth: usize) -> Result<()> {
        if depth >= DEPTH_MAX {
            return self.move_up(dir, name);
        }
        match self.empty_inner(dir, name, depth) {
            // The directories above it hold the descriptors that it needs: at the top it needs none of theirs.
            Err(Errno::MFILE | Errno::NFILE) if depth > 0 => return self.move_up(dir, name),
            done => done?,
        }
        unlink(dir, name, AtFlags::REMOVEDIR)
    }

    fn move_up(&mut self, dir: BorrowedFd<'_>, name: &std::ffi::CStr) -> Result<()> {
        self.moved += 1;
        renameat(dir, name, self.top, format!(".deep-{}", self.moved))
    }

    fn empty_inner(&mut self, dir: BorrowedFd<'_>, name: &std::ffi::CStr, depth: usize) -> Result<()> {
        let inner = match open_dir_at(dir, name) {
            Err(Errno::ACCESS) => open_closed_dir(dir, name),
            inner => inner,
        }?;
        if is_mount_root(&inner) || fstat(&inner)?.st_dev != self.device {
            return Err(Errno::XDEV);
        }
        self.empty(inner.as_fd(), depth + 1)
    }
}

/// Unlinks; where the directory itself forbids that and it is ours, it is opened up first.
fn unlink(dir: BorrowedFd<'_>, name: &std::ffi::CStr, flags: AtFlags) -> Result<()> {
    match unlinkat(dir, name, flags) {
        Err(Errno::ACCESS) => open_up(dir).and_then(|()| unlinkat(dir, name, flags)),
        done => done,
    }
}

/// Opens a directory that its own mode keeps closed. By its descriptor's name, because only that follows no link here.
fn open_closed_dir(dir: BorrowedFd<'_>, name: &std::ffi::CStr) -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let place = openat(dir, name, flags, Mode::empty())?;
    chmod(format!("/proc/self/fd/{}", place.as_raw_fd()), Mode::RWXU)?;
    open_dir_at(&place, ".")
}

fn open_up(dir: BorrowedFd<'_>) -> Result<()> {
    fchmod(dir, Mode::RWXU)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::symlink};

    #[test]
    fn removes_all_and_follows_no_link() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("gone/a/b")).unwrap();
        fs::create_dir(dir.path().join("kept")).unwrap();
        fs::write(dir.path().join("kept/file"), "x").unwrap();
        fs::write(dir.path().join("gone/a/file"), "x").unwrap();
        symlink("../kept", dir.path().join("gone/link")).unwrap();
        remove_all(fs::File::open(dir.path()).unwrap(), "gone").unwrap();
        assert!(!dir.path().join("gone").exists());
        assert!(dir.path().join("kept/file").exists());
    }

    #[test]
    fn removes_what_is_deeper_than_descriptors_last() {
        let dir = tempfile::tempdir().unwrap();
        let mut at = dir.path().join("gone");
        for _ in 0..DEPTH_MAX * 3 + 5 {
            at.push("d");
        }
        fs::create_dir_all(&at).unwrap();
        remove_all(fs::File::open(dir.path()).unwrap(), "gone").unwrap();
        assert!(!dir.path().join("gone").exists());
    }

    #[test]
    fn what_is_not_there_is_removed_already() {
        let dir = tempfile::tempdir().unwrap();
        remove_all(fs::File::open(dir.path()).unwrap(), "gone").unwrap();
    }
}
