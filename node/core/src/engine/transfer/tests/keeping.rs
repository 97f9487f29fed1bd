//! What was fetched is kept; and when the store refuses, jobs are served all the same.
use super::world::*;
use crate::engine::transfer::TransferOutput;
use crate::engine::{Credit, JobId, StoreFailure};

#[test]
fn whatever_is_fetched_is_kept() {
    let (mut world, chunks) = World::with_swarm(1, 9);
    world.member(1, Manner::Honest(MS), 0..10);
    world.want(job(1), &chunks[..5]);
    world.settle();
    assert_eq!(world.store.len(), 5);
    assert_eq!(world.transfer.held_of(manifest(1)), crate::message::ChunkSet::range(0, 5));
}

#[test]
fn a_full_store_does_not_stop_a_job() {
    for why in [StoreFailure::Full, StoreFailure::Broken] {
        let (mut world, chunks) = World::with_swarm(2, 99);
        world.member(1, Manner::Honest(MS), 0..100);
        world.refuses = Some(why);
        world.want(job(1), &chunks);
        world.settle();
        assert_eq!((world.given_to(1).len(), world.done(job(1)), world.live.len()), (100, 1, 0));
        assert!(world.given.iter().all(|given| given.fetch.is_some()));
        assert!(world.transfer.held_of(manifest(1)).is_empty());
    }
}

#[test]
fn a_full_store_fails_a_pull() {
    let (mut world, chunks) = World::with_swarm(3, 9);
    world.member(1, Manner::Honest(MS), 0..10);
    world.refuses = Some(StoreFailure::Full);
    world.want(job(1), &chunks);
    world.want(pull(1), &chunks);
    world.settle();
    let told = world
        .said
        .iter()
        .filter(|said| matches!(said, TransferOutput::NotKept { why: StoreFailure::Full, .. }));
    assert_eq!(told.count(), 1);
    assert_eq!((world.done(pull(1)), world.done(job(1)), world.live.len()), (0, 1, 0));
}

#[test]
fn a_pull_that_comes_after_the_refusal_fails_too() {
    let (mut world, chunks) = World::with_swarm(4, 0);
    world.member(1, Manner::Honest(MS), 0..1);
    world.refuses = Some(StoreFailure::Full);
    world.generous = false;
    world.want(job(1), &chunks);
    world.run(SECOND);
    assert_eq!(world.live.len(), 1, "the buffer waits for the job");
    world.want(pull(1), &chunks);
    assert!(world.said.iter().any(|said| matches!(said, TransferOutput::NotKept { .. })));
    world.grant(Credit::Deliver { job: JobId(1), bytes: 100 });
    world.drain();
    assert_eq!((world.given.len(), world.live.len(), world.done(job(1))), (1, 0, 1));
}

#[test]
fn what_is_lost_before_it_was_given_is_fetched_again() {
    let (mut world, chunks) = World::with_swarm(5, 0);
    world.member(1, Manner::Honest(MS), 0..1);
    world.generous = false;
    world.want(job(1), &chunks);
    world.run(SECOND);
    assert_eq!((world.store.len(), world.live.len()), (1, 0));
    world.lose(chunks[0]);
    world.grant(Credit::Deliver { job: JobId(1), bytes: 100 });
    world.run(SECOND);
    assert_eq!((world.given.len(), world.asked.len(), world.done(job(1))), (1, 2, 1));
}

#[test]
fn two_who_wait_for_a_lost_chunk_get_it_once_each() {
    let (mut world, chunks) = World::with_swarm(6, 0);
    world.member(1, Manner::Honest(MS), 0..1);
    world.generous = false;
    world.want(job(1), &chunks);
    world.want(job(2), &chunks);
    world.run(SECOND);
    world.lose(chunks[0]);
    world.grant(Credit::Deliver { job: JobId(1), bytes: 1000 });
    world.run(SECOND);
    world.grant(Credit::Deliver { job: JobId(2), bytes: 1000 });
    world.run(SECOND);
    assert_eq!((world.given_to(1).len(), world.given_to(2).len(), world.asked.len()), (1, 1, 2));
}

#[test]
fn what_is_held_already_counts_for_a_pull() {
    let (mut world, chunks) = World::with_swarm(7, 9);
    world.hold(&chunks[..5]);
    world.member(1, Manner::Honest(MS), 0..10);
    world.want(pull(1), &chunks);
    world.settle();
    assert_eq!((world.asked.len(), world.done(pull(1))), (5, 1));
    let last = world.said.iter().rev().find_map(|said| {
        let &TransferOutput::Progress { have, of, .. } = said else { return None };
        Some((have, of))
    });
    assert_eq!(last, Some((10, 10)));
}

#[test]
fn a_pull_whose_chunks_are_all_held_is_done_at_once() {
    let (mut world, chunks) = World::with_swarm(8, 4);
    world.hold(&chunks);
    world.want(pull(1), &chunks);
    assert_eq!(world.done(pull(1)), 1);
}
