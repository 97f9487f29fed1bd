//! Caches are made here as both kinds of Yarn lay them out; real ones are read by hand.

mod berry;

use super::read;
use crate::Program;
use crate::audit::{Lock, audit};
use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::layout::testing::{hide, links_are_faults, list, names, put};
use crate::layout::unpacked::tests::packed;
use crate::lock::{Locked, LockedDigest};
use crate::reading::{Mend, Reading};
use proptest::prelude::*;
use serde_json::json;
use std::fs;

const PACKAGE: &[u8] =
    br#"{"name":"@babel/core","version":"7.0.0","scripts":{"postinstall":"node a"},"bin":"a.js"}"#;

/// The tarball of a package.
fn core() -> Vec<u8> {
    packed(&[
        ("package/package.json", PACKAGE),
        ("package/a.js", b"a"),
        ("package/.a/node_modules/x/.yarn-metadata.json", b"a file of the package"),
    ])
}

struct Cache(tempfile::TempDir);

impl Cache {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        put(self.0.path(), path, bytes);
    }

    fn link(&self, target: &str, path: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    /// A file of that package as it is after a change.
    fn change(&self, path: &str, change: impl Fn(&str) -> String) {
        let path = self.0.path().join(path);
        fs::write(&path, change(&fs::read_to_string(&path).unwrap())).unwrap();
    }

    /// A package of Yarn 1.22; its directory.
    fn classic(&self, tarball: &[u8]) -> String {
        let hash = Digest::of(Algorithm::Sha1, tarball).hex();
        let slug = format!("v6/npm-@babel-core-7.0.0-{hash}-integrity");
        let module = format!("{slug}/node_modules/@babel/core");
        let resolved = format!("https://me:word@registry.example.org/@babel/core/-/core-7.0.0.tgz#{hash}");
        let integrity = integrity(tarball);
        let remote = json!({
            "resolved": resolved, "type": "tarball", "hash": hash, "integrity": integrity,
            "cacheIntegrity": format!("{integrity} sha1-x")
        });
        let manifest = json!({
            "name": "@babel/core", "version": "7.0.0",
            "scripts": { "postinstall": "node a" }, "bin": { "core": "a.js" }
        });
        let metadata = json!({ "manifest": manifest, "artifacts": [], "remote": remote, "hash": hash });
        self.write(&format!("{module}/.yarn-metadata.json"), metadata.to_string().as_bytes());
        self.write(&format!("{module}/.yarn-tarball.tgz"), tarball);
        self.write(&format!("{module}/package.json"), PACKAGE);
        self.write(&format!("{module}/a.js"), b"a");
        self.link("../a.js", &format!("{module}/.bin/core"));
        self.write(&format!("{module}/.a/node_modules/x/.yarn-metadata.json"), b"a file of the package");
        slug
    }

    fn files(&self) -> Files {
        list(&self.0)
    }

    fn read(&self) -> Reading {
        read(&self.files())
    }
}

fn integrity(bytes: &[u8]) -> String {
    let hex = Digest::of(Algorithm::Sha512, bytes).hex();
    format!(
        "sha512-{}",
        data_encoding::BASE64.encode(&data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap())
    )
}

/// The name that Yarn gives the archive of a package from a registry, before the last part.
fn archive(scope: &str, name: &str, version: &str) -> String {
    let ident = Digest::of(Algorithm::Sha512, format!("{scope}{name}").as_bytes()).hex();
    let locator = Digest::of(Algorithm::Sha512, format!("{ident}npm:{version}").as_bytes()).hex();
    let slug = if scope.is_empty() { name.to_owned() } else { format!("@{scope}-{name}") };
    format!("cache/{slug}-npm-{version}-{}", &locator[..10])
}

#[test]
fn symlinks_are_faults() {
    let made = || {
        let cache = Cache::new();
        let slug = cache.classic(&core());
        cache.write("v6/.tmp/x", b"");
        std::os::unix::fs::symlink("x", cache.0.path().join("v6/.tmp/y")).unwrap();
        let archive = format!("{}-10c0.zip", archive("", "left-pad", "1.3.0"));
        cache.write(&archive, b"zip");
        (cache, slug, archive)
    };
    let (_, slug, archive) = made();
    let module = format!("{slug}/node_modules/@babel/core");
    let file = format!("{module}/.a/node_modules/x/.yarn-metadata.json");
    let tarball = format!("{module}/.yarn-tarball.tgz");
    links_are_faults(Program::Yarn, || made().0.0, &[&slug, &archive, &tarball]);
    let (cache, ..) = made();
    hide(cache.0.path(), &file);
    assert_eq!(
        audit(Program::Yarn, &cache.files(), &[]).faults[0].path,
        file,
        "the tarball has a file there"
    );
}

#[test]
fn a_classic_cache_is_read() {
    let cache = Cache::new();
    let slug = cache.classic(&core());
    cache.write("v6/.tmp/x/y", b"");
    let reading = cache.read();
    assert_eq!(reading.layouts, ["yarn classic v6"]);
    assert_eq!(names(&reading), ["pkg:npm/%40babel/core@7.0.0"]);
    let held = &reading.packages[0];
    assert_eq!(held.artifact, Some(format!("{slug}/node_modules/@babel/core/.yarn-tarball.tgz")));
    assert_eq!(held.source.as_deref(), Some("https://registry.example.org/@babel/core/-/core-7.0.0.tgz"));
    assert_eq!((held.files.len(), held.checks.len()), (5, 3), "integrity, hash, name of the directory");
    assert_eq!((reading.orphans, reading.notes), (vec![], vec![]));
}

#[test]
fn an_older_classic_cache_is_read() {
    let cache = Cache::new();
    let hash = Digest::of(Algorithm::Sha1, b"pad").hex();
    let slug = format!("v1/npm-left-pad-1.3.0-{hash}");
    let metadata = json!({ "remote": { "reference": "https://registry.example.org/x" }, "hash": hash });
    cache.write(&format!("{slug}/.yarn-metadata.json"), metadata.to_string().as_bytes());
    cache.write(&format!("{slug}/package.json"), br#"{"name":"left-pad","version":"1.3.0"}"#);
    let scoped = format!("v1/npm-@babel/core-7.0.0-{hash}");
    cache.write(&format!("{scoped}/.yarn-metadata.json"), metadata.to_string().as_bytes());
    cache.write(&format!("{scoped}/package.json"), br#"{"name":"@babel/core","version":"7.0.0"}"#);
    let reading = cache.read();
    assert_eq!(reading.layouts, ["yarn classic v1"]);
    assert_eq!(names(&reading), ["pkg:npm/%40babel/core@7.0.0", "pkg:npm/left-pad@1.3.0"]);
    assert_eq!((&reading.orphans, &reading.notes), (&vec![], &vec![]));
    assert_eq!(reading.packages[1].stated, [Digest::of(Algorithm::Sha1, b"pad")]);
    cache.write(&format!("{slug}/.yarn-tarball.tgz"), b"pad");
    assert_eq!(cache.read().packages[1].artifact, None, "it is what Yarn links, and nobody compares");
}

#[test]
fn unpacked_files_that_are_not_the_tarballs_are_found() {
    let cache = Cache::new();
    let module = format!("{}/node_modules/@babel/core", cache.classic(&core()));
    cache.write(&format!("{module}/a.js"), b"evil");
    cache.write(&format!("{module}/install.js"), b"");
    let faults = audit(Program::Yarn, &cache.files(), &[]).faults;
    let paths: Vec<&str> = faults.iter().filter_map(|fault| fault.path.strip_prefix(&module)).collect();
    assert_eq!(paths, ["/a.js", "/install.js"]);
    assert!(faults.iter().all(|fault| fault.by.ends_with(".yarn-tarball.tgz")));
}

#[test]
fn metadata_that_only_yarn_can_read_take_the_package_with_them() {
    for change in [
        |text: &str| text.replacen('{', "{\"hash\":\"x\",\"hash\":\"x\",", 1),
        |text: &str| text.replacen("node a", "\\ud800", 1),
        |_: &str| "[".to_owned(),
    ] {
        let cache = Cache::new();
        let slug = cache.classic(&core());
        cache.change(&format!("{slug}/node_modules/@babel/core/.yarn-metadata.json"), change);
        cache.write("v6/npm-x-1.0.0/node_modules/x/.yarn-metadata.json", b"{}");
        let reading = cache.read();
        let orphans: Vec<&str> = reading.orphans.iter().map(|orphan| orphan.path.as_str()).collect();
        assert_eq!((orphans, reading.packages.len()), (vec![slug.as_str(), "v6/npm-x-1.0.0"], 1));
        assert_eq!(reading.orphans[0].mend.removed().len(), 6);
    }
}

#[test]
fn a_package_without_any_digest_goes_without_its_tarball() {
    let cache = Cache::new();
    let module = format!("{}/node_modules/@babel/core", cache.classic(&core()));
    cache.write(&format!("{module}/.yarn-metadata.json"), br#"{"remote":{}}"#);
    fs::remove_file(cache.0.path().join(format!("{module}/.yarn-tarball.tgz"))).unwrap();
    assert_eq!(cache.read().orphans.len(), 1);
}

#[test]
fn what_came_from_a_repository_goes() {
    let cache = Cache::new();
    let module = format!("{}/node_modules/@babel/core", cache.classic(&core()));
    cache.change(&format!("{module}/.yarn-metadata.json"), |text| text.replace("\"tarball\"", "\"git\""));
    cache.write(&format!("{module}/.yarn-tarball.tgz"), b"not packed");
    let made = audit(Program::Yarn, &cache.files(), &[]);
    assert_eq!((made.orphans.len(), made.faults), (1, vec![]), "its hash is a commit");
}

#[test]
fn a_package_is_the_one_that_yarn_looks_for_there() {
    let cache = Cache::new();
    let module = format!("{}/node_modules/@babel/core", cache.classic(&core()));
    let digests = vec![LockedDigest::Artifact(Digest::of(Algorithm::Sha512, b"other"))];
    let purl = crate::javascript::purl("@babel/core", "7.0.0").unwrap();
    let lock = Lock { name: "yarn.lock".to_owned(), packages: vec![Locked { purl, digests }] };
    cache.change(&format!("{module}/.yarn-metadata.json"), |text| {
        text.replace("@babel/core\",\"scripts", "harmless\",\"scripts").replace("\"7.0.0\"", "\"9.9.9\"")
    });
    let faults = audit(Program::Yarn, &cache.files(), &[lock]).faults;
    let bys: Vec<&str> = faults.iter().map(|fault| fault.by.rsplit('/').next().unwrap()).collect();
    assert_eq!(bys, ["package.json", "yarn.lock"]);
}

#[test]
fn a_second_package_in_a_directory_goes() {
    let cache = Cache::new();
    let slug = cache.classic(&core());
    let evil = format!("{slug}/node_modules/evil/index.js");
    cache.write(&evil, b"evil");
    let orphans = cache.read().orphans;
    assert_eq!((orphans.len(), orphans[0].mend.removed()), (1, &[evil][..]));
    // One whose metadata come first, and that Yarn never looks for.
    for first in ["node_modules/@a/a/", ""] {
        cache.write(&format!("{slug}/{first}.yarn-metadata.json"), br#"{"manifest":{"name":"@babel/core"}}"#);
        let reading = cache.read();
        assert_eq!((reading.packages.len(), reading.orphans[0].path.as_str()), (0, slug.as_str()));
    }
}

#[test]
fn scripts_that_only_the_metadata_have_are_found() {
    let cache = Cache::new();
    let metadata = format!("{}/node_modules/@babel/core/.yarn-metadata.json", cache.classic(&core()));
    cache.change(&metadata, |text| text.replace("node a", "node evil"));
    let faults = audit(Program::Yarn, &cache.files(), &[]).faults;
    assert_eq!((faults.len(), faults[0].path.as_str()), (1, metadata.as_str()));
    assert!(faults[0].why.contains("script \"postinstall\""), "{}", faults[0].why);
}

#[test]
fn metadata_below_the_package_is_a_file_like_others_and_so_are_links() {
    let cache = Cache::new();
    let module = format!("{}/node_modules/@babel/core", cache.classic(&core()));
    cache.write(&format!("{module}/node_modules/x/.yarn-metadata.json"), b"{}");
    cache.link("../../../../x", &format!("{module}/.bin/x"));
    let faults = audit(Program::Yarn, &cache.files(), &[]).faults;
    let paths: Vec<&str> = faults.iter().filter_map(|fault| fault.path.strip_prefix(&module)).collect();
    assert_eq!(paths, ["/.bin/x", "/node_modules/x/.yarn-metadata.json"]);
}

#[test]
fn a_package_without_its_tarball_is_only_claimed_and_goes() {
    let cache = Cache::new();
    let slug = cache.classic(&core());
    let tarball = format!("{slug}/node_modules/@babel/core/.yarn-tarball.tgz");
    fs::remove_file(cache.0.path().join(tarball)).unwrap();
    let digests = vec![LockedDigest::Artifact(Digest::of(Algorithm::Sha512, &core()))];
    let purl = crate::javascript::purl("@babel/core", "7.0.0").unwrap();
    let lock = Lock { name: "yarn.lock".to_owned(), packages: vec![Locked { purl, digests }] };
    let made = audit(Program::Yarn, &cache.files(), &[lock]);
    assert_eq!((made.compared, made.claimed, made.orphans.len()), (0, 1, 1));
    assert_eq!(made.orphans[0].path, slug);
    let Mend::Remove(gone) = &made.orphans[0].mend else { panic!("lines") };
    assert_eq!(gone.len(), 5, "a link goes, too");
}

#[test]
fn a_classic_tarball_that_was_changed_is_found() {
    let cache = Cache::new();
    let slug = cache.classic(&core());
    assert_eq!(audit(Program::Yarn, &cache.files(), &[]).faults, []);
    let tarball = format!("{slug}/node_modules/@babel/core/.yarn-tarball.tgz");
    cache.write(&tarball, b"evil");
    assert_eq!(audit(Program::Yarn, &cache.files(), &[]).faults.len(), 3);
    let metadata =
        json!({ "manifest": { "name": "@babel/core" }, "remote": { "integrity": integrity(b"evil") } });
    cache
        .write(&tarball.replace(".yarn-tarball.tgz", ".yarn-metadata.json"), metadata.to_string().as_bytes());
    let faults = audit(Program::Yarn, &cache.files(), &[]).faults;
    assert_eq!((faults.len(), faults[0].by.as_str()), (1, "the name of its directory"));
}

#[test]
fn a_directory_that_yarn_did_not_finish_is_an_orphan() {
    let cache = Cache::new();
    let slug = cache.classic(&core());
    let module = cache.0.path().join(format!("{slug}/node_modules/@babel/core"));
    fs::remove_file(module.join(".yarn-metadata.json")).unwrap();
    let reading = cache.read();
    assert_eq!((reading.packages.len(), reading.orphans.len()), (0, 1));
    let Mend::Remove(paths) = &reading.orphans[0].mend else { panic!("files go") };
    paths.iter().for_each(|path| fs::remove_file(cache.0.path().join(path)).unwrap());
    let mended = cache.read();
    assert_eq!((mended.layouts, mended.orphans), (vec![], vec![]));
}

#[test]
fn newer_caches_are_noted() {
    let cache = Cache::new();
    let slug = cache.classic(&core());
    fs::rename(cache.0.path().join("v6"), cache.0.path().join("v7")).unwrap();
    assert!(slug.starts_with("v6"));
    cache.write(&format!("{}-11c0.zip", archive("", "left-pad", "1.3.0")), b"zip");
    let reading = cache.read();
    assert_eq!(reading.layouts, ["yarn classic v7", "yarn berry cache 11"]);
    assert_eq!(reading.notes.iter().map(|note| note.path.as_str()).collect::<Vec<_>>(), ["v7", "cache"]);
    assert_eq!(reading.packages.len(), 2, "read as far as it is known");
}

#[test]
fn what_is_no_such_cache_has_no_layout() {
    let cache = Cache::new();
    for path in ["v8/x", "v8/y-z/y", "a/b-c/d", "x.zip", "v6.txt"] {
        cache.write(path, b"");
    }
    let reading = cache.read();
    assert_eq!((reading.layouts.len(), reading.notes.len(), reading.orphans.len()), (0, 0, 0));
}

#[test]
fn garbage_is_told() {
    let cache = Cache::new();
    cache.write("v6/npm-x-1.0.0-0/.yarn-metadata.json", b"\xff");
    cache.write("v6/npm-y-1.0.0-0/.yarn-metadata.json", b"{}");
    cache.write("cache/x.zip", b"");
    let reading = cache.read();
    assert_eq!((reading.notes.len(), reading.orphans.len()), (0, 2), "an archive alone makes no such cache");
    cache.write(&format!("{}-8.zip", archive("", "left-pad", "1.3.0")), b"zip");
    assert_eq!(cache.read().orphans.len(), 3);
}

proptest! {
    #[test]
    fn no_bytes_are_too_odd(bytes in any::<Vec<u8>>(), name in "[-@a-z0-9./]{0,40}") {
        let cache = Cache::new();
        cache.write("v6/npm-x-1.0.0-0/.yarn-metadata.json", &bytes);
        if !name.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
            cache.write(&format!("v6/{name}-0123456789-0123456789.zip"), b"");
            cache.write(&format!("cache/{name}-npm-1-0123456789-0123456789.zip"), b"");
        }
        drop(cache.read());
    }
}
