//! Manifests and votes.
use super::*;
use crate::store::StoreError;
use faulty_disk::Crash;

fn recovered(disk: &FaultyDisk) -> crate::store::Recovery {
    Store::open_on(Arc::new(disk.clone()), SMALL, None).unwrap().1
}

#[test]
fn records_are_durable_when_record_returns() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    store.record(&Record::Certified(certified("one"))).unwrap();
    store.record(&vote("one", 7)).unwrap();
    let recovery = recovered(&disk.after(Crash::LosesUnsynced));
    assert_eq!(recovery.certified, [certified("one")]);
    assert_eq!(recovery.votes, [(envelope("one"), envelope("receipt"))]);
}

#[test]
fn chunks_are_durable_before_the_record_that_needs_them() {
    for record in [vote("m", 1), Record::Certified(certified("m"))] {
        let disk = FaultyDisk::new();
        let store = open(&disk, SMALL);
        store.put(&chunk(1)).unwrap();
        store.record(&record).unwrap();
        assert!(gives(&open(&disk.after(Crash::LosesUnsynced), SMALL), &chunk(1)));
    }
}

#[test]
fn a_vote_is_never_changed() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    store.record(&vote("one", 7)).unwrap();
    store.record(&vote("one", 7)).unwrap();
    store.record(&vote("two", 8)).unwrap();
    let refused = store.record(&vote("two", 7)).unwrap_err();
    assert!(matches!(&refused, StoreError::VoteConflict { sequence: 7, .. }));
    assert_eq!(refused.to_string(), "a vote for a/b sequence 7 was given to another manifest");
    drop(store);
    let store = open(&disk, SMALL);
    assert!(matches!(store.record(&vote("two", 7)), Err(StoreError::VoteConflict { .. })));
    assert_eq!(recovered(&disk).votes.len(), 2);
}

#[test]
fn a_vote_that_cannot_be_read_still_forbids_another() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    for (sequence, value) in [(1, vec![]), (2, vec![9, 9]), (3, vec![1, 255])] {
        store.inner.records.put_raw_vote("a/b", sequence, &value);
        assert!(matches!(store.record(&vote("one", sequence)), Err(StoreError::VoteConflict { .. })));
    }
    drop(store);
    assert_eq!(recovered(&disk).votes, []);
}

#[test]
fn a_certificate_replaces_an_earlier_one_and_is_forgotten_on_request() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    store.record(&Record::Certified(certified("one"))).unwrap();
    let more = CertifiedEnvelope { receipts: vec![envelope("a"), envelope("b")], ..certified("one") };
    store.record(&Record::Certified(more.clone())).unwrap();
    store.record(&Record::Certified(certified("two"))).unwrap();
    store.record(&vote("two", 1)).unwrap();
    store.record(&Record::Forget(envelope("two").id())).unwrap();
    drop(store);
    let recovery = recovered(&disk);
    assert_eq!(recovery.certified, [more]);
    assert_eq!(recovery.votes.len(), 1, "a vote outlives its manifest");
}

#[test]
fn records_whose_sync_fails_break_the_store() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    store.record(&vote("one", 1)).unwrap();
    disk.set(|faults| faults.sync_fails = true);
    assert!(matches!(store.record(&vote("two", 2)), Err(StoreError::Broken)));
    disk.heal();
    assert!(matches!(store.record(&vote("two", 2)), Err(StoreError::Broken)));
    assert!(matches!(store.put(&chunk(1)), Err(StoreError::Broken)));
    drop(store);
    assert!(
        recovered(&disk.after(Crash::LosesUnsynced)).votes.contains(&(envelope("one"), envelope("receipt")))
    );
}
