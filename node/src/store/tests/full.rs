//! Full disks and full quotas: a refused write, and nothing else.
use super::*;
use crate::store::StoreError;
use faulty_disk::Crash;

fn is_full(result: Result<(), StoreError>) -> bool {
    matches!(result, Err(StoreError::Full))
}

#[test]
fn over_the_quota_a_chunk_is_refused() {
    let disk = FaultyDisk::new();
    let store = open(&disk, Bounds { bytes_max: 900, ..SMALL });
    let put = (0..20).take_while(|number| store.put(&chunk(*number)).is_ok()).count();
    assert!((3..9).contains(&put), "{put} chunks fit");
    assert!(is_full(store.put(&chunk(90))));
    assert!(store.usage().bytes <= 900);
    store.put(&chunk(0)).unwrap();
    store.record(&vote("m", 1)).unwrap();
    assert!((0..put).all(|number| gives(&store, &chunk(u32::try_from(number).unwrap()))));
}

#[test]
fn what_must_stay_free_stays_free() {
    let disk = FaultyDisk::new();
    drop(open(&disk, SMALL));
    let capacity = disk.used() + 3000;
    disk.set(|faults| faults.capacity = capacity);
    let store = open(&disk, Bounds { free_bytes_min: 2000, ..SMALL });
    let put = (0..50).take_while(|number| store.put(&chunk(*number)).is_ok()).count();
    assert!(put >= 4, "{put} chunks fit");
    assert!(is_full(store.put(&chunk(90))));
    assert!(capacity - disk.used() >= 2000, "{} bytes are free", capacity - disk.used());
    disk.heal();
    store.put(&chunk(90)).unwrap();
}

/// The disk fills up at every byte of a record in turn, found out when blocks are set aside or only by the write.
#[test]
fn a_disk_that_is_full_at_any_byte_loses_nothing_that_was_there() {
    for (cannot_reserve, lies_about_space) in [(false, false), (false, true), (true, true)] {
        for room in 0..450 {
            let disk = FaultyDisk::new();
            disk.set(|faults| faults.cannot_reserve = cannot_reserve);
            let store = open(&disk, SMALL);
            (0..3).for_each(|number| store.put(&chunk(number)).unwrap());
            let capacity = disk.used() + room;
            disk.set(|faults| {
                (faults.capacity, faults.lies_about_space) = (capacity, lies_about_space);
            });
            let put = (3..20).take_while(|number| store.put(&chunk(*number)).is_ok()).count();
            let next = u32::try_from(3 + put).unwrap();
            assert!(is_full(store.put(&chunk(next))), "room for {room}");
            assert!(!store.holds(&chunk(next).chunk().id));
            store.sync().unwrap();
            let survivor = open(&disk.after(Crash::LosesUnsynced), SMALL);
            disk.heal();
            store.put(&chunk(next)).unwrap();
            assert!((0..=next).all(|number| gives(&store, &chunk(number))), "room for {room}");
            assert!((0..next).all(|number| gives(&survivor, &chunk(number))), "room for {room}");
        }
    }
}

#[test]
fn a_torn_write_that_cannot_be_cut_off_abandons_the_segment() {
    let disk = FaultyDisk::new();
    disk.set(|faults| faults.cannot_reserve = true);
    let store = open(&disk, ONE_SEGMENT);
    (0..3).for_each(|number| store.put(&chunk(number)).unwrap());
    let capacity = disk.used() + 100;
    disk.set(|faults| {
        (faults.capacity, faults.lies_about_space) = (capacity, true);
        faults.cut_fails = true;
    });
    assert!(is_full(store.put(&chunk(3))));
    disk.heal();
    (3..6).for_each(|number| store.put(&chunk(number)).unwrap());
    assert_eq!(disk.numbers(), [0, 1]);
    for sectors in 0..20 {
        let survivor = open(&disk.after(Crash::KeepsSome(sectors)), ONE_SEGMENT);
        assert!(
            (0..3).all(|number| gives(&survivor, &chunk(number))),
            "durable before another segment is begun"
        );
    }
    store.sync().unwrap();
    for store in [store, open(&disk.after(Crash::LosesUnsynced), ONE_SEGMENT)] {
        assert!((0..6).all(|number| gives(&store, &chunk(number))));
    }
}

#[test]
fn records_wait_for_room_and_then_go_on() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    store.record(&vote("first", 1)).unwrap();
    let capacity = disk.used();
    disk.set(|faults| faults.capacity = capacity);
    let refused = (2..2000).map(|number| store.record(&vote(&"x".repeat(4000), number))).find(Result::is_err);
    assert!(is_full(refused.unwrap()));
    assert!(store.record(&vote("other", 1)).is_err());
    disk.heal();
    store.record(&vote("later", 5000)).unwrap();
    assert!(matches!(store.record(&vote("other", 1)), Err(StoreError::VoteConflict { sequence: 1, .. })));
}

#[test]
fn tiny_chunks_do_not_fill_the_memory() {
    let disk = FaultyDisk::new();
    let store = open(&disk, Bounds { bytes_max: 1 << 20, ..ONE_SEGMENT });
    let put = (0..6000_u32).take_while(|number| store.put(&chunk_of(&number.to_le_bytes())).is_ok()).count();
    assert_eq!(put, 4096);
}
