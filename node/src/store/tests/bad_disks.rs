//! Disks that refuse from the start on: words, no panic, and nothing lost that a better day could bring back.
use super::*;
use crate::store::{Recovery, StoreError, StoreOptions};
use rustix::{process::Uid, thread::set_thread_uid};
use std::{fs, path::Path, thread};

const OPTIONS: StoreOptions = StoreOptions { bytes_max: Some(1 << 30), free_bytes_min: 0 };
/// Whom no directory of these tests belongs to.
const NOBODY: u32 = 65_534;

fn try_open(disk: &FaultyDisk) -> Result<(Store, Recovery), StoreError> {
    Store::open_on(Arc::new(disk.clone()), SMALL, None)
}

/// As a user who may write nowhere; root may write everywhere.
fn refused_as_nobody(directory: &Path) -> StoreError {
    let directory = directory.to_owned();
    let opened = thread::spawn(move || {
        if rustix::process::geteuid().is_root() {
            set_thread_uid(Uid::from_raw(NOBODY)).unwrap();
        }
        Store::open(&directory, OPTIONS).map(drop)
    });
    opened.join().unwrap().unwrap_err()
}

fn permit(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_directory_that_cannot_be_written_is_named_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    drop(Store::open(&path, OPTIONS).unwrap());
    permit(directory.path(), 0o755);
    for name in ["lock", "FORMAT", "records.redb"] {
        permit(&path.join(name), 0o444);
    }
    permit(&path, 0o555);
    let before = recorded::files(&path);
    let error = refused_as_nobody(&path);
    let words = format!("cannot use the store directory {}: Permission denied", path.display());
    assert!(error.to_string().starts_with(&words), "{error}");
    assert!(recorded::files(&path) == before);
    permit(&path, 0o755);
}

#[test]
fn a_full_disk_refuses_a_new_store_in_words_and_begins_it_once_there_is_room() {
    for capacity in [0, 1, 4096, 20_000] {
        let disk = FaultyDisk::new();
        disk.set(|faults| faults.capacity = capacity);
        let error = try_open(&disk).map(drop).unwrap_err();
        assert_eq!(error.to_string(), "the store is full", "room for {capacity}");
        disk.heal();
        try_open(&disk).unwrap().0.put(&chunk(1)).unwrap();
    }
}

#[test]
fn on_a_full_disk_a_store_starts_with_what_it_has() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    (0..10).for_each(|number| store.put(&chunk(number)).unwrap());
    store.record(&vote("m", 1)).unwrap();
    drop(store);
    let capacity = disk.used();
    disk.set(|faults| faults.capacity = capacity);
    let (store, recovery) = try_open(&disk).unwrap();
    assert_eq!(recovery.votes.len(), 1);
    assert!((0..10).all(|number| gives(&store, &chunk(number))));
    assert!(matches!(store.put(&chunk(99)), Err(StoreError::Full)));
}

#[test]
fn a_disk_that_cannot_be_read_is_no_panic_and_no_loss() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    (0..10).for_each(|number| store.put(&chunk(number)).unwrap());
    store.record(&Record::Certified(certified("m"))).unwrap();
    drop(store);
    let changes = disk.changes();
    disk.set(|faults| faults.reads_fail = true);
    let error = try_open(&disk).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Records(_)), "{error}");
    assert!(error.to_string().contains("Input/output error"), "{error}");
    assert_eq!(disk.changes(), changes, "nothing is written over what may come back");
    disk.heal();
    let (store, recovery) = try_open(&disk).unwrap();
    assert_eq!(recovery.certified, [certified("m")]);
    assert!((0..10).all(|number| gives(&store, &chunk(number))));
}

#[test]
fn while_a_disk_cannot_be_read_every_chunk_is_a_miss_and_new_ones_are_taken() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    (0..5).for_each(|number| store.put(&chunk(number)).unwrap());
    disk.set(|faults| (faults.reads_fail, faults.readable_records) = (true, true));
    assert!((0..5).all(|number| !gives(&store, &chunk(number))));
    let mut lost = store.take_lost();
    lost.sort_unstable();
    let mut all: Vec<_> = (0..5).map(|number| chunk(number).chunk().id).collect();
    all.sort_unstable();
    assert_eq!(lost, all, "they are fetched again");
    disk.heal();
    (0..5).for_each(|number| store.put(&chunk(number)).unwrap());
    assert!((0..5).all(|number| gives(&store, &chunk(number))));
}
