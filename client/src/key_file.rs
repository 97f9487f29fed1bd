//! Secret keys in files: read only where nobody else can, written only where nothing was. On purpose a key is also read
//! from a descriptor, from standard input or from what a service manager hands to a service; never from an argument, which every process can see.

use crate::credential::{self, CredentialError};
use pollux_core::{KeyPair, KeyPairError};
use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Bytes of a key at most; in PEM it has about 120.
const KEY_BYTES_MAX: usize = 4096;
/// What the mode of a secret may not allow: anything to group and others.
const EXPOSING: u32 = 0o077;
/// The same for what a service manager hands over: it is in a directory of this service alone, and an access list that lets
/// the service's user read it shows as a right of the group.
const EXPOSING_CREDENTIAL: u32 = 0o037;

/// The last of the descriptors that a program takes to be open.
const STDERR: i32 = 2;

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
    /// A pipe, a device or a directory where a file was named: reading it could last for ever.
    #[error(
        "{path}: not a regular file; a key from elsewhere is named on purpose: `-` for standard input, `fd:N` for a descriptor"
    )]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// The key itself was given, where every process can see it. It is not repeated here.
    #[error("this is a key, not the name of its file: a key that was given so is no secret any more")]
    Given,
    /// There is no such credential.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// It holds no key.
    #[error("{path}: {source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: KeyPairError,
    },
}

/// Where a secret key is read from.
#[derive(Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file that only its owner can reach.
    File(PathBuf),
    /// A descriptor that this process was started with, such as a pipe.
    Descriptor(u32),
    /// Standard input.
    Input,
    /// What the service manager hands to this service under that name.
    Credential(String),
    /// No source, but a key: refused when it is read.
    Given,
}

impl KeySource {
    /// What a flag or a variable names: `-`, `fd:N` (a shell's `/dev/fd/N` is one, too), `credential:NAME`, or a file.
    #[must_use]
    pub fn named(name: OsString) -> Self {
        let text = name.to_str().unwrap_or_default();
        let number = text.strip_prefix("fd:").or_else(|| text.strip_prefix("/dev/fd/"));
        if let Some(name) = text.strip_prefix("credential:") {
            return Self::Credential(name.to_owned());
        }
        match (text, number.map(str::parse)) {
            ("-" | "/dev/stdin", _) | (_, Some(Ok(0))) => Self::Input,
            (_, Some(Ok(number))) => Self::Descriptor(number),
            (_, Some(Err(_)) | None) if text.contains("PRIVATE KEY-----") => Self::Given,
            (_, Some(Err(_)) | None) => Self::File(name.into()),
        }
    }

    /// Whether somebody may be writing the key at this moment, and would find a pipe closed that nobody reads.
    #[must_use]
    pub const fn is_stream(&self) -> bool {
        match self {
            Self::Input | Self::Descriptor(_) => true,
            Self::File(_) | Self::Credential(_) | Self::Given => false,
        }
    }

    /// Whether nothing is named, as by a variable that is set to nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::File(path) if path.as_os_str().is_empty())
    }

    /// Reads the key and closes the descriptor that it came by, so that no other program gets it from here.
    ///
    /// # Errors
    /// As those of [`read`](Self::read).
    pub fn take(&self) -> Result<KeyPair, KeyFileError> {
        let key = self.read();
        if let Self::Descriptor(number) = self
            && let Ok(number) = i32::try_from(*number)
            && number > STDERR
            && key.is_ok()
        {
            // It held a key, and so is none of this program's own.
            nix::unistd::close(number).unwrap_or_default();
        }
        key
    }

    /// Reads the key, in PKCS#8 PEM. Waits for the writer of a descriptor or of standard input, for a file never.
    ///
    /// # Errors
    /// A source that cannot be read, that is or names a file which group or others can reach, or that holds no Ed25519
    /// key within 4096 bytes.
    pub fn read(&self) -> Result<KeyPair, KeyFileError> {
        match self {
            Self::File(path) => read(path),
            Self::Descriptor(number) => {
                let path = PathBuf::from(format!("fd:{number}"));
                let file = open_descriptor(*number).map_err(io_error(&path))?;
                read_chosen(&path, file, EXPOSING)
            }
            Self::Credential(name) => {
                let path = credential::find(name)?;
                read_chosen(&path, open_file(&path)?, EXPOSING_CREDENTIAL)
            }
            Self::Input => {
                let path = Path::new("standard input");
                // A copy of the descriptor: the buffer of `Stdin` would keep the key.
                let input = io::stdin().as_fd().try_clone_to_owned().map_err(io_error(path))?;
                read_chosen(path, input.into(), EXPOSING)
            }
            Self::Given => Err(KeyFileError::Given),
        }
    }
}

/// Without what may be a key.
impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Descriptor(number) => f.debug_tuple("Descriptor").field(number).finish(),
            Self::Input => f.write_str("Input"),
            Self::Credential(name) => f.debug_tuple("Credential").field(name).finish(),
            Self::Given => f.write_str("Given"),
        }
    }
}

/// Reads a secret key in PKCS#8 PEM from a regular file.
///
/// # Errors
/// What is no regular file, cannot be read, can be reached by group or others, or holds no Ed25519 key.
pub fn read(path: &Path) -> Result<KeyPair, KeyFileError> {
    read_chosen(path, open_file(path)?, EXPOSING)
}

/// Opens a regular file without waiting.
fn open_file(path: &Path) -> Result<File, KeyFileError> {
    let io = io_error(path);
    // To open a pipe could last for ever, to open a terminal could take it over.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(open(path, flags, Mode::empty()).map_err(|errno| io(errno.into()))?);
    if !file.metadata().map_err(io)?.is_file() {
        return Err(KeyFileError::NotAFile { path: path.to_owned() });
    }
    Ok(file)
}

/// Reads what was named on purpose. A file keeps its rule, also behind a descriptor; one without a name is out of reach.
fn read_chosen(path: &Path, file: File, exposing: u32) -> Result<KeyPair, KeyFileError> {
    let found = file.metadata().map_err(io_error(path))?;
    let mode = found.mode() & 0o7777;
    if found.is_file() && found.nlink() > 0 && mode & exposing != 0 {
        return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
    }
    let mut bytes = Zeroizing::new([0; KEY_BYTES_MAX]);
    let length = fill(file, bytes.as_mut()).map_err(io_error(path))?;
    // What is no text holds no key either.
    let pem = bytes.get(..length).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default();
    KeyPair::from_pem(pem).map_err(|source| KeyFileError::Parse { path: path.to_owned(), source })
}

/// Reads until the end or until the room is full; keeps no copy.
fn fill(mut file: File, room: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = room.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// A second opening of a descriptor of this process. Only the reading may wait: a named pipe whose writer is done already
/// would keep its opener for ever.
fn open_descriptor(number: u32) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = open(format!("/proc/self/fd/{number}"), flags, Mode::empty())?;
    fcntl_setfl(&opened, fcntl_getfl(&opened)?.difference(OFlags::NONBLOCK))?;
    Ok(opened.into())
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> KeyFileError {
    |source| KeyFileError::Io { path: path.to_owned(), source }
}

/// Writes a secret key to a new file that only its owner can read.
///
/// # Errors
/// A file that is there already, or that cannot be written.
pub fn write_new(path: &Path, key: &KeyPair) -> Result<(), KeyFileError> {
    let io = io_error(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(&io)?;
    file.write_all(key.to_pem().as_bytes()).and_then(|()| file.sync_all()).map_err(|source| {
        // Half a key would be refused ever after, also once there is room.
        drop(std::fs::remove_file(path));
        io(source)
    })
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
    fn a_disk_without_room_is_left_without_half_a_key() {
        let directory = tempfile::tempdir().unwrap();
        let mount = |program: &str, words: &[&str]| {
            let mut command = std::process::Command::new(program);
            command.args(words).arg(directory.path()).stderr(std::process::Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        if !mount("mount", &["-t", "tmpfs", "-o", "size=4k", "pollux-test"]) {
            println!("skipped: nothing can be mounted here");
            return;
        }
        std::fs::write(directory.path().join("other"), [1; 4096]).unwrap();
        let path = directory.path().join("key.pem");
        let written = write_new(&path, &KeyPair::from_seed([7; 32]));
        let left = path.exists();
        assert!(mount("umount", &["--lazy"]));
        assert!(matches!(written, Err(KeyFileError::Io { .. })), "{written:?}");
        assert!(!left);
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

    #[test]
    fn what_is_no_file_is_refused_without_waiting() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, Mode::RUSR, 0).unwrap();
        for path in [&pipe, Path::new("/dev/zero"), directory.path()] {
            assert!(matches!(read(path), Err(KeyFileError::NotAFile { .. })), "{path:?}");
        }
        assert!(read(&pipe).unwrap_err().to_string().contains("`fd:N`"));
    }

    #[test]
    fn names_of_sources() {
        let named = |name: &str| KeySource::named(name.into());
        assert_eq!(named("-"), KeySource::Input);
        assert_eq!(named("/dev/stdin"), KeySource::Input);
        assert_eq!(named("fd:3"), KeySource::Descriptor(3));
        assert_eq!(named("/dev/fd/63"), KeySource::Descriptor(63));
        assert!(named("-").is_stream() && named("fd:3").is_stream());
        assert_eq!(named("credential:seed-key"), KeySource::Credential("seed-key".to_owned()));
        for file in ["key.pem", "fd:", "fd:-1", "fd:x", "./-"] {
            assert_eq!(named(file), KeySource::File(file.into()));
            assert!(!named(file).is_stream());
        }
    }

    #[test]
    fn a_key_in_place_of_its_file_is_refused_and_not_repeated() {
        let pem = KeyPair::from_seed([7; 32]).to_pem();
        let source = KeySource::named(pem.as_str().into());
        let said = format!("{} {source:?}", source.read().unwrap_err());
        assert!(pem.lines().all(|line| !said.contains(line)), "{said}");
    }

    fn descriptor(file: &impl std::os::fd::AsRawFd) -> KeySource {
        KeySource::named(format!("fd:{}", file.as_raw_fd()).into())
    }

    #[test]
    fn a_descriptor_is_read_to_its_end() {
        let key = KeyPair::from_seed([7; 32]);
        let (reader, mut writer) = io::pipe().unwrap();
        let source = descriptor(&reader);
        let read = std::thread::spawn(move || source.read());
        for part in key.to_pem().as_bytes().chunks(50) {
            writer.write_all(part).unwrap();
        }
        drop(writer);
        assert_eq!(read.join().unwrap().unwrap().public(), key.public());
    }

    #[test]
    fn an_endless_descriptor_is_given_up() {
        let zero = File::open("/dev/zero").unwrap();
        assert!(matches!(descriptor(&zero).read(), Err(KeyFileError::Parse { .. })));
    }

    #[test]
    fn a_file_keeps_its_rule_behind_a_descriptor() {
        let directory = tempfile::tempdir().unwrap();
        let (path, key) = key_in(directory.path());
        let file = File::open(&path).unwrap();
        assert_eq!(descriptor(&file).read().unwrap().public(), key.public());
        set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
        assert!(matches!(descriptor(&file).read(), Err(KeyFileError::Exposed { mode: 0o604, .. })));
    }

    #[test]
    fn the_access_list_of_a_credential_is_no_exposure() {
        let directory = tempfile::tempdir().unwrap();
        let (path, _) = key_in(directory.path());
        for (mode, read) in [(0o440, true), (0o400, true), (0o460, false), (0o444, false), (0o600, true)] {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let found = read_chosen(&path, open_file(&path).unwrap(), EXPOSING_CREDENTIAL);
            assert_eq!(found.is_ok(), read, "{mode:04o}");
        }
    }
}
