//! Nothing leaves without credit, and nobody who withholds it holds up others. (The world refuses any output without.)
use super::world::*;
use crate::engine::transfer::limits::AHEAD_BYTES;
use crate::engine::{Credit, JobId, Source, StoreFailure};
use crate::limits::FETCHES_MAX;

const MIB: usize = 1024 * 1024;

/// Swarm 1 with so many chunks of 256 KiB, all at one quick peer; nothing is granted but checks and writes.
fn big(rng_seed: u64, count: u32) -> (World, Vec<crate::ChunkRef>) {
    let mut world = World::strict(rng_seed);
    let chunks = world.chunks_of(0..count, MIB / 4);
    world.transfer.open_swarm(manifest(1), &chunks, 0);
    (1..=8).for_each(|n| world.member(n, Manner::Honest(MS), 0..count));
    world.grant(Credit::Checks(10_000));
    world.grant(Credit::Writes(10_000));
    (world, chunks)
}

#[test]
fn a_job_that_takes_nothing_is_fetched_little_for() {
    let (mut world, chunks) = big(1, 1100);
    world.want(job(1), &chunks);
    world.run(5 * SECOND);
    assert_eq!(u64::try_from(world.asked.len() * MIB / 4).unwrap(), AHEAD_BYTES);
    assert!(world.given.is_empty() && world.live.is_empty(), "buffers are free: the store has the chunks");
    world.grant(Credit::Deliver { job: JobId(1), bytes: 512 * 1024 });
    world.run(SECOND);
    assert_eq!((world.given.len(), world.asked.len()), (2, 1026));
    assert!(world.given.iter().all(|given| given.fetch.is_none() && given.source == Source::Peer));
}

#[test]
fn what_lacks_is_fetched_while_a_job_still_takes_what_was_here() {
    let (mut world, chunks) = big(9, 400);
    world.hold(&chunks[..300]);
    world.want(job(1), &chunks);
    world.run(SECOND);
    assert!(world.given.is_empty());
    assert_eq!(world.store.len(), 400, "the job has taken nothing, and all is here");
    world.grant(Credit::Deliver { job: JobId(1), bytes: 100 * 1024 * 1024 });
    world.run(SECOND);
    assert_eq!((world.given.len(), world.asked.len(), world.done(job(1))), (400, 100, 1));
}

#[test]
fn a_job_that_takes_nothing_does_not_fail_for_that() {
    let (mut world, chunks) = big(2, 100);
    world.want(job(1), &chunks);
    world.run(100 * SECOND);
    assert!(world.failures(job(1)).is_empty());
    world.grant(Credit::Deliver { job: JobId(1), bytes: 100 * 1024 * 1024 });
    world.run(SECOND);
    assert_eq!((world.given.len(), world.done(job(1))), (100, 1));
}

#[test]
fn a_slow_job_does_not_starve_another() {
    let (mut world, chunks) = big(3, 200);
    world.want(job(1), &chunks);
    world.want(job(2), &chunks[100..]);
    world.want(pull(3), &chunks[50..150]);
    world.grant(Credit::Deliver { job: JobId(2), bytes: 100 * 1024 * 1024 });
    world.run(5 * SECOND);
    assert_eq!((world.done(job(2)), world.done(pull(3)), world.done(job(1))), (1, 1, 0));
}

#[test]
fn a_slow_job_and_a_full_store_do_not_fill_the_buffers() {
    let (mut world, chunks) = big(4, 300);
    world.refuses = Some(StoreFailure::Full);
    world.want(job(1), &chunks[..150]);
    world.run(SECOND);
    let stuck = world.live.len();
    assert!(stuck <= 16, "{stuck}");
    world.grant(Credit::Deliver { job: JobId(2), bytes: 100 * 1024 * 1024 });
    world.want(job(2), &chunks[150..]);
    world.run(10 * SECOND);
    assert_eq!((world.done(job(2)), world.live.len()), (1, stuck));
    world.leave(job(1));
    assert!(world.live.is_empty());
}

/// Whether so few buffers are free that nothing more is asked for.
fn are_full(world: &World) -> bool {
    let refilled_at = FETCHES_MAX - FETCHES_MAX / super::super::limits::REFILL_SHARE;
    (refilled_at + 1..=FETCHES_MAX).contains(&world.live.len())
}

#[test]
fn without_checks_nothing_is_believed_and_buffers_stay_bounded() {
    let (mut world, chunks) = big(5, 100);
    (world.checks, world.transfer.checks) = (0, 0);
    world.grant(Credit::Deliver { job: JobId(1), bytes: 100 * 1024 * 1024 });
    world.want(job(1), &chunks);
    world.run(5 * SECOND);
    assert!(are_full(&world) && world.given.is_empty());
    world.grant(Credit::Checks(30));
    world.run(SECOND);
    assert_eq!(world.given.len(), 30);
}

#[test]
fn without_writes_jobs_are_served_from_buffers_which_stay_bounded() {
    let (mut world, chunks) = big(6, 100);
    (world.writes, world.transfer.writes) = (0, 0);
    world.grant(Credit::Deliver { job: JobId(1), bytes: 100 * 1024 * 1024 });
    world.want(job(1), &chunks);
    world.run(5 * SECOND);
    assert!(are_full(&world) && world.given.len() == world.live.len());
    world.grant(Credit::Writes(100));
    world.run(SECOND);
    assert_eq!((world.given.len(), world.store.len(), world.live.len()), (100, 100, 0));
}

#[test]
fn wanters_take_turns() {
    let (mut world, chunks) = big(7, 300);
    for n in 0..3_u32 {
        world.grant(Credit::Deliver { job: JobId(n.into()), bytes: 100 * 1024 * 1024 });
        let begin = usize::try_from(n).unwrap() * 100;
        world.transfer.want(world.now, job(n.into()), manifest(1), &chunks[begin..begin + 100], None);
    }
    world.run(20 * MS);
    let had: Vec<usize> = (0..3).map(|n| world.given_to(n).len()).collect();
    let (least, most) = (had.iter().min().unwrap(), had.iter().max().unwrap());
    assert!(*most > 20 && most - least <= 16, "{had:?}");
}
