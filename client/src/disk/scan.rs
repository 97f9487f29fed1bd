//! The listing of what will be saved.
//!
//! Directories are walked by descriptors and no link is followed, so that what is listed lies beneath the base whatever
//! other processes do meanwhile. What a restore would refuse is left out here already, by name and with the reason.
use super::{
    DiskError,
    beneath::{Beneath, Walk, join, split},
    exclude::Exclude,
    names::{names_in, open_dir_at, stat_at},
    roots::{distinct, named},
    staging::is_staging,
};
use pollux_core::{TreeError, check_path, check_target, limits::TREE_ENTRIES_MAX, path_order};
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{FileType, Mode, OFlags, Stat, open, readlinkat},
    io::Errno,
};
use std::{
    ffi::{CStr, CString},
    path::PathBuf,
};

/// Set-user-id and set-group-id.
const SET_ID_BITS: u32 = 0o6000;

/// What to save.
#[derive(Clone, Debug)]
pub struct ScanOptions {
    /// The directory that paths are relative to.
    pub base: PathBuf,
    /// Paths under it that belong to the cache; empty: all of it.
    pub paths: Vec<String>,
    /// What is left out: globs of paths relative to the base. `*` stays within one component, `**` does not; a glob
    /// without `/` means a name at any depth.
    pub exclude: Vec<String>,
    /// What a restore would refuse is an error, not a warning.
    pub strict: bool,
}

/// An entry that is not saved, or not wholly, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Relative path (lossy where it is not UTF-8).
    pub path: String,
    /// In words.
    pub why: String,
}

/// The listing of what will be saved, not yet read.
#[derive(Debug)]
pub struct Scan {
    pub(super) options: ScanOptions,
    pub(super) base: Beneath,
    pub(super) roots: Vec<String>,
    /// In order of path components.
    pub(super) found: Vec<Found>,
    skipped: Vec<Skipped>,
}

/// An entry that will be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: String,
    pub(super) mode: u16,
    pub(super) modified_ns: i64,
    pub(super) kind: FoundKind,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FoundKind {
    File(Stamp),
    Directory,
    Symlink { target: String },
}

/// What tells that a file is still the one that was listed, and was not written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) bytes: u64,
    modified_ns: i64,
    device: u64,
    inode: u64,
}

impl Scan {
    /// Walks the base.
    ///
    /// # Errors
    /// A base or path that is not there or not fit; what the system says no to (an unreadable file can be excluded);
    /// with `strict`, whatever would be skipped.
    pub fn new(options: &ScanOptions) -> Result<Self, DiskError> {
        let exclude = Exclude::new(&options.exclude)?;
        let paths = named(&options.paths)?;
        let base = Beneath::new(open_base(options)?, Walk::possible());
        let roots = distinct(paths.clone());
        let scan = Self { options: options.clone(), base, roots, found: Vec::new(), skipped: Vec::new() };
        let mut walker = Walker { scan, exclude };
        paths.iter().filter(|path| !path.is_empty()).try_for_each(|path| walker.find(path).map(|_| ()))?;
        walker.walk_roots()?;
        let scan = walker.scan;
        if options.strict && !scan.skipped.is_empty() {
            return Err(DiskError::Refused(scan.skipped));
        }
        Ok(scan)
    }

    /// What is left out, or saved without something, and why.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Plain bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files().map(|(_, stamp)| stamp.bytes).fold(0, u64::saturating_add)
    }

    /// Entries of all kinds.
    #[must_use]
    pub fn entries(&self) -> u64 {
        u64::try_from(self.found.len()).unwrap_or(u64::MAX)
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&Found, &Stamp)> {
        self.found.iter().filter_map(|found| match &found.kind {
            FoundKind::File(stamp) => Some((found, stamp)),
            FoundKind::Directory | FoundKind::Symlink { .. } => None,
        })
    }
}

impl Stamp {
    pub(super) fn of(stat: &Stat) -> Self {
        Self {
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            modified_ns: modified_ns(stat),
            device: stat.st_dev,
            inode: stat.st_ino,
        }
    }
}

/// Nanoseconds since 1970; what lies outside of the years 1677 to 2262 becomes their border.
fn modified_ns(stat: &Stat) -> i64 {
    let nanoseconds = i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec);
    i64::try_from(nanoseconds).unwrap_or(if stat.st_mtime < 0 { i64::MIN } else { i64::MAX })
}

fn open_base(options: &ScanOptions) -> Result<OwnedFd, DiskError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(&options.base, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::NOENT => DiskError::Missing(options.base.clone()),
        Errno::NOTDIR => DiskError::BaseNotADirectory(options.base.clone()),
        other => DiskError::io(&options.base, other),
    })
}

struct Walker {
    scan: Scan,
    exclude: Exclude,
}

impl Walker {
    fn walk_roots(&mut self) -> Result<(), DiskError> {
        for root in self.scan.roots.clone() {
            if root.is_empty() {
                let dir = self.scan.base.open_dir("").map_err(|errno| self.io("", errno))?;
                self.directory(&dir, "")?;
            } else {
                self.root(&root)?;
            }
        }
        Ok(())
    }

    /// A path that was asked for; the directories above it are entries too.
    fn root(&mut self, root: &str) -> Result<(), DiskError> {
        let (dir, name) = self.find(root)?;
        self.way_to(split(root).0)?;
        let before = self.scan.found.len();
        self.entry(dir.as_fd(), &name, root.to_owned())?;
        if self.scan.found.len() == before {
            return Err(self.bad(root, "it is no file, directory or link that a restore would take"));
        }
        Ok(())
    }

    /// The directory that a path lies in, and its name there, which must be taken.
    fn find(&self, root: &str) -> Result<(OwnedFd, CString), DiskError> {
        let (way, name) = split(root);
        let dir = self.scan.base.open_dir(way).map_err(|errno| self.no_way(root, errno))?;
        let name = CString::new(name).map_err(|_| self.bad(root, "it has a NUL byte"))?;
        match stat_at(&dir, &*name).map_err(|errno| self.io(root, errno))? {
            Some(_) => Ok((dir, name)),
            None => Err(DiskError::Missing(self.scan.options.base.join(root))),
        }
    }

    /// Lists the directories on the way to a root, once.
    fn way_to(&mut self, way: &str) -> Result<(), DiskError> {
        let ends = way.match_indices('/').map(|(at, _)| at).chain((!way.is_empty()).then_some(way.len()));
        for path in ends.filter_map(|end| way.get(..end)) {
            if self.scan.found.binary_search_by(|found| path_order(&found.path, path)).is_ok() {
                continue;
            }
            let dir = self.scan.base.open_dir(path).map_err(|errno| self.no_way(path, errno))?;
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
            if !self.exclude.matches(&path) {
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
        if self.scan.entries() >= TREE_ENTRIES_MAX {
            let why = TreeError::TooMany { what: "entries", max: TREE_ENTRIES_MAX };
            return Err(DiskError::Unfit { base: self.scan.options.base.clone(), why });
        }
        let mode = u16::try_from(stat.st_mode & 0o777).unwrap_or(0);
        self.scan.found.push(Found { path, mode, modified_ns: modified_ns(stat), kind });
        Ok(())
    }

    /// Leaves an entry out, which is no error here.
    fn skip(&mut self, path: String, why: impl ToString) -> Result<(), DiskError> {
        self.scan.skipped.push(Skipped { path, why: why.to_string() });
        Ok(())
    }

    fn io(&self, path: &str, errno: Errno) -> DiskError {
        DiskError::io(self.scan.options.base.join(path), errno)
    }

    fn bad(&self, path: &str, why: &'static str) -> DiskError {
        DiskError::BadPath { path: path.to_owned(), why }
    }

    /// Why the directory that a root lies in cannot be opened.
    fn no_way(&self, root: &str, errno: Errno) -> DiskError {
        match errno {
            Errno::NOENT => DiskError::Missing(self.scan.options.base.join(root)),
            Errno::NOTDIR | Errno::LOOP => self.bad(root, "it goes through a link or a file"),
            other => self.io(root, other),
        }
    }
}
