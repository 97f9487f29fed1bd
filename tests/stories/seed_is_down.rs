//! The seed is away: members vouch with what it said a moment ago; strangers get an honest miss.

use crate::scene::{KEY, Scene};
use std::time::Duration;

#[test]
fn a_member_restores_from_its_peers_while_the_seed_is_away() {
    let mut scene = Scene::open();
    let (mut a, b, c) = (scene.node("a"), scene.node("b"), scene.node("c"));
    let tree = scene.tree("tree");
    scene.save(&a, &tree);
    a.daemon.kill().unwrap();
    scene.restore(&b, "first", &tree);
    c.until("joined", |status| status["engine"]["joined"] == true);
    b.until("a relayed answer", |status| status["engine"]["relays"].as_u64() > Some(0));
    c.until("b is met", |status| status["engine"]["peers"].as_u64() > Some(0));
    scene.seed.kill().unwrap();
    let restored = scene.restore(&c, "second", &tree);
    assert_eq!(restored.json()["relayed"], true, "{restored:?}");
    assert_eq!(restored.number("/sources/seeds/chunks"), 0);
    assert!(restored.number("/sources/peers/chunks") > 0);
}

#[test]
fn a_node_that_never_joined_gets_an_honest_miss_by_the_deadline() {
    let mut scene = Scene::open();
    scene.seed.kill().unwrap();
    let node = scene.node("late");
    let missed = node.pollux.restore(KEY, &scene.path("target"), &["--answer-timeout", "1"]).unwrap();
    assert_eq!((missed.status, missed.text("/reason").as_str()), (Some(0), "not-joined"), "{missed:?}");
    assert!(missed.elapsed < Duration::from_secs(10), "{missed:?}");
}

#[test]
fn nothing_can_be_saved_while_the_seed_is_away() {
    let mut scene = Scene::open();
    let node = scene.node("node");
    node.until("joined", |status| status["engine"]["joined"] == true);
    scene.seed.kill().unwrap();
    let tree = scene.tree("tree");
    let failed = node.pollux.save(KEY, &tree, &scene.pool.publisher(), &["--answer-timeout", "2"]).unwrap();
    assert_eq!(failed.status, Some(4), "{failed:?}");
    assert!(failed.stderr.contains("hint"), "{failed:?}");
}
