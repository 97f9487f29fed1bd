//! A save that is signed elsewhere: what each step reads, refuses and writes.

use crate::ends::{node, welcome};
use crate::{pollux, told};
use pollux_client::clock::now;
use pollux_client::protocol::{PublishEnd, Reply};
use pollux_client::statement::Statement;
use pollux_core::{
    CertifiedEnvelope, ChunkId, ChunkRef, Envelope, KeyPair, Manifest, Provenance, TreeRef, TreeTotals,
};
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Output;
use std::time::Duration;
use tempfile::TempDir;

const KEY: &str = "core/main/npm/1";

fn manifest() -> Manifest {
    let created = now();
    Manifest {
        pool: "ci".to_owned(),
        key: KEY.parse().unwrap(),
        sequence: 7,
        created,
        expires: created.after(Duration::from_secs(3600)),
        tree: TreeRef {
            chunks: vec![ChunkRef { id: ChunkId::of(b"tree"), bytes: 4 }],
            totals: TreeTotals::default(),
            roots: vec![String::new()],
        },
        ancestors: Vec::new(),
        generation: 1,
        provenance: Provenance { job: "publish".to_owned(), ..Provenance::default() },
        packages: None,
        grant: None,
    }
}

/// An executor's directory: a pool with its keys, what it knows of the build, and a statement.
fn scene() -> TempDir {
    let scene = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(scene.path().join(name), text).unwrap();
    let made = run(scene.path(), &["pool", "init", "pool", "--seed", "127.0.0.1:4480"]);
    assert!(made.status.success());
    write("build.json", r#"{"job": "publish", "build": "b1"}"#);
    write("s.json", &Statement::new(&manifest()).to_json());
    scene
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    pollux(arguments).current_dir(directory).output().unwrap()
}

/// `pollux sign` with what an executor always gives, and more.
fn sign(directory: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["sign", "s.json", "--provenance", "build.json", "--pool", "pool/pool.json"];
    if !more.contains(&"--allow") {
        arguments.extend(["--allow", "core/main/**"]);
    }
    if !more.contains(&"--signing-key") {
        arguments.extend(["--signing-key", "pool/publisher.pem"]);
    }
    arguments.extend(more);
    run(directory, &arguments)
}

/// As [`told`], without the short names of keys and manifests, which differ each time.
fn shown(output: &Output, directory: &Path) -> String {
    let is_name = |word: &str| word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let text = told(output, directory);
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| is_name(word)).fold(text.clone(), |text, word| text.replace(word, "[SHORT]"))
}

fn signed(directory: &Path) -> Envelope {
    let path = directory.join("s.json.signed");
    assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
    Envelope::from_json(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_statement_is_signed_once() {
    let scene = scene();
    insta::assert_snapshot!("signed", shown(&sign(scene.path(), &[]), scene.path()));
    let manifest: Manifest = signed(scene.path()).body().unwrap();
    assert_eq!((manifest.provenance.build.as_str(), manifest.provenance.job.as_str()), ("b1", "publish"));
    insta::assert_snapshot!("signed-already", shown(&sign(scene.path(), &[]), scene.path()));
    assert!(sign(scene.path(), &["--force"]).status.success());
}

#[test]
fn what_differs_is_refused_and_named() {
    let scene = scene();
    let refused = |name: &str, more: &[&str]| {
        insta::assert_snapshot!(name, shown(&sign(scene.path(), more), scene.path()));
        assert!(!scene.path().join("s.json.signed").exists(), "{name}");
    };
    refused("sign-other-key", &["--allow", "core/release/**"]);
    refused("sign-everything", &["--allow", "**"]);
    refused("sign-not-a-grant", &["--grant", "s.json"]);
    fs::write(scene.path().join("build.json"), r#"{"job": "check", "build": "b1"}"#).unwrap();
    refused("sign-other-provenance", &[]);
    fs::write(scene.path().join("build.json"), r#"{"jbo": "publish"}"#).unwrap();
    refused("sign-no-provenance", &[]);
    fs::write(scene.path().join("s.json"), "{}").unwrap();
    fs::write(scene.path().join("build.json"), "{}").unwrap();
    refused("sign-no-statement", &[]);
}

#[test]
fn a_statement_of_another_pool_is_refused() {
    let scene = scene();
    let other = Manifest { pool: "staging".to_owned(), ..manifest() };
    fs::write(scene.path().join("s.json"), Statement::new(&other).to_json()).unwrap();
    let refused = sign(scene.path(), &["--json"]);
    assert_eq!(refused.status.code(), Some(5));
    let object: serde_json::Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert!(object["error"]["message"].as_str().unwrap().contains("pool: `staging`"), "{object}");
}

#[test]
fn a_dry_run_shows_the_bytes_and_reads_no_key() {
    let scene = scene();
    let shown = sign(scene.path(), &["--dry-run", "--signing-key", "/nowhere/key"]);
    assert!(shown.status.success(), "{shown:?}");
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.starts_with(&format!("would be signed: {KEY} (sequence 7, manifest ")), "{text}");
    assert!(text.contains("\"build\": \"b1\"") && text.contains("\"sequence\": 7"), "{text}");
    assert!(!scene.path().join("s.json.signed").exists());
}

#[test]
fn the_key_comes_by_a_pipe_and_never_as_an_argument() {
    let scene = scene();
    let pem = fs::read_to_string(scene.path().join("pool/publisher.pem")).unwrap();
    let refused = sign(scene.path(), &["--signing-key", &pem]);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8([refused.stdout, refused.stderr].concat()).unwrap();
    assert!(pem.lines().all(|line| !said.contains(line)), "{said}");
    let mut command = pollux(&["sign", "s.json", "--provenance", "build.json", "--allow", "core/main/**"]);
    let key = fs::File::open(scene.path().join("pool/publisher.pem")).unwrap();
    let done = command.args(["--signing-key", "-"]).current_dir(scene.path()).stdin(key).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let key = KeyPair::from_pem(&pem).unwrap().public();
    assert!(signed(scene.path()).signed_by(&key));
}

#[test]
fn who_writes_the_key_is_read_also_where_nothing_is_signed() {
    let scene = scene();
    let (mut reader, mut writer) = io::pipe().unwrap();
    writer.write_all(&fs::read(scene.path().join("pool/publisher.pem")).unwrap()).unwrap();
    drop(writer);
    let mut command = pollux(&["sign", "s.json", "--provenance", "build.json", "--allow", "core/release/**"]);
    command.args(["--signing-key", "-"]).current_dir(scene.path()).stdin(reader.try_clone().unwrap());
    assert_eq!(command.output().unwrap().status.code(), Some(5));
    let mut left = Vec::new();
    reader.read_to_end(&mut left).unwrap();
    assert!(left.is_empty(), "{} bytes were not read", left.len());
}

#[test]
fn a_key_that_the_policy_does_not_name_signs_only_by_force() {
    let scene = scene();
    let stranger = ["--signing-key", "pool/admission.pem"];
    insta::assert_snapshot!("sign-by-a-stranger", shown(&sign(scene.path(), &stranger), scene.path()));
    assert!(!scene.path().join("s.json.signed").exists());
    let forced = [&stranger[..], &["--force"]].concat();
    insta::assert_snapshot!("signed-by-a-stranger", shown(&sign(scene.path(), &forced), scene.path()));
    let done = sign(scene.path(), &[&forced[..], &["--json"]].concat());
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert!(report["warnings"][0].as_str().unwrap().contains("no publisher"), "{report}");
    let done = sign(scene.path(), &["--force", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["warnings"], serde_json::json!([]));
}

const GRANT: [&str; 14] = [
    "grant",
    "--issuer-key",
    "pool/root.pem",
    "--pool",
    "pool/pool.json",
    "--allow",
    "core/main/**",
    "--provenance",
    "build.json",
    "--key-out",
    "grant.pem",
    "--out",
    "grant.json",
    "--json",
];

#[test]
fn a_grant_is_made_and_signs() {
    let scene = scene();
    let refused = run(scene.path(), &GRANT);
    assert_eq!(refused.status.code(), Some(5), "the root key is no issuer: {refused:?}");
    assert!(!scene.path().join("grant.pem").exists() && !scene.path().join("grant.json").exists());
    let forced = [&GRANT[..], &["--force"]].concat();
    let made = run(scene.path(), &forced);
    assert!(made.status.success(), "{made:?}");
    assert!(String::from_utf8_lossy(&made.stderr).contains("warning"), "{made:?}");
    let grant: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(grant["warnings"].as_array().map(Vec::len), Some(1), "{grant}");
    for name in ["grant.pem", "grant.json"] {
        assert_eq!(scene.path().join(name).metadata().unwrap().mode() & 0o7777, 0o600, "{name}");
    }
    let by_grant = ["--grant", "grant.json", "--signing-key", "grant.pem", "--json"];
    assert_eq!(sign(scene.path(), &by_grant).status.code(), Some(5), "its issuer is none");
    let done = sign(scene.path(), &[&by_grant[..], &["--force"]].concat());
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&report["grant"], &report["signer"]), (&grant["serial"], &grant["key"]), "{report}");
    assert!(signed(scene.path()).body::<Manifest>().unwrap().grant.is_some());
    let done = sign(scene.path(), &["--grant", "grant.json", "--force"]);
    insta::assert_snapshot!("sign-not-the-grants-key", shown(&done, scene.path()));
    let again = run(scene.path(), &forced);
    assert_eq!(again.status.code(), Some(2), "{again:?}");
    fs::remove_file(scene.path().join("grant.pem")).unwrap();
    assert_eq!(run(scene.path(), &forced).status.code(), Some(2), "the grant is there still");
    assert!(!scene.path().join("grant.pem").exists(), "no key without its grant");
}

#[test]
fn a_save_without_a_key_reads_none() {
    let scene = scene();
    fs::create_dir(scene.path().join("cache")).unwrap();
    let save = |more: &[&str]| {
        let mut command = pollux(&["save", KEY, "cache"]);
        command.args(more).env("POLLUX_SOCKET", "nobody.sock").env("POLLUX_SIGNING_KEY", "/nowhere/key");
        command.current_dir(scene.path()).output().unwrap()
    };
    assert_eq!(save(&[]).status.code(), Some(2), "there is no such key");
    assert_eq!(save(&["--unsigned-out", "new.json"]).status.code(), Some(4), "there is no node");
    assert_eq!(save(&["--unsigned-out", "s.json"]).status.code(), Some(2), "it is there");
    assert_eq!(save(&["--unsigned-out", "s.json", "--force"]).status.code(), Some(4));
    assert_eq!(save(&["--unsigned-out", "nowhere/s.json"]).status.code(), Some(2));
    let text = fs::read_to_string(scene.path().join("s.json")).unwrap();
    assert!(Statement::from_json(&text).is_ok(), "nothing was written over it");
}

/// How publishing ends where the node says this.
fn publish(directory: &Path, answer: Reply) -> Output {
    let (_directory, socket) = node(vec![welcome(), answer]);
    let mut command = pollux(&["publish", "s.json.signed"]);
    command.current_dir(directory).env("POLLUX_SOCKET", socket).output().unwrap()
}

#[test]
fn publishing_ends_as_a_save_does() {
    let scene = scene();
    assert!(sign(scene.path(), &[]).status.success());
    let (this, receipts) = (signed(scene.path()), Vec::new());
    let certified = Box::new(CertifiedEnvelope { manifest: this, receipts });
    let done = publish(scene.path(), Reply::Published { certified });
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert!(done.stdout.starts_with(b"saved: core/main/npm/1 (sequence 7, "), "{done:?}");
    let other = Envelope::sign(&manifest(), &KeyPair::from_seed([1; 32]));
    let standing = Some(Box::new(CertifiedEnvelope { manifest: other, receipts: Vec::new() }));
    let why = PublishEnd::LostRace { standing, highest: 7 };
    let lost = publish(scene.path(), Reply::PublishFailed { why });
    assert_eq!(lost.status.code(), Some(0), "{lost:?}");
    assert!(lost.stdout.starts_with(b"not saved: another save of core/main/npm/1 was faster"), "{lost:?}");
    let why = PublishEnd::LostRace { standing: None, highest: 9 };
    let outvoted = publish(scene.path(), Reply::PublishFailed { why });
    insta::assert_snapshot!("outvoted", shown(&outvoted, scene.path()));
    let unsigned = run(scene.path(), &["publish", "s.json"]);
    insta::assert_snapshot!("publish-unsigned", shown(&unsigned, scene.path()));
}
