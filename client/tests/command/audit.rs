//! `pollux audit`, and the audit of a save.

use crate::{pollux, told};
use pollux_packages::digest::{Algorithm, Digest};
use std::fs;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;

const JAR: &str = "cache/org/example/a/1.0/a-1.0.jar";

fn put(directory: &Path, path: &str, text: &str) {
    let path = directory.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A directory with a local repository of Maven in `cache`, whose one package has this digest.
fn repository(declared: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), JAR, "jar");
    put(directory.path(), &format!("{JAR}.sha1"), declared);
    directory
}

fn good() -> TempDir {
    repository(&Digest::of(Algorithm::Sha1, b"jar").hex())
}

fn run(directory: &TempDir, arguments: &[&str]) -> Output {
    pollux(arguments).current_dir(directory.path()).env("POLLUX_SOCKET", "nobody.sock").output().unwrap()
}

fn says(directory: &TempDir, arguments: &[&str]) -> String {
    told(&run(directory, arguments), directory.path())
}

#[test]
fn a_lock_file_that_tells_nothing_of_the_cache_is_refused() {
    let directory = good();
    put(directory.path(), "Cargo.lock", "version = 4\n");
    put(directory.path(), "gradle.lockfile", "org.example:a:1.0=x\nempty=\n");
    put(directory.path(), "my.lock", "");
    let audit = |lock| says(&directory, &["audit", "maven", "cache", "--lock", lock]);
    let said = audit("my.lock");
    assert!(said.starts_with("status 2\n"), "{said}");
    assert!(said.contains("Cargo.lock, Gemfile.lock") && said.contains("yarn.lock"), "{said}");
    let said = audit("Cargo.lock");
    assert!(said.starts_with("status 2\n") && said.contains("the cache of maven has none"), "{said}");
    let said = audit("gradle.lockfile");
    assert!(said.starts_with("status 0\n") && said.contains("names 1 package: 1 here"), "{said}");
}
