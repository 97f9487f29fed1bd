use super::*;
use crate::audit::{Audit, Lock, audit};
use crate::digest::Algorithm;
use crate::layout::msgpack::tests::{list, map, text};
use crate::layout::testing::{links_are_faults, put};
use crate::lock::{Locked, LockedDigest};
use crate::program::Program;
use crate::python::archive::tests::wheel_files;
use crate::python::purl;
use proptest::prelude::*;
use std::os::unix::fs::symlink;
use std::path::Path;

fn put_wheel(base: &Path, directory: &str, name: &str, version: &str) {
    for (path, text) in wheel_files(name, version) {
        put(base, &format!("{directory}/{path}"), text.as_bytes());
    }
}

/// What a pointer points at, with the digest of some bytes, and more that newer versions tell.
fn target(id: &str, artifact: &[u8]) -> Vec<u8> {
    let digest = map(&[("Sha256", text(&Digest::of(Algorithm::Sha256, artifact).hex()))]);
    list(&[text(id), list(&[digest]), text("a-1-py3-none-any.whl"), vec![0xc0], vec![0xcd, 1, 2]])
}

/// With what uv notes after it: zeros, an identifier, an address, other things.
fn pointer(id: &str, artifact: &[u8]) -> Vec<u8> {
    let notes = format!("\0\0\x000123456789abcdefhttps://u:p@registry.example.org/{id}.whl\0\0GET");
    [target(id, artifact), notes.into_bytes()].concat()
}

/// As the first versions wrote it: a digest is a pair, there is no identifier, and here no end of the address.
fn older_pointer(id: &str, artifact: &[u8]) -> Vec<u8> {
    let digest = list(&[text("sha256"), text(&Digest::of(Algorithm::Sha256, artifact).hex())]);
    let notes = b"https://registry.example.org/lib.tar.gzaccept-encoding".to_vec();
    [list(&[text(id), list(&[digest])]), notes].concat()
}

/// Of a local file: when it was changed comes first.
fn local_pointer(id: &str, artifact: &[u8]) -> Vec<u8> {
    list(&[list(&[vec![0xce, 0, 0, 0, 1], vec![2]]), target(id, artifact)])
}

/// As the versions that are known lay it out: `wheels-v8` and `sdists-v11`.
fn newer() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    put_wheel(base, "archive-v0/abc_DEF-1", "Flask_x", "1.0");
    put(base, "wheels-v8/pypi/flask-x/1.0-py3-none-any.http", pointer("abc_DEF-1", b"flask"));
    put(base, "wheels-v8/pypi/flask-x/1.0-py3-none-any.msgpack", b"x");
    put(base, "wheels-v8/pypi/other/2.0-py3-none-any.msgpack", b"x");
    put_wheel(base, "archive-v0/local", "mine", "0.1");
    put(base, "wheels-v8/path/0123456789abcdef/mine/0.1-py3-none-any.rev", local_pointer("local", b"mine"));
    put(base, "sdists-v11/pypi/lib/2.0/revision.http", pointer("rev1", b"lib"));
    put(base, "sdists-v11/pypi/lib/2.0/rev1/src/PKG-INFO", b"x");
    put(base, "sdists-v11/pypi/lib/2.0/rev1/lib-2.0-py3-none-any.whl", b"x");
    put_wheel(base, "archive-v0/built", "lib", "2.0");
    symlink(base.join("archive-v0/built"), base.join("sdists-v11/pypi/lib/2.0/rev1/lib-2.0-py3-none-any"))
        .unwrap();
    put(base, "sdists-v11/git/0123/4567/metadata.msgpack", list(&[text("repo_x"), text("3.0")]));
    put(base, "sdists-v11/git/89ab/4567/.lock", b"");
    put(base, "archive-v0/tool/pyvenv.cfg", b"x");
    fs::create_dir_all(base.join("environments-v2")).unwrap();
    symlink(base.join("archive-v0/tool"), base.join("environments-v2/abc")).unwrap();
    put(base, "simple-v18/pypi/flask-x.rkyv", b"x");
    put(base, "interpreter-v4/x.msgpack", b"x");
    put(base, "CACHEDIR.TAG", b"x");
    directory
}

/// As the first ones did: wheels are unpacked in place.
fn older() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    put_wheel(base, "wheels-v0/pypi/flask-x/Flask_x-1.0-py3-none-any", "Flask_x", "1.0");
    put(base, "wheels-v0/index/0123/big/big-1.0-py3-none-any.whl", b"whole");
    put(base, "built-wheels-v0/url/0123/manifest.http", older_pointer("rev1", b"lib"));
    put(base, "built-wheels-v0/url/0123/rev1/lib-2.0-py3-none-any.whl", b"x");
    directory
}

fn audited(base: &Path) -> Audit {
    audit(Program::Uv, &Files::below(base, &[""]).unwrap(), &[])
}

fn purls(audit: &Audit) -> Vec<String> {
    audit.packages.iter().map(|package| package.purl.to_string()).collect()
}

#[test]
fn unpacked_wheels_and_sources_are_found_with_their_digests() {
    let directory = newer();
    let found = audited(directory.path());
    assert_eq!(found.layouts, ["uv archive-v0", "uv sdists-v11", "uv simple-v18", "uv wheels-v8"]);
    let named = ["flask-x@1.0", "lib@2.0", "lib@2.0", "mine@0.1", "repo-x@3.0"];
    assert_eq!(purls(&found), named.map(|name| format!("pkg:pypi/{name}")));
    assert_eq!((found.faults.len(), found.orphans.as_slice(), found.notes.as_slice()), (0, &[][..], &[][..]));
    assert_eq!(found.compared, 9, "three files of each wheel");
    let answers: Vec<&str> = found.answers.iter().map(|(answer, _)| answer.files[0].as_str()).collect();
    let looked_at = "wheels-v8/pypi/other/2.0-py3-none-any.msgpack";
    assert_eq!(answers, ["simple-v18/pypi/flask-x.rkyv", looked_at]);
    let flask = &found.packages[0];
    assert_eq!(flask.source.as_deref(), Some("https://registry.example.org/abc_DEF-1.whl"));
    assert_eq!(flask.files.len(), 6, "with pointer and metadata");
    assert_eq!(flask.digest, Some(Digest::of(Algorithm::Sha256, b"flask")));
    let lib = [&found.packages[1], &found.packages[2]].map(|lib| lib.source.as_deref());
    assert_eq!(lib, [Some("pypi"), Some("https://registry.example.org/rev1.whl")], "built, and its source");
    let mine = &found.packages[3];
    assert_eq!(mine.digest, Some(Digest::of(Algorithm::Sha256, b"mine")));
    assert_eq!(mine.source.as_deref(), Some("path 0123456789abcdef"));
}

#[test]
fn the_oldest_layout_is_read() {
    let directory = older();
    let found = audited(directory.path());
    assert_eq!(found.layouts, ["uv built-wheels-v0", "uv wheels-v0"]);
    assert_eq!(purls(&found), ["pkg:pypi/big@1.0", "pkg:pypi/flask-x@1.0", "pkg:pypi/lib@2.0"]);
    assert_eq!(found.packages[0].digest, Some(Digest::of(Algorithm::Sha256, b"whole")));
    assert_eq!(found.packages[2].digest, Some(Digest::of(Algorithm::Sha256, b"lib")));
    assert_eq!(found.packages[2].source.as_deref(), Some("https://registry.example.org/lib.tar.gz"));
    assert_eq!((found.compared, found.faults.len(), found.orphans.len()), (3, 0, 0));
}

#[test]
fn a_changed_or_missing_file_of_a_wheel_is_a_fault() {
    for (directory, path) in [
        (newer(), "archive-v0/abc_DEF-1/Flask_x/__init__.py"),
        (older(), "wheels-v0/pypi/flask-x/Flask_x-1.0-py3-none-any/Flask_x/__init__.py"),
    ] {
        put(directory.path(), path, b"import evil\n");
        let found = audited(directory.path());
        assert_eq!((found.faults.len(), found.faults[0].path.as_str()), (1, path));
        assert!(found.faults[0].by.ends_with("Flask_x-1.0.dist-info/RECORD"));
        fs::remove_file(directory.path().join(path)).unwrap();
        assert!(audited(directory.path()).faults[0].why.contains("not there"));
    }
}

#[test]
fn files_that_no_record_names_are_faults_but_for_what_installers_add() {
    let directory = newer();
    let (base, archive) = (directory.path(), "archive-v0/abc_DEF-1");
    put(base, &format!("{archive}/Flask_x-1.0.dist-info/RECORD.jws"), b"x");
    put(base, &format!("{archive}/Flask_x-1.0.dist-info/INSTALLER"), b"x");
    let found = audited(base);
    assert_eq!((found.faults.len(), found.notes.len()), (0, 1));
    assert!(found.notes[0].what.contains("INSTALLER") && found.notes[0].what.contains(": 1,"));
    let added = ["evil.pth", "INSTALLER", "Flask_x/__pycache__/__init__.cpython-311.pyc", "pyvenv.cfg"];
    for path in added.map(|path| format!("{archive}/{path}")) {
        put(base, &path, b"x");
        let faults = audited(base).faults;
        assert_eq!((faults.len(), faults[0].path.as_str()), (1, path.as_str()));
        fs::remove_file(base.join(&path)).unwrap();
    }
    let metadata = base.join(format!("{archive}/Flask_x-1.0.dist-info"));
    fs::remove_file(metadata.join("RECORD")).unwrap();
    assert_eq!(audited(base).faults.len(), 1);
    fs::remove_dir_all(metadata).unwrap();
    assert_eq!(audited(base).faults[0].why, "no unpacked wheel");
}

#[test]
fn only_what_environments_alone_lead_to_is_one() {
    let directory = newer();
    let base = directory.path();
    let (wheel, file) = (base.join("archive-v0/abc_DEF-1"), "archive-v0/abc_DEF-1/Flask_x/__init__.py");
    put(base, file, b"import evil\n");
    symlink(&wheel, base.join("environments-v2/evil")).unwrap();
    assert_eq!(audited(base).faults[0].path, file, "a pointer tells that it is a wheel");
    symlink("python3", base.join("archive-v0/tool/python")).unwrap();
    assert_eq!(audited(base).faults.len(), 1, "environments have links");
    fs::remove_dir_all(base.join("environments-v2")).unwrap();
    let found = audited(base);
    assert_eq!((found.orphans.len(), found.faults.len()), (1, 1), "nobody needs it, nor what is in it");
}

#[test]
fn symlinks_are_faults_but_those_that_lead_to_archives() {
    let built = "sdists-v11/pypi/lib/2.0/rev1/lib-2.0-py3-none-any";
    let other = tempfile::tempdir().unwrap();
    put(other.path(), "archive-v0/built/x", b"");
    for (target, faults, orphans) in [
        (Path::new("../../../../../archive-v0/built"), 0, 0),
        (Path::new("../../../../../wheels-v8/pypi"), 1, 1),
        (Path::new("../../../../../../archive-v0/built"), 1, 0),
        (&other.path().join("archive-v0/built"), 1, 0),
        (&other.path().join("archive-v0/gone"), 0, 2),
    ] {
        let directory = newer();
        let base = directory.path();
        fs::remove_file(base.join(built)).unwrap();
        symlink(target, base.join(built)).unwrap();
        let found = audited(base);
        assert_eq!((found.faults.len(), found.orphans.len()), (faults, orphans), "{target:?} {found:?}");
    }
    let directory = newer();
    let base = directory.path();
    symlink("PKG-INFO", base.join("sdists-v11/pypi/lib/2.0/rev1/src/link")).unwrap();
    assert_eq!(audited(base).faults, [], "a source archive may have such links");
    symlink("../../../x", base.join("sdists-v11/pypi/lib/2.0/rev1/src/out")).unwrap();
    assert_eq!(audited(base).faults.len(), 1);
    links_are_faults(
        Program::Uv,
        newer,
        &[
            "archive-v0/abc_DEF-1/Flask_x/__init__.py",
            "archive-v0",
            "archive-v0/abc_DEF-1",
            "simple-v18/pypi",
        ],
    );
}

#[test]
fn a_record_reaches_nothing_outside_of_its_wheel() {
    let directory = newer();
    let record = "archive-v0/abc_DEF-1/Flask_x-1.0.dist-info/RECORD";
    for outside in ["../../CACHEDIR.TAG", "/etc/passwd", "a/./b"] {
        put(
            directory.path(),
            record,
            format!("{outside},sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0,1\n").as_bytes(),
        );
        let found = audited(directory.path());
        assert_eq!(found.notes[0].what, "it names a file outside of the wheel", "{outside}");
        assert_eq!(found.compared, 6, "those of the other wheels");
    }
}

#[test]
fn lock_files_are_compared_with_what_pointers_state() {
    let directory = newer();
    let files = Files::below(directory.path(), &[""]).unwrap();
    for (locked, faults) in [(&b"flask"[..], 0), (b"other", 1)] {
        let digests = vec![LockedDigest::Artifact(Digest::of(Algorithm::Sha256, locked))];
        let packages = vec![Locked { purl: purl("flask-x", "1.0"), digests }];
        let locks = [Lock { name: "uv.lock".to_owned(), packages }];
        assert_eq!(audit(Program::Uv, &files, &locks).faults.len(), faults);
    }
}

#[test]
fn what_lacks_its_other_half_is_an_orphan_and_can_be_dropped() {
    let directory = newer();
    let base = directory.path();
    put_wheel(base, "archive-v0/nobody", "lost", "1.0");
    put(base, "wheels-v8/pypi/gone/1.0-py3-none-any.http", pointer("gone", b"x"));
    put(base, "sdists-v11/pypi/lib/2.0/rev0/src/PKG-INFO", b"x");
    put(base, "sdists-v11/pypi/lib/1.0/revision.http", pointer("gone", b"x"));
    fs::create_dir(base.join("archive-v0/links")).unwrap();
    symlink("../../nowhere", base.join("archive-v0/links/only")).unwrap();
    let found = audited(base);
    let mut whys: Vec<&str> = found.orphans.iter().map(|orphan| orphan.why.as_str()).collect();
    whys.sort_unstable();
    assert_eq!(
        whys,
        [
            "another revision took its place",
            "its archive is missing",
            "its revision is missing",
            "nothing points at it",
            "nothing points at it",
        ]
    );
    for orphan in found.orphans {
        let Mend::Remove(files) = orphan.mend else { panic!("files go") };
        assert!(!files.is_empty());
        files.iter().for_each(|file| fs::remove_file(base.join(file)).unwrap());
    }
    let mended = audited(base);
    assert_eq!((mended.orphans.len(), mended.packages.len()), (0, 5));
}

#[test]
fn a_pointer_that_only_uv_can_read_goes() {
    for path in ["wheels-v8/pypi/flask-x/1.0-py3-none-any.http", "sdists-v11/pypi/lib/2.0/revision.http"] {
        let directory = newer();
        put(directory.path(), path, b"\xc1");
        let orphans = audited(directory.path()).orphans;
        assert!(orphans.iter().any(|orphan| orphan.mend.removed() == [path]), "{orphans:?}");
    }
}

#[test]
fn a_newer_layout_is_noted_and_read_as_far_as_it_looks_the_same() {
    let directory = newer();
    let base = directory.path();
    put_wheel(base, "archive-v1/xyz", "new", "1.0");
    put(base, "wheels-v9/pypi/new/x.http", pointer("xyz", b"new"));
    put(base, "wheels-v9/pypi/new/y.http", b"\xc1");
    put(base, "shiny-v0/x", b"x");
    let found = audited(base);
    let notes: Vec<(&str, &str)> =
        found.notes.iter().map(|note| (note.path.as_str(), note.what.as_str())).collect();
    assert_eq!(
        notes,
        [
            ("archive-v1", "newer than version 0, the newest that is known"),
            ("wheels-v9", "newer than version 8, the newest that is known"),
            ("shiny-v0", "no known part of a cache of uv"),
            ("wheels-v9/pypi/new/y.http", "a pointer that cannot be read: no value begins so"),
        ]
    );
    assert!(purls(&found).contains(&"pkg:pypi/new@1.0".to_owned()));
    // All pointers are understood, but not what else there may be.
    fs::remove_file(base.join("wheels-v9/pypi/new/y.http")).unwrap();
    put_wheel(base, "archive-v0/nobody", "lost", "1.0");
    assert_eq!(audited(base).orphans, [], "something else may point at it");
}

#[test]
fn a_directory_that_is_no_cache_has_no_layouts() {
    let directory = tempfile::tempdir().unwrap();
    for path in ["archive-vx/a/b", "wheels/a-1-py3-none-any.whl", "git-v0/x", "src/x"] {
        put(directory.path(), path, b"x");
    }
    let found = audited(directory.path());
    assert!(found.layouts.is_empty() && found.notes.is_empty() && found.packages.is_empty());
}

#[test]
fn no_pointer_is_too_odd() {
    let directory = newer();
    proptest!(ProptestConfig::with_cases(64), |(bytes in any::<Vec<u8>>())| {
        put(directory.path(), "wheels-v8/pypi/flask-x/1.0-py3-none-any.http", &bytes);
        put(directory.path(), "sdists-v11/pypi/lib/2.0/revision.http", &bytes);
        put(directory.path(), "sdists-v11/git/0123/4567/metadata.msgpack", &bytes);
        prop_assert!(audited(directory.path()).packages.len() >= 3);
    });
}

#[test]
fn no_record_is_too_odd() {
    let directory = newer();
    let record = "([a-z./\"]{0,8},(sha256=)?[a-zA-Z0-9_-]{0,50},[0-9]{0,3}\n){0,5}|\\PC*";
    proptest!(ProptestConfig::with_cases(64), |(text in record)| {
        put(directory.path(), "archive-v0/abc_DEF-1/Flask_x-1.0.dist-info/RECORD", text.as_bytes());
        prop_assert_eq!(audited(directory.path()).packages.len(), 5);
    });
}
