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
//! The tarball is always kept since version 6 (but of what came from an offline mirror). It is compared with what the metadata
//! declares and with the directory's name, by which Yarn looks for it: that tells which package it is, whatever the metadata
//! say. Yarn links what was unpacked and never compares it with anything: here it is compared with the tarball, and what of
//! the metadata runs with `package.json`. A package of which that cannot be done is an orphan: it has no tarball, or is of a
//! repository; its metadata are no JSON to us (a name twice), though they may be to Yarn. So is what lies beside the package.
//! In `.bin` are links that Yarn made to programs of the package. Before version 6 what scripts had built was put beside, so
//! it is not judged, and what it has of a lock file only claimed.
//!
//! From the sources of Yarn 1.22 (`src/config.js`, `src/fetchers`, `src/constants.js`).

mod metadata;

use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::javascript;
use crate::layout::unpacked::Unpacked;
use crate::reading::{Check, Expected, Held, Mend, Orphan, Reading};
use metadata::{Manifest, Metadata};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// The newest version that is known: that of Yarn 1.22, the last classic one.
const VERSION: u32 = 6;
/// The first version whose directories hold only what the tarball has.
const UNPACKED_VERSION: u32 = 6;
/// Unpacked files that are named as wrong, of one package: more tell nothing new.
const WRONG_MAX: usize = 20;
const MANIFEST: &str = "package.json";
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

/// A directory of a package.
struct Package<'a> {
    files: &'a Files,
    directory: &'a str,
    paths: &'a [&'a str],
    /// Whether its files must be those of the tarball.
    is_judged: bool,
}

/// A package, and why what is unpacked of it cannot be compared with anything.
type Found = (Held, Result<(), String>);

impl Package<'_> {
    fn read(&self, reading: &mut Reading) -> Option<String> {
        let metadata = self.paths.iter().find(|path| self.is_metadata(path));
        let found = metadata.ok_or_else(|| format!("it has no {METADATA}: Yarn did not finish it"));
        match found.and_then(|metadata| self.found(metadata)) {
            Ok((held, module)) => self.tell(held, module, reading),
            Err(why) => {
                self.drop_all(why, reading);
                None
            }
        }
    }

    /// The package, and where it is.
    fn found<'a>(&self, metadata: &'a str) -> Result<(Found, &'a str), String> {
        let module = metadata.strip_suffix(METADATA).unwrap_or_default();
        let bytes = self.files.read(metadata).map_err(|error| error.to_string())?;
        let mut parsed: Metadata = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        let own = self.manifest(module)?;
        if parsed.manifest.name.is_none() {
            parsed.manifest.name = own.get("name").and_then(Value::as_str).map(str::to_owned);
        }
        let mut held = self.held(metadata, module, &parsed)?;
        if !self.is_judged {
            // What Yarn links is compared with nothing: the tarball beside it vouches for none of that.
            held.artifact = None;
            return Ok(((held, Ok(())), module));
        }
        held.checks.extend(self.check_manifest(metadata, module, &parsed.manifest, &own));
        let compared = self.check_unpacked(module, &parsed).map(|checks| held.checks.extend(checks));
        Ok(((held, compared), module))
    }

    /// Gives where it is, if its symlinks were judged.
    fn tell(&self, (held, compared): Found, module: &str, reading: &mut Reading) -> Option<String> {
        reading.packages.push(held);
        if let Err(why) = compared {
            self.drop_all(why, reading);
            return None;
        }
        self.drop_strays(module, reading);
        let is_hidden = self.files.is_behind_link(&format!("{module}{TARBALL}"));
        (!is_hidden).then(|| module.trim_end_matches('/').to_owned())
    }

    fn drop_all(&self, why: String, reading: &mut Reading) {
        let mend = Mend::remove_below(self.files, self.directory);
        reading.orphans.push(Orphan { path: self.directory.to_owned(), why, mend });
    }

    /// Yarn has one module in a directory, and looks for it by its name: another one there nobody compares.
    fn drop_strays(&self, module: &str, reading: &mut Reading) {
        let all = self.files.all_under(self.directory);
        let strays: Vec<String> = all.filter(|path| !path.starts_with(module)).map(str::to_owned).collect();
        if let Some(path) = strays.first().cloned() {
            let why = "it is beside the package, and in none".to_owned();
            reading.orphans.push(Orphan { path, why, mend: Mend::Remove(strays) });
        }
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

    /// The package that Yarn looks for here: by this name, and not by the metadata's, a lock file is asked.
    fn sought<'a>(&'a self, module: &'a str, manifest: &'a Manifest) -> Option<(&'a str, &'a str)> {
        let place = module.strip_prefix(self.directory)?.trim_matches('/');
        let told = manifest.name.as_deref().filter(|_| !self.is_judged);
        let name = place.strip_prefix("node_modules/").or(told)?;
        let named = self.directory.trim_start_matches(|letter| letter != '/').trim_start_matches('/');
        let named = if self.directory.starts_with("npm-") { self.directory } else { named };
        let named = named.strip_prefix("npm-")?;
        let rest = named.strip_prefix(slug(name).as_str()).or_else(|| named.strip_prefix(name))?;
        let rest = rest.strip_prefix('-')?;
        let rest = rest.strip_suffix("-integrity").unwrap_or(rest);
        let is_hash = |hex: &str| Digest::from_hex(Algorithm::Sha1, hex).is_some();
        let hashed = rest.rsplit_once('-').filter(|(_, hex)| is_hash(hex));
        Some((name, hashed.map_or(rest, |(version, _)| version)))
    }

    fn held(&self, metadata: &str, module: &str, parsed: &Metadata) -> Result<Held, String> {
        let (name, version) =
            self.sought(module, &parsed.manifest).ok_or("Yarn looks for no package there")?;
        let purl = javascript::purl(name, version).ok_or("it tells no name of a package")?;
        let tarball = Some(format!("{module}{TARBALL}")).filter(|path| self.files.has(path));
        let digests = parsed.digests();
        let check = |path: &String, digest: Digest, by: &str| Check {
            path: path.clone(),
            expected: Expected::Whole(digest),
            by: by.to_owned(),
        };
        let mut checks = Vec::new();
        // What is of a repository is named after a commit.
        if let Some(path) = tarball.as_ref().filter(|_| !parsed.is_of_repository()) {
            checks.extend(digests.iter().map(|digest| check(path, digest.clone(), metadata)));
            checks
                .extend(told(self.directory).map(|digest| check(path, digest, "the name of its directory")));
        }
        Ok(Held {
            purl,
            source: parsed.source(),
            stated: digests,
            hashed: Vec::new(),
            artifact: tarball,
            files: self.files.under(module.trim_end_matches('/')).map(|(path, _)| path.to_owned()).collect(),
            checks,
        })
    }

    /// What runs must stand in the package's own manifest, which is compared with the tarball.
    fn check_manifest(
        &self,
        metadata: &str,
        module: &str,
        manifest: &Manifest,
        own: &Value,
    ) -> Option<Check> {
        let added = manifest.added(own, |file| self.files.has(&format!("{module}{file}")))?;
        Some(Check {
            path: metadata.to_owned(),
            expected: Expected::Wrong(format!("{added} is none of the package's own {MANIFEST}")),
            by: format!("{module}{MANIFEST}"),
        })
    }

    /// What of the unpacked files is not what the tarball has. What cannot be compared with it goes, and is fetched again.
    fn check_unpacked(&self, module: &str, parsed: &Metadata) -> Result<Vec<Check>, String> {
        if parsed.is_of_repository() {
            return Err("it is of a repository, so nothing can be compared with it".to_owned());
        }
        let archive = format!("{module}{TARBALL}");
        if self.files.is_behind_link(&archive) {
            return Ok(Vec::new()); // that is wrong itself
        }
        if !self.files.has(&archive) {
            return Err("its tarball is missing, so nothing can be compared with it".to_owned());
        }
        let directory = module.trim_end_matches('/');
        let own = [&format!("/{METADATA}")[..], &format!("/{TARBALL}")];
        let unpacked = Unpacked { files: self.files, archive: &archive, directory, own: &own };
        let differences = unpacked.differences();
        let differences =
            differences.map_err(|why| format!("it cannot be compared with its tarball: {why}"))?;
        let wrong = |(path, why)| Check { path, expected: Expected::Wrong(why), by: archive.clone() };
        let judged = differences.into_iter().filter(|(path, _)| !self.is_program(module, path));
        Ok(judged.take(WRONG_MAX).map(wrong).collect())
    }

    /// Whether this is a link that Yarn made to a program of the package. It copies none of them into a project.
    fn is_program(&self, module: &str, path: &str) -> bool {
        let is_beside = path
            .strip_prefix(module)
            .and_then(|below| below.strip_prefix(".bin/"))
            .is_some_and(|name| !name.contains('/'));
        let target = || fs::read_link(self.files.base().join(path)).ok()?.to_str().map(str::to_owned);
        let is_inside = |target: String| {
            target.strip_prefix("../").is_some_and(|below| below.split('/').all(|part| part != ".."))
        };
        is_beside && target().is_some_and(is_inside)
    }

    fn manifest(&self, module: &str) -> Result<Value, String> {
        let path = format!("{module}{MANIFEST}");
        if !self.files.has(&path) {
            return Ok(Value::Null);
        }
        let bytes = self.files.read(&path).map_err(|error| error.to_string())?;
        let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
        serde_json::from_slice(text).map_err(|error| format!("its {MANIFEST}: {error}"))
    }
}

/// A name as Yarn writes it in a directory's.
fn slug(name: &str) -> String {
    let is_kept = |letter: char| letter == '@' || letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let parts = name.split(|letter| !is_kept(letter)).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-")
}
