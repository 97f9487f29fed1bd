//! What is saved: a few caches, each of which goes through the same states again and again, so that a pool that forgets
//! nothing that it needs and keeps nothing that it does not need stays as large as it is.

use crate::SoakError;
use pollux_tests::{Listing, sample_tree};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Caches, each a lineage.
const CACHES: usize = 4;
/// States of each.
const STATES: usize = 6;

/// All caches.
#[derive(Debug)]
pub(crate) struct Caches {
    caches: Vec<Cache>,
}

/// One lineage.
#[derive(Debug)]
pub(crate) struct Cache {
    name: String,
    states: Vec<State>,
    /// The highest version that a save has returned with.
    newest: AtomicU64,
}

#[derive(Debug)]
struct State {
    directory: PathBuf,
    listing: Listing,
}

impl Caches {
    /// Makes every state of every cache below `work`.
    pub(crate) fn make(work: &Path) -> Result<Self, SoakError> {
        let caches = (0..CACHES).map(|number| Cache::make(number, work)).collect::<Result<_, _>>()?;
        Ok(Self { caches })
    }

    /// The cache of this number; numbers go round.
    pub(crate) fn get(&self, number: usize) -> Option<&Cache> {
        self.caches.get(number % self.caches.len())
    }

    pub(crate) fn count(&self) -> usize {
        self.caches.len()
    }

    /// Saves after which every state was saved once.
    pub(crate) fn round(&self) -> usize {
        self.caches.iter().map(|cache| cache.states.len()).sum()
    }
}

impl Cache {
    fn make(number: usize, work: &Path) -> Result<Self, SoakError> {
        let name = format!("cache-{number}");
        let states = (0..STATES).map(|state| State::make(&name, state, work)).collect::<Result<_, _>>()?;
        Ok(Self { name, states, newest: AtomicU64::new(0) })
    }

    /// What a restore falls back to.
    pub(crate) fn lineage(&self) -> String {
        format!("soak/{}", self.name)
    }

    /// What a version is saved as.
    pub(crate) fn key(&self, version: u64) -> String {
        format!("soak/{}/v{version}", self.name)
    }

    /// The version that a key names; 0 if none.
    pub(crate) fn version(&self, key: &str) -> u64 {
        let rest = key.strip_prefix(&format!("soak/{}/v", self.name));
        rest.and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    fn state(&self, version: u64) -> Option<&State> {
        let number = usize::try_from(version).unwrap_or(0);
        self.states.get(number % self.states.len())
    }

    /// The directory that a version is saved from.
    pub(crate) fn directory(&self, version: u64) -> &Path {
        self.state(version).map_or(Path::new(""), |state| &state.directory)
    }

    /// What a restore of that version must bring.
    pub(crate) fn listing(&self, version: u64) -> Option<&Listing> {
        self.state(version).map(|state| &state.listing)
    }

    pub(crate) fn newest(&self) -> u64 {
        self.newest.load(Ordering::SeqCst)
    }

    /// A save of this version has returned.
    pub(crate) fn saved(&self, version: u64) {
        self.newest.fetch_max(version, Ordering::SeqCst);
    }
}

impl State {
    fn make(name: &str, state: usize, work: &Path) -> Result<Self, SoakError> {
        let directory = work.join("caches").join(name).join(state.to_string());
        sample_tree(&directory, &format!("{name} {state}"))?;
        let listing = Listing::of(&directory)?;
        Ok(Self { directory, listing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_one_of_a_few_states() {
        let work = tempfile::tempdir().unwrap();
        let caches = Caches::make(work.path()).unwrap();
        let cache = caches.get(1).unwrap();
        assert_eq!(caches.round(), CACHES * STATES);
        assert_eq!(cache.version(&cache.key(17)), 17);
        assert_eq!(cache.version("soak/cache-0/v17"), 0, "another cache's");
        let far = 3 + u64::try_from(STATES).unwrap();
        assert_eq!(cache.directory(3), cache.directory(far));
        assert!(cache.listing(3).unwrap().same_as(cache.listing(far).unwrap()).is_ok());
        assert!(cache.listing(3).unwrap().same_as(cache.listing(4).unwrap()).is_err());
        cache.saved(5);
        cache.saved(4);
        assert_eq!(cache.newest(), 5);
    }
}
