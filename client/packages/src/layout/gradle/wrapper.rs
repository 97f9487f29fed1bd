//! Gradle itself, as its wrapper downloads and unpacks it.

use crate::files::Files;
use crate::purl::Purl;
use crate::reading::{Held, Mend, Orphan, Reading};
use std::collections::BTreeMap;

pub(super) const DISTS: &str = "wrapper/dists";

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
        tell(directory, &paths, reading);
    }
}

fn tell(directory: &str, paths: &[&str], reading: &mut Reading) {
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
    let name = directory.get(DISTS.len() + 1..).and_then(|below| below.split('/').next()).unwrap_or_default();
    reading.packages.push(Held {
        purl: purl(name),
        source: None,
        artifact: zip,
        files: beside.into_iter().map(str::to_owned).chain(unpacked).collect(),
        stated: Vec::new(),
        hashed: Vec::new(),
        checks: Vec::new(),
    });
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
