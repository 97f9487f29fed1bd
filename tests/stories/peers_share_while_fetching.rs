//! Peers matter: who holds a cache gives it to others.

use crate::scene::Scene;
use std::fs;
use std::thread;

#[test]
fn a_second_reader_gets_chunks_from_the_first() {
    let scene = Scene::open();
    let (mut a, b, c) = (scene.node("a"), scene.node("b"), scene.node("c"));
    let tree = scene.tree("tree");
    fs::write(tree.join("huge.bin"), pollux_tests::fill("huge", 24 << 20)).unwrap();
    scene.save(&a, &tree);
    a.daemon.kill().unwrap();
    let first = scene.restore(&b, "first", &tree);
    assert!(first.number("/sources/seeds/chunks") > 0, "{first:?}");
    c.meet_holders();
    let second = scene.restore(&c, "second", &tree);
    assert!(second.number("/sources/peers/chunks") > 0, "{second:?}");
}

#[test]
fn readers_at_the_same_time_all_end_with_the_same_tree() {
    let scene = Scene::open();
    let a = scene.node("a");
    let readers: Vec<_> = ["b", "c", "d"].iter().map(|name| (*name, scene.node(name))).collect();
    let tree = scene.tree("tree");
    fs::write(tree.join("huge.bin"), pollux_tests::fill("huge", 24 << 20)).unwrap();
    scene.save(&a, &tree);
    thread::scope(|scope| {
        for (name, node) in &readers {
            let (scene, tree) = (&scene, &tree);
            scope.spawn(move || scene.restore(node, &format!("by-{name}"), tree));
        }
    });
}
