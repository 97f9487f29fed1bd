//! What the index of a registry says of its crates, as cargo keeps it.

use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::reading::Reading;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// The newest format that is known.
const VERSION_MAX: u8 = 3;

/// The index of a registry.
pub(super) struct Index<'a> {
    files: &'a Files,
    /// The directory of its files.
    root: String,
    /// Whether what it does not say is said nowhere.
    is_whole: bool,
}

/// What is wanted of that JSON.
#[derive(Deserialize)]
struct Said {
    name: String,
    vers: String,
    cksum: String,
}

/// By version.
type Checksums = BTreeMap<String, Digest>;

impl<'a> Index<'a> {
    pub(super) fn of(files: &'a Files, registry: &str) -> Self {
        let directory = format!("registry/index/{registry}");
        let root = format!("{directory}/.cache");
        let is_repository = files.has_directory(&format!("{directory}/.git"));
        let is_whole = files.has_directory(&root) && !is_repository;
        Self { files, root, is_whole }
    }

    /// Whether a crate that it says nothing of is none of the registry's.
    pub(super) const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The formats of its files; one note for those that are newer than is known.
    pub(super) fn versions(&self, reading: &mut Reading) -> BTreeSet<u8> {
        let version = |path: &str| {
            let mut first = [0];
            self.files.reader(path).ok()?.read_exact(&mut first).ok()?;
            Some(u8::from_le_bytes(first))
        };
        let mut versions: BTreeSet<u8> = self.paths().filter_map(version).collect();
        for newer in versions.range(VERSION_MAX + 1..) {
            reading.note(&self.root, format!("its files are of version {newer}, of which nothing is known"));
        }
        versions.retain(|version| (1..=VERSION_MAX).contains(version));
        versions
    }

    /// Its files.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.under(&self.root).map(|(path, _)| path)
    }

    /// The file that tells of a crate.
    pub(super) fn file_of(&self, name: &str) -> String {
        format!("{}/{}", self.root, place(name))
    }

    /// What the bytes of some versions of a crate must hash to.
    pub(super) fn checksums(&self, name: &str, versions: &BTreeSet<&str>) -> Result<Checksums, String> {
        let path = self.file_of(name);
        if !self.files.has(&path) {
            return Ok(Checksums::new());
        }
        let bytes = self.files.read(&path).map_err(|error| error.to_string())?;
        Ok(checksums(&lines(&bytes)?, name, versions))
    }
}

/// Where the index has a crate: `1/a`, `2/ab`, `3/a/abc`, `ab/cd/abcde`. Names are ASCII here.
fn place(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let part = |from: usize, to: usize| name.get(from..to).unwrap_or_default();
    match name.len() {
        1 | 2 => format!("{}/{name}", name.len()),
        3 => format!("3/{}/{name}", part(0, 1)),
        _ => format!("{}/{}/{name}", part(0, 2), part(2, 4)),
    }
}

/// A version, and what is said of it in JSON.
type Line<'a> = (&'a [u8], &'a [u8]);

fn lines(bytes: &[u8]) -> Result<Vec<Line<'_>>, &'static str> {
    let (version, rest) = bytes.split_first().ok_or("it is empty")?;
    let rest = match version {
        1 => rest,
        2 | 3 => rest.get(4..).ok_or("it is cut short")?,
        _ => return Err("its format is not known"),
    };
    let mut fields = rest.split(|byte| *byte == 0);
    fields.next().ok_or("it is cut short")?;
    let mut lines = Vec::new();
    while let (Some(version), Some(line)) = (fields.next(), fields.next()) {
        lines.push((version, line));
    }
    Ok(lines)
}

/// Before version 3 what follows `+` was left out of a line's version, so the JSON decides.
fn checksums(lines: &[Line<'_>], name: &str, versions: &BTreeSet<&str>) -> Checksums {
    let short = versions.iter().map(|version| version.split_once('+').map_or(*version, |(short, _)| short));
    let may_be: BTreeSet<&[u8]> = short.chain(versions.iter().copied()).map(str::as_bytes).collect();
    let wanted = lines.iter().filter(|(version, _)| may_be.contains(version));
    let read = wanted.filter_map(|(_, json)| serde_json::from_slice::<Said>(json).ok());
    read.filter(|line| line.name.eq_ignore_ascii_case(name))
        .filter_map(|line| Some((line.vers, Digest::from_hex(Algorithm::Sha256, &line.cksum)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn crates_have_their_places() {
        for (name, at) in [
            ("a", "1/a"),
            ("ab", "2/ab"),
            ("ABC", "3/a/abc"),
            ("serde", "se/rd/serde"),
            ("cc-x", "cc/-x/cc-x"),
        ] {
            assert_eq!(place(name), at);
        }
    }

    proptest! {
        #[test]
        fn no_index_file_is_too_odd(version in 0_u8..5, rest in proptest::collection::vec(0_u8..4, 0..40)) {
            let bytes: Vec<u8> = [version].into_iter().chain(rest).collect();
            if let Ok(lines) = lines(&bytes) {
                prop_assert!(checksums(&lines, "a", &BTreeSet::from(["1.0.0"])).is_empty());
            }
        }

        #[test]
        fn no_bytes_are_too_odd(bytes in any::<Vec<u8>>()) {
            drop(lines(&bytes));
        }
    }
}
