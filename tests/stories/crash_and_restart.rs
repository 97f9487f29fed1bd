//! `kill -9` of any daemon at any moment: it restarts clean, and what had returned success is there.

use crate::scene::{Scene, until};
use pollux_tests::NodeOptions;

#[test]
fn a_seed_that_was_killed_still_has_what_it_signed_for() {
    let mut scene = Scene::open();
    let (mut a, b) = (scene.node("a"), scene.node("b"));
    let tree = scene.tree("tree");
    scene.save(&a, &tree);
    a.daemon.kill().unwrap();
    scene.seed.kill().unwrap();
    scene.seed = scene.pool.seed(&NodeOptions::default()).unwrap();
    // The seed tells, not the node: that may not have noticed yet that its old connection is dead.
    let seed = scene.pool.pollux(&scene.seed);
    until("the node is back", || seed.status().unwrap()["engine"]["peers"].as_u64() > Some(0));
    scene.restore(&b, "restored", &tree);
}

#[test]
fn a_node_that_was_killed_still_has_what_it_kept() {
    let mut scene = Scene::open();
    let (a, mut b) = (scene.node("a"), scene.node("b"));
    let tree = scene.tree("tree");
    scene.save(&a, &tree);
    scene.restore(&b, "first", &tree);
    b.daemon.stop().unwrap();
    let b = scene.node("b");
    b.until("what it remembers", |status| status["store_chunks"].as_u64() > Some(0));
    let restored = scene.restore(&b, "second", &tree);
    assert_eq!(restored.number("/sources/seeds/chunks"), 0, "{restored:?}");
    // And what a kill leaves behind is no less whole.
    let mut b = b;
    b.daemon.kill().unwrap();
    let b = scene.node("b");
    scene.restore(&b, "third", &tree);
    scene.seed.kill().unwrap();
}

#[test]
fn a_save_that_loses_its_node_can_be_done_again() {
    let scene = Scene::open();
    let mut a = scene.node("a");
    let tree = scene.tree("tree");
    std::fs::write(tree.join("huge.bin"), pollux_tests::fill("huge", 32 << 20)).unwrap();
    let mut saving = scene.begin_save(&a, &tree, &[]);
    a.until("chunks on their way", |status| status["store_chunks"].as_u64() > Some(0));
    a.daemon.kill().unwrap();
    let status = saving.wait().unwrap();
    let a = scene.node("a");
    if !status.success() {
        scene.save(&a, &tree);
    }
    let b = scene.node("b");
    scene.restore(&b, "restored", &tree);
}

#[test]
fn a_seed_that_dies_while_pulling_signs_nothing_that_it_does_not_have() {
    let mut scene = Scene::open();
    let a = scene.node("a");
    let tree = scene.tree("tree");
    std::fs::write(tree.join("huge.bin"), pollux_tests::fill("huge", 32 << 20)).unwrap();
    let mut saving = scene.begin_save(&a, &tree, &["--timeout", "30"]);
    let seed = scene.pool.pollux(&scene.seed);
    until("the seed pulls", || seed.status().unwrap()["store_chunks"].as_u64() > Some(0));
    scene.seed.kill().unwrap();
    scene.seed = scene.pool.seed(&NodeOptions::default()).unwrap();
    let saved = saving.wait().unwrap().success();
    if !saved {
        scene.save(&a, &tree);
    }
    let b = scene.node("b");
    scene.restore(&b, "restored", &tree);
}
