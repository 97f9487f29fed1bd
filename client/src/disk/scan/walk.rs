//! What becomes of each entry.
use super::share::{Part, Shared};
use super::{Audited, Found, FoundKind, ScanOptions, Skipped, Stamp, modified_ns};
use crate::disk::{
    DiskError,
    beneath::{Beneath, join, split},
    exclude::Exclude,
    names::{names_in, open_dir_at, stat_at},
    staging::is_staging,
};
use pollux_core::{TreeError, check_path, check_target, limits::TREE_ENTRIES_MAX, path_order};
use pollux_packages::files::Seen;
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{FileType, Stat, readlinkat},
    io::Errno,
};
use std::ffi::{CStr, CString};

/// Set-user-id and set-group-id.
const SET_ID_BITS: u32 = 0o6000;

/// Lists all roots: what is found, in order of path components, and what is left out.
pub(super) fn walk(
    ground: Ground<'_>,
    paths: &[String],
    roots: &[String],
) -> Result<(Vec<Found>, Vec<Skipped>), DiskError> {
    let shared = Shared::default();
    let whole = shared.walk(
        |shared| Walker::new(ground, shared).roots(paths, roots),
        |shared, path| Walker::new(ground, shared).part(path),
    )?;
    Ok((whole.found, whole.skipped))
}

/// Whether an entry is the one that was audited.
fn is_as_audited(audited: &Audited, path: &str, stat: &Stat) -> bool {
    let now = Seen {
        bytes: u64::try_from(stat.st_size).unwrap_or(0),
        changed: (stat.st_ctime, i64::try_from(stat.st_ctime_nsec).unwrap_or(0)),
        device: stat.st_dev,
        inode: stat.st_ino,
    };
    audited.get(path) == Some(&now)
}

/// What all threads walk on.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) options: &'a ScanOptions,
    pub(super) base: &'a Beneath,
    pub(super) exclude: &'a Exclude,
}

/// Walks a part.
struct Walker<'a> {
    ground: Ground<'a>,
    shared: &'a Shared,
    part: Part,
}

impl<'a> Walker<'a> {
    fn new(ground: Ground<'a>, shared: &'a Shared) -> Self {
        Self { ground, shared, part: Part::default() }
    }

    /// Walks all that is asked for, but for what others take.
    fn roots(mut self, paths: &[String], roots: &[String]) -> Result<Part, DiskError> {
        paths.iter().filter(|path| !path.is_empty()).try_for_each(|path| self.find(path).map(|_| ()))?;
        for root in roots {
            if root.is_empty() {
                let dir = self.ground.base.open_dir("").map_err(|errno| self.io("", errno))?;
                self.directory(&dir, "")?;
            } else {
                self.root(root)?;
            }
        }
        Ok(self.part)
    }

    /// Walks what is in a directory that another thread has found.
    fn part(mut self, path: &str) -> Result<Part, DiskError> {
        match self.ground.base.open_dir(path) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
            dir => self.directory(&dir.map_err(|errno| self.io(path, errno))?, path)?,
        }
        Ok(self.part)
    }

    /// A path that was asked for; the directories above it are entries too.
    fn root(&mut self, root: &str) -> Result<(), DiskError> {
        let (dir, name) = self.find(root)?;
        self.way_to(split(root).0)?;
        let before = self.part.found.len();
        self.entry(dir.as_fd(), &name, root.to_owned())?;
        if self.part.found.len() == before {
            return Err(self.bad(root, "it is no file, directory or link that a restore would take"));
        }
        Ok(())
    }

    /// The directory that a path lies in, and its name there, which must be taken.
    fn find(&self, root: &str) -> Result<(OwnedFd, CString), DiskError> {
        let (way, name) = split(root);
        let dir = self.ground.base.open_dir(way).map_err(|errno| self.no_way(root, errno))?;
        let name = CString::new(name).map_err(|_| self.bad(root, "it has a NUL byte"))?;
        match stat_at(&dir, &*name).map_err(|errno| self.io(root, errno))? {
            Some(_) => Ok((dir, name)),
            None => Err(DiskError::Missing(self.ground.options.base.join(root))),
        }
    }

    /// Lists the directories on the way to a root, once.
    fn way_to(&mut self, way: &str) -> Result<(), DiskError> {
        let ends = way.match_indices('/').map(|(at, _)| at).chain((!way.is_empty()).then_some(way.len()));
        for path in ends.filter_map(|end| way.get(..end)) {
            if self.part.found.binary_search_by(|found| path_order(&found.path, path)).is_ok() {
                continue;
            }
            let dir = self.ground.base.open_dir(path).map_err(|errno| self.no_way(path, errno))?;
            let stat = rustix::fs::fstat(&dir).map_err(|errno| self.io(path, errno))?;
            self.add(path.to_owned(), &stat, FoundKind::Directory)?;
        }
        Ok(())
    }

    fn directory(&mut self, dir: &OwnedFd, path: &str) -> Result<(), DiskError> {
        for name in names_in(dir).map_err(|errno| self.io(path, errno))? {
            let Ok(text) = name.to_str() else {
                self.skip(join(path, &name.to_string_lossy()), "its name is not UTF-8")?;
                continue;
            };
            let path = join(path, text);
            if !self.ground.exclude.matches(&path) {
                self.entry(dir.as_fd(), &name, path)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, dir: BorrowedFd<'_>, name: &CStr, path: String) -> Result<(), DiskError> {
        // What vanished since the directory was read is not there.
        let Some(stat) = stat_at(dir, name).map_err(|errno| self.io(&path, errno))? else {
            return Ok(());
        };
        if let Err(fault) = check_path(&path) {
            return self.skip(path, fault);
        }
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => self.file(path, &stat),
            FileType::Directory if is_staging(name.to_bytes()) => {
                self.skip(path, "it is a restore under way")
            }
            FileType::Directory => self.inner(dir, name, path, &stat),
            FileType::Symlink => self.link(dir, name, path, &stat),
            FileType::Socket => self.skip(path, "it is a socket"),
            FileType::Fifo => self.skip(path, "it is a named pipe"),
            FileType::CharacterDevice | FileType::BlockDevice => self.skip(path, "it is a device"),
            FileType::Unknown => self.skip(path, "it is of no known kind"),
        }
    }

    fn file(&mut self, path: String, stat: &Stat) -> Result<(), DiskError> {
        if stat.st_mode & SET_ID_BITS != 0 {
            self.skip(path.clone(), "it is saved without its set-id bit")?;
        }
        self.add(path, stat, FoundKind::File(Stamp::of(stat)))
    }

    fn inner(
        &mut self,
        dir: BorrowedFd<'_>,
        name: &CStr,
        path: String,
        stat: &Stat,
    ) -> Result<(), DiskError> {
        if self.shared.is_short_of_work() {
            self.add(path.clone(), stat, FoundKind::Directory)?;
            self.part.give_away(self.shared.give(path));
            return Ok(());
        }
        let inner = match open_dir_at(dir, name) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
            inner => inner.map_err(|errno| self.io(&path, errno))?,
        };
        self.add(path.clone(), stat, FoundKind::Directory)?;
        self.directory(&inner, &path)
    }

    fn link(&mut self, dir: BorrowedFd<'_>, name: &CStr, path: String, stat: &Stat) -> Result<(), DiskError> {
        let target = match readlinkat(dir, name, Vec::new()) {
            Err(Errno::NOENT | Errno::INVAL) => return Ok(()),
            target => target.map_err(|errno| self.io(&path, errno))?,
        };
        let Ok(target) = target.into_string() else {
            return self.skip(path, "its target is not UTF-8");
        };
        if let Err(fault) = check_target(&path, &target) {
            return self.skip(path, fault);
        }
        self.add(path, stat, FoundKind::Symlink { target })
    }

    fn add(&mut self, path: String, stat: &Stat, kind: FoundKind) -> Result<(), DiskError> {
        let audited = self.ground.options.audited.as_ref();
        if audited.is_some_and(|audited| kind != FoundKind::Directory && !is_as_audited(audited, &path, stat))
        {
            return Err(DiskError::NotAudited(self.ground.options.base.join(path)));
        }
        if self.shared.count_entry() >= TREE_ENTRIES_MAX {
            let why = TreeError::TooMany { what: "entries", max: TREE_ENTRIES_MAX };
            return Err(DiskError::Unfit { base: self.ground.options.base.clone(), why });
        }
        let mode = u16::try_from(stat.st_mode & 0o777).unwrap_or(0);
        self.part.found.push(Found { path, mode, modified_ns: modified_ns(stat), kind });
        Ok(())
    }

    /// Leaves an entry out, which is no error here.
    fn skip(&mut self, path: String, why: impl ToString) -> Result<(), DiskError> {
        self.part.skipped.push(Skipped { path, why: why.to_string() });
        Ok(())
    }

    fn io(&self, path: &str, errno: Errno) -> DiskError {
        DiskError::io(self.ground.options.base.join(path), errno)
    }

    fn bad(&self, path: &str, why: &'static str) -> DiskError {
        DiskError::BadPath { path: path.to_owned(), why }
    }

    /// Why the directory that a root lies in cannot be opened.
    fn no_way(&self, root: &str, errno: Errno) -> DiskError {
        match errno {
            Errno::NOENT => DiskError::Missing(self.ground.options.base.join(root)),
            Errno::NOTDIR | Errno::LOOP => self.bad(root, "it goes through a link or a file"),
            other => self.io(root, other),
        }
    }
}
