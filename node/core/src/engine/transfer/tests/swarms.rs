//! Index spaces, members and their claims.
use super::world::*;
use crate::engine::FetchEnd;
use crate::message::ChunkSet;
use crate::{ChunkRef, engine::FetchFailure};

/// A swarm of ten indices of which only the first, the tree, is known.
fn closed_tree(rng_seed: u64) -> (World, Vec<ChunkRef>) {
    let mut world = World::new(rng_seed);
    let chunks = world.chunks(0..10);
    world.transfer.open_swarm(manifest(1), &chunks[..1], 9);
    (world, chunks)
}

#[test]
fn unlisted_chunks_are_asked_of_whole_holders_only() {
    let (mut world, chunks) = closed_tree(1);
    world.member(1, Manner::Honest(MS), 0..9);
    world.want(job(1), &chunks[1..]);
    world.run(SECOND);
    assert!(world.asked.is_empty());
    world.up(9, Manner::Honest(MS), true);
    world.has(9, 1, 0..10);
    world.settle();
    assert_eq!((world.asked_of(1), world.asked_of(9), world.done(job(1))), (0, 9, 1));
}

/// A sparse file repeats one chunk as often as it is long. If every repeat cost a walk over all of them, this would take
/// minutes.
#[test]
fn a_tree_that_repeats_one_chunk_is_no_more_work_than_another() {
    const REPEATS: u32 = 400_000;
    let mut world = World::new(1);
    let chunk = world.chunks(0..1);
    let content: Vec<ChunkRef> = (0..REPEATS).map(|_| chunk[0]).collect();
    world.transfer.open_swarm(manifest(1), &chunk, REPEATS);
    world.transfer.set_content(manifest(1), &content);
    world.transfer.note_held(&mut content.iter().map(|chunk| chunk.id));
    assert!(world.transfer.is_whole(manifest(1)));
    world.transfer.close_swarm(manifest(1));
    assert!(!world.transfer.is_whole(manifest(1)));
}

#[test]
fn unlisted_chunks_are_listed_later() {
    let (mut world, chunks) = closed_tree(2);
    world.member(1, Manner::Honest(MS), 0..9);
    world.want(job(1), &chunks);
    world.run(SECOND);
    assert_eq!(world.given_to(1), chunks[..1]);
    world.transfer.set_content(manifest(1), &chunks[1..]);
    world.run(SECOND);
    assert_eq!(world.given_to(1).len(), 9);
    world.settle();
    assert_eq!(world.failures(job(1)), [(chunks[9], FetchEnd::NoHolder)]);
}

#[test]
fn a_whole_holder_that_lacks_an_unlisted_chunk_is_asked_once() {
    let (mut world, chunks) = closed_tree(3);
    let missing = Manner::Fails(FetchFailure::Declined(crate::message::Decline::Missing));
    world.member(1, missing, 0..10);
    world.want(job(1), &chunks[1..3]);
    world.settle();
    assert_eq!(world.asked_of(1), 2);
    assert_eq!(world.failures(job(1)), [(chunks[1], FetchEnd::NoHolder), (chunks[2], FetchEnd::NoHolder)]);
}

#[test]
fn nobody_is_blamed_for_the_length_of_an_unlisted_chunk() {
    let (mut world, chunks) = closed_tree(4);
    world.member(1, Manner::Fails(FetchFailure::TooLong), 0..10);
    world.want(job(1), &[ChunkRef { bytes: 5, ..chunks[1] }]);
    world.settle();
    assert_eq!((world.junk_from(1), world.failures(job(1)).len()), (0, 1));
}

#[test]
fn a_job_cannot_want_more_unlisted_chunks_than_there_are() {
    let (mut world, _) = closed_tree(5);
    let nonsense = world.chunks(500..600);
    world.want(job(1), &nonsense);
    assert_eq!(world.failures(job(1)).len(), 90);
}

#[test]
fn what_a_known_tree_does_not_list_fails_at_once() {
    let (mut world, chunks) = World::with_swarm(6, 3);
    world.member(1, Manner::Honest(MS), 0..4);
    let wrong = [ChunkRef { bytes: 99, ..chunks[1] }, ChunkRef { bytes: 0, ..chunks[1] }];
    world.want(job(1), &wrong);
    assert_eq!(world.failures(job(1)).len(), 2);
    assert!(world.asked.is_empty());
}

#[test]
fn two_lengths_of_one_name_do_not_meet() {
    let (mut world, chunks) = World::with_swarm(7, 1);
    let lie = ChunkRef { bytes: 7, ..chunks[1] };
    world.transfer.open_swarm(manifest(2), &[lie], 0);
    world.member(1, Manner::Honest(MS), 0..2);
    world.want(job(1), &chunks);
    world.settle();
    assert_eq!(world.given_to(1).len(), 2);
}

#[test]
fn strangers_and_closed_swarms_are_ignored() {
    let (mut world, chunks) = World::with_swarm(8, 3);
    world.has(1, 1, 0..4);
    world.up(2, Manner::Honest(MS), false);
    world.has(2, 5, 0..4);
    world.want(job(1), &chunks);
    world.run(SECOND);
    assert!(world.asked.is_empty());
}

#[test]
fn who_leaves_a_swarm_is_not_asked() {
    let (mut world, chunks) = World::with_swarm(9, 99);
    world.member(1, Manner::Honest(MS), 0..100);
    world.want(job(1), &chunks);
    world.run(10 * MS);
    world.transfer.peer_left(world.now, peer(1), manifest(1));
    let asked = world.asked.len();
    world.run(SECOND);
    assert_eq!(world.asked.len(), asked);
    world.has(1, 1, 0..100);
    world.settle();
    assert_eq!(world.given_to(1).len(), 100);
}

#[test]
fn a_closed_swarm_leaves_nothing_behind() {
    let (mut world, chunks) = World::with_swarm(10, 99);
    world.member(1, Manner::Honest(MS), 0..50);
    world.want(job(1), &chunks);
    world.run(10 * MS);
    world.transfer.close_swarm(manifest(1));
    world.settle();
    assert!(world.live.is_empty() && world.transfer.held_of(manifest(1)).is_empty());
    assert_eq!(world.given_to(1).len() + world.failures(job(1)).len(), 100);
    world.leave(job(1));
    assert!(chunks.iter().all(|chunk| world.transfer.table.find(chunk).is_none()));
    assert_eq!(world.transfer.swarms.wanted().count(), 0);
}

#[test]
fn opening_and_listing_again_changes_nothing() {
    let (mut world, chunks) = World::with_swarm(11, 3);
    world.hold(&chunks[..2]);
    world.transfer.open_swarm(manifest(1), &chunks[..1], 3);
    world.transfer.set_content(manifest(1), &chunks);
    assert_eq!(world.transfer.held_of(manifest(1)), ChunkSet::range(0, 2));
}

#[test]
fn late_answers_about_ended_fetches_are_ignored() {
    let (mut world, chunks) = World::with_swarm(12, 0);
    world.member(1, Manner::Silent, 0..1);
    world.want(job(1), &chunks);
    let (&fetch, _) = world.live.first_key_value().unwrap();
    world.leave(job(1));
    let (now, transfer) = (world.now, &mut world.transfer);
    transfer.frame_arrived(now, fetch, 100);
    transfer.fetch_failed(now, fetch, FetchFailure::Broken);
    transfer.checked(now, fetch, Err(crate::ChunkFault::WrongHash));
    transfer.kept(now, fetch, Ok(()));
    world.settle();
    assert_eq!((world.junk_from(1), world.transfer.fetches()), (0, 0));
}
