//! A member of the pool lies: it says that it holds everything, and sends junk, or nothing at all.

use crate::scene::{KEY, Scene};
use pollux_tests::hostile::{Announcement, Conduct, Gives, HostilePeer};

/// A cache of some chunks, its saver gone, a liar among its holders, and a node that restores it all the same.
fn restored_beside(gives: Gives) -> (Scene, serde_json::Value) {
    let scene = Scene::open();
    let (mut a, victim) = (scene.node("a"), scene.node("victim"));
    let tree = scene.tree("tree");
    std::fs::write(tree.join("huge.bin"), pollux_tests::fill("huge", 12 << 20)).unwrap();
    let saved = scene.save(&a, &tree);
    let shown = a.pollux.run(&["show", "--json", KEY]).unwrap().json();
    let tree_chunks = shown["manifest"]["tree"]["chunks"].as_array().unwrap().len();
    let content = shown["manifest"]["tree"]["totals"]["chunks"].as_u64().unwrap();
    let chunks = u32::try_from(tree_chunks).unwrap() + u32::try_from(content).unwrap();
    a.daemon.kill().unwrap();
    let manifest = saved.text("/manifest").parse().unwrap();
    let announces = Some(Announcement { manifest, chunks });
    let conduct = Conduct { announces, gives, ..Conduct::default() };
    let liar = HostilePeer::start(&scene.pool, &scene.seed, 66, conduct).unwrap();
    liar.until("listed", |seen| seen.listed).unwrap();
    // The victim looks at the tree, and so gets to know who else is there: else the seed might have given it all before.
    victim.pollux.run(&["show", "--files", KEY]).unwrap();
    victim.until("the liar is met", |status| {
        liar.seen().asked > 0 || status["engine"]["peers"].as_u64() > Some(0)
    });
    scene.restore(&victim, "restored", &tree);
    assert!(liar.seen().asked > 0, "the liar was asked");
    let status = victim.pollux.status().unwrap();
    (scene, status)
}

#[test]
fn flipped_bits_are_dropped_and_another_source_is_used() {
    let (_scene, status) = restored_beside(Gives::Junk);
    assert!(status["engine"]["junk_chunks"].as_u64() > Some(0), "{status}");
    assert!(status["engine"]["banned"].as_u64() > Some(0), "{status}");
}

#[test]
fn truncated_frames_are_dropped_and_another_source_is_used() {
    let (_scene, status) = restored_beside(Gives::Truncated);
    assert!(status["engine"]["junk_chunks"].as_u64() > Some(0), "{status}");
}

#[test]
fn zstd_bombs_are_dropped_and_another_source_is_used() {
    let (_scene, status) = restored_beside(Gives::Bomb);
    assert!(status["engine"]["junk_chunks"].as_u64() > Some(0), "{status}");
}

#[test]
fn announce_and_never_send() {
    let (_scene, status) = restored_beside(Gives::Silence);
    assert_eq!(status["engine"]["junk_chunks"], 0, "{status}");
}

#[test]
fn a_peer_that_lacks_what_it_announced_is_passed_over() {
    let (_scene, status) = restored_beside(Gives::Denial);
    assert_eq!(status["engine"]["junk_chunks"], 0, "{status}");
}
