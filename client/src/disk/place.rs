//! A directory in which files are read, removed and written anew, beneath it and nowhere else: no link leads out of it,
//! whatever other processes do meanwhile.
use super::beneath::{Beneath, Walk, split};
use rustix::{
    fs::{AtFlags, Mode, OFlags, Timespec, Timestamps, futimens, mkdirat, open, renameat, unlinkat},
    io::Errno,
};
use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

/// Any fixed time will do: the first of 1980, the earliest that archives of all kinds can name, in seconds since 1970.
pub(super) const TIMELESS_S: i64 = 315_532_800;
const TIMELESS: Timespec = Timespec { tv_sec: TIMELESS_S, tv_nsec: 0 };

/// The directory.
#[derive(Debug)]
pub struct Place(Beneath);

impl Place {
    /// Opens a directory. That its own path leads over links is its owner's matter.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(Beneath::new(open(path, flags, Mode::empty())?, Walk::possible())))
    }

    /// Opens a directory that is none of a link's making: its last component is no link.
    ///
    /// # Errors
    /// What the system says.
    pub fn open_own(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(Beneath::new(open(path, flags, Mode::empty())?, Walk::possible())))
    }

    /// Removes a file, or a link, at a path relative to it. What is not there is gone already.
    ///
    /// # Errors
    /// What the system says; a link on the way.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        let (way, name) = split(path);
        let removed = self.0.open_dir(way).and_then(|dir| unlinkat(dir, name, AtFlags::empty()));
        match removed {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Reads a regular file of at most so many bytes; a link, a pipe or a device is an error at once.
    ///
    /// # Errors
    /// What the system says; what is no regular file, or too long.
    pub fn read(&self, path: &str, bytes_max: usize) -> io::Result<Vec<u8>> {
        let file = File::from(self.0.open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let mut bytes = Vec::new();
        let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
        file.take(limit).read_to_end(&mut bytes)?;
        if bytes.len() > bytes_max {
            return Err(io::Error::other(format!("longer than {bytes_max} bytes")));
        }
        Ok(bytes)
    }

    /// Writes a file anew, beside it first: who reads it meanwhile sees one or the other, and a link that is there is not
    /// written through.
    ///
    /// # Errors
    /// What the system says; then nothing new is left.
    pub fn replace(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.put(path, bytes, None)
    }

    /// The same with times that are always the same, so that a save has the same file where the bytes are the same.
    ///
    /// # Errors
    /// As [`Self::replace`].
    pub fn replace_timeless(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.put(path, bytes, Some(Timestamps { last_access: TIMELESS, last_modification: TIMELESS }))
    }

    /// Makes the directories on the way to a path, where they are missing.
    ///
    /// # Errors
    /// What the system says; a link on the way.
    pub fn make_way(&self, path: &str) -> io::Result<()> {
        let ends = path.match_indices('/').map(|(end, _)| end);
        for way in ends.filter_map(|end| path.get(..end)) {
            let (above, name) = split(way);
            match mkdirat(self.0.open_dir(above)?, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    fn put(&self, path: &str, bytes: &[u8], times: Option<Timestamps>) -> io::Result<()> {
        let (way, name) = split(path);
        let dir = self.0.open_dir(way)?;
        let beside = format!("{name}.pollux-new");
        match unlinkat(&dir, beside.as_str(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o666);
        let mut file = File::from(rustix::fs::openat(&dir, beside.as_str(), flags, mode)?);
        let written = file.write_all(bytes);
        let written = written.and_then(|()| Ok(times.map_or(Ok(()), |times| futimens(&file, &times))?));
        written.and_then(|()| Ok(renameat(&dir, beside.as_str(), &dir, name)?)).inspect_err(|_| {
            unlinkat(&dir, beside.as_str(), AtFlags::empty()).unwrap_or_default();
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn nothing_outside_is_touched() {
        let directory = tempfile::tempdir().unwrap();
        let (inside, outside) = (directory.path().join("in"), directory.path().join("out"));
        fs::create_dir_all(inside.join("deep")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "precious").unwrap();
        symlink(&outside, inside.join("link")).unwrap();
        symlink(outside.join("file"), inside.join("deep/file")).unwrap();
        let place = Place::open(&inside).unwrap();
        for path in ["link/file", "../out/file", "deep/../../out/file", "deep/file/x"] {
            assert!(place.remove(path).is_err(), "{path}");
            assert!(place.replace(path, b"x").is_err(), "{path}");
            assert!(place.read(path, 100).is_err(), "{path}");
        }
        assert!(place.read("deep/file", 100).is_err(), "a link is not read through");
        place.replace("deep/file", b"new").unwrap();
        place.replace_timeless("deep/file", b"new").unwrap();
        let first = fs::metadata(inside.join("deep/file")).unwrap().modified().unwrap();
        place.replace_timeless("deep/file", b"new").unwrap();
        assert_eq!(fs::metadata(inside.join("deep/file")).unwrap().modified().unwrap(), first);
        assert_eq!(place.read("deep/file", 3).unwrap(), b"new");
        assert!(place.read("deep/file", 2).is_err());
        place.remove("link").unwrap();
        place.remove("nowhere").unwrap();
        place.remove("no/where").unwrap();
        assert_eq!(fs::read(outside.join("file")).unwrap(), b"precious");
        assert!(!inside.join("link").is_symlink());
    }

    #[test]
    fn a_way_is_made_beneath_it_and_over_no_link() {
        let directory = tempfile::tempdir().unwrap();
        let (inside, outside) = (directory.path().join("in"), directory.path().join("out"));
        fs::create_dir(&inside).unwrap();
        fs::create_dir(&outside).unwrap();
        symlink(&outside, inside.join("link")).unwrap();
        let place = Place::open(&inside).unwrap();
        for _ in 0..2 {
            place.make_way("a/b/file").unwrap();
        }
        assert!(inside.join("a/b").is_dir() && !inside.join("a/b/file").exists());
        assert!(place.make_way("link/b/file").is_err() && place.make_way("../out/b/file").is_err());
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    }

    #[test]
    fn what_cannot_be_put_in_place_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("busy/x")).unwrap();
        let place = Place::open(directory.path()).unwrap();
        assert!(place.replace("busy", b"x").is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_pipe_is_no_file_and_nobody_waits_for_it() {
        let directory = tempfile::tempdir().unwrap();
        let mode = Mode::from_raw_mode(0o600);
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, directory.path().join("pipe"), kind, mode, 0).unwrap();
        assert!(Place::open(directory.path()).unwrap().read("pipe", 100).is_err());
    }
}
