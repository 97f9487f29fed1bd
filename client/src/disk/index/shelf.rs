//! Where indexes lie: `$XDG_CACHE_HOME/pollux/index`, or `~/.cache/pollux/index`, one file for each directory that is saved. Only
//! what nobody but this user can have written is read, and of that only what the same key has signed: a job without the key
//! that ran as this user before cannot make a save say that a file is what it is not.

use super::{Index, is_local};
use crate::disk::Scan;
use crate::disk::scan::ScanOptions;
use pollux_core::{ChunkId, KeyPair};
use rustix::fs::{Mode, OFlags, fstat, open};
use rustix::process::geteuid;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Indexes of a user at most; the oldest go.
const INDEXES_MAX: usize = 16;
/// Read and written by its owner.
const OWN: u32 = 0o600;
/// What others must not be able to do.
const OTHERS_WRITE: u32 = 0o022;

/// A directory of indexes, and the key that signs them.
#[derive(Clone, Debug)]
pub struct Shelf {
    directory: PathBuf,
    key: KeyPair,
}

impl Shelf {
    /// In this directory, which need not be there.
    #[must_use]
    pub const fn new(directory: PathBuf, key: KeyPair) -> Self {
        Self { directory, key }
    }

    /// This user's directory, by the environment that `var` reads; none where it does not say.
    #[must_use]
    pub fn directory_of_user(var: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
        let absolute = |path: PathBuf| path.is_absolute().then_some(path);
        let cache = var("XDG_CACHE_HOME").and_then(absolute);
        let cache = cache.or_else(|| Some(var("HOME").and_then(absolute)?.join(".cache")))?;
        Some(cache.join("pollux/index"))
    }

    /// The index of what is to be saved, if there is one that can be believed.
    #[must_use]
    pub(crate) fn take(&self, scan: &Scan) -> Option<Index> {
        if !is_local(&scan.base) {
            return None;
        }
        let bytes = read_own(&self.file(&scan.options)?).ok()?;
        Index::decode(&bytes, &self.key)
    }

    /// Keeps one in the place of what was there. What cannot be kept is not: the next save reads everything.
    pub(crate) fn put(&self, options: &ScanOptions, index: &Index) -> io::Result<()> {
        let Some(file) = self.file(options) else { return Ok(()) };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        if fs::symlink_metadata(&self.directory)?.is_symlink() {
            return Err(io::Error::other("the directory of indexes is a symlink"));
        }
        let new = file.with_extension(format!("new-{}", std::process::id()));
        let written = write_own(&new, &index.encode(&self.key)).and_then(|()| fs::rename(&new, &file));
        if written.is_err() {
            drop(fs::remove_file(&new));
        }
        self.forget_oldest();
        written
    }

    /// A name for what is saved: which directory, which paths of it, without what.
    fn file(&self, options: &ScanOptions) -> Option<PathBuf> {
        let base = fs::canonicalize(&options.base).ok()?;
        let mut named = base.as_os_str().as_bytes().to_vec();
        for (kind, texts) in [(1, &options.paths), (2, &options.exclude)] {
            texts.iter().for_each(|text| named.extend([&[0, kind], text.as_bytes()].concat()));
        }
        Some(self.directory.join(name_of(&named)))
    }

    fn forget_oldest(&self) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        let age = |entry: fs::DirEntry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()));
        let own = entries.flatten().filter(|entry| is_name(&entry.file_name()));
        let mut files: Vec<(SystemTime, PathBuf)> = own.filter_map(age).collect();
        files.sort();
        let more = files.len().saturating_sub(INDEXES_MAX);
        files.iter().take(more).for_each(|(_, path)| drop(fs::remove_file(path)));
    }
}

fn name_of(saved: &[u8]) -> String {
    ChunkId::of(saved).to_string().chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Whether this is how an index is called, or one that is being written.
fn is_name(name: &OsStr) -> bool {
    let name = name.to_str().unwrap_or_default();
    let name = name.split_once(".new-").map_or(name, |(name, _)| name);
    name.len() == name_of(&[]).len() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A regular file of this user's that nobody else can write to.
fn read_own(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::empty())?;
    let stat = fstat(&file)?;
    let is_file = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file();
    if !is_file || stat.st_uid != geteuid().as_raw() || stat.st_mode & OTHERS_WRITE != 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut bytes = Vec::new();
    File::from(file).take(Index::bytes_max()).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn write_own(path: &Path, bytes: &[u8]) -> io::Result<()> {
    File::options().write(true).create_new(true).mode(OWN).open(path)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn options(base: &Path, exclude: &[&str]) -> ScanOptions {
        let exclude = exclude.iter().map(|text| (*text).to_owned()).collect();
        ScanOptions {
            base: base.to_owned(),
            paths: Vec::new(),
            exclude,
            always: None,
            strict: false,
            content_times: false,
            audited: None,
        }
    }

    fn scanned(base: &Path) -> Scan {
        Scan::new(&options(base, &[])).unwrap()
    }

    fn index(scan: &Scan) -> Index {
        let entries = scan.found.iter().map(crate::disk::scan::Found::entry).collect();
        Index::new(scan, pollux_core::Tree::new(scan.roots.clone(), entries, Vec::new()).unwrap())
    }

    fn some() -> (tempfile::TempDir, Shelf, Scan) {
        let work = tempfile::tempdir().unwrap();
        let base = work.path().join("base");
        fs::create_dir(&base).unwrap();
        fs::write(base.join("empty"), b"").unwrap();
        let shelf = Shelf::new(work.path().join("cache/pollux"), KeyPair::from_seed([1; 32]));
        let scan = scanned(&base);
        (work, shelf, scan)
    }

    #[test]
    fn what_is_put_is_there_for_the_same_and_for_nothing_else() {
        let (work, shelf, scan) = some();
        assert_eq!(shelf.take(&scan), None);
        shelf.put(&scan.options, &index(&scan)).unwrap();
        assert_eq!(shelf.take(&scan), Some(index(&scan)));
        let other = Scan::new(&options(&scan.options.base, &["*.log"])).unwrap();
        assert_eq!(shelf.take(&other), None);
        let again = shelf.put(&scan.options, &index(&scan));
        assert!(again.is_ok() && fs::read_dir(&shelf.directory).unwrap().count() == 1, "{work:?}");
    }

    #[test]
    fn what_others_may_have_written_is_not_read() {
        let (work, shelf, scan) = some();
        shelf.put(&scan.options, &index(&scan)).unwrap();
        let file = shelf.file(&scan.options).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o620)).unwrap();
        assert_eq!(shelf.take(&scan), None);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(shelf.take(&scan).is_some());
        let moved = work.path().join("moved");
        fs::rename(&file, &moved).unwrap();
        symlink(&moved, &file).unwrap();
        assert_eq!(shelf.take(&scan), None);
    }

    #[test]
    fn garbage_is_no_index_and_is_replaced() {
        let (_work, shelf, scan) = some();
        shelf.put(&scan.options, &index(&scan)).unwrap();
        let file = shelf.file(&scan.options).unwrap();
        fs::write(&file, b"garbage").unwrap();
        assert_eq!(shelf.take(&scan), None);
        shelf.put(&scan.options, &index(&scan)).unwrap();
        assert!(shelf.take(&scan).is_some());
    }

    #[test]
    fn the_oldest_goes_for_the_newest() {
        let (_work, shelf, scan) = some();
        let put = |number: usize| {
            let options = options(&scan.options.base, &[&format!("no-{number}")]);
            shelf.put(&options, &index(&scan)).unwrap();
            shelf.file(&options).unwrap()
        };
        let mut files: Vec<PathBuf> = (0..INDEXES_MAX).map(put).collect();
        File::open(&files[7]).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let foreign = shelf.directory.join("foreign");
        File::create(&foreign).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        files.push(put(INDEXES_MAX));
        assert!(foreign.exists());
        let gone: Vec<usize> = (0..files.len()).filter(|place| !files[*place].exists()).collect();
        assert_eq!(gone, [7]);
    }

    #[test]
    fn nothing_is_put_where_a_symlink_leads() {
        let (work, shelf, scan) = some();
        fs::create_dir_all(work.path().join("cache")).unwrap();
        fs::create_dir(work.path().join("elsewhere")).unwrap();
        symlink(work.path().join("elsewhere"), &shelf.directory).unwrap();
        assert!(shelf.put(&scan.options, &index(&scan)).is_err());
        assert_eq!(fs::read_dir(work.path().join("elsewhere")).unwrap().count(), 0);
    }

    #[test]
    fn it_is_where_caches_of_users_are() {
        let of = |xdg: Option<&str>, home: Option<&str>| {
            Shelf::directory_of_user(|name| if name == "HOME" { home } else { xdg }.map(PathBuf::from))
        };
        assert_eq!(of(Some("/c"), Some("/h")), Some("/c/pollux/index".into()));
        assert_eq!(of(Some("relative"), Some("/h")), Some("/h/.cache/pollux/index".into()));
        assert_eq!((of(None, Some("")), of(None, None)), (None, None));
    }
}
