//! A new version: who holds the one before gives what both have in common.
use super::world::{Saved, World};
use crate::engine::JobReply;
use core::time::Duration;

const BEFORE: &str = "core/main/npm/1";
const AFTER: &str = "core/main/npm/2";

/// Chunks of a version; the first ninety of a hundred are the same in each.
fn plain(version: u8) -> Vec<Vec<u8>> {
    let name = |number| if number < 90 { format!("same {number} ") } else { format!("{version} {number} ") };
    (0..100).map(|number| name(number).bytes().cycle().take(70_000).collect()).collect()
}

fn publish(world: &mut World, host: usize, key: &str, plain: &[Vec<u8>]) -> Saved {
    let saved = world.save_of(host, (key, 1), plain);
    let signed = world.pool.sign(&saved.manifest);
    world.publish(host, 900, signed);
    assert!(world.until(|world| matches!(world.last(host, 900), Some(JobReply::Published { .. }))));
    saved
}

/// A seed, members that hold the version before, and one that only the seed has by now.
fn rolled_out(holders: usize, after: &[Vec<u8>]) -> (World, Vec<usize>, Saved) {
    let (mut world, nodes) = World::with_nodes(1, holders + 2);
    let [publisher, next, holders @ ..] = &nodes[..] else { panic!("enough nodes") };
    let before = publish(&mut world, *publisher, BEFORE, &plain(1));
    for holder in holders {
        world.resolve(*holder, 1, BEFORE, &[]);
        world.fetch_all(*holder, 1, &before);
    }
    assert!(world.until(|world| holders.iter().all(|holder| world.fetched(*holder, 1))));
    let after = publish(&mut world, *next, AFTER, after);
    world.run(Duration::from_secs(2));
    world.kill(*publisher);
    world.kill(*next);
    world.run(Duration::from_secs(1));
    (world, holders.to_vec(), after)
}

/// So many newcomers fetch it; what the seed gave, and what the holders did.
fn fetch(world: &mut World, holders: &[usize], saved: &Saved, newcomers: usize) -> (u32, u32) {
    let given = |world: &World| holders.iter().map(|holder| world.hosts[*holder].served).sum::<u32>();
    let (seed, others) = (world.hosts[0].served, given(world));
    let newcomers: Vec<usize> = (0..newcomers).map(|_| world.node()).collect();
    assert!(world.until(|world| newcomers.iter().all(|node| world.joined(*node))));
    for node in &newcomers {
        world.resolve(*node, 2, AFTER, &[]);
        world.fetch_all(*node, 2, saved);
    }
    assert!(world.until(|world| newcomers.iter().all(|node| world.fetched(*node, 2))));
    (world.hosts[0].served - seed, given(world) - others)
}

#[test]
fn holders_of_the_version_before_give_what_is_the_same() {
    let (mut world, holders, saved) = rolled_out(6, &plain(2));
    let (seed, others) = fetch(&mut world, &holders, &saved, 1);
    assert!(seed <= 25 && others >= 76, "{seed} chunks of the seed, {others} of holders");
    assert_eq!(seed + others, 101);
}

#[test]
fn a_crowd_takes_of_the_seed_about_what_is_new() {
    let (mut world, holders, saved) = rolled_out(6, &plain(2));
    let (seed, others) = fetch(&mut world, &holders, &saved, 4);
    assert!(seed <= 35 && others >= 100, "{seed} chunks of the seed, {others} of holders");
}

#[test]
fn a_version_that_shares_nothing_is_fetched_as_ever() {
    let other: Vec<Vec<u8>> =
        (0..40).map(|n: u32| format!("other {n} ").bytes().cycle().take(70_000).collect()).collect();
    let (mut world, holders, saved) = rolled_out(3, &other);
    assert_eq!(fetch(&mut world, &holders, &saved, 1), (41, 0));
}
