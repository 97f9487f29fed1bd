//! The cache of Yarn 2 and later: a zip archive for each package, which Yarn makes of the tarball.
//!
//! ```text
//! cache/<name>-npm-<version>-<10 digits of the locator's hash>-<key>.zip        a machine's cache
//! cache/<name>-npm-<version>-<10 digits of the locator's hash>-<10 digits>.zip  a project's
//! cache/<name>-<protocol>-<10 digits of the locator's hash>-….zip               not from a registry
//! ```
//!
//! The key is the version of the cache and how it compresses (`10c0`); the ten digits are the first of the archive's
//! SHA-512, which is checked. In a machine's cache nothing declares an archive's digest but the lock file, whose
//! `checksum` is of the archive and begins with the key: it is compared where the keys agree, as Yarn does when it installs.
//! `@scope/name` is written `@scope-name`: which hyphen it is tells the locator's hash, SHA-512 of (SHA-512 of scope and name,
//! then `npm:<version>`). Where more follows, as in a patch, the hash cannot be known here, and the lock file tells it. An
//! archive is whole by itself; only one whose name is not understood is an orphan, for no lock file is asked of it.
//!
//! From the sources of Yarn 4 (`yarnpkg-core/sources/Cache.ts`, `structUtils.ts`, `hashUtils.ts`).

use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::javascript;
use crate::reading::{Check, Expected, Held, Mend, Orphan, Reading};
use std::collections::{BTreeMap, BTreeSet};

/// The newest version of the cache that is known.
const VERSION: u32 = 10;
/// Digits of a hash in names.
const DIGITS: usize = javascript::LOCATOR_DIGITS;
/// Where archives lie: of a machine, of a project, or in a directory that was given.
const DIRECTORIES: [&str; 3] = ["cache/", "berry/cache/", ""];
/// How packages get there.
const PROTOCOLS: [&str; 8] = ["npm", "patch", "https", "http", "git", "file", "exotic", "commit"];

/// Reads what there is of it.
pub(super) fn read(files: &Files, reading: &mut Reading) {
    let (mut archives, mut odd) = (Vec::new(), Vec::new());
    let candidates =
        files.iter().filter(|(path, _)| DIRECTORIES.iter().any(|directory| is_in(path, directory)));
    for (path, _) in candidates {
        match Archive::of(path) {
            Some(archive) => archives.push(archive),
            None => odd.push(path),
        }
    }
    // Archives alone make no such cache.
    for path in odd.into_iter().filter(|_| !archives.is_empty()) {
        drop_one(path, "an archive whose name is not understood", reading);
    }
    tell_versions(&archives, reading);
    let digests = digests(files, &archives);
    for archive in &archives {
        match archive.held(&digests) {
            Some(held) => reading.packages.push(held),
            None => drop_one(archive.path, "its name tells no name of a package", reading),
        }
    }
}

/// What Yarn may know by its name, and no lock file is asked of.
fn drop_one(path: &str, why: &str, reading: &mut Reading) {
    let mend = Mend::Remove(vec![path.to_owned()]);
    reading.orphans.push(Orphan { path: path.to_owned(), why: why.to_owned(), mend });
}

/// Whether a path is that of an archive right in a directory.
fn is_in(path: &str, directory: &str) -> bool {
    let is_archive = |name: &str| name.ends_with(".zip") && !name.contains('/');
    path.strip_prefix(directory).is_some_and(is_archive)
}

fn tell_versions(archives: &[Archive<'_>], reading: &mut Reading) {
    let versions: BTreeSet<Option<u32>> = archives.iter().map(|archive| archive.version()).collect();
    for version in versions {
        let text = version.map_or_else(|| "of a project".to_owned(), |version| version.to_string());
        reading.layouts.push(format!("yarn berry cache {text}"));
        if version.is_some_and(|version| version > VERSION) {
            reading.note("cache", format!("version {text} of the cache is newer than is known here"));
        }
    }
}

/// An archive, by what its name tells.
struct Archive<'a> {
    path: &'a str,
    /// Name, and mostly version.
    name: &'a str,
    version: Option<&'a str>,
    locator: &'a str,
    /// A key of the cache, or digits of the archive's digest.
    tail: &'a str,
}

impl<'a> Archive<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let stem = path.rsplit('/').next()?.strip_suffix(".zip")?;
        let (rest, tail) = stem.rsplit_once('-')?;
        let (rest, locator) = rest.rsplit_once('-')?;
        if !is_digits(locator) {
            return None;
        }
        let archive = |name, version| Self { path, name, version, locator, tail };
        let mut versions = rest.rmatch_indices("-npm-").filter_map(|(at, mark)| {
            let (name, version) = rest.split_at_checked(at)?;
            let version = version.strip_prefix(mark).filter(|version| javascript::is_version(version))?;
            Some(archive(name, Some(version)))
        });
        let first = versions.next();
        let rest_of_them = versions.find(|archive| archive.full_name().is_some());
        match first {
            // `-npm-` may stand in a name or version, too: the locator's hash tells.
            Some(first) if first.full_name().is_some() => Some(first),
            Some(first) => rest_of_them.or(Some(first)),
            None => {
                let (name, protocol) = rest.rsplit_once('-')?;
                PROTOCOLS.contains(&protocol).then(|| archive(name, None))
            }
        }
    }

    /// The version of the cache, if the name tells it.
    fn version(&self) -> Option<u32> {
        if is_digits(self.tail) {
            return None;
        }
        self.tail.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    }

    /// `@scope/name`, if it is the one whose hash is in the archive's name.
    fn full_name(&self) -> Option<String> {
        let reference = format!("npm:{}", self.version?);
        let is_it = |name: &str| javascript::locator(name, &reference) == self.locator;
        let Some(scoped) = self.name.strip_prefix('@') else {
            return is_it(self.name).then(|| self.name.to_owned());
        };
        let mut parts = scoped.match_indices('-').filter_map(|(at, _)| {
            let (scope, name) = scoped.split_at_checked(at)?;
            Some(format!("@{scope}/{}", name.strip_prefix('-')?))
        });
        parts.find(|name| is_it(name))
    }

    fn held(&self, digests: &BTreeMap<(String, Algorithm), Digest>) -> Option<Held> {
        let name = self.full_name().unwrap_or_else(|| javascript::likely_name(self.name));
        let purl = javascript::purl(&name, self.version.unwrap_or_default())?;
        // It is not what the registry gave, but made of that.
        let mut held = Held { artifact: None, ..Held::whole(purl, self.path) };
        let wrong = |why: String| Check {
            path: self.path.to_owned(),
            expected: Expected::Wrong(why),
            by: "its own name".to_owned(),
        };
        if is_digits(self.tail) {
            let found = digests.get(&(self.path.to_owned(), Algorithm::Sha512));
            held.checks.extend(match found {
                Some(found) if found.hex().starts_with(self.tail) => None,
                Some(found) => Some(wrong(format!("it is {found}, and must begin with {}", self.tail))),
                None => Some(wrong("it cannot be read".to_owned())),
            });
        }
        Some(held)
    }
}

fn is_digits(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Digests of those archives whose name tells a part of theirs.
fn digests(files: &Files, archives: &[Archive<'_>]) -> BTreeMap<(String, Algorithm), Digest> {
    let told = archives.iter().filter(|archive| is_digits(archive.tail));
    files.digests(&told.map(|archive| (archive.path, BTreeSet::from([Algorithm::Sha512]))).collect())
}

/// Whether an archive is one that a checksum of a lock file can be of: that of the same package, and with this key or digest.
/// Another version of the cache, or another compression, makes other archives of the same package.
pub(crate) fn is_archive_of(path: &str, locator: &str, key: &str, digest: &Digest) -> bool {
    Archive::of(path).is_some_and(|archive| {
        let tail = archive.tail;
        let is_made_so = if is_digits(tail) { digest.hex().starts_with(tail) } else { tail == key };
        archive.locator == locator && is_made_so
    })
}
