use super::*;
use crate::audit::{Audit, Lock, audit};
use crate::layout::msgpack::tests::{bytes, map, text};
use crate::layout::testing::{links_are_faults, put};
use crate::lock::{Locked, LockedDigest};
use crate::program::Program;
use crate::python::archive::tests::{sdist, wheel};
use crate::python::purl;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::fs;
use std::io::Write;
use std::path::Path;

/// Where the file of a package is.
fn address(file: &str) -> String {
    format!("https://registry.example.org/files/{file}")
}

fn place(part: &str, address: &str) -> String {
    let digest = Digest::of(Algorithm::Sha256, b"");
    let named = Named { file: String::new(), address: Some(address.to_owned()), digest, page: String::new() };
    let key = named.key().unwrap();
    let letters: Vec<String> = key.chars().take(5).map(String::from).collect();
    format!("{part}/{}/{key}", letters.join("/"))
}

fn serialized(status: u8, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let headers: Vec<(&str, Vec<u8>)> = headers.iter().map(|(name, value)| (*name, text(value))).collect();
    let response = map(&[
        ("body", bytes(body)),
        ("headers", map(&headers)),
        ("status", vec![0xcc, status]),
        ("strict", vec![0xc2]),
    ]);
    [b"cc=4,", &map(&[("response", response), ("vary", map(&[]))])[..]].concat()
}

/// One of pip's two ways to keep a response.
#[derive(Clone, Copy)]
struct Cache<'a> {
    base: &'a Path,
    part: &'a str,
}

impl Cache<'_> {
    fn keep(self, address: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        let path = place(self.part, address);
        if self.part == "http" {
            put(self.base, &path, serialized(200, headers, body));
            return path;
        }
        put(self.base, &path, serialized(200, headers, b""));
        let beside = format!("{path}.body");
        put(self.base, &beside, body);
        beside
    }

    fn keep_page(self, project: &str, files: &[(&str, &[u8])], full: bool) {
        let file = |(name, body): &(&str, &[u8])| {
            let url = if full { address(name) } else { format!("../../files/{name}") };
            let digest = Digest::of(Algorithm::Sha256, body).hex();
            format!("{{\"filename\":\"{name}\",\"url\":\"{url}\",\"hashes\":{{\"sha256\":\"{digest}\"}}}}")
        };
        let files: Vec<String> = files.iter().map(file).collect();
        let json = format!("{{\"meta\":{{}},\"files\":[{}]}}", files.join(","));
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(json.as_bytes()).unwrap();
        let headers = [("Content-Type", "application/vnd.pypi.simple.v1+json"), ("Content-Encoding", "gzip")];
        self.keep(
            &format!("https://registry.example.org/simple/{project}/"),
            &headers,
            &packed.finish().unwrap(),
        );
    }
}

const BINARY: [(&str, &str); 1] = [("Content-Type", "application/octet-stream")];
const WHEEL: &str = "Flask_x-1.0-py2.py3-none-any.whl";

fn audited(base: &Path, locks: &[Lock]) -> Audit {
    audit(Program::Pip, &Files::below(base, &[""]).unwrap(), locks)
}

fn purls(audit: &Audit) -> Vec<String> {
    audit.packages.iter().map(|package| package.purl.to_string()).collect()
}

#[test]
fn symlinks_are_faults() {
    let made = || {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache { base: directory.path(), part: "http-v2" };
        let body = cache.keep(&address(WHEEL), &BINARY, &wheel("Flask_x", "1.0"));
        (directory, body)
    };
    let body = made().1;
    links_are_faults(Program::Pip, || made().0, &[&body, body.strip_suffix(".body").unwrap(), "http-v2"]);
}

#[test]
fn tags_are_made_once_of_each_file_that_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache { base: directory.path(), part: "http-v2" };
    let named: Vec<String> = (0..20).map(|n| format!("Flask_x-1.0-{n}-py2.py3-none-any.whl")).collect();
    let named: Vec<(&str, &[u8])> = named.iter().map(|name| (name.as_str(), &b"x"[..])).collect();
    cache.keep_page("flask-x", &named, false);
    (0..20).for_each(|n| drop(cache.keep(&address(&n.to_string()), &BINARY, &wheel("Flask_x", "1.0"))));
    let files = Files::below(directory.path(), &[""]).unwrap();
    let (mut responses, mut reading, mut made) = (Vec::new(), Reading::default(), 0);
    find_responses(&files, "http-v2", true, &mut responses, &mut reading);
    let tags_of = |file: &str| {
        made += 1;
        tags_of_wheel(file)
    };
    let names = Names::of(&files, &responses, tags_of, &mut reading);
    let found = responses.iter().filter_map(|response| names.of_response(response)).count();
    assert_eq!((found, made), (20, 20));
}

#[test]
fn packages_are_known_by_their_contents_and_compared_with_the_index() {
    for part in ["http", "http-v2"] {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache { base: directory.path(), part };
        let (flask, lib) = (wheel("Flask_x", "1.0"), sdist("lib", "2.0"));
        cache.keep_page("flask-x", &[(WHEEL, &flask), ("Flask_x-0.9-py3-none-any.whl", b"")], true);
        cache.keep(&address(WHEEL), &BINARY, &flask);
        cache.keep(&address("lib-2.0.tar.gz"), &BINARY, &lib);
        cache.keep(&address("lib-2.0.metadata"), &BINARY, b"Metadata-Version: 2.1\nName: lib\n");
        put(directory.path(), "selfcheck/abc", b"{}");
        let found = audited(directory.path(), &[]);
        assert_eq!(found.layouts, [format!("pip {part}")]);
        assert_eq!(purls(&found), ["pkg:pypi/flask-x@1.0", "pkg:pypi/lib@2.0"]);
        assert_eq!((found.faults.len(), found.orphans.len(), found.notes.as_slice()), (0, 0, &[][..]));
        assert_eq!(found.packages[0].source, Some(address(WHEEL)));
        assert_eq!(found.packages[0].digest, Some(Digest::of(Algorithm::Sha256, &flask)), "{part}");
        assert_eq!(found.packages[1].digest, Some(Digest::of(Algorithm::Sha256, &lib)));
        // The page declares what the wheel must be, so it stays; nothing needs the metadata.
        let answers: Vec<usize> = found.answers.iter().map(|(answer, _)| answer.files.len()).collect();
        assert_eq!(answers, [if part == "http" { 1 } else { 2 }]);
        assert!(found.answers[0].0.files[0].starts_with(&place(part, &address("lib-2.0.metadata"))));
    }
}

/// A wheel of the same name with something else in it.
fn changed() -> Vec<u8> {
    let mut files = crate::python::archive::tests::wheel_files("Flask_x", "1.0");
    files[0].1.push_str("import evil\n");
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    crate::python::archive::tests::zipped(&files)
}

#[test]
fn a_changed_body_is_a_fault_however_the_index_names_it() {
    for (part, full) in [("http", true), ("http", false), ("http-v2", true), ("http-v2", false)] {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache { base: directory.path(), part };
        cache.keep_page("flask-x", &[(WHEEL, &wheel("Flask_x", "1.0"))], full);
        let body = cache.keep(&address(WHEEL), &BINARY, &changed());
        let found = audited(directory.path(), &[]);
        assert_eq!(found.faults.len(), 1, "{part} {full}");
        assert_eq!(found.faults[0].path, body);
        assert!(found.faults[0].why.contains("must be sha256:"));
    }
}

#[test]
fn a_wheel_that_pip_may_read_otherwise_is_a_fault() {
    let odd = [wheel("Flask_x", "1.0"), wheel("evil", "1.0")].concat();
    for part in ["http", "http-v2"] {
        let directory = tempfile::tempdir().unwrap();
        let body = Cache { base: directory.path(), part }.keep(&address(WHEEL), &BINARY, &odd);
        let [fault] = &audited(directory.path(), &[]).faults[..] else { panic!() };
        assert!(fault.path == body && fault.why.contains("reads alike"), "{fault:?}");
    }
}

#[test]
fn a_source_archive_is_found_by_its_name() {
    let (name, right, wrong) =
        ("lib-2.0.tar.gz", sdist("lib", "2.0"), [sdist("lib", "2.0"), vec![0]].concat());
    for (body, faults) in [(&right, 0), (&wrong, 1)] {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache { base: directory.path(), part: "http-v2" };
        cache.keep_page("lib", &[(name, &right), (WHEEL, b"x")], false);
        cache.keep(&address(name), &BINARY, body);
        let found = audited(directory.path(), &[]);
        assert_eq!((found.faults.len(), found.compared), (faults, 1));
    }
}

#[test]
fn a_body_that_is_no_archive_any_more_is_a_fault() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache { base: directory.path(), part: "http-v2" };
    cache.keep_page("flask-x", &[(WHEEL, &wheel("Flask_x", "1.0"))], true);
    cache.keep(&address(WHEEL), &BINARY, b"garbage");
    let found = audited(directory.path(), &[]);
    assert_eq!((purls(&found), found.faults.len()), (vec!["pkg:pypi/flask-x@1.0".to_owned()], 1));
}

#[test]
fn headers_may_state_digests_length_and_name() {
    let body = sdist("lib", "2.0");
    let (right, wrong) =
        (Digest::of(Algorithm::Sha256, &body).hex(), Digest::of(Algorithm::Sha256, b"").hex());
    for (part, digest, length, faults) in [
        ("http-v2", &right, body.len(), 0),
        ("http-v2", &wrong, body.len(), 1),
        ("http-v2", &right, 1, 1),
        ("http", &right, body.len(), 0),
        ("http", &wrong, body.len(), 1),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let length = length.to_string();
        let headers = [("X-Checksum-Sha256", digest.as_str()), ("Content-Length", length.as_str())];
        Cache { base: directory.path(), part }.keep(&address("lib-2.0.tar.gz"), &headers, &body);
        assert_eq!(audited(directory.path(), &[]).faults.len(), faults, "{part} {digest} {length}");
    }
    let directory = tempfile::tempdir().unwrap();
    let headers = [("Content-Disposition", "attachment; filename=\"lib-2.0.tar.bz2\"; size=1")];
    Cache { base: directory.path(), part: "http-v2" }.keep(&address("x"), &headers, b"BZh9");
    let headers = [("x-pypi-file-project", "other"), ("x-pypi-file-version", "3")];
    Cache { base: directory.path(), part: "http-v2" }.keep(&address("y"), &headers, b"BZh9");
    assert_eq!(purls(&audited(directory.path(), &[])), ["pkg:pypi/lib@2.0", "pkg:pypi/other@3"]);
}

#[test]
fn pages_that_differ_are_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache { base: directory.path(), part: "http-v2" };
    cache.keep_page("flask-x", &[(WHEEL, b"one")], false);
    cache.keep_page("flask-x-elsewhere", &[(WHEEL, b"two")], false);
    cache.keep(&address(WHEEL), &BINARY, &wheel("Flask_x", "1.0"));
    assert_eq!(audited(directory.path(), &[]).faults, []);
}

#[test]
fn lock_files_are_compared_also_with_what_lies_in_a_response() {
    for part in ["http", "http-v2"] {
        let directory = tempfile::tempdir().unwrap();
        Cache { base: directory.path(), part }.keep(&address(WHEEL), &BINARY, &wheel("Flask_x", "1.0"));
        for (locked, faults) in [(wheel("Flask_x", "1.0"), 0), (b"other".to_vec(), 1)] {
            let digests = vec![LockedDigest::Artifact(Digest::of(Algorithm::Sha256, &locked))];
            let packages = vec![Locked { purl: purl("flask-x", "1.0"), digests }];
            let locks = [Lock { name: "uv.lock".to_owned(), packages }];
            assert_eq!(audited(directory.path(), &locks).faults.len(), faults, "{part}");
        }
    }
}

#[test]
fn what_lacks_its_other_half_is_an_orphan_and_can_be_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    let at = |name: &str| place("http-v2", &address(name));
    put(base, &format!("{}.body", at("a")), b"x");
    put(base, &at("b"), serialized(200, &BINARY, b""));
    put(base, &at("c"), serialized(45, &[], b""));
    put(base, &format!("{}x1y2.tmp", at("d")), b"x");
    put(base, &format!("wheels/ab/cd/ef/{}/origin.json", "0".repeat(50)), b"{}");
    let found = audited(base, &[]);
    let mut whys: Vec<&str> = found.orphans.iter().map(|orphan| orphan.why.as_str()).collect();
    whys.sort_unstable();
    assert_eq!(
        whys,
        [
            "it was not written to its end",
            "its body is missing",
            "its response is missing",
            "its wheel is missing"
        ]
    );
    for orphan in found.orphans {
        let Mend::Remove(files) = orphan.mend else { panic!("files go") };
        files.iter().for_each(|file| fs::remove_file(base.join(file)).unwrap());
    }
    let mended = audited(base, &[]);
    assert_eq!(
        (mended.orphans.len(), mended.layouts.len(), mended.files),
        (0, 1, 1),
        "a redirection has no body"
    );
}

#[test]
fn wheels_that_were_built_here_tell_what_of() {
    let directory = tempfile::tempdir().unwrap();
    let (base, at) = (directory.path(), format!("wheels/ab/cd/ef/{}", "0".repeat(50)));
    let source = Digest::of(Algorithm::Sha256, b"source");
    put(base, &format!("{at}/lib-2.0-py3-none-any.whl"), wheel("lib", "2.0"));
    let origin = format!(
        "{{\"archive_info\":{{\"hash\":\"sha256={0}\",\"hashes\":{{\"sha256\":\"{0}\"}}}},\"url\":\"https://u:p@registry.example.org/lib-2.0.tar.gz\"}}",
        source.hex()
    );
    put(base, &format!("{at}/origin.json"), origin.as_bytes());
    let found = audited(base, &[]);
    assert_eq!((found.layouts.as_slice(), found.faults.len()), (&["pip wheels".to_owned()][..], 0));
    assert_eq!(found.packages[0].source.as_deref(), Some("https://registry.example.org/lib-2.0.tar.gz"));
    assert_eq!((found.packages[0].digest.as_ref(), found.packages[0].files.len()), (Some(&source), 2));
    let packages = vec![Locked { purl: purl("lib", "2.0"), digests: vec![LockedDigest::Artifact(source)] }];
    let made = audited(base, &[Lock { name: "poetry.lock".to_owned(), packages }]);
    assert_eq!((made.compared, made.claimed), (0, 1), "the source has that digest, and who knows the wheel");
    for end in [".whl", ".WHL?x=1", ".whl#sha256=0"] {
        let of_wheel = origin.replace(".tar.gz", end);
        put(base, &format!("{at}/origin.json"), of_wheel.as_bytes());
        let faults = audited(base, &[]).faults;
        assert_eq!((faults.len(), faults[0].why.as_str()), (1, "no wheel is built of a wheel"));
    }
    put(base, &format!("{at}/origin.json"), origin.as_bytes());
    put(base, &format!("{at}/lib-2.0-py3-none-any.whl"), wheel("evil", "2.0"));
    assert!(audited(base, &[]).faults[0].why.contains("pkg:pypi/evil@2.0"));
}

#[test]
fn a_wheel_that_does_not_tell_what_it_was_built_of_goes() {
    let at = format!("wheels/ab/cd/ef/{}", "0".repeat(50));
    let (path, origin) = (format!("{at}/lib-2.0-py3-none-any.whl"), format!("{at}/origin.json"));
    let hash = format!("sha256={}", "0".repeat(64));
    let twice = format!(r#"{{"url":"x","url":"x.tar.gz","archive_info":{{"hash":"{hash}"}}}}"#);
    for told in [
        None,
        Some("{}"),
        Some(r#"{"url":"x.tar.gz","archive_info":{}}"#),
        Some(r#"{"url":"x.git","vcs_info":{"vcs":"git","commit_id":"x"}}"#),
        Some(&twice),
    ] {
        let directory = tempfile::tempdir().unwrap();
        put(directory.path(), &path, wheel("lib", "2.0"));
        told.iter().for_each(|told| put(directory.path(), &origin, told));
        let orphans = audited(directory.path(), &[]).orphans;
        let gone: Vec<&String> = orphans.iter().flat_map(|orphan| orphan.mend.removed()).collect();
        let all = [&path, &origin];
        assert_eq!(gone, all[..if told.is_some() { 2 } else { 1 }], "{told:?}");
    }
    let directory = tempfile::tempdir().unwrap();
    let odd = format!("{at}/demo-1.0-py3-none.whl");
    put(directory.path(), &odd, wheel("demo", "1.0"));
    assert_eq!(audited(directory.path(), &[]).orphans[0].mend.removed(), [odd]);
}

#[test]
fn what_is_not_understood_is_noted() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    put(base, &place("http", &address("a")), b"cc=5,x");
    put(base, &place("http", &address("b")), b"garbage");
    put(base, "http-v3/a", b"x");
    let found = audited(base, &[]);
    let mut notes: Vec<&str> = found.notes.iter().map(|note| note.what.as_str()).collect();
    notes.sort_unstable();
    assert_eq!(
        notes,
        [
            "a newer layout, of which nothing is known",
            "a response serialized as cc=5, of which nothing is known",
            "no response of a registry",
        ]
    );
}

#[test]
fn a_directory_that_is_no_cache_has_no_layouts() {
    let directory = tempfile::tempdir().unwrap();
    for path in ["http/a/b", "wheels/a-1-py3-none-any.whl", "http-v2/a/b/c/d/e/abcde", "src/x"] {
        put(directory.path(), path, b"x");
    }
    let found = audited(directory.path(), &[]);
    assert!(found.layouts.is_empty() && found.notes.is_empty() && found.packages.is_empty());
}

#[test]
fn no_response_is_too_odd() {
    let directory = tempfile::tempdir().unwrap();
    proptest!(ProptestConfig::with_cases(128), |(bytes in any::<Vec<u8>>(), is_serialized in any::<bool>())| {
        let begin: &[u8] = if is_serialized { b"cc=4," } else { b"" };
        put(directory.path(), &place("http", &address("a")), [begin, &bytes].concat());
        prop_assert_eq!(audited(directory.path(), &[]).layouts.len(), 1);
    });
}

#[test]
fn no_origin_is_too_odd() {
    let directory = tempfile::tempdir().unwrap();
    let at = format!("wheels/ab/cd/ef/{}", "0".repeat(50));
    proptest!(ProptestConfig::with_cases(64), |(bytes in any::<Vec<u8>>())| {
        put(directory.path(), &format!("{at}/lib-2.0-py3-none-any.whl"), &bytes);
        put(directory.path(), &format!("{at}/origin.json"), &bytes);
        prop_assert_eq!(audited(directory.path(), &[]).faults.len(), 1);
    });
}
