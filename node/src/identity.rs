//! The node's identity key.
//!
//! A node makes its key in the runtime directory, which lives as long as the instance runs: it survives a restart of
//! the daemon, and two instances of one image never share it. Beside it lies a mark of the instance that made it. A key that
//! came with an image is refused, in words; one from before this machine was started again gives way to a new one, as if
//! the directory had been cleared. A key that a configuration names is used as it is: a seed's, since the policy names it.

use crate::instance::{Elsewhere, Instance, read_mark};
use pollux_client::key_file::{self, KeyFileError, KeySource};
use pollux_client::random;
use pollux_core::KeyPair;
use rustix::fs::{FsWord, statfs};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file in the runtime directory.
const IDENTITY_FILE: &str = "identity.pem";
/// The mark beside it.
const MARK_FILE: &str = "identity.instance";
/// What `statfs` calls file systems in memory, which no image brings along: tmpfs and ramfs.
const IN_MEMORY: [FsWord; 2] = [0x0102_1994, 0x8584_58f6];

/// Why there is no key to run with.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The key's file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The mark beside it.
    #[error("{path}: {source}")]
    Io {
        /// Its file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The key was made elsewhere: all instances of an image would share it.
    #[error("{path}: this key was not made on this machine: it came with an image or a copied disk")]
    Imported {
        /// The key's file.
        path: PathBuf,
    },
}

impl IdentityError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Imported { .. } => Some(
                "delete it here and in the image, and let `runtime` be a directory that no image holds, such as \
                 /run/pollux: the node makes its key there when it starts",
            ),
            Self::Key(KeyFileError::Io { source, .. }) | Self::Io { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                Some(
                    "another user has it: run this as that user (`runuser -u pollux -- pollux-node …`); what root has made \
                     there, `chown -R pollux: DIRECTORY` gives to the user whom the units run as",
                )
            }
            Self::Key(_) | Self::Io { .. } => None,
        }
    }
}

/// The key in `given`, or the one of the runtime directory, which is made if it is not there. `given` names a file, or what
/// the service manager hands over: `credential:NAME`.
///
/// # Errors
/// A key that cannot be read or made, that others can read, or that another machine made.
pub fn open(given: Option<&Path>, runtime: &Path) -> Result<KeyPair, IdentityError> {
    given.map_or_else(|| Home::of(runtime).open(), |path| Ok(read_given(path)?))
}

/// The key that [`open`] would find; none if it would make one.
///
/// # Errors
/// A key that cannot be read, that others can read, or that another machine made.
pub fn find(given: Option<&Path>, runtime: &Path) -> Result<Option<KeyPair>, IdentityError> {
    given.map_or_else(|| Home::of(runtime).find(), |path| Ok(Some(read_given(path)?)))
}

/// Where a node makes its key.
#[derive(Debug)]
struct Home<'a> {
    runtime: &'a Path,
    /// It goes when this start of the machine ends, and no image brings it along: then no mark is needed. Nor would one do in a
    /// container, where the daemon's sandbox and a shell may be told different ids.
    in_memory: bool,
    here: Instance,
}

impl<'a> Home<'a> {
    fn of(runtime: &'a Path) -> Self {
        Self { runtime, in_memory: is_in_memory(runtime), here: Instance::here() }
    }

    fn open(&self) -> Result<KeyPair, IdentityError> {
        if let Some(key) = self.find()? {
            return Ok(key);
        }
        let path = self.runtime.join(IDENTITY_FILE);
        match fs::remove_file(&path) {
            Ok(()) => tracing::warn!("this machine was started again: the node makes a new key for itself"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(IdentityError::Io { path, source }),
        }
        // Before the key: on a disk, a key without its mark would be refused.
        let mark = self.runtime.join(MARK_FILE);
        fs::write(&mark, self.here.mark()).map_err(|source| IdentityError::Io { path: mark, source })?;
        Ok(make(&path)?)
    }

    fn find(&self) -> Result<Option<KeyPair>, IdentityError> {
        let path = self.runtime.join(IDENTITY_FILE);
        let found = key_file::read(&path);
        if let Err(KeyFileError::Io { source, .. }) = &found
            && source.kind() == io::ErrorKind::NotFound
        {
            return Ok(None);
        }
        let key = found?;
        if self.in_memory {
            return Ok(Some(key));
        }
        let mark = self.runtime.join(MARK_FILE);
        let left = read_mark(&mark).map_err(|source| IdentityError::Io { path: mark, source })?;
        match left.as_deref().map(|mark| self.here.differs_from(mark)) {
            Some(None) => Ok(Some(key)),
            Some(Some(Elsewhere::Boot)) => Ok(None),
            Some(Some(Elsewhere::Machine)) | None => Err(IdentityError::Imported { path }),
        }
    }
}

/// Neither standard input nor a descriptor: the key is read more than once.
fn read_given(path: &Path) -> Result<KeyPair, KeyFileError> {
    match KeySource::named(path.into()) {
        source @ KeySource::Credential(_) => source.read(),
        KeySource::File(_) | KeySource::Descriptor(_) | KeySource::Input | KeySource::Given => {
            key_file::read(path)
        }
    }
}

fn is_in_memory(directory: &Path) -> bool {
    statfs(directory).is_ok_and(|found| IN_MEMORY.contains(&found.f_type))
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
    use std::os::unix::fs::PermissionsExt;

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
        assert_eq!(fs::read_dir(runtime.path()).unwrap().count(), 0);
        let made = open(None, runtime.path()).unwrap();
        assert_eq!(find(None, runtime.path()).unwrap().unwrap().public(), made.public());
    }

    #[test]
    fn an_exposed_key_is_not_replaced() {
        let runtime = tempfile::tempdir().unwrap();
        let made = open(None, runtime.path()).unwrap();
        let path = runtime.path().join(IDENTITY_FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let exposed = open(None, runtime.path());
        assert!(matches!(exposed, Err(IdentityError::Key(KeyFileError::Exposed { .. }))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(open(None, runtime.path()).unwrap().public(), made.public());
    }

    #[test]
    fn a_key_that_is_named_is_never_made() {
        let runtime = tempfile::tempdir().unwrap();
        let path = runtime.path().join("seed.pem");
        assert!(open(Some(&path), runtime.path()).is_err());
        assert!(!path.exists());
        let credential = open(Some(Path::new("credential:seed-key")), runtime.path()).unwrap_err();
        assert!(credential.to_string().contains("LoadCredential=seed-key:FILE"), "{credential}");
    }

    /// A directory on the disk of a machine with this id, at that start of it.
    fn home<'a>(runtime: &'a Path, ids: &Path, machine: &str, boot: &str) -> Home<'a> {
        let at = |id: &str| {
            let path = ids.join(id);
            fs::write(&path, id).unwrap();
            path
        };
        Home { runtime, in_memory: false, here: Instance::told_by(&at(machine), &at(boot)) }
    }

    #[test]
    fn a_key_that_came_with_an_image_is_refused_and_left_alone() {
        let (runtime, ids) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let builder = home(runtime.path(), ids.path(), "a", "1");
        let made = builder.open().unwrap();
        let clone = home(runtime.path(), ids.path(), "b", "2");
        for _ in 0..2 {
            let refused = clone.open().unwrap_err();
            assert!(matches!(refused, IdentityError::Imported { .. }), "{refused}");
            assert!(refused.hint().unwrap().contains("delete it"), "{refused}");
            assert!(clone.find().is_err());
        }
        assert_eq!(builder.open().unwrap().public(), made.public());
        fs::remove_file(runtime.path().join(MARK_FILE)).unwrap();
        assert!(builder.open().is_err(), "a key without its mark may be anybody's");
    }

    #[test]
    fn a_machine_that_is_started_again_gets_another_key() {
        let (runtime, ids) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let made = home(runtime.path(), ids.path(), "a", "1").open().unwrap();
        let again = home(runtime.path(), ids.path(), "a", "2");
        let other = again.open().unwrap();
        assert_ne!(made.public(), other.public());
        assert_eq!(again.open().unwrap().public(), other.public());
    }

    #[test]
    fn a_key_in_memory_needs_no_mark() {
        let (runtime, ids) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let made = home(runtime.path(), ids.path(), "a", "1").open().unwrap();
        let inside = Home { in_memory: true, ..home(runtime.path(), ids.path(), "b", "2") };
        assert_eq!(inside.open().unwrap().public(), made.public());
        assert!(!is_in_memory(Path::new("/proc")) && !is_in_memory(Path::new("/nowhere")));
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        assert_eq!(is_in_memory(Path::new("/dev/shm")), mounts.contains(" /dev/shm tmpfs "));
    }
}
