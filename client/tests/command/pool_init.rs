//! `pollux pool init` makes keys once, and says what is for whom.

use crate::{pollux, told};
use std::path::Path;

fn init(directory: &Path, arguments: &[&str]) -> String {
    let mut command = pollux(&["pool", "init", "pool"]);
    told(&command.args(arguments).current_dir(directory).output().unwrap(), directory)
}

#[test]
fn a_pool_is_made_once() {
    let directory = tempfile::tempdir().unwrap();
    let seed = ["--seed", "seed.example:4480"];
    insta::assert_snapshot!("pool-made", init(directory.path(), &seed));
    insta::assert_snapshot!("pool-is-there", init(directory.path(), &seed));
}

#[test]
fn json_names_the_public_halves() {
    let directory = tempfile::tempdir().unwrap();
    let seed = ["--json", "--seed", "127.0.0.1:4480"];
    insta::assert_snapshot!("pool-made-json", init(directory.path(), &seed));
}

#[test]
fn a_strict_pool_says_how_nodes_are_admitted() {
    let directory = tempfile::tempdir().unwrap();
    let said = init(directory.path(), &["--strict", "--seed", "seed.example:4480"]);
    insta::assert_snapshot!("strict-pool-made", said);
    let configuration = std::fs::read_to_string(directory.path().join("pool/node.toml")).unwrap();
    assert!(configuration.contains("/pool/membership.json\""), "{configuration}");
    let file = std::fs::read_to_string(directory.path().join("pool/pool.json")).unwrap();
    let file = pollux_core::PoolFile::from_json(&file).unwrap();
    assert!(file.policy.body::<pollux_core::Policy>().unwrap().strict_admission);
}

#[test]
fn what_makes_no_pool_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("no-seed", init(directory.path(), &[]));
    insta::assert_snapshot!("seed-without-port", init(directory.path(), &["--seed", "seed.example"]));
    let twice = ["--seed", "seed.example:4480", "--seed", "seed.example:4480"];
    insta::assert_snapshot!("seeds-at-one-address", init(directory.path(), &twice));
    let network = ["--seed", "127.0.0.1:4480", "--network", "10.0.0.0/99"];
    insta::assert_snapshot!("bad-network", init(directory.path(), &network));
    assert!(!directory.path().join("pool").exists());
}
