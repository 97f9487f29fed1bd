//! Which chunk is asked of whom.
use super::world::*;
use crate::limits::FETCHES_PER_PEER_MAX;
use std::collections::BTreeSet;

#[test]
fn rare_chunks_are_asked_for_first() {
    let (mut world, chunks) = World::with_swarm(1, 299);
    (1..=5).for_each(|n| world.member(n, Manner::Silent, 0..200));
    world.member(6, Manner::Honest(MS), 0..300);
    // The others' pipelines fill with what they have; the sixth has 100 chunks that nobody else has.
    world.want(job(1), &chunks);
    world.run(60 * MS);
    let order: Vec<usize> = world
        .asked
        .iter()
        .filter(|(who, _)| *who == peer(6))
        .filter_map(|(_, chunk)| chunks.iter().position(|other| other == chunk))
        .collect();
    let rare = order.iter().filter(|&&index| index >= 200).count();
    assert!(order.len() > 30 && rare * 10 > order.len() * 8, "{rare} of {} are rare", order.len());
}

#[test]
fn the_first_chunks_differ_from_node_to_node() {
    let firsts = (0..20).map(|seed| {
        let (mut world, chunks) = World::with_swarm(seed, 999);
        world.member(1, Manner::Silent, 0..1000);
        world.want(job(1), &chunks);
        world.asked[0].1
    });
    assert!(firsts.collect::<BTreeSet<_>>().len() > 15);
}

#[test]
fn a_quick_peer_is_asked_more_than_a_slow_one() {
    let (mut world, chunks) = World::with_swarm(2, 999);
    world.member(1, Manner::Honest(MS), 0..1000);
    world.member(2, Manner::Honest(20 * MS), 0..1000);
    world.want(job(1), &chunks);
    world.settle();
    let (quick, slow) = (world.asked_of(1), world.asked_of(2));
    assert!(quick > 10 * slow, "{quick} and {slow}");
}

/// Eight peers of each kind that have everything, more than can be busy at once; how much was asked of each kind.
fn asked_of_near_and_far(near: u64, far: u64) -> (usize, usize) {
    let (mut world, chunks) = World::with_swarm(2, 999);
    for n in 1..=8 {
        world.member(n, Manner::Honest(near), 0..1000);
        world.transfer.peer_is_near(peer(n), true);
        world.member(100 + n, Manner::Honest(far), 0..1000);
    }
    world.want(job(1), &chunks);
    world.settle();
    let asked = |first: u8| (first..first + 8).map(|n| world.asked_of(n)).sum();
    (asked(1), asked(101))
}

#[test]
fn a_near_peer_is_preferred_to_a_far_one_that_is_not_much_quicker() {
    let (near, far) = asked_of_near_and_far(10 * MS, 10 * MS);
    assert!(near * 10 > far * 12, "{near} and {far}");
}

#[test]
fn a_far_peer_that_is_much_quicker_is_preferred() {
    let (near, far) = asked_of_near_and_far(20 * MS, 2 * MS);
    assert!(far > 4 * near, "{near} and {far}");
}

#[test]
fn the_pipeline_grows_with_success_and_is_bounded() {
    let (mut world, chunks) = World::with_swarm(3, 499);
    world.member(1, Manner::Honest(MS), 0..500);
    world.want(job(1), &chunks);
    assert_eq!(world.live.len(), 4);
    world.run(200 * MS);
    let window =
        world.transfer.peers.find(peer(1)).and_then(|no| world.transfer.peers.get(no)).unwrap().window;
    assert!(window > 8 && window <= u32::try_from(FETCHES_PER_PEER_MAX).unwrap(), "{window}");
}

#[test]
fn a_seed_is_spared_while_peers_are_free() {
    let (mut world, chunks) = World::with_swarm(4, 3);
    world.up(9, Manner::Honest(MS), true);
    world.has(9, 1, 0..4);
    world.member(1, Manner::Honest(50 * MS), 0..3);
    world.want(job(1), &chunks);
    assert_eq!((world.asked_of(1), world.asked_of(9)), (3, 1));
    world.settle();
    let by_seed = world.given.iter().filter(|given| given.source == crate::engine::Source::Seed);
    assert_eq!(by_seed.map(|given| given.chunk).collect::<Vec<_>>(), [chunks[3]]);
}

#[test]
fn a_seed_helps_while_peers_are_busy() {
    let (mut world, chunks) = World::with_swarm(5, 99);
    world.up(9, Manner::Honest(MS), true);
    world.has(9, 1, 0..100);
    world.member(1, Manner::Honest(20 * MS), 0..100);
    world.want(job(1), &chunks);
    world.settle();
    assert_eq!(world.given_to(1).len(), 100);
    assert!(world.asked_of(9) > 60, "{}", world.asked_of(9));
}

#[test]
fn news_of_a_holder_is_acted_on_at_once() {
    let (mut world, chunks) = World::with_swarm(6, 9);
    world.member(1, Manner::Honest(MS), 0..0);
    world.want(job(1), &chunks);
    world.run(100 * MS);
    assert!(world.asked.is_empty());
    world.has(1, 1, 3..5);
    world.run(100 * MS);
    assert_eq!(world.sorted_given_to(1), {
        let mut two = vec![chunks[3], chunks[4]];
        two.sort();
        two
    });
    world.has(1, 1, 0..10);
    world.settle();
    assert_eq!((world.given_to(1).len(), world.done(job(1))), (10, 1));
}

#[test]
fn the_holder_of_an_offer_is_asked_whatever_it_announced() {
    let (mut world, chunks) = World::with_swarm(7, 9);
    world.member(1, Manner::Honest(MS), 0..1);
    world.member(2, Manner::Honest(MS), 0..5);
    world.transfer.want(world.now, pull(1), manifest(1), &chunks, Some(peer(1)));
    world.settle();
    assert_eq!((world.done(pull(1)), world.store.len()), (1, 10));
    assert!(world.asked_of(1) >= 5 && world.asked_of(2) > 0);
}

#[test]
fn a_peer_of_another_swarm_serves_the_same_chunk() {
    let mut world = World::new(8);
    let chunks = world.open(1, 5);
    let other = world.chunks(900..901);
    // Swarm 2 lists the chunks of swarm 1 behind its own tree, one of them twice.
    world.transfer.open_swarm(manifest(2), &other, 7);
    let listed: Vec<_> = chunks.iter().chain(&chunks[..1]).copied().collect();
    world.transfer.set_content(manifest(2), &listed);
    world.up(1, Manner::Honest(MS), false);
    world.has(1, 2, 1..8);
    world.want(job(1), &chunks);
    world.settle();
    assert_eq!((world.given_to(1).len(), world.asked.len()), (6, 6));
    let held = world.transfer.held_of(manifest(2));
    assert_eq!((held.len(), held.contains(0), held.contains(7)), (7, false, true));
}

#[test]
fn many_peers_and_chunks_stay_cheap() {
    let (mut world, chunks) = World::with_swarm(9, 19_999);
    (1..=64).for_each(|n| world.member(n, Manner::Honest(MS), 0..20_000));
    world.want(job(1), &chunks);
    world.settle();
    assert_eq!((world.given_to(1).len(), world.asked.len()), (20_000, 20_000));
}

#[test]
fn the_quicker_of_two_is_asked() {
    let (mut world, chunks) = World::with_swarm(10, 99);
    world.member(1, Manner::Honest(5 * MS), 0..100);
    world.member(2, Manner::Honest(30 * MS), 0..100);
    for chunk in &chunks {
        world.want(job(1), core::slice::from_ref(chunk));
        world.run(100 * MS);
    }
    assert!(world.asked_of(1) > 90, "{}", world.asked_of(1));
}
