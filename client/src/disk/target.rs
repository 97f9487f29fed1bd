//! What stands where a restore should go, and where it can be made ready.
use super::{
    DiskError, TargetMode,
    mounts::{is_mount_root, mounted_in},
    names::{names_in, open_dir_at, stat_at},
    staging::{NEW, Staging, is_staging, remove_stale},
};
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{AtFlags, Gid, Mode, OFlags, Stat, Uid, fchown, fstat, mkdirat, open, openat, unlinkat},
    io::{Errno, fcntl_dupfd_cloexec},
    process::geteuid,
};
use std::{
    ffi::{OsStr, OsString},
    io::ErrorKind,
    path::{Component, Path, PathBuf},
};

/// What a fresh file system has in its top directory; it does not make a directory full.
const LOST_AND_FOUND: &[u8] = b"lost+found";

/// A directory that is there, or can be made.
#[derive(Debug)]
pub(super) struct Target {
    /// Without links, where it is there.
    path: PathBuf,
    /// The directory that it lies in, and its name there. `None`: it is the root of the file system.
    parent: Option<(OwnedFd, OsString)>,
    /// The directory itself, if it is there.
    dir: Option<(OwnedFd, Stat)>,
    /// Parents that were made for it; gone again when dropped, unless they are in use.
    made: MadeParents,
}

/// What becomes visible at the end, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// All of it: the directory is absent or empty.
    Fresh,
    /// All of it, instead of what is there.
    Whole,
    /// The saved paths in it.
    Roots,
    /// What it lacks.
    Missing,
}

impl Target {
    /// Looks at a path, and makes missing parents.
    pub(super) fn open(path: &Path) -> Result<Self, DiskError> {
        match path.canonicalize() {
            Ok(real) => Self::open_real(real),
            Err(error) if error.kind() == ErrorKind::NotFound => Self::open_absent(path),
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                Err(DiskError::TargetNotADirectory(path.to_owned()))
            }
            Err(error) => Err(DiskError::io(path, error)),
        }
    }

    fn open_real(path: PathBuf) -> Result<Self, DiskError> {
        let dir = open(
            &path,
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        );
        let dir = dir.map_err(|errno| match errno {
            Errno::NOTDIR | Errno::LOOP => DiskError::TargetNotADirectory(path.clone()),
            other => DiskError::io(&path, other),
        })?;
        let stat = fstat(&dir).map_err(|errno| DiskError::io(&path, errno))?;
        let parent = match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => Some((open_place(parent)?, name.to_owned())),
            _ => None,
        };
        remove_stale(&dir, "");
        Ok(Self { path, parent, dir: Some((dir, stat)), made: MadeParents::default() })
    }

    fn open_absent(path: &Path) -> Result<Self, DiskError> {
        let absolute = std::path::absolute(path).map_err(|error| DiskError::io(path, error))?;
        let missing = || DiskError::io(path, Errno::NOENT);
        let real = absolute.ancestors().skip(1).find_map(|above| Some((above, above.canonicalize().ok()?)));
        let (above, mut real) = real.ok_or_else(missing)?;
        let rest = absolute.strip_prefix(above).map_err(|_| missing())?;
        let mut names = Vec::new();
        for component in rest.components() {
            let Component::Normal(name) = component else {
                return Err(missing());
            };
            names.push(name);
        }
        let (name, way) = names.split_last().ok_or_else(missing)?;
        let mut place = open_place(&real)?;
        let mut made = MadeParents::default();
        for step in way {
            real.push(step);
            place = made.make(place, step).map_err(|errno| DiskError::making(&real, errno))?;
        }
        real.push(name);
        if stat_at(&place, *name).map_err(|errno| DiskError::io(&real, errno))?.is_some() {
            return Err(DiskError::TargetNotADirectory(real));
        }
        Ok(Self { path: real, parent: Some((place, (*name).to_owned())), dir: None, made })
    }

    /// The path, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory, if it is there.
    pub(super) fn dir(&self) -> Option<BorrowedFd<'_>> {
        self.dir.as_ref().map(|(dir, _)| dir.as_fd())
    }

    /// Mode bits of the directory, if it is there.
    pub(super) fn mode(&self) -> Option<Mode> {
        self.dir.as_ref().map(|(_, stat)| Mode::from_raw_mode(stat.st_mode & 0o7777))
    }

    /// The directory that it lies in, and its name there.
    pub(super) fn parent(&self) -> Option<(BorrowedFd<'_>, &OsStr)> {
        self.parent.as_ref().map(|(dir, name)| (dir.as_fd(), name.as_os_str()))
    }

    /// The restore is done: parents stay.
    pub(super) fn keep_parents(&mut self) {
        self.made.0.clear();
    }

    /// What there is to do, or that the mode forbids it.
    pub(super) fn task(&self, mode: TargetMode, roots: &[String]) -> Result<Task, DiskError> {
        let occupied = match &self.dir {
            None => false,
            Some((dir, _)) => !occupants(dir).map_err(|errno| DiskError::io(&self.path, errno))?.is_empty(),
        };
        match mode {
            TargetMode::Fresh | TargetMode::Merge | TargetMode::Replace if !occupied => Ok(Task::Fresh),
            TargetMode::Fresh => Err(DiskError::TargetNotEmpty(self.path.clone())),
            TargetMode::Merge => Ok(Task::Missing),
            TargetMode::Replace if roots.iter().any(String::is_empty) => Ok(Task::Whole),
            TargetMode::Replace => Ok(Task::Roots),
        }
    }

    /// Refuses to replace what something is mounted in: it would be moved aside, and could not be.
    pub(super) fn check_mounts(&self, task: Task, roots: &[String]) -> Result<(), DiskError> {
        let mounted = mounted_in(&self.path);
        let replaced = |point: &PathBuf| match task {
            Task::Fresh | Task::Missing => false,
            Task::Whole => *point != self.path,
            Task::Roots => roots.iter().any(|root| point.starts_with(self.path.join(root))),
        };
        mounted.into_iter().find(replaced).map_or(Ok(()), |point| Err(DiskError::Mounted(point)))
    }

    /// Makes the staging directory: beside the target if it can be renamed from there, else inside it.
    pub(super) fn stage(&self, task: Task) -> Result<Staging, DiskError> {
        match self.stage_beside(task) {
            Some(Ok(staging)) => return Ok(staging),
            Some(Err(errno)) if self.dir.is_none() => return Err(self.no_staging(errno)),
            Some(Err(_)) | None => {}
        }
        let dir = self.dir().ok_or(Errno::NOENT).and_then(duplicate);
        dir.and_then(|dir| Staging::make(dir, "")).map_err(|errno| self.no_staging(errno))
    }

    /// `None`: a rename from there would not work, or should not be done.
    fn stage_beside(&self, task: Task) -> Option<rustix::io::Result<Staging>> {
        let (parent, name) = self.parent()?;
        let moves = matches!(task, Task::Fresh | Task::Whole);
        if let Some((dir, stat)) = &self.dir
            && (is_mount_point(dir, stat, parent) || (moves && self.holds_working_directory()))
        {
            return None;
        }
        let name = name.to_string_lossy();
        let staging = duplicate(parent).and_then(|place| Staging::make(place, &name));
        match (&self.dir, staging) {
            (Some((_, stat)), Ok(staging)) if moves => Some(adopt(staging, stat)),
            (_, staging) => Some(staging),
        }
    }

    /// A shell that stands in the target would find itself in a deleted directory.
    fn holds_working_directory(&self) -> bool {
        std::env::current_dir()
            .and_then(|dir| dir.canonicalize())
            .is_ok_and(|dir| dir.starts_with(&self.path))
    }

    fn no_staging(&self, errno: Errno) -> DiskError {
        let place = if self.dir.is_some() { Some(self.path.as_path()) } else { self.path.parent() };
        DiskError::io(place.unwrap_or(&self.path), errno)
    }
}

/// Parents that were made, outermost first. Dropped, those that are empty are removed again.
#[derive(Debug, Default)]
struct MadeParents(Vec<(OwnedFd, OsString)>);

impl MadeParents {
    /// Makes a directory, or opens the one that another process made in this moment.
    fn make(&mut self, place: OwnedFd, name: &OsStr) -> rustix::io::Result<OwnedFd> {
        let made = mkdirat(&place, name, Mode::from_raw_mode(0o777));
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match made {
            Ok(()) => {
                let dir = openat(&place, name, flags, Mode::empty());
                self.0.push((place, name.to_owned()));
                dir
            }
            Err(Errno::EXIST) => openat(&place, name, flags, Mode::empty()),
            Err(errno) => Err(errno),
        }
    }
}

impl Drop for MadeParents {
    fn drop(&mut self) {
        for (place, name) in self.0.iter().rev() {
            // Not empty any more: somebody uses it.
            let _ = unlinkat(place, name, AtFlags::REMOVEDIR);
        }
    }
}

/// What makes a directory full: all but staging directories and `lost+found`.
pub(super) fn occupants(dir: impl AsFd) -> rustix::io::Result<Vec<std::ffi::CString>> {
    let mut names = names_in(dir)?;
    names.retain(|name| !is_staging(name.to_bytes()) && name.to_bytes() != LOST_AND_FOUND);
    Ok(names)
}

/// Gives `new` the owner that the target has, so that it can take its place.
fn adopt(staging: Staging, target: &Stat) -> rustix::io::Result<Staging> {
    let new = open_dir_at(staging.dir(), NEW)?;
    let stat = fstat(&new)?;
    if (stat.st_uid, stat.st_gid) == (target.st_uid, target.st_gid) {
        return Ok(staging);
    }
    let owner = (stat.st_uid != target.st_uid).then(|| Uid::from_raw(target.st_uid));
    if owner.is_some() && !geteuid().is_root() {
        return Err(Errno::PERM);
    }
    fchown(&new, owner, Some(Gid::from_raw(target.st_gid)))?;
    Ok(staging)
}

/// Whether something is mounted here. Old kernels do not say so of a mount of the same file system; the rename will.
fn is_mount_point(dir: &OwnedFd, stat: &Stat, parent: BorrowedFd<'_>) -> bool {
    is_mount_root(dir) || fstat(parent).is_ok_and(|above| above.st_dev != stat.st_dev)
}

/// Opens a directory only as a place for the `…at` calls: it need not be readable.
fn open_place(path: &Path) -> Result<OwnedFd, DiskError> {
    let place = open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    place.map_err(|errno| DiskError::making(path, errno))
}

fn duplicate(dir: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    fcntl_dupfd_cloexec(dir, 0)
}
