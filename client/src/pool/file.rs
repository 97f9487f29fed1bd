//! Pool files, and files like them, on disk: never half written, and the former is kept.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Files that are kept beside a pool file at most, of one version.
const FORMERS_MAX: u32 = 100;

/// Why a file is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system says no.
    #[error("{path}: {source}")]
    Io {
        /// To what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else wrote it meanwhile.
    #[error("{0}: somebody has changed it meanwhile; nothing is written")]
    Changed(PathBuf),
}

/// Where a file's former content is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The copy of what was there.
    pub former: PathBuf,
}

/// What the system says of a path.
pub(super) fn io_error(path: &Path) -> impl Fn(io::Error) -> FileError {
    |source| FileError::Io { path: path.to_owned(), source }
}

/// Writes a file that is not there yet, whole or not at all.
///
/// # Errors
/// A file that is there, or cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let io = io_error(path);
    let beside = beside(path, bytes)?;
    // A link is refused where something is; a rename would take its place.
    let linked = fs::hard_link(&beside, path);
    drop(fs::remove_file(&beside));
    linked.map_err(&io)?;
    sync_directory(path).map_err(io)
}

/// Writes a file at once, over what may be there.
///
/// # Errors
/// A file that cannot be written.
pub fn rewrite(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let io = io_error(path);
    fs::rename(beside(path, bytes)?, path).map_err(&io)?;
    sync_directory(path).map_err(io)
}

/// Puts `bytes` in the place of `before` at once, and keeps what was there as `PATH.LABEL`.
///
/// # Errors
/// A file that is not what it was, or cannot be read or written. Then it stays as it is.
pub fn replace(path: &Path, before: &[u8], bytes: &[u8], label: &str) -> Result<Replaced, FileError> {
    if !is(path, before).map_err(io_error(path))? {
        return Err(FileError::Changed(path.to_owned()));
    }
    let former = keep(path, before, label)?;
    rewrite(path, bytes)?;
    Ok(Replaced { former })
}

/// Whether a file holds exactly these bytes.
fn is(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let mut found = Vec::new();
    let most = u64::try_from(bytes.len()).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(most).read_to_end(&mut found)?;
    Ok(found == bytes)
}

/// Writes a copy under the first name that is free.
fn keep(path: &Path, bytes: &[u8], label: &str) -> Result<PathBuf, FileError> {
    let mut number = 1;
    loop {
        let ending = if number == 1 { format!(".{label}") } else { format!(".{label}.{number}") };
        let former = with_ending(path, &ending);
        match write_new(&former, bytes) {
            Err(FileError::Io { source, .. })
                if source.kind() == io::ErrorKind::AlreadyExists && number < FORMERS_MAX =>
            {
                number += 1;
            }
            written => return written.map(|()| former),
        }
    }
}

/// A new file in the same directory, synced.
fn beside(path: &Path, bytes: &[u8]) -> Result<PathBuf, FileError> {
    let beside = with_ending(path, &format!(".new-{}", std::process::id()));
    let io = io_error(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&beside).map_err(&io)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        drop(fs::remove_file(&beside));
    }
    written.map_err(io)?;
    Ok(beside)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pool.json");
        write_new(&path, b"one").unwrap();
        (directory, path)
    }

    fn names(directory: &tempfile::TempDir) -> Vec<String> {
        let entries = fs::read_dir(directory.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_former_is_kept_under_a_free_name() {
        let (directory, path) = scene();
        let first = replace(&path, b"one", b"two", "v1").unwrap().former;
        let second = replace(&path, b"two", b"three", "v1").unwrap().former;
        assert_eq!(fs::read(&path).unwrap(), b"three");
        assert_eq!((fs::read(first).unwrap(), fs::read(second).unwrap()), (b"one".to_vec(), b"two".to_vec()));
        assert_eq!(names(&directory), ["pool.json", "pool.json.v1", "pool.json.v1.2"]);
    }

    #[test]
    fn what_somebody_else_changed_stays() {
        let (directory, path) = scene();
        assert!(matches!(replace(&path, b"other", b"two", "v1"), Err(FileError::Changed(_))));
        assert_eq!((fs::read(&path).unwrap(), names(&directory).len()), (b"one".to_vec(), 1));
    }

    #[test]
    fn nothing_is_overwritten() {
        let (directory, path) = scene();
        assert!(matches!(write_new(&path, b"two"), Err(FileError::Io { .. })));
        assert_eq!((fs::read(&path).unwrap(), names(&directory).len()), (b"one".to_vec(), 1));
    }
}
