//! Source archives: what was unpacked of them, and the wheels that were built.

use super::pointer::{self, Pointer};
use super::{Part, children, drop_one, sort};
use crate::digest::Digest;
use crate::files::Files;
use crate::layout::msgpack;
use crate::purl::Purl;
use crate::python::{is_name, purl, purl_of_file};
use crate::reading::{Held, Mend, Orphan, Reading};
use std::collections::BTreeSet;
use std::io::BufReader;

/// Reads `sdists` or `built-wheels`.
pub(super) fn read(files: &Files, part: &Part, reading: &mut Reading) {
    let paths = files.under(&part.directory).map(|(path, _)| path);
    let directories: BTreeSet<&str> = paths.filter_map(source_directory).collect();
    for directory in directories {
        let revisions = Revisions::of(files, directory, part.is_known(), reading);
        revisions.read(reading);
    }
}

/// The directory of one source: so many parts of a path, by its kind.
fn source_directory(path: &str) -> Option<&str> {
    let parts = match path.split('/').nth(1)? {
        "index" => 5,
        "pypi" | "git" => 4,
        "url" | "path" | "editable" => 3,
        _ => return None,
    };
    let (end, _) = path.match_indices('/').nth(parts - 1)?;
    path.get(..end)
}

/// What a directory holds of a source.
struct Revisions<'a> {
    files: &'a Files,
    directory: &'a str,
    /// Those that took the place of others, or none are.
    stale: BTreeSet<String>,
    stated: Vec<Digest>,
    source: Option<String>,
}

impl<'a> Revisions<'a> {
    fn of(files: &'a Files, directory: &'a str, is_known: bool, reading: &mut Reading) -> Self {
        let (mut stale, mut stated) = (children(files, directory), Vec::new());
        let (mut is_pointed_at, mut is_understood, mut source) = (false, true, None);
        let below = files.under(directory).map(|(path, _)| path);
        let is_direct = |path: &str| path.get(directory.len() + 1..).is_some_and(|name| !name.contains('/'));
        for path in below.filter(|path| pointer::is_one(path) && is_direct(path)) {
            match Pointer::read(files, path) {
                Ok(pointer) if stale.remove(&pointer.id) => {
                    is_pointed_at = true;
                    stated.extend(pointer.digests);
                    source = source.or(pointer.source);
                }
                Ok(_) => drop_one(path, "its revision is missing".to_owned(), reading),
                Err(what) if is_known => drop_one(path, what, reading),
                Err(what) => {
                    is_understood = false;
                    reading.note(path, what);
                }
            }
        }
        // Without a pointer, as of repositories, there are no revisions.
        if !is_pointed_at || !is_understood {
            stale.clear();
        }
        sort(&mut stated);
        source = source.or_else(|| pointer::source(directory));
        Self { files, directory, stale, stated, source }
    }

    fn read(self, reading: &mut Reading) {
        for name in &self.stale {
            let path = format!("{}/{name}", self.directory);
            let mend = Mend::remove_below(self.files, &path);
            reading.orphans.push(Orphan { path, why: "another revision took its place".to_owned(), mend });
        }
        let below = self.files.under(self.directory).map(|(path, _)| path.to_owned());
        let files: Vec<String> = below.filter(|path| !self.is_stale(path)).collect();
        // A pointer alone is an orphan, and no package; locks stay where something once was.
        if files.iter().all(|path| pointer::is_one(path) || path.ends_with(".lock")) {
            return;
        }
        let Some(purl) = purl_of_source(self.files, self.directory, &files) else {
            reading.note(self.directory, "a source whose package is not known");
            return;
        };
        let (source, stated) = (self.source, self.stated);
        reading.packages.push(Held {
            purl,
            source,
            artifact: None,
            files,
            stated,
            hashed: Vec::new(),
            checks: Vec::new(),
        });
    }

    fn is_stale(&self, path: &str) -> bool {
        let below = path.get(self.directory.len() + 1..).and_then(|path| path.split_once('/'));
        below.is_some_and(|(name, _)| self.stale.contains(name))
    }
}

/// From an index the path tells it; else the metadata does, or the name of a wheel that was built.
fn purl_of_source(files: &Files, directory: &str, held: &[String]) -> Option<Purl> {
    let mut parts = directory.split('/').skip(1);
    if matches!(parts.next()?, "pypi" | "index") {
        let mut parts = directory.rsplit('/');
        let (version, name) = (parts.next()?, parts.next()?);
        return is_name(name).then(|| purl(name, version));
    }
    let metadata = held.iter().filter(|path| path.ends_with("/metadata.msgpack"));
    let mut by_metadata = metadata.filter_map(|path| purl_of_metadata(files, path));
    by_metadata.next().or_else(|| held.iter().find_map(|path| purl_of_file(path.rsplit('/').next()?)))
}

/// Name and version come first.
fn purl_of_metadata(files: &Files, path: &str) -> Option<Purl> {
    let value = msgpack::read(BufReader::new(files.reader(path).ok()?)).ok()?;
    let mut items = value.items();
    let (name, version) = (items.next()?.text()?, items.next()?.text()?);
    is_name(name).then(|| purl(name, version))
}
