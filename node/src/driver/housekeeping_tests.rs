//! What goes and what stays, with real stores and trees.
use super::evictor::{Evictor, Owed, contents, evict, owed, pressure};
use super::keeper::{Keeper, sweep};
use crate::metrics::Pressure;
use crate::store::{Store, StoreUsage, Terms, Worth};
use pollux_core::engine::{Fullness, Held, Needs, Record};
use pollux_core::{
    CertifiedEnvelope, ChunkId, ChunkRef, Entry, EntryKind, Envelope, FrameEncoder, Instant, Key, KeyPair,
    Manifest, ManifestId, Provenance, Timestamp, Tree, TreeRef, VerifiedChunk,
};
use std::collections::BTreeSet;
use std::time::Duration;

const EXPIRES: Timestamp = Timestamp::from_millis(1_000_000);

/// A manifest of one file, and its chunks.
struct Saved {
    envelope: Envelope,
    tree: TreeRef,
    chunks: Vec<VerifiedChunk>,
}

impl Saved {
    fn new(number: u8) -> Self {
        let plain = |part: u8| {
            [&[number, part][..], ChunkId::of(&[number, part]).as_bytes().as_slice()].concat().repeat(4)
        };
        let content: Vec<_> =
            (0..5).map(|part| VerifiedChunk::from_plain(&plain(part), &mut FrameEncoder::new(1))).collect();
        let refs: Vec<ChunkRef> = content.iter().map(VerifiedChunk::chunk).collect();
        let bytes = refs.iter().map(|chunk| u64::from(chunk.bytes)).sum();
        let kind = EntryKind::File { bytes, offset: 0 };
        let file = Entry { path: "file".to_owned(), mode: 0o644, modified_ns: 0, kind };
        let tree = Tree::new(vec!["file".to_owned()], vec![file], refs).unwrap();
        let encoded = VerifiedChunk::from_plain(&tree.encode(), &mut FrameEncoder::new(1));
        let tree =
            TreeRef { chunks: vec![encoded.chunk()], totals: tree.totals(), roots: tree.roots().to_vec() };
        let manifest = Manifest {
            pool: "ci".to_owned(),
            key: key(number),
            sequence: 1,
            generation: 1,
            ancestors: Vec::new(),
            created: Timestamp::from_millis(1000),
            expires: EXPIRES,
            tree: tree.clone(),
            provenance: Provenance::default(),
            packages: None,
            grant: None,
        };
        let envelope = Envelope::sign(&manifest, &KeyPair::from_seed([1; 32]));
        Self { envelope, tree, chunks: content.into_iter().chain([encoded]).collect() }
    }

    fn id(&self) -> ManifestId {
        self.envelope.id()
    }

    fn put(&self, store: &Store) {
        self.chunks.iter().for_each(|chunk| store.put(chunk).unwrap());
    }

    fn is_whole(&self, store: &Store) -> bool {
        self.chunks.iter().all(|chunk| store.get(&chunk.chunk().id).unwrap().is_some())
    }

    fn is_gone(&self, store: &Store) -> bool {
        self.chunks.iter().all(|chunk| !store.holds(&chunk.chunk().id))
    }

    fn held(&self, used: u64, busy: bool) -> Held {
        let (manifest, tree) = (self.id(), self.tree.clone());
        Held {
            manifest,
            tree,
            packages: None,
            used: Timestamp::from_millis(used),
            busy,
            pinned: false,
            whole: true,
        }
    }

    fn certified(&self) -> Record {
        Record::Certified(CertifiedEnvelope { manifest: self.envelope.clone(), receipts: Vec::new() })
    }

    fn vote(&self, number: u8) -> Record {
        let receipt = self.envelope.clone();
        Record::Vote { manifest: self.envelope.clone(), key: key(number), sequence: 1, receipt }
    }
}

fn key(number: u8) -> Key {
    format!("a/b/{number}").parse().unwrap()
}

/// A store of small segments with so many manifests, the first put first.
fn store_of(count: u8) -> (tempfile::TempDir, Store, Vec<Saved>) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open_small(directory.path());
    let saved: Vec<_> = (0..count).map(Saved::new).collect();
    saved.iter().for_each(|saved| saved.put(&store));
    (directory, store, saved)
}

fn usage(bytes: u64, free: u64) -> StoreUsage {
    StoreUsage { chunks: 1, bytes, bytes_max: 1000, disk_free_bytes: free, free_bytes_min: 800 }
}

#[test]
fn what_is_owed_depends_on_how_short_the_disk_is() {
    assert_eq!(owed(&usage(500, 800), false), None);
    assert_eq!(owed(&usage(500, 799), false), Some((101, Terms::KeepPromises)));
    assert_eq!(owed(&usage(500, 400), false), Some((500, Terms::KeepPromises)));
    assert_eq!(owed(&usage(500, 399), false), Some((501, Terms::Everything)));
    assert_eq!(owed(&usage(1200, 5000), false), Some((200, Terms::KeepPromises)), "over its bound");
    assert_eq!(owed(&usage(1000, 5000), true), Some((125, Terms::Below(Worth::BUSY))), "a chunk was refused");
}

#[test]
fn why_something_goes_is_what_is_missing() {
    assert_eq!(pressure(&usage(500, 799)), Pressure::DiskShort);
    assert_eq!(
        pressure(&usage(1200, 100)),
        Pressure::DiskShort,
        "more than the bound, and the disk is short"
    );
    assert_eq!(pressure(&usage(1200, 5000)), Pressure::StoreFull);
    assert_eq!(pressure(&usage(1000, 800)), Pressure::StoreFull);
}

#[test]
fn what_was_used_longest_ago_goes_first() {
    let (_directory, store, saved) = store_of(4);
    let used = [40, 10, 30, 20];
    let held = || saved.iter().zip(used).map(|(saved, used)| saved.held(used, false)).collect::<Vec<_>>();
    let each = store.usage().bytes / 4;
    let (bytes, gone) = evict(&store, Owed::new(each, Terms::KeepPromises), held());
    assert!(bytes >= each);
    assert!(gone.contains(&saved[1].id()), "the one that was used longest ago");
    assert!(!gone.contains(&saved[0].id()) && saved[0].is_whole(&store), "not the one that was used last");
    for saved in &saved {
        assert_eq!(gone.contains(&saved.id()), !saved.is_whole(&store), "whoever lost something is named");
    }
}

#[test]
fn what_a_job_restores_stays_longest_and_nobody_needs_the_rest() {
    let (_directory, store, saved) = store_of(4);
    let held = vec![saved[0].held(1, true), saved[2].held(1000, false)];
    evict(&store, Owed::new(store.usage().bytes / 2, Terms::KeepPromises), held.clone());
    assert!(saved[0].is_whole(&store));
    assert!(!saved[1].is_whole(&store) && !saved[3].is_whole(&store));
    evict(&store, Owed::new(u64::MAX, Terms::Below(Worth::BUSY)), held.clone());
    assert!(saved[0].chunks.iter().filter(|chunk| store.holds(&chunk.chunk().id)).count() >= 3);
    let (_, gone) = evict(&store, Owed::new(u64::MAX, Terms::Everything), held);
    assert_eq!(BTreeSet::from_iter(gone), BTreeSet::from([saved[0].id(), saved[2].id()]));
    assert_eq!(store.usage().bytes, 0);
}

#[test]
fn what_is_pinned_stays_whatever_else_must_go() {
    let (_directory, store, saved) = store_of(4);
    let pinned = Held { pinned: true, ..saved[1].held(1, false) };
    let held = vec![saved[0].held(1000, true), pinned, saved[2].held(900, false)];
    for terms in [Terms::KeepPromises, Terms::Everything] {
        let (_, gone) = evict(&store, Owed::new(u64::MAX, terms), held.clone());
        assert!(saved[1].is_whole(&store));
        assert!(!gone.contains(&saved[1].id()));
    }
    assert!(saved[3].is_gone(&store), "what shares no segment with it");
}

#[test]
fn what_is_pinned_is_looked_at_though_time_is_up() {
    let (_directory, store, saved) = store_of(2);
    let held = [Held { pinned: true, ..saved[0].held(1, false) }, saved[1].held(1000, true)];
    let known = contents(&store, &held, std::time::Instant::now());
    assert_eq!(known.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn one_eviction_is_under_way_and_one_in_vain_is_not_repeated_at_once() {
    let (_directory, store, _saved) = store_of(1);
    let mut evictor = Evictor::new(store);
    let now = std::time::Instant::now();
    assert_eq!(evictor.due(now), None);
    evictor.note_full();
    assert!(evictor.due(now).is_some());
    evictor.note_full();
    assert_eq!(evictor.due(now), None, "it is under way");
    evictor.done(now);
    assert_eq!(evictor.due(now), None, "nothing more can go for this");
    evictor.note_full();
    assert!(evictor.due(now + Duration::from_secs(6)).is_some());
}

fn minutes(count: u64) -> Instant {
    Instant::ZERO.after(Duration::from_secs(60 * count))
}

fn needs(let_go: &[&Saved], under_way: &[&Saved]) -> Needs {
    Needs {
        let_go: let_go.iter().map(|saved| saved.id()).collect(),
        whole: BTreeSet::new(),
        under_way: under_way.iter().map(|saved| saved.tree.clone()).collect(),
    }
}

#[test]
fn nothing_that_a_seed_voted_for_or_knows_is_ever_swept() {
    let (_directory, store, saved) = store_of(8);
    let [voted, certified, both, let_go, offered, failed, over, looked] = &saved[..] else { panic!("eight") };
    store.record(&voted.vote(0)).unwrap();
    store.record(&certified.certified()).unwrap();
    [both.vote(2), both.certified(), let_go.vote(3), let_go.certified()]
        .iter()
        .for_each(|record| store.record(record).unwrap());
    let mark = store.sweep_mark();
    let found = store.keep(&looked.chunks.iter().map(|chunk| chunk.chunk().id).collect::<Vec<_>>(), 0);
    assert!(found.iter().all(|held| *held), "an offer relies on what it found");
    Saved::new(100).put(&store);
    sweep(&store, mark, &needs(&[let_go], &[offered]), Timestamp::from_millis(5000));
    for kept in [voted, certified, both, offered, looked] {
        assert!(kept.is_whole(&store), "{}", kept.id());
    }
    for gone in [let_go, failed, over] {
        assert!(!gone.is_whole(&store), "{}", gone.id());
    }
    assert!(Saved::new(100).is_whole(&store), "it was put after the mark");
}

#[test]
fn what_has_expired_goes_unless_the_seed_still_counts_on_it() {
    let (_directory, store, saved) = store_of(3);
    store.record(&saved[0].vote(0)).unwrap();
    store.record(&saved[1].certified()).unwrap();
    store.record(&saved[2].certified()).unwrap();
    (100..104).for_each(|number| Saved::new(number).put(&store));
    let mut needs = needs(&[], &[]);
    needs.whole = BTreeSet::from([saved[2].id()]);
    sweep(&store, store.sweep_mark(), &needs, EXPIRES);
    assert!(!saved[0].is_whole(&store) && !saved[1].is_whole(&store));
    assert!(saved[2].is_whole(&store));
}

#[test]
fn where_a_tree_cannot_be_read_that_should_be_there_nothing_goes() {
    let (_directory, store, saved) = store_of(3);
    store.record(&saved[0].certified()).unwrap();
    let mut needs = needs(&[], &[]);
    needs.whole = BTreeSet::from([saved[0].id()]);
    store.give_back(u64::MAX, |_| Worth(0), Terms::Everything).unwrap();
    saved[1].put(&store);
    saved[0].chunks.iter().take(5).for_each(|chunk| store.put(chunk).unwrap());
    (100..104).for_each(|number| Saved::new(number).put(&store));
    assert_eq!(sweep(&store, store.sweep_mark(), &needs, Timestamp::from_millis(5000)), None);
    assert!(saved[1].is_whole(&store));
    needs.whole = BTreeSet::new();
    assert!(sweep(&store, store.sweep_mark(), &needs, Timestamp::from_millis(5000)) > Some(0));
    assert!(!saved[1].is_whole(&store), "one that is being pulled holds nothing up");
}

#[test]
fn a_seed_sweeps_once_an_hour_and_only_if_something_changed() {
    let (_directory, store, _saved) = store_of(1);
    let mut keeper = Keeper::new(store.clone(), Instant::ZERO);
    let mut swept = Vec::new();
    for minute in 1..400 {
        if keeper.is_due(minutes(minute)) {
            let fullness = if minute < 240 { Fullness::Enough } else { Fullness::Nearly };
            let let_go = usize::try_from(minute.saturating_sub(300)).unwrap();
            let begun = keeper.begin(minutes(minute), fullness, let_go).is_some();
            swept.extend(begun.then_some(minute));
        }
        if minute == 90 {
            Saved::new(50).put(&store);
        }
    }
    assert_eq!(swept[..2], [60, 120], "the second time because something was put");
    assert_eq!(swept[2..4], [180, 240], "until that is old enough");
    assert!(swept[4..].iter().all(|minute| *minute > 300) && swept.len() > 10, "{swept:?}");
}

#[test]
fn what_was_put_within_the_hour_is_behind_the_mark() {
    let (_directory, store, saved) = store_of(1);
    let mut keeper = Keeper::new(store.clone(), Instant::ZERO);
    let gone = (1..300).find(|minute| {
        if keeper.is_due(minutes(*minute))
            && let Some(mark) = keeper.begin(minutes(*minute), Fullness::Nearly, 0)
        {
            sweep(&store, mark, &needs(&[], &[]), Timestamp::from_millis(5000));
        }
        if *minute == 50 {
            (100..104).for_each(|number| Saved::new(number).put(&store));
        }
        *minute > 50 && Saved::new(100).is_gone(&store)
    });
    assert!(saved[0].is_gone(&store));
    assert!(gone.is_some_and(|minute| (110..=135).contains(&minute)), "{gone:?}");
}

#[test]
fn what_was_too_young_goes_though_nothing_changes_any_more() {
    let (_directory, store, _saved) = store_of(0);
    let mut keeper = Keeper::new(store.clone(), Instant::ZERO);
    let mut swept = Vec::new();
    for minute in 1..600 {
        if minute == 50 {
            (100..104).for_each(|number| Saved::new(number).put(&store));
        }
        if keeper.is_due(minutes(minute))
            && let Some(mark) = keeper.begin(minutes(minute), Fullness::Enough, 0)
        {
            sweep(&store, mark, &needs(&[], &[]), Timestamp::from_millis(5000));
            swept.push(minute);
        }
    }
    assert!(Saved::new(100).is_gone(&store));
    assert!(swept.last().is_some_and(|last| *last < 400), "then it rests: {swept:?}");
}

#[test]
fn the_engine_hears_of_room_when_it_changes() {
    let (_directory, store, _saved) = store_of(1);
    let mut keeper = Keeper::new(store, Instant::ZERO);
    let room = keeper.room().unwrap();
    assert_eq!(room.1, 1 << 30, "its bound");
    assert_eq!(keeper.room(), None);
}
