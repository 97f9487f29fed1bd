//! Anybody may read, and nobody whom the policy does not name may bind a key.

use crate::scene::{KEY, Scene};
use pollux_tests::{Pool, Programs};

#[test]
fn a_key_that_the_policy_does_not_name_publishes_nothing() {
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let tree = scene.tree("tree");
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Pool::init(Programs::beside_this_one().unwrap(), elsewhere.path()).unwrap();
    let refused = a.pollux.save(KEY, &tree, &other.publisher(), &[]).unwrap();
    assert_eq!(refused.status, Some(5), "{refused:?}");
    assert!(refused.stderr.contains("policy"), "{refused:?}");
    let missed = b.pollux.restore(KEY, &scene.path("target"), &[]).unwrap();
    assert_eq!(missed.text("/reason"), "nothing-saved", "{missed:?}");
}

#[test]
fn a_manifest_that_would_live_too_long_is_refused_with_both_lives() {
    let scene = Scene::open();
    let a = scene.node("a");
    let tree = scene.tree("tree");
    let refused = a.pollux.save(KEY, &tree, &scene.pool.publisher(), &["--life", "40"]).unwrap();
    assert_eq!(refused.status, Some(5), "{refused:?}");
    for words in ["40 days", "30 days", "--life"] {
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
}

#[test]
fn a_refused_save_does_not_disturb_what_stands() {
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let (good, bad) = (scene.tree("good"), scene.tree("bad"));
    scene.save(&a, &good);
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Pool::init(Programs::beside_this_one().unwrap(), elsewhere.path()).unwrap();
    let refused = b.pollux.save(KEY, &bad, &other.publisher(), &[]).unwrap();
    assert_eq!(refused.status, Some(5), "{refused:?}");
    scene.restore(&b, "restored", &good);
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::open();
    let a = scene.node("a");
    let tree = scene.tree("tree");
    let publisher = scene.pool.publisher();
    std::fs::set_permissions(&publisher, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = a.pollux.save(KEY, &tree, &publisher, &[]).unwrap();
    assert_eq!(refused.status, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("chmod 600"), "{refused:?}");
}
