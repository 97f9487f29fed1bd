//! Caches are made here as cacache lays them out; a real one is read by hand.

use super::*;
use crate::Program;
use crate::audit::{Lock, audit};
use crate::layout::testing::{links_are_faults, list, names, put};
use crate::lock::{Locked, LockedDigest};
use crate::reading::Note;
use data_encoding::BASE64;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const TARBALL: &str = "https://registry.example.org/@babel/core/-/core-7.0.0.tgz";

/// A cache that is being made.
struct Cache(tempfile::TempDir);

impl Cache {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, path: &str, bytes: &[u8]) -> String {
        put(self.0.path(), path, bytes);
        path.to_owned()
    }

    fn content(&self, bytes: &[u8]) -> String {
        let hex = Digest::of(Algorithm::Sha512, bytes).hex();
        self.write(&format!("_cacache/content-v2/sha512/{}/{}/{}", &hex[..2], &hex[2..4], &hex[4..]), bytes)
    }

    fn line(&self, line: &Value) -> String {
        let json = line.to_string();
        let seal = Digest::of(Algorithm::Sha1, json.as_bytes()).hex();
        let key = Digest::of(Algorithm::Sha256, line["key"].as_str().unwrap().as_bytes()).hex();
        let path = format!("_cacache/index-v5/{}/{}/{}", &key[..2], &key[2..4], &key[4..]);
        let before = fs::read_to_string(self.0.path().join(&path)).unwrap_or_default();
        self.write(&path, format!("{before}\n{seal}\t{json}").as_bytes())
    }

    /// An answer with its content, as npm stores it; the paths of the index and of the content.
    fn answer(&self, address: &str, media: &str, bytes: &[u8]) -> (String, String) {
        let key = format!("make-fetch-happen:request-cache:{address}");
        let metadata = json!({ "url": address, "resHeaders": { "content-type": media } });
        let line =
            json!({ "key": key, "integrity": integrity(bytes), "size": bytes.len(), "metadata": metadata });
        (self.line(&line), self.content(bytes))
    }

    fn files(&self) -> Files {
        list(&self.0)
    }

    fn read(&self) -> Reading {
        read(&self.files())
    }
}

fn integrity(bytes: &[u8]) -> String {
    let digest = Digest::of(Algorithm::Sha512, bytes).hex();
    format!("sha512-{}", BASE64.encode(&data_encoding::HEXLOWER.decode(digest.as_bytes()).unwrap()))
}

fn mend(base: &Path, mend: &Mend) {
    match mend {
        Mend::Remove(paths) => paths.iter().for_each(|path| fs::remove_file(base.join(path)).unwrap()),
        Mend::DropLines { path, lines } => {
            let text = fs::read_to_string(base.join(path)).unwrap();
            let kept: Vec<&str> =
                text.split('\n').filter(|line| !lines.iter().any(|gone| gone == line)).collect();
            fs::write(base.join(path), kept.join("\n")).unwrap();
        }
    }
}

#[test]
fn lines_that_repeat_the_last_one_of_their_key_are_told() {
    let cache = Cache::new();
    let (one, other) = (b"one".as_slice(), b"other".as_slice());
    let line = |bytes: &[u8], time: u64| {
        cache.content(bytes);
        cache.line(&json!({ "key": "pacote:tarball:a@1.0.0", "integrity": integrity(bytes), "time": time, "size": 3 }))
    };
    let index = line(one, 1);
    let before = fs::read_to_string(cache.0.path().join(&index)).unwrap();
    assert_eq!(cache.read().repeats, []);
    line(one, 2);
    line(one, 1);
    let repeats = cache.read().repeats;
    assert_eq!(
        (repeats.len(), repeats[0].lines.len()),
        (1, 1),
        "not what is the same to the byte: {repeats:?}"
    );
    fs::write(cache.0.path().join(&index), &before).unwrap();
    line(one, 2);
    line(one, 3);
    let repeats = cache.read().repeats;
    mend(cache.0.path(), &Mend::DropLines { path: index.clone(), lines: repeats[0].lines.clone() });
    assert_eq!(fs::read_to_string(cache.0.path().join(&index)).unwrap(), before);
    line(other, 4);
    line(one, 5);
    assert_eq!(cache.read().repeats, [], "the last line of a key counts");
    let (address, _) = cache.answer(TARBALL, "application/octet-stream", b"tgz");
    cache.answer(TARBALL, "application/octet-stream", b"tgz");
    assert_eq!(cache.read().repeats, [], "headers of {address} may differ");
}

#[test]
fn symlinks_are_faults() {
    let made = || {
        let cache = Cache::new();
        let paths = cache.answer(TARBALL, "application/octet-stream", b"tgz");
        (cache, paths)
    };
    let (_, (index, content)) = made();
    links_are_faults(Program::Npm, || made().0.0, &[&content, &index, "_cacache/content-v2", "_cacache"]);
    let (cache, _) = made();
    put(cache.0.path(), "_npx/x/y", "");
    std::os::unix::fs::symlink("x", cache.0.path().join("_npx/bin")).unwrap();
    assert_eq!(audit(Program::Npm, &cache.files(), &[]).faults, [], "elsewhere npm makes them");
}

#[test]
fn tarballs_are_packages_and_metadata_is_not() {
    let cache = Cache::new();
    let (index, content) = cache.answer(&format!("{TARBALL}?a=b"), "application/octet-stream", b"core");
    let (about, first) =
        cache.answer("https://registry.example.org/@babel%2fcore", "application/json", b"{}");
    let (_, second) = cache.answer(
        "https://registry.example.org/@babel%2fcore",
        "application/vnd.npm.install-v1+json",
        b"[]",
    );
    cache.write("_logs/x.log", b"");
    cache.write("_cacache/tmp/x", b"");
    let reading = cache.read();
    assert_eq!(reading.layouts, ["npm cacache index-v5"]);
    assert_eq!(names(&reading), ["pkg:npm/%40babel/core@7.0.0"]);
    let held = &reading.packages[0];
    assert_eq!(held.artifact.as_deref(), Some(content.as_str()));
    assert_eq!(held.files, [content, index]);
    assert_eq!(held.source.as_deref(), Some(TARBALL));
    assert_eq!(
        reading.answers,
        [Answer { files: vec![about, first, second] }],
        "what one key has goes together"
    );
    assert_eq!((reading.orphans, reading.notes), (vec![], vec![]));
}

#[test]
fn a_tarball_that_was_changed_is_found() {
    let cache = Cache::new();
    let (index, content) = cache.answer(TARBALL, "application/octet-stream", b"core");
    cache.answer("https://registry.example.org/x/-/x-1.0.0.tgz", "application/octet-stream", b"x");
    assert_eq!(audit(Program::Npm, &cache.files(), &[]).faults, []);
    cache.write(&content, b"evil");
    let audit = audit(Program::Npm, &cache.files(), &[]);
    assert_eq!((audit.faults.len(), audit.compared), (1, 2));
    assert_eq!((&audit.faults[0].path, &audit.faults[0].by), (&content, &index));
}

#[test]
fn metadata_that_was_changed_is_found() {
    let cache = Cache::new();
    let (index, content) = cache.answer("https://registry.example.org/x", "application/json", b"{}");
    assert_eq!(audit(Program::Npm, &cache.files(), &[]).faults, []);
    cache.write(&content, b"[]");
    let faults = audit(Program::Npm, &cache.files(), &[]).faults;
    assert_eq!(faults.len(), 1);
    assert_eq!((&faults[0].purl, &faults[0].path, &faults[0].by), (&None, &content, &index));
}

#[test]
fn content_of_any_kind_that_was_changed_is_found() {
    let address = "https://registry.example.org/a";
    for media in ["text/plain", "application/octet-stream"] {
        let cache = Cache::new();
        let (index, content) = cache.answer(address, media, b"good");
        assert_eq!(audit(Program::Npm, &cache.files(), &[]).faults, [], "{media}");
        cache.write(&content, b"evil");
        let faults = audit(Program::Npm, &cache.files(), &[]).faults;
        assert_eq!((faults.len(), &faults[0].path, &faults[0].by), (1, &content, &index), "{media}");
    }
    let cache = Cache::new();
    cache.line(&json!({ "key": "of nobody known", "integrity": integrity(b"good") }));
    let content = cache.content(b"good");
    let digits = Digest::of(Algorithm::Sha512, b"good").hex();
    cache.write(&format!("_cacache/content-v2/sha512/{digits}"), b"good");
    cache.write(&content, b"evil");
    let faults = audit(Program::Npm, &cache.files(), &[]).faults;
    assert_eq!((faults.len(), &faults[0].path), (1, &content), "another path of one digest hides nothing");
}

#[test]
fn a_tarball_is_compared_with_a_lock_file() {
    let cache = Cache::new();
    cache.answer(TARBALL, "application/octet-stream", b"core");
    let lock = |bytes: &[u8]| {
        let purl = "pkg:npm/%40babel/core@7.0.0".parse().unwrap();
        let digests = vec![LockedDigest::Artifact(Digest::of(Algorithm::Sha512, bytes))];
        [Lock { name: "package-lock.json".to_owned(), packages: vec![Locked { purl, digests }] }]
    };
    assert_eq!(audit(Program::Npm, &cache.files(), &lock(b"core")).faults, []);
    assert_eq!(audit(Program::Npm, &cache.files(), &lock(b"other")).faults[0].by, "package-lock.json");
}

#[test]
fn what_lacks_its_other_half_is_found_and_mended() {
    let cache = Cache::new();
    let (index, content) = cache.answer(TARBALL, "application/octet-stream", b"core");
    cache.answer(TARBALL, "application/octet-stream", b"core again");
    fs::remove_file(cache.0.path().join(&content)).unwrap();
    let alone = cache.content(b"alone");
    let reading = cache.read();
    assert_eq!(names(&reading).len(), 1, "the second line has its content");
    assert_eq!(reading.orphans.iter().map(|orphan| &orphan.path).collect::<Vec<_>>(), [&index, &alone]);
    reading.orphans.iter().for_each(|orphan| mend(cache.0.path(), &orphan.mend));
    let mended = cache.read();
    assert_eq!((mended.orphans, mended.notes), (vec![], vec![]));
    assert_eq!(mended.packages.len(), 1);
}

#[test]
fn what_an_address_does_not_tell_metadata_tells() {
    let cache = Cache::new();
    let address = "https://registry.example.org/download/@babel/core/7.0.0/abc";
    cache.answer(address, "application/octet-stream", b"core");
    let dist = json!({ "tarball": format!("{address}#x") });
    let packument = json!({ "name": "@babel/core", "versions": { "7.0.0": { "dist": dist }, "6.0.0": {} } });
    let (_, told) = cache.answer(
        "https://registry.example.org/@babel%2fcore",
        "application/vnd.npm.install-v1+json",
        packument.to_string().as_bytes(),
    );
    assert_eq!(names(&cache.read()), ["pkg:npm/%40babel/core@7.0.0"]);
    cache.write(&told, b"[");
    let reading = cache.read();
    assert_eq!((names(&reading).len(), reading.notes.len(), reading.orphans.len()), (0, 1, 0));
}

#[test]
fn what_npm_packed_of_a_repository_is_a_package_without_version() {
    let cache = Cache::new();
    let content = cache.content(b"packed");
    let key = "pacote:tarball:abbrev@git+https://me:word@code.example.org/abbrev.git#0123";
    cache.line(&json!({ "key": key, "integrity": integrity(b"packed") }));
    cache.line(&json!({ "key": "pacote:tarball:", "integrity": integrity(b"packed") }));
    cache.line(&json!({ "key": "pacote:version-manifest:x", "integrity": integrity(b".") }));
    cache.content(b".");
    let reading = cache.read();
    assert_eq!(names(&reading), ["pkg:npm/abbrev"]);
    assert_eq!(reading.packages[0].source.as_deref(), Some("git+https://code.example.org/abbrev.git"));
    assert_eq!(reading.packages[0].artifact, Some(content));
    assert_eq!((reading.notes.len(), reading.orphans.len()), (1, 0));
}

/// What `npm cache add core@…` leaves: a line by the specification, and one by the address.
#[test]
fn what_was_added_by_a_specification_and_has_an_address_is_one_package() {
    let cache = Cache::new();
    let packed = |from: &str, bytes: &[u8]| {
        cache.content(bytes);
        cache.line(&json!({ "key": format!("pacote:tarball:{from}"), "integrity": integrity(bytes) }))
    };
    let specified = packed("@babel/core@7.0.0", b"core");
    let range = packed("@babel/core@^7.0.0", b"core");
    let (index, content) = cache.answer(TARBALL, "application/octet-stream", b"core");
    let reading = cache.read();
    assert_eq!(names(&reading), ["pkg:npm/%40babel/core@7.0.0"]);
    let files = &reading.packages[0].files;
    let specifications = BTreeSet::from([&specified, &range]);
    assert_eq!((&files[..2], files[2..].iter().collect()), (&[content, index][..], specifications));
    assert_eq!((&reading.orphans, &reading.notes), (&vec![], &vec![]));

    packed("@babel/core@git+https://code.example.org/core.git", b"another core");
    packed("@babel/core@git+https://code.example.org/core.git#main", b"another core");
    packed("of-its-own@git+https://code.example.org/core.git", b"another core");
    let reading = cache.read();
    assert_eq!(
        names(&reading),
        ["pkg:npm/%40babel/core@7.0.0", "pkg:npm/%40babel/core", "pkg:npm/of-its-own"],
        "other content is another package"
    );
}

/// The address may tell no name; the package is known late, and still one.
#[test]
fn a_specification_is_joined_with_what_metadata_names() {
    let cache = Cache::new();
    let address = "https://registry.example.org/download/core/7.0.0/abc";
    cache.line(&json!({ "key": "pacote:tarball:core@7", "integrity": integrity(b"core") }));
    cache.answer(address, "application/octet-stream", b"core");
    let packument = json!({ "name": "core", "versions": { "7.0.0": { "dist": { "tarball": address } } } });
    cache.answer("https://registry.example.org/core", "application/json", packument.to_string().as_bytes());
    let reading = cache.read();
    assert_eq!(
        (names(&reading), reading.packages[0].files.len()),
        (vec!["pkg:npm/core@7.0.0".to_owned()], 3)
    );
}

#[test]
fn an_older_cache_is_read() {
    let cache = Cache::new();
    let digest = Digest::of(Algorithm::Sha512, b"core").hex();
    let key = format!("make-fetch-happen:request-cache:{TARBALL}");
    let json = json!({ "key": key, "digest": digest, "hashAlgorithm": "sha512" }).to_string();
    cache.write("_cacache/index-v3/aa/bb", format!("\n{}\t{json}", json.len()).as_bytes());
    let content = cache.write(&format!("_cacache/content-v1/{}/{}", &digest[..2], &digest[2..]), b"core");
    let reading = cache.read();
    assert_eq!(reading.layouts, ["npm cacache index-v3"]);
    assert_eq!((names(&reading).len(), &reading.orphans, &reading.notes), (1, &vec![], &vec![]));
    cache.write(&content, b"evil");
    assert_eq!(audit(Program::Npm, &cache.files(), &[]).faults.len(), 1);
}

#[test]
fn a_newer_cache_is_noted_and_none_of_it_is_called_an_orphan() {
    let cache = Cache::new();
    cache.content(b"core");
    cache.write("_cacache/index-v6/aa/bb/cc", b"x");
    cache.write("_cacache/content-v3/sha512/aa", b"x");
    let reading = cache.read();
    let noted: Vec<&str> = reading.notes.iter().map(|note| note.path.as_str()).collect();
    assert_eq!(noted, ["_cacache/content-v3", "_cacache/content-v3/sha512/aa", "_cacache/index-v6"]);
    assert_eq!((reading.layouts, reading.orphans), (vec!["npm cacache index-v6".to_owned()], vec![]));
}

#[test]
fn what_is_no_such_cache_has_no_layout() {
    let cache = Cache::new();
    cache.write("_logs/x", b"");
    cache.write("index-v5/aa/bb/cc", b"");
    let reading = cache.read();
    assert_eq!((reading.layouts.len(), reading.notes.len(), reading.orphans.len()), (0, 0, 0));
}

#[test]
fn garbage_is_noted() {
    let cache = Cache::new();
    let index = cache.write("_cacache/index-v5/aa/bb/cc", b"\nx\t{}\n\xff\xfe\n0123");
    assert_eq!(
        cache.read().notes,
        [Note { path: index, what: "lines that are broken, and that npm passes over: 3".to_owned() }]
    );
}

#[test]
fn where_a_line_is_not_understood_no_content_is_an_orphan() {
    let cache = Cache::new();
    cache.content(b"core");
    assert_eq!(cache.read().orphans.len(), 1);
    cache.line(&json!({ "key": "a", "integrity": integrity(b"core"), "metadata": 7 }));
    let reading = cache.read();
    assert_eq!((reading.notes.len(), reading.orphans), (1, vec![]));
}

proptest! {
    #[test]
    fn no_bytes_are_too_odd(bytes in any::<Vec<u8>>()) {
        let cache = Cache::new();
        cache.write("_cacache/index-v5/aa/bb/cc", &bytes);
        cache.answer("https://registry.example.org/x/1", "application/octet-stream", b"x");
        cache.answer("https://registry.example.org/x", "application/json", &bytes);
        prop_assert_eq!(cache.read().packages.len(), 0);
    }
}
