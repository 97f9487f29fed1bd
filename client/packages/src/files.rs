//! The files below a directory, bounded: names are listed once, bytes are read when somebody wants them.
//!
//! Paths are relative to the directory, their components joined by `/`. Symlinks are listed apart and never followed: what a
//! cache points at elsewhere is not in it. What is neither file, directory nor symlink is left out.

use crate::digest::{Algorithm, Digest};
use crate::effort::{Effort, Limits, Spent, Unpacking};
use rustix::fs::{Mode, OFlags, open};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// The list of packages at the base, which is ours and of no program.
pub const LIST_NAME: &str = ".pollux-packages.json";
/// Files at most: as many entries as a tree may have.
pub const FILES_MAX: usize = 2_000_000;
/// Bytes of all their names at most: those of a cache with that many files are half as long.
const NAMES_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Directories in directories at most.
const DEPTH_MAX: usize = 64;
/// Bytes of one file of metadata at most: the index entry of the largest package of any registry is a tenth of it.
pub const METADATA_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Threads that hash: more of them wait for the disk.
const THREADS_MAX: usize = 8;
/// What is hashed at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// Why a directory or a file of it is not read.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The system says no.
    #[error("{path}: {source}")]
    Io {
        /// What was to be read.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// See [`FILES_MAX`].
    #[error("more than {FILES_MAX} files")]
    TooMany,
    /// Somebody writes to it, or has put another in its place, while it is looked at.
    #[error("{path}: it changed while it was looked at")]
    Changed {
        /// Which file.
        path: String,
    },
    /// The names of all files are longer than anything keeps.
    #[error("the names of the files are longer than {NAMES_BYTES_MAX} bytes")]
    NamesTooLong,
    /// All files together are longer than whoever asks wants to look at.
    #[error("{bytes} bytes lie there, and more than {bytes_max} are not looked at")]
    TooMuch {
        /// How long they are.
        bytes: u64,
        /// How long they may be.
        bytes_max: u64,
    },
    /// It is longer than anything of its kind.
    #[error("{path}: longer than {bytes_max} bytes")]
    TooLong {
        /// Which file.
        path: String,
        /// How long it may be.
        bytes_max: u64,
    },
}

/// What tells that a file is still the one that was listed, and was not written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How long it is.
    pub bytes: u64,
    /// The kernel's own time of the last change, of whatever kind: seconds and nanoseconds since 1970.
    pub changed: (i64, i64),
    /// The file system.
    pub device: u64,
    /// Which file of it.
    pub inode: u64,
}

impl Seen {
    fn of(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// What is below a directory.
#[derive(Debug, Default)]
pub struct Files {
    base: PathBuf,
    files: BTreeMap<String, Seen>,
    links: BTreeMap<String, Seen>,
    unread: Vec<String>,
    /// So many bytes may further names have.
    names_left: usize,
    effort: Effort,
}

impl Files {
    /// Lists what is below some paths of a directory, `""` for all of it; a path that is not there is empty.
    ///
    /// # Errors
    /// A directory that cannot be read, or too many files.
    pub fn below<S: AsRef<str>>(base: &Path, paths: &[S]) -> Result<Self, FilesError> {
        let mut files = Self { base: base.to_owned(), names_left: NAMES_BYTES_MAX, ..Self::default() };
        for path in paths {
            if files.is_to_be_entered(path.as_ref()) {
                files.enter(path.as_ref(), 0)?;
            }
        }
        Ok(files)
    }

    /// A link that a path leads through, or is, is listed as one, and not followed; a file is listed.
    fn is_to_be_entered(&mut self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for way in ends.filter_map(|end| path.get(..end)).filter(|way| !way.is_empty()) {
            let Ok(metadata) = fs::symlink_metadata(self.base.join(way)) else { return true };
            if metadata.is_symlink() || (metadata.is_file() && way == path) {
                self.list(metadata.is_symlink(), way.to_owned(), Seen::of(&metadata));
                return false;
            }
        }
        true
    }

    fn enter(&mut self, path: &str, depth: usize) -> Result<(), FilesError> {
        let error = |source| FilesError::Io { path: path.to_owned(), source };
        let entries = match fs::read_dir(self.base.join(path)) {
            Ok(entries) => entries,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound && depth == 0 => return Ok(()),
            Err(other) => return Err(error(other)),
        };
        for entry in entries {
            let entry = entry.map_err(error)?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|_| depth < DEPTH_MAX) else {
                let unread = format!("{path}/{}", name.to_string_lossy());
                self.count(&unread)?;
                self.unread.push(unread);
                continue;
            };
            let below = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            let kind = entry.file_type().map_err(error)?;
            if !kind.is_dir() {
                self.count(&below)?;
            }
            if kind.is_dir() {
                self.enter(&below, depth + 1)?;
            } else if kind.is_symlink() || (kind.is_file() && below != LIST_NAME) {
                let seen = Seen::of(&entry.metadata().map_err(error)?);
                self.list(kind.is_symlink(), below, seen);
            }
        }
        Ok(())
    }

    fn list(&mut self, is_link: bool, path: String, seen: Seen) {
        let listed = if is_link { &mut self.links } else { &mut self.files };
        listed.insert(path, seen);
    }

    /// One more name is to be kept.
    fn count(&mut self, name: &str) -> Result<(), FilesError> {
        if self.files.len() + self.links.len() + self.unread.len() >= FILES_MAX {
            return Err(FilesError::TooMany);
        }
        self.names_left = self.names_left.checked_sub(name.len()).ok_or(FilesError::NamesTooLong)?;
        Ok(())
    }

    /// The same, if all files together are not longer than that.
    ///
    /// # Errors
    /// They are.
    pub fn at_most(self, bytes_max: u64) -> Result<Self, FilesError> {
        let bytes = self.bytes();
        if bytes > bytes_max { Err(FilesError::TooMuch { bytes, bytes_max }) } else { Ok(self) }
    }

    /// Reads no more than this, in place of what is usual.
    #[must_use]
    pub fn within(self, limits: Limits) -> Self {
        Self { effort: Effort::within(limits), ..self }
    }

    /// Stops reading when this is set: every file after that is an error, and one that is being hashed has no digest.
    #[must_use]
    pub fn stop_when(mut self, flag: Arc<AtomicBool>) -> Self {
        self.effort.stop_when(flag);
        self
    }

    /// Whether reading was stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.effort.is_stopped()
    }

    /// Whether there was more metadata than is read.
    #[must_use]
    pub fn has_unread_metadata(&self) -> bool {
        self.effort.has_unread()
    }

    /// Counts what is unpacked of an archive. If it is not all of a file, its length is given.
    pub(crate) fn unpacking(&self, archive: &str, packed_bytes: Option<u64>) -> Unpacking<'_> {
        let packed = packed_bytes.or_else(|| self.bytes_of(archive));
        self.effort.unpacking(packed.unwrap_or_default())
    }

    /// Digests of what a reader gives, in the order of the algorithms.
    pub(crate) fn hash(
        &self,
        algorithms: &[Algorithm],
        reader: impl Read,
        buffer: &mut [u8],
    ) -> io::Result<Vec<Digest>> {
        Digest::of_reader(algorithms, &mut self.effort.hashing(reader), buffer)
    }

    /// The directory.
    #[must_use]
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// Every file with its length, in the order of paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.files.iter().map(|(path, seen)| (path.as_str(), seen.bytes))
    }

    /// The files below a path of the directory, `""` for all.
    pub fn under<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let rest = self.files.range(prefix.clone()..);
        rest.take_while(move |(path, _)| path.starts_with(&prefix))
            .map(|(path, seen)| (path.as_str(), seen.bytes))
    }

    /// The symlinks below a path of the directory, `""` for all.
    pub fn links_under<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let rest = self.links.range(prefix.clone()..);
        rest.take_while(move |(path, _)| path.starts_with(&prefix)).map(|(path, _)| path.as_str())
    }

    /// The symlinks that a path is, or leads through.
    pub fn links_above<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        ends.filter_map(|end| Some(self.links.get_key_value(path.get(..end)?)?.0.as_str()))
    }

    /// Whether something is at a path that is not read, for it is a symlink or lies behind one.
    #[must_use]
    pub fn is_behind_link(&self, path: &str) -> bool {
        self.links_above(path).next().is_some()
    }

    /// Files and symlinks below a path of the directory: what goes when it does.
    pub fn all_under<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        self.under(path).map(|(path, _)| path).chain(self.links_under(path))
    }

    /// Whether a file is there.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Whether there is a file below a path.
    #[must_use]
    pub fn has_directory(&self, path: &str) -> bool {
        self.under(path).next().is_some()
    }

    /// How long a file is.
    #[must_use]
    pub fn bytes_of(&self, path: &str) -> Option<u64> {
        self.files.get(path).map(|seen| seen.bytes)
    }

    /// Symlinks, which nobody followed.
    pub fn links(&self) -> impl Iterator<Item = &str> {
        self.links.keys().map(String::as_str)
    }

    /// What has a name that is no text, or lies too deep.
    #[must_use]
    pub fn unread(&self) -> &[String] {
        &self.unread
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|seen| seen.bytes).fold(0, u64::saturating_add)
    }

    /// Files and symlinks, as they were when they were listed.
    pub fn seen(&self) -> impl Iterator<Item = (&str, Seen)> {
        self.files.iter().chain(&self.links).map(|(path, seen)| (path.as_str(), *seen))
    }

    /// Opens what was listed, and nothing that took its place.
    fn open(&self, path: &str) -> Result<File, FilesError> {
        if self.is_stopped() {
            return Err(FilesError::Io { path: path.to_owned(), source: Spent::Interrupted.into() });
        }
        let error = |source| FilesError::Io { path: path.to_owned(), source };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = open(self.base.join(path), flags, Mode::empty());
        let file = opened.map(File::from).map_err(|errno| error(errno.into()))?;
        let now = Seen::of(&file.metadata().map_err(error)?);
        if self.files.get(path) == Some(&now) {
            Ok(file)
        } else {
            Err(FilesError::Changed { path: path.to_owned() })
        }
    }

    /// A file of metadata, whole.
    ///
    /// # Errors
    /// What the system says; more than [`METADATA_BYTES_MAX`].
    pub fn read(&self, path: &str) -> Result<Vec<u8>, FilesError> {
        let mut bytes = Vec::new();
        let listed = self.bytes_of(path).unwrap_or_default().min(METADATA_BYTES_MAX);
        let spent = |spent: Spent| FilesError::Io { path: path.to_owned(), source: spent.into() };
        self.effort.read(listed).map_err(spent)?;
        let mut file = self.open(path)?.take(METADATA_BYTES_MAX + 1);
        file.read_to_end(&mut bytes).map_err(|source| FilesError::Io { path: path.to_owned(), source })?;
        if u64::try_from(bytes.len()).is_ok_and(|bytes| bytes > METADATA_BYTES_MAX) {
            return Err(FilesError::TooLong { path: path.to_owned(), bytes_max: METADATA_BYTES_MAX });
        }
        Ok(bytes)
    }

    /// A file of metadata that is text; bytes that are none are replaced.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_text(&self, path: &str) -> Result<String, FilesError> {
        Ok(String::from_utf8_lossy(&self.read(path)?).into_owned())
    }

    /// A file to be read in pieces, such as an archive of which only a part is wanted.
    ///
    /// # Errors
    /// What the system says.
    pub fn reader(&self, path: &str) -> Result<File, FilesError> {
        self.open(path)
    }

    /// Digests of many files, each read once, by a few threads. A file that cannot be read has none.
    #[must_use]
    pub fn digests(
        &self,
        wanted: &BTreeMap<&str, BTreeSet<Algorithm>>,
    ) -> BTreeMap<(String, Algorithm), Digest> {
        let work: Vec<(&str, Vec<Algorithm>)> =
            wanted.iter().map(|(path, algorithms)| (*path, algorithms.iter().copied().collect())).collect();
        let next = AtomicUsize::new(0);
        let count = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX).min(work.len());
        thread::scope(|scope| {
            let hands: Vec<_> = (0..count).map(|_| scope.spawn(|| self.hash_some(&work, &next))).collect();
            let made = hands.into_iter().filter_map(|hand| hand.join().ok());
            made.flatten().collect()
        })
    }

    fn hash_some(
        &self,
        work: &[(&str, Vec<Algorithm>)],
        next: &AtomicUsize,
    ) -> Vec<((String, Algorithm), Digest)> {
        let (mut made, mut buffer) = (Vec::new(), vec![0; BUFFER_BYTES]);
        while let Some((path, algorithms)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
            let digests = self.open(path).ok().and_then(|file| self.hash(algorithms, file, &mut buffer).ok());
            let named = algorithms.iter().zip(digests.into_iter().flatten());
            made.extend(named.map(|(algorithm, digest)| (((*path).to_owned(), *algorithm), digest)));
        }
        made
    }
}

#[cfg(test)]
mod tests;
