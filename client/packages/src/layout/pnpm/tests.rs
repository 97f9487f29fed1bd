//! Stores are made here as pnpm lays them out; real ones are read by hand.

use super::*;
use crate::Program;
use crate::audit::{Lock, audit};
use crate::digest::Algorithm;
use crate::layout::testing::links_are_faults;
use crate::lock::{Locked, LockedDigest};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs;

/// A store that is being made.
struct Store(tempfile::TempDir);

impl Store {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, path: &str, bytes: &[u8]) -> String {
        let whole = self.0.path().join(path);
        fs::create_dir_all(whole.parent().unwrap()).unwrap();
        fs::write(whole, bytes).unwrap();
        path.to_owned()
    }

    fn content(&self, version: &str, bytes: &[u8], suffix: &str) -> String {
        let hex = Digest::of(Algorithm::Sha512, bytes).hex();
        self.write(&format!("{version}/files/{}/{}{suffix}", &hex[..2], &hex[2..]), bytes)
    }

    /// left-pad 1.3.0 with two files, one of them executable, whose tarball is `tgz`; its index.
    fn left_pad(&self, version: &str) -> String {
        self.content(version, b"{}", "");
        self.content(version, b"#!", "-exec");
        let files = json!({ "package.json": entry(b"{}", 0o644), "bin.js": entry(b"#!", 0o755) });
        let index = json!({ "name": "left-pad", "version": "1.3.0", "files": files }).to_string();
        let hex = Digest::of(Algorithm::Sha512, b"tgz").hex();
        let path = match version {
            "v3" => format!("v3/files/{}/{}-index.json", &hex[..2], &hex[2..]),
            _ => format!("{version}/index/{}/{}-left-pad@1.3.0.json", &hex[..2], &hex[2..64]),
        };
        self.write(&path, index.as_bytes())
    }

    fn files(&self) -> Files {
        Files::below(self.0.path(), &[""]).unwrap()
    }

    fn read(&self) -> Reading {
        read(&self.files())
    }
}

fn entry(bytes: &[u8], mode: u32) -> Value {
    let hex = Digest::of(Algorithm::Sha512, bytes).hex();
    let base64 = data_encoding::BASE64.encode(&data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap());
    json!({ "checkedAt": 1, "integrity": format!("sha512-{base64}"), "mode": mode, "size": bytes.len() })
}

#[test]
fn symlinks_are_faults() {
    let made = || {
        let store = Store::new();
        let index = store.left_pad("v10");
        store.write("v10/projects/y", b"");
        std::os::unix::fs::symlink("/home/x", store.0.path().join("v10/projects/x")).unwrap();
        (store, index)
    };
    let content = made().0.content("v10", b"#!", "-exec");
    links_are_faults(Program::Pnpm, || made().0.0, &[&content, &made().1, "v10/files", "v10/index"]);
    let (store, _) = made();
    std::os::unix::fs::symlink("v10", store.0.path().join("v3")).unwrap();
    assert_eq!(audit(Program::Pnpm, &store.files(), &[]).faults[0].path, "v3");
}

#[test]
fn packages_of_both_versions_are_read() {
    let store = Store::new();
    for version in ["v3", "v10"] {
        store.left_pad(version);
    }
    store.write("v10/projects/x", b"");
    let reading = store.read();
    assert_eq!(reading.layouts, ["pnpm store v10", "pnpm store v3"]);
    assert_eq!((&reading.orphans, &reading.notes), (&vec![], &vec![]));
    for held in &reading.packages {
        assert_eq!(held.purl.to_string(), "pkg:npm/left-pad@1.3.0");
        assert_eq!((held.files.len(), held.checks.len(), &held.artifact), (3, 2, &None));
    }
    let stated: Vec<usize> = reading.packages.iter().map(|held| held.stated.len()).collect();
    assert_eq!(stated, [0, 1], "only v3 tells the whole digest");
}

#[test]
fn a_file_that_was_changed_is_found() {
    for version in ["v3", "v10"] {
        let store = Store::new();
        let index = store.left_pad(version);
        assert_eq!(audit(Program::Pnpm, &store.files(), &[]).faults, []);
        let path = store.content(version, b"#!", "-exec");
        store.write(&path, b"#!evil");
        let faults = audit(Program::Pnpm, &store.files(), &[]).faults;
        assert_eq!((faults.len(), &faults[0].path, &faults[0].by), (1, &path, &index));
    }
}

#[test]
fn a_lock_file_is_compared_with_what_the_store_tells_of_the_tarball() {
    for version in ["v3", "v10"] {
        let store = Store::new();
        let index = store.left_pad(version);
        // Who names it otherwise is not believed where pnpm looks for it by its name.
        let harmless = fs::read_to_string(store.0.path().join(&index)).unwrap().replace("left-pad", "x");
        if version == "v10" {
            store.write(&index, harmless.as_bytes());
        }
        compare(&store);
    }
}

fn compare(store: &Store) {
    let made = |bytes: &[u8]| {
        let digests = vec![LockedDigest::Artifact(Digest::of(Algorithm::Sha512, bytes))];
        let purl = "pkg:npm/left-pad@1.3.0".parse().unwrap();
        let lock = Lock { name: "pnpm-lock.yaml".to_owned(), packages: vec![Locked { purl, digests }] };
        let made = audit(Program::Pnpm, &store.files(), &[lock]);
        (made.claimed, made.faults.len())
    };
    assert_eq!((made(b"tgz"), made(b"other")), ((1, 0), (1, 1)));
}

#[test]
fn what_is_not_whole_is_an_orphan() {
    let store = Store::new();
    let index = store.left_pad("v10");
    let alone = store.content("v10", b"alone", "");
    assert_eq!(store.read().orphans.iter().map(|orphan| &orphan.path).collect::<Vec<_>>(), [&alone]);
    let gone = store.content("v10", b"#!", "-exec");
    fs::remove_file(store.0.path().join(gone)).unwrap();
    let reading = store.read();
    let orphans: BTreeSet<&String> = reading.orphans.iter().map(|orphan| &orphan.path).collect();
    let rest = store.content("v10", b"{}", "");
    assert_eq!((reading.packages.len(), orphans), (0, BTreeSet::from([&index, &alone, &rest])));
    for orphan in &reading.orphans {
        let Mend::Remove(paths) = &orphan.mend else { panic!("files go") };
        paths.iter().for_each(|path| fs::remove_file(store.0.path().join(path)).unwrap());
    }
    assert_eq!(store.files().iter().count(), 0);
}

#[test]
fn names_come_from_the_index_its_path_or_the_manifest() {
    let store = Store::new();
    let manifest = br#"{"name":"@s/manifest","version":"1.0.0"}"#;
    store.content("v3", manifest, "");
    store.content("v10", manifest, "");
    let index = json!({ "files": { "package.json": entry(manifest, 0o644) } }).to_string();
    store.write(&format!("v10/index/00/{}-@s+path@2.0.0.json", "0".repeat(62)), index.as_bytes());
    store.write(&format!("v3/files/00/{}-index.json", "0".repeat(126)), index.as_bytes());
    store.write("v3/code.example.org+x+y+0123/integrity.json", index.as_bytes());
    let reading = store.read();
    let mut names: Vec<String> = reading.packages.iter().map(|held| held.purl.to_string()).collect();
    names.sort();
    assert_eq!(
        names,
        ["pkg:npm/%40s/manifest@1.0.0", "pkg:npm/%40s/manifest@1.0.0", "pkg:npm/%40s/path@2.0.0"]
    );
    assert_eq!((reading.orphans, reading.notes), (vec![], vec![]));
}

#[test]
fn newer_and_older_stores_are_noted_and_nothing_of_them_is_an_orphan() {
    let store = Store::new();
    store.content("v11", b"x", "");
    store.write("v11/index.db", b"SQLite format 3");
    store.content("v10", b"x", "");
    store.write("v10/index/00/11-x@1.0.0.mpk", b"x");
    store.write("2/store.json", b"{}");
    let reading = store.read();
    let noted: Vec<&str> = reading.notes.iter().map(|note| note.path.as_str()).collect();
    assert_eq!(noted, ["v10/index", "v11/index.db", "v11/", "2"]);
    assert_eq!(reading.layouts, ["pnpm store v10", "pnpm store v11", "pnpm store 2"]);
    assert_eq!(reading.orphans, []);
}

#[test]
fn what_is_no_such_store_has_no_layout() {
    let store = Store::new();
    for path in ["v6/npm-x-1.0.0-0/x", "files/00/x", "index/x", "v3/x", "x"] {
        store.write(path, b"");
    }
    let reading = store.read();
    assert_eq!((reading.layouts.len(), reading.notes.len(), reading.orphans.len()), (0, 0, 0));
}

#[test]
fn an_index_that_only_pnpm_can_read_goes_and_its_files_are_what_their_names_say() {
    for version in ["v3", "v10"] {
        let store = Store::new();
        let index = store.left_pad(version);
        let text = fs::read_to_string(store.0.path().join(&index)).unwrap();
        store.write(&index, text.replacen('{', "{\"files\":1,", 1).as_bytes());
        let file = store.content(version, b"#!", "-exec");
        store.write(&file, b"#!evil");
        let made = audit(Program::Pnpm, &store.files(), &[]);
        assert!(made.orphans.iter().any(|orphan| orphan.path == index));
        assert_eq!((made.faults.len(), &made.faults[0].path), (1, &file));
    }
}

#[test]
fn a_file_of_a_newer_store_is_what_its_name_says() {
    let store = Store::new();
    store.write("v11/index.db", b"SQLite format 3");
    let file = store.content("v11", b"x", "");
    assert_eq!(audit(Program::Pnpm, &store.files(), &[]).faults, []);
    store.write(&file, b"evil");
    assert_eq!(audit(Program::Pnpm, &store.files(), &[]).faults[0].path, file);
}

#[test]
fn what_is_no_file_of_a_store_goes() {
    let store = Store::new();
    store.left_pad("v3");
    let odd = store.write("v3/files/00/0000", b"evil");
    assert_eq!(store.read().orphans.iter().map(|orphan| &orphan.path).collect::<Vec<_>>(), [&odd]);
}

#[test]
fn an_index_that_is_too_long_goes() {
    let store = Store::new();
    let index = store.left_pad("v10");
    let file = fs::OpenOptions::new().write(true).open(store.0.path().join(index)).unwrap();
    file.set_len(INDEX_BYTES_MAX + 1).unwrap();
    let reading = store.read();
    assert!(reading.orphans[0].why.contains("more than"));
    assert_eq!((reading.packages.len(), reading.orphans.len()), (0, 3), "with its files");
}

proptest! {
    #[test]
    fn garbage_goes(bytes in any::<Vec<u8>>()) {
        let store = Store::new();
        store.content("v10", b"x", "");
        store.write("v10/index/00/11-x@1.0.0.json", &bytes);
        let reading = store.read();
        prop_assert_eq!((reading.packages.len(), reading.notes.len(), reading.orphans.len()), (0, 0, 2));
    }
}
