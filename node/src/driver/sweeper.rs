//! Gives room back before the store of a node is full; a seed's is for `keeper`.
//!
//! What is live: the chunks of every manifest that the store remembers. The rest was handed in by jobs and never
//! published, or belonged to what was forgotten. It goes only when it has been there for a while, and never while a
//! job saves: a job that was told that the node holds a chunk will not hand it in again. What a job handed in, or was
//! told is held, stays for an hour after that too: its manifest may be on its way to be signed elsewhere.

use super::tree_reader;
use super::workers::Workers;
use crate::metrics::Housework;
use crate::store::{Store, StoreUsage, SweepMark};
use pollux_core::engine::{Input, Record, TreeFault};
use pollux_core::limits::UNPUBLISHED_KEPT;
use pollux_core::{CertifiedEnvelope, ChunkId, FrameDecoder, Instant, Manifest, ManifestId, Now, TreeRef};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};

/// What was put less long ago stays, whoever put it. A mark is made as often.
const AGE_MIN: Duration = Duration::from_secs(15 * 60);
/// Marks that what a job handed in outlives: with the age that the last of them must have, the time for which a manifest
/// that is signed elsewhere is waited for ([`UNPUBLISHED_KEPT`]).
pub(crate) const UNPUBLISHED_MARKS: u64 = UNPUBLISHED_KEPT.as_secs() / AGE_MIN.as_secs() - 1;
/// Least time between two sweeps: one reads every tree.
const INTERVAL: Duration = Duration::from_secs(60);

/// The chunks that a manifest names.
#[derive(Clone, Debug)]
struct Named {
    tree: TreeRef,
    packages: Option<ChunkId>,
}

/// Decides when to sweep, and what stays.
#[derive(Debug)]
pub(super) struct Sweeper {
    store: Store,
    /// Held for reading while a job saves, for writing while a sweep runs.
    saving: Arc<RwLock<()>>,
    remembered: BTreeMap<ManifestId, Named>,
    /// What was put before the first is old enough, once there is one; the second is getting old since that time.
    old: Option<SweepMark>,
    young: (SweepMark, Instant),
    next: Instant,
    refused: bool,
}

impl Sweeper {
    /// A sweeper that knows what the store remembers.
    pub(super) fn new(
        store: Store,
        saving: Arc<RwLock<()>>,
        remembered: &[CertifiedEnvelope],
        now: Instant,
    ) -> Self {
        let young = (store.sweep_mark(), now);
        let remembered = remembered.iter().filter_map(named).collect();
        Self { store, saving, remembered, old: None, young, next: now, refused: false }
    }

    /// The store is about to remember something, or to forget it.
    pub(super) fn note(&mut self, record: &Record) {
        match record {
            Record::Certified(certified) => self.remembered.extend(named(certified)),
            Record::Forget(manifest) => drop(self.remembered.remove(manifest)),
            Record::Vote { .. }
            | Record::Ballot { .. }
            | Record::Marker { .. }
            | Record::Seen { .. }
            | Record::Share(_)
            | Record::Used { .. }
            | Record::LetGo(_)
            | Record::Papers { .. } => {}
        }
    }

    /// The store has refused a chunk for want of room.
    pub(super) const fn note_full(&mut self) {
        self.refused = true;
    }

    /// Sweeps beside the loop, if it is time to, there is need, and no job saves.
    pub(super) fn turn(&mut self, now: Now, workers: &Workers, housework: Housework) {
        let Some((mark, saving)) = self.due(now.instant) else { return };
        let (store, remembered) = (self.store.clone(), self.remembered.values().cloned().collect::<Vec<_>>());
        workers.lend(move || {
            housework.swept(now.wall, sweep(&store, mark, &remembered));
            drop(saving);
            // Whoever hears it looks for what was lost.
            Input::Timeout
        });
    }

    fn due(&mut self, now: Instant) -> Option<(SweepMark, OwnedRwLockWriteGuard<()>)> {
        if now.since(self.young.1) >= AGE_MIN {
            self.old = Some(self.young.0);
            self.young = (self.store.sweep_mark(), now);
        }
        let mark =
            self.old.filter(|_| now >= self.next && (self.refused || nearly_full(self.store.usage())))?;
        let saving = Arc::clone(&self.saving).try_write_owned().ok()?;
        self.next = now.after(INTERVAL);
        self.refused = false;
        Some((mark, saving))
    }
}

/// Nine tenths: room for a save while the rest is swept.
const fn nearly_full(usage: StoreUsage) -> bool {
    usage.bytes >= usage.bytes_max / 10 * 9
}

/// What a manifest says of itself will do: this decides only what stays.
fn named(certified: &CertifiedEnvelope) -> Option<(ManifestId, Named)> {
    let manifest: Manifest = certified.manifest.body().ok()?;
    Some((certified.manifest.id(), Named { tree: manifest.tree, packages: manifest.packages }))
}

/// The bytes that came back; none: it could not be done.
fn sweep(store: &Store, mark: SweepMark, remembered: &[Named]) -> Option<u64> {
    let live = live(store, remembered);
    let swept = store.sweep(mark, |chunk| live.contains(chunk));
    match &swept {
        Ok(bytes) => tracing::info!(bytes, live = live.len(), "the store was swept"),
        Err(error) => tracing::warn!(%error, "the store could not be swept"),
    }
    swept.ok()
}

/// Every chunk that a manifest names.
///
/// # Errors
/// Its tree cannot be read.
pub(super) fn tree_and_content(
    store: &Store,
    tree: &TreeRef,
    packages: Option<ChunkId>,
    decoder: &mut FrameDecoder,
) -> Result<Vec<ChunkId>, TreeFault> {
    let content = tree_reader::content(store, tree, decoder)?;
    let all = tree.chunks.iter().chain(&content).map(|chunk| chunk.id);
    Ok(all.chain(packages).collect())
}

/// A tree that cannot be opened has no content here that anybody could use.
fn live(store: &Store, remembered: &[Named]) -> HashSet<ChunkId> {
    let mut decoder = FrameDecoder::new();
    let mut live = HashSet::new();
    for Named { tree, packages } in remembered {
        live.extend(packages);
        live.extend(tree.chunks.iter().map(|chunk| chunk.id));
        let content = tree_reader::content(store, tree, &mut decoder).unwrap_or_default();
        live.extend(content.iter().map(|chunk| chunk.id));
    }
    live
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreOptions;
    use pollux_core::{
        ChunkRef, Entry, EntryKind, Envelope, FrameEncoder, Key, KeyPair, Provenance, Timestamp, Tree,
        VerifiedChunk,
    };

    struct Fixture {
        sweeper: Sweeper,
        store: Store,
        saving: Arc<RwLock<()>>,
        _directory: tempfile::TempDir,
    }

    fn fixture(bytes_max: u64) -> Fixture {
        let directory = tempfile::tempdir().unwrap();
        let options = StoreOptions { bytes_max: Some(bytes_max), free_bytes_min: 0 };
        let (store, _) = Store::open(directory.path(), options).unwrap();
        let saving = Arc::default();
        let sweeper = Sweeper::new(store.clone(), Arc::clone(&saving), &[], Instant::ZERO);
        Fixture { sweeper, store, saving, _directory: directory }
    }

    fn chunk(number: u8) -> VerifiedChunk {
        VerifiedChunk::from_plain(&[number; 100], &mut FrameEncoder::new(1))
    }

    /// A manifest of one file with this content, and the chunk of its tree.
    fn manifest(content: ChunkRef) -> (CertifiedEnvelope, VerifiedChunk) {
        let kind = EntryKind::File { bytes: content.bytes.into(), offset: 0 };
        let file = Entry { path: "file".to_owned(), mode: 0o644, modified_ns: 0, kind };
        let tree = Tree::new(vec!["file".to_owned()], vec![file], vec![content]).unwrap();
        let encoded = VerifiedChunk::from_plain(&tree.encode(), &mut FrameEncoder::new(1));
        let manifest = Manifest {
            pool: "ci".to_owned(),
            key: "a/b".parse::<Key>().unwrap(),
            sequence: 1,
            generation: 1,
            ancestors: Vec::new(),
            created: Timestamp::from_millis(1000),
            expires: Timestamp::from_millis(1_000_000),
            tree: TreeRef {
                chunks: vec![encoded.chunk()],
                totals: tree.totals(),
                roots: tree.roots().to_vec(),
            },
            provenance: Provenance::default(),
            packages: Some(ChunkId::of(b"packages")),
            grant: None,
        };
        let manifest = Envelope::sign(&manifest, &KeyPair::from_seed([1; 32]));
        (CertifiedEnvelope { manifest, receipts: Vec::new() }, encoded)
    }

    fn minutes(count: u64) -> Instant {
        Instant::ZERO.after(Duration::from_secs(60 * count))
    }

    #[test]
    fn what_a_manifest_needs_is_live_as_long_as_it_is_remembered() {
        let mut fixture = fixture(64 << 20);
        let (certified, tree) = manifest(chunk(1).chunk());
        let ids = [tree.chunk().id, ChunkId::of(b"packages"), chunk(1).chunk().id];
        fixture.sweeper.note(&Record::Certified(certified.clone()));
        let remembered: Vec<Named> = fixture.sweeper.remembered.values().cloned().collect();
        assert_eq!(
            live(&fixture.store, &remembered),
            HashSet::from([ids[0], ids[1]]),
            "its content is not known"
        );
        fixture.store.put(&tree).unwrap();
        assert_eq!(live(&fixture.store, &remembered), HashSet::from(ids));
        fixture.sweeper.note(&Record::Forget(certified.manifest.id()));
        assert!(fixture.sweeper.remembered.is_empty());
    }

    #[test]
    fn only_a_store_that_is_nearly_full_is_swept_and_not_at_once() {
        let mut empty = fixture(64 << 20);
        assert!(empty.sweeper.due(minutes(20)).is_none(), "there is room");
        empty.sweeper.note_full();
        assert!(empty.sweeper.due(minutes(20)).is_some(), "but a chunk was refused");
        assert!(empty.sweeper.due(minutes(30)).is_none(), "that was dealt with");
        let mut full = fixture(0);
        assert!(full.sweeper.due(minutes(14)).is_none(), "nothing is old enough");
        assert!(full.sweeper.due(minutes(15)).is_some());
        assert!(full.sweeper.due(minutes(15)).is_none(), "once a minute");
        assert!(full.sweeper.due(minutes(16)).is_some());
    }

    /// Sweeps whenever it may; in which minute a chunk went that was put just before a mark, as early as can be.
    fn swept_in_minute(keep: impl Fn(&Store, ChunkId)) -> Option<u64> {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open_small(directory.path());
        let early = chunk(1).chunk().id;
        let fill = |round: u64| {
            let plain = (0..30_u8).map(|number| [&round.to_le_bytes()[..], &[number; 100]].concat());
            plain.for_each(|plain| {
                store.put(&VerifiedChunk::from_plain(&plain, &mut FrameEncoder::new(1))).unwrap();
            });
        };
        store.put(&chunk(1)).unwrap();
        fill(0);
        keep(&store, early);
        let mut sweeper = Sweeper::new(store.clone(), Arc::default(), &[], Instant::ZERO);
        (1..200).find(|minute| {
            sweeper.note_full();
            if let Some((mark, _saving)) = sweeper.due(minutes(*minute)) {
                sweep(&store, mark, &[]);
                // What was moved is in a segment that others fill.
                fill(*minute);
            }
            !store.holds(&early)
        })
    }

    #[test]
    fn what_a_job_handed_in_waits_an_hour_for_its_manifest() {
        assert_eq!(swept_in_minute(|_, _| {}), Some(15));
        let kept = swept_in_minute(|store, chunk| drop(store.keep(&[chunk], UNPUBLISHED_MARKS)));
        assert!(kept.is_some_and(|minute| (60..=75).contains(&minute)), "{kept:?}");
        assert_eq!(UNPUBLISHED_KEPT, Duration::from_secs(60 * 60));
    }

    #[test]
    fn nothing_is_swept_while_a_job_saves() {
        let mut fixture = fixture(0);
        let job = Arc::clone(&fixture.saving).try_read_owned().unwrap();
        assert!(fixture.sweeper.due(minutes(20)).is_none());
        drop(job);
        let sweep = fixture.sweeper.due(minutes(20));
        assert!(sweep.is_some(), "the minute has not begun");
        assert!(
            Arc::clone(&fixture.saving).try_read_owned().is_err(),
            "a job that saves waits for the sweep"
        );
        drop(sweep);
        assert!(Arc::clone(&fixture.saving).try_read_owned().is_ok());
    }
}
