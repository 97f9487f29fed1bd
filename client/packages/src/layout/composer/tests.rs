use super::*;
use crate::audit::audit;
use crate::layout::testing::{links_are_faults, list, put};
use crate::program::Program;
use proptest::prelude::*;
use tempfile::TempDir;

fn sha1(text: &str) -> String {
    Digest::of(Algorithm::Sha1, text.as_bytes()).hex()
}

fn url(version: &str) -> String {
    format!("https://user:secret@dist.example.org/a/b/{version}.zip?token=x")
}

fn archive(version: &str) -> String {
    format!("files/acme/log/{}.zip", sha1(&url(version)))
}

const PROVIDER_2: &str = "repo/https---registry.example.org/provider-acme~log.json";

/// A cache as Composer 2 leaves it: the third version has no digest, the second one's is told by the first.
fn cache() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    let json = serde_json::json!({"minified": "composer/2.0", "packages": {"acme/log": [
        {"name": "acme/log", "version": "v2.0.0",
         "dist": {"type": "zip", "url": url("2"), "shasum": sha1("two"), "reference": "abc"}},
        {"version": "v2.0.0-RC1"},
        {"version": "1.0.0", "dist": {"type": "zip", "url": url("1"), "shasum": ""}},
        {"version": "0.9.0", "dist": "__unset"}, {"version": "0.8.0"},
    ]}});
    put(base, PROVIDER_2, json.to_string());
    put(base, "repo/https---registry.example.org/packages.json", r#"{"packages": []}"#);
    put(base, ".htaccess", "Deny from all");
    put(base, &archive("2"), "two");
    put(base, &archive("1"), "one");
    put(base, "files/acme/log/00000000000000000000000000000000deadbeef.zip", "of nobody");
    directory
}

#[test]
fn symlinks_are_faults() {
    links_are_faults(Program::Composer, cache, &[&archive("2"), PROVIDER_2, "files/acme", "repo"]);
}

#[test]
fn archives_are_told_by_their_addresses() {
    let made = audit(Program::Composer, &list(&cache()), &[]);
    assert_eq!((made.layouts, made.compared), (vec!["composer 2".to_owned()], 1));
    assert_eq!((made.faults, made.orphans, made.notes), (vec![], vec![], vec![]));
    let answers: Vec<&str> = made.answers.iter().map(|(answer, _)| answer.files[0].as_str()).collect();
    assert_eq!(answers, ["repo/https---registry.example.org/packages.json"]);
    let told: Vec<_> = made.packages.iter().map(|p| (p.purl.to_string(), p.source.as_deref())).collect();
    let expected = [
        ("pkg:composer/acme/log".to_owned(), None),
        ("pkg:composer/acme/log@1.0.0".to_owned(), Some("https://dist.example.org/a/b/1.zip")),
        ("pkg:composer/acme/log@v2.0.0".to_owned(), Some("https://dist.example.org/a/b/2.zip")),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_version_has_the_archive_that_it_tells_or_the_one_before_if_minified() {
    let told = |minified: bool| {
        let dist = |url: &str| serde_json::json!({"url": url});
        let mut json = serde_json::json!({"packages": {"a/b": [
            {"version": "4", "dist": dist("x")}, {"version": "3"}, {"version": "2", "dist": "__unset"},
            {"version": "1"}, {"version": "0", "dist": dist("y")},
        ]}});
        if minified {
            json["minified"] = "composer/2.0".into();
        }
        let found = metadata::versions(json.to_string().as_bytes(), "a/b", "by").unwrap();
        found
            .into_iter()
            .map(|version| format!("{} {}", version.version, version.dist.url))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(true), ["4 x", "3 x", "0 y"]);
    assert_eq!(told(false), ["4 x", "0 y"]);
}

#[test]
fn a_changed_archive_is_found_where_there_is_a_digest() {
    let directory = cache();
    put(directory.path(), &archive("2"), "evil");
    put(directory.path(), &archive("1"), "nobody declares its digest");
    let faults = audit(Program::Composer, &list(&directory), &[]).faults;
    assert_eq!((faults.len(), faults[0].path.clone(), faults[0].by.as_str()), (1, archive("2"), PROVIDER_2));
}

#[test]
fn older_caches_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    let json = serde_json::json!({"packages": {
        "acme/log": {"1.0.0": {"version": "1.0.0", "dist": {"url": url("1"), "shasum": sha1("one")}}, "0.1": {"version": "0.1"}},
        "other/log": {"3": {"version": "3", "dist": {"url": url("1"), "shasum": sha1("evil")}}},
    }});
    put(base, "repo/https---registry.example.org/provider-acme$log.json", json.to_string());
    put(base, &archive("1"), "one");
    put(base, &format!("files/acme/old/1.2.3.0-{}.zip", sha1("x")), "old");
    let made = audit(Program::Composer, &list(&directory), &[]);
    assert_eq!((made.layouts, made.faults, made.compared), (vec!["composer 1".to_owned()], vec![], 1));
    let told: Vec<_> = made.packages.iter().map(|package| package.purl.to_string()).collect();
    assert_eq!(told, ["pkg:composer/acme/log@1.0.0", "pkg:composer/acme/old@1.2.3.0"]);
}

#[test]
fn what_was_not_written_to_the_end_goes() {
    let directory = cache();
    put(directory.path(), &format!("{}0123456789.tmp", archive("3")), "hal");
    put(directory.path(), &format!("{PROVIDER_2}0123456789.tmp"), "hal");
    let orphans = read(&list(&directory)).orphans;
    assert_eq!(orphans.len(), 2);
    for orphan in orphans {
        assert_eq!(orphan.mend, Mend::Remove(vec![orphan.path]));
    }
}

#[test]
fn metadata_that_only_composer_can_read_go() {
    let twice = r#"{"packages":{"acme/log":[{"version":"1","version":"2"}]}}"#;
    for odd in [r#"{"packages": 7}"#, twice] {
        let directory = cache();
        put(directory.path(), PROVIDER_2, odd);
        let orphans = read(&list(&directory)).orphans;
        assert_eq!((orphans.len(), orphans[0].path.as_str()), (1, PROVIDER_2));
    }
}

#[test]
fn what_is_not_understood_is_noted() {
    let directory = cache();
    let base = directory.path();
    put(base, "files/flat.zip", "");
    put(base, "vcs/https---git.example.org-a.git/HEAD", "");
    put(base, "files-v3/x", "");
    let reading = read(&list(&directory));
    let noted: Vec<&str> = reading.notes.iter().map(|note| note.path.as_str()).collect();
    assert_eq!(noted, ["files/flat.zip", "vcs", "files-v3"]);
    assert_eq!(reading.packages.len(), 3);
}

#[test]
fn what_git_obeys_in_a_mirror_is_a_fault() {
    let mirror = "vcs/https---code.example.org-a.git";
    for directory in [cache(), tempfile::tempdir().unwrap()] {
        let base = directory.path();
        put(base, &format!("{mirror}/HEAD"), "ref: refs/heads/main");
        put(base, &format!("{mirror}/hooks/update.sample"), "");
        assert_eq!(audit(Program::Composer, &list(&directory), &[]).faults, []);
        let hook = format!("{mirror}/hooks/reference-transaction");
        put(base, &hook, "");
        let faults = audit(Program::Composer, &list(&directory), &[]).faults;
        assert_eq!(faults.into_iter().map(|fault| fault.path).collect::<Vec<_>>(), [hook]);
    }
    links_are_faults(
        Program::Composer,
        || {
            let directory = cache();
            put(directory.path(), &format!("{mirror}/HEAD"), "");
            put(directory.path(), &format!("{mirror}/hooks/update.sample"), "");
            directory
        },
        &[&format!("{mirror}/hooks")],
    );
}

#[test]
fn what_is_no_mirror_of_git_goes() {
    let directory = cache();
    for path in ["vcs/a/.hg/hgrc", "vcs/b/HEAD", "vcs/b/.hg/hgrc", "vcs/c.fossil"] {
        put(directory.path(), path, "");
    }
    let gone = read(&list(&directory)).orphans.into_iter().map(|orphan| orphan.mend.removed().join(" "));
    assert_eq!(gone.collect::<Vec<_>>(), ["vcs/a/.hg/hgrc", "vcs/b/.hg/hgrc vcs/b/HEAD", "vcs/c.fossil"]);
}

#[test]
fn another_directory_is_no_cache() {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), "wheels/ab/x.whl", "");
    put(directory.path(), "files/x", "");
    let reading = read(&list(&directory));
    assert!(reading.layouts.is_empty() && reading.packages.is_empty() && reading.notes.is_empty());
}

proptest! {
    #[test]
    fn no_metadata_are_too_odd(
        bytes in any::<Vec<u8>>(),
        inner in r#"([{}\[\]:,"]|dist|version|null|"__unset"|[0-9]){0,20}"#,
    ) {
        drop(metadata::versions(&bytes, "a/b", "x"));
        drop(metadata::versions(format!(r#"{{"packages":{{"a/b":{inner}}}}}"#).as_bytes(), "a/b", "x"));
        prop_assert!(old_version(&inner).is_none_or(|version| inner.starts_with(version)));
    }
}
