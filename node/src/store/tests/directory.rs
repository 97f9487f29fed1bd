//! Directories of a real file system: whose they are, and what is left alone.
use crate::store::{Store, StoreError, StoreOptions};
use std::{fs, path::Path};

const OPTIONS: StoreOptions = StoreOptions { bytes_max: Some(1 << 30), free_bytes_min: 0 };

fn refused(directory: &Path) -> StoreError {
    Store::open(directory, OPTIONS).unwrap_err()
}

#[test]
fn a_store_is_made_where_there_is_none_and_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep/store");
    let (store, recovery) = Store::open(&path, OPTIONS).unwrap();
    assert!(recovery.certified.is_empty() && recovery.votes.is_empty() && recovery.torn_bytes == 0);
    store.put(&super::chunk(1)).unwrap();
    store.sync().unwrap();
    assert!(path.join("segments/00000000.seg").exists());
    drop(store);
    let (store, recovery) = Store::open(&path, OPTIONS).unwrap();
    assert!(super::gives(&store, &super::chunk(1)));
    assert_eq!(recovery.torn_bytes, 0, "blocks that are set aside do not count as torn");
    assert_eq!(fs::read_to_string(path.join("FORMAT")).unwrap(), "pollux store 1\n");
}

#[test]
fn the_quota_is_a_tenth_of_the_file_system_unless_told_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    let total = {
        let found = rustix::fs::statvfs(directory.path()).unwrap();
        found.f_blocks * found.f_frsize
    };
    let options = StoreOptions { bytes_max: None, ..OPTIONS };
    let usage = Store::open(directory.path(), options).unwrap().0.usage();
    assert_eq!(usage.bytes_max, total / 10);
    assert!(usage.disk_free_bytes > 0);
}

#[test]
fn a_second_node_is_refused_until_the_first_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(directory.path(), OPTIONS).unwrap();
    let clone = store.clone();
    let error = refused(directory.path());
    let process = std::process::id();
    assert!(
        matches!(&error, StoreError::InUse { directory: path, process: Some(named) }
            if path == directory.path() && *named == process),
        "{error:?}"
    );
    assert!(
        error.to_string().ends_with(&format!("is in use by another node (process {process})")),
        "{error}"
    );
    drop(store);
    assert!(matches!(refused(directory.path()), StoreError::InUse { .. }), "a clone is the same store");
    drop(clone);
    Store::open(directory.path(), OPTIONS).unwrap();
}

#[test]
fn data_without_a_readable_format_is_not_touched() {
    for format in [None, Some(""), Some("pollux store x\n"), Some("ext4")] {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("segments")).unwrap();
        if let Some(format) = format {
            fs::write(directory.path().join("FORMAT"), format).unwrap();
        }
        assert!(matches!(refused(directory.path()), StoreError::NotAStore(_)), "{format:?}");
        assert!(!directory.path().join("records.redb").exists());
    }
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), "").unwrap();
    for path in [directory.path().join("file"), directory.path().join("file/store"), "/proc/pollux".into()] {
        let error = refused(&path).to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn files_that_are_not_segments_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    drop(Store::open(directory.path(), OPTIONS).unwrap());
    let stranger = directory.path().join("segments/notes.txt");
    fs::write(&stranger, "mine").unwrap();
    Store::open(directory.path(), OPTIONS).unwrap().0.put(&super::chunk(1)).unwrap();
    assert_eq!(fs::read_to_string(stranger).unwrap(), "mine");
}

#[test]
fn records_that_are_no_database_refuse_the_store() {
    let directory = tempfile::tempdir().unwrap();
    drop(Store::open(directory.path(), OPTIONS).unwrap());
    let records = directory.path().join("records.redb");
    fs::write(&records, super::noise(1, 100_000)).unwrap();
    assert!(matches!(refused(directory.path()), StoreError::Records(_)));
    assert_eq!(fs::read(&records).unwrap(), super::noise(1, 100_000));
}
