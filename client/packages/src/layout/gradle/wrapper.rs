//! Gradle itself, as its wrapper downloads and unpacks it.

use crate::files::Files;
use crate::layout::go::hash;
use crate::purl::Purl;
use crate::reading::{Check, Expected, Held, LAYOUT, Mend, Orphan, Reading};
use std::collections::BTreeMap;

pub(super) const DISTS: &str = "wrapper/dists";

/// Bytes of all files of Gradle at most: with its sources and documentation it has some 500 million.
const BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Files that are named as wrong, of one Gradle: more tell nothing new.
const WRONG_MAX: usize = 20;

/// Reads `wrapper/dists`.
pub(super) fn read(files: &Files, reading: &mut Reading) {
    let mut dists: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (path, _) in files.under(DISTS) {
        let below = path.get(DISTS.len() + 1..).unwrap_or_default();
        let mut parts = below.split('/');
        let (Some(name), Some(hash), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
            continue; // such as CACHEDIR.TAG
        };
        let directory = path.get(..DISTS.len() + 2 + name.len() + hash.len()).unwrap_or_default();
        dists.entry(directory).or_default().push(path);
    }
    if !dists.is_empty() {
        reading.layouts.push("gradle wrapper/dists".to_owned());
    }
    for (directory, paths) in dists {
        tell(files, directory, &paths, reading);
    }
}

fn tell(files: &Files, directory: &str, paths: &[&str], reading: &mut Reading) {
    let mut orphan = |path: &str, why: &str, gone: Vec<String>| {
        reading.orphans.push(Orphan { path: path.to_owned(), why: why.to_owned(), mend: Mend::Remove(gone) });
    };
    let is_beside = |path: &&str| !path.get(directory.len() + 1..).unwrap_or_default().contains('/');
    let (beside, unpacked): (Vec<&str>, Vec<&str>) = paths.iter().copied().partition(is_beside);
    let (parts, beside): (Vec<&str>, Vec<&str>) =
        beside.into_iter().partition(|path| path.ends_with(".part"));
    for part in parts {
        orphan(part, "a download that was not finished", vec![part.to_owned()]);
    }
    let unpacked: Vec<String> = unpacked.into_iter().map(str::to_owned).collect();
    if !unpacked.is_empty() && !beside.iter().any(|path| path.ends_with(".ok")) {
        orphan(directory, "it is not completely unpacked", unpacked.clone());
    }
    let zip = beside.iter().find(|path| path.ends_with(".zip")).map(|path| (*path).to_owned());
    if zip.is_none() && unpacked.is_empty() {
        return;
    }
    let checks = match &zip {
        Some(zip) if !unpacked.is_empty() => compare(files, directory, zip, &unpacked, reading),
        Some(_) => Vec::new(),
        None => {
            reading.note(directory, "Gradle itself, unpacked, without its archive: nobody vouches for it");
            Vec::new()
        }
    };
    let name = directory.get(DISTS.len() + 1..).and_then(|below| below.split('/').next()).unwrap_or_default();
    reading.packages.push(Held {
        purl: purl(name),
        source: None,
        artifact: zip,
        files: beside.into_iter().map(str::to_owned).chain(unpacked).collect(),
        stated: Vec::new(),
        hashed: Vec::new(),
        checks,
    });
}

/// What was unpacked must be what the archive beside it has.
fn compare(
    files: &Files,
    directory: &str,
    zip: &str,
    unpacked: &[String],
    reading: &mut Reading,
) -> Vec<Check> {
    reading.trees.push(directory.to_owned());
    let packed = match hash::of_zip(files, zip, BYTES_MAX) {
        Ok(packed) => packed,
        Err(why) => {
            let expected = Expected::Wrong(format!("what was unpacked cannot be compared with it: {why}"));
            return vec![Check { path: zip.to_owned(), expected, by: LAYOUT.to_owned() }];
        }
    };
    let mut left = BYTES_MAX;
    let mut is_same = |path: &str| {
        let name = path.get(directory.len() + 1..).unwrap_or_default();
        let found = files.reader(path).map_err(|error| error.to_string());
        let found = found.and_then(|file| hash::sum(files, file, &mut left));
        packed.get(name.as_bytes()).is_some_and(|packed| found.as_ref() == Ok(packed))
    };
    let changed = unpacked.iter().filter(|path| !is_same(path)).take(WRONG_MAX);
    let check = |path: &String| Check {
        path: path.clone(),
        expected: Expected::Wrong("it is not what the archive has".to_owned()),
        by: zip.to_owned(),
    };
    changed.map(check).collect()
}

/// `gradle-8.5-bin` is Gradle 8.5, whichever parts of it; others name themselves as they like.
fn purl(name: &str) -> Purl {
    let version = name.strip_prefix("gradle-").and_then(|rest| rest.rsplit_once('-'));
    match version.filter(|(version, kind)| {
        version.starts_with(|first: char| first.is_ascii_digit()) && matches!(*kind, "bin" | "all" | "src")
    }) {
        Some((version, _)) => Purl::new("generic", "gradle").version(version),
        None => Purl::new("generic", name),
    }
}
