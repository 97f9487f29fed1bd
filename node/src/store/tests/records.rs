//! Manifests and votes.
use super::*;
use crate::store::{KeptPapers, StoreError};
use faulty_disk::Crash;
use pollux_core::engine::Share;
use pollux_core::message::VoteEnvelope;
use pollux_core::{Papers, PeerId, PublicKey, Timestamp};

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

fn ballot(text: &str) -> VoteEnvelope {
    VoteEnvelope { manifest: envelope(text), receipt: envelope("receipt") }
}

fn seed(number: u8) -> PeerId {
    PeerId::new(PublicKey::from_bytes([number; 32]))
}

#[test]
fn what_a_seed_knows_of_others_is_durable() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    for (number, text) in [(1, "one"), (2, "one"), (1, "two"), (1, "one")] {
        store.record(&Record::Ballot { seed: seed(number), vote: ballot(text) }).unwrap();
    }
    store.record(&Record::Seen { seed: seed(1), epoch: 7 }).unwrap();
    store.record(&Record::Seen { seed: seed(1), epoch: 9 }).unwrap();
    let recovery = recovered(&disk.after(Crash::LosesUnsynced));
    assert_eq!(recovery.ballots.len(), 3);
    assert!(recovery.ballots.contains(&ballot("two")));
    assert_eq!((recovery.seen, recovery.marker), (vec![(seed(1), 9)], None));
    store.record(&Record::Certified(certified("one"))).unwrap();
    let recovery = recovered(&disk.after(Crash::LosesUnsynced));
    assert_eq!(recovery.ballots, [ballot("two")], "a certificate says more than votes");
}

fn share(publisher: u8, day: u64, bytes: u64) -> Share {
    let publisher = PublicKey::from_bytes([publisher; 32]);
    Share { publisher, until: Timestamp::from_millis(day), bytes }
}

#[test]
fn what_publishers_caches_take_is_durable_and_never_less_until_it_is_given_back() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    for taken in [share(2, 7, 5), share(1, 9, 10), share(1, 8, 20), share(1, 8, 40), share(1, 8, 30)] {
        store.record(&Record::Share(taken)).unwrap();
    }
    let recovery = recovered(&disk.after(Crash::LosesUnsynced));
    assert_eq!(recovery.shares, [share(1, 8, 40), share(1, 9, 10), share(2, 7, 5)]);
    store.record(&Record::Share(share(1, 8, 0))).unwrap();
    store.record(&Record::Share(share(3, 8, 0))).unwrap();
    let recovery = recovered(&disk.after(Crash::LosesUnsynced));
    assert_eq!(recovery.shares, [share(1, 9, 10), share(2, 7, 5)]);
}

/// A seed lets go what nobody has used for long.
#[test]
fn a_clock_that_runs_backwards_does_not_make_a_use_older() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    let manifest = envelope("one").id();
    let at = |millis| Record::Used { manifest, at: Timestamp::from_millis(millis) };
    for (record, used) in [
        (at(9000), Some(9000)),
        (at(5000), Some(9000)),
        (at(0), Some(9000)),
        (at(9001), Some(9001)),
        (Record::LetGo(manifest), None),
        (at(3000), Some(3000)),
    ] {
        store.record(&record).unwrap();
        let uses = recovered(&disk.after(Crash::LosesUnsynced)).uses;
        assert_eq!(uses, [(manifest, used.map(Timestamp::from_millis))], "after {record:?}");
    }
}

#[test]
fn when_manifests_were_used_is_durable_until_they_are_forgotten() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    let [one, two, three] = ["one", "two", "three"].map(|text| envelope(text).id());
    let at = |millis| Timestamp::from_millis(millis);
    for (manifest, millis) in [(one, 5), (one, 9), (two, 0), (three, 7)] {
        store.record(&Record::Used { manifest, at: at(millis) }).unwrap();
    }
    store.record(&Record::LetGo(three)).unwrap();
    let uses = || {
        let mut uses = recovered(&disk.after(Crash::LosesUnsynced)).uses;
        uses.sort_by_key(|(_, used)| *used);
        uses
    };
    assert_eq!(uses(), [(three, None), (two, Some(at(1))), (one, Some(at(9)))]);
    store.record(&Record::Forget(one)).unwrap();
    store.record(&Record::Used { manifest: three, at: at(11) }).unwrap();
    assert_eq!(uses(), [(two, Some(at(1))), (three, Some(at(11)))]);
}

#[test]
fn the_epoch_is_raised_with_whatever_is_made_durable() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    let epoch = || recovered(&disk.after(Crash::LosesUnsynced)).marker;
    store.record(&vote("one", 1)).unwrap();
    store.raise_epoch().unwrap();
    assert_eq!(epoch(), None, "there is no marker");
    store.record(&Record::Marker { epoch: 10 }).unwrap();
    store.record(&Record::Marker { epoch: 3 }).unwrap();
    assert_eq!(epoch(), Some(10), "it never goes back");
    for (raised, record) in [
        (11, vote("two", 2)),
        (12, vote("two", 2)),
        (13, Record::Certified(certified("one"))),
        (14, Record::Ballot { seed: seed(1), vote: ballot("one") }),
        (14, Record::Seen { seed: seed(1), epoch: 1 }),
        (14, Record::Share(share(1, 8, 20))),
        (14, Record::Used { manifest: envelope("one").id(), at: Timestamp::from_millis(1) }),
        (14, Record::LetGo(envelope("one").id())),
        (14, Record::Forget(envelope("one").id())),
    ] {
        store.record(&record).unwrap();
        assert_eq!(epoch(), Some(raised), "{record:?}");
    }
    store.record(&vote("three", 2)).unwrap_err();
    assert_eq!(epoch(), Some(14), "nothing was written");
    store.raise_epoch().unwrap();
    assert_eq!(epoch(), Some(15));
}

fn papers(policy: &str, yanks: usize) -> Papers {
    Papers { roots: vec![], policy: Some(envelope(policy)), yanks: vec![envelope("yank"); yanks] }
}

#[test]
fn papers_take_the_place_of_those_before() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    let kept = || recovered(&disk.after(Crash::LosesUnsynced)).papers;
    assert_eq!(kept(), None);
    let (first, next) = (papers("one", 1), Some(papers("two", 1)));
    store.record(&Record::Papers { taken: first.clone(), next: next.clone() }).unwrap();
    assert_eq!(kept(), Some(KeptPapers { taken: first, next }));
    let second = papers("two", 700);
    store.record(&Record::Papers { taken: second.clone(), next: None }).unwrap();
    assert_eq!(kept(), Some(KeptPapers { taken: second, next: None }));
    disk.set(|faults| faults.sync_fails = true);
    assert!(store.record(&Record::Papers { taken: papers("three", 0), next: None }).is_err());
}

#[test]
fn papers_that_cannot_be_read_are_none() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    store.record(&vote("one", 1)).unwrap();
    for damaged in [&[][..], &[9, 0, 0, 0], &[1, 255, 255], &[1, 0, 1]] {
        store.inner.records.put_raw_papers(damaged);
        let recovery = recovered(&disk.after(Crash::LosesUnsynced));
        assert_eq!((recovery.papers, recovery.votes.len()), (None, 1), "and the rest is there");
    }
}

#[test]
fn papers_are_written_as_documented() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    // No roots, no policy, no yanks; then nothing that is newer.
    store.inner.records.put_raw_papers(&[1, 0, 0, 0, 0]);
    let none = KeptPapers { taken: Papers::default(), next: None };
    assert_eq!(recovered(&disk.after(Crash::LosesUnsynced)).papers, Some(none));
}
