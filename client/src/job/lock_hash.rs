//! The lock files of a project, as a part of a key: 16 hexadecimal digits of a BLAKE3 hash of their names and bytes.
//!
//! All lock files of a preset that lie in the project's directory count, in the order of the preset. A project without any
//! has `-`.

use pollux_core::ChunkId;
use rustix::fs::{Mode, OFlags, open};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Bytes of a lock file at most, of which only the hash counts.
const LOCK_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Digits of the hash: enough that two of one project's are never the same.
const DIGITS: usize = 16;

/// A lock file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl LockFile {
    /// Reads one.
    ///
    /// # Errors
    /// What the system says; more bytes than any lock file has.
    pub fn read(path: &Path) -> io::Result<Self> {
        let with_path =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let mut bytes = Vec::new();
        // To open a pipe could last for ever.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = File::from(open(path, flags, Mode::empty()).map_err(|errno| with_path(errno.into()))?);
        if !file.metadata().map_err(with_path)?.is_file() {
            return Err(with_path(io::Error::other("not a regular file")));
        }
        file.take(LOCK_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(with_path)?;
        if u64::try_from(bytes.len()).is_ok_and(|bytes| bytes > LOCK_FILE_BYTES_MAX) {
            return Err(with_path(io::Error::other(format!("longer than {LOCK_FILE_BYTES_MAX} bytes"))));
        }
        Ok(Self { path: path.to_owned(), bytes })
    }
}

/// Those of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockFiles(pub Vec<LockFile>);

impl LockFiles {
    /// Reads those of these names that are there.
    ///
    /// # Errors
    /// One that is there and cannot be read, or is too long.
    pub fn read(directory: &Path, names: &[String]) -> io::Result<Self> {
        let mut found = Vec::new();
        for name in names {
            match LockFile::read(&directory.join(name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                read => found.push(read?),
            }
        }
        Ok(Self(found))
    }

    /// Their part of a key; none: `-`.
    #[must_use]
    pub fn hash(&self) -> String {
        if self.0.is_empty() {
            return "-".to_owned();
        }
        let mut all = Vec::new();
        for file in &self.0 {
            let name = file.path.file_name().map(|name| name.as_encoded_bytes().to_vec()).unwrap_or_default();
            all.extend_from_slice(&name);
            all.push(0);
            all.extend_from_slice(ChunkId::of(&file.bytes).as_bytes());
        }
        ChunkId::of(&all).to_string().chars().take(DIGITS).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn names_and_bytes_make_the_hash() {
        let directory = tempfile::tempdir().unwrap();
        let names = ["a.lock".to_owned(), "b.lock".to_owned()];
        let hash = || LockFiles::read(directory.path(), &names).unwrap().hash();
        assert_eq!(hash(), "-");
        fs::write(directory.path().join("b.lock"), "1").unwrap();
        let one = hash();
        assert!(one.len() == DIGITS && one.chars().all(|digit| digit.is_ascii_hexdigit()), "{one}");
        fs::rename(directory.path().join("b.lock"), directory.path().join("a.lock")).unwrap();
        assert_ne!(hash(), one, "another name");
        fs::write(directory.path().join("a.lock"), "2").unwrap();
        assert_ne!(hash(), one);
        fs::create_dir(directory.path().join("b.lock")).unwrap();
        assert!(LockFiles::read(directory.path(), &names).unwrap_err().to_string().contains("b.lock"));
    }
}
