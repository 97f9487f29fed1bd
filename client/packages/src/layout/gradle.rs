//! Gradle's user home (`~/.gradle`): what it downloads.
//!
//! ```text
//! caches/modules-2/files-2.1/GROUP/ARTIFACT/VERSION/SHA1/FILE   SHA1 is the file's, without zeros in front
//! caches/modules-2/files-2.1/…/FILE.fslck   there while the file is written
//! caches/modules-2/metadata-2.N, resources-2.N, modules-2.lock, gc.properties   what Gradle knows of modules; not read
//! wrapper/dists/NAME/HASH/NAME.zip          Gradle itself; removed once it is unpacked by Gradle 9 and later
//! wrapper/dists/NAME/HASH/NAME.zip.ok       there once it is unpacked
//! wrapper/dists/NAME/HASH/NAME.zip.{part,lck}   a download that was not finished, and its lock
//! wrapper/dists/NAME/HASH/gradle-VERSION/…  it, unpacked
//! caches/VERSION, caches/jars-N, caches/transforms-N, caches/build-cache-N, daemon, …   made by Gradle; not read
//! ```
//!
//! What was unpacked of Gradle is compared with the archive beside it; where that is gone nobody vouches for it, and a note
//! says so. Which archive it must be stands in projects alone.
//!
//! A file whose metadata is gone is used again when its digest is asked for, so it is no orphan. Gradle 1 had
//! `caches/artifacts-N/filestore`, which is noted. Neither in the store nor in the wrapper's directories does Gradle make
//! symlinks. Source: Gradle's documentation of the directories that it uses,
//! `DefaultPathKeyFileStore`, `ArtifactIdentifierFileStore`, and the wrapper's `Install`.

mod wrapper;

use super::maven::name::Name;
use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::reading::{Check, Expected, Held, Mend, Orphan, Reading};
use std::collections::{BTreeMap, BTreeSet};

/// The store that is known.
const KNOWN_STORE: &str = "caches/modules-2/files-2.1";
/// What marks a file that is being written.
const MARK: &str = ".fslck";
/// What is wrong with a file that may be anything.
const NO_DIGEST: &str = "its directory is not named after a digest";
/// What is in `modules-2` beside files.
const BESIDE_FILES: [&str; 4] = ["metadata-2.", "resources-2.", "modules-2.lock", "gc.properties"];

/// Reads it.
pub(crate) fn read(files: &Files) -> Reading {
    let mut reading = Reading::default();
    let mut unknown: BTreeMap<String, &str> = BTreeMap::new();
    let mut versions: BTreeMap<&str, Vec<Stored<'_>>> = BTreeMap::new();
    let mut stores = BTreeSet::new();
    for (path, _) in files.under("caches") {
        match Place::of(path) {
            Place::Stored(version, stored) => {
                stores.insert(stored.store);
                versions.entry(version).or_default().push(stored);
            }
            Place::Unknown(directory, what) => drop(unknown.insert(directory, what)),
            Place::Other => {}
        }
    }
    see(&stores, &mut reading);
    for (version, stored) in &versions {
        tell(files, version, stored, &mut reading);
    }
    wrapper::read(files, &mut reading);
    if files.has_directory("jdks") && !reading.layouts.is_empty() {
        unknown.insert("jdks".to_owned(), "toolchains, which are not read");
    }
    for (directory, what) in unknown {
        reading.note(&directory, what);
    }
    ["caches/modules-2", wrapper::DISTS].iter().for_each(|directory| reading.forbid_links(files, directory));
    reading
}

/// Says which stores were seen: a newer one is read as if it were the one that is known.
fn see(stores: &BTreeSet<&str>, reading: &mut Reading) {
    for store in stores {
        reading.layouts.push(format!("gradle {}", store.strip_prefix("caches/").unwrap_or(store)));
        if *store != KNOWN_STORE {
            reading.note(store, "another version of the layout, read as modules-2/files-2.1");
        }
    }
}

/// A file in the store.
struct Stored<'a> {
    /// `caches/modules-2/files-2.1`
    store: &'a str,
    /// The directory that is named after the digest.
    digest: &'a str,
    name: &'a str,
    path: &'a str,
}

enum Place<'a> {
    /// In the directory of a version.
    Stored(&'a str, Stored<'a>),
    Unknown(String, &'static str),
    Other,
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Self {
        let parts: Vec<&str> = path.split('/').collect();
        let [_, modules, below, ..] = parts[..] else { return Self::Other };
        if modules.starts_with("artifacts-") && below == "filestore" {
            return Self::Unknown(format!("caches/{modules}"), "the store of Gradle 1, which is not read");
        }
        if !modules.starts_with("modules-") {
            return Self::Other;
        }
        if !below.starts_with("files-") {
            let known = modules == "modules-2" && BESIDE_FILES.iter().any(|known| below.starts_with(known));
            let directory = || format!("caches/{modules}/{below}");
            return if known { Self::Other } else { Self::Unknown(directory(), "not known, and not read") };
        }
        let [_, _, _, _, _, _, digest, name] = parts[..] else {
            return Self::Unknown(
                path.to_owned(),
                "not in a directory of group, artifact, version and digest",
            );
        };
        let store = path.get(.."caches/".len() + modules.len() + 1 + below.len()).unwrap_or_default();
        let version = path.len() - name.len() - digest.len() - 2;
        let stored = Stored { store, digest, name, path };
        path.get(..version).map_or(Self::Other, |version| Self::Stored(version, stored))
    }
}

impl Stored<'_> {
    /// `None` if its directory is not named after a digest, in a store where others may be.
    fn check(&self) -> Option<Check> {
        let digest = Digest::from_hex(Algorithm::Sha1, &format!("{:0>40}", self.digest)).map(Expected::Whole);
        let wrong = || Expected::Wrong(NO_DIGEST.to_owned());
        let expected = digest.or_else(|| (self.store == KNOWN_STORE).then(wrong))?;
        let by = "the name of its directory".to_owned();
        Some(Check { path: self.path.to_owned(), expected, by })
    }
}

/// Says what is held of one version: each artifact is a package, descriptions belong to the first.
fn tell(files: &Files, directory: &str, stored: &[Stored<'_>], reading: &mut Reading) {
    let mut names = directory.rsplit('/');
    let (Some(version), Some(artifact), Some(group)) = (names.next(), names.next(), names.next()) else {
        return;
    };
    let mut held: Vec<(bool, Held)> = Vec::new();
    for file in stored {
        if file.name.ends_with(MARK) || files.has(&format!("{}{MARK}", file.path)) {
            let (path, why) = (file.path.to_owned(), "it was not written to the end".to_owned());
            reading.orphans.push(Orphan { path: path.clone(), why, mend: Mend::Remove(vec![path]) });
            continue;
        }
        let check = file.check();
        if check.is_none() {
            reading.note(file.path, NO_DIGEST);
        }
        let other = Name {
            version: version.to_owned(),
            classifier: "",
            extension: file.name.rsplit_once('.').map_or("", |(_, extension)| extension),
        };
        let name = Name::of(artifact, version, file.name).unwrap_or(other);
        let purl = name.purl(group, artifact);
        let package = Held { checks: check.into_iter().collect(), ..Held::whole(purl, file.path) };
        held.push((name.is_description(), package));
    }
    held.sort_by_key(|(is_description, _)| *is_description);
    let mut packages: Vec<Held> = Vec::new();
    for (is_description, package) in held {
        match packages.first_mut().filter(|_| is_description) {
            Some(main) => {
                main.files.extend(package.files);
                main.checks.extend(package.checks);
            }
            None => packages.push(package),
        }
    }
    reading.packages.extend(packages);
}

#[cfg(test)]
mod tests;
