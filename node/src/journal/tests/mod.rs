mod keeping;
mod reading;
mod writing;

use super::*;
use pollux_core::message::OfferRefusal;
use pollux_core::{
    ChunkId, Digest, Key, LoggedPolicy, LoggedPublish, LoggedRefusal, ManifestId, PeerId, Provenance,
    PublicKey,
};
use std::fs;

const ALL: LogQuery =
    LogQuery { pattern: None, derived_from: None, since: None, kinds: pollux_core::message::LogKinds::All };

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn november() -> Timestamp {
    time("2026-11-03T09:05:00Z")
}

fn id(number: u64) -> ManifestId {
    ManifestId::from_bytes(*ChunkId::of(&number.to_le_bytes()).as_bytes())
}

/// A publish that tells its number by its sequence.
fn publish(time: Timestamp, number: u64) -> LogEntry {
    let publish = LoggedPublish {
        manifest: id(number),
        key: "core/main/npm/1".parse::<Key>().unwrap(),
        sequence: number,
        published: time,
        created: time,
        expires: time,
        publisher: "gate".to_owned(),
        signer: PublicKey::from_bytes([1; 32]),
        grant: None,
        bytes: 1,
        files: 1,
        generation: 1,
        ancestors: Vec::new(),
        provenance: Provenance::default(),
    };
    LogEntry { time, what: Logged::Published(Box::new(publish)) }
}

fn refusal(time: Timestamp, number: u64) -> LogEntry {
    let refusal = LoggedRefusal {
        manifest: id(number),
        from: PeerId::new(PublicKey::from_bytes([2; 32])),
        why: OfferRefusal::Conflict,
        words: "another one stands".to_owned(),
        key: None,
        sequence: Some(number),
        provenance: None,
        unlogged: 0,
    };
    LogEntry { time, what: Logged::Refused(Box::new(refusal)) }
}

fn policy(time: Timestamp) -> LogEntry {
    let policy = LoggedPolicy { root: 1, policy: 2, digest: Digest::from_bytes([3; 32]) };
    LogEntry { time, what: Logged::Policy(policy) }
}

/// Its sequence.
fn number(line: &str) -> u64 {
    match LogEntry::from_line(line).unwrap().what {
        Logged::Published(publish) => publish.sequence,
        Logged::Refused(refusal) => refusal.sequence.unwrap(),
        Logged::Yanked(_) | Logged::Policy(_) | Logged::MoreRefused(_) => 0,
    }
}

fn write(journal: &Journal, entries: impl IntoIterator<Item = LogEntry>) {
    entries.into_iter().for_each(|entry| journal.add(&entry));
    journal.write();
}

/// The sequences of all lines, and how many pages they took.
fn read(journal: &Journal, what: &LogQuery) -> (Vec<u64>, usize) {
    let (mut numbers, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let page = journal.read(what, after);
        pages += 1;
        numbers.extend(page.lines.iter().map(|line| number(line.as_str())));
        assert!(page.next.is_none() || page.next > after, "it goes on");
        after = page.next;
        if after.is_none() {
            return (numbers, pages);
        }
    }
}

fn names(store: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(store.join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn small(store: &Path) -> Journal {
    Journal::bounded(store, Bounds { published: 16 * 1024, refused: 16 * 1024 })
}
