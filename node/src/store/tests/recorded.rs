//! Stores as a release left them, one of a node and one of a seed for each format: what a later release opens, or refuses
//! in words.
//!
//! `recorded/format-N-ROLE.zst` is a store's directory: zstd of postcard of a list of (path in it, bytes of the file).
//! `recorded/format-N-ROLE.txt` says what is in it, a line for each record and each chunk. Neither is ever changed. A release
//! that writes another format adds two of its own (see `made`) and goes on reading those that it says it reads.
mod made;

use crate::journal::Journal;
use crate::store::{Recovery, Store, StoreError, StoreOptions};
use made::Role;
use pollux_core::engine::Record;
use pollux_core::message::LogQuery;
use pollux_core::{
    CertifiedEnvelope, ChunkId, ChunkRef, Envelope, FrameDecoder, Manifest, ManifestId, Papers,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const OPTIONS: StoreOptions = StoreOptions { bytes_max: Some(1 << 30), free_bytes_min: 0 };

/// A store of format 1, and what is in it.
const FORMAT_1: [(&[u8], &str); 2] = [
    (include_bytes!("recorded/format-1-node.zst"), include_str!("recorded/format-1-node.txt")),
    (include_bytes!("recorded/format-1-seed.zst"), include_str!("recorded/format-1-seed.txt")),
];

/// Files by their path in a directory.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// Every file in a directory.
pub(super) fn files(directory: &Path) -> Files {
    let mut files = Files::new();
    collect(directory, directory, &mut files);
    files
}

fn collect(root: &Path, directory: &Path, files: &mut Files) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            files.insert(name.to_owned(), fs::read(&path).unwrap());
        }
    }
}

fn packed(directory: &Path) -> Vec<u8> {
    let files = postcard::to_stdvec(&files(directory)).unwrap();
    zstd::encode_all(files.as_slice(), 19).unwrap()
}

fn unpacked(archive: &[u8]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let files: Files = postcard::from_bytes(&zstd::decode_all(archive).unwrap()).unwrap();
    for (name, bytes) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    directory
}

/// The whole envelope, signatures too, in 64 digits.
fn digest(envelope: &Envelope) -> ChunkId {
    ChunkId::of(envelope.to_json().as_bytes())
}

fn digests(envelopes: &[Envelope]) -> String {
    envelopes.iter().map(|envelope| digest(envelope).to_string()).collect::<Vec<_>>().join(" ")
}

fn papers(kept: &Papers) -> String {
    let policy = kept.policy.as_ref().map(|policy| digest(policy).to_string()).unwrap_or_default();
    format!("roots {} policy {policy} yanks {}", digests(&kept.roots), digests(&kept.yanks))
}

/// A manifest and the name that it has elsewhere.
fn manifest(envelope: &Envelope) -> String {
    let body: Manifest = envelope.body().unwrap();
    format!("{} sequence {} {} {}", body.key, body.sequence, envelope.id(), digest(envelope))
}

/// A line for each record, in the order of the names that they begin with.
fn records(recovery: &Recovery) -> Vec<String> {
    let certified = |one: &CertifiedEnvelope| {
        format!("certified {} receipts {}", manifest(&one.manifest), digests(&one.receipts))
    };
    let mut lines: Vec<String> = recovery.certified.iter().map(certified).collect();
    lines.extend(recovery.votes.iter().map(|(voted, receipt)| vote("vote", voted, receipt)));
    lines.extend(recovery.ballots.iter().map(|one| vote("ballot", &one.manifest, &one.receipt)));
    lines.extend(recovery.seen.iter().map(|(seed, epoch)| format!("seen {seed} {epoch}")));
    lines.extend(recovery.marker.iter().map(|epoch| format!("marker {epoch}")));
    lines.extend(
        recovery
            .shares
            .iter()
            .map(|share| format!("share {} {} until {}", share.publisher, share.bytes, share.until)),
    );
    lines.extend(recovery.uses.iter().map(|(manifest, used)| match used {
        Some(used) => format!("used {manifest} {used}"),
        None => format!("let-go {manifest}"),
    }));
    lines.extend(recovery.papers.iter().flat_map(|kept| {
        let next = kept.next.as_ref().map_or_else(|| "none".to_owned(), papers);
        [format!("papers {}", papers(&kept.taken)), format!("papers-next {next}")]
    }));
    lines.sort();
    lines
}

fn vote(kind: &str, voted: &Envelope, receipt: &Envelope) -> String {
    format!("{kind} {} receipt {}", manifest(voted), digest(receipt))
}

/// Every chunk that a record speaks of, read and hashed: a line each.
fn chunks(store: &Store, recovery: &Recovery) -> Vec<String> {
    let certified = recovery.certified.iter().map(|certified| &certified.manifest);
    let voted = recovery.votes.iter().map(|(manifest, _)| manifest);
    let named = certified.chain(voted).flat_map(|manifest| manifest.body::<Manifest>().unwrap().tree.chunks);
    let named: BTreeSet<ChunkRef> = named.collect();
    let told = |chunk: &ChunkRef| match store.get(&chunk.id).unwrap() {
        Some((held, frame)) => {
            assert_eq!(held, *chunk);
            let kind = frame.kind;
            let verified = FrameDecoder::new().verify(frame, *chunk).unwrap();
            format!("chunk {} {} {kind:?}", verified.chunk().id, verified.chunk().bytes)
        }
        None => format!("chunk {} {} not held", chunk.id, chunk.bytes),
    };
    let lines = named.iter().map(told).collect();
    assert!(store.take_lost().is_empty(), "a record is damaged");
    lines
}

/// All that the store in this directory says, in words.
fn told(directory: &Path) -> String {
    let (store, recovery) = Store::open(directory, OPTIONS).unwrap();
    let quarantined = store.inner.records.quarantined().unwrap();
    let mut lines = records(&recovery);
    lines.extend(chunks(&store, &recovery));
    lines.extend(quarantined.iter().map(|place| format!("quarantined {}:{}", place.segment.0, place.offset)));
    lines.push(format!("chunks {} torn {}", store.usage().chunks, recovery.torn_bytes));
    let log = Journal::new(directory).read(&LogQuery::default(), None);
    lines.extend(log.lines.iter().map(|line| format!("log {}", line.as_str())));
    lines.join("\n") + "\n"
}

#[test]
fn a_store_of_format_1_is_read_as_it_was_meant() {
    for (archive, meant) in FORMAT_1 {
        let directory = unpacked(archive);
        assert_eq!(told(directory.path()), meant);
        assert_eq!(told(directory.path()), meant, "opened a second time");
    }
}

#[test]
fn a_store_of_format_1_is_written_on() {
    for (archive, meant) in FORMAT_1 {
        let directory = unpacked(archive);
        let (store, _) = Store::open(directory.path(), OPTIONS).unwrap();
        store.put(&super::chunk(99)).unwrap();
        let used = Record::Used { manifest: ManifestId::from_bytes([9; 32]), at: made::time() };
        store.record(&used).unwrap();
        store.sync().unwrap();
        drop(store);
        let now = told(directory.path());
        let now: BTreeSet<&str> = now.lines().collect();
        let counted = |line: &&str| line.starts_with("chunks ");
        let lost: Vec<&str> = meant.lines().filter(|line| !counted(line) && !now.contains(line)).collect();
        assert!(lost.is_empty(), "{lost:?}");
        let (store, _) = Store::open(directory.path(), OPTIONS).unwrap();
        assert!(super::gives(&store, &super::chunk(99)));
    }
}

#[test]
fn a_store_of_a_format_that_is_not_known_is_left_byte_for_byte() {
    let newer = "format 2, this program knows formats up to 1: use a newer program or another directory";
    let far =
        "format 4294967295, this program knows formats up to 1: use a newer program or another directory";
    let older =
        "format 0, this program knows formats from 1 on: use the release that wrote it, or another directory";
    let formats =
        [("2\n", newer), ("2\nand more lines", newer), ("4294967295\n", far), ("0\n", older), ("00", older)];
    for (archive, _) in FORMAT_1 {
        for (format, words) in formats {
            let directory = unpacked(archive);
            fs::write(directory.path().join("FORMAT"), format!("pollux store {format}")).unwrap();
            let before = files(directory.path());
            let error = Store::open(directory.path(), OPTIONS).unwrap_err();
            assert_eq!(error.to_string(), format!("the store has {words}"));
            assert!(matches!(error, StoreError::NewerFormat { .. } | StoreError::OlderFormat { .. }));
            assert!(files(directory.path()) == before, "format {format}: a file has changed");
        }
    }
}

/// Writes the stores of today's format anew. Only where a format is new: those of a released one stay as they are.
#[test]
#[ignore = "writes into the sources"]
fn record_stores_of_this_format() {
    for (role, name) in [(Role::Node, "node"), (Role::Seed, "seed")] {
        let directory = tempfile::tempdir().unwrap();
        made::store(directory.path(), role);
        let archive = packed(directory.path());
        let file = format!("src/store/tests/recorded/format-{}-{name}", crate::store::directory::FORMAT);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        fs::write(path.with_extension("zst"), &archive).unwrap();
        fs::write(path.with_extension("txt"), told(unpacked(&archive).path())).unwrap();
    }
}
