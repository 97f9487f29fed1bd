//! The store of pnpm: every file of every package once, by its digest, and for each package an index of its files.
//!
//! ```text
//! v3/files/<2>/<rest>[-exec]                     a file, by its SHA-512 in hexadecimal
//! v3/files/<2>/<rest>-index.json                 a package, by its tarball's digest; see [`index`]     pnpm 5 to 9
//! v10/files/<2>/<rest>[-exec]                    a file, the same
//! v10/index/<2>/<62>-<name>@<version>.json       a package, by half of its tarball's digest            pnpm 10
//! v*/<package>/integrity[-not-built].json        a package that has no tarball with a digest
//! ```
//!
//! Later versions keep the index in MessagePack (`.mpk`) or in a database (`index.db`, store v11, pnpm 11 and 12): that is noted, not read,
//! and then no file is called an orphan. The store before v3 (`2/`) is noted as well. Tarballs are not kept; store v3 tells
//! their digests, store v10 half of them. Whatever is missing pnpm fetches anew: an index with missing files is an orphan, and
//! so are files that no whole index names, as in `pnpm store prune`. So is an index that cannot be read here: pnpm reads more
//! (it takes the last of two names), and looks at no file that is older than the index says it was looked at. So every file
//! must be what its own name says, whoever names it, and nothing else may lie among them. `tmp`, `projects` and `links` of a store are of no interest; only there are symlinks.
//!
//! From the sources of pnpm 7 to 11 (`store/cafs/src`, `store/index/src`, `store/store-path`).

mod index;

use crate::digest::Digest;
use crate::files::Files;
use crate::javascript;
use crate::purl::Purl;
use crate::reading::{Check, Expected, Held, Mend, Orphan, Reading};
use index::{Index, Stored};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The newest version of the store that is known.
const VERSION: u32 = 10;
/// The oldest that is made of files by their digest.
const VERSION_MIN: u32 = 3;
/// Digits of a tarball's digest that store v10 has in the name of an index.
const INDEX_DIGITS: usize = 64;
/// Bytes of an index at most: some 200 for each of 80,000 files.
const INDEX_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Reads it.
pub(crate) fn read(files: &Files) -> Reading {
    let mut reading = Reading::default();
    for (version, paths) in stores(files) {
        read_store(files, &version, &paths, &mut reading);
    }
    note_old(files, &mut reading);
    forbid_links(files, &mut reading);
    reading
}

/// In every store, also in one of which only symlinks are there.
fn forbid_links(files: &Files, reading: &mut Reading) {
    let tops: BTreeSet<&str> = files.links().filter_map(|link| link.split('/').next()).collect();
    let versions = tops.into_iter().filter(|top| version(top).is_some()).map(|top| format!("{top}/"));
    for store in versions.chain([String::new()]) {
        ["files", "index"].iter().for_each(|part| reading.forbid_links(files, &format!("{store}{part}")));
    }
}

/// The stores, by their directory with a slash: `v3/`; none if the store itself was given.
fn stores(files: &Files) -> BTreeMap<String, Vec<&str>> {
    let mut stores: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (path, _) in files.iter() {
        let Some((first, _)) = path.split_once('/') else { continue };
        let store = match version(first) {
            Some(_) => format!("{first}/"),
            None => String::new(),
        };
        stores.entry(store).or_default().push(path);
    }
    stores.retain(|store, paths| is_store(store, paths));
    stores
}

fn version(directory: &str) -> Option<u32> {
    directory.trim_end_matches('/').strip_prefix('v')?.parse().ok()
}

/// Whether there is a file that only a store has.
fn is_store(store: &str, paths: &[&str]) -> bool {
    let is_of_store = |path: &&str| {
        let below = path.strip_prefix(store).unwrap_or_default();
        match Kind::of(below) {
            Kind::Content(_) | Kind::NewIndex => true,
            Kind::Index => below.starts_with("files/") || below.starts_with("index/"),
            Kind::Other => below == "index.db" && !store.is_empty(),
        }
    };
    paths.iter().any(is_of_store)
}

/// pnpm 4 and before kept packages whole.
fn note_old(files: &Files, reading: &mut Reading) {
    if files.has("2/store.json") || files.under("2").any(|(path, _)| path.ends_with("/packed.tgz")) {
        reading.layouts.push("pnpm store 2".to_owned());
        reading.note("2", "an older version of the store than is known here: it is not read");
    }
}

/// What a file of a store is.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Content(Digest),
    Index,
    /// An index that is not read.
    NewIndex,
    Other,
}

impl Kind {
    /// By its path below the store.
    fn of(below: &str) -> Self {
        let parts: Vec<&str> = below.split('/').collect();
        match parts.as_slice() {
            ["files", directory, name] if directory.len() == 2 => {
                let hex = format!("{directory}{}", name.strip_suffix("-exec").unwrap_or(name));
                match Digest::from_any_hex(&hex).filter(|digest| digest.hex() == hex) {
                    Some(digest) => Self::Content(digest),
                    None if is_index(directory, name, ".json") => Self::Index,
                    None => Self::Other,
                }
            }
            ["index", directory, name] if is_index(directory, name, ".json") => Self::Index,
            ["index", directory, name] if is_index(directory, name, ".mpk") => Self::NewIndex,
            [_, "integrity.json" | "integrity-not-built.json"] => Self::Index,
            _ => Self::Other,
        }
    }
}

/// Whether a file begins with a digest, from the directory's name on, and ends as an index does.
fn is_index(directory: &str, name: &str, suffix: &str) -> bool {
    let digits = name.strip_suffix(suffix).and_then(|stem| stem.split('-').next());
    let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    directory.len() == 2 && is_hex(directory) && digits.is_some_and(is_hex)
}

fn read_store(files: &Files, store: &str, paths: &[&str], reading: &mut Reading) {
    let name = if store.is_empty() { "without version" } else { store.trim_end_matches('/') };
    reading.layouts.push(format!("pnpm store {name}"));
    let named = BTreeSet::new();
    let mut reader = Reader { files, store, named, is_version_known: true, is_index_known: true, reading };
    reader.note_version(paths);
    let (mut content, mut new_indexes) = (Vec::new(), 0_usize);
    for path in paths {
        match Kind::of(path.strip_prefix(store).unwrap_or_default()) {
            Kind::Content(digest) => content.push((*path, digest)),
            Kind::Index => reader.index(path),
            Kind::NewIndex => new_indexes += 1,
            Kind::Other => reader.other(path),
        }
    }
    if new_indexes > 0 {
        reader.is_index_known = false;
        let what =
            format!("{new_indexes} packages whose index is newer than is known here: they are not read");
        reader.reading.note(&format!("{store}index"), what);
    }
    reader.find_unnamed(&content);
    reader.check_content(content);
}

struct Reader<'a> {
    files: &'a Files,
    store: &'a str,
    /// Files that a whole index names.
    named: BTreeSet<String>,
    /// Whether this version of the store is known.
    is_version_known: bool,
    /// Whether all of the index was read.
    is_index_known: bool,
    reading: &'a mut Reading,
}

impl Reader<'_> {
    fn note_version(&mut self, paths: &[&str]) {
        let database = format!("{}index.db", self.store);
        if paths.contains(&database.as_str()) {
            self.is_index_known = false;
            self.reading
                .note(&database, "an index that is newer than is known here: its packages are not read");
        }
        match version(self.store) {
            Some(version) if version > VERSION => {
                (self.is_version_known, self.is_index_known) = (false, false);
                self.reading.note(self.store, "a newer version of the store than is known here");
            }
            Some(version) if version < VERSION_MIN => {
                (self.is_version_known, self.is_index_known) = (false, false);
                self.reading.note(self.store, "an older version of the store than is known here");
            }
            _ => {}
        }
    }

    fn index(&mut self, path: &str) {
        let is_long = self.files.bytes_of(path).is_some_and(|bytes| bytes > INDEX_BYTES_MAX);
        let parsed = if is_long {
            Err(format!("an index of more than {INDEX_BYTES_MAX} bytes"))
        } else {
            self.files.read(path).map_err(|error| error.to_string())
        };
        let parsed =
            parsed.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
        let found = parsed.and_then(|index: Index| {
            let stored = index.stored().ok_or_else(|| "a file of it has no digest".to_owned())?;
            Ok((self.purl(path, &index).ok_or_else(|| "it tells no name of a package".to_owned())?, stored))
        });
        match found {
            Ok((purl, stored)) => self.package(path, purl, &stored),
            // pnpm may read what we cannot, such as a name that is there twice.
            Err(why) if self.is_version_known => self.drop(path, &why),
            Err(why) => self.reading.note(path, why),
        }
    }

    /// Where files and indexes are, nothing else belongs; an index could name it.
    fn other(&mut self, path: &str) {
        let below = path.strip_prefix(self.store).unwrap_or_default();
        let is_among = below.starts_with("files/") || below.starts_with("index/");
        if is_among && self.is_version_known {
            self.drop(path, "neither a file nor an index");
        }
    }

    fn drop(&mut self, path: &str, why: &str) {
        let mend = Mend::Remove(vec![path.to_owned()]);
        self.reading.orphans.push(Orphan { path: path.to_owned(), why: why.to_owned(), mend });
    }

    fn purl(&self, path: &str, index: &Index) -> Option<Purl> {
        // pnpm looks for a package by the name of its index, if that tells one.
        let told = || javascript::purl(index.name.as_ref()?, index.version.as_deref().unwrap_or_default());
        of_file_name(path).or_else(told).or_else(|| self.of_manifest(index))
    }

    fn of_manifest(&self, index: &Index) -> Option<Purl> {
        #[derive(Deserialize)]
        struct Manifest {
            name: String,
            #[serde(default)]
            version: String,
        }
        let path = self.path(&index.manifest()?)?;
        let manifest: Manifest = serde_json::from_slice(&self.files.read(&path).ok()?).ok()?;
        javascript::purl(&manifest.name, &manifest.version)
    }

    /// Where a file is, if it is there. Old versions take a file for executable if anybody may execute it, newer ones if
    /// all may.
    fn path(&self, stored: &Stored) -> Option<String> {
        let path = format!("{}files/{}", self.store, stored.path);
        let plain = path.strip_suffix("-exec").map(str::to_owned);
        [Some(path), plain].into_iter().flatten().find(|path| self.files.has(path))
    }

    fn package(&mut self, index: &str, purl: Purl, stored: &[Stored]) {
        let mut checks = BTreeMap::new();
        for file in stored {
            let Some(path) = self.path(file) else {
                return self.drop(index, "it names files that are not there");
            };
            let expected = Expected::Whole(file.digest.clone());
            checks.insert(path.clone(), Check { path, expected, by: index.to_owned() });
        }
        self.named.extend(checks.keys().cloned());
        let files = [index.to_owned()].into_iter().chain(checks.keys().cloned()).collect();
        let stated = tarball_digest(index).into_iter().collect();
        let checks = checks.into_values().collect();
        self.reading.packages.push(Held {
            purl,
            source: None,
            artifact: None,
            files,
            stated,
            hashed: Vec::new(),
            checks,
        });
    }

    fn find_unnamed(&mut self, content: &[(&str, Digest)]) {
        if !self.is_index_known {
            return;
        }
        let unnamed: Vec<&str> =
            content.iter().map(|(path, _)| *path).filter(|path| !self.named.contains(*path)).collect();
        unnamed.into_iter().for_each(|path| self.drop(path, "no whole package names it"));
    }

    /// A file must be what its own name says, also if no index that is understood names it.
    fn check_content(&mut self, content: Vec<(&str, Digest)>) {
        let unnamed = content.into_iter().filter(|(path, _)| !self.named.contains(*path));
        let check = |(path, digest): (&str, Digest)| Check {
            path: path.to_owned(),
            expected: Expected::Whole(digest),
            by: "its own name".to_owned(),
        };
        self.reading.checks.extend(unnamed.map(check));
    }
}

/// The package that an index of store v10 tells by its name: `<62>-@scope+name@1.0.0.json`.
fn of_file_name(path: &str) -> Option<Purl> {
    let stem = path.rsplit('/').next()?.strip_suffix(".json")?;
    let (_, package) = stem.split_once('-')?;
    let (name, version) = javascript::split_name(package)?;
    let name = if name.starts_with('@') { name.replacen('+', "/", 1) } else { name.to_owned() };
    javascript::purl(&name, version).filter(|_| javascript::is_version(version))
}

/// Whether a package's index is that of a tarball, by the half of the digest that store v10 has in its name; none if it
/// tells none.
pub(crate) fn is_index_of(held: &Held, tarball: &Digest) -> Option<bool> {
    let (directories, name) = held.files.first()?.strip_suffix(".json")?.rsplit_once('/')?;
    let (above, first) = directories.rsplit_once('/')?;
    let told = format!("{first}{}", name.split_once('-')?.0);
    let hex = tarball.hex();
    let half = hex.get(..INDEX_DIGITS).unwrap_or(&hex);
    (above.rsplit('/').next() == Some("index") && told.len() == half.len()).then(|| told == half)
}

/// The tarball's digest that an index of store v3 tells by its path.
fn tarball_digest(path: &str) -> Option<Digest> {
    let (directories, name) = path.strip_suffix("-index.json")?.rsplit_once('/')?;
    Digest::from_any_hex(&format!("{}{name}", directories.rsplit('/').next()?))
}

#[cfg(test)]
mod tests;
