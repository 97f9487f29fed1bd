//! When nothing moves, wanters are told.
use super::world::*;
use crate::engine::FetchEnd;
use crate::engine::transfer::limits::NO_PROGRESS;

#[test]
fn a_chunk_that_nobody_has_fails_after_a_while() {
    let (mut world, chunks) = World::with_swarm(1, 5);
    world.member(1, Manner::Honest(MS), 0..5);
    world.want(job(1), &chunks);
    world.run(9 * SECOND);
    assert_eq!((world.given_to(1).len(), world.failures(job(1)).len()), (5, 0));
    world.run(2 * SECOND);
    assert_eq!(world.failures(job(1)), [(chunks[5], FetchEnd::NoHolder)]);
    assert_eq!(world.done(job(1)), 0, "not everything was delivered");
    world.settle();
}

#[test]
fn holders_that_do_not_give_are_no_progress() {
    let (mut world, chunks) = World::with_swarm(2, 1);
    world.member(1, Manner::Silent, 0..2);
    world.want(job(1), &chunks);
    world.run(30 * SECOND);
    let failures = world.failures(job(1));
    assert_eq!(failures.len(), 2);
    assert!(failures.iter().all(|(_, why)| *why == FetchEnd::NoProgress));
    assert!(world.live.is_empty());
}

#[test]
fn alone_it_fails_sooner() {
    let (mut world, chunks) = World::with_swarm(3, 1);
    world.want(job(1), &chunks);
    world.run(1900 * MS);
    assert!(world.failures(job(1)).is_empty());
    world.run(200 * MS);
    assert_eq!(world.failures(job(1)).len(), 2);
}

#[test]
fn alone_after_the_last_peer_has_gone_too() {
    let (mut world, chunks) = World::with_swarm(4, 1);
    world.member(1, Manner::Silent, 0..2);
    world.want(job(1), &chunks);
    world.run(5 * SECOND);
    world.gone(1);
    world.run(1900 * MS);
    assert!(world.failures(job(1)).is_empty());
    world.run(200 * MS);
    assert_eq!(world.failures(job(1)).len(), 2);
}

#[test]
fn a_peer_in_time_saves_it() {
    let (mut world, chunks) = World::with_swarm(5, 1);
    world.want(job(1), &chunks);
    world.run(1900 * MS);
    world.member(1, Manner::Honest(MS), 0..2);
    world.settle();
    assert_eq!((world.done(job(1)), world.failures(job(1)).len()), (1, 0));
}

#[test]
fn a_slow_but_moving_transfer_goes_on() {
    let (mut world, chunks) = World::with_swarm(6, 20);
    world.member(1, Manner::Honest(5 * SECOND), 0..21);
    world.want(job(1), &chunks);
    world.settle();
    assert_eq!((world.given_to(1).len(), world.failures(job(1)).len()), (21, 0));
}

#[test]
fn a_pull_fails_as_a_whole_and_once() {
    let (mut world, chunks) = World::with_swarm(7, 5);
    world.member(1, Manner::Honest(MS), 0..3);
    world.want(pull(1), &chunks);
    world.run(2 * SECOND + u64::try_from(NO_PROGRESS.as_micros()).unwrap());
    assert_eq!(world.failures(pull(1)).len(), 1);
    assert!(world.transfer.wanters.is_empty());
    world.settle();
    assert_eq!(world.done(pull(1)), 0);
}

#[test]
fn after_a_failure_more_may_be_wanted() {
    let (mut world, chunks) = World::with_swarm(8, 1);
    world.want(job(1), &chunks);
    world.run(3 * SECOND);
    assert_eq!(world.failures(job(1)).len(), 2);
    world.member(1, Manner::Honest(MS), 0..2);
    world.want(job(1), &chunks);
    world.settle();
    assert_eq!((world.given_to(1).len(), world.done(job(1))), (2, 1));
}

#[test]
fn a_wanter_without_wants_waits_for_nothing() {
    let (mut world, chunks) = World::with_swarm(9, 1);
    world.member(1, Manner::Honest(MS), 0..2);
    world.want(job(1), &chunks);
    world.settle();
    assert_eq!(world.transfer.next_timeout(), None);
}
