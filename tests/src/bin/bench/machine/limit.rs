//! The physical limit of a restore: a loop that does only the system calls that cannot be avoided.

use crate::BenchError;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, Timespec, Timestamps, futimens, open, openat};
use rustix::io::write;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::num::NonZero;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{available_parallelism, scope};

/// Makes a new file, and opens nothing that is there.
const MAKE: OFlags = OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL);

/// The files of a tree, in memory.
#[derive(Debug, Default)]
pub(crate) struct Limit {
    /// Parents before children.
    folders: Vec<Folder>,
}

#[derive(Debug)]
struct Folder {
    relative: PathBuf,
    files: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    name: OsString,
    mode: u32,
    modified: Timespec,
    bytes: Vec<u8>,
}

impl Limit {
    /// Reads a tree; links are left out.
    pub(crate) fn read(directory: &Path) -> io::Result<Self> {
        let mut limit = Self::default();
        limit.add(directory, PathBuf::new())?;
        Ok(limit)
    }

    /// Regular files.
    pub(crate) fn files(&self) -> usize {
        self.folders.iter().map(|folder| folder.files.len()).sum()
    }

    /// Writes everything into a new directory, with a thread for every core, each folder by one of them.
    pub(crate) fn write(&self, target: &Path) -> Result<(), BenchError> {
        for folder in &self.folders {
            fs::create_dir(target.join(&folder.relative))?;
        }
        let next = AtomicUsize::new(0);
        let threads = available_parallelism().map_or(1, NonZero::get);
        let ends: Vec<io::Result<()>> = scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| self.work(target, &next))).collect();
            workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
        });
        if ends.len() != threads {
            return Err(BenchError::step("writing from memory", "a thread died"));
        }
        Ok(ends.into_iter().collect::<io::Result<()>>()?)
    }

    fn add(&mut self, base: &Path, relative: PathBuf) -> io::Result<()> {
        let mut files = Vec::new();
        let mut folders = Vec::new();
        for entry in fs::read_dir(base.join(&relative))? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                folders.push(relative.join(entry.file_name()));
            } else if metadata.is_file() {
                let modified = Timespec { tv_sec: metadata.mtime(), tv_nsec: metadata.mtime_nsec() };
                let (name, bytes) = (entry.file_name(), fs::read(entry.path())?);
                files.push(Held { name, mode: metadata.mode() & 0o777, modified, bytes });
            }
        }
        self.folders.push(Folder { relative, files });
        folders.into_iter().try_for_each(|folder| self.add(base, folder))
    }

    /// Takes folder after folder until none is left.
    fn work(&self, target: &Path, next: &AtomicUsize) -> io::Result<()> {
        while let Some(folder) = self.folders.get(next.fetch_add(1, Ordering::Relaxed)) {
            let directory = open(target.join(&folder.relative), OFlags::DIRECTORY, Mode::empty())?;
            for held in &folder.files {
                let file = openat(&directory, &held.name, MAKE, Mode::from_raw_mode(held.mode))?;
                held.fill(&file)?;
            }
        }
        Ok(())
    }
}

impl Held {
    fn fill(&self, file: &OwnedFd) -> io::Result<()> {
        let mut rest = self.bytes.as_slice();
        while !rest.is_empty() {
            rest = rest.get(write(file, rest)?..).unwrap_or_default();
        }
        let times = Timestamps { last_access: self.modified, last_modification: self.modified };
        Ok(futimens(file, &times)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_tests::{Listing, sample_tree};

    #[test]
    fn what_is_written_is_what_was_read() {
        let work = tempfile::tempdir().unwrap();
        let (input, first, second) = (work.path().join("a"), work.path().join("b"), work.path().join("c"));
        sample_tree(&input, "limit").unwrap();
        // Links are left out: so the second copy is compared with the first.
        Limit::read(&input).unwrap().write(&first).unwrap();
        let limit = Limit::read(&first).unwrap();
        assert_eq!(limit.files(), Limit::read(&input).unwrap().files());
        limit.write(&second).unwrap();
        Listing::of(&first).unwrap().same_as(&Listing::of(&second).unwrap()).unwrap();
        let bytes = Listing::of(&input).unwrap().bytes();
        assert_eq!(Listing::of(&first).unwrap().bytes(), bytes);
    }
}
