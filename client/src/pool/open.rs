//! A pool file that an operator works on.

use crate::text_file::{self, TextFileError};
use pollux_core::limits::POOL_FILE_BYTES_MAX;
use pollux_core::{Disbelief, DocumentError, Envelope, Policy, PoolFile, Root, Timestamp, Trust};
use std::path::{Path, PathBuf};

/// A pool file whose signatures hold. Whether it has expired is asked apart: an operator renews what has.
#[derive(Clone, Debug)]
pub struct OpenPool {
    path: PathBuf,
    bytes: Vec<u8>,
    file: PoolFile,
    trust: Trust,
}

/// Why a pool file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] TextFileError),
    /// It is no pool file.
    #[error("{path}: {source}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: DocumentError,
    },
    /// Its root or policy does not hold.
    #[error("{path}: {source}")]
    NotBelieved {
        /// The file.
        path: PathBuf,
        /// What does not hold.
        source: Box<Disbelief>,
    },
    /// Its join token would let nobody in.
    #[error("{path}: its join token is of no use: {source}")]
    Token {
        /// The file.
        path: PathBuf,
        /// What does not hold.
        source: Box<Disbelief>,
    },
}

/// What a pool file holds. No signature is looked at.
///
/// # Errors
/// A file that is not there, or is no pool file.
pub fn read_pool_file(path: &Path) -> Result<PoolFile, OpenError> {
    read(path).map(|(_, file)| file)
}

fn read(path: &Path) -> Result<(Vec<u8>, PoolFile), OpenError> {
    let text = text_file::read(path, POOL_FILE_BYTES_MAX)?;
    let form = |source| OpenError::Form { path: path.to_owned(), source };
    let file = PoolFile::from_json(&text).map_err(form)?;
    Ok((text.into_bytes(), file))
}

impl OpenPool {
    /// Reads a pool file and checks what root keys signed. Neither expiry nor the token is looked at.
    ///
    /// # Errors
    /// A file that is not there, is no pool file, or whose root or policy lacks signatures.
    pub fn read(path: &Path) -> Result<Self, OpenError> {
        let (bytes, file) = read(path)?;
        // At the beginning of time nothing has expired.
        let trust = Trust::open(&file, Timestamp::default()).map_err(|source| not_believed(path, source))?;
        Ok(Self { path: path.to_owned(), bytes, file, trust })
    }

    /// Neither root nor policy may have expired.
    ///
    /// # Errors
    /// Which has, and how long ago; the clock may be wrong.
    pub fn check_in_force(&self, now: Timestamp) -> Result<(), OpenError> {
        let opened = Trust::open(&self.file, now);
        opened.map(drop).map_err(|source| not_believed(&self.path, source))
    }

    /// The token must be this pool's; it may have expired.
    ///
    /// # Errors
    /// A token of another pool, or of a key that the policy does not name.
    pub fn check_token(&self) -> Result<(), OpenError> {
        match self.trust.verify_token(&self.file.token, Timestamp::default()) {
            Ok(_) | Err(Disbelief::StrictAdmission) => Ok(()),
            Err(source) => Err(OpenError::Token { path: self.path.clone(), source: Box::new(source) }),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its bytes, as they were read.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it holds.
    #[must_use]
    pub const fn file(&self) -> &PoolFile {
        &self.file
    }

    /// What it makes others believe. Its expiry was not looked at.
    #[must_use]
    pub const fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Its root.
    #[must_use]
    pub const fn root(&self) -> &Root {
        self.trust.root()
    }

    /// Its policy.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        self.trust.policy()
    }

    /// The same with other content, for what follows it.
    #[must_use]
    pub fn with_token(&self, token: Envelope) -> PoolFile {
        PoolFile { token, ..self.file.clone() }
    }
}

fn not_believed(path: &Path, source: Disbelief) -> OpenError {
    OpenError::NotBelieved { path: path.to_owned(), source: Box::new(source) }
}
