//! Jobs that restore and save, and what they found.

use crate::caches::{Cache, Caches};
use crate::fleet::{Fleet, Seen};
use crate::lots::Lots;
use crate::{Clock, SoakError};
use pollux_tests::{Finished, Listing};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Troubles that are told in words; the others are counted.
const TROUBLES_TOLD_MAX: usize = 20;

/// Where no node is, the next is looked for a moment later.
const PAUSE_MIN: Duration = Duration::from_millis(20);

/// Everything that happened.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Counts {
    pub(crate) came: u64,
    pub(crate) stopped: u64,
    pub(crate) killed: u64,
    pub(crate) saves: u64,
    pub(crate) hits: u64,
    pub(crate) bytes_restored: u64,
    /// misses of nodes that were there all the while, by reason
    pub(crate) misses: BTreeMap<String, u64>,
    /// jobs whose node went away
    pub(crate) cut_off: u64,
    pub(crate) trouble_count: u64,
    /// what must not be; the first of it
    pub(crate) troubles: Vec<String>,
}

/// The same, for everybody to add to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: Mutex<Counts>,
}

impl Tally {
    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn came(&self) {
        self.count(|counts| counts.came += 1);
    }

    pub(crate) fn went(&self, politely: bool) {
        self.count(|counts| *(if politely { &mut counts.stopped } else { &mut counts.killed }) += 1);
    }

    fn hit(&self, bytes: u64) {
        self.count(|counts| {
            counts.hits += 1;
            counts.bytes_restored += bytes;
        });
    }

    fn miss(&self, reason: String) {
        self.count(|counts| *counts.misses.entry(reason).or_default() += 1);
    }

    /// What must not be.
    pub(crate) fn trouble(&self, what: String) {
        self.count(|counts| {
            counts.trouble_count += 1;
            if counts.troubles.len() < TROUBLES_TOLD_MAX {
                counts.troubles.push(what);
            }
        });
    }
}

/// Saves every state of every cache once, and restores it on each node that stays: from then on nobody learns new bytes.
pub(crate) fn fill(fleet: &Fleet, caches: &Caches, interrupted: &AtomicBool) -> Result<(), SoakError> {
    let wrong = |what, finished: Finished| SoakError::Step { what, why: finished.stdout + &finished.stderr };
    for number in 0..caches.round() {
        let Some(cache) = caches.get(number) else { continue };
        let version = cache.newest() + 1;
        let saver = fleet.see(number % fleet.staying()).ok_or(SoakError::Interrupted)?;
        let saved = save_one(fleet, cache, version, &saver)?;
        if saved.result() != "saved" {
            return Err(wrong("a save", saved));
        }
        cache.saved(version);
        for node in (0..fleet.staying()).filter_map(|place| fleet.see(place)) {
            if interrupted.load(Ordering::Relaxed) {
                return Err(SoakError::Interrupted);
            }
            let restored = restore_one(cache, &node, &fleet.scratch("fill"))?;
            if restored.result() != "hit" {
                return Err(wrong("a restore", restored));
            }
        }
    }
    Ok(())
}

fn save_one(fleet: &Fleet, cache: &Cache, version: u64, node: &Seen) -> Result<Finished, SoakError> {
    Ok(node.pollux.save(&cache.key(version), cache.directory(version), &fleet.signing_key(), &[])?)
}

/// Restores the newest into a directory that is made anew.
fn restore_one(cache: &Cache, node: &Seen, into: &Path) -> Result<Finished, SoakError> {
    if into.exists() {
        fs::remove_dir_all(into)?;
    }
    Ok(node.pollux.restore(&cache.key(0), into, &["--fallback", &cache.lineage()])?)
}

/// A trusted pipeline: saves the next version of one cache after the other.
pub(crate) fn save(fleet: &Fleet, caches: &Caches, (every, clock): (Duration, &Clock<'_>), tally: &Tally) {
    let mut tried = vec![0_u64; caches.count()];
    for number in 0_usize.. {
        clock.wait(every);
        if clock.is_over() {
            return;
        }
        let Some(cache) = caches.get(number) else { continue };
        let Some(node) = fleet.see(number % fleet.count()) else { continue };
        let Some(last) = tried.get_mut(number % caches.count()) else { continue };
        // A save that was cut off may have been certified all the same: its version is used up.
        *last = cache.newest().max(*last) + 1;
        let saved = save_one(fleet, cache, *last, &node);
        match saved {
            Ok(saved) if saved.result() == "saved" => {
                cache.saved(*last);
                tally.count(|counts| counts.saves += 1);
            }
            Ok(_) if !fleet.is_here(&node) => tally.count(|counts| counts.cut_off += 1),
            Ok(saved) => tally.trouble(format!("a save failed: {}{}", saved.stdout, saved.stderr)),
            Err(error) => tally.trouble(format!("a save could not be started: {error}")),
        }
    }
}

/// One job after the other, on any machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<'a> {
    pub(crate) fleet: &'a Fleet,
    pub(crate) caches: &'a Caches,
    pub(crate) clock: &'a Clock<'a>,
    pub(crate) pause: Duration,
}

impl Job<'_> {
    /// Restores the newest of some cache again and again.
    pub(crate) fn restore(self, mut lots: Lots, tally: &Tally) {
        let into = self.fleet.scratch(&format!("job-{:016x}", lots.below(usize::MAX)));
        while !self.clock.is_over() {
            let (place, number) = (lots.below(self.fleet.count()), lots.below(self.caches.count()));
            if let (Some(cache), Some(node)) = (self.caches.get(number), self.fleet.see(place)) {
                self.restore_on(cache, &node, &into, tally);
            }
            self.clock.wait(self.pause.max(PAUSE_MIN));
        }
    }

    fn restore_on(self, cache: &Cache, node: &Seen, into: &Path, tally: &Tally) {
        let newest = cache.newest();
        let finished = match restore_one(cache, node, into) {
            Ok(finished) => finished,
            Err(error) => return tally.trouble(format!("a restore could not be started: {error}")),
        };
        match finished.result().as_str() {
            "hit" => match check(cache, newest, &finished, into) {
                Ok(bytes) => tally.hit(bytes),
                Err(wrong) => tally.trouble(wrong),
            },
            _ if !self.fleet.is_here(node) => tally.count(|counts| counts.cut_off += 1),
            "miss" => tally.miss(finished.text("/reason")),
            _ => tally.trouble(format!("a restore failed: {}{}", finished.stdout, finished.stderr)),
        }
    }
}

/// The bytes that a hit brought: of no older version than was newest when it was asked for, and all of it.
fn check(cache: &Cache, newest: u64, hit: &Finished, into: &Path) -> Result<u64, String> {
    let version = cache.version(&hit.text("/key"));
    if version < newest {
        return Err(format!("an old save was restored: {version} where {newest} was saved; {}", hit.stdout));
    }
    let listing = Listing::of(into).map_err(|error| format!("what was restored cannot be read: {error}"))?;
    let expected = cache.listing(version).ok_or("an unknown version was restored")?;
    expected
        .same_as(&listing)
        .map_err(|difference| format!("version {version} came back changed: {difference}"))?;
    Ok(listing.bytes())
}
