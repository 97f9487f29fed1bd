//! The cache of Yarn 1: a directory for each package, unpacked.
//!
//! ```text
//! v6/npm-<name>-<version>-<sha1 of the tarball>[-integrity]/node_modules/<name>/     since 1.10 or so
//! v1/npm-<name>-<version>-<sha1 of the tarball>/                                     before
//! v1/npm-@<scope>/<name>-<version>-<sha1 of the tarball>/
//!     .yarn-metadata.json      manifest, and where the tarball came from, with its digests
//!     .yarn-tarball.tgz        the tarball as the registry gave it
//!     …                        what was in it
//! v6/.tmp/                     of no interest
//! ```
//!
//! Yarn takes a directory without `.yarn-metadata.json` for one that was not finished, and fetches anew: it is an orphan.
//! The tarball is always kept since version 6 (but of what came from an offline mirror), so a package without it is an orphan.
//! It is compared with what the metadata declares and with the directory's name, under which Yarn looks for it.
//! Yarn links what was unpacked and never compares it with anything: here it is compared with the tarball. Before version 6
//! what scripts had built was put beside it, and so it is not judged.
//!
//! From the sources of Yarn 1.22 (`src/config.js`, `src/fetchers`, `src/constants.js`).

use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::javascript;
use crate::layout::unpacked::Unpacked;
use crate::reading::{Check, Expected, Held, Mend, Orphan, Reading};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The newest version that is known: that of Yarn 1.22, the last classic one.
const VERSION: u32 = 6;
/// The first version whose directories hold only what the tarball has.
const UNPACKED_VERSION: u32 = 6;
/// Unpacked files that are named as wrong, of one package: more tell nothing new.
const WRONG_MAX: usize = 20;
const METADATA: &str = ".yarn-metadata.json";
const TARBALL: &str = ".yarn-tarball.tgz";

/// Reads what there is of it. Gives the directories in which symlinks are judged, or nothing is.
pub(super) fn read(files: &Files, reading: &mut Reading) -> Vec<String> {
    let mut judged = Vec::new();
    for (version, packages) in packages(files) {
        let name = version.map(|version| format!("v{version}"));
        reading.layouts.push(format!("yarn classic {}", name.as_deref().unwrap_or("without version")));
        if version.is_some_and(|version| version > VERSION) {
            let what = "a newer version of the cache than is known here";
            reading.note(name.as_deref().unwrap_or_default(), what);
        }
        for (directory, paths) in packages {
            let is_judged = version.is_none_or(|version| version >= UNPACKED_VERSION);
            judged.extend(Package { files, directory, paths: &paths, is_judged }.read(reading));
        }
    }
    judged
}

type Packages<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// Directories of packages with their files, by the version of the cache.
fn packages(files: &Files) -> BTreeMap<Option<u32>, Packages<'_>> {
    let mut found: BTreeMap<Option<u32>, Packages<'_>> = BTreeMap::new();
    for (path, _) in files.iter() {
        let Some((first, _)) = path.split_once('/') else { continue };
        let version: Option<u32> = first.strip_prefix('v').and_then(|version| version.parse().ok());
        let above = if version.is_some() { first.len() + 1 } else { 0 };
        let known = directory(path, above).filter(|directory| {
            // Without a version above it, only a directory whose name tells a digest is known to be one.
            !last(directory).starts_with('.') && (version.is_some() || told(directory).is_some())
        });
        if let Some(directory) = known {
            found.entry(version).or_default().entry(directory).or_default().push(path);
        }
    }
    // A directory `v8` of another program has no package of npm's: it is no such cache.
    let is_npm = |directory: &str| directory.split('/').any(|part| part.starts_with("npm-"));
    found.retain(|_, packages| packages.keys().any(|directory| is_npm(directory)));
    found
}

/// The directory of the package that a file is in, so many bytes into its path: a part of it, or a scope and a part.
fn directory(path: &str, above: usize) -> Option<&str> {
    let mut parts = path.get(above..)?.split('/');
    let (first, second) = (parts.next()?, parts.next()?);
    let is_scope = first.starts_with("npm-@") && told(first).is_none() && told(second).is_some();
    let scope = if is_scope { 1 + second.len() } else { 0 };
    path.get(..above + first.len() + scope)
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The digest that a directory's name tells.
fn told(directory: &str) -> Option<Digest> {
    let name = last(directory);
    let (_, hex) = name.strip_suffix("-integrity").unwrap_or(name).rsplit_once('-')?;
    Digest::from_hex(Algorithm::Sha1, hex)
}

/// What Yarn wrote of a package.
#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    manifest: Manifest,
    #[serde(default)]
    remote: Remote,
    hash: Option<String>,
}

#[derive(Default, Deserialize)]
struct Manifest {
    name: Option<String>,
    version: Option<String>,
}

#[derive(Default, Deserialize)]
struct Remote {
    reference: Option<String>,
    resolved: Option<String>,
    hash: Option<String>,
    integrity: Option<String>,
}

impl Metadata {
    /// Digests of the tarball.
    fn digests(&self) -> Vec<Digest> {
        let integrity = self.remote.integrity.as_deref().map(Digest::from_integrity).unwrap_or_default();
        let hashes = [&self.remote.hash, &self.hash].into_iter().flatten();
        let hash = hashes.filter_map(|hash| Digest::from_hex(Algorithm::Sha1, hash)).next();
        javascript::strongest(integrity).into_iter().chain(hash).collect()
    }
}

/// A directory of a package.
struct Package<'a> {
    files: &'a Files,
    directory: &'a str,
    paths: &'a [&'a str],
    /// Whether its files must be those of the tarball.
    is_judged: bool,
}

impl Package<'_> {
    fn read(&self, reading: &mut Reading) -> Option<String> {
        let Some(metadata) = self.paths.iter().find(|path| self.is_metadata(path)) else {
            if self.paths.iter().any(|path| last(path) == METADATA) {
                reading.note(self.directory, "it is laid out in a way that is not known here");
                return None;
            }
            let why = format!("it has no {METADATA}: Yarn did not finish it");
            let mend = Mend::Remove(self.paths.iter().map(|path| (*path).to_owned()).collect());
            reading.orphans.push(Orphan { path: self.directory.to_owned(), why, mend });
            return None;
        };
        let module = metadata.strip_suffix(METADATA).unwrap_or_default();
        let parsed =
            self.files.read(metadata).map_err(|error| error.to_string()).and_then(|bytes| {
                serde_json::from_slice::<Metadata>(&bytes).map_err(|error| error.to_string())
            });
        match parsed.map(|parsed| self.held(metadata, module, &parsed)) {
            Ok(Some(mut held)) => {
                self.tell_alone(&held, module, reading);
                let compared = self.check_unpacked(module, held.artifact.as_deref(), reading);
                let is_judged = compared.is_some() || !self.is_judged;
                held.checks.extend(compared.into_iter().flatten());
                reading.packages.push(held);
                return is_judged.then(|| module.trim_end_matches('/').to_owned());
            }
            Ok(None) => reading.note(metadata, "it tells no name of a package"),
            Err(why) => reading.note(metadata, why),
        }
        None
    }

    /// Since version 6 Yarn keeps the tarball of what a registry gave beside it, and takes neither without the other from
    /// elsewhere: what cannot be compared goes, and is fetched again.
    fn tell_alone(&self, held: &Held, module: &str, reading: &mut Reading) {
        let is_link = self.files.is_behind_link(&format!("{module}{TARBALL}"));
        if !self.is_judged || held.artifact.is_some() || held.stated.is_empty() || is_link {
            return;
        }
        let mend = Mend::remove_below(self.files, self.directory);
        let why = "its tarball is missing, so nothing can be compared with it".to_owned();
        reading.orphans.push(Orphan { path: self.directory.to_owned(), why, mend });
    }

    /// Whether this is the metadata of the package, and not a file in it that has the same name.
    fn is_metadata(&self, path: &str) -> bool {
        let below = path.strip_prefix(self.directory).and_then(|below| below.strip_suffix(METADATA));
        match below.map(|below| below.trim_matches('/').split('/').collect::<Vec<_>>()).as_deref() {
            Some([""] | ["node_modules", _]) => true,
            Some(["node_modules", scope, _]) => scope.starts_with('@'),
            _ => false,
        }
    }

    fn held(&self, metadata: &str, module: &str, parsed: &Metadata) -> Option<Held> {
        let manifest = match &parsed.manifest {
            Manifest { name: Some(_), .. } => None,
            Manifest { name: None, .. } => self.manifest(module),
        };
        let manifest = manifest.as_ref().unwrap_or(&parsed.manifest);
        let version = manifest.version.as_deref().unwrap_or_default();
        let purl = javascript::purl(manifest.name.as_deref()?, version)?;
        let tarball = Some(format!("{module}{TARBALL}")).filter(|path| self.files.has(path));
        let digests = parsed.digests();
        let check = |path: &String, digest: Digest, by: &str| Check {
            path: path.clone(),
            expected: Expected::Whole(digest),
            by: by.to_owned(),
        };
        let mut checks = Vec::new();
        if let Some(path) = &tarball {
            checks.extend(digests.iter().map(|digest| check(path, digest.clone(), metadata)));
            checks
                .extend(told(self.directory).map(|digest| check(path, digest, "the name of its directory")));
        }
        let remote = [&parsed.remote.resolved, &parsed.remote.reference].into_iter().flatten();
        Some(Held {
            purl,
            source: remote.filter_map(|address| javascript::source(address)).next(),
            stated: if tarball.is_some() { Vec::new() } else { digests },
            hashed: Vec::new(),
            artifact: tarball,
            files: self.paths.iter().map(|path| (*path).to_owned()).collect(),
            checks,
        })
    }

    /// What of the unpacked files is not what the tarball has, if the two can be compared.
    fn check_unpacked(
        &self,
        module: &str,
        tarball: Option<&str>,
        reading: &mut Reading,
    ) -> Option<Vec<Check>> {
        let archive = tarball.filter(|_| self.is_judged)?;
        let directory = module.trim_end_matches('/');
        let unpacked = Unpacked { files: self.files, archive, directory, own: &[METADATA, TARBALL] };
        let note = |why| reading.note(directory, format!("it cannot be compared with its tarball: {why}"));
        let differences = unpacked.differences().map_err(note).ok()?;
        let wrong = |(path, why)| Check { path, expected: Expected::Wrong(why), by: archive.to_owned() };
        Some(differences.into_iter().take(WRONG_MAX).map(wrong).collect())
    }

    fn manifest(&self, module: &str) -> Option<Manifest> {
        let bytes = self.files.read(&format!("{module}package.json")).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}
