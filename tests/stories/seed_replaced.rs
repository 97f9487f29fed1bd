//! Seeds come and go by policy, while the pool runs.

use crate::fleet::{Fleet, policy_version};
use crate::scene::{KEY, Node, same, until};
use pollux_tests::NodeOptions;
use std::path::Path;

/// Until nodes and seeds go by this policy.
fn until_all(fleet: &Fleet, nodes: &[&Node], seeds: &[usize], version: u64) {
    for node in nodes {
        node.until("the node goes by it", |status| policy_version(status) == Some(version));
    }
    for seed in seeds {
        until("the seed goes by it", || policy_version(&fleet.status(*seed)) == Some(version));
    }
}

/// Restores [`KEY`]. Right after seeds have changed, what was published before may lack a receipt that counts now: it is a
/// miss for the moments until seeds that hold it have given theirs.
fn restore_soon(fleet: &Fleet, node: &Node, name: &str, tree: &Path) {
    let target = fleet.path("restored").join(name);
    until("a restore hits", || {
        let ended = node.pollux.restore(KEY, &target, &[]).unwrap();
        assert_eq!(ended.status, Some(0), "{ended:?}");
        ended.result() == "hit"
    });
    same(tree, &target);
}

#[test]
fn seed_replaced_while_running() {
    let mut fleet = Fleet::open(3);
    let (a, b) = (fleet.node("a"), fleet.node("b"));
    let first = fleet.tree("first");
    fleet.save(&a, &first);
    fleet.restore(&b, "before", &first);
    let (key, address) = fleet.pool.further_seed().unwrap();
    let add = ["add-seed", "--make-key", key.to_str().unwrap(), "--address", &address];
    fleet.change(&a, &add);
    // Nobody waits for it: the pool goes on.
    restore_soon(&fleet, &b, "between-policy-and-seed", &first);
    let between = fleet.tree("between");
    fleet.save(&a, &between);
    fleet.start(3, &NodeOptions::default());
    until_all(&fleet, &[&a, &b], &[0, 1, 2, 3], 2);
    fleet.until_whole(3);
    fleet.restore(&b, "with-four", &between);
    let second = fleet.tree("second");
    fleet.save(&a, &second);
    fleet.restore(&b, "second", &second);
    let gone = fleet.seeds[0].peer.clone();
    fleet.change(&b, &["remove-seed", &gone]);
    until_all(&fleet, &[&a, &b], &[0, 1, 2, 3], 3);
    restore_soon(&fleet, &b, "beside-who-went", &second);
    fleet.seeds[0].kill().unwrap();
    fleet.restore(&b, "without-it", &second);
    let third = fleet.tree("third");
    fleet.save(&a, &third);
    fleet.restore(&b, "third", &third);
    let late = fleet.node_with("late", &fleet.with_pool_file(1));
    until_all(&fleet, &[&late], &[], 3);
    fleet.restore(&late, "late", &third);
    // It knows that it went, whatever pool file it is given.
    let refused = fleet.pool.nth_seed(0, &fleet.with_pool_file(1)).map(drop).unwrap_err();
    assert!(refused.to_string().contains("the policy names no seed"), "{refused}");
}

#[test]
fn a_seed_comes_in_the_place_of_one_whose_receipts_were_needed() {
    let mut fleet = Fleet::open(3);
    let (a, b) = (fleet.node("a"), fleet.node("b"));
    let tree = fleet.tree("tree");
    fleet.seeds[2].kill().unwrap();
    fleet.save(&a, &tree);
    fleet.start(2, &NodeOptions::default());
    fleet.until_caught_up(2, 0);
    fleet.until_whole(2);
    let (key, address) = fleet.pool.further_seed().unwrap();
    let gone = fleet.seeds[0].peer.clone();
    let key = key.to_str().unwrap();
    let replace = ["add-seed", "--make-key", key, "--address", &address, "--replaces", &gone];
    fleet.change(&a, &replace);
    // Only one of the two receipts of its certificate counts now.
    restore_soon(&fleet, &b, "before-it-starts", &tree);
    fleet.start(3, &NodeOptions::default());
    until_all(&fleet, &[&a, &b], &[1, 2, 3], 2);
    fleet.until_whole(3);
    fleet.until_caught_up(3, 1);
    fleet.seeds[0].kill().unwrap();
    fleet.seeds[1].kill().unwrap();
    fleet.restore(&b, "from-the-new-one", &tree);
    let next = fleet.tree("next");
    fleet.save(&a, &next);
    fleet.restore(&b, "next", &next);
}

#[test]
fn a_lone_seed_gets_company() {
    let mut fleet = Fleet::open(1);
    let (a, b) = (fleet.node("a"), fleet.node("b"));
    let tree = fleet.tree("tree");
    fleet.save(&a, &tree);
    let (key, address) = fleet.pool.further_seed().unwrap();
    let (root, pool) = (fleet.pool.keys().join("root.pem"), fleet.pool.pool_file());
    let (key, root, pool) = (key.to_str().unwrap(), root.to_str().unwrap(), pool.to_str().unwrap());
    let add = ["pool", "add-seed", "--make-key", key, "--address", &address, "--root-key", root];
    let add = [&add[..], &["--pool", pool, "--yes", "--spread", "--timeout", "2"]].concat();
    let early = a.pollux.run(&add).unwrap();
    assert_eq!(early.status, Some(4), "both must hold it, and one is not there: {early:?}");
    assert!(early.stderr.contains("1 of 2 seeds hold it, 2 are needed"), "{early:?}");
    assert!(early.stderr.contains("is in the pool file: do not make it again"), "{early:?}");
    // So the policy before it counts on.
    fleet.restore(&b, "before", &tree);
    fleet.start(1, &NodeOptions::default());
    until_all(&fleet, &[&a, &b], &[0, 1], 2);
    fleet.until_whole(1);
    restore_soon(&fleet, &b, "with-two", &tree);
    let next = fleet.tree("next");
    fleet.save(&a, &next);
    fleet.restore(&b, "next", &next);
    let again = a.pollux.run(&["pool", "spread", "--pool", pool]).unwrap();
    assert_eq!(again.stdout, "2 of 2 seeds hold it, 2 are needed\n", "{again:?}");
}
