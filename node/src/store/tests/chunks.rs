//! Putting, getting and syncing on a disk that works.
use super::*;
use crate::store::{
    StoreError,
    disk::DiskFile,
    group_sync::{Appended, GroupSync},
};
use faulty_disk::Crash;
use std::thread;

#[test]
fn what_was_put_is_given_back() {
    let store = open(&FaultyDisk::new(), SMALL);
    let (raw, zipped) = (chunk(1), chunk_of(&[5; 9000]));
    assert_ne!(raw.frame().kind, zipped.frame().kind);
    for chunk in [&raw, &zipped] {
        assert!(!store.holds(&chunk.chunk().id));
        store.put(chunk).unwrap();
        assert_eq!(store.chunk_ref(&chunk.chunk().id), Some(chunk.chunk()));
        assert!(gives(&store, chunk));
    }
    assert!(!gives(&store, &chunk(2)));
}

#[test]
fn a_chunk_is_written_once() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    store.put(&chunk(1)).unwrap();
    let used = disk.used();
    store.put(&chunk(1)).unwrap();
    assert_eq!(disk.used(), used);
    assert_eq!(store.usage().chunks, 1);
}

#[test]
fn everything_is_there_when_it_is_opened_again() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    (0..50).for_each(|number| store.put(&chunk(number)).unwrap());
    let usage = store.usage();
    drop(store);
    assert!(disk.numbers().len() > 5, "there are several segments");
    let store = open(&disk, SMALL);
    assert!((0..50).all(|number| gives(&store, &chunk(number))));
    assert_eq!(store.usage().chunks, 50);
    assert_eq!(store.usage().bytes, usage.bytes);
    store.put(&chunk(50)).unwrap();
    drop(store);
    let store = open(&disk, SMALL);
    assert!((0..51).all(|number| gives(&store, &chunk(number))));
}

#[test]
fn a_start_reads_footers_and_no_frames_of_sealed_segments() {
    let disk = FaultyDisk::new();
    let bounds = Bounds { segment_bytes_max: 1 << 20, ..SMALL };
    let store = open(&disk, bounds);
    (0..40).for_each(|number| store.put(&chunk_of(&noise(number, 100_000))).unwrap());
    drop(store);
    let before = disk.read_bytes();
    let store = open(&disk, bounds);
    let last = disk.segment(*disk.numbers().last().unwrap()).len();
    let read = disk.read_bytes() - before;
    assert!(read < u64::try_from(last).unwrap() + 100_000, "{read} bytes read, the last segment has {last}");
    assert!((0..40).all(|number| gives(&store, &chunk_of(&noise(number, 100_000)))));
}

#[test]
fn a_segment_without_footer_is_walked_by_its_headers() {
    let disk = FaultyDisk::new();
    let bounds = Bounds { segment_bytes_max: 1 << 20, ..SMALL };
    let store = open(&disk, bounds);
    (0..14).for_each(|number| store.put(&chunk_of(&noise(number, 100_000))).unwrap());
    drop(store);
    let mut first = disk.segment(0);
    *first.last_mut().unwrap() ^= 1;
    disk.replace_segment(0, first);
    let before = disk.read_bytes();
    let store = open(&disk, bounds);
    assert!(disk.read_bytes() - before < 800_000, "frames of the first segment were read");
    assert!((0..14).all(|number| gives(&store, &chunk_of(&noise(number, 100_000)))));
}

#[test]
fn a_sync_covers_what_was_put_before_it() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    (0..20).for_each(|number| store.put(&chunk(number)).unwrap());
    store.sync().unwrap();
    store.put(&chunk(20)).unwrap();
    let store = open(&disk.after(Crash::LosesUnsynced), SMALL);
    assert!((0..20).all(|number| gives(&store, &chunk(number))));
    assert!(!gives(&store, &chunk(20)));
}

#[test]
fn records_that_a_killed_process_left_unsynced_are_synced_by_the_next_start() {
    let disk = FaultyDisk::new();
    open(&disk, ONE_SEGMENT).put(&chunk(1)).unwrap();
    let disk = disk.after(Crash::KeepsAll);
    let store = open(&disk, ONE_SEGMENT);
    assert!(gives(&store, &chunk(1)));
    store.sync().unwrap();
    assert!(gives(&open(&disk.after(Crash::LosesUnsynced), ONE_SEGMENT), &chunk(1)));
}

#[test]
fn a_sync_without_anything_new_touches_no_disk() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    store.put(&chunk(1)).unwrap();
    store.sync().unwrap();
    let syncs = disk.syncs();
    store.sync().unwrap();
    assert_eq!(disk.syncs(), syncs);
}

#[test]
fn those_who_wait_together_share_one_sync() {
    let sync = GroupSync::default();
    let nobody = || -> (Appended, Vec<Arc<dyn DiskFile>>) { panic!("a second sync") };
    thread::scope(|scope| {
        // The leader's sync covers what was appended until it began, so the waiters' records too, whether they come
        // before it ends or after.
        sync.wait_for(Appended(1), || {
            for _ in 0..4 {
                scope.spawn(|| sync.wait_for(Appended(3), nobody).unwrap());
            }
            (Appended(3), Vec::new())
        })
        .unwrap();
    });
    let mut synced_again = false;
    let again = || {
        synced_again = true;
        (Appended(4), Vec::new())
    };
    sync.wait_for(Appended(4), again).unwrap();
    assert!(synced_again, "what came later needs another sync");
}

#[test]
fn many_threads_put_get_and_sync_at_once() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    thread::scope(|scope| {
        for thread in 0..6 {
            let store = &store;
            scope.spawn(move || (0..40).for_each(|number| put_get_and_sync(store, thread, number)));
        }
    });
    store.sync().unwrap();
    let survivor = open(&disk.after(Crash::LosesUnsynced), SMALL).usage();
    assert_eq!(survivor.chunks, 20 + 6 * 20);
    assert_eq!((survivor.chunks, survivor.bytes), (store.usage().chunks, store.usage().bytes));
}

/// Every other chunk is put by all threads.
fn put_get_and_sync(store: &Store, thread: u32, number: u32) {
    let chunk = chunk(if number.is_multiple_of(2) { number } else { 1000 * thread + number });
    store.put(&chunk).unwrap();
    assert!(gives(store, &chunk));
    if number.is_multiple_of(5) {
        store.sync().unwrap();
    }
}

#[test]
fn a_failed_sync_is_never_forgotten() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    store.put(&chunk(1)).unwrap();
    store.sync().unwrap();
    store.put(&chunk(2)).unwrap();
    disk.set(|faults| faults.sync_fails = true);
    assert!(matches!(store.sync(), Err(StoreError::Broken)));
    disk.heal();
    assert!(matches!(store.sync(), Err(StoreError::Broken)));
    assert!(matches!(store.put(&chunk(3)), Err(StoreError::Broken)));
    assert!(matches!(store.put(&chunk(1)), Err(StoreError::Broken)), "also where nothing would be written");
    assert!(matches!(store.record(&vote("m", 1)), Err(StoreError::Broken)));
    assert!(gives(&store, &chunk(1)), "reads go on");
}
