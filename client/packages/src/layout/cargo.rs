//! The home of cargo: crates of registries, and clones of git sources.
//!
//! ```text
//! registry/cache/REGISTRY/NAME-VERSION.crate     what the registry gave
//! registry/src/REGISTRY/NAME-VERSION/            the same, unpacked; `.cargo-ok` once that is done
//! registry/index/REGISTRY/.cache/na/me/name      what the index says of a crate: versions with checksums
//! git/db/NAME-HASH/                              a bare clone
//! git/checkouts/NAME-HASH/REVISION/              a work tree of it; `.cargo-ok` once that is done
//! ```
//!
//! `REGISTRY` is a host and 16 hexadecimal digits. After the sources of cargo (`sources/registry/index/cache.rs` above all)
//! and homes that 1.95 made. An index file begins with its format's version:
//!
//! ```text
//! 1                              index version, 0, then { crate version, 0, JSON, 0 }*
//! 2, 3   u32 schema version,     index version, 0, then { crate version, 0, JSON, 0 }*
//! ```
//!
//! Cargo compares a `.crate` with the index when it downloads it, and never again: a changed one is built as it is. What was
//! unpacked it never compares with anything, and builds from that: here it is compared with the crate. It makes no symlinks
//! but those that a crate has. An index
//! file without a crate is the rule (whoever resolves reads many); a crate that a sparse index says nothing of is not. An
//! index that is a git repository says what it says in git's objects, too, so there nothing is missed.

mod git;
mod index;

use super::unpacked::Unpacked;
use crate::files::Files;
use crate::purl::Purl;
use crate::reading::{Answer, Check, Expected, Held, Mend, Orphan, Reading};
use index::Index;
use std::collections::{BTreeMap, BTreeSet};

/// What is written when a directory is unpacked whole.
const DONE: &str = ".cargo-ok";
/// Files of unpacked sources that are named as wrong, of one crate: more tell nothing new.
const WRONG_MAX: usize = 20;

/// Reads it.
pub(crate) fn read(files: &Files) -> Reading {
    let mut reading = Reading::default();
    let registries = registries(files);
    if !registries.is_empty() {
        reading.layouts.push("cargo registry".to_owned());
    }
    let (mut versions, mut compared) = (BTreeSet::new(), BTreeSet::new());
    for name in registries {
        let mut registry = Registry { files, name, index: Index::of(files, name), compared: BTreeSet::new() };
        versions.extend(registry.index.versions(&mut reading));
        registry.read(&mut reading);
        compared.append(&mut registry.compared);
    }
    reading.trees.extend(compared.iter().cloned());
    reading.layouts.extend(versions.iter().map(|version| format!("cargo index cache v{version}")));
    git::read(files, &mut reading);
    forbid_links(files, &compared, &mut reading);
    reading
}

/// The links of sources that were compared with their crate are judged.
fn forbid_links(files: &Files, compared: &BTreeSet<String>, reading: &mut Reading) {
    for directory in ["registry/cache", "registry/index", "git/db"] {
        reading.forbid_links(files, directory);
    }
    reading.forbid_links_but(files, "registry/src", |link| {
        sources_of(link).is_some_and(|sources| compared.contains(sources))
    });
}

/// `registry/src/REGISTRY/NAME-VERSION` of what lies in it.
fn sources_of(path: &str) -> Option<&str> {
    let (end, _) = path.match_indices('/').nth(3)?;
    path.get(..end)
}

/// Directories of `registry/*`, by their names' shape.
fn registries(files: &Files) -> BTreeSet<&str> {
    let parts = ["registry/cache", "registry/index", "registry/src"];
    let names = parts.iter().flat_map(|part| children(files, part));
    names.filter(|name| is_named_by_hash(name)).collect()
}

/// The directories in a directory.
fn children<'a>(files: &'a Files, directory: &'a str) -> BTreeSet<&'a str> {
    let below = files.under(directory).filter_map(|(path, _)| path.get(directory.len() + 1..));
    below.filter_map(|path| path.split_once('/')).map(|(name, _)| name).collect()
}

/// `index.example.org-0123456789abcdef`.
fn is_named_by_hash(name: &str) -> bool {
    let is_hash = |hash: &str| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.rsplit_once('-').is_some_and(|(name, hash)| !name.is_empty() && is_hash(hash))
}

/// `NAME-VERSION`: a name has no dot, so the version begins at the first hyphen that is followed by a number and a dot.
fn name_and_version(text: &str) -> Option<(&str, &str)> {
    let begins = |rest: &str| {
        rest.split_once('.')
            .is_some_and(|(major, _)| !major.is_empty() && major.bytes().all(|b| b.is_ascii_digit()))
    };
    let mut hyphens = text.match_indices('-');
    let (at, _) = hyphens.find(|(at, _)| text.get(at + 1..).is_some_and(begins))?;
    let (name, version) = (text.get(..at)?, text.get(at + 1..)?);
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.+".contains(letter);
    (!name.is_empty() && text.chars().all(is_plain)).then_some((name, version))
}

/// A registry's part of the home.
struct Registry<'a> {
    files: &'a Files,
    name: &'a str,
    index: Index<'a>,
    /// Directories of sources that were compared with their crate, symlinks and all.
    compared: BTreeSet<String>,
}

impl Registry<'_> {
    fn read(&mut self, reading: &mut Reading) {
        let cache = format!("registry/cache/{}", self.name);
        let mut crates: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (path, bytes) in self.files.under(&cache) {
            let crate_name = path.strip_suffix(".crate").and_then(|path| path.get(cache.len() + 1..));
            match crate_name.and_then(name_and_version) {
                // A download that never began: cargo takes an empty file for none.
                Some(_) if bytes == 0 => reading.orphans.push(Orphan {
                    path: path.to_owned(),
                    why: "it is empty".to_owned(),
                    mend: Mend::Remove(vec![path.to_owned()]),
                }),
                Some((name, version)) => {
                    crates.entry(name).or_default().insert(version);
                }
                None => reading.note(path, "it is no crate"),
            }
        }
        let told: BTreeSet<String> = crates.keys().map(|name| self.index.file_of(name)).collect();
        // What the index says of crates that are not here.
        let answers = self.index.paths().filter(|path| !told.contains(*path));
        reading.answers.extend(answers.map(Answer::of_file));
        let mut untold = 0;
        for (name, versions) in crates {
            untold += self.read_versions(&cache, name, &versions, reading);
        }
        if untold > 0 {
            let what = format!(
                "of {untold} crates the index here does not say what they must be: nobody does, but a lock file"
            );
            reading.note(&cache, what);
        }
        self.read_sources(reading);
    }

    /// Gives how many of them nothing tells of.
    fn read_versions(
        &mut self,
        cache: &str,
        name: &str,
        versions: &BTreeSet<&str>,
        reading: &mut Reading,
    ) -> usize {
        let (by, mut untold) = (self.index.file_of(name), 0);
        let checksums = match self.index.checksums(name, versions) {
            Ok(checksums) => Some(checksums),
            Err(what) => {
                reading.note(&by, what);
                None
            }
        };
        for version in versions {
            let path = format!("{cache}/{name}-{version}.crate");
            let mut held = self.held(name, version, &path);
            held.checks.extend(self.check_sources(&format!("{name}-{version}"), &path, reading));
            let checksum = checksums.as_ref().and_then(|checksums| checksums.get(*version));
            if let Some(digest) = checksum.cloned() {
                held.checks.push(Check { path, expected: Expected::Whole(digest), by: by.clone() });
            } else if checksums.is_some() && self.index.is_whole() {
                let mend = Mend::Remove(held.files.clone());
                let why = "the index says nothing of it".to_owned();
                reading.orphans.push(Orphan { path, why, mend });
            } else {
                untold += 1;
            }
            reading.packages.push(held);
        }
        untold
    }

    fn held(&self, name: &str, version: &str, path: &str) -> Held {
        let purl = Purl::new("cargo", name).version(version);
        let host = self.name.rsplit_once('-').map(|(host, _)| host.to_owned());
        let mut held = Held { source: host, ..Held::whole(purl, path) };
        let unpacked = format!("registry/src/{}/{name}-{version}/{DONE}", self.name);
        held.files.extend(Some(unpacked).filter(|unpacked| self.files.has(unpacked)));
        held
    }

    /// What of a crate's unpacked sources is not what the crate has. Where nothing is unpacked, nothing is read.
    fn check_sources(&mut self, name: &str, artifact: &str, reading: &mut Reading) -> Vec<Check> {
        let directory = format!("registry/src/{}/{name}", self.name);
        if self.files.bytes_of(&format!("{directory}/{DONE}")).is_none_or(|bytes| bytes == 0) {
            return Vec::new();
        }
        let unpacked = Unpacked { files: self.files, archive: artifact, directory: &directory, own: &[DONE] };
        let differences = unpacked.differences();
        if differences.is_ok() {
            self.compared.insert(directory.clone());
        }
        let differences = differences.unwrap_or_else(|why| {
            let why = format!("it cannot be compared with its crate: {why}");
            let mend = Mend::remove_below(self.files, &directory);
            reading.orphans.push(Orphan { path: directory.clone(), why, mend });
            Vec::new()
        });
        let wrong = |(path, why)| Check { path, expected: Expected::Wrong(why), by: artifact.to_owned() };
        differences.into_iter().take(WRONG_MAX).map(wrong).collect()
    }

    fn read_sources(&self, reading: &mut Reading) {
        let sources = format!("registry/src/{}", self.name);
        for name in children(self.files, &sources) {
            let directory = format!("{sources}/{name}");
            let done = self.files.bytes_of(&format!("{directory}/{DONE}"));
            let artifact = format!("registry/cache/{}/{name}.crate", self.name);
            if [&artifact, &format!("{directory}/{DONE}")].iter().any(|path| self.files.is_behind_link(path))
            {
                continue; // that is wrong itself
            }
            let why = if self.files.bytes_of(&artifact).is_none_or(|bytes| bytes == 0) {
                "its crate is missing"
            } else if done.is_none_or(|bytes| bytes == 0) {
                "it was not unpacked to its end"
            } else {
                continue;
            };
            let mend = Mend::remove_below(self.files, &directory);
            reading.orphans.push(Orphan { path: directory, why: why.to_owned(), mend });
        }
    }
}

#[cfg(test)]
mod tests;
