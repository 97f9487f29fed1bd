//! Exit statuses are a table that scripts depend on.

use crate::{pollux, told};
use pollux_client::protocol::{FrameHead, Reply, TakenBack, VERSION, encode};
use pollux_core::ManifestId;
use pollux_core::engine::MissReason;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use tempfile::TempDir;

/// Status, and how the manual puts it.
const TABLE: [(i32, &str); 11] = [
    (0, "done"),
    (1, "failed"),
    (2, "usage"),
    (3, "--fail-on-miss"),
    (4, "reached"),
    (5, "refused"),
    (6, "directory"),
    (7, "taken"),
    (8, "believed"),
    (9, "taken back"),
    (130, "interrupted"),
];

const KEY: &str = "a/b/c";

/// A directory with a socket of a node that answers one connection with these, one for each request.
pub(crate) fn node(answers: Vec<Reply>) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("node.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for answer in answers {
            read_request(&mut stream);
            stream.write_all(&encode(&answer).unwrap()).unwrap();
        }
        read_request(&mut stream);
    });
    (directory, socket)
}

fn read_request(stream: &mut UnixStream) {
    let mut head = [0; FrameHead::BYTES];
    if stream.read_exact(&mut head).is_ok() {
        let mut body = vec![0; FrameHead::from_bytes(head).unwrap().body_bytes.try_into().unwrap()];
        stream.read_exact(&mut body).unwrap();
    }
}

pub(crate) fn welcome() -> Reply {
    Reply::Welcome { version: VERSION, software: "node".to_owned(), pool: "ci".to_owned() }
}

fn status(arguments: &[&str], socket: &Path) -> i32 {
    let output = pollux(arguments).env("POLLUX_SOCKET", socket).output().unwrap();
    output.status.code().unwrap()
}

#[test]
fn every_end_has_its_status() {
    let nobody = Path::new("/nowhere/node.sock");
    assert_eq!(status(&["restore", KEY, "/nowhere/target"], nobody), 0);
    assert_eq!(status(&["restore", "//", "/nowhere/target"], nobody), 2);
    assert_eq!(status(&["restore", "--fail-on-miss", KEY, "/nowhere/target"], nobody), 3);
    for verb in [&["status"][..], &["ls"], &["show", KEY]] {
        assert_eq!(status(verb, nobody), 4, "{verb:?}");
    }
    let (_directory, socket) = node(vec![welcome(), Reply::Miss { reason: MissReason::NothingSaved }]);
    assert_eq!(status(&["show", KEY], &socket), 1);
    let (_directory, socket) = node(vec![welcome(), Reply::Miss { reason: MissReason::NotJoined }]);
    assert_eq!(status(&["show", KEY], &socket), 4);
    let (_directory, socket) = node(vec![Reply::Refused { why: "another release".to_owned() }]);
    assert_eq!(status(&["status"], &socket), 5);
}

#[test]
fn what_was_taken_back_has_a_status_of_its_own() {
    let job = ["status", "--job"];
    let (_directory, socket) = node(vec![welcome(), Reply::Used { yanked: vec![] }]);
    assert_eq!(status(&job, &socket), 0);
    let (manifest, key) = (ManifestId::from_bytes([0xab; 32]), Some(KEY.parse().unwrap()));
    let yanked = vec![TakenBack { manifest, key, why: "poison".to_owned() }];
    let (directory, socket) = node(vec![welcome(), Reply::Used { yanked: yanked.clone() }]);
    let output = pollux(&job).env("POLLUX_SOCKET", socket).output().unwrap();
    insta::assert_snapshot!("taken-back", told(&output, directory.path()));
    let (_directory, socket) = node(vec![welcome(), Reply::Used { yanked }]);
    let (status, object) = object(&job, &socket);
    assert_eq!((status, &object["taken_back"][0]["key"]), (Some(9), &KEY.into()), "one object still");
}

#[test]
fn a_directory_that_cannot_be_read_has_a_status_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let pool = directory.path().join("pool");
    let made = pollux(&["pool", "init", "--seed", "127.0.0.1:4480"]).arg(&pool).output().unwrap();
    assert!(made.status.success());
    let mut save = pollux(&["save", KEY, "/nowhere/cache", "--signing-key"]);
    assert_eq!(save.arg(pool.join("publisher.pem")).output().unwrap().status.code(), Some(6));
}

/// The status, and the one object on standard output.
fn object(arguments: &[&str], socket: &Path) -> (Option<i32>, serde_json::Value) {
    let output = pollux(arguments).arg("--json").env("POLLUX_SOCKET", socket).output().unwrap();
    assert!(!output.stderr.is_empty(), "people are told, too: {arguments:?}");
    let object = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code(), object)
}

#[test]
fn every_failure_is_an_object_for_scripts() {
    let nobody = Path::new("/nowhere/node.sock");
    let save = ["save", KEY, "/nowhere/cache", "--signing-key", "/nowhere/key"];
    let pool = ["pool", "init", "/proc/pool", "--seed", "127.0.0.1:4480"];
    let table = [
        (&["status"][..], 4, "unreachable"),
        (&["ls"], 4, "unreachable"),
        (&["show", KEY], 4, "unreachable"),
        (&save, 2, "usage"),
        (&pool, 6, "directory"),
        (&["restore", "//", "/nowhere/target"], 2, "usage"),
        (&["pool", "init", "/proc/pool"], 2, "usage"),
        (&["nonsense"], 2, "usage"),
    ];
    for (arguments, status, kind) in table {
        let (code, object) = object(arguments, nobody);
        assert_eq!((code, &object["version"]), (Some(status), &1.into()), "{arguments:?}");
        assert_eq!(object["error"]["kind"], kind, "{arguments:?}");
        assert!(!object["error"]["message"].as_str().unwrap().is_empty(), "{arguments:?}");
    }
    let reason = |socket: &Path| object(&["show", KEY], socket).1["error"]["reason"].clone();
    assert_eq!(reason(nobody), "no-node", "as a restore says");
    for why in [MissReason::NothingSaved, MissReason::NotJoined] {
        let (_directory, socket) = node(vec![welcome(), Reply::Miss { reason: why }]);
        assert_eq!(reason(&socket), why.name());
    }
    let (_directory, socket) = node(vec![Reply::Refused { why: "another release".to_owned() }]);
    let (code, object) = object(&["status"], &socket);
    assert_eq!((code, object["error"]["kind"].as_str()), (Some(5), Some("refused")));
    assert!(object["error"]["hint"].is_string(), "{object}");
}

#[test]
fn a_miss_that_fails_is_one_object_still() {
    let arguments = ["restore", "--fail-on-miss", KEY, "/nowhere/target"];
    let (code, object) = object(&arguments, Path::new("/nowhere/node.sock"));
    assert_eq!((code, object["result"].as_str()), (Some(3), Some("miss")));
    assert!(object.get("error").is_none(), "{object}");
}

/// How a save ends whose key comes by standard input, with 6 where the key was good: there is no such directory.
fn save_with_input(source: &str, input: impl Into<Stdio>) -> (Option<i32>, String) {
    let mut save = pollux(&["save", KEY, "/nowhere/cache", "--signing-key", source]);
    let output = save.stdin(input).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_signing_key_comes_from_standard_input_on_purpose() {
    let directory = tempfile::tempdir().unwrap();
    let pool = directory.path().join("pool");
    assert!(
        pollux(&["pool", "init", "--seed", "127.0.0.1:4480"]).arg(&pool).output().unwrap().status.success()
    );
    let pem = fs::read(pool.join("publisher.pem")).unwrap();
    for source in ["-", "fd:0", "/dev/stdin", "/dev/fd/0"] {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(&pem).unwrap();
        drop(writer);
        let (status, words) = save_with_input(source, reader);
        assert_eq!(status, Some(6), "{source}: {words}");
    }
    let (status, words) = save_with_input("-", Stdio::null());
    assert_eq!(status, Some(2), "{words}");
    let (status, words) = save_with_input("fd:77", Stdio::null());
    assert_eq!(status, Some(2), "{words}");
    let (status, words) = save_with_input("/dev/zero", Stdio::null());
    assert_eq!(status, Some(2), "{words}");
    assert!(words.contains("`fd:N`"), "{words}");
}

/// Starts a command, waits until it has said hello to its node, and interrupts it: how it ends, and what it says.
fn interrupted(arguments: &[&str], signal: Signal) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("node.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let mut command = pollux(arguments);
    command.current_dir(directory.path()).env("POLLUX_SOCKET", &socket);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    read_request(&mut stream);
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
    let output = child.wait_with_output().unwrap();
    let left: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["node.sock"], "no litter");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn an_interrupted_restore_ends_in_order() {
    for signal in [Signal::INT, Signal::TERM] {
        let arguments = ["restore", KEY, "target", "--answer-timeout", "600", "--timeout", "600"];
        let (status, words) = interrupted(&arguments, signal);
        assert_eq!(status, Some(130), "{words}");
        assert!(words.contains("interrupted; the directory is as it was"), "{words}");
    }
}

#[test]
fn an_interrupted_save_ends_in_order() {
    let elsewhere = tempfile::tempdir().unwrap();
    let (pool, cache) = (elsewhere.path().join("pool"), elsewhere.path().join("cache"));
    fs::create_dir(&cache).unwrap();
    let made = pollux(&["pool", "init", "--seed", "127.0.0.1:4480"]).arg(&pool).output().unwrap();
    assert!(made.status.success());
    let key = pool.join("publisher.pem");
    let arguments = ["save", KEY, cache.to_str().unwrap(), "--signing-key", key.to_str().unwrap()];
    let (status, words) = interrupted(&arguments, Signal::INT);
    assert_eq!(status, Some(130), "{words}");
}

#[test]
fn the_manual_has_the_whole_table() {
    let help = pollux(&["--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap().replace('\n', " ");
    let (_, table) = help.split_once("Exit status:").unwrap();
    for (status, words) in TABLE {
        let at = table.find(&format!("{status} ")).unwrap();
        assert!(table.get(at..).unwrap().contains(words), "{status} {words}");
    }
}

#[test]
fn the_readme_has_the_same_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    // The package is tested alone, too.
    let Ok(readme) = fs::read_to_string(path) else { return };
    let statuses: Vec<i32> = readme.lines().filter_map(row).collect();
    assert_eq!(statuses, TABLE.map(|(status, _)| status), "the rows of the table of exit statuses");
}

/// The status that a row like `| 3 | a miss with --fail-on-miss |` is about.
fn row(line: &str) -> Option<i32> {
    line.strip_prefix('|')?.split('|').next()?.trim().trim_matches('`').parse().ok()
}

#[test]
fn every_verb_can_be_switched_off() {
    let save = ["save", KEY, "/nowhere/cache", "--signing-key", "/nowhere/key"];
    let sign = ["sign", "/nowhere/s.json", "--allow", "a/*", "--provenance", "/nowhere/p.json", "--dry-run"];
    let publish = ["publish", "/nowhere/s.json.signed"];
    let restore = ["restore", KEY, "/nowhere/target"];
    let prefetch = ["prefetch", KEY];
    let verify = ["verify", KEY];
    let yank = ["yank", "--grant", "g", "--reason", "r", "--yank-key", "/nowhere/key"];
    let verbs = [
        &restore[..],
        &prefetch,
        &save,
        &sign,
        &publish,
        &["ls"],
        &["show", KEY],
        &["status"],
        &verify,
        &yank,
    ];
    for verb in verbs {
        for json in [false, true] {
            let mut command = pollux(verb);
            command.env("POLLUX_DISABLE", "1").args(json.then_some("--json"));
            let output = command.output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{verb:?}");
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(!json || text.starts_with("{\n  \"version\": 1,"), "{verb:?}: {text}");
        }
    }
}

#[test]
fn a_reader_that_has_gone_away_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = pollux(&["restore", KEY, "/nowhere/target", "--socket", "/nowhere/node.sock"]);
    assert_eq!(command.stdout(writer).status().unwrap().code(), Some(0));
}
