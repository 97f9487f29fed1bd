//! Small text files that are handed from one machine to another: statements, grants, signed manifests. Read within a
//! bound, and only from a regular file; written for their owner only, and never over what is there unless asked to.

use rustix::fs::{Mode, OFlags, open};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why a text file is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum TextFileError {
    /// The system says no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A pipe, a device or a directory: reading it could last for ever.
    #[error("{path}: not a regular file")]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// It is longer than anything honest.
    #[error("{path}: longer than the {bytes_max} bytes that such a file has at most")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit.
        bytes_max: usize,
    },
    /// Its bytes are no text.
    #[error("{path}: no text")]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// Something has this name already.
    #[error("{path}: is there already")]
    Exists {
        /// The file.
        path: PathBuf,
    },
}

/// What happens to a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is written.
    Keep,
    /// Another takes its place, as a whole.
    Replace,
}

/// Reads a text of at most `bytes_max` bytes from a regular file.
///
/// # Errors
/// What is no regular file, is longer, is no UTF-8, or cannot be read.
pub fn read(path: &Path, bytes_max: usize) -> Result<String, TextFileError> {
    let io = io_error(path);
    // To open a pipe could last for ever, to open a terminal could take it over.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(open(path, flags, Mode::empty()).map_err(|errno| io(errno.into()))?);
    if !file.metadata().map_err(&io)?.is_file() {
        return Err(TextFileError::NotAFile { path: path.to_owned() });
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(&io)?;
    if bytes.len() > bytes_max {
        return Err(TextFileError::TooLong { path: path.to_owned(), bytes_max });
    }
    String::from_utf8(bytes).map_err(|_| TextFileError::NotText { path: path.to_owned() })
}

/// Writes a text to a file that only its owner can read (mode 0600); whole or not at all.
///
/// # Errors
/// A file that is there already, unless it may be replaced, or that cannot be written.
pub fn write(path: &Path, text: &str, existing: Existing) -> Result<(), TextFileError> {
    match existing {
        Existing::Keep => write_new(path, text),
        Existing::Replace => {
            let beside = beside(path);
            write_new(&beside, text)?;
            fs::rename(&beside, path).map_err(|source| {
                drop(fs::remove_file(&beside));
                io_error(path)(source)
            })
        }
    }
}

/// Whether a file could be written there, as far as that can be told before there is anything to write.
///
/// # Errors
/// As [`write()`].
pub fn check_free(path: &Path, existing: Existing) -> Result<(), TextFileError> {
    if existing == Existing::Keep && path.symlink_metadata().is_ok() {
        return Err(TextFileError::Exists { path: path.to_owned() });
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if parent.is_dir() { Ok(()) } else { Err(io_error(path)(io::ErrorKind::NotFound.into())) }
}

fn write_new(path: &Path, text: &str) -> Result<(), TextFileError> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = opened.map_err(|source| {
        let exists = source.kind() == io::ErrorKind::AlreadyExists;
        if exists { TextFileError::Exists { path: path.to_owned() } } else { io_error(path)(source) }
    })?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|source| {
        // Half of it is worse than nothing.
        drop(fs::remove_file(path));
        io_error(path)(source)
    })
}

/// A name of this process's own, in the same directory.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> TextFileError {
    |source| TextFileError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};

    #[test]
    fn what_is_written_is_for_its_owner_only_and_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("text");
        write(&path, "words", Existing::Keep).unwrap();
        assert_eq!(read(&path, 5).unwrap(), "words");
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
    }

    #[test]
    fn what_is_there_stays_unless_it_is_to_go() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("text"), directory.path().join("link"));
        fs::write(&path, "old").unwrap();
        symlink(&path, &link).unwrap();
        for there in [&path, &link] {
            assert!(matches!(write(there, "new", Existing::Keep), Err(TextFileError::Exists { .. })));
            assert!(matches!(check_free(there, Existing::Keep), Err(TextFileError::Exists { .. })));
            check_free(there, Existing::Replace).unwrap();
        }
        write(&link, "new", Existing::Replace).unwrap();
        assert_eq!((read(&path, 9).unwrap().as_str(), read(&link, 9).unwrap().as_str()), ("old", "new"));
        assert_eq!(link.symlink_metadata().unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "no litter");
    }

    #[test]
    fn a_directory_that_is_not_there_is_told_before_there_is_anything_to_write() {
        assert!(check_free(Path::new("/nowhere/text"), Existing::Keep).is_err());
        check_free(Path::new("text-that-is-not-there"), Existing::Keep).unwrap();
    }

    #[test]
    fn what_is_no_short_text_is_refused_without_waiting() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("text");
        fs::write(&path, [0xff; 8]).unwrap();
        assert!(matches!(read(&path, 8), Err(TextFileError::NotText { .. })));
        assert!(matches!(read(&path, 7), Err(TextFileError::TooLong { bytes_max: 7, .. })));
        let pipe = directory.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        for path in [&pipe, Path::new("/dev/zero"), directory.path()] {
            assert!(matches!(read(path, 8), Err(TextFileError::NotAFile { .. })), "{path:?}");
        }
        assert!(matches!(read(&directory.path().join("none"), 8), Err(TextFileError::Io { .. })));
    }
}
