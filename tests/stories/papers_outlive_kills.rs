//! What everything is judged by is on disk before it counts: `kill -9` of all daemons forgets no yank and no policy; nor does
//! a seed whose disk is lost, for long.

use crate::fleet::{Fleet, policy_version};
use crate::scene::{Node, until};

fn outlive(seeds: usize) {
    let mut fleet = Fleet::open(seeds);
    let (a, b) = (fleet.node("a"), fleet.node("b"));
    let (good, poisoned) = (fleet.tree("good"), fleet.tree("poisoned"));
    fleet.save(&a, &good);
    let bad = fleet.save(&a, &poisoned);
    fleet.restore(&b, "before", &poisoned);
    fleet.change(&a, &["renew", "--policy-days", "300"]);
    fleet.yank(&a, &bad);
    let agree = |node: &Node| {
        node.until("both are known", |status| {
            policy_version(status) == Some(2) && status["engine"]["yanks"] == 1
        });
    };
    agree(&a);
    agree(&b);
    for mut node in [a, b] {
        node.daemon.kill().unwrap();
    }
    fleet.seeds.iter_mut().for_each(|seed| seed.kill().unwrap());
    // All that they are started with is as old as the pool.
    let old = fleet.with_pool_file(1);
    let alone = fleet.pool.node("b", &old).unwrap();
    let alone = Node { pollux: fleet.pool.pollux(&alone), daemon: alone };
    let status = alone.pollux.status().unwrap();
    assert_eq!(policy_version(&status), Some(2), "nobody else is there to tell");
    assert_eq!(status["engine"]["yanks"], 1);
    (0..seeds).for_each(|seed| fleet.start(seed, &old));
    for seed in 0..seeds {
        fleet.until_whole(seed);
        let status = fleet.status(seed);
        assert_eq!((policy_version(&status), &status["engine"]["yanks"]), (Some(2), &1.into()));
    }
    alone.until("joined", |status| status["engine"]["joined"] == true);
    fleet.restore(&alone, "after", &good);
    let fresh = fleet.node_with("fresh", &old);
    until("it follows", || policy_version(&fresh.pollux.status().unwrap()) == Some(2));
    fleet.restore(&fresh, "fresh-after", &good);
}

#[test]
fn papers_outlive_kill_9_of_a_pool_of_one_seed() {
    outlive(1);
}

#[test]
fn papers_outlive_kill_9_of_a_pool_of_three_seeds() {
    outlive(3);
}

/// As the runbook says it for the only seed; its pool file is as old as the pool.
#[test]
fn a_lone_seed_that_lost_its_disk_has_policy_and_yanks_again() {
    let mut fleet = Fleet::open(1);
    let a = fleet.node("a");
    let (good, poisoned) = (fleet.tree("good"), fleet.tree("poisoned"));
    let bad = fleet.save(&a, &poisoned);
    fleet.change(&a, &["renew", "--policy-days", "300"]);
    fleet.yank(&a, &bad);
    a.until("it is known", |status| status["engine"]["yanks"] == 1 && policy_version(status) == Some(2));
    fleet.seeds[0].kill().unwrap();
    std::fs::remove_dir_all(fleet.path("seed/store")).unwrap();
    fleet.pool.accept_loss(0).unwrap();
    fleet.start(0, &fleet.with_pool_file(1));
    until("its node hands them back", || {
        let status = fleet.status(0);
        (policy_version(&status), &status["engine"]["yanks"]) == (Some(2), &1.into())
    });
    let fresh = fleet.node_with("fresh", &fleet.with_pool_file(1));
    fresh.until("who boots later hears of it", |status| status["engine"]["yanks"] == 1);
    fleet.save(&fresh, &good);
    fleet.restore(&a, "after", &good);
}
