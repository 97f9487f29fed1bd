//! An instance boots: its node joins by itself, answers jobs from the first second, and keeps its name when restarted.

use crate::scene::{KEY, Scene};
use pollux_tests::{NodeOptions, Pool, Programs};

#[test]
fn a_node_joins_with_nothing_but_a_pool_file() {
    let scene = Scene::open();
    let node = scene.node("node");
    node.until("joined", |status| status["engine"]["joined"] == true);
    let status = node.pollux.status().unwrap();
    assert_eq!(status["role"], "node");
    assert_eq!(status["engine"]["seeds_connected"], 1);
    assert_eq!(status["peer"], node.daemon.peer.as_str());
}

#[test]
fn a_node_keeps_its_name_over_a_restart() {
    let scene = Scene::open();
    let mut node = scene.node("node");
    let peer = node.daemon.peer.clone();
    assert!(node.daemon.stop().unwrap().success());
    assert!(!node.daemon.socket.exists(), "a stopped node leaves no socket");
    let node = scene.node("node");
    assert_eq!(node.daemon.peer, peer);
    node.until("joined", |status| status["engine"]["joined"] == true);
}

#[test]
fn jobs_are_answered_from_the_first_second() {
    let scene = Scene::open();
    let node = scene.node("node");
    let missed = node.pollux.restore(KEY, &scene.path("target"), &[]).unwrap();
    assert_eq!((missed.status, missed.text("/reason").as_str()), (Some(0), "nothing-saved"), "{missed:?}");
    assert!(!scene.path("target").exists());
}

#[test]
fn a_node_of_another_pool_does_not_get_in() {
    let scene = Scene::open();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut other = Pool::init(Programs::beside_this_one().unwrap(), elsewhere.path()).unwrap();
    other.seed_port = scene.pool.seed_port;
    let options = NodeOptions { pool_file: Some(other.pool_file()), ..NodeOptions::default() };
    let stranger = scene.node_with("stranger", &options);
    let missed = stranger.pollux.restore(KEY, &scene.path("target"), &["--answer-timeout", "1"]).unwrap();
    assert_eq!((missed.status, missed.text("/reason").as_str()), (Some(0), "not-joined"), "{missed:?}");
}

#[test]
fn a_configuration_with_an_unknown_field_is_refused() {
    let scene = Scene::open();
    let config = scene.path("node.toml");
    std::fs::write(&config, "[store]\nbytes_maximum = 1\n").unwrap();
    let mut command = std::process::Command::new(&scene.pool.programs.node);
    let refused =
        pollux_tests::Finished::of(command.arg("--check-config").arg("--config").arg(&config)).unwrap();
    assert_eq!(refused.status, Some(78));
    assert!(refused.stderr.contains("bytes_maximum"), "{}", refused.stderr);
}

#[test]
fn a_second_node_on_one_store_is_refused() {
    let scene = Scene::open();
    let _first = scene.node("node");
    let options = NodeOptions { store: Some(scene.path("node/store")), ..NodeOptions::default() };
    let refused = scene.pool.node("second", &options).unwrap_err().to_string();
    assert!(refused.contains("store"), "{refused}");
}
