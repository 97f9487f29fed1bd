//! Making a finished tree visible: renames from the staging directory into the target, and what they replace out of it.
//!
//! Every rename is written down, so that a failure in the middle is undone in reverse order.
use super::{
    DiskError,
    beneath::{Beneath, join, split},
    names::{is_dir, names_in, open_dir_at, stat_at},
    target::occupants,
};
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{AtFlags, Mode, RenameFlags, Stat, fchmod, fstat, mkdirat, renameat, renameat_with, unlinkat},
    io::{Errno, Result},
    path::Arg,
};
use std::{ffi::CStr, path::PathBuf};

/// A swap under way. Dropped before [`Swap::keep`], it is undone, best effort.
#[derive(Debug)]
pub(super) struct Swap<'a> {
    /// Where the tree was written.
    new: &'a Beneath,
    /// What it replaces goes here.
    old: Beneath,
    target: Beneath,
    path: PathBuf,
    steps: Vec<Step>,
    /// Things put into `old` so far; also the next one's name.
    stashed: u64,
}

/// What was done to a path of the target.
#[derive(Debug)]
enum Step {
    /// It came from `new`.
    Brought(String),
    /// It went to this path in `old`.
    Stashed(String, String),
    /// It and the one in `new` changed places.
    Traded(String),
    /// A directory that was missing on the way was made.
    Made(String),
    /// A directory that cannot be renamed was emptied and removed; it had this mode.
    Removed(String, Mode),
}

impl<'a> Swap<'a> {
    /// `path`: of the target, for messages.
    pub(super) fn new(new: &'a Beneath, old: Beneath, target: Beneath, path: PathBuf) -> Self {
        Self { new, old, target, path, steps: Vec::new(), stashed: 0 }
    }

    /// It is done, and stays. True: at most one rename did it.
    pub(super) fn keep(mut self) -> bool {
        let renames = self.steps.iter().filter(|step| !matches!(step, Step::Made(_))).count();
        self.steps.clear();
        renames <= 1
    }

    /// Puts everything that the target holds aside, name by name.
    pub(super) fn stash_all(&mut self) -> std::result::Result<(), DiskError> {
        for name in occupants(self.target.dir()).map_err(|errno| self.failed("", errno))? {
            let name = self.text(&name)?;
            self.stash(name).map_err(|errno| self.failed(name, errno))?;
        }
        Ok(())
    }

    /// Brings everything, name by name, into a target that must be empty.
    pub(super) fn bring_all(&mut self) -> std::result::Result<(), DiskError> {
        if occupants(self.target.dir()).is_ok_and(|names| !names.is_empty()) {
            return Err(DiskError::TargetNotEmpty(self.path.clone()));
        }
        for name in names_in(self.new.dir()).map_err(|errno| self.failed("", errno))? {
            let name = self.text(&name)?;
            self.bring(name).map_err(|errno| self.failed(name, errno))?;
        }
        Ok(())
    }

    /// Replaces one path, whatever stands there.
    pub(super) fn replace(&mut self, path: &str) -> std::result::Result<(), DiskError> {
        self.make_way(path)?;
        self.trade_or_bring(path).map_err(|errno| self.failed(path, errno))
    }

    /// Brings what the target lacks; `kept` hears the paths that are there already, one for all that lies below.
    pub(super) fn missing(&mut self, kept: &mut impl FnMut(&str)) -> std::result::Result<(), DiskError> {
        self.missing_in("", kept).map_err(|(path, errno)| self.failed(&path, errno))
    }

    fn missing_in(
        &mut self,
        dir: &str,
        kept: &mut impl FnMut(&str),
    ) -> std::result::Result<(), (String, Errno)> {
        let at_dir = |errno| (dir.to_owned(), errno);
        let names = self.new.open_dir(dir).and_then(names_in).map_err(at_dir)?;
        for name in names {
            let path = join(dir, name.to_str().map_err(|_| at_dir(Errno::ILSEQ))?);
            let at_path = |errno| (path.clone(), errno);
            match self.bring(&path) {
                Err(Errno::EXIST) => {}
                done => {
                    done.map_err(at_path)?;
                    continue;
                }
            }
            if self.are_both_directories(&path).map_err(at_path)? {
                self.missing_in(&path, kept)?;
            } else {
                kept(&path);
            }
        }
        Ok(())
    }

    fn are_both_directories(&self, path: &str) -> Result<bool> {
        let there = stat_beneath(&self.target, path)?;
        let new = stat_beneath(self.new, path)?;
        Ok(there.is_some_and(|stat| is_dir(&stat)) && new.is_some_and(|stat| is_dir(&stat)))
    }

    /// Makes the directories on the way to a path that are not there yet.
    fn make_way(&mut self, path: &str) -> std::result::Result<(), DiskError> {
        for (at, _) in path.match_indices('/') {
            let dir = path.get(..at).unwrap_or_default();
            let there = stat_beneath(&self.target, dir).map_err(|errno| self.failed(dir, errno))?;
            match there {
                Some(stat) if is_dir(&stat) => continue,
                Some(_) => return Err(DiskError::TargetNotADirectory(self.path.join(dir))),
                None => {}
            }
            self.make_like_new(dir).map_err(|errno| self.failed(dir, errno))?;
            self.steps.push(Step::Made(dir.to_owned()));
        }
        Ok(())
    }

    fn make_like_new(&self, path: &str) -> Result<()> {
        let mode = stat_beneath(self.new, path)?.map_or(0o777, |stat| stat.st_mode & 0o777);
        let (dir, name) = split(path);
        mkdirat(self.target.open_dir(dir)?, name, Mode::from_raw_mode(mode))
    }

    fn trade_or_bring(&mut self, path: &str) -> Result<()> {
        let (dir, name) = split(path);
        let (new, target) = (self.new.open_dir(dir)?, self.target.open_dir(dir)?);
        if stat_at(&target, name)?.is_none() {
            return self.bring(path);
        }
        match rename(new.as_fd(), name, target.as_fd(), name, RenameFlags::EXCHANGE) {
            Ok(()) => {
                self.steps.push(Step::Traded(path.to_owned()));
                Ok(())
            }
            // No exchange on this file system, or not of this directory on an overlay.
            Err(Errno::INVAL | Errno::NOSYS | Errno::XDEV) => {
                self.stash(path)?;
                self.bring(path)
            }
            Err(errno) => Err(errno),
        }
    }

    fn bring(&mut self, path: &str) -> Result<()> {
        let (dir, name) = split(path);
        let (new, target) = (self.new.open_dir(dir)?, self.target.open_dir(dir)?);
        rename(new.as_fd(), name, target.as_fd(), name, RenameFlags::NOREPLACE)?;
        self.steps.push(Step::Brought(path.to_owned()));
        Ok(())
    }

    fn stash(&mut self, path: &str) -> Result<()> {
        self.stashed += 1;
        self.stash_at(path, self.stashed.to_string())
    }

    fn stash_at(&mut self, path: &str, to: String) -> Result<()> {
        let (dir, name) = split(path);
        let (old_dir, old_name) = split(&to);
        let (target, old) = (self.target.open_dir(dir)?, self.old.open_dir(old_dir)?);
        match rename(target.as_fd(), name, old.as_fd(), old_name, RenameFlags::NOREPLACE) {
            Ok(()) => {
                self.steps.push(Step::Stashed(path.to_owned(), to));
                Ok(())
            }
            Err(Errno::XDEV) => self.stash_piecewise(&target, path, to),
            Err(errno) => Err(errno),
        }
    }

    /// Overlays do not rename directories of their lower layers: what is in them goes one by one.
    fn stash_piecewise(&mut self, dir: &OwnedFd, path: &str, to: String) -> Result<()> {
        let name = split(path).1;
        let Ok(inner) = open_dir_at(dir, name) else {
            return Err(Errno::XDEV);
        };
        let (old_dir, old_name) = split(&to);
        mkdirat(self.old.open_dir(old_dir)?, old_name, Mode::RWXU)?;
        for child in names_in(&inner)? {
            let child = child.to_str().map_err(|_| Errno::XDEV)?;
            self.stash_at(&join(path, child), join(&to, child))?;
        }
        let mode = Mode::from_raw_mode(fstat(&inner)?.st_mode & 0o7777);
        unlinkat(dir, name, AtFlags::REMOVEDIR)?;
        self.steps.push(Step::Removed(path.to_owned(), mode));
        Ok(())
    }

    fn undo(&self, step: &Step) -> Result<()> {
        let place = |beneath: &Beneath, path: &str| beneath.open_dir(split(path).0);
        match step {
            Step::Brought(path) => {
                let (from, to) = (place(&self.target, path)?, place(self.new, path)?);
                let name = split(path).1;
                rename(from.as_fd(), name, to.as_fd(), name, RenameFlags::NOREPLACE)
            }
            Step::Stashed(path, stash) => {
                let (from, to) = (place(&self.old, stash)?, place(&self.target, path)?);
                rename(from.as_fd(), split(stash).1, to.as_fd(), split(path).1, RenameFlags::NOREPLACE)
            }
            Step::Traded(path) => {
                let (from, to) = (place(self.new, path)?, place(&self.target, path)?);
                rename(from.as_fd(), split(path).1, to.as_fd(), split(path).1, RenameFlags::EXCHANGE)
            }
            Step::Made(path) => unlinkat(place(&self.target, path)?, split(path).1, AtFlags::REMOVEDIR),
            Step::Removed(path, mode) => {
                let dir = place(&self.target, path)?;
                mkdirat(&dir, split(path).1, *mode)?;
                fchmod(open_dir_at(&dir, split(path).1)?, *mode)
            }
        }
    }

    fn text<'n>(&self, name: &'n CStr) -> std::result::Result<&'n str, DiskError> {
        name.to_str().map_err(|_| self.failed(&name.to_string_lossy(), Errno::ILSEQ))
    }

    fn failed(&self, path: &str, errno: Errno) -> DiskError {
        let path = if path.is_empty() { self.path.clone() } else { self.path.join(path) };
        match errno {
            Errno::XDEV | Errno::BUSY => DiskError::Mounted(path),
            Errno::EXIST | Errno::LOOP => DiskError::Disturbed(path),
            other => DiskError::io(path, other),
        }
    }
}

impl Drop for Swap<'_> {
    fn drop(&mut self) {
        for step in std::mem::take(&mut self.steps).iter().rev() {
            // What cannot be put back now cannot be put back at all.
            let _ = self.undo(step);
        }
    }
}

/// Renames without overwriting, or exchanges. Where modes of directories are in the way that are the caller's own, they are
/// opened for the moment: those that move (they get another parent), and those that they move between.
pub(super) fn rename(
    from: BorrowedFd<'_>,
    name: &str,
    to: BorrowedFd<'_>,
    to_name: impl Arg + Copy,
    flags: RenameFlags,
) -> Result<()> {
    match rename_once(from, name, to, to_name, flags) {
        Err(Errno::ACCESS) => {
            let movers = [open_dir_at(from, name).ok(), open_dir_at(to, to_name).ok()];
            let movers = movers.iter().flatten().map(AsFd::as_fd);
            let _opened: Vec<_> = movers.chain([from, to]).filter_map(Opened::new).collect();
            rename_once(from, name, to, to_name, flags)
        }
        done => done,
    }
}

/// A directory that its owner may write to for now.
struct Opened<'a> {
    dir: BorrowedFd<'a>,
    mode: Mode,
}

impl<'a> Opened<'a> {
    /// `None`: it is somebody else's.
    fn new(dir: BorrowedFd<'a>) -> Option<Self> {
        let mode = Mode::from_raw_mode(fstat(dir).ok()?.st_mode & 0o7777);
        fchmod(dir, mode | Mode::RWXU).ok()?;
        Some(Self { dir, mode })
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        // It is ours: that it could be opened shows it.
        let _ = fchmod(self.dir, self.mode);
    }
}

fn rename_once(
    from: BorrowedFd<'_>,
    name: &str,
    to: BorrowedFd<'_>,
    to_name: impl Arg + Copy,
    flags: RenameFlags,
) -> Result<()> {
    match renameat_with(from, name, to, to_name, flags) {
        // A file system without flags (some network ones): look first. Nothing else writes there but by accident.
        Err(Errno::INVAL | Errno::NOSYS) if flags == RenameFlags::NOREPLACE => match stat_at(to, to_name)? {
            Some(_) => Err(Errno::EXIST),
            None => renameat(from, name, to, to_name),
        },
        done => done,
    }
}

fn stat_beneath(beneath: &Beneath, path: &str) -> Result<Option<Stat>> {
    let (dir, name) = split(path);
    match beneath.open_dir(dir) {
        Err(Errno::NOENT) => Ok(None),
        dir => stat_at(dir?, name),
    }
}
