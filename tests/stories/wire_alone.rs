//! What the benchmark measures the wire with moves what it should, between two processes.

use std::process::{Command, Output};

/// Each of the chunks once.
const CHUNKS: u64 = 64;
const CHUNK_BYTES: u64 = 256 * 1024;

fn contender(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench")).arg("contender").args(arguments).output().unwrap()
}

/// The bytes that were moved; at a cost on both sides.
fn bytes_of(moved: &serde_json::Value) -> u64 {
    for cost in ["seconds", "giver_cpu", "taker_cpu"] {
        assert!(moved[cost].as_f64().unwrap() >= 0.0, "{moved}");
    }
    moved["bytes"].as_u64().unwrap()
}

#[test]
fn every_contender_has_two_processes() {
    for name in ["pollux", "tls", "libp2p", "tcp", "unix"] {
        let output = contender(&["once", name, &CHUNKS.to_string()]);
        assert!(output.status.success(), "{name}: {output:?}");
        assert_eq!(bytes_of(&serde_json::from_slice(&output.stdout).unwrap()), CHUNKS * CHUNK_BYTES);
    }
}

#[test]
fn a_taker_without_a_giver_ends_with_an_error() {
    let nobody = r#"{"address":"127.0.0.1:1","proof":""}"#;
    let output = contender(&["take", "tcp", "1", nobody]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[test]
fn a_node_gives_what_it_has_again_and_again() {
    let work = tempfile::tempdir().unwrap();
    let bytes = 20_000_000;
    let output = contender(&["socket", work.path().to_str().unwrap(), "2", &bytes.to_string()]);
    assert!(output.status.success(), "{output:?}");
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(bytes_of(&line["moved"]) >= bytes, "{line}");
}
