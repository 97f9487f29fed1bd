//! `pollux audit`, and the audit of a save.

use crate::{pollux, told};
use pollux_packages::digest::{Algorithm, Digest};
use serde_json::Value;
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
fn a_path_that_is_not_there_is_a_mistake() {
    let directory = good();
    let said = says(&directory, &["audit", "maven", "cache", "org", "com/example"]);
    assert!(said.starts_with("status 6\n") && said.contains("cache/com/example: nothing is there"), "{said}");
    let said = says(&directory, &["audit", "maven", "cache", "org"]);
    assert!(said.starts_with("status 0\n") && said.contains("1 package"), "{said}");
}

#[test]
fn of_a_part_of_a_cache_nothing_is_told_that_only_all_of_it_tells() {
    let directory = good();
    let list = r#"{"version":1,"packages":[{"program":"npm","purl":"pkg:npm/a@1","files":["a"]}]}"#;
    put(directory.path(), "npm/.pollux-packages.json", list);
    let hex = Digest::of(Algorithm::Sha512, b"alone").hex();
    let (first, second, rest) = (&hex[..2], &hex[2..4], &hex[4..]);
    put(directory.path(), &format!("npm/_cacache/content-v2/sha512/{first}/{second}/{rest}"), "alone");
    let whole = says(&directory, &["audit", "npm", "npm"]);
    assert!(whole.contains("\nhalf ") && whole.contains("1 removed"), "{whole}");
    let part = says(&directory, &["audit", "npm", "npm", "_cacache/content-v2"]);
    assert!(part.starts_with("status 0\n") && part.contains("a part of the cache"), "{part}");
    assert!(!part.contains("\nhalf ") && !part.contains("removed"), "{part}");
    let json = run(&directory, &["audit", "npm", "npm", "_cacache/content-v2", "--json"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["is_part"], &json["orphans"]), (&true.into(), &Value::Array(Vec::new())), "{json}");
    assert!(json.get("since_restore").is_none(), "{json}");
}

#[test]
fn each_program_is_asked_in_its_own_way_where_its_cache_is() {
    let directory = tempfile::tempdir().unwrap();
    let commands = [
        ("pip", "`pip cache dir`"),
        ("uv", "`uv cache dir`"),
        ("npm", "`npm config get cache`"),
        ("yarn", "`yarn cache dir`"),
        ("pnpm", "`pnpm store path`"),
        ("composer", "`composer config --global cache-dir`"),
        ("bundler", "BUNDLE_PATH"),
        ("cargo", "CARGO_HOME"),
        ("go", "`go env GOMODCACHE`"),
        ("maven", "~/.m2/repository"),
        ("gradle", "GRADLE_USER_HOME"),
        ("apt", "`pollux presets show apt`"),
    ];
    for (program, command) in commands {
        let said = says(&directory, &["audit", program, "none"]);
        assert!(said.starts_with("status 6\n") && said.contains(command), "{program}: {said}");
    }
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

#[test]
fn a_save_that_the_audit_refuses_is_one_object() {
    let directory = repository(&"0".repeat(40));
    let made = run(&directory, &["pool", "init", "pool", "--seed", "127.0.0.1:4480"]);
    assert!(made.status.success());
    let save =
        ["save", "a/b/c", "cache", "--audit", "maven", "--signing-key", "pool/publisher.pem", "--json"];
    let output = run(&directory, &save);
    assert_eq!(output.status.code(), Some(8), "{}", told(&output, directory.path()));
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&object["version"], &object["error"]["kind"]), (&1.into(), &"not_believed".into()));
    assert_eq!(object["faults"][0]["path"], "org/example/a/1.0/a-1.0.jar", "{object}");
}

#[test]
fn a_save_of_a_part_drops_no_half_whose_other_half_lies_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let content = |text: &str| {
        let digest = Digest::of(Algorithm::Sha512, text.as_bytes());
        let hex = digest.hex();
        let path = format!("npm/_cacache/content-v2/sha512/{}/{}/{}", &hex[..2], &hex[2..4], &hex[4..]);
        put(directory.path(), &path, text);
        (directory.path().join(path), data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap())
    };
    let ((named, digest), (alone, _)) = (content("named"), content("alone"));
    let integrity = format!("sha512-{}", data_encoding::BASE64.encode(&digest));
    let line = format!("{{\"key\":\"k\",\"integrity\":\"{integrity}\"}}");
    let seal = Digest::of(Algorithm::Sha1, line.as_bytes()).hex();
    put(directory.path(), "npm/_cacache/index-v5/aa/bb/cc", &format!("\n{seal}\t{line}"));
    assert!(run(&directory, &["pool", "init", "pool", "--seed", "127.0.0.1:4480"]).status.success());
    let save = ["save", "a/b/c", "npm", "_cacache/content-v2/", "--audit", "npm"];
    let said = says(&directory, &[&save[..], &["--signing-key", "pool/publisher.pem"]].concat());
    assert!(said.contains("dropped: "), "{said}");
    assert!(named.exists() && !alone.exists(), "{said}");
}

#[test]
fn a_save_drops_a_half_and_finds_none_the_next_time() {
    let directory = good();
    put(directory.path(), "cache/org/example/b/1.0/b-1.0.jar.sha1", "0");
    assert!(run(&directory, &["pool", "init", "pool", "--seed", "127.0.0.1:4480"]).status.success());
    let save = ["save", "a/b/c", "cache", "--audit", "maven", "--signing-key", "pool/publisher.pem"];
    let said = says(&directory, &save);
    assert!(said.contains("dropped: org/example/b/1.0/b-1.0.jar.sha1"), "{said}");
    assert!(!directory.path().join("cache/org/example/b/1.0/b-1.0.jar.sha1").exists());
    let said = says(&directory, &save);
    assert!(!said.contains("dropped: "), "{said}");
}
