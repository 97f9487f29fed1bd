//! Giving room back.
use super::*;
use crate::store::StoreError;
use faulty_disk::Crash;
use pollux_core::ChunkId;
use std::collections::HashSet;

fn ids(numbers: impl IntoIterator<Item = u32>) -> HashSet<ChunkId> {
    numbers.into_iter().map(|number| chunk(number).chunk().id).collect()
}

fn filled(disk: &FaultyDisk, bounds: Bounds) -> Store {
    let store = open(disk, bounds);
    (0..40).for_each(|number| store.put(&chunk(number)).unwrap());
    store
}

#[test]
fn what_is_not_live_goes_and_what_is_live_stays() {
    let every_other = ids((0..40).filter(|number| number % 3 != 0));
    for live in [ids([]), ids(0..40), ids(0..10), ids((0..40).step_by(5)), every_other, ids([17])] {
        let disk = FaultyDisk::new();
        let store = filled(&disk, SMALL);
        let before = store.usage();
        let freed = store.sweep(store.sweep_mark(), |chunk| live.contains(chunk)).unwrap();
        let moved_back = before.bytes - store.usage().bytes;
        assert!(moved_back <= freed);
        assert_eq!(freed > 0, live.len() < 20, "{} are live", live.len());
        let lost: HashSet<ChunkId> = store.take_lost().into_iter().collect();
        for store in [store, open(&disk.after(Crash::LosesUnsynced), SMALL)] {
            for number in 0..33 {
                let id = chunk(number).chunk().id;
                assert!(!live.contains(&id) || gives(&store, &chunk(number)), "live chunk {number}");
                assert_eq!(store.holds(&id), !lost.contains(&id), "chunk {number}");
            }
        }
    }
}

#[test]
fn room_comes_back_to_a_full_store() {
    let disk = FaultyDisk::new();
    let store = open(&disk, Bounds { bytes_max: 8000, ..SMALL });
    let put = (0..100).take_while(|number| store.put(&chunk(*number)).is_ok()).count();
    let live = ids((0..u32::try_from(put).unwrap()).step_by(4));
    assert!(matches!(store.put(&chunk(200)), Err(StoreError::Full)));
    assert!(store.sweep(store.sweep_mark(), |chunk| live.contains(chunk)).unwrap() > 0);
    (200..210).for_each(|number| store.put(&chunk(number)).unwrap());
    assert!(live.iter().all(|id| store.get(id).unwrap().is_some()));
}

#[test]
fn what_was_put_after_the_mark_is_safe() {
    let disk = FaultyDisk::new();
    let store = filled(&disk, SMALL);
    let mark = store.sweep_mark();
    (40..60).for_each(|number| store.put(&chunk(number)).unwrap());
    store.put(&chunk(3)).unwrap();
    store.sweep(mark, |_| false).unwrap();
    assert!((40..60).all(|number| gives(&store, &chunk(number))));
    assert!(gives(&store, &chunk(3)), "it was there already, and somebody relies on it since");
    assert!(!store.holds(&chunk(2).chunk().id));
    (60..80).for_each(|number| store.put(&chunk(number)).unwrap());
    store.sweep(store.sweep_mark(), |_| false).unwrap();
    assert!(!store.holds(&chunk(3).chunk().id), "with a later mark it may go");
}

#[test]
fn what_is_kept_outlives_so_many_marks() {
    let disk = FaultyDisk::new();
    let store = filled(&disk, SMALL);
    let [kept, put_again, never] = [3, 5, 1000].map(|number| chunk(number).chunk().id);
    assert_eq!(store.keep(&[kept, never, put_again], 2), [true, false, true]);
    store.put(&chunk(5)).unwrap();
    for _ in 0..2 {
        store.sweep(store.sweep_mark(), |_| false).unwrap();
        assert!(store.holds(&kept) && store.holds(&put_again), "to put it again does not shorten its time");
        assert!(!store.holds(&chunk(2).chunk().id));
        (60..80).for_each(|number| store.put(&chunk(number)).unwrap());
    }
    store.sweep(store.sweep_mark(), |_| false).unwrap();
    assert!(!store.holds(&kept) && !store.holds(&put_again));
}

#[test]
fn a_damaged_chunk_is_not_moved() {
    let disk = FaultyDisk::new();
    drop(filled(&disk, SMALL));
    let mut bytes = disk.segment(0);
    bytes[28 + 60 + 5] ^= 1;
    disk.replace_segment(0, bytes);
    let store = open(&disk, SMALL);
    let live = ids([0, 1]);
    store.sweep(store.sweep_mark(), |chunk| live.contains(chunk)).unwrap();
    assert!(!store.holds(&chunk(0).chunk().id));
    assert!(gives(&store, &chunk(1)));
    assert!(store.take_lost().contains(&chunk(0).chunk().id));
    assert_eq!(store.inner.records.quarantined().unwrap(), [], "its place is gone");
}

#[test]
fn without_room_to_move_nothing_is_lost() {
    let disk = FaultyDisk::new();
    let store = filled(&disk, SMALL);
    let live = ids((0..40).step_by(5));
    let capacity = disk.used();
    disk.set(|faults| faults.capacity = capacity);
    let refused = store.sweep(store.sweep_mark(), |chunk| live.contains(chunk));
    assert!(matches!(refused, Err(StoreError::Full)));
    assert!(live.iter().all(|id| store.get(id).unwrap().is_some()));
}
