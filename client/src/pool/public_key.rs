//! Public keys as people have them.

use crate::key_file::{KeyFileError, KeySource};
use crate::text_file::{self, TextFileError};
use pollux_core::{PeerId, PublicKey};
use std::ffi::OsString;
use std::path::Path;

/// Bytes of a key's file at most.
const KEY_BYTES_MAX: usize = 16 * 1024;

/// Why a text names no public key.
#[derive(Debug, thiserror::Error)]
pub enum PublicKeyError {
    /// It is no key in any of the forms, and no file.
    #[error(
        "`{0}` is no public key: give 64 hexadecimal digits, a peer id, an OpenSSH line, or the name of a file that holds one of these, PEM, or the secret key"
    )]
    Nothing(String),
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] TextFileError),
    /// The file is a secret key's and is refused as one.
    #[error(transparent)]
    Secret(#[from] KeyFileError),
}

/// The public key that a text is, or that is in the file that it names: 64 hexadecimal digits, a peer id, a line of
/// OpenSSH, a SubjectPublicKeyInfo in PEM, or a secret key, whose public half is taken.
///
/// # Errors
/// A text that is neither, a file that cannot be read, or a secret key that others can read.
pub fn public_key(text: &str) -> Result<PublicKey, PublicKeyError> {
    if let Some(key) = parse(text) {
        return Ok(key);
    }
    let source = KeySource::named(OsString::from(text));
    let KeySource::File(path) = &source else { return Ok(source.read()?.public()) };
    if !path.exists() {
        return Err(PublicKeyError::Nothing(shown(text)));
    }
    in_file(path)?.map_or_else(|| Ok(source.read()?.public()), Ok)
}

fn in_file(path: &Path) -> Result<Option<PublicKey>, TextFileError> {
    // A secret key is read again by those who zero it.
    let text = zeroize::Zeroizing::new(text_file::read(path, KEY_BYTES_MAX)?);
    Ok(parse(&text))
}

fn parse(text: &str) -> Option<PublicKey> {
    let text = text.trim();
    let digits = text.parse::<PublicKey>().ok();
    digits
        .or_else(|| text.parse::<PeerId>().ok().map(|peer| *peer.key()))
        .or_else(|| PublicKey::from_openssh(text))
        .or_else(|| PublicKey::from_pem(text))
}

/// Enough of it to be recognised, on one line.
fn shown(text: &str) -> String {
    text.chars().take(100).flat_map(char::escape_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_file::write_new;
    use pollux_core::KeyPair;
    use std::fs;

    #[test]
    fn every_form_is_read_from_the_text_and_from_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let pair = KeyPair::from_seed([7; 32]);
        let key = pair.public();
        let forms = [key.to_string(), PeerId::new(key).to_string(), key.to_openssh("ci"), key.to_pem()];
        for form in forms {
            assert_eq!(public_key(&form).unwrap(), key, "{form}");
            let path = directory.path().join("key");
            fs::write(&path, format!("{form}\n")).unwrap();
            assert_eq!(public_key(path.to_str().unwrap()).unwrap(), key, "{form}");
        }
        let path = directory.path().join("key.pem");
        write_new(&path, &pair).unwrap();
        assert_eq!(public_key(path.to_str().unwrap()).unwrap(), key);
    }

    #[test]
    fn what_is_no_key_is_refused_in_words() {
        let error = public_key("nobody\u{1b}").unwrap_err().to_string();
        assert!(error.starts_with("`nobody\\u{1b}` is no public key"), "{error}");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("junk");
        fs::write(&path, "junk").unwrap();
        assert!(public_key(path.to_str().unwrap()).is_err());
        let pem = KeyPair::from_seed([7; 32]).to_pem();
        let error = public_key(&pem).unwrap_err().to_string();
        assert!(!error.contains("MC4C"), "a secret that was given is not repeated: {error}");
    }
}
