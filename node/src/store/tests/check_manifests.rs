//! A check of a whole store: manifests whose chunks are not there, and directories in which nothing may change.
use super::check::{WALL, checked, kinds};
use super::recorded::files;
use super::*;
use crate::store::{
    CheckMode, CheckReport, FaultKind, Lacks, StoreError, StoreOptions, check, check::check_on, directory,
    disk::RealDisk,
};
use pollux_core::{ChunkRef, Entry, EntryKind, KeyPair, Manifest, Provenance, Timestamp, Tree, TreeRef};
use std::{fs, path::Path};

const OPTIONS: StoreOptions = StoreOptions { bytes_max: Some(1 << 30), free_bytes_min: 0 };

fn look(directory: &Path) -> Result<CheckReport, StoreError> {
    check(directory, CheckMode::Look, WALL, &mut |_| ())
}

/// A certified manifest of one file with this content, and its tree.
fn manifest_of(content: &[ChunkRef], sequence: u64) -> (CertifiedEnvelope, VerifiedChunk) {
    let bytes = content.iter().map(|chunk| u64::from(chunk.bytes)).sum();
    let kind = EntryKind::File { bytes, offset: 0 };
    let file =
        Entry { path: "file".to_owned(), mode: 0o644, modified_ns: i64::try_from(sequence).unwrap(), kind };
    let tree = Tree::new(vec!["file".to_owned()], vec![file], content.to_vec()).unwrap();
    let encoded = chunk_of(&tree.encode());
    let manifest = Manifest {
        pool: "ci".to_owned(),
        key: key("a/b"),
        sequence,
        generation: 1,
        ancestors: Vec::new(),
        created: Timestamp::from_millis(1000),
        expires: Timestamp::from_millis(1_000_000),
        tree: TreeRef { chunks: vec![encoded.chunk()], totals: tree.totals(), roots: tree.roots().to_vec() },
        provenance: Provenance::default(),
        packages: None,
        grant: None,
    };
    let manifest = Envelope::sign(&manifest, &KeyPair::from_seed([1; 32]));
    (CertifiedEnvelope { manifest, receipts: Vec::new() }, encoded)
}

/// A manifest of two chunks, all of it in the store but what `leave_out` says.
pub(super) fn save(store: &Store, sequence: u64, leave_out: &[&str]) -> CertifiedEnvelope {
    let number = 100 + 2 * u32::try_from(sequence).unwrap();
    let content = [chunk(number), chunk(number + 1)];
    let (certified, tree) = manifest_of(&content.each_ref().map(VerifiedChunk::chunk), sequence);
    for (name, chunk) in [("first", &content[0]), ("second", &content[1]), ("tree", &tree)] {
        if !leave_out.contains(&name) {
            store.put(chunk).unwrap();
        }
    }
    store.record(&Record::Certified(certified.clone())).unwrap();
    certified
}

/// A store in a real directory, with small segments.
fn real(directory: &Path) -> Store {
    let claim = directory::claim(directory).unwrap();
    let disk = RealDisk::new(directory).unwrap();
    Store::open_on(Arc::new(disk), SMALL, Some(claim)).unwrap().0
}

fn flip(directory: &Path, segment: &str, at: usize) {
    let path = directory.join("segments").join(segment);
    let mut bytes = fs::read(&path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_store_that_was_only_begun_is_sound() {
    let directory = tempfile::tempdir().unwrap();
    drop(directory::claim(directory.path()).unwrap());
    assert!(look(directory.path()).unwrap().sound);
    assert_eq!(files(directory.path()).len(), 2, "nothing but FORMAT and lock");
}

#[test]
fn what_is_missing_of_a_manifest_is_named() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    save(&store, 1, &[]);
    let second = save(&store, 2, &["second"]);
    save(&store, 3, &["tree"]);
    save(&store, 4, &["first", "second"]);
    let let_go = save(&store, 5, &["tree"]);
    store.record(&Record::LetGo(let_go.manifest.id())).unwrap();
    drop(store);
    for mode in [CheckMode::Look, CheckMode::Repair] {
        let report = checked(&disk, mode);
        assert_eq!((report.manifests, report.not_needed, report.faults), (5, 1, 0));
        let mut lacks: Vec<_> =
            report.listed_incomplete.iter().map(|one| (one.sequence, one.lacks)).collect();
        lacks.sort_by_key(|(sequence, _)| *sequence);
        assert_eq!(lacks, [(2, Lacks::Chunks(1)), (3, Lacks::Tree), (4, Lacks::Chunks(2))]);
        assert_eq!((report.incomplete, report.sound), (3, false), "a check cannot bring it back");
        assert!(report.listed_incomplete.iter().any(|one| one.manifest == second.manifest.id()));
    }
    let later = check_on(Arc::new(disk), CheckMode::Look, Timestamp::from_millis(1_000_000), &mut |_| ());
    let later = later.unwrap();
    assert_eq!((later.not_needed, later.incomplete, later.sound), (5, 0, true), "nobody needs what expired");
}

/// Many manifests are read a part at a time.
#[test]
fn every_manifest_is_looked_at() {
    let disk = FaultyDisk::new();
    let store = open(&disk, ONE_SEGMENT);
    (1..=150)
        .for_each(|sequence| drop(save(&store, sequence, if sequence % 50 == 0 { &["tree"] } else { &[] })));
    store.record(&Record::Certified(certified("no manifest"))).unwrap();
    drop(store);
    let report = checked(&disk, CheckMode::Look);
    assert_eq!((report.manifests, report.incomplete, report.unreadable_manifests), (151, 3, 1));
}

#[test]
fn a_damaged_chunk_of_a_manifest_is_missing_once_it_is_found() {
    let disk = FaultyDisk::new();
    let store = open(&disk, ONE_SEGMENT);
    save(&store, 1, &[]);
    drop(store);
    let mut bytes = disk.segment(0);
    bytes[28 + 60 + 9] ^= 4;
    disk.replace_segment(0, bytes);
    let report = checked(&disk, CheckMode::Repair);
    assert_eq!((kinds(&report), report.repaired), (vec![FaultKind::Frame], 1));
    assert_eq!((report.incomplete, report.sound), (1, false), "a check cannot bring it back");
    let store = open(&disk, ONE_SEGMENT);
    store.put(&chunk(102)).unwrap();
    drop(store);
    let report = checked(&disk, CheckMode::Look);
    assert_eq!((report.sound, report.quarantined, report.records), (true, 1, 3), "it was fetched again");
}

/// A copy of a store as a kill left it: its database was not closed, its last segment is torn.
#[test]
fn to_look_changes_no_byte_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let store = real(directory.path());
    (0..20).for_each(|number| store.put(&chunk(number)).unwrap());
    save(&store, 1, &["second"]);
    for (name, bytes) in files(directory.path()) {
        let path = copy.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    flip(copy.path(), "00000000.seg", 28 + 60 + 5);
    flip(copy.path(), "00000001.seg", 3);
    let last = files(copy.path()).into_keys().rfind(|name| name.ends_with(".seg")).unwrap();
    let torn = [fs::read(copy.path().join(&last)).unwrap(), vec![7; 33]].concat();
    fs::write(copy.path().join(last), torn).unwrap();
    let before = files(copy.path());
    let report = look(copy.path()).unwrap();
    assert_eq!((report.faults, report.torn_bytes, report.incomplete), (2, 33, 1), "{report:?}");
    assert!(files(copy.path()) == before, "a byte has changed");
    let repaired = check(copy.path(), CheckMode::Repair, WALL, &mut |_| ()).unwrap();
    assert_eq!((repaired.faults, repaired.repaired), (2, 2));
    let (store, recovery) = Store::open(copy.path(), OPTIONS).unwrap();
    assert_eq!(recovery.torn_bytes, 33);
    assert!((1..20).all(|number| gives(&store, &chunk(number))));
    assert!(!store.holds(&chunk(0).chunk().id));
}

#[test]
fn a_store_in_use_is_not_checked_and_one_that_is_checked_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(directory.path(), OPTIONS).unwrap();
    for mode in [CheckMode::Look, CheckMode::Repair] {
        let refused = check(directory.path(), mode, WALL, &mut |_| ()).unwrap_err();
        let named =
            matches!(refused, StoreError::InUse { process: Some(named), .. } if named == std::process::id());
        assert!(named, "{refused:?}");
    }
    store.put(&chunk(1)).unwrap();
    store.sync().unwrap();
    drop(store);
    let mut others = Vec::new();
    let report = check(directory.path(), CheckMode::Look, WALL, &mut |_| {
        let mends = check(directory.path(), CheckMode::Repair, WALL, &mut |_| ());
        others.push((Store::open(directory.path(), OPTIONS).map(drop), mends, look(directory.path())));
    });
    assert!(report.unwrap().sound && !others.is_empty());
    for (node, mends, looks) in others {
        assert!(matches!(node, Err(StoreError::BeingChecked(path)) if path == directory.path()));
        assert!(matches!(mends, Err(StoreError::BeingChecked(_))) && looks.unwrap().sound);
    }
    Store::open(directory.path(), OPTIONS).unwrap();
}

#[test]
fn what_is_no_store_that_is_known_is_left_as_it_is() {
    for (format, words) in [
        (Some("pollux store 2\n"), "format 2, this program knows formats up to 1: use a newer program"),
        (Some("pollux store 0\n"), "format 0, this program knows formats from 1 on"),
        (Some("ext4"), "is not a store"),
        (None, "there is no store in"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        if let Some(format) = format {
            fs::create_dir(directory.path().join("segments")).unwrap();
            fs::write(directory.path().join("FORMAT"), format).unwrap();
        }
        let before = files(directory.path());
        for mode in [CheckMode::Look, CheckMode::Repair] {
            let refused = check(directory.path(), mode, WALL, &mut |_| ()).unwrap_err().to_string();
            assert!(refused.contains(words), "{refused}");
            assert!(files(directory.path()) == before);
        }
    }
    assert!(matches!(look(Path::new("/nowhere/pollux")), Err(StoreError::Absent(_))));
}
