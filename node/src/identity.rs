//! The node's identity key.
//!
//! A node makes its key in the runtime directory, which lives as long as the instance runs: it survives a restart of
//! the daemon, and two instances of one image never share it. A seed's key is given, since the policy names it.

use pollux_client::key_file::{self, KeyFileError};
use pollux_client::random;
use pollux_core::KeyPair;
use std::io;
use std::path::Path;

/// The file in the runtime directory.
const IDENTITY_FILE: &str = "identity.pem";

/// The key in `given`, or the one of the runtime directory, which is made if it is not there.
///
/// # Errors
/// A key file that cannot be read or made, or that others can read.
pub fn open(given: Option<&Path>, runtime: &Path) -> Result<KeyPair, KeyFileError> {
    if let Some(path) = given {
        return key_file::read(path);
    }
    match find(None, runtime)? {
        Some(key) => Ok(key),
        None => make(&runtime.join(IDENTITY_FILE)),
    }
}

/// The key that [`open`] would find; none if it would make one.
///
/// # Errors
/// A key file that cannot be read, or that others can read.
pub fn find(given: Option<&Path>, runtime: &Path) -> Result<Option<KeyPair>, KeyFileError> {
    if let Some(path) = given {
        return key_file::read(path).map(Some);
    }
    let found = key_file::read(&runtime.join(IDENTITY_FILE));
    if let Err(KeyFileError::Io { source, .. }) = &found
        && source.kind() == io::ErrorKind::NotFound
    {
        return Ok(None);
    }
    found.map(Some)
}

fn make(path: &Path) -> Result<KeyPair, KeyFileError> {
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    random::fill(seed.as_mut()).map_err(|source| KeyFileError::Io { path: path.to_owned(), source })?;
    let key = KeyPair::from_seed(*seed);
    key_file::write_new(path, &key)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_survives_a_restart_of_the_daemon() {
        let runtime = tempfile::tempdir().unwrap();
        let first = open(None, runtime.path()).unwrap();
        let second = open(None, runtime.path()).unwrap();
        assert_eq!(first.public(), second.public());
    }

    #[test]
    fn looking_for_a_key_makes_none() {
        let runtime = tempfile::tempdir().unwrap();
        assert!(find(None, runtime.path()).unwrap().is_none());
        assert_eq!(std::fs::read_dir(runtime.path()).unwrap().count(), 0);
        let made = open(None, runtime.path()).unwrap();
        assert_eq!(find(None, runtime.path()).unwrap().unwrap().public(), made.public());
    }

    #[test]
    fn an_exposed_key_is_not_replaced() {
        use std::os::unix::fs::PermissionsExt;
        let runtime = tempfile::tempdir().unwrap();
        let made = open(None, runtime.path()).unwrap();
        let path = runtime.path().join(IDENTITY_FILE);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(open(None, runtime.path()), Err(KeyFileError::Exposed { .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(open(None, runtime.path()).unwrap().public(), made.public());
    }

    #[test]
    fn a_key_that_is_named_is_never_made() {
        let runtime = tempfile::tempdir().unwrap();
        let path = runtime.path().join("seed.pem");
        assert!(open(Some(&path), runtime.path()).is_err());
        assert!(!path.exists());
    }
}
