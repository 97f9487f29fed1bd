//! Seeds come and go by policy, while the pool runs.

use crate::fleet::{Fleet, policy_version};
use crate::scene::{Node, until};
use pollux_tests::NodeOptions;

/// Until nodes and seeds go by this policy.
fn until_all(fleet: &Fleet, nodes: &[&Node], seeds: &[usize], version: u64) {
    for node in nodes {
        node.until("the node goes by it", |status| policy_version(status) == Some(version));
    }
    for seed in seeds {
        until("the seed goes by it", || policy_version(&fleet.status(*seed)) == Some(version));
    }
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
    fleet.restore(&b, "between-policy-and-seed", &first);
    fleet.start(3, &NodeOptions::default());
    until_all(&fleet, &[&a, &b], &[0, 1, 2, 3], 2);
    fleet.until_whole(3);
    fleet.until_caught_up(3, 0);
    fleet.restore(&b, "with-four", &first);
    let second = fleet.tree("second");
    fleet.save(&a, &second);
    fleet.restore(&b, "second", &second);
    let gone = fleet.seeds[0].peer.clone();
    fleet.change(&b, &["remove-seed", &gone]);
    until_all(&fleet, &[&a, &b], &[1, 2, 3], 3);
    fleet.seeds[0].kill().unwrap();
    fleet.restore(&b, "without-it", &second);
    let third = fleet.tree("third");
    fleet.save(&a, &third);
    fleet.restore(&b, "third", &third);
    let late = fleet.node_with("late", &fleet.with_pool_file(1));
    until_all(&fleet, &[&late], &[], 3);
    fleet.restore(&late, "late", &third);
}
