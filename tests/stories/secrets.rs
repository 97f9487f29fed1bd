//! Secret keys stay in their files: whatever a pool does, no log, no output and no other file ever holds one.

use crate::fleet::Fleet;
use crate::scene::Node;
use pollux_client::key_file;
use pollux_tests::{Finished, NodeOptions};
use std::fs;
use std::path::{Path, PathBuf};

/// Everything below a directory.
fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            files(&path, found);
        } else if kind.is_file() {
            found.push(path);
        }
    }
}

fn is_key(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "pem")
}

/// The ways in which a key may be written: its bytes, as hexadecimal digits, in base64 (the lines of its file among them),
/// as a list of numbers.
pub(crate) fn spellings(path: &Path) -> Vec<Vec<u8>> {
    let key = key_file::read(path).unwrap();
    let seed = key.seed().to_vec();
    let hex: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    let numbers: Vec<String> = seed.iter().map(u8::to_string).collect();
    let pem = fs::read_to_string(path).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    // The head of the file is the same for every key; its end holds the key itself.
    let tail = body[body.len() - 40..].to_owned();
    let texts = [hex.to_uppercase(), hex, numbers[..12].join(", "), numbers[..12].join(","), tail];
    texts.into_iter().map(String::into_bytes).chain([seed]).collect()
}

pub(crate) fn holds(bytes: &[u8], secret: &[u8]) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret)
}

/// What commands printed.
#[derive(Default)]
struct Printed(String);

impl Printed {
    fn add(&mut self, finished: &Finished) {
        self.0.push_str(&finished.stdout);
        self.0.push_str(&finished.stderr);
    }
}

/// A save, a restore, a yank, a policy, a wrong key, a kill and a restart.
fn live(fleet: &mut Fleet, loud: &NodeOptions, printed: &mut Printed) {
    let (mut a, b) = (fleet.node_with("a", loud), fleet.node_with("b", loud));
    let tree = fleet.tree("tree");
    let manifest = fleet.save(&a, &tree);
    printed.add(&fleet.restore(&b, "b", &tree));
    for (arguments, key) in
        [(["save", "story/other/npm/1"], "yank.pem"), (["save", "story/main/npm/2"], "root.pem")]
    {
        let key = fleet.pool.keys().join(key);
        let base = tree.to_str().unwrap();
        let refused =
            a.pollux.run(&[&arguments[..], &[base, "--signing-key", key.to_str().unwrap()]].concat());
        printed.add(&refused.unwrap());
    }
    let key = fleet.pool.keys().join("publisher.pem");
    printed.add(&a.pollux.run(&["key", "show", key.to_str().unwrap(), "--json"]).unwrap());
    printed.add(&fleet.yank(&b, &manifest));
    printed.add(&fleet.change(&b, &["renew"]));
    a.daemon.kill().unwrap();
    let again: Node = fleet.node_with("a", loud);
    printed.add(&again.pollux.run(&["status", "--json"]).unwrap());
    fleet.seeds[0].kill().unwrap();
    fleet.start(0, loud);
}

#[test]
fn secrets_are_never_logged() {
    let mut fleet = Fleet::open(1);
    let loud = NodeOptions { flags: vec!["--log".to_owned(), "trace".to_owned()], ..NodeOptions::default() };
    fleet.seeds[0].stop().unwrap();
    fleet.start(0, &loud);
    let mut printed = Printed::default();
    live(&mut fleet, &loud, &mut printed);
    let mut found = Vec::new();
    files(&fleet.path("."), &mut found);
    let (keys, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(|path| is_key(path));
    assert!(keys.len() >= 7, "seed, publisher, root, admission, yank, two nodes: {keys:?}");
    let logs = rest.iter().filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    assert!(logs.map(|log| fs::metadata(log).unwrap().len()).sum::<u64>() > 100_000, "they are loud");
    let secrets: Vec<_> =
        keys.iter().flat_map(|key| spellings(key).into_iter().map(move |one| (key, one))).collect();
    for (key, secret) in &secrets {
        assert!(!holds(printed.0.as_bytes(), secret), "{key:?} was printed");
    }
    for path in rest {
        let bytes = fs::read(&path).unwrap();
        let told = secrets.iter().find(|(_, secret)| holds(&bytes, secret));
        assert_eq!(told.map(|(key, _)| key), None, "is in {path:?}");
    }
}
