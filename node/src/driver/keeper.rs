//! Sweeps the store of a seed: what goes is what no manifest names that the seed knows, has voted for or is offered, and
//! what the engine has let go. Nothing goes that was put, or looked for, less than an hour ago; so whatever an offer relies on
//! stays, wherever it is on its way to a vote.

use super::sweeper::tree_and_content;
use crate::store::{Store, StoreError, SweepMark};
use pollux_core::engine::{Fullness, Needs};
use pollux_core::{ChunkId, Envelope, FrameDecoder, Instant, Manifest, ManifestId, Timestamp, TreeRef};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io;
use std::time::Duration;

/// How often the file system is asked how much is free: nobody waits for a seed's.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What was put or looked for less long ago stays.
const AGE_MIN: Duration = Duration::from_secs(3600);
/// A mark is made as often.
const MARK_EVERY: Duration = Duration::from_secs(15 * 60);
/// Least time between two sweeps, for one reads every tree; and where the store is nearly full.
const EVERY: Duration = Duration::from_secs(3600);
const EVERY_IF_FULL: Duration = Duration::from_secs(10 * 60);
/// The engine hears of so much of a change, or of any that makes the store more or less than full.
const TOLD_EVERY_BYTES: u64 = 1024 * 1024;

/// Decides when to sweep.
#[derive(Debug)]
pub(super) struct Keeper {
    store: Store,
    /// The oldest first.
    marks: VecDeque<(SweepMark, Instant)>,
    next: Instant,
    /// Bytes in the store and manifests that were let go, and since when it is so.
    content: Option<((u64, usize), Instant)>,
    /// When the last sweep began.
    swept: Option<Instant>,
    told: Option<(u64, u64)>,
}

impl Keeper {
    /// For this store.
    pub(super) fn new(store: Store, now: Instant) -> Self {
        let marks = VecDeque::from([(store.sweep_mark(), now)]);
        Self { store, marks, next: now.after(AGE_MIN), content: None, swept: None, told: None }
    }

    /// Bytes in the store and bytes that it can have, if the engine has not been told.
    pub(super) fn room(&mut self) -> Option<(u64, u64)> {
        let usage = self.store.look()?;
        let room = (usage.bytes, usage.bytes_possible());
        let near = |told: u64, now: u64| told.abs_diff(now) < TOLD_EVERY_BYTES;
        let known = self.told.is_some_and(|told| near(told.0, room.0) && near(told.1, room.1));
        if !known {
            self.told = Some(room);
        }
        (!known).then_some(room)
    }

    /// Whether the engine should let go what it need not keep, and a sweep may follow.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        if self.marks.back().is_none_or(|(_, made)| now.since(*made) >= MARK_EVERY) {
            self.marks.push_back((self.store.sweep_mark(), now));
        }
        while self.marks.get(1).is_some_and(|(_, made)| now.since(*made) >= AGE_MIN) {
            self.marks.pop_front();
        }
        let old = self.marks.front().is_some_and(|(_, made)| now.since(*made) >= AGE_MIN);
        now >= self.next && old
    }

    /// Begins a sweep, if there is anything that could go: up to this mark. `let_go`: how many manifests the engine has let
    /// go. Once nothing has changed for so long that a sweep has seen all of it grow old, there is nothing.
    pub(super) fn begin(&mut self, now: Instant, fullness: Fullness, let_go: usize) -> Option<SweepMark> {
        let every = if fullness == Fullness::Enough { EVERY } else { EVERY_IF_FULL };
        self.next = now.after(every);
        let found = (self.store.usage().bytes, let_go);
        let since = self.content.filter(|(content, _)| *content == found).map_or(now, |(_, since)| since);
        self.content = Some((found, since));
        if self.swept.is_some_and(|swept| swept >= since.after(AGE_MIN).after(MARK_EVERY)) {
            return None;
        }
        self.swept = Some(now);
        self.marks.front().map(|(mark, _)| *mark)
    }
}

/// Sweeps. Where it cannot be known what is needed, nothing goes. The bytes that came back; none: it could not be done.
pub(super) fn sweep(store: &Store, mark: SweepMark, needs: &Needs, wall: Timestamp) -> Option<u64> {
    let live = live(store, needs, wall);
    let swept = live.and_then(|live| store.sweep(mark, |chunk| live.contains(chunk)));
    match &swept {
        Ok(bytes) => tracing::info!(bytes, let_go = needs.let_go.len(), "the store was swept"),
        Err(error) => tracing::warn!(%error, "the store could not be swept"),
    }
    swept.ok()
}

/// What a manifest names.
#[derive(Debug)]
struct Named {
    tree: TreeRef,
    packages: Option<ChunkId>,
    /// Every chunk is believed to be here.
    whole: bool,
}

/// Every chunk that is needed.
///
/// What has a tree that is not here has no content that anybody could count on: it is pulled anew, or the offer that names it
/// looks for its content later, and what it finds then stays. But where the tree should be here, it may be a moment's failure.
fn live(store: &Store, needs: &Needs, wall: Timestamp) -> Result<HashSet<ChunkId>, StoreError> {
    let mut named = BTreeMap::new();
    store.each_manifest(|envelope| named.extend(needed(envelope, needs, wall)))?;
    let under_way =
        needs.under_way.iter().map(|tree| Named { tree: tree.clone(), packages: None, whole: false });
    let mut decoder = FrameDecoder::new();
    let mut live = HashSet::new();
    for Named { tree, packages, whole } in named.into_values().chain(under_way) {
        live.extend(tree.chunks.iter().map(|chunk| chunk.id).chain(packages));
        match tree_and_content(store, &tree, packages, &mut decoder) {
            Ok(chunks) => live.extend(chunks),
            Err(_) if whole || tree.chunks.iter().all(|chunk| store.holds(&chunk.id)) => {
                return Err(StoreError::disk("read a tree", io::ErrorKind::InvalidData.into()));
            }
            Err(_) => {}
        }
    }
    Ok(live)
}

/// What has expired is of no use to anybody any more, whether it was certified or only voted for.
fn needed(envelope: &Envelope, needs: &Needs, wall: Timestamp) -> Option<(ManifestId, Named)> {
    let manifest: Manifest = envelope.body().ok()?;
    let id = envelope.id();
    let over = manifest.expires <= wall && !needs.whole.contains(&id);
    if over || needs.let_go.contains(&id) {
        return None;
    }
    let Manifest { tree, packages, .. } = manifest;
    Some((id, Named { tree, packages, whole: needs.whole.contains(&id) }))
}
