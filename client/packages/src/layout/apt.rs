//! apt's archives and lists: `/var/cache/apt` with `/var/lib/apt/lists` beside it as `lists`.
//!
//! ```text
//! archives/NAME_VERSION_ARCH.deb    an archive; `:`, `_` and what is no plain letter are `%3a` and such
//! archives/partial/…, lists/partial/…   what was not fetched to the end
//! archives/lock, lists/lock
//! lists/HOST_…_Packages[.lz4|.gz|.zst|.xz]   what a repository offers, as paragraphs, with digests
//! lists/…_InRelease, …_Translation-en, …_Components, …   the rest; not read
//! ```
//!
//! Lists are kept as they are, or compressed by `Acquire::GzipIndexes` (mostly lz4 since apt 1.2, gz before, zstd if told so).
//! A list that is compressed otherwise (xz) is noted, not read. An archive that no list offers is whole: lists are of today, archives of the day they were fetched.
//! Lists are signed through `InRelease`, which is apt's to check, not ours. There are no symlinks. Source: apt's `acquire-item.cc` (`pkgAcqArchive`,
//! `QuoteString`) and its documentation of `Acquire::GzipIndexes`; Debian's repository format.

mod lists;

use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::purl::Purl;
use crate::reading::{Check, Expected, Held, Mend, Orphan, Reading};
use lists::{LISTS_BYTES_MAX, Offers};
use percent_encoding::percent_decode_str;
use std::collections::{BTreeMap, BTreeSet};

/// What is hashed at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// An archive, as its name tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Archive {
    name: String,
    version: String,
    arch: String,
}

/// Reads it.
pub(crate) fn read(files: &Files) -> Reading {
    let (mut reading, mut archives) = (Reading::default(), BTreeMap::<Archive, Vec<&str>>::new());
    let mut strange = Vec::new();
    for (path, _) in files.under("archives") {
        let name = path.get("archives/".len()..).unwrap_or_default();
        match Archive::of(name) {
            Some(archive) => archives.entry(archive).or_default().push(path),
            None if name == "lock" || name.starts_with("partial/") => {}
            None => strange.push(path),
        }
    }
    if !archives.is_empty() || files.has("archives/lock") {
        reading.layouts.push("apt archives".to_owned());
    }
    let lists = lists(files);
    let ends: BTreeSet<&str> = lists.iter().map(|(_, end)| *end).collect();
    reading.layouts.extend(ends.into_iter().map(|end| format!("apt lists{end}")));
    ["archives", "lists"].iter().for_each(|directory| reading.forbid_links(files, directory));
    if reading.layouts.is_empty() {
        return reading;
    }
    let mut offers = Offers::of(archives.keys(), LISTS_BYTES_MAX);
    for (path, compression) in lists {
        if let Err(why) = offers.read(files, path, compression) {
            reading.note(path, why);
        }
    }
    // One archive may be there under several spellings of its name, and apt takes any.
    for (archive, paths) in &archives {
        reading.packages.extend(paths.iter().map(|path| held(files, archive, path, &offers)));
    }
    if let Some(path) = strange.first() {
        reading.note(path, format!("{} files are not `NAME_VERSION_ARCH.deb`", strange.len()));
    }
    tell_orphans(files, &mut reading);
    reading
}

impl Archive {
    fn of(name: &str) -> Option<Self> {
        let stem = name.strip_suffix(".deb").filter(|stem| !stem.contains('/'))?;
        let plain = |part: &str| percent_decode_str(part).decode_utf8().ok().map(|text| text.into_owned());
        let mut parts = stem.split('_');
        let (Some(name), Some(version), Some(arch), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let archive = Self { name: plain(name)?, version: plain(version)?, arch: plain(arch)? };
        (!archive.name.is_empty() && !archive.arch.is_empty()).then_some(archive)
    }

    fn purl(&self) -> Purl {
        let name = self.name.to_ascii_lowercase();
        Purl::new("deb", &name).namespace("debian").version(&self.version).qualifier("arch", &self.arch)
    }
}

/// Lists of packages, each with what follows `_Packages` in its name: nothing, or what it is compressed by.
fn lists(files: &Files) -> Vec<(&str, &str)> {
    let lists = files.under("lists").filter(|(path, _)| path.matches('/').count() == 1);
    let told = lists.filter_map(|(path, _)| {
        let (_, end) = path.rsplit_once("_Packages")?;
        (end.is_empty() || end.starts_with('.')).then_some((path, end))
    });
    told.collect()
}

fn held(files: &Files, archive: &Archive, path: &str, offers: &Offers) -> Held {
    let mut held = Held::whole(archive.purl(), path);
    let mut offered: Vec<(&Digest, &str)> = offers.digests(archive).collect();
    held.source = offered.first().map(|(_, list)| source(list));
    if offered.len() < 2 {
        held.checks.extend(offered.pop().map(|(digest, list)| Check {
            path: path.to_owned(),
            expected: Expected::Whole(digest.clone()),
            by: list.to_owned(),
        }));
        return held;
    }
    // Repositories that offer different files under one name: any of them may be what was fetched.
    let found = hash(files, path, &offered);
    if !offered.iter().any(|(digest, _)| found.contains(digest)) {
        let why = format!("it is none of the {} files that lists offer by its name", offered.len());
        let by = offered.first().map_or("", |(_, list)| list).to_owned();
        held.checks.push(Check { path: path.to_owned(), expected: Expected::Wrong(why), by });
    }
    held
}

/// The digests of an archive, one for each algorithm that is offered; it is read once.
fn hash(files: &Files, path: &str, offered: &[(&Digest, &str)]) -> Vec<Digest> {
    let algorithms: BTreeSet<Algorithm> = offered.iter().map(|(digest, _)| digest.algorithm()).collect();
    let algorithms: Vec<Algorithm> = algorithms.into_iter().collect();
    let Ok(file) = files.reader(path) else { return Vec::new() };
    files.hash(&algorithms, file, &mut [0; BUFFER_BYTES]).unwrap_or_default()
}

/// The repository, by the name of its list, where `/` is `_`.
fn source(list: &str) -> String {
    let name = list.rsplit_once('/').map_or(list, |(_, name)| name);
    let end = name.find("_dists_").or_else(|| name.find("_Packages")).unwrap_or(name.len());
    let name = name.get(..end).unwrap_or_default().replace('_', "/");
    percent_decode_str(&name).decode_utf8_lossy().into_owned()
}

fn tell_orphans(files: &Files, reading: &mut Reading) {
    for (path, _) in files.under("archives/partial").chain(files.under("lists/partial")) {
        let (path, why) = (path.to_owned(), "it was not fetched to the end".to_owned());
        reading.orphans.push(Orphan { path: path.clone(), why, mend: Mend::Remove(vec![path]) });
    }
}

#[cfg(test)]
mod tests;
