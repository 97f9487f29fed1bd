//! Go's module cache (`GOMODCACHE`, mostly `~/go/pkg/mod`).
//!
//! ```text
//! cache/download/MODULE/@v/VERSION.zip       the module as the proxy gave it
//! cache/download/MODULE/@v/VERSION.ziphash   `h1:…` of that archive, written by Go after the download
//! cache/download/MODULE/@v/VERSION.{mod,info,lock}   its go.mod, its time and origin, a lock
//! cache/download/MODULE/@v/VERSION.partial   there while the tree is unpacked (Go 1.15 and later)
//! cache/download/MODULE/@v/list              versions that the proxy named
//! MODULE@VERSION/…                           the tree, unpacked: what is compiled
//! MODULE@VERSION.tmp-N/…                     a tree half unpacked (Go before 1.15)
//! cache/download/sumdb, cache/vcs, cache/lock   tiles of the checksum database, mirrors of repositories, a lock
//! ```
//!
//! Upper case is `!` and lower case. As Go treats them: an archive without its hash is hashed again, an archive without
//! `.mod` or `.info` is whole, a hash whose archive was removed vouches for the tree; a tree without a hash is unpacked again,
//! and so is one beside a `.partial`. Source: `cmd/go/internal/modfetch` (`DownloadDir`, `downloadZip`, `CachePath`).
//!
//! No module has a symlink, and Go makes none; of the mirrors of repositories nobody knows.
//!
//! The hash must hold for the archive and for the tree, for Go itself never looks at the tree again.

pub(crate) mod hash;

pub(crate) use hash::module_hash;

use crate::files::Files;
use crate::lock::go_sum;
use crate::purl::Purl;
use crate::reading::{Check, Expected, Held, Mend, Orphan, Reading};
use std::collections::{BTreeMap, BTreeSet};

/// What else is in `cache`.
const BESIDE_DOWNLOADS: [&str; 2] = ["cache/lock", "cache/vcs/"];
/// The module that Go unpacks from its own installation, without a hash.
const WITHOUT_HASH: &str = "golang.org/fips140@";

/// Reads it.
pub(crate) fn read(files: &Files) -> Reading {
    let mut reading = Reading::default();
    let modules = Modules::of(files);
    if modules.versions.values().any(|version| !version.files.is_empty()) {
        reading.layouts.push("go cache/download".to_owned());
    } else {
        reading.forbid_links(files, "cache/download");
        return reading;
    }
    for (name, version) in &modules.versions {
        version.tell(files, name, &mut reading);
    }
    for path in modules.leftovers {
        let why = "a download or an unpacking that was not finished".to_owned();
        reading.orphans.push(Orphan { path: path.clone(), why, mend: Mend::Remove(vec![path]) });
    }
    if let Some((path, count)) = modules.strange {
        reading.note(&path, format!("{count} files are nothing that a module cache has"));
    }
    reading.forbid_links_but(files, "", |link| link.starts_with("cache/vcs/"));
    reading
}

/// Every version of every module, by `MODULE@VERSION` as paths write it.
#[derive(Default)]
struct Modules {
    versions: BTreeMap<String, Version>,
    leftovers: Vec<String>,
    strange: Option<(String, usize)>,
}

/// What is there of one version.
#[derive(Default)]
struct Version {
    /// In the download directory.
    files: Vec<String>,
    zip: Option<String>,
    ziphash: Option<String>,
    partial: Option<String>,
    has_tree: bool,
}

impl Modules {
    fn of(files: &Files) -> Self {
        let mut modules = Self::default();
        for (path, _) in files.iter() {
            if let Some(below) = path.strip_prefix("cache/download/") {
                modules.downloaded(below, path);
            } else if let Some(tree) = tree_of(path) {
                modules.unpacked(tree, path);
            } else if !BESIDE_DOWNLOADS.iter().any(|known| path.starts_with(known)) {
                modules.is_strange(path);
            }
        }
        modules
    }

    fn is_strange(&mut self, path: &str) {
        let (_, count) = self.strange.get_or_insert_with(|| (path.to_owned(), 0));
        *count += 1;
    }

    fn downloaded(&mut self, below: &str, path: &str) {
        if below.starts_with("sumdb/") {
            return;
        }
        let Some((module, name)) = below.split_once("/@v/") else { return self.is_strange(path) };
        if matches!(name, "list" | "list.lock") {
            return;
        }
        if name.ends_with(".tmp") {
            return self.leftovers.push(path.to_owned());
        }
        let Some((version, kind)) = name.rsplit_once('.').filter(|_| !name.contains('/')) else {
            return self.is_strange(path);
        };
        if !matches!(kind, "zip" | "ziphash" | "mod" | "info" | "lock" | "partial") {
            return self.is_strange(path);
        }
        let version = self.versions.entry(format!("{module}@{version}")).or_default();
        let path = path.to_owned();
        version.files.push(path.clone());
        match kind {
            "zip" => version.zip = Some(path),
            "ziphash" => version.ziphash = Some(path),
            "partial" => version.partial = Some(path),
            _ => {}
        }
    }

    fn unpacked(&mut self, tree: &str, path: &str) {
        let unfinished = tree.rsplit_once(".tmp-").is_some_and(|(_, number)| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        if unfinished {
            self.leftovers.push(path.to_owned());
        } else if let Some(version) = self.versions.get_mut(tree) {
            version.has_tree = true;
        } else {
            self.versions.insert(tree.to_owned(), Version { has_tree: true, ..Version::default() });
        }
    }
}

/// The tree that a path outside `cache` is in: up to the end of the part with the first `@`.
fn tree_of(path: &str) -> Option<&str> {
    let (module, rest) = path.split_once('@').filter(|_| !path.starts_with("cache/"))?;
    let (version, _) = rest.split_once('/')?;
    path.get(..module.len() + 1 + version.len())
}

/// `!x` is `X`; upper case itself is in no such name.
fn unescape(text: &str) -> Option<String> {
    let (mut plain, mut letters) = (String::with_capacity(text.len()), text.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '!' => plain.push(letters.next().filter(char::is_ascii_lowercase)?.to_ascii_uppercase()),
            upper if upper.is_ascii_uppercase() => return None,
            other => plain.push(other),
        }
    }
    Some(plain)
}

impl Version {
    fn tell(&self, files: &Files, name: &str, reading: &mut Reading) {
        let tree_is_whole = self.tell_orphans(files, name, reading);
        if self.zip.is_none() && !self.has_tree {
            return; // only its go.mod was wanted
        }
        let Some(purl) = purl(name) else {
            return reading.note(name, "it is no name of a module and its version");
        };
        let tree = tree_is_whole.then(|| name.to_owned());
        let mut held = Held {
            purl,
            source: None,
            artifact: self.zip.clone().or_else(|| tree.clone()),
            files: self.files.clone(),
            stated: Vec::new(),
            hashed: Vec::new(),
            checks: Vec::new(),
        };
        if self.has_tree {
            reading.trees.push(name.to_owned());
            held.files.extend(files.under(name).map(|(path, _)| path.to_owned()));
        }
        self.check(files, &mut held, tree, reading);
        reading.packages.push(held);
    }

    /// Says what lacks its other half; whether the tree is one that Go would take.
    fn tell_orphans(&self, files: &Files, name: &str, reading: &mut Reading) -> bool {
        let mut orphan = |why: &str, gone: Vec<String>| {
            let why = why.to_owned();
            reading.orphans.push(Orphan { path: name.to_owned(), why, mend: Mend::Remove(gone) });
        };
        let tree = || files.all_under(name).map(str::to_owned);
        match (&self.partial, &self.ziphash) {
            (Some(partial), _) => {
                orphan("it is not completely unpacked", tree().chain([partial.clone()]).collect());
                false
            }
            (None, None) if self.has_tree && !name.starts_with(WITHOUT_HASH) => {
                orphan("it is unpacked, and has no hash: it is unpacked again", tree().collect());
                false
            }
            (None, Some(ziphash)) if !self.has_tree && self.zip.is_none() => {
                orphan("there is a hash, and nothing that has it", vec![ziphash.clone()]);
                false
            }
            (None, _) => self.has_tree,
        }
    }

    fn check(&self, files: &Files, held: &mut Held, tree: Option<String>, reading: &mut Reading) {
        let mut check = |path: &str, expected, by: &str| {
            held.checks.push(Check { path: path.to_owned(), expected, by: by.to_owned() });
        };
        let Some(ziphash) = &self.ziphash else { return };
        let text = files.read_text(ziphash).unwrap_or_else(|error| {
            reading.note(ziphash, error.to_string());
            String::new()
        });
        let text = text.trim();
        if !text.starts_with("h1:") {
            reading.note(ziphash, "a hash of an unknown kind");
            return self.check_without_hash(files, ziphash, tree.as_deref(), held);
        }
        let mut seen = BTreeSet::new();
        for path in self.zip.iter().chain(&tree).filter(|path| seen.insert(path.as_str())) {
            check(path, Expected::GoModule(text.to_owned()), ziphash);
        }
    }
}

impl Version {
    /// Go hashes the archive anew where it does not know the hash, so the tree must be what the archive has.
    fn check_without_hash(&self, files: &Files, ziphash: &str, tree: Option<&str>, held: &mut Held) {
        let (path, expected, by) = match (&self.zip, tree) {
            (Some(zip), Some(tree)) => match module_hash(files, zip) {
                Ok(hash) => (tree, Expected::GoModule(hash), zip.as_str()),
                Err(why) => (zip.as_str(), Expected::Wrong(why), ziphash),
            },
            (Some(_), None) => return,
            (None, _) => {
                let why = "a hash of an unknown kind, and no archive".to_owned();
                (ziphash, Expected::Wrong(why), "its own text")
            }
        };
        held.checks.push(Check { path: path.to_owned(), expected, by: by.to_owned() });
    }
}

fn purl(name: &str) -> Option<Purl> {
    let plain = unescape(name)?;
    let (module, version) = plain.split_once('@')?;
    Some(go_sum::purl(module, version))
}

#[cfg(test)]
mod tests;
