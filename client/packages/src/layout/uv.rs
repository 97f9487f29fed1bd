//! The cache of uv: unpacked wheels, source archives, and pointers to them.
//!
//! ```text
//! archive-v0/ID/                                    a wheel, unpacked, with its RECORD
//! wheels-v0..8/pypi/NAME/WHEEL.http                 which archive a wheel is, with its digests; .rev if it is a local file
//! wheels-v0..8/index/DIGEST/NAME/WHEEL.http         the same of another index, url/DIGEST/NAME of an address
//! wheels-v0..8/…/WHEEL.msgpack                      metadata alone, of wheels that were only looked at
//! built-wheels-v0..3, then sdists-v…11/             source archives, by the same kinds
//!     pypi/NAME/VERSION/revision.http               which revision is the newest, with the digests of the archive
//!     pypi/NAME/VERSION/REVISION/                   its source, unpacked; wheels built of it; links to those, unpacked
//!     git/DIGEST/COMMIT/                            the same of a repository, without a pointer
//! simple-v0..28                                     what an index says of a project (in a form that only uv reads)
//! ```
//!
//! After the sources of uv (`uv-cache`, `uv-distribution`), and caches that 0.2 and 0.13 made. A pointer is `MessagePack`;
//! that of a response has uv's notes on its freshness after it, of which only the address is looked at. The archives have
//! what must hold in themselves: each file of a wheel has a digest in `RECORD`. A pointer whose archive is missing is
//! fetched anew by uv; an archive that nothing points at and a revision that another took the place of are never used
//! again, and `uv cache prune` removes them. Versions of parts are
//! counted up when their form changes; newer ones are read as far as they look the same, and a note says so.

mod link;
mod pointer;
mod source;
mod wheel;

use crate::digest::Digest;
use crate::files::Files;
use crate::reading::{Answer, Check, Expected, LAYOUT, Mend, Orphan, Reading};
use pointer::Pointer;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Parts that hold or point at packages, with the newest version that is known.
const PARTS: [(&str, u32); 5] =
    [("archive", 0), ("wheels", 8), ("built-wheels", 3), ("sdists", 11), ("simple", 28)];
/// Parts that do not.
const PARTS_BESIDE: [(&str, u32); 9] = [
    ("binaries", 0),
    ("builds", 0),
    ("environments", 2),
    ("files", 0),
    ("flat-index", 7),
    ("git", 2),
    ("interpreter", 5),
    ("osv", 1),
    ("python", 1),
];

/// Where links to environments are.
const ENVIRONMENTS: &str = "environments-v";

/// Reads it.
pub(crate) fn read(files: &Files) -> Reading {
    let mut reading = Reading::default();
    let parts = parts(files);
    let is_part = |part: &Part| PARTS.iter().any(|(name, _)| *name == part.name);
    reading.layouts =
        parts.iter().filter(|part| is_part(part)).map(|part| format!("uv {}", part.directory)).collect();
    if reading.layouts.is_empty() {
        return reading;
    }
    note_unknown(files, &parts, &mut reading);
    let mut pointers = Pointers::of(files, &parts, &mut reading);
    for part in &parts {
        match part.name {
            "archive" => read_archives(files, &part.directory, &mut pointers, &mut reading),
            "wheels" => wheel::read_in_place(files, &part.directory, &mut reading),
            "simple" => {
                let answers = files.under(&part.directory).map(|(path, _)| Answer::of_file(path));
                reading.answers.extend(answers);
            }
            "sdists" | "built-wheels" => {
                wheel::read_in_place(files, &part.directory, &mut reading);
                source::read(files, part, &mut reading);
            }
            _ => {}
        }
    }
    pointers.find_dangling(&mut reading);
    link::judge(files, &parts, &pointers.environments, &mut reading);
    find_metadata(files, &parts, &mut reading);
    reading
}

/// Metadata of wheels that were only looked at.
fn find_metadata(files: &Files, parts: &[Part], reading: &mut Reading) {
    let held: BTreeSet<&String> = reading.packages.iter().flat_map(|held| &held.files).collect();
    let wheels = parts.iter().filter(|part| part.name == "wheels");
    let paths = wheels.flat_map(|part| files.under(&part.directory)).map(|(path, _)| path.to_owned());
    let alone = paths.filter(|path| path.ends_with(".msgpack") && !held.contains(path));
    let answers: Vec<Answer> = alone.map(|path| Answer { files: vec![path] }).collect();
    reading.answers.extend(answers);
}

/// A part of the cache: `wheels-v6`.
struct Part {
    directory: String,
    name: &'static str,
    version: u32,
    version_max: u32,
}

impl Part {
    const fn is_known(&self) -> bool {
        self.version <= self.version_max
    }
}

/// A pointer that uv may read and we cannot: what it points at would be asked of no lock file.
fn drop_one(path: &str, why: String, reading: &mut Reading) {
    let mend = Mend::Remove(vec![path.to_owned()]);
    reading.orphans.push(Orphan { path: path.to_owned(), why, mend });
}

/// `wheels-v6` is version 6 of `wheels`.
fn name_and_version(directory: &str) -> Option<(&str, u32)> {
    let (name, version) = directory.rsplit_once("-v")?;
    Some((name, version.parse().ok().filter(|_| version.bytes().all(|byte| byte.is_ascii_digit()))?))
}

fn parts(files: &Files) -> Vec<Part> {
    let part = |directory: &str| {
        let (name, version) = name_and_version(directory)?;
        let (name, version_max) = PARTS.into_iter().chain(PARTS_BESIDE).find(|(known, _)| *known == name)?;
        Some(Part { directory: directory.to_owned(), name, version, version_max })
    };
    children(files, "").iter().filter_map(|name| part(name)).collect()
}

/// The directories in a directory, `""` for the base. What holds only links is one, too.
fn children(files: &Files, directory: &str) -> BTreeSet<String> {
    let length = if directory.is_empty() { 0 } else { directory.len() + 1 };
    let names = files.all_under(directory).filter_map(|path| path.get(length..)?.split_once('/'));
    names.map(|(name, _)| name.to_owned()).collect()
}

fn note_unknown(files: &Files, parts: &[Part], reading: &mut Reading) {
    for part in parts.iter().filter(|part| !part.is_known()) {
        reading.note(
            &part.directory,
            format!("newer than version {}, the newest that is known", part.version_max),
        );
    }
    for directory in children(files, "") {
        if !parts.iter().any(|part| part.directory == directory) && !directory.starts_with('.') {
            reading.note(&directory, "no known part of a cache of uv");
        }
    }
}

/// What points at archives.
struct Pointers {
    by_id: BTreeMap<String, Vec<Pointer>>,
    /// Archives that links lead to, each with one of those.
    linked: BTreeMap<String, String>,
    /// Archives that were found.
    found: BTreeSet<String>,
    /// Archives that are environments of tools, and no wheels.
    environments: BTreeSet<String>,
    /// Whether there may be others, which were not understood.
    are_all: bool,
}

impl Pointers {
    fn of(files: &Files, parts: &[Part], reading: &mut Reading) -> Self {
        let mut pointers = Self {
            by_id: BTreeMap::new(),
            linked: BTreeMap::new(),
            found: BTreeSet::new(),
            environments: link::environments(files, parts),
            are_all: true,
        };
        for part in parts.iter().filter(|part| part.name == "wheels") {
            let paths = files.under(&part.directory).map(|(path, _)| path);
            for path in paths.filter(|path| pointer::is_one(path)) {
                pointers.add(path, Pointer::read(files, path), part.is_known(), reading);
            }
        }
        // Where a link leads is looked at, and never followed.
        for link in files.links() {
            let target = fs::read_link(files.base().join(link)).ok();
            let id = target.as_ref().and_then(|target| target.file_name()?.to_str());
            let Some(id) = id.map(str::to_owned) else { continue };
            if link.starts_with(ENVIRONMENTS) {
                pointers.linked.entry(id).or_insert_with(|| link.to_owned());
            } else {
                pointers.linked.insert(id, link.to_owned());
            }
        }
        let Self { by_id, environments, .. } = &mut pointers;
        environments.retain(|archive| archive.rsplit('/').next().is_none_or(|id| !by_id.contains_key(id)));
        // A newer version may have another way to point.
        pointers.are_all &= parts.iter().all(Part::is_known);
        pointers
    }

    fn add(&mut self, path: &str, read: Result<Pointer, String>, is_known: bool, reading: &mut Reading) {
        match read {
            Ok(pointer) => self.by_id.entry(pointer.id.clone()).or_default().push(pointer),
            Err(what) if is_known => drop_one(path, what, reading),
            Err(what) => {
                self.are_all = false;
                reading.note(path, what);
            }
        }
    }

    fn take(&mut self, id: &str) -> Vec<Pointer> {
        self.found.insert(id.to_owned());
        self.by_id.get(id).cloned().unwrap_or_default()
    }

    fn is_pointed_at(&self, id: &str) -> bool {
        self.by_id.contains_key(id) || self.linked.contains_key(id) || !self.are_all
    }

    fn find_dangling(&self, reading: &mut Reading) {
        let dangling = self.by_id.iter().filter(|(id, _)| !self.found.contains(*id));
        for pointer in dangling.flat_map(|(_, pointers)| pointers) {
            let mend = Mend::Remove(vec![pointer.path.clone()]);
            let why = "its archive is missing".to_owned();
            reading.orphans.push(Orphan { path: pointer.path.clone(), why, mend });
        }
    }
}

fn read_archives(files: &Files, part: &str, pointers: &mut Pointers, reading: &mut Reading) {
    for id in children(files, part) {
        let directory = format!("{part}/{id}");
        if !pointers.is_pointed_at(&id) {
            let mend = Mend::remove_below(files, &directory);
            reading.orphans.push(Orphan { path: directory, why: "nothing points at it".to_owned(), mend });
            continue;
        }
        if pointers.environments.contains(&directory) {
            continue;
        }
        let link_is_of_wheel = pointers.linked.get(&id).is_some_and(|link| !link.starts_with(ENVIRONMENTS));
        let linked = pointers.linked.get(&id).and_then(|link| pointer::source(link));
        let pointers = pointers.take(&id);
        let Some(mut held) = wheel::read(files, &directory, reading) else {
            no_wheel(directory, !pointers.is_empty() || link_is_of_wheel, reading);
            continue;
        };
        for pointer in pointers {
            held.source = held.source.or(pointer.source);
            held.stated.extend(pointer.digests);
            let metadata = pointer.path.rsplit_once('.').map(|(stem, _)| format!("{stem}.msgpack"));
            held.files.extend(metadata.filter(|metadata| files.has(metadata)));
            held.files.push(pointer.path);
        }
        held.source = held.source.or(linked);
        sort(&mut held.stated);
        reading.packages.push(held);
    }
}

/// What is taken for a wheel must be one; of others nothing is known.
fn no_wheel(directory: String, is_pointed_at: bool, reading: &mut Reading) {
    let what = "no unpacked wheel".to_owned();
    if is_pointed_at {
        let (expected, by) = (Expected::Wrong(what), LAYOUT.to_owned());
        return reading.checks.push(Check { path: directory, expected, by });
    }
    reading.note(&directory, what);
}

fn sort(digests: &mut Vec<Digest>) {
    digests.sort();
    digests.dedup();
}

#[cfg(test)]
mod tests;
