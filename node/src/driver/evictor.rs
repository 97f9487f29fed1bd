//! Gives room back within a second when the file system of a node runs short, or its store has passed its bound: a job may
//! fill the disk at any time, and it comes first.
//!
//! What is pinned stays, whatever happens. Of the rest, what was used last stays longest: first what a job restores at this
//! moment, then manifests by their last use. What no
//! manifest names goes first, unless a job was told that it is here: that stays until less than half is free of what must
//! stay free. A save that relies on it fails then, in words, rather than the job's disk. Whole segments go, so some of what is
//! still needed may go with them: it is fetched again when somebody wants it.

use super::sweeper::tree_and_content;
use crate::metrics::Pressure;
use crate::store::{Store, StoreUsage, Terms, Worth};
use pollux_core::engine::Held;
use pollux_core::{ChunkId, FrameDecoder, ManifestId};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How often the file system is asked how much is free: a few microseconds each time, and two looks are well within the
/// second.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(250);
/// For finding out what is needed, by reading trees: what was used longest ago and could not be looked at counts as not
/// needed.
const READING_MAX: Duration = Duration::from_millis(300);
/// Where nothing more could be given back, the next attempt waits so long, unless less is free by then.
const REST: Duration = Duration::from_secs(5);

/// What has to be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owed {
    bytes: u64,
    terms: Terms,
    why: Pressure,
    noticed: Instant,
}

impl Owed {
    /// Why.
    pub(super) const fn why(self) -> Pressure {
        self.why
    }

    /// So many bytes, noticed now.
    #[cfg(test)]
    pub(super) fn new(bytes: u64, terms: Terms) -> Self {
        Self { bytes, terms, why: Pressure::DiskShort, noticed: Instant::now() }
    }
}

/// Decides when to evict.
#[derive(Debug)]
pub(super) struct Evictor {
    store: Store,
    /// One at a time.
    under_way: Option<Owed>,
    rest: Option<(Instant, Terms)>,
    refused: bool,
}

impl Evictor {
    /// For this store.
    pub(super) const fn new(store: Store) -> Self {
        Self { store, under_way: None, rest: None, refused: false }
    }

    /// The store has refused a chunk for want of room: what is used less makes room for the next.
    pub(super) const fn note_full(&mut self) {
        self.refused = true;
    }

    /// What has to be given back now, if anything. [`Evictor::done`] ends it.
    pub(super) fn due(&mut self, now: Instant) -> Option<Owed> {
        if self.under_way.is_some() {
            return None;
        }
        let usage = self.store.look()?;
        let (bytes, terms) = owed(&usage, std::mem::take(&mut self.refused))?;
        if self.rest.is_some_and(|(until, rested)| now < until && rested == terms) {
            return None;
        }
        self.under_way = Some(Owed { bytes, terms, why: pressure(&usage), noticed: now });
        self.under_way
    }

    /// It is over. Where less came back than was owed, there is nothing more for a while.
    pub(super) fn done(&mut self, now: Instant) {
        let Some(ended) = self.under_way.take() else { return };
        let still = self.store.look().is_some_and(|usage| owed(&usage, false).is_some());
        let short = still || matches!(ended.terms, Terms::Below(_));
        self.rest = short.then(|| (now + REST, ended.terms));
    }
}

/// What has to be given back by this usage; `refused`: a chunk was, for want of room.
pub(super) fn owed(usage: &StoreUsage, refused: bool) -> Option<(u64, Terms)> {
    match usage.owed_bytes() {
        0 if refused => Some((usage.bytes_possible() / 8, Terms::Below(Worth::BUSY))),
        0 => None,
        bytes if usage.is_short() => Some((bytes, Terms::Everything)),
        bytes => Some((bytes, Terms::KeepPromises)),
    }
}

/// Why something has to be given back by this usage.
pub(super) const fn pressure(usage: &StoreUsage) -> Pressure {
    if usage.disk_free_bytes < usage.free_bytes_min { Pressure::DiskShort } else { Pressure::StoreFull }
}

/// Gives back what is owed. Says how many bytes came back, and which manifests were whole and are no more.
pub(super) fn evict(store: &Store, owed: Owed, mut held: Vec<Held>) -> (u64, Vec<ManifestId>) {
    held.sort_by_key(|held| Reverse((held.pinned, held.busy, held.used)));
    let known = contents(store, &held, Instant::now() + READING_MAX);
    let worths = worths(&held, &known);
    let worth = |chunk: &ChunkId| worths.get(chunk).copied().unwrap_or_default();
    let given = store.give_back(owed.bytes, worth, owed.terms);
    let millis = u64::try_from(owed.noticed.elapsed().as_millis()).unwrap_or(u64::MAX);
    let gone = losers(store, &held, known);
    let free_bytes = store.look().map_or(0, |usage| usage.disk_free_bytes);
    match &given {
        Ok(0) => tracing::warn!(
            owed_bytes = owed.bytes,
            free_bytes,
            "the disk runs short, and the store has nothing to give back"
        ),
        Ok(bytes) => tracing::info!(
            bytes,
            owed_bytes = owed.bytes,
            manifests = gone.len(),
            millis,
            free_bytes,
            "the store gave room back"
        ),
        Err(error) => tracing::warn!(%error, free_bytes, "the store could not give room back"),
    }
    (given.unwrap_or_default(), gone)
}

/// The chunks of each manifest, as far as they can be read in time; none where they could not. What is pinned is read however
/// long it takes: it must not go because it was not looked at.
pub(super) fn contents(store: &Store, held: &[Held], until: Instant) -> Vec<Option<Vec<ChunkId>>> {
    let mut decoder = FrameDecoder::new();
    let mut read = |held: &Held| tree_and_content(store, &held.tree, held.packages, &mut decoder).ok();
    let needed = |held: &Held| held.pinned || ((held.busy || held.whole) && Instant::now() < until);
    held.iter().map(|held| if needed(held) { read(held) } else { None }).collect()
}

/// A chunk is worth as much as the manifest that was used last of those that name it.
fn worths(held: &[Held], known: &[Option<Vec<ChunkId>>]) -> HashMap<ChunkId, Worth> {
    let mut worths = HashMap::new();
    let places = (1..=u64::try_from(held.len()).unwrap_or(u64::MAX)).rev();
    for ((held, chunks), place) in held.iter().zip(known).zip(places) {
        let worth = match held {
            Held { pinned: true, .. } => Worth::PINNED,
            Held { busy: true, .. } => Worth::BUSY,
            Held { .. } => Worth(place),
        };
        for chunk in chunks.iter().flatten() {
            worths.entry(*chunk).or_insert(worth);
        }
    }
    worths
}

/// Manifests that were whole, and are no more. Where the chunks are not known, the tree is asked now: that takes its
/// time, and nobody waits for it.
fn losers(store: &Store, held: &[Held], known: Vec<Option<Vec<ChunkId>>>) -> Vec<ManifestId> {
    let mut decoder = FrameDecoder::new();
    let mut lost = |held: &Held, chunks: Option<Vec<ChunkId>>| {
        let chunks = chunks.or_else(|| tree_and_content(store, &held.tree, held.packages, &mut decoder).ok());
        chunks.is_none_or(|chunks| chunks.iter().any(|chunk| !store.holds(chunk)))
    };
    let pairs = held.iter().zip(known).filter(|(held, _)| held.whole);
    pairs.filter_map(|(held, chunks)| lost(held, chunks).then_some(held.manifest)).collect()
}
