//! The listing of what will be saved.
//!
//! Directories are walked by descriptors and no link is followed, so that what is listed lies beneath the base whatever
//! other processes do meanwhile. What a restore would refuse is left out here already, by name and with the reason.
//!
//! ```text
//! walk    what becomes of each entry
//! share   several threads walk, each another part
//! ```
mod share;
mod walk;

use super::{
    DiskError,
    beneath::{Beneath, Walk, split},
    exclude::Exclude,
    index::now_ns,
    place::TIMELESS_S,
    roots::{distinct, is_within, named},
};
use pollux_core::{Entry, EntryKind};
use pollux_packages::files::Seen;
use rustix::{
    fd::OwnedFd,
    fs::{Mode, OFlags, Stat, open},
    io::Errno,
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};
use walk::{Ground, walk};

/// What to save.
#[derive(Clone, Debug)]
pub struct ScanOptions {
    /// The directory that paths are relative to.
    pub base: PathBuf,
    /// Paths under it that belong to the cache; empty: all of it.
    pub paths: Vec<String>,
    /// What is left out, also of what `paths` name: globs of paths relative to the base. `*` stays within one component,
    /// `**` does not; a glob without `/` means a name at any depth.
    pub exclude: Vec<String>,
    /// What is saved beside `paths`, whatever is excluded.
    pub always: Option<String>,
    /// What a restore would refuse is an error, not a warning.
    pub strict: bool,
    /// Directories are saved with the time of their latest file, in place of their own, which also tells of what came and went
    /// in them. So a cache of which a program only makes use stays the same.
    pub content_times: bool,
    /// What was audited: a file or symlink that is not as it was then, or was not there, is an error.
    pub audited: Option<Arc<Audited>>,
}

/// Of a directory without files.
const TIMELESS_NS: i64 = TIMELESS_S * 1_000_000_000;

/// Files and symlinks as an audit saw them, by their paths.
pub type Audited = BTreeMap<String, Seen>;

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
    /// When it began, in nanoseconds since 1970.
    pub(super) begun_ns: i64,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) bytes: u64,
    pub(super) modified_ns: i64,
    /// The kernel's own time of the last change, of whatever kind.
    pub(super) changed_ns: i64,
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl Scan {
    /// Walks the base.
    ///
    /// # Errors
    /// A base or path that is not there or not fit, or paths that are all excluded; what the system says no to (an
    /// unreadable file can be excluded); with `strict`, whatever would be skipped.
    pub fn new(options: &ScanOptions) -> Result<Self, DiskError> {
        let (begun_ns, exclude) = (now_ns(), Exclude::new(&options.exclude, options.always.as_deref())?);
        let paths = chosen(options, &exclude)?;
        let base = Beneath::new(open_base(options)?, Walk::possible());
        let roots = distinct(paths.clone());
        let (mut found, skipped) = walk(Ground { options, base: &base, exclude: &exclude }, &paths, &roots)?;
        if options.content_times || !options.paths.is_empty() {
            give_content_times(&mut found, options, &roots);
        }
        if options.strict && !skipped.is_empty() {
            return Err(DiskError::Refused(skipped));
        }
        Ok(Self { options: options.clone(), base, roots, found, skipped, begun_ns })
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
        self.found.iter().filter_map(|found| Some((found, found.stamp()?)))
    }
}

impl Found {
    /// Of a file.
    pub(super) const fn stamp(&self) -> Option<&Stamp> {
        match &self.kind {
            FoundKind::File(stamp) => Some(stamp),
            FoundKind::Directory | FoundKind::Symlink { .. } => None,
        }
    }

    /// As a tree has it.
    pub(super) fn entry(&self) -> Entry {
        let kind = match &self.kind {
            FoundKind::File(stamp) => EntryKind::File { bytes: stamp.bytes, offset: 0 },
            FoundKind::Directory => EntryKind::Directory,
            FoundKind::Symlink { target } => EntryKind::Symlink { target: target.clone() },
        };
        Entry { path: self.path.clone(), mode: self.mode, modified_ns: self.modified_ns, kind }
    }
}

impl Stamp {
    pub(super) fn of(stat: &Stat) -> Self {
        Self {
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            modified_ns: modified_ns(stat),
            changed_ns: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
            device: stat.st_dev,
            inode: stat.st_ino,
        }
    }
}

fn modified_ns(stat: &Stat) -> i64 {
    nanoseconds(stat.st_mtime, stat.st_mtime_nsec)
}

/// Nanoseconds since 1970; what lies outside of the years 1677 to 2262 becomes their border.
fn nanoseconds(seconds: impl Into<i128>, part: impl Into<i128>) -> i64 {
    let seconds = seconds.into();
    let nanoseconds = seconds * 1_000_000_000 + part.into();
    i64::try_from(nanoseconds).unwrap_or(if seconds < 0 { i64::MIN } else { i64::MAX })
}

/// What is asked for and not excluded, as a tree names it; nothing where all of the base is meant.
fn chosen(options: &ScanOptions, exclude: &Exclude) -> Result<Vec<String>, DiskError> {
    let mut paths = named(&options.paths)?;
    if paths.is_empty() {
        return Ok(paths);
    }
    paths.retain(|path| !exclude.covers(path));
    if paths.is_empty() {
        return Err(DiskError::Excluded(options.base.clone()));
    }
    paths.extend(named(options.always.as_slice())?);
    Ok(paths)
}

/// Gives directories the time of the latest file or symlink below them: all of them, or those that are only on the way to
/// roots. What else comes and goes in them is no change of what is saved.
fn give_content_times(found: &mut [Found], options: &ScanOptions, roots: &[String]) {
    let is_own = |path: &str| !options.content_times && roots.iter().any(|root| is_within(path, root));
    let times = times_of_contents(found);
    for (found, modified_ns) in found.iter_mut().zip(times) {
        if found.kind == FoundKind::Directory && !is_own(&found.path) {
            found.modified_ns = modified_ns;
        }
    }
}

/// The latest time in each entry, of those in the order of paths.
fn times_of_contents(found: &[Found]) -> Vec<i64> {
    let mut latest: BTreeMap<&str, i64> = BTreeMap::new();
    let mut times = Vec::with_capacity(found.len());
    for found in found.iter().rev() {
        let time = match found.kind {
            FoundKind::Directory => latest.remove(&*found.path).unwrap_or(TIMELESS_NS),
            FoundKind::File(_) | FoundKind::Symlink { .. } => found.modified_ns,
        };
        let above = split(&found.path).0;
        latest.entry(above).and_modify(|latest| *latest = time.max(*latest)).or_insert(time);
        times.push(time);
    }
    times.reverse();
    times
}

fn open_base(options: &ScanOptions) -> Result<OwnedFd, DiskError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(&options.base, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::NOENT => DiskError::Missing(options.base.clone()),
        Errno::NOTDIR => DiskError::BaseNotADirectory(options.base.clone()),
        other => DiskError::io(&options.base, other),
    })
}
