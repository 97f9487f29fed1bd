use super::*;
use crate::audit::{Audit, audit};
use crate::digest::{Algorithm, Digest};
use crate::layout::testing::{hide, links_are_faults, put};
use crate::layout::unpacked::tests::packed;
use crate::program::Program;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

const REGISTRY: &str = "registry.example.org-0123456789abcdef";

/// An index file of one of the formats.
fn index(format: u8, name: &str, versions: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![format];
    if format > 1 {
        bytes.extend(2_u32.to_le_bytes());
    }
    bytes.extend(b"etag: x\0");
    for (version, artifact) in versions {
        let cksum = Digest::of(Algorithm::Sha256, artifact).hex();
        let key = if format < 3 { version.split('+').next().unwrap() } else { version };
        bytes.extend(
            format!("{key}\0{{\"name\":\"{name}\",\"vers\":\"{version}\",\"cksum\":\"{cksum}\"}}\0").bytes(),
        );
    }
    bytes
}

/// The crate that is unpacked.
fn first() -> Vec<u8> {
    packed(&[("ab-c-1.2.0-rc.1/src/lib.rs", b"lib"), ("ab-c-1.2.0-rc.1/Cargo.toml", b"toml")])
}

fn home(format: u8) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    let first = first();
    let lines: [(&str, &[u8]); 3] = [("1.0.0", b"old"), ("1.2.0-rc.1", &first), ("2.0.0+1.1f", b"second")];
    put(base, &format!("registry/index/{REGISTRY}/.cache/ab/-c/ab-c"), index(format, "ab-c", &lines));
    put(base, &format!("registry/index/{REGISTRY}/.cache/3/x/xyz"), index(format, "xyz", &[]));
    put(base, &format!("registry/index/{REGISTRY}/config.json"), b"{}");
    put(base, &format!("registry/cache/{REGISTRY}/ab-c-1.2.0-rc.1.crate"), &first);
    put(base, &format!("registry/cache/{REGISTRY}/ab-c-2.0.0+1.1f.crate"), b"second");
    put(base, &format!("registry/src/{REGISTRY}/ab-c-1.2.0-rc.1/.cargo-ok"), b"{\"v\":1}");
    put(base, &format!("registry/src/{REGISTRY}/ab-c-1.2.0-rc.1/src/lib.rs"), b"lib");
    put(base, &format!("registry/src/{REGISTRY}/ab-c-1.2.0-rc.1/Cargo.toml"), b"toml");
    put(base, "registry/CACHEDIR.TAG", b"");
    directory
}

fn audited(base: &Path) -> Audit {
    audit(Program::Cargo, &Files::below(base, &[""]).unwrap(), &[])
}

#[test]
fn symlinks_are_faults() {
    let caches = format!("registry/cache/{REGISTRY}");
    let krate = format!("{caches}/ab-c-1.2.0-rc.1.crate");
    let source = format!("registry/src/{REGISTRY}");
    let sources = format!("{source}/ab-c-1.2.0-rc.1");
    let file = format!("{sources}/.cargo-ok");
    let index = format!("registry/index/{REGISTRY}/.cache/ab/-c/ab-c");
    links_are_faults(
        Program::Cargo,
        || home(3),
        &[&krate, &caches, &sources, &source, &file, &index, "registry"],
    );
    // Whose crate is a link has its crate: what was unpacked of it stays, for whoever looks into it.
    let directory = home(3);
    hide(directory.path(), &krate);
    assert_eq!(audited(directory.path()).orphans, []);
}

#[test]
fn crates_are_found_and_compared_with_every_format_of_the_index() {
    for format in 1..=3 {
        let directory = home(format);
        let found = audited(directory.path());
        assert_eq!(found.layouts, ["cargo registry".to_owned(), format!("cargo index cache v{format}")]);
        let purls: Vec<String> = found.packages.iter().map(|package| package.purl.to_string()).collect();
        assert_eq!(purls, ["pkg:cargo/ab-c@1.2.0-rc.1", "pkg:cargo/ab-c@2.0.0%2B1.1f"]);
        assert_eq!((found.compared, found.faults.len(), found.orphans.len()), (2, 0, 0));
        assert_eq!(found.notes, []);
        assert_eq!(found.packages[0].source.as_deref(), Some("registry.example.org"));
        assert_eq!(found.packages[0].files.len(), 2, "the crate, and what tells that it is unpacked");
        let answers: Vec<&str> = found.answers.iter().map(|(answer, _)| answer.files[0].as_str()).collect();
        assert_eq!(answers, [format!("registry/index/{REGISTRY}/.cache/3/x/xyz")], "no crate of it is here");
    }
}

#[test]
fn a_changed_crate_is_a_fault() {
    let directory = home(3);
    let path = format!("registry/cache/{REGISTRY}/ab-c-1.2.0-rc.1.crate");
    put(directory.path(), &path, b"forst");
    let found = audited(directory.path());
    assert_eq!(found.faults.len(), 1);
    assert_eq!(found.faults[0].path, path);
    assert!(found.faults[0].by.ends_with(".cache/ab/-c/ab-c"));
    let sources = found.orphans.iter().find(|orphan| orphan.why.contains("cannot be compared")).unwrap();
    assert!(sources.path.starts_with("registry/src/") && !sources.mend.removed().is_empty());
}

#[test]
fn unpacked_sources_that_are_not_the_crates_are_faults() {
    let directory = home(3);
    let (base, sources) = (directory.path(), format!("registry/src/{REGISTRY}/ab-c-1.2.0-rc.1"));
    put(base, &format!("{sources}/src/lib.rs"), b"bil");
    put(base, &format!("{sources}/build.rs"), b"fn main() {}");
    fs::remove_file(base.join(&sources).join("Cargo.toml")).unwrap();
    let found = audited(base);
    let faults: Vec<(&str, &str)> = found
        .faults
        .iter()
        .map(|fault| (fault.path.rsplit('/').next().unwrap(), fault.by.as_str()))
        .collect();
    let by = format!("registry/cache/{REGISTRY}/ab-c-1.2.0-rc.1.crate");
    assert_eq!(faults, [("Cargo.toml", by.as_str()), ("build.rs", &by), ("lib.rs", &by)]);
    for number in 0..100 {
        put(base, &format!("{sources}/{number}"), b"");
    }
    assert_eq!(audited(base).faults.len(), WRONG_MAX);
}

#[test]
fn what_lacks_its_other_half_is_an_orphan_and_can_be_dropped() {
    let directory = home(3);
    let base = directory.path();
    put(base, &format!("registry/cache/{REGISTRY}/lost-0.1.0.crate"), b"x");
    put(base, &format!("registry/cache/{REGISTRY}/ab-c-1.0.0.crate"), b"");
    put(base, &format!("registry/src/{REGISTRY}/gone-0.1.0/.cargo-ok"), b"ok");
    put(base, &format!("registry/src/{REGISTRY}/gone-0.1.0/src/lib.rs"), b"");
    put(base, &format!("registry/src/{REGISTRY}/ab-c-2.0.0+1.1f/Cargo.toml"), b"");
    put(base, "git/checkouts/gone-0123456789abcdef/1234567/Cargo.toml", b"");
    let found = audited(base);
    let whys: Vec<&str> = found.orphans.iter().map(|orphan| orphan.why.as_str()).collect();
    assert_eq!(
        whys,
        [
            "it is empty",
            "the index says nothing of it",
            "it was not unpacked to its end",
            "its crate is missing",
            "its clone is missing",
        ]
    );
    for orphan in found.orphans {
        let Mend::Remove(files) = orphan.mend else { panic!("files go") };
        assert!(!files.is_empty());
        files.iter().for_each(|file| fs::remove_file(base.join(file)).unwrap());
    }
    let mended = audited(base);
    assert_eq!((mended.orphans.len(), mended.packages.len(), mended.faults.len()), (0, 2, 0));
}

#[test]
fn an_index_that_is_a_repository_may_say_more_than_its_cache() {
    let directory = home(3);
    put(directory.path(), &format!("registry/index/{REGISTRY}/.git/HEAD"), b"x");
    put(directory.path(), &format!("registry/cache/{REGISTRY}/lost-0.1.0.crate"), b"x");
    let found = audited(directory.path());
    assert_eq!((found.orphans.len(), found.packages.len()), (0, 3));
    let notes: Vec<&str> = found.notes.iter().map(|note| note.what.as_str()).collect();
    assert!(matches!(notes[..], [note] if note.contains("of 1 crates")), "{notes:?}");
}

#[test]
fn what_is_not_understood_is_noted() {
    let directory = home(3);
    let base = directory.path();
    put(base, &format!("registry/index/{REGISTRY}/.cache/ne/w-/new-er"), b"\x04whatever");
    put(base, &format!("registry/cache/{REGISTRY}/new-er-1.0.0.crate"), b"x");
    put(base, &format!("registry/cache/{REGISTRY}/README"), b"x");
    let found = audited(base);
    let notes: Vec<&str> = found.notes.iter().map(|note| note.what.as_str()).collect();
    assert_eq!(
        notes,
        [
            "its files are of version 4, of which nothing is known",
            "it is no crate",
            "its format is not known",
            "of 1 crates the index here does not say what they must be: nobody does, but a lock file",
        ]
    );
    assert_eq!(found.orphans, [], "nobody knows what the newer index says");
}

#[test]
fn clones_are_packages_and_tell_where_they_came_from() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    put(base, "git/db/one-0123456789abcdef/HEAD", b"ref: refs/heads/main");
    put(base, "git/db/one-0123456789abcdef/config", b"[core]\n\tbare = true\n");
    let fetched = b"0123\tnot-for-merge\tbranch 'main' of https://me:secret@registry.example.org/a/one.git\n";
    put(base, "git/db/one-0123456789abcdef/FETCH_HEAD", fetched);
    put(
        base,
        "git/db/two-0123456789abcdef/config",
        b"[remote \"origin\"]\n\turl = https://registry.example.org/two\n",
    );
    put(base, "git/checkouts/one-0123456789abcdef/1234567/.cargo-ok", b"");
    put(base, "git/checkouts/one-0123456789abcdef/1234567/src/lib.rs", b"");
    let found = audited(base);
    assert_eq!((found.layouts.as_slice(), found.orphans.len()), (&["cargo git".to_owned()][..], 0));
    let said: Vec<(String, &str)> =
        found.packages.iter().map(|p| (p.purl.to_string(), p.source.as_deref().unwrap())).collect();
    assert!(said[0].0.starts_with("pkg:generic/one?vcs_url=git%2Bhttps"), "{}", said[0].0);
    assert_eq!(said[0].1, "https://registry.example.org/a/one.git");
    assert_eq!(said[1].1, "https://registry.example.org/two");
    assert!(found.packages[0].files.iter().any(|file| file.ends_with("1234567/.cargo-ok")));
}

#[test]
fn what_git_obeys_in_a_clone_or_an_index_is_a_fault() {
    for (path, text) in [
        ("git/db/one-0123456789abcdef/hooks/reference-transaction", ""),
        ("git/db/of-no-hash/hooks/reference-transaction", ""),
        ("git/db/one-0123456789abcdef/config", "[core]\n\tfsmonitor = x\n"),
        ("registry/index/code.example.org-0123456789abcdef/.git/hooks/post-checkout", ""),
    ] {
        let directory = tempfile::tempdir().unwrap();
        put(directory.path(), "git/db/one-0123456789abcdef/hooks/README.sample", "");
        assert_eq!(audited(directory.path()).faults, []);
        put(directory.path(), path, text);
        let faults: Vec<String> =
            audited(directory.path()).faults.into_iter().map(|fault| fault.path).collect();
        assert_eq!(faults, [path]);
    }
}

#[test]
fn a_directory_that_is_no_home_has_no_layouts() {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), "registry/cache/other/a-1.0.0.crate", b"x");
    put(directory.path(), "git/db/x/HEAD", b"x");
    let found = audited(directory.path());
    assert!(found.layouts.is_empty() && found.packages.is_empty() && found.notes.is_empty());
}

#[test]
fn names_end_where_versions_begin() {
    for (text, split) in [
        ("a-1.0.0", Some(("a", "1.0.0"))),
        ("sha-1-0.10.1", Some(("sha-1", "0.10.1"))),
        ("a-b-1.0.0-rc-1.2", Some(("a-b", "1.0.0-rc-1.2"))),
        ("a", None),
        ("-1.0.0", None),
        ("../a-1.0.0", None),
    ] {
        assert_eq!(name_and_version(text), split, "{text}");
    }
}

#[test]
fn no_index_file_of_a_home_is_too_odd() {
    let directory = home(3);
    proptest!(ProptestConfig::with_cases(64), |(bytes in any::<Vec<u8>>())| {
        put(directory.path(), &format!("registry/index/{REGISTRY}/.cache/ab/-c/ab-c"), &bytes);
        prop_assert_eq!(audited(directory.path()).packages.len(), 2);
    });
}

proptest! {
    #[test]
    fn no_name_of_a_file_is_too_odd(name in "[^/\\x00]{1,20}") {
        prop_assert!(name_and_version(&name).is_none_or(|(of_crate, version)| name.ends_with(version) && name.starts_with(of_crate)));
    }
}
