//! Wants of several are counted together.
use super::world::*;
use crate::engine::{JobId, Source};

#[test]
fn a_job_is_given_every_chunk_once() {
    let (mut world, chunks) = World::with_swarm(1, 200);
    world.member(1, Manner::Honest(MS), 0..201);
    world.member(2, Manner::Honest(MS), 0..201);
    world.want(job(1), &chunks);
    world.settle();
    let mut expected = chunks.clone();
    expected.sort();
    assert_eq!(world.sorted_given_to(1), expected);
    assert_eq!(world.done(job(1)), 1);
    assert!(world.given.iter().all(|given| given.source == Source::Peer && given.fetch.is_some()));
    assert_eq!(world.asked.len(), chunks.len());
    assert!(world.asked_of(1) > 50 && world.asked_of(2) > 50);
    assert!(world.live.is_empty());
}

#[test]
fn two_jobs_share_a_fetch() {
    let (mut world, chunks) = World::with_swarm(2, 50);
    world.member(1, Manner::Honest(MS), 0..51);
    world.want(job(1), &chunks[..40]);
    world.want(job(2), &chunks[20..]);
    world.settle();
    assert_eq!((world.given_to(1).len(), world.given_to(2).len()), (40, 31));
    assert_eq!(world.asked.len(), 51);
    assert_eq!((world.done(job(1)), world.done(job(2))), (1, 1));
}

#[test]
fn a_pull_and_a_job_share_a_fetch_too() {
    let (mut world, chunks) = World::with_swarm(3, 20);
    world.member(1, Manner::Honest(MS), 0..21);
    world.want(pull(1), &chunks);
    world.want(job(1), &chunks);
    world.settle();
    assert_eq!((world.asked.len(), world.given_to(1).len(), world.store.len()), (21, 21, 21));
    assert_eq!((world.done(pull(1)), world.done(job(1))), (1, 1));
}

#[test]
fn what_a_job_waits_for_is_not_wanted_twice() {
    let (mut world, chunks) = World::with_swarm(4, 3);
    world.member(1, Manner::Honest(MS), 0..4);
    world.want(job(1), &[chunks[1], chunks[1]]);
    world.want(job(1), &[chunks[1]]);
    world.settle();
    assert_eq!((world.given_to(1), world.done(job(1))), (vec![chunks[1]], 1));
    world.want(job(1), &[chunks[1]]);
    world.settle();
    assert_eq!((world.given_to(1).len(), world.done(job(1))), (2, 2));
}

#[test]
fn a_job_that_leaves_ends_only_what_nobody_else_wants() {
    let (mut world, chunks) = World::with_swarm(5, 3);
    world.member(1, Manner::Silent, 0..4);
    world.member(2, Manner::Silent, 0..4);
    world.want(job(1), &chunks);
    world.want(job(2), &chunks[2..3]);
    assert_eq!(world.live.len(), 4);
    world.leave(job(1));
    let left: Vec<_> = world.live.values().map(|live| live.chunk).collect();
    assert_eq!(left, [chunks[2]]);
    assert_eq!(world.transfer.wanters[&job(2)].live, 1, "it takes the other's share now");
    world.leave(job(2));
    assert!(world.live.is_empty());
    world.settle();
    assert!(world.said.is_empty() && world.given.is_empty());
}

#[test]
fn a_late_joiner_is_given_what_was_just_verified() {
    let (mut world, chunks) = World::with_swarm(6, 1);
    world.member(1, Manner::Honest(MS), 0..2);
    world.writes = 0;
    world.transfer.writes = 0;
    world.want(job(1), &chunks);
    world.run(SECOND);
    assert_eq!((world.given_to(1).len(), world.live.len(), world.store.len()), (2, 2, 0));
    world.want(job(2), &chunks);
    assert_eq!(world.given_to(2).len(), 2);
    assert!(world.given.iter().all(|given| given.fetch.is_some()));
    world.grant(crate::engine::Credit::Writes(2));
    world.settle();
    assert_eq!((world.asked.len(), world.store.len(), world.live.len()), (2, 2, 0));
}

#[test]
fn what_the_store_holds_is_given_from_it_in_order_of_want() {
    let (mut world, chunks) = World::with_swarm(7, 20);
    world.hold(&chunks);
    let backwards: Vec<_> = chunks.iter().rev().copied().collect();
    world.want(job(1), &backwards);
    assert_eq!(world.given_to(1), backwards);
    assert!(world.given.iter().all(|given| given.source == Source::Local && given.fetch.is_none()));
    assert_eq!((world.done(job(1)), world.asked.len()), (1, 0));
}

#[test]
fn nothing_wanted_is_done_at_once() {
    let (mut world, _) = World::with_swarm(8, 1);
    world.want(job(1), &[]);
    assert_eq!(world.done(job(1)), 1);
}

#[test]
fn an_unknown_manifest_has_no_chunks() {
    let mut world = World::new(9);
    let chunks = world.chunks(0..3);
    world.want(job(1), &chunks);
    let unknown = crate::engine::FetchEnd::UnknownManifest;
    assert_eq!(world.failures(job(1)), chunks.iter().map(|&chunk| (chunk, unknown)).collect::<Vec<_>>());
    assert_eq!(world.done(job(1)), 0);
    world.want(pull(1), &chunks);
    assert_eq!(world.failures(pull(1)).len(), 1);
}

#[test]
fn what_comes_to_the_store_otherwise_is_fetched_no_more() {
    let (mut world, chunks) = World::with_swarm(10, 1);
    world.member(1, Manner::Silent, 0..2);
    world.want(job(1), &chunks);
    world.want(pull(1), &chunks);
    assert_eq!(world.live.len(), 2);
    world.hold(&chunks);
    assert!(world.live.is_empty());
    assert_eq!((world.done(job(1)), world.done(pull(1))), (1, 1));
    assert!(world.given.iter().all(|given| given.source == Source::Local));
}

#[test]
fn state_of_jobs_that_only_gave_credit_is_bounded() {
    let mut world = World::new(11);
    for n in 0..5000 {
        world.grant(crate::engine::Credit::Deliver { job: JobId(n), bytes: 1 });
    }
    assert!(world.transfer.wanters.len() <= super::super::limits::WANTERS_MAX);
    world.leave(job(0));
    assert!(!world.transfer.wanters.contains_key(&job(0)));
}

#[test]
fn pulls_that_ended_leave_nothing_behind() {
    let (mut world, chunks) = World::with_swarm(12, 1);
    world.hold(&chunks);
    (0..2000).for_each(|n| world.want(pull(n), &chunks));
    assert_eq!((world.done(pull(1999)), world.transfer.wanters.len()), (1, 0));
}

#[test]
fn wanters_above_the_bound_fail() {
    let (mut world, chunks) = World::with_swarm(13, 1);
    let most = u64::try_from(super::super::limits::WANTERS_MAX).unwrap();
    (0..=most).for_each(|n| world.transfer.want(world.now, job(n), manifest(1), &chunks, None));
    world.drain();
    assert_eq!((world.failures(job(most - 1)).len(), world.failures(job(most)).len()), (0, 2));
}
