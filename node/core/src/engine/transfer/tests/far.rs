//! What is asked of peers and seeds in other zones.
use super::super::near::Lot;
use super::world::*;
use crate::ChunkRef;
use crate::message::ChunkSet;
use std::collections::BTreeSet;

const ME: u8 = 200;
const FAR: u8 = 101;
/// What a chunk takes over a link that is full.
const FULL: u64 = 150 * MS;

/// A world whose node has a name, with a swarm of so many chunks.
fn world(chunks: u32) -> (World, Vec<ChunkRef>) {
    let (mut world, chunks) = World::with_swarm(1, chunks - 1);
    world.transfer.set_me(peer(ME));
    (world, chunks)
}

fn member(world: &mut World, n: u8, manner: Manner, has: core::ops::Range<u32>) {
    world.member(n, manner, has);
    world.transfer.peer_is_near(peer(n), n < FAR);
}

fn far_seed(world: &mut World, n: u8, has: u32) {
    world.up(n, Manner::Honest(FULL), true);
    world.transfer.peer_is_near(peer(n), false);
    world.has(n, 1, 0..has);
}

fn part(world: &mut World, seed: u8, from: u32, to: u32) {
    world.transfer.add_part(world.now, peer(seed), manifest(1), &ChunkSet::range(from, to));
    world.drain();
}

/// A near peer gives a first chunk.
fn prove(world: &mut World, chunk: &ChunkRef) {
    world.want(job(9), core::slice::from_ref(chunk));
    world.settle();
    assert_eq!(world.given_to(9).len(), 1);
}

/// What was asked of a peer, by index, in order.
fn asked(world: &World, n: u8, chunks: &[ChunkRef]) -> Vec<usize> {
    let of_peer = world.asked.iter().filter(|(who, _)| *who == peer(n));
    of_peer.filter_map(|(_, chunk)| chunks.iter().position(|other| other == chunk)).collect()
}

/// Whether this node is the delegate for an index among it and these.
fn is_mine(index: usize, rivals: core::ops::RangeInclusive<u8>) -> bool {
    is_first(index, ME, rivals)
}

/// Whether one draws the lowest for an index among these.
fn is_first(index: usize, one: u8, others: core::ops::RangeInclusive<u8>) -> bool {
    let draw = |n| Lot::of_peer(peer(n)).draw(Lot::of_manifest(manifest(1)), u32::try_from(index).unwrap());
    others.into_iter().all(|other| draw(one) <= draw(other))
}

/// The chunks for which this node is not the delegate among it and these.
fn of_others(chunks: &[ChunkRef], rivals: &core::ops::RangeInclusive<u8>) -> Vec<ChunkRef> {
    let all = chunks.iter().enumerate();
    all.filter(|(index, _)| !is_mine(*index, rivals.clone())).map(|(_, chunk)| *chunk).collect()
}

#[test]
fn a_far_peer_is_asked_only_for_what_no_near_one_has() {
    let (mut world, chunks) = world(200);
    member(&mut world, 1, Manner::Honest(2 * MS), 0..100);
    prove(&mut world, &chunks[0]);
    member(&mut world, FAR, Manner::Honest(FULL), 0..200);
    world.want(job(1), &chunks);
    world.settle();
    assert_eq!(world.given_to(1).len(), 200);
    assert_eq!(asked(&world, FAR, &chunks).into_iter().collect::<BTreeSet<_>>(), (100..200).collect());
    assert_eq!(asked(&world, FAR, &chunks).len(), 100);
}

#[test]
fn of_what_nobody_near_has_the_delegate_asks() {
    let (mut world, chunks) = world(200);
    (1..=3).for_each(|n| member(&mut world, n, Manner::Silent, 0..0));
    (0..3).for_each(|n| member(&mut world, FAR + n, Manner::Silent, 0..200));
    world.want(job(1), &chunks);
    let asked: Vec<usize> = (0..3).flat_map(|n| asked(&world, FAR + n, &chunks)).collect();
    assert_eq!(asked.len(), 12, "their pipelines");
    assert!(asked.iter().all(|index| is_mine(*index, 1..=3)), "{asked:?}");
}

#[test]
fn what_others_are_to_bring_is_asked_for_one_at_a_time_when_nothing_comes() {
    let (mut world, chunks) = world(200);
    (1..=3).for_each(|n| member(&mut world, n, Manner::Silent, 0..0));
    member(&mut world, FAR, Manner::Honest(FULL), 0..200);
    let of_others = of_others(&chunks, &(1..=3));
    world.want(job(1), &of_others);
    world.settle();
    assert_eq!((world.given_to(1).len(), world.done(job(1))), (of_others.len(), 1));
    assert_eq!(world.most_live, 1);
}

#[test]
fn who_only_says_that_it_is_near_and_has_everything_keeps_nobody_from_asking_far() {
    let (mut world, chunks) = world(200);
    member(&mut world, 1, Manner::Silent, 0..200);
    member(&mut world, FAR, Manner::Honest(MS), 0..200);
    world.want(job(1), &chunks);
    world.run(SECOND);
    assert!(world.given_to(1).len() > 150, "{}", world.given_to(1).len());
}

#[test]
fn a_near_holder_that_gives_a_little_now_and_then_keeps_nobody_from_asking_far() {
    let (mut world, chunks) = world(200);
    member(&mut world, 1, Manner::Honest(400 * MS), 0..200);
    (0..8).for_each(|n| prove_again(&mut world, &chunks, n));
    member(&mut world, FAR, Manner::Honest(MS), 0..200);
    world.want(job(1), &chunks);
    world.run(4 * SECOND);
    assert!(world.given_to(1).len() > 150, "{}", world.given_to(1).len());
}

fn prove_again(world: &mut World, chunks: &[ChunkRef], n: usize) {
    world.want(job(9), &chunks[n..=n]);
    world.settle();
}

#[test]
fn nobody_near_keeps_a_node_from_a_far_one_whose_way_is_free() {
    let (mut world, chunks) = world(200);
    // As slow as what counts may be.
    member(&mut world, 1, Manner::Honest(140 * MS), 0..200);
    (0..8).for_each(|n| prove_again(&mut world, &chunks, n));
    (2..20).for_each(|n| member(&mut world, n, Manner::Silent, 0..0));
    member(&mut world, FAR, Manner::Honest(5 * MS), 0..200);
    world.want(job(1), &chunks);
    world.run(4 * SECOND);
    assert_eq!(world.done(job(1)), 1, "{} of 200", world.given_to(1).len());
}

#[test]
fn a_near_holder_that_falls_silent_is_replaced_by_a_far_one() {
    let (mut world, chunks) = world(60);
    member(&mut world, 1, Manner::Honest(MS), 0..60);
    prove(&mut world, &chunks[0]);
    world.set_manner(1, Manner::Silent);
    member(&mut world, FAR, Manner::Honest(MS), 0..60);
    world.want(job(1), &chunks);
    world.settle();
    assert_eq!((world.given_to(1).len(), world.done(job(1))), (60, 1));
}

#[test]
fn of_far_seeds_only_their_parts_are_taken_and_each_chunk_of_one_of_them() {
    let (mut world, chunks) = world(200);
    let seeds = [FAR, FAR + 1, FAR + 2];
    for seed in seeds {
        far_seed(&mut world, seed, 200);
        part(&mut world, seed, 0, 20);
    }
    // Only a seed that gives is left what it draws for.
    world.want(job(9), &chunks[..20]);
    world.settle();
    seeds.into_iter().for_each(|seed| part(&mut world, seed, 20, 60));
    member(&mut world, FAR + 3, Manner::Honest(FULL), 0..200);
    world.want(job(1), &chunks);
    while world.given_to(1).len() < 38 {
        world.run(MS / 4);
    }
    let since =
        |n| asked(&world, FAR + n, &chunks).into_iter().filter(|index| *index >= 20).collect::<Vec<_>>();
    let of_each: Vec<Vec<usize>> = (0..3).map(since).collect();
    let all: Vec<usize> = of_each.concat();
    assert!(all.iter().all(|index| (20..60).contains(index)), "{all:?}");
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "each once");
    assert!(of_each.iter().all(|of_one| of_one.len() > 4), "{of_each:?}");
    for (seed, of_one) in (FAR..).zip(&of_each) {
        assert!(of_one.iter().all(|index| is_first(*index, seed, FAR..=FAR + 2)), "{seed} of {of_each:?}");
    }
    let of_peer = asked(&world, FAR + 3, &chunks).len();
    assert!(
        of_peer <= 2,
        "seeds name all to somebody in each zone, but for what is tried now and then: {of_peer}"
    );
    world.settle();
    assert_eq!(world.given_to(1).len(), 200, "nothing hangs");
}

#[test]
fn a_second_copy_is_asked_of_a_far_peer_only_where_the_first_says_nothing() {
    let copies = |manner| {
        let (mut world, chunks) = world(40);
        member(&mut world, 1, Manner::Honest(MS), 0..40);
        prove(&mut world, &chunks[0]);
        member(&mut world, FAR, Manner::Honest(MS), 0..40);
        world.want(job(1), &chunks[..20]);
        world.settle();
        world.set_manner(1, manner);
        let before = world.asked_of(FAR);
        world.want(job(1), &chunks[20..21]);
        world.run(SECOND + SECOND / 2);
        world.asked_of(FAR) - before
    };
    assert_eq!((copies(Manner::Honest(SECOND * 3 / 4)), copies(Manner::Silent)), (0, 1));
}

#[test]
fn who_turns_out_to_be_far_is_asked_like_one() {
    let (mut world, chunks) = world(200);
    (1..=3).for_each(|n| member(&mut world, n, Manner::Silent, 0..0));
    world.member(FAR, Manner::Silent, 0..0);
    world.transfer.peer_is_near(peer(FAR), true);
    world.want(job(1), &chunks);
    world.has(FAR, 1, 0..200);
    world.transfer.peer_is_near(peer(FAR), false);
    world.drain();
    let asked = asked(&world, FAR, &chunks);
    assert!(asked.len() == 4 && asked.iter().all(|index| is_mine(*index, 1..=3)), "{asked:?}");
}

#[test]
fn what_is_under_way_and_does_not_come_keeps_nobody_from_asking_far() {
    let (mut world, chunks) = world(200);
    (1..=3).for_each(|n| member(&mut world, n, Manner::Silent, 0..0));
    world.has(1, 1, 0..199);
    member(&mut world, FAR, Manner::Honest(MS), 0..200);
    world.want(job(1), &of_others(&chunks, &(1..=3)));
    world.run(2 * SECOND);
    assert!(world.asked_of(1) > 0 && !world.given_to(1).is_empty());
}

#[test]
fn who_turns_out_to_be_near_is_asked_like_one() {
    let (mut world, chunks) = world(40);
    (1..=3).for_each(|n| member(&mut world, n, Manner::Silent, 0..0));
    member(&mut world, FAR, Manner::Honest(MS), 0..40);
    world.want(job(1), &chunks);
    world.run(3 * MS);
    world.transfer.peer_is_near(peer(FAR), true);
    world.settle();
    let mine = (0..40).filter(|index| is_mine(*index, 1..=3)).count();
    assert!(world.most_live > 1 && mine < 40);
    assert_eq!(world.given_to(1).len(), 40);
}

#[test]
fn a_seed_pulls_from_far_as_from_near() {
    let (mut world, chunks) = world(200);
    world.transfer.spare_uplink();
    (1..=3).for_each(|n| member(&mut world, n, Manner::Silent, 0..0));
    member(&mut world, FAR, Manner::Silent, 0..200);
    let of_others = of_others(&chunks, &(1..=3));
    world.want(pull(1), &of_others);
    assert_eq!(world.live.len(), 4, "what it pulls has to be safe soon");
}
