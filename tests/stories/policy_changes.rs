//! A policy changes while the pool runs: who may publish, from one moment to the next.

use crate::fleet::{Fleet, policy_version};
use crate::scene::{KEY, Node, until};
use pollux_client::key_file;
use pollux_core::KeyPair;
use pollux_tests::{Finished, NodeOptions};
use std::path::{Path, PathBuf};

/// A key that no policy knows yet, and its public half as an operator names it.
fn another_publisher(fleet: &Fleet) -> (PathBuf, String) {
    let (key, path) = (KeyPair::from_seed([77; 32]), fleet.path("other.pem"));
    key_file::write_new(&path, &key).unwrap();
    (path, key.public().to_string())
}

fn try_save(node: &Node, tree: &Path, key: &Path) -> Finished {
    node.pollux.save(KEY, tree, key, &[]).unwrap()
}

fn until_version(node: &Node, version: u64) {
    node.until("the policy has taken over", |status| policy_version(status) == Some(version));
}

#[test]
fn a_publisher_is_added_and_removed() {
    for seeds in [1, 3] {
        let fleet = Fleet::open(seeds);
        let (a, b) = (fleet.node("a"), fleet.node("b"));
        let (key, public) = another_publisher(&fleet);
        let tree = fleet.tree("tree");
        let refused = try_save(&a, &tree, &key);
        assert_eq!(refused.status, Some(5), "nobody knows the key: {refused:?}");
        let add = ["add-publisher", "other", "--key", &public, "--pattern", "story/main/**"];
        fleet.change(&a, &add);
        until_version(&a, 2);
        let saved = try_save(&a, &tree, &key);
        assert_eq!((saved.status, saved.result().as_str()), (Some(0), "saved"), "{saved:?}");
        fleet.restore(&b, "b", &tree);
        fleet.change(&b, &["remove-publisher", "other"]);
        until_version(&a, 3);
        let refused = try_save(&a, &fleet.tree("again"), &key);
        assert_eq!(refused.status, Some(5), "it publishes no more: {refused:?}");
        assert!(a.daemon.log_text().contains("everything is judged anew"));
    }
}

/// What the seed says to a second node on this machine: networks decide how many members one address may have.
#[test]
fn a_network_goes_and_comes_while_the_pool_runs() {
    let fleet = Fleet::open(1);
    let a = fleet.node("a");
    let tree = fleet.tree("tree");
    fleet.save(&a, &tree);
    fleet.change(&a, &["remove-network", "127.0.0.0/8"]);
    until_version(&a, 2);
    let daemon = fleet.pool.node("b", &NodeOptions::default()).unwrap();
    let b = Node { pollux: fleet.pool.pollux(&daemon), daemon };
    b.until("it is one too many", |status| status["engine"]["refused"] == "address-full");
    fleet.change(&a, &["add-network", "127.0.0.0/8=here", "--memberships", "2"]);
    b.until("joined", |status| status["engine"]["joined"] == true);
    fleet.restore(&b, "b", &tree);
    until_version(&a, 3);
}

/// Two policies of which the pool hears the second only, so that there is no moment without the network.
#[test]
fn a_network_is_changed_in_one_go() {
    let fleet = Fleet::open(3);
    let a = fleet.node("a");
    let (key, pool) = (fleet.pool.keys().join("root.pem"), fleet.pool.pool_file());
    let how = ["--root-key", key.to_str().unwrap(), "--pool", pool.to_str().unwrap(), "--yes"];
    let remove = ["pool", "remove-network", "127.0.0.0/8"];
    let removed = a.pollux.run(&[&remove[..], &how].concat()).unwrap();
    assert_eq!(removed.status, Some(0), "{removed:?}");
    fleet.change(&a, &["add-network", "127.0.0.0/8=here", "--memberships", "9"]);
    until_version(&a, 3);
    let b = fleet.node("b");
    fleet.save(&a, &fleet.tree("tree"));
    fleet.restore(&b, "b", &fleet.path("tree"));
}

#[test]
fn a_policy_that_its_root_did_not_sign_changes_nothing() {
    let fleet = Fleet::open(1);
    let a = fleet.node("a");
    let other = Fleet::open(1);
    let elsewhere = other.pool.pool_file();
    let spread = a.pollux.run(&["pool", "spread", "--pool", elsewhere.to_str().unwrap(), "--json"]).unwrap();
    assert_eq!(spread.status, Some(2), "it is not even sent: {spread:?}");
    assert!(spread.stderr.contains("no root key of this pool file has signed"), "{spread:?}");
    assert_eq!(policy_version(&fleet.status(0)), Some(1));
}

#[test]
fn a_node_with_an_old_pool_file_boots_and_follows() {
    let fleet = Fleet::open(3);
    let a = fleet.node("a");
    fleet.change(&a, &["renew", "--policy-days", "300"]);
    let old = fleet.with_pool_file(1);
    assert!(old.pool_file.as_ref().is_some_and(|path| path.exists()));
    let late = fleet.node_with("late", &old);
    until_version(&late, 2);
    let tree = fleet.tree("tree");
    fleet.save(&late, &tree);
    fleet.restore(&a, "a", &tree);
}

#[test]
fn a_seed_that_was_down_hears_of_yank_and_policy() {
    let mut fleet = Fleet::open(3);
    let a = fleet.node("a");
    let (good, poisoned) = (fleet.tree("good"), fleet.tree("poisoned"));
    fleet.save(&a, &good);
    let bad = fleet.save(&a, &poisoned);
    fleet.until_caught_up(2, 0);
    fleet.seeds[2].kill().unwrap();
    fleet.yank(&a, &bad);
    fleet.change(&a, &["renew", "--policy-days", "300"]);
    until_version(&a, 2);
    let old = fleet.with_pool_file(1);
    fleet.start(2, &old);
    until("it hears of both", || {
        let status = fleet.status(2);
        policy_version(&status) == Some(2) && status["engine"]["yanks"] == 1
    });
    fleet.until_whole(2);
    // And is believed without one that never was down.
    fleet.seeds[0].kill().unwrap();
    fleet.restore(&a, "a", &good);
    fleet.start(0, &NodeOptions::default());
}

#[test]
fn a_root_is_rotated_while_the_pool_runs() {
    let mut fleet = Fleet::open(3);
    let (a, b) = (fleet.node("a"), fleet.node("b"));
    let tree = fleet.tree("tree");
    fleet.save(&a, &tree);
    let (key, path) = (KeyPair::from_seed([78; 32]), fleet.path("new-root.pem"));
    key_file::write_new(&path, &key).unwrap();
    let (public, path) = (key.public().to_string(), path.to_str().unwrap());
    fleet.change(&a, &["rotate-root", "--new-root", &public, "--root-key", path]);
    until_version(&b, 2);
    fleet.restore(&b, "b", &tree);
    // Seeds get the new pool file with their next start; images have the old one for long.
    for seed in 0..3 {
        fleet.seeds[seed].kill().unwrap();
        fleet.start(seed, &NodeOptions::default());
        fleet.until_whole(seed);
    }
    let late = fleet.node_with("late", &fleet.with_pool_file(1));
    until_version(&late, 2);
    fleet.restore(&late, "late", &tree);
}
