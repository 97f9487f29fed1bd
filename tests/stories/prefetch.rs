//! A store is filled before any job runs, as in the build of an image; what is in it is there for the first job.

use crate::scene::{KEY, Scene, same};

#[test]
fn what_was_prefetched_is_there_for_the_first_job() {
    let scene = Scene::open();
    let tree = scene.tree("tree");
    scene.save(&scene.node("saver"), &tree);
    let lineage = KEY.rsplit_once('/').unwrap().0;
    let mut node = scene.node("node");
    // The second key is not there, but its lineage is.
    let other = format!("{lineage}/node20-2");
    let prefetched = node
        .pollux
        .run(&["prefetch", "--json", "--fail-on-miss", KEY, &other, "--fallback", lineage])
        .unwrap();
    assert_eq!(prefetched.status, Some(0), "{prefetched:?}");
    assert_eq!(prefetched.text("/caches/0/result"), "hit");
    assert!(prefetched.number("/caches/0/sources/seeds/chunks") > 0, "{prefetched:?}");
    assert_eq!(prefetched.number("/caches/0/kept"), prefetched.number("/caches/0/chunks"));
    assert_eq!(prefetched.text("/caches/1/key"), KEY);
    assert_eq!(prefetched.number("/caches/1/sources/seeds/chunks"), 0, "it is there already: {prefetched:?}");
    assert!(node.daemon.stop().unwrap().success());
    let node = scene.node("node");
    let restored = scene.restore(&node, "target", &tree);
    assert_eq!(restored.number("/sources/seeds/chunks"), 0, "{restored:?}");
    assert_eq!(restored.number("/sources/local/chunks"), prefetched.number("/caches/0/chunks"));
    same(&tree, &scene.path("target"));
}

#[test]
fn what_a_full_store_does_not_keep_is_said() {
    let scene = Scene::open();
    let tree = scene.tree("tree");
    std::fs::write(tree.join("huge.bin"), pollux_tests::fill("huge", 24 << 20)).unwrap();
    scene.save(&scene.node("saver"), &tree);
    let flags = ["--store-bytes-max", "8388608"].map(str::to_owned).to_vec();
    let node = scene.node_with("small", &pollux_tests::NodeOptions { flags, ..Default::default() });
    let prefetched = node.pollux.run(&["prefetch", "--fail-on-miss", KEY]).unwrap();
    assert_eq!(prefetched.status, Some(3), "{prefetched:?}");
    assert!(prefetched.stdout.contains("the node keeps only "), "{prefetched:?}");
}

#[test]
fn nothing_to_prefetch_is_no_failure_unless_it_is_to_be_one() {
    let scene = Scene::open();
    let node = scene.node("node");
    let missed = node.pollux.run(&["prefetch", KEY]).unwrap();
    assert_eq!(missed.status, Some(0), "{missed:?}");
    assert!(missed.stdout.starts_with("miss (nothing-saved): "), "{missed:?}");
    assert_eq!(node.pollux.run(&["prefetch", "--fail-on-miss", KEY]).unwrap().status, Some(3));
}
