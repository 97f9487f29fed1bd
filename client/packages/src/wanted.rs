//! What lock files want of a cache's packages, and how much of that a cache has.

use crate::digest::{Algorithm, Digest};
use crate::lock::{Locked, LockedDigest};
use crate::purl::Purl;
use crate::reading::Held;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A lock file that was read.
#[derive(Debug)]
pub struct Lock {
    /// Its name, for people.
    pub name: String,
    /// What it names.
    pub packages: Vec<Locked>,
}

/// How much of what a lock file names is here: with none of it, the lock file says nothing of the cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The lock file's name.
    pub name: String,
    /// Packages that it names, each version once.
    pub packages: usize,
    /// How many of them the cache has.
    pub here: usize,
    /// Of how many of these a digest was compared.
    pub compared: usize,
}

/// What one lock file says of a package.
#[derive(Debug)]
pub(crate) struct Said<'a> {
    /// Which one of all.
    pub(crate) number: usize,
    /// Its name.
    pub(crate) lock: &'a str,
    pub(crate) digests: &'a [LockedDigest],
}

impl<'a> Said<'a> {
    /// The digests that it names for files of a package, one of which each must have, by path and algorithm.
    pub(crate) fn of_files<'b>(&self, held: &'b Held) -> BTreeMap<(&'b str, Algorithm), Vec<&'a Digest>> {
        let mut named: BTreeMap<&str, Vec<&Digest>> = BTreeMap::new();
        for digest in self.digests {
            if let LockedDigest::File { name, digest } = digest {
                named.entry(name).or_default().push(digest);
            }
        }
        let mut of_files: BTreeMap<(&str, Algorithm), Vec<&Digest>> = BTreeMap::new();
        for path in held.files.iter().filter(|_| !named.is_empty()) {
            let digests = named.get(path.rsplit('/').next().unwrap_or_default());
            for digest in digests.into_iter().flatten() {
                of_files.entry((path, digest.algorithm())).or_default().push(digest);
            }
        }
        of_files
    }
}

/// What lock files say, by package.
pub(crate) struct Wanted<'a>(BTreeMap<Purl, Vec<Said<'a>>>);

impl<'a> Wanted<'a> {
    pub(crate) fn of(locks: &'a [Lock]) -> Self {
        let mut wanted: BTreeMap<Purl, Vec<Said<'a>>> = BTreeMap::new();
        for (number, lock) in locks.iter().enumerate() {
            for package in lock.packages.iter().filter(|package| !package.digests.is_empty()) {
                let said = Said { number, lock: &lock.name, digests: &package.digests };
                wanted.entry(package.purl.bare()).or_default().push(said);
            }
        }
        Self(wanted)
    }

    pub(crate) fn of_package(&self, held: &Held) -> &[Said<'a>] {
        self.0.get(&held.purl.bare()).map(Vec::as_slice).unwrap_or_default()
    }
}

/// How much of each lock file is here. `compared` has the number of a lock file with each package that was compared.
pub(crate) fn coverage(locks: &[Lock], held: &[Held], compared: &BTreeSet<(usize, Purl)>) -> Vec<Coverage> {
    let here: BTreeSet<Purl> = held.iter().map(|held| held.purl.bare()).collect();
    let one = |(number, lock): (usize, &Lock)| {
        let named: BTreeSet<Purl> = lock.packages.iter().map(|package| package.purl.bare()).collect();
        Coverage {
            name: lock.name.clone(),
            packages: named.len(),
            here: named.intersection(&here).count(),
            compared: compared.iter().filter(|(of, _)| *of == number).count(),
        }
    };
    locks.iter().enumerate().map(one).collect()
}
