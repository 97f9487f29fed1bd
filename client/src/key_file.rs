//! Secret keys in files: read only where nobody else can, written only where nothing was.

use pollux_core::{KeyPair, KeyPairError};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Bytes of a key file at most; a PEM key has about 120.
const KEY_FILE_BYTES_MAX: u64 = 4096;

/// Why a key file is refused.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others can read it, so it is no secret.
    #[error(
        "{path}: others can read this key (mode {mode:04o}); run `chmod 600 {path}`, and replace the key if they did"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It holds no key.
    #[error("{path}: {source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: KeyPairError,
    },
}

/// Reads a secret key in PKCS#8 PEM.
///
/// # Errors
/// A file that cannot be read, that group or others can reach, or that holds no Ed25519 key.
pub fn read(path: &Path) -> Result<KeyPair, KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    let mode = file.metadata().map_err(io)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
    }
    let mut pem = Zeroizing::new(String::new());
    file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut pem).map_err(io)?;
    KeyPair::from_pem(&pem).map_err(|source| KeyFileError::Parse { path: path.to_owned(), source })
}

/// Writes a secret key to a new file that only its owner can read.
///
/// # Errors
/// A file that is there already, or that cannot be written.
pub fn write_new(path: &Path, key: &KeyPair) -> Result<(), KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    file.write_all(key.to_pem().as_bytes()).map_err(io)?;
    file.sync_all().map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    fn key_in(directory: &Path) -> (PathBuf, KeyPair) {
        let path = directory.join("key.pem");
        let key = KeyPair::from_seed([7; 32]);
        write_new(&path, &key).unwrap();
        (path, key)
    }

    #[test]
    fn what_was_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let (path, key) = key_in(directory.path());
        assert_eq!(read(&path).unwrap().public(), key.public());
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let (path, _) = key_in(directory.path());
        let error = write_new(&path, &KeyPair::from_seed([8; 32])).unwrap_err();
        assert!(
            matches!(error, KeyFileError::Io { ref source, .. } if source.kind() == io::ErrorKind::AlreadyExists)
        );
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_remedy() {
        let directory = tempfile::tempdir().unwrap();
        let (path, _) = key_in(directory.path());
        set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("0640") && error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_file_without_a_key_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
        assert!(matches!(read(&path), Err(KeyFileError::Parse { .. })));
    }
}
