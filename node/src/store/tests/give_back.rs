//! Giving room back at once.
use super::*;
use crate::store::{StoreError, Terms, Worth};
use faulty_disk::Crash;
use pollux_core::ChunkId;
use std::collections::HashMap;

/// A file system of which so much is left once forty chunks are there, and of which so much must stay free.
fn store_with_room(room: u64, free_bytes_min: u64) -> (FaultyDisk, Store) {
    let disk = FaultyDisk::new();
    let store = open(&disk, Bounds { free_bytes_min, ..SMALL });
    (0..40).for_each(|number| store.put(&chunk(number)).unwrap());
    store.sync().unwrap();
    let capacity = disk.used() + room;
    disk.set(|faults| faults.capacity = capacity);
    (disk, store)
}

/// Chunks with higher numbers are worth more.
fn by_number() -> impl Fn(&ChunkId) -> Worth {
    let worths: HashMap<ChunkId, u64> =
        (0..40).zip(1..).map(|(n, worth)| (chunk(n).chunk().id, worth)).collect();
    move |chunk| Worth(worths.get(chunk).copied().unwrap_or(0))
}

fn held(store: &Store) -> Vec<u32> {
    (0..40).filter(|number| store.holds(&chunk(*number).chunk().id)).collect()
}

#[test]
fn when_free_space_falls_segments_are_unlinked_in_one_step() {
    let (disk, store) = store_with_room(5000, 5000);
    assert_eq!(store.look().unwrap().owed_bytes(), 0, "just enough is free");
    let taken = disk.used() + 3000;
    disk.set(|faults| faults.capacity = taken);
    let usage = store.look().unwrap();
    assert_eq!((usage.disk_free_bytes, usage.owed_bytes()), (3000, 2000 + 625));
    let (reads, syncs) = (disk.read_bytes(), disk.syncs());
    let given = store.give_back(usage.owed_bytes(), by_number(), Terms::KeepPromises).unwrap();
    assert!((2625..2625 + 1300).contains(&given), "a segment more at most: {given}");
    assert!(store.look().unwrap().disk_free_bytes >= 5625, "the file system has them");
    assert_eq!(
        (disk.read_bytes(), disk.syncs()),
        (reads, syncs),
        "nothing is copied, nothing waits for the disk"
    );
    let lost = store.take_lost();
    let left = held(&store);
    assert_eq!(lost.len() + left.len(), 40);
    assert_eq!(
        left,
        (40 - u32::try_from(left.len()).unwrap()..40).collect::<Vec<_>>(),
        "the least useful went"
    );
    for store in [store, open(&disk.after(Crash::LosesUnsynced), SMALL)] {
        assert!(left.iter().all(|number| gives(&store, &chunk(*number))));
    }
}

#[test]
fn what_is_set_aside_and_not_used_goes_first() {
    let disk = FaultyDisk::new();
    let store = open(&disk, Bounds { reserve_bytes: 100_000, ..ONE_SEGMENT });
    (0..40).for_each(|number| store.put(&chunk(number)).unwrap());
    let before = disk.used();
    let given = store.give_back(50_000, |_| Worth(0), Terms::Everything).unwrap();
    assert!(given >= 90_000 && before - disk.used() == given);
    assert_eq!(held(&store).len(), 40);
    store.put(&chunk(90)).unwrap();
    assert!(gives(&store, &chunk(90)), "and is set aside again where there is room");
}

#[test]
fn the_segment_that_takes_records_goes_like_any_other() {
    let (disk, store) = store_with_room(1 << 20, 0);
    store.put(&chunk(90)).unwrap();
    store.give_back(u64::MAX, |_| Worth(0), Terms::Everything).unwrap();
    assert_eq!((held(&store), disk.numbers()), (Vec::new(), Vec::new()));
    assert_eq!(store.usage().bytes, 0);
    store.sync().unwrap();
    (0..20).for_each(|number| store.put(&chunk(number)).unwrap());
    store.sync().unwrap();
    for store in [store, open(&disk.after(Crash::LosesUnsynced), SMALL)] {
        assert!((0..20).all(|number| gives(&store, &chunk(number))));
    }
}

#[test]
fn what_a_job_was_told_goes_only_where_everything_may() {
    let (_disk, store) = store_with_room(1 << 20, 0);
    let told = chunk(17).chunk().id;
    assert_eq!(store.keep(&[told], 2), [true]);
    // The manifest that is being published has no place yet: it is needed at this moment.
    for worth in [Worth(0), Worth::BUSY] {
        store.give_back(u64::MAX, |_| worth, Terms::KeepPromises).unwrap();
    }
    assert!(held(&store).contains(&17));
    assert!(held(&store).len() < 10, "its segment stayed and no other");
    store.give_back(u64::MAX, |_| Worth(0), Terms::Everything).unwrap();
    assert_eq!(held(&store), Vec::<u32>::new());
}

#[test]
fn what_is_published_is_no_promise_any_more() {
    let (_disk, store) = store_with_room(1 << 20, 0);
    assert_eq!(store.keep(&[chunk(17).chunk().id], 2), [true]);
    store.give_back(u64::MAX, |_| Worth(1), Terms::KeepPromises).unwrap();
    assert_eq!(held(&store), Vec::<u32>::new());
}

#[test]
fn what_is_worth_too_much_stays() {
    let (_disk, store) = store_with_room(1 << 20, 0);
    store.give_back(u64::MAX, by_number(), Terms::Below(Worth(20))).unwrap();
    let left = held(&store);
    assert!((22..40).all(|number| left.contains(&number)), "{left:?}");
    assert!(!left.contains(&0));
}

#[test]
fn few_needed_chunks_do_not_hold_a_segment_that_nobody_needs() {
    let (_disk, store) = store_with_room(1 << 20, 0);
    let one = chunk(2).chunk().id;
    let worth = |id: &ChunkId| if *id == one { Worth(9) } else { Worth(0) };
    store.give_back(u64::MAX, worth, Terms::Below(Worth(1))).unwrap();
    assert_eq!(held(&store), Vec::<u32>::new(), "it is fetched again");
    assert!(store.take_lost().contains(&one));
}

#[test]
fn a_disk_that_refuses_is_told() {
    let (disk, store) = store_with_room(1 << 20, 0);
    disk.set(|faults| faults.changes_left = Some(0));
    let refused = store.give_back(u64::MAX, |_| Worth(0), Terms::Everything);
    assert!(matches!(refused, Err(StoreError::Disk { .. })));
    disk.heal();
    assert!(held(&store).iter().all(|number| gives(&store, &chunk(*number))), "what is gone is not claimed");
}

#[test]
fn readers_and_a_sweep_go_on_meanwhile() {
    let (_disk, store) = store_with_room(1 << 20, 0);
    let mark = store.sweep_mark();
    let third = |chunk: &ChunkId| chunk.as_bytes()[0].is_multiple_of(3);
    let give_back = || store.give_back(1000, by_number(), Terms::KeepPromises).unwrap();
    std::thread::scope(|scope| {
        // Without room to move there is an error, and nothing else.
        scope.spawn(|| (0..20).filter(|_| store.sweep(mark, third).is_ok()).count());
        // What is gone is not given, and what is given is right.
        scope.spawn(|| (0..800_u32).filter(|round| gives(&store, &chunk(round % 40))).count());
        scope.spawn(|| (0..20).map(|_| give_back()).sum::<u64>());
    });
    assert!(held(&store).iter().all(|number| gives(&store, &chunk(*number))));
}

#[test]
fn every_manifest_of_the_records_is_shown_however_many_there_are() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    for number in 0..1100 {
        store.record(&vote(&format!("voted {number}"), number)).unwrap();
    }
    store.record(&Record::Certified(certified("certified"))).unwrap();
    store.inner.records.put_raw_vote("zz/last", 1, b"unreadable");
    let mut shown = Vec::new();
    store.each_manifest(|envelope| shown.push(envelope.payload.clone())).unwrap();
    assert_eq!(shown.len(), 1101);
    assert!(shown.contains(&b"voted 1099".to_vec()));
    assert!(shown.contains(&b"certified".to_vec()));
}
