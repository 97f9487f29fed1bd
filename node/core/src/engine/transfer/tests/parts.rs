//! What a seed says is to be taken of it is taken of it; in a crowd nothing else is.
use super::world::*;
use crate::engine::transfer::TransferOutput;
use crate::engine::transfer::limits::{
    CROWD_HOLDERS, HAVE_BYTES_PER_PEER_MAX, PART_WAIT_MAX, SEEDS_HELP_BELOW,
};
use crate::message::ChunkSet;

const SEED: u8 = 9;

fn seed(world: &mut World, has: u32) {
    world.up(SEED, Manner::Honest(MS), true);
    world.has(SEED, 1, 0..has);
}

fn part(world: &mut World, from: u32, to: u32) {
    world.transfer.add_part(world.now, peer(SEED), manifest(1), &ChunkSet::range(from, to));
    world.drain();
}

/// Chunks asked of the seed, by their index, in order.
fn asked(world: &World, chunks: &[crate::ChunkRef]) -> Vec<u32> {
    let of_seed = world.asked.iter().filter(|(who, _)| *who == peer(SEED));
    let indices = of_seed.filter_map(|(_, chunk)| chunks.iter().position(|other| other == chunk));
    indices.map(|index| u32::try_from(index).unwrap()).collect()
}

fn parts_asked_for(world: &World) -> usize {
    world.said.iter().filter(|said| matches!(said, TransferOutput::PartUsed { .. })).count()
}

/// A seed with 200 chunks, and peers that keep enough under way and have none of the chunks that are looked at.
fn crowd() -> (World, Vec<crate::ChunkRef>) {
    let (mut world, chunks) = World::with_swarm(1, 199);
    for n in 1..=4 {
        world.member(n, Manner::Silent, 150..200);
    }
    seed(&mut world, 200);
    (world, chunks)
}

#[test]
fn in_a_crowd_only_the_part_is_taken_of_the_seed() {
    let (mut world, chunks) = crowd();
    part(&mut world, 20, 30);
    world.want(job(1), &chunks);
    world.run(50 * MS);
    let mut taken = asked(&world, &chunks);
    taken.sort_unstable();
    assert_eq!(taken, (20..30).collect::<Vec<_>>());
    assert_eq!(parts_asked_for(&world), 1, "once, though nothing came");
    part(&mut world, 40, 42);
    world.run(50 * MS);
    assert_eq!(asked(&world, &chunks).len(), 12);
    assert_eq!(parts_asked_for(&world), 2);
}

#[test]
fn the_next_part_is_asked_for_before_the_last_is_here() {
    let (mut world, chunks) = crowd();
    part(&mut world, 0, 12);
    world.want(job(1), &chunks);
    while parts_asked_for(&world) == 0 {
        world.run(MS);
    }
    assert_eq!(
        asked(&world, &chunks).len(),
        12,
        "not sooner: it may take long, and others take it meanwhile"
    );
    assert!(
        world.live.len() > 4 * 4,
        "what was asked of the seed last is under way, with what was asked of peers"
    );
}

#[test]
fn a_part_that_many_have_by_now_is_not_taken_of_the_seed() {
    let (mut world, chunks) = crowd();
    for n in 20..20 + u8::try_from(CROWD_HOLDERS).unwrap() {
        world.member(n, Manner::Silent, 20..30);
    }
    part(&mut world, 20, 30);
    world.want(job(1), &chunks);
    world.run(20 * MS);
    assert!(asked(&world, &chunks).is_empty());
}

#[test]
fn who_has_too_little_under_way_takes_what_it_lacks_unless_the_seed_is_about_to_name_it() {
    let (mut world, chunks) = World::with_swarm(1, 99);
    seed(&mut world, 100);
    part(&mut world, 10, 12);
    world.want(job(1), &chunks);
    assert!(world.live.len() <= SEEDS_HELP_BELOW);
    let wait = u64::try_from(PART_WAIT_MAX.as_micros()).unwrap();
    world.run(wait - 100 * MS);
    assert_eq!((asked(&world, &chunks).len(), parts_asked_for(&world)), (2, 1));
    world.run(200 * MS);
    assert!(asked(&world, &chunks).len() > 2, "the seed says nothing");
    world.settle();
    assert_eq!(asked(&world, &chunks).len(), 100, "there is nobody else");
}

#[test]
fn what_a_seed_names_at_once_is_taken_at_once() {
    let (mut world, chunks) = World::with_swarm(1, 99);
    seed(&mut world, 100);
    let began = world.now;
    world.want(job(1), &chunks);
    for from in (0..100).step_by(10) {
        part(&mut world, from, from + 10);
        world.run(20 * MS);
    }
    let mut taken = asked(&world, &chunks);
    assert!(world.now.since(began) < PART_WAIT_MAX);
    taken.sort_unstable();
    assert_eq!(taken, (0..100).collect::<Vec<_>>());
}

#[test]
fn a_part_of_a_stranger_a_peer_or_an_unknown_manifest_is_ignored() {
    let (mut world, _) = crowd();
    for (who, what) in [(peer(77), manifest(1)), (peer(1), manifest(1)), (peer(SEED), manifest(8))] {
        world.transfer.add_part(world.now, who, what, &ChunkSet::range(0, 9));
    }
    let swarm = world.transfer.swarms.find(manifest(1)).unwrap();
    let none = |n| {
        let no = world.transfer.peers.find(peer(n)).unwrap();
        world.transfer.swarms.get(swarm).unwrap().part(no).is_none()
    };
    assert!(none(1) && none(SEED));
}

#[test]
fn parts_with_nothing_of_use_are_asked_for_at_a_pace() {
    let (mut world, chunks) = crowd();
    world.hold(&chunks[..100]);
    part(&mut world, 0, 10);
    world.want(job(1), &chunks);
    for _ in 0..100 {
        world.run(MS);
        part(&mut world, 0, 10);
    }
    let asked = parts_asked_for(&world);
    assert!((8..=11).contains(&asked), "{asked} times in 100 ms");
}

#[test]
fn the_next_part_is_asked_for_though_nothing_else_happens() {
    let (mut world, chunks) = crowd();
    world.hold(&chunks[..150]);
    world.want(job(1), &chunks);
    part(&mut world, 0, 10);
    part(&mut world, 10, 20);
    assert_eq!(parts_asked_for(&world), 1);
    world.run(11 * MS);
    assert_eq!(parts_asked_for(&world), 2);
}

#[test]
fn memory_for_parts_counts_and_is_given_back() {
    let (mut world, _) = crowd();
    let no = world.transfer.peers.find(peer(SEED)).unwrap();
    let room = |world: &World| world.transfer.peers.has_room(no, HAVE_BYTES_PER_PEER_MAX);
    assert!(room(&world), "all of a swarm takes none");
    part(&mut world, 0, 9);
    assert!(!room(&world));
    world.transfer.close_swarm(manifest(1));
    assert!(room(&world));
}

#[test]
fn a_seed_that_is_gone_leaves_nothing_behind() {
    let (mut world, _) = crowd();
    part(&mut world, 0, 9);
    let (swarm, no) =
        (world.transfer.swarms.find(manifest(1)).unwrap(), world.transfer.peers.find(peer(SEED)).unwrap());
    world.transfer.peer_gone(world.now, peer(SEED));
    assert!(world.transfer.swarms.get(swarm).unwrap().part(no).is_none());
}
