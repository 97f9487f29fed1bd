//! apt's archives and lists: `/var/cache/apt` with `/var/lib/apt/lists` beside it as `lists`.
//!
//! ```text
//! archives/NAME_VERSION_ARCH.deb    an archive; `:`, `_` and what is no plain letter are `%3a` and such
//! archives/partial/…, lists/partial/…   what was not fetched to the end
//! archives/lock, lists/lock
//! lists/HOST_…_Packages[.lz4|.gz|.zst|.xz]   what a repository offers, as paragraphs, with digests
//! lists/HOST_…_InRelease, …_Release   what its lists are; see [`release`]
//! lists/…_Translation-en, …_Components, …   the rest; not read
//! ```
//!
//! Lists are kept as they are, or compressed by `Acquire::GzipIndexes` (mostly lz4 since apt 1.2, gz before, zstd if told so).
//! apt compares the size of an archive that is here and nothing else, so what lists offer is compared with every archive. A list
//! that is not the one that a release of its repository names is a fault; one that no release names, or that is not read (xz), is
//! an orphan, and what it offers does not count. Where no release names anything (a repository that `trusted=yes` is said of
//! needs none) lists count as what they claim, and a note says so.
//!
//! Lists that offer one archive differently are a fault, of whatever repositories they are: else a list beside the right one, with
//! a release of its own, would be enough for any archive.
//!
//! Not vouched for: releases themselves. Who signed them is not looked at, for that takes the keys that the job's machine trusts: apt
//! does when it updates, and who can write all of a cache writes release, list and archive alike. An archive that no list
//! offers is an orphan: it is of an earlier day, or the lists that tell what it must be were taken away.
//!
//! There are no symlinks. Source: apt's `acquire-item.cc` (`pkgAcqArchive`,
//! `QuoteString`) and its documentation of `Acquire::GzipIndexes`; Debian's repository format.

mod lists;
mod release;

use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::purl::Purl;
use crate::reading::{Check, Expected, Held, LAYOUT, Mend, Orphan, Reading};
use lists::{LISTS_BYTES_MAX, Offers};
use percent_encoding::percent_decode_str;
use release::{Kept, Release, Said};
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
    let releases = releases(files, &mut reading);
    let mut offers = Offers::of(archives.keys(), LISTS_BYTES_MAX);
    if releases.is_empty() && !lists.is_empty() {
        reading.note("lists", "no release names them: nobody vouches for what they offer");
    }
    for (path, compression) in lists {
        read_list(files, (path, compression), &releases, &mut offers, &mut reading);
    }
    // One archive may be there under several spellings of its name, and apt takes any.
    for (archive, path) in
        archives.iter().flat_map(|(archive, paths)| paths.iter().map(move |path| (archive, path)))
    {
        let held = held(archive, path, &offers);
        if held.checks.is_empty() {
            let (path, why) = ((*path).to_owned(), "no list that counts offers it".to_owned());
            reading.orphans.push(Orphan { path: path.clone(), why, mend: Mend::Remove(vec![path]) });
        }
        reading.packages.push(held);
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
        // `.diff_Index` tells of changes.
        (end.is_empty() || (end.starts_with('.') && !end.contains('_'))).then_some((path, end))
    });
    told.collect()
}

/// Those that name lists.
fn releases<'a>(files: &'a Files, reading: &mut Reading) -> Vec<Release<'a>> {
    let mut releases = Vec::new();
    for (path, _) in files.under("lists").filter(|(path, _)| path.matches('/').count() == 1) {
        let Some(prefix) = Release::prefix(path) else { continue };
        match files.read_text(path) {
            Ok(text) => releases.extend(Release::of(path, prefix, &text)),
            Err(error) => reading.checks.push(wrong(path, LAYOUT, error.to_string())),
        }
    }
    releases
}

/// Reads what a list offers, if it counts.
fn read_list(
    files: &Files,
    (path, compression): (&str, &str),
    releases: &[Release<'_>],
    offers: &mut Offers,
    reading: &mut Reading,
) {
    let read = offers.digest(files, path, compression).and_then(|unpacked| {
        let stored = hash(files, path, &BTreeSet::from([Algorithm::Sha256])).into_iter().next();
        Ok(Kept { path, compression, stored: stored.ok_or("it cannot be hashed")?, unpacked })
    });
    let why = match read.map(|list| judge(&list, releases)) {
        Ok(Verdict::Counts) => offers.read(files, path, compression).err(),
        Ok(Verdict::Unnamed) => Some("no release of its repository names it".to_owned()),
        Ok(Verdict::IsAnother(by)) => {
            reading.checks.push(wrong(path, by, "it is not the list that is named there".to_owned()));
            None
        }
        Err(why) => Some(why),
    };
    let mend = Mend::Remove(vec![path.to_owned()]);
    reading.orphans.extend(why.map(|why| Orphan { path: path.to_owned(), why, mend }));
}

enum Verdict<'a> {
    Counts,
    Unnamed,
    /// By which release.
    IsAnother(&'a str),
}

fn judge<'a>(list: &Kept<'_>, releases: &[Release<'a>]) -> Verdict<'a> {
    let said: Vec<(Said, &str)> = releases.iter().map(|release| (release.says(list), release.path)).collect();
    if let Some((_, by)) = said.iter().find(|(said, _)| *said == Said::Other) {
        return Verdict::IsAnother(by);
    }
    let counts = releases.is_empty() || said.iter().any(|(said, _)| *said == Said::Named);
    if counts { Verdict::Counts } else { Verdict::Unnamed }
}

fn wrong(path: &str, by: &str, why: String) -> Check {
    Check { path: path.to_owned(), expected: Expected::Wrong(why), by: by.to_owned() }
}

fn held(archive: &Archive, path: &str, offers: &Offers) -> Held {
    let mut held = Held::whole(archive.purl(), path);
    let offered: Vec<(&Digest, &str)> = offers.digests(archive).collect();
    let Some((digest, list)) = offered.first() else { return held };
    held.source = Some(source(list));
    let expected = match offered.len() {
        1 => Expected::Whole((*digest).clone()),
        count => Expected::Wrong(format!("lists offer {count} files by its name")),
    };
    held.checks.push(Check { path: path.to_owned(), expected, by: (*list).to_owned() });
    held
}

/// The digests of a file, in the order of algorithms; it is read once.
fn hash(files: &Files, path: &str, algorithms: &BTreeSet<Algorithm>) -> Vec<Digest> {
    let algorithms: Vec<Algorithm> = algorithms.iter().copied().collect();
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
