use super::*;
use crate::audit::{Lock, audit};
use crate::effort::Limits;
use crate::layout::testing::{links_are_faults, list, put};
use crate::lock::{Locked, LockedDigest};
use crate::program::Program;
use proptest::prelude::*;
use rawzip::{CompressionMethod, ZipArchiveWriter};
use std::fs;
use std::io::Write;
use tempfile::TempDir;

/// The hash of nothing but an empty `go.mod`, as Go's own source has it (`emptyGoModHash`).
const GO_MOD_ALONE: &str = "h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY=";

fn zip(contents: &[(&str, &str)]) -> Vec<u8> {
    let mut output = Vec::new();
    let mut archive = ZipArchiveWriter::new(&mut output);
    for (name, body) in contents {
        let made = archive.new_file(name).compression_method(CompressionMethod::DEFLATE);
        let (mut entry, config) = made.start().unwrap();
        let mut writer =
            config.wrap(flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::default()));
        writer.write_all(body.as_bytes()).unwrap();
        let (encoder, descriptor) = writer.finish().unwrap();
        encoder.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    output
}

const DOWN: &str = "cache/download/example.org/!azure/x/@v/v1.0.0";
const TREE: &str = "example.org/!azure/x@v1.0.0";

/// A cache with one module, as Go of today leaves it.
fn cache() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    let contents = [("go.mod", "module example.org/Azure/x\n"), ("sub/a.go", "package sub\n")];
    let named = contents.map(|(name, body)| (format!("example.org/Azure/x@v1.0.0/{name}"), body));
    let named: Vec<(&str, &str)> = named.iter().map(|(name, body)| (name.as_str(), *body)).collect();
    put(base, &format!("{DOWN}.zip"), zip(&named));
    put(base, &format!("{DOWN}.mod"), contents[0].1);
    put(base, &format!("{DOWN}.info"), r#"{"Version":"v1.0.0"}"#);
    put(base, &format!("{DOWN}.lock"), "");
    put(base, "cache/download/example.org/!azure/x/@v/list", "v1.0.0\n");
    put(base, "cache/download/sumdb/sum.example.org/latest", "x");
    put(base, "cache/lock", "");
    let hash = module_hash(&list(&directory), &format!("{DOWN}.zip")).unwrap();
    put(base, &format!("{DOWN}.ziphash"), hash);
    contents.iter().for_each(|(name, body)| put(base, &format!("{TREE}/{name}"), body));
    directory
}

#[test]
fn symlinks_are_faults() {
    let (file, zip) = (format!("{TREE}/go.mod"), format!("{DOWN}.zip"));
    links_are_faults(Program::Go, cache, &[TREE, &file, "example.org", &zip, "cache/download"]);
    let directory = cache();
    std::os::unix::fs::symlink("x", directory.path().join("example.org/!azure/x@v2.0.0")).unwrap();
    put(directory.path(), "cache/vcs/0123/refs", "");
    std::os::unix::fs::symlink("x", directory.path().join("cache/vcs/0123/HEAD")).unwrap();
    assert_eq!(audit(Program::Go, &list(&directory), &[]).faults.len(), 1, "mirrors are git's");
}

#[test]
fn the_hash_is_gos() {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), "a.zip", zip(&[("go.mod", "")]));
    assert_eq!(module_hash(&list(&directory), "a.zip").unwrap(), GO_MOD_ALONE);
    put(directory.path(), "twice.zip", zip(&[("go.mod", ""), ("go.mod", "")]));
    assert!(module_hash(&list(&directory), "twice.zip").is_err());
}

#[test]
fn modules_share_what_they_grow_when_they_are_unpacked() {
    let (directory, zeros) = (tempfile::tempdir().unwrap(), "0".repeat(1 << 20));
    ["a.zip", "b.zip"].iter().for_each(|path| put(directory.path(), path, zip(&[("a.go", &zeros)])));
    let files = list(&directory).within(Limits { unpacked_bytes_max: 1 << 20, ..Limits::default() });
    assert!(module_hash(&files, "a.zip").is_ok());
    assert!(module_hash(&files, "b.zip").unwrap_err().contains("too much when it is unpacked"));
}

#[test]
fn a_module_is_read_with_archive_and_tree() {
    let directory = cache();
    let made = audit(Program::Go, &list(&directory), &[]);
    assert_eq!(made.layouts, ["go cache/download"]);
    assert_eq!((made.faults, made.orphans, made.notes), (vec![], vec![], vec![]));
    assert_eq!((made.packages.len(), made.compared), (1, 2));
    assert_eq!(made.packages[0].purl.to_string(), "pkg:golang/example.org/azure/x@v1.0.0");
    assert_eq!(made.packages[0].files.len(), 7);
}

#[test]
fn a_changed_archive_and_a_changed_tree_are_found() {
    let directory = cache();
    put(directory.path(), &format!("{TREE}/sub/a.go"), "package evil\n");
    let faults = audit(Program::Go, &list(&directory), &[]).faults;
    assert_eq!((faults.len(), faults[0].path.as_str()), (1, TREE));
    let directory = cache();
    let evil = zip(&[("example.org/Azure/x@v1.0.0/go.mod", "module evil\n")]);
    put(directory.path(), &format!("{DOWN}.zip"), evil);
    let faults = audit(Program::Go, &list(&directory), &[]).faults;
    assert_eq!((faults.len(), faults[0].path.as_str()), (1, format!("{DOWN}.zip").as_str()));
    put(directory.path(), &format!("{DOWN}.zip"), "no archive");
    assert_eq!(audit(Program::Go, &list(&directory), &[]).faults.len(), 1);
    let directory = cache();
    std::os::unix::fs::symlink("/etc/passwd", directory.path().join(TREE).join("link")).unwrap();
    assert!(audit(Program::Go, &list(&directory), &[]).faults[0].why.contains("symlink"));
}

/// Go takes the directory's length from the end, and finds another directory than who takes its offset.
#[test]
fn an_archive_that_go_reads_otherwise_is_found_though_its_hash_agrees() {
    let directory = cache();
    let path = format!("{DOWN}.zip");
    let good = fs::read(directory.path().join(&path)).unwrap();
    let (headers, end) = good.split_at(good.len() - 22);
    let field = |at: usize| u32::from_le_bytes(end[at..at + 4].try_into().unwrap());
    let (files, good_directory) = headers.split_at(field(16).try_into().unwrap());
    let evil_directory = good_directory.to_vec();
    let mut evil_end = end.to_vec();
    evil_end[12..16].copy_from_slice(&(2 * field(12)).to_le_bytes());
    evil_end[16..20].copy_from_slice(&(field(16) + field(12)).to_le_bytes());
    put(directory.path(), &path, [files, &evil_directory, good_directory, &evil_end].concat());
    let faults = audit(Program::Go, &list(&directory), &[]).faults;
    assert_eq!((faults.len(), &faults[0].path), (1, &path));
    assert!(faults[0].why.contains("every program reads alike"), "{}", faults[0].why);
}

#[test]
fn a_hash_of_an_unknown_kind_hides_nothing() {
    let directory = cache();
    put(directory.path(), &format!("{DOWN}.ziphash"), "h9:x");
    let made = audit(Program::Go, &list(&directory), &[]);
    assert_eq!((made.faults, made.compared), (vec![], 1), "the tree, with the archive");
    put(directory.path(), &format!("{TREE}/sub/a.go"), "package evil\n");
    let faults = audit(Program::Go, &list(&directory), &[]).faults;
    let told = (faults.len(), faults[0].path.as_str(), faults[0].by.clone());
    assert_eq!(told, (1, TREE, format!("{DOWN}.zip")));
    fs::remove_file(directory.path().join(format!("{DOWN}.zip"))).unwrap();
    let faults = audit(Program::Go, &list(&directory), &[]).faults;
    assert_eq!((faults.len(), faults[0].path.clone()), (1, format!("{DOWN}.ziphash")));
}

#[test]
fn a_name_that_is_no_text_is_a_fault_in_a_tree() {
    use std::os::unix::ffi::OsStrExt;
    let directory = cache();
    let name = std::ffi::OsStr::from_bytes(b"evil\xff.go");
    fs::write(directory.path().join("cache").join(name), "").unwrap();
    let made = audit(Program::Go, &list(&directory), &[]);
    assert_eq!((made.faults.len(), made.notes.len()), (0, 1));
    fs::write(directory.path().join(TREE).join(name), "").unwrap();
    let made = audit(Program::Go, &list(&directory), &[]);
    assert_eq!((made.faults.len(), made.notes.len()), (1, 1));
    assert!(made.faults[0].path.starts_with(TREE) && made.faults[0].why.contains("no text"));
}

#[test]
fn go_sum_is_compared_with_the_archive_or_with_the_tree_alone() {
    let directory = cache();
    let hash = fs::read_to_string(directory.path().join(format!("{DOWN}.ziphash"))).unwrap();
    let lock = |hash: &str| {
        let digests = vec![LockedDigest::GoModule(hash.to_owned())];
        let packages = vec![Locked { purl: go_sum::purl("example.org/Azure/x", "v1.0.0"), digests }];
        [Lock { name: "go.sum".to_owned(), packages }]
    };
    for without_archive in [false, true] {
        if without_archive {
            fs::remove_file(directory.path().join(format!("{DOWN}.zip"))).unwrap();
        }
        let files = list(&directory);
        let right = audit(Program::Go, &files, &lock(&hash));
        assert_eq!((right.faults, right.orphans), (vec![], vec![]));
        assert_eq!(audit(Program::Go, &files, &lock(GO_MOD_ALONE)).faults[0].by, "go.sum");
    }
}

fn mended(directory: &TempDir) -> Vec<String> {
    let orphans = read(&list(directory)).orphans;
    for orphan in &orphans {
        let Mend::Remove(gone) = &orphan.mend else { panic!("lines") };
        gone.iter().for_each(|path| fs::remove_file(directory.path().join(path)).unwrap());
    }
    assert_eq!(read(&list(directory)).orphans, [], "mended");
    orphans.into_iter().map(|orphan| orphan.path).collect()
}

#[test]
fn what_go_would_do_again_is_an_orphan_and_goes() {
    let directory = cache();
    put(directory.path(), &format!("{DOWN}.partial"), "");
    assert_eq!(mended(&directory), [TREE]);
    assert_eq!(read(&list(&directory)).packages.len(), 1, "the archive stays");
    let directory = cache();
    fs::remove_file(directory.path().join(format!("{DOWN}.ziphash"))).unwrap();
    assert_eq!(mended(&directory), [TREE]);
    let directory = cache();
    fs::remove_file(directory.path().join(format!("{DOWN}.zip"))).unwrap();
    fs::remove_dir_all(directory.path().join("example.org")).unwrap();
    assert_eq!(mended(&directory), [TREE], "a hash alone");
}

#[test]
fn what_older_versions_left_half_done_goes() {
    let directory = cache();
    put(directory.path(), &format!("{TREE}.tmp-123456/go.mod"), "");
    put(directory.path(), &format!("{DOWN}.zip123.tmp"), "");
    assert_eq!(mended(&directory).len(), 2);
}

#[test]
fn what_stands_alone_rightly_is_no_orphan() {
    for gone in ["mod", "info", "lock"] {
        let directory = cache();
        fs::remove_file(directory.path().join(format!("{DOWN}.{gone}"))).unwrap();
        assert_eq!(read(&list(&directory)).orphans, []);
    }
    let directory = cache();
    fs::remove_dir_all(directory.path().join("example.org")).unwrap();
    fs::remove_file(directory.path().join(format!("{DOWN}.ziphash"))).unwrap();
    put(directory.path(), "golang.org/fips140@v1.0.0/a.go", "");
    put(directory.path(), "cache/download/example.org/only/@v/v1.0.0.mod", "");
    let reading = read(&list(&directory));
    assert_eq!((reading.orphans, reading.packages.len()), (vec![], 2));
}

#[test]
fn what_is_newer_or_strange_is_noted() {
    let directory = cache();
    put(directory.path(), &format!("{DOWN}.ziphash"), "h2:new");
    put(directory.path(), &format!("{DOWN}.zstd"), "");
    put(directory.path(), "cache/next/x", "");
    put(directory.path(), "Upper@v1.0.0/x", "");
    let notes: Vec<String> = read(&list(&directory)).notes.into_iter().map(|note| note.path).collect();
    assert_eq!(notes, ["Upper@v1.0.0", &format!("{DOWN}.ziphash"), &format!("{DOWN}.zstd")]);
}

#[test]
fn another_directory_is_no_module_cache() {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), "node_modules/@babel/core/index.js", "");
    let reading = read(&list(&directory));
    assert!(reading.layouts.is_empty() && reading.packages.is_empty() && reading.notes.is_empty());
}

proptest! {
    // Each makes a directory.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_archive_and_no_hash_is_too_odd(bytes in any::<Vec<u8>>(), cut in 0..400_usize, flip in 0..400_usize) {
        let directory = cache();
        put(directory.path(), &format!("{DOWN}.ziphash"), &bytes);
        put(directory.path(), &format!("{DOWN}.zip"), &bytes);
        drop(audit(Program::Go, &list(&directory), &[]));
        let mut broken = zip(&[("a@v1/x", "abcabcabc"), ("a@v1/y", "")]);
        if let Some(byte) = broken.get_mut(flip) {
            *byte ^= 0x41;
        }
        broken.truncate(cut.max(30));
        put(directory.path(), &format!("{DOWN}.zip"), &broken);
        drop(audit(Program::Go, &list(&directory), &[]));
    }
}
