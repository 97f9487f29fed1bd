//! Secret keys in files: read only where nobody else can, written only where nothing was. On purpose a key is also read
//! from a descriptor, from standard input or from what a service manager hands to a service; never from an argument, which every process can see.

use crate::credential::{self, CredentialError};
use pollux_core::{KeyPair, KeyPairError};
use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
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
    /// The same of a file that has no name here: it came by a descriptor.
    #[error(
        "{path}: others can read the file that this key comes from (mode {mode:04o}); run `chmod 600` on it, and replace the key \
         if they did"
    )]
    ExposedInput {
        /// How it was named.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Nothing was named.
    #[error("no key is named: name a file of mode 0600, `-` for standard input, or `fd:N` for a descriptor")]
    Unnamed,
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

impl KeyFileError {
    /// What was found behind a descriptor, which no command can name.
    fn of_input(self) -> Self {
        if let Self::Exposed { path, mode } = self { Self::ExposedInput { path, mode } } else { self }
    }
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

    /// Reads the key, in PKCS#8 PEM. Waits for the writer of a descriptor or of standard input, for a file never. From then on
    /// other processes of the same user cannot read this one's memory.
    ///
    /// # Errors
    /// A source that cannot be read, that is or names a file which group or others can reach, or that holds no Ed25519
    /// key within 4096 bytes.
    pub fn read(&self) -> Result<KeyPair, KeyFileError> {
        // Fails for no reason but a value that the system does not know.
        set_dumpable_behavior(DumpableBehavior::NotDumpable).unwrap_or_default();
        match self {
            Self::File(_) if self.is_empty() => Err(KeyFileError::Unnamed),
            Self::File(path) => read(path),
            Self::Descriptor(number) => {
                let path = PathBuf::from(format!("fd:{number}"));
                let file = open_descriptor(*number).map_err(io_error(&path))?;
                read_chosen(&path, file, EXPOSING).map_err(KeyFileError::of_input)
            }
            Self::Credential(name) => {
                let path = credential::find(name)?;
                read_chosen(&path, open_file(&path)?, EXPOSING_CREDENTIAL)
            }
            Self::Input => {
                let path = Path::new("standard input");
                // A copy of the descriptor: the buffer of `Stdin` would keep the key.
                let input = io::stdin().as_fd().try_clone_to_owned().map_err(io_error(path))?;
                read_chosen(path, input.into(), EXPOSING).map_err(KeyFileError::of_input)
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
mod tests;
