//! Lock files: which packages a project wants, and the digests that it believes.
//!
//! Each reader takes text and gives packages; what it cannot read it names, with the line where it can. A lock file that
//! names a package without a digest is no fault: then there is nothing to compare.

pub(crate) mod cargo;
pub(crate) mod composer;
pub(crate) mod gemfile;
pub(crate) mod go_sum;
pub(crate) mod gradle;
mod gradle_verification;
mod package_lock;
mod pipfile;
mod pnpm_lock;
mod poetry;
mod python;
mod requirements;
mod tables;
mod uv;
mod yarn_lock;

use crate::digest::Digest;
use crate::purl::Purl;
use crate::words::plain;
use std::path::Path;

/// Bytes of a lock file at most: the largest that projects have are half as long, and what is read of one takes twenty to sixty
/// times its length of memory.
pub const LOCK_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A package that a lock file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// With its version; without qualifiers.
    pub purl: Purl,
    /// Any one of them, of one algorithm, is what the package must have: wheels for several machines have one each. Of those
    /// that tell a file, it is what that file must have, for each algorithm.
    pub digests: Vec<LockedDigest>,
}

/// What a digest in a lock file is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockedDigest {
    /// The artifact's bytes.
    Artifact(Digest),
    /// The bytes of one file of several: an artifact, a description of it, one for another machine.
    File {
        /// What the file is called, without a directory.
        name: String,
        /// Its digest.
        digest: Digest,
    },
    /// Go's own hash of a module: `h1:…`.
    GoModule(String),
    /// Of the zip archive that Yarn makes of a tarball; another key makes another archive.
    YarnArchive {
        /// The beginning of the hash of what exactly the package is, as the archive's name has it.
        locator: String,
        /// The version of Yarn's cache, and how it compresses: `10c0`.
        key: String,
        /// The archive's digest.
        digest: Digest,
    },
}

/// A lock file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{what}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct LockError {
    /// Counted from 1.
    pub line: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl LockError {
    /// Something wrong on a line, counted from 1.
    pub(crate) fn at(line: u64, what: impl Into<String>) -> Self {
        Self { line: Some(line), what: what.into() }
    }

    /// Something wrong with all of it.
    pub(crate) fn whole(what: impl Into<String>) -> Self {
        Self { line: None, what: what.into() }
    }
}

type Reader = fn(&str) -> Result<Vec<Locked>, LockError>;

/// Readers, by the names that lock files have, and the type of the packages that they name.
const READERS: &[(&str, &str, Reader)] = &[
    ("Cargo.lock", "cargo", cargo::read),
    ("Gemfile.lock", "gem", gemfile::read),
    ("Pipfile.lock", "pypi", pipfile::read),
    ("buildscript-gradle.lockfile", "maven", gradle::read),
    ("composer.lock", "composer", composer::read),
    ("gems.locked", "gem", gemfile::read),
    ("go.sum", "golang", go_sum::read),
    ("go.work.sum", "golang", go_sum::read),
    ("gradle.lockfile", "maven", gradle::read),
    ("npm-shrinkwrap.json", "npm", package_lock::read),
    ("package-lock.json", "npm", package_lock::read),
    ("pnpm-lock.yaml", "npm", pnpm_lock::read),
    ("poetry.lock", "pypi", poetry::read),
    ("requirements.txt", "pypi", requirements::read),
    ("uv.lock", "pypi", uv::read),
    ("verification-metadata.xml", "maven", gradle_verification::read),
    ("yarn.lock", "npm", yarn_lock::read),
];

/// The names that tell what kind of lock file it is; instead of `requirements.txt` there may be others that begin so.
pub fn names() -> impl Iterator<Item = &'static str> {
    READERS.iter().map(|(name, ..)| *name)
}

/// The type of the packages that a lock file of this name is about, as in their Package URL; `None` for a name that tells none.
#[must_use]
pub fn kind(name: &Path) -> Option<&'static str> {
    find(name).map(|(_, kind, _)| *kind)
}

fn find(name: &Path) -> Option<&'static (&'static str, &'static str, Reader)> {
    let name = name.file_name()?.to_str()?;
    let is_requirements =
        name.starts_with("requirements") && matches!(name.rsplit_once('.'), Some((_, "txt" | "in")));
    let known = if is_requirements { "requirements.txt" } else { name };
    READERS.iter().find(|(name, ..)| *name == known)
}

/// Reads a lock file whose name tells its kind; `None` for a name that tells none.
///
/// # Errors
/// See [`LockError`].
pub fn read(name: &Path, text: &str) -> Option<Result<Vec<Locked>, LockError>> {
    let (_, _, reader) = find(name)?;
    if text.len() > LOCK_BYTES_MAX {
        return Some(Err(LockError::whole(format!("longer than {LOCK_BYTES_MAX} bytes"))));
    }
    Some(match reader(text) {
        Ok(packages) => sound(packages),
        Err(error) => Err(LockError { what: plain(&error.what), ..error }),
    })
}

/// A name that cannot be written names nothing that a cache has, either: who wrote it did not mean a package.
fn sound(packages: Vec<Locked>) -> Result<Vec<Locked>, LockError> {
    match packages.iter().find(|package| !package.purl.is_sound()) {
        Some(odd) => {
            Err(LockError::whole(plain(&format!("a name that no package has: {}", odd.purl.full_name()))))
        }
        None => Ok(packages),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Program;

    fn error(name: &str, text: &str) -> LockError {
        read(Path::new(name), text).unwrap().unwrap_err()
    }

    #[test]
    fn what_an_error_says_is_short_and_moves_no_cursor() {
        let escape = format!("{{\"default\":{{\"a\":\"{}\"}}}}", "\u{9b}2J".repeat(1000));
        let said = error("Pipfile.lock", &escape).to_string();
        assert!(said.len() < 2000 && !said.contains(char::is_control), "{said:?}");
    }

    #[test]
    fn a_name_tells_whose_packages_they_are() {
        assert_eq!(kind(Path::new("a/requirements-dev.in")), Some("pypi"));
        assert_eq!((kind(Path::new("yarn.lock")), kind(Path::new("yarn.loc"))), (Some("npm"), None));
        let known: Vec<&str> = Program::ALL.iter().map(|program| program.kind()).collect();
        assert!(names().all(|name| kind(Path::new(name)).is_some_and(|kind| known.contains(&kind))));
    }

    #[test]
    fn a_name_that_no_package_has_is_refused() {
        let named = |name: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"1\"\nsource = \"s\"\n");
        for name in ["a\\u001b[2J", "", &"a".repeat(3000)] {
            let said = error("Cargo.lock", &named(name)).to_string();
            assert!(said.contains("no package has") && said.len() < 2000, "{said}");
        }
        assert_eq!(read(Path::new("Cargo.lock"), &named("a")).unwrap().unwrap().len(), 1);
    }
}
