//! Variables that flags read: one that is empty is not set.

use crate::pollux;
use std::fs;

/// Status and words where every variable of a flag is empty.
fn ended(arguments: &[&str]) -> (Option<i32>, String) {
    let (mut command, home) = (pollux(arguments), tempfile::tempdir().unwrap());
    command.env("HOME", home.path());
    for variable in ["POLLUX_PRESETS", "POLLUX_SOCKET", "POLLUX_SIGNING_KEY"] {
        command.env(variable, "");
    }
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn an_empty_variable_is_not_set() {
    let (status, said) = ended(&["presets"]);
    assert_eq!(status, Some(0), "{said}");
    let place = ["--project", "p", "--branch", "b", "--directory", "/"];
    let (status, said) = ended(&[&["key", "of", "npm"][..], &place].concat());
    assert_eq!(status, Some(0), "{said}");
    let out = ["--unsigned-out", "/nowhere/statements"];
    let run = [&["run", "--cache", "npm"][..], &place, &out, &["--", "sh", "-c", "exit 7"]].concat();
    let (status, said) = ended(&run);
    assert_eq!(status, Some(7), "the command runs: {said}");
    let (status, said) = ended(&["restore", "a/b", "/nowhere/target"]);
    assert_eq!(status, Some(0), "a miss: {said}");
}

#[test]
fn without_a_key_it_is_said_how_one_is_given() {
    let (status, said) = ended(&["save", "a/b/z", "/nowhere/cache"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("no key is named") && said.contains("--signing-key FILE"), "{said}");
    let directory = tempfile::tempdir().unwrap();
    let statement = directory.path().join("s.json");
    fs::write(&statement, "{}").unwrap();
    let (status, said) = ended(&["sign", statement.to_str().unwrap(), "--allow", "a/*"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("--signing-key <FILE>"), "{said}");
    let (status, said) = ended(&["save", "a/b/z", "/nowhere/cache", "--signing-key="]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("no key is named") && said.contains("fd:N"), "{said}");
}

#[test]
fn an_empty_flag_is_a_mistake() {
    for flag in [&["ls", "--socket="][..], &["presets", "--presets="]] {
        let (status, said) = ended(flag);
        assert_eq!(status, Some(2), "{flag:?}: {said}");
    }
}
