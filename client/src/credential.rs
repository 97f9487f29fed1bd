//! What a service manager hands to a service: files in a directory that only this service can reach (systemd's
//! `LoadCredential=`), named `credential:NAME` where a key file is asked for.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The variable that names the directory.
const DIRECTORY: &str = "CREDENTIALS_DIRECTORY";
/// Bytes of a name at most, as systemd has it.
const NAME_BYTES_MAX: usize = 255;

/// Why there is no such credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// This is no name of one.
    #[error("`{0}` is no name of a credential: letters, digits, `.`, `_` and `-`")]
    BadName(String),
    /// The process was started without any.
    #[error(
        "no credential was handed to this process, and `{0}` is asked for: start it by its unit, with LoadCredential={0}:FILE"
    )]
    NonePassed(String),
    /// The process was started with others.
    #[error("the credential `{0}` was not handed to this process: its unit needs LoadCredential={0}:FILE")]
    Missing(String),
}

/// Where the credential of this name is.
///
/// # Errors
/// A bad name, or no such credential.
pub fn find(name: &str) -> Result<PathBuf, CredentialError> {
    find_in(env::var_os(DIRECTORY), name)
}

fn find_in(directory: Option<OsString>, name: &str) -> Result<PathBuf, CredentialError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let dots = name.bytes().all(|byte| byte == b'.');
    if dots || name.len() > NAME_BYTES_MAX || !name.bytes().all(plain) {
        return Err(CredentialError::BadName(name.chars().take(NAME_BYTES_MAX).collect()));
    }
    let directory = directory.filter(|path| !path.is_empty());
    let directory = directory.ok_or_else(|| CredentialError::NonePassed(name.to_owned()))?;
    let path = Path::new(&directory).join(name);
    if path.exists() { Ok(path) } else { Err(CredentialError::Missing(name.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_found_by_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let handed = Some(directory.path().as_os_str().to_owned());
        let missing = find_in(handed.clone(), "seed-key").unwrap_err();
        assert!(missing.to_string().contains("LoadCredential=seed-key:FILE"), "{missing}");
        std::fs::write(directory.path().join("seed-key"), "").unwrap();
        assert_eq!(find_in(handed, "seed-key").unwrap(), directory.path().join("seed-key"));
    }

    #[test]
    fn a_process_without_credentials_is_told_how_it_gets_one() {
        for none in [None, Some(OsString::new())] {
            let error = find_in(none, "seed-key").unwrap_err();
            assert_eq!(error, CredentialError::NonePassed("seed-key".to_owned()));
            assert!(error.to_string().contains("LoadCredential"), "{error}");
        }
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        for name in ["", ".", "..", "../etc/shadow", "a/b", "a b", &"a".repeat(NAME_BYTES_MAX + 1)] {
            assert!(matches!(find_in(Some("/".into()), name), Err(CredentialError::BadName(_))), "{name}");
        }
    }
}
