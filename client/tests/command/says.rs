//! An error says what is wrong and what to do next.

use crate::{pollux, told};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

const KEY: &str = "a/b/c";

/// A directory with a cache, a pool, and no node.
fn scene() -> TempDir {
    let scene = tempfile::tempdir().unwrap();
    fs::create_dir(scene.path().join("cache")).unwrap();
    fs::write(scene.path().join("cache/file"), "content").unwrap();
    let made = run(scene.path(), &["pool", "init", "pool", "--seed", "127.0.0.1:4480"]);
    assert!(made.starts_with("status 0\n"), "{made}");
    scene
}

fn run(directory: &Path, arguments: &[&str]) -> String {
    let mut command = pollux(arguments);
    command.current_dir(directory).env("POLLUX_SOCKET", "nobody.sock");
    told(&command.output().unwrap(), directory)
}

fn save(directory: &Path, more: &[&str]) -> String {
    let mut arguments = vec!["save", KEY, "cache", "--signing-key", "pool/publisher.pem"];
    arguments.extend(more);
    run(directory, &arguments)
}

#[test]
fn without_a_node() {
    let scene = scene();
    insta::assert_snapshot!("no-node-restore", run(scene.path(), &["restore", KEY, "target"]));
    insta::assert_snapshot!("no-node-status", run(scene.path(), &["status"]));
    insta::assert_snapshot!("no-node-save", save(scene.path(), &[]));
}

#[test]
fn names_that_are_wrong() {
    let scene = scene();
    insta::assert_snapshot!("bad-key", run(scene.path(), &["restore", "a/../b", "target"]));
    let fallbacks = ["restore", KEY, "target", "--fallback", "a/*/c"];
    insta::assert_snapshot!("bad-fallback", run(scene.path(), &fallbacks));
    let many: Vec<String> = (0..9).map(|number| format!("--fallback=a/{number}")).collect();
    let many: Vec<&str> =
        ["restore", KEY, "target"].into_iter().chain(many.iter().map(String::as_str)).collect();
    insta::assert_snapshot!("many-fallbacks", run(scene.path(), &many));
}

#[test]
fn keys_that_cannot_be_used() {
    let scene = scene();
    let key = scene.path().join("pool/publisher.pem");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    insta::assert_snapshot!("exposed-key", save(scene.path(), &[]));
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    fs::write(&key, "no key").unwrap();
    insta::assert_snapshot!("garbage-key", save(scene.path(), &[]));
    fs::remove_file(&key).unwrap();
    insta::assert_snapshot!("missing-key", save(scene.path(), &[]));
}

#[test]
fn directories_that_cannot_be_saved() {
    let scene = scene();
    fs::remove_dir_all(scene.path().join("cache")).unwrap();
    insta::assert_snapshot!("missing-directory", save(scene.path(), &[]));
    fs::write(scene.path().join("cache"), "a file").unwrap();
    insta::assert_snapshot!("no-directory", save(scene.path(), &[]));
}

#[test]
fn globs_that_cannot_be_used() {
    let scene = scene();
    insta::assert_snapshot!("bad-glob", save(scene.path(), &["--exclude", "[z-a]"]));
    insta::assert_snapshot!("empty-glob", save(scene.path(), &["--exclude="]));
}

#[test]
fn paths_that_are_all_excluded() {
    let scene = scene();
    fs::write(scene.path().join("cache/y.log"), "x").unwrap();
    insta::assert_snapshot!("all-excluded", save(scene.path(), &["y.log", "--exclude", "*.log"]));
}

#[test]
fn statements_that_nobody_would_believe() {
    let scene = scene();
    let long = format!("job={}", "x".repeat(600));
    insta::assert_snapshot!("long-provenance", save(scene.path(), &["--provenance", &long]));
    insta::assert_snapshot!("bad-provenance", save(scene.path(), &["--provenance", "jbo=unit"]));
    fs::write(scene.path().join("report.json"), "{}").unwrap();
    insta::assert_snapshot!("garbage-report", save(scene.path(), &["--restored", "report.json"]));
}

#[test]
fn a_report_that_cannot_be_written_is_a_warning() {
    let scene = scene();
    let arguments = ["restore", KEY, "target", "--report", "nowhere/report.json"];
    insta::assert_snapshot!("unwritable-report", run(scene.path(), &arguments));
}
