//! How the recorded stores were made: with the store's own code on a real directory, what is random in a segment aside, from
//! nothing but what stands here. `cargo test -p pollux-node --lib record_stores_of_this_format -- --ignored` makes them anew.
//!
//! Segments are so small that some are sealed and the last is not. One record is damaged and was found to be, so a place is
//! quarantined. Documents are signed with keys whose secret is one number, over and over.
use super::super::{SMALL, chunk_of, key, noise};
use crate::journal::Journal;
use crate::store::{Store, directory, disk::RealDisk};
use pollux_core::engine::{Record, Share};
use pollux_core::message::{OfferRefusal, VoteEnvelope};
use pollux_core::{
    CertifiedEnvelope, Envelope, KeyPair, LogEntry, Logged, LoggedPolicy, LoggedRefusal, Manifest, Papers,
    PeerId, Provenance, Receipt, Timestamp, TreeRef, TreeTotals, VerifiedChunk, Yank, Yanked,
};
use std::{fs, path::Path, sync::Arc, time::Duration};

/// Whose store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Node,
    Seed,
}

/// When all of it happened.
pub(super) fn time() -> Timestamp {
    "2026-11-26T09:05:00.250Z".parse().unwrap()
}

fn pair(number: u8) -> KeyPair {
    KeyPair::from_seed([number; 32])
}

fn seed(number: u8) -> PeerId {
    PeerId::new(pair(number).public())
}

/// Chunks of a manifest: one that is kept as it is, and one that is compressed.
fn chunks(sequence: u8) -> [VerifiedChunk; 2] {
    let text = format!("{sequence} is a text that is worth compressing, ").repeat(12);
    [chunk_of(&noise(sequence.into(), 300)), chunk_of(text.as_bytes())]
}

fn manifest(sequence: u8) -> Envelope {
    let chunks = chunks(sequence).map(|chunk| chunk.chunk()).to_vec();
    let manifest = Manifest {
        pool: "ci".to_owned(),
        key: key("core/main/npm/1"),
        sequence: sequence.into(),
        created: time(),
        expires: time().after(Duration::from_hours(168)),
        tree: TreeRef { chunks, totals: TreeTotals::default(), roots: vec![String::new()] },
        ancestors: Vec::new(),
        generation: 1,
        provenance: Provenance { build: format!("build {sequence}"), ..Provenance::default() },
        packages: None,
        grant: None,
    };
    Envelope::sign(&manifest, &pair(1))
}

fn receipt(sequence: u8, by: u8) -> Envelope {
    let receipt = Receipt {
        pool: "ci".to_owned(),
        seed: seed(by),
        manifest: manifest(sequence).id(),
        key: key("core/main/npm/1"),
        sequence: sequence.into(),
        time: time(),
    };
    Envelope::sign(&receipt, &pair(by))
}

fn papers(yanks: u8) -> Papers {
    let yank = |number: u8| Yank {
        pool: "ci".to_owned(),
        serial: format!("yank-{number}"),
        what: Yanked::Manifest(manifest(number).id()),
        reason: "it held a miner".to_owned(),
        cascade: true,
        time: time(),
        manifests: Vec::new(),
    };
    let yanks = (0..yanks).map(|number| Envelope::sign(&yank(number), &pair(4))).collect();
    Papers { roots: Vec::new(), policy: None, yanks }
}

/// What both have: three manifests with their chunks, one of which is damaged.
fn common(store: &Store) {
    for sequence in 1..=3 {
        chunks(sequence).iter().for_each(|chunk| store.put(chunk).unwrap());
        let receipts = vec![receipt(sequence, 2), receipt(sequence, 3)];
        let certified = CertifiedEnvelope { manifest: manifest(sequence), receipts };
        store.record(&Record::Certified(certified)).unwrap();
        store.record(&Record::Used { manifest: manifest(sequence).id(), at: time() }).unwrap();
    }
    store.record(&Record::Papers { taken: papers(1), next: Some(papers(2)) }).unwrap();
}

fn of_a_seed(store: &Store, directory: &Path) {
    store.record(&Record::Marker { epoch: 7 }).unwrap();
    store.record(&Record::Seen { seed: seed(3), epoch: 9 }).unwrap();
    chunks(4).iter().for_each(|chunk| store.put(chunk).unwrap());
    let (manifest_4, key) = (manifest(4), key("core/main/npm/1"));
    let vote = Record::Vote { manifest: manifest_4.clone(), key, sequence: 4, receipt: receipt(4, 2) };
    store.record(&vote).unwrap();
    let vote = VoteEnvelope { manifest: manifest_4.clone(), receipt: receipt(4, 3) };
    store.record(&Record::Ballot { seed: seed(3), vote }).unwrap();
    let share = Share { publisher: pair(1).public(), until: time(), bytes: 1234 };
    store.record(&Record::Share(share)).unwrap();
    store.record(&Record::LetGo(manifest(1).id())).unwrap();
    let journal = Journal::new(directory);
    let policy = LoggedPolicy { root: 1, policy: 2, digest: manifest_4.digest() };
    let refused = LoggedRefusal::of(seed(5), &manifest_4, OfferRefusal::Conflict, None);
    for what in [Logged::Policy(policy), Logged::Refused(Box::new(refused))] {
        journal.add(&LogEntry { time: time(), what });
    }
    journal.write();
}

/// Changes the last byte of a chunk's frame on the disk, and reads it.
fn damage(store: &Store, directory: &Path, chunk: &VerifiedChunk) {
    let frame = &chunk.frame().bytes;
    let is_damaged = fs::read_dir(directory.join("segments")).unwrap().any(|segment| {
        let path = segment.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let found = bytes.windows(frame.len()).position(|window| window == frame);
        let Some(at) = found else { return false };
        bytes[at + frame.len() - 1] ^= 1;
        fs::write(path, bytes).unwrap();
        true
    });
    assert!(is_damaged);
    assert_eq!(store.get(&chunk.chunk().id).unwrap(), None);
}

/// Makes a store in this empty directory.
pub(super) fn store(directory: &Path, role: Role) {
    let claim = directory::claim(directory).unwrap();
    let disk = RealDisk::new(directory).unwrap();
    let (store, _) = Store::open_on(Arc::new(disk), SMALL, Some(claim)).unwrap();
    common(&store);
    if role == Role::Seed {
        of_a_seed(&store, directory);
    }
    let [_, text] = chunks(2);
    damage(&store, directory, &text);
}
