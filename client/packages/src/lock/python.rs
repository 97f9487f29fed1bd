//! What lock files of Python's programs have in common: `sha256:…` of every file of a package.

use super::{LockError, Locked, LockedDigest};
use crate::digest::{Algorithm, Digest};
use crate::python::{is_name, purl};

/// Digests of the files of a package.
pub(super) type Files<'a> = Vec<&'a str>;

/// A package with digests as they are written. Those of algorithms that nobody here knows are left out.
pub(super) fn locked(name: &str, version: &str, files: &Files<'_>) -> Result<Locked, LockError> {
    if !is_name(name) {
        return Err(LockError::whole(format!("`{name}` is no name of a package")));
    }
    let mut digests = Vec::new();
    for written in files {
        let wrong = || LockError::whole(format!("`{written}` of {name} is no digest"));
        let (algorithm, hex) = written.split_once(':').ok_or_else(wrong)?;
        let Some(algorithm) = Algorithm::named(algorithm) else { continue };
        digests.push(LockedDigest::Artifact(Digest::from_hex(algorithm, hex).ok_or_else(wrong)?));
    }
    Ok(Locked { purl: purl(name, version), digests })
}
