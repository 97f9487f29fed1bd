//! Peers that decline, break off, say nothing, are slow, or send something wrong.
use super::world::*;
use crate::engine::transfer::TransferOutput;
use crate::engine::{FetchFailure, Source};
use crate::message::Decline;

const DECLINED: fn(Decline) -> Manner = |why| Manner::Fails(FetchFailure::Declined(why));

#[test]
fn who_lacks_a_chunk_is_not_asked_for_it_again() {
    let (mut world, chunks) = World::with_swarm(1, 5);
    world.member(1, DECLINED(Decline::Missing), 0..6);
    world.want(job(1), &chunks);
    world.run(5 * SECOND);
    assert_eq!(world.asked.len(), 6);
    world.member(2, Manner::Honest(MS), 0..6);
    world.settle();
    assert_eq!((world.given_to(1).len(), world.asked_of(1)), (6, 6));
}

#[test]
fn a_busy_peer_is_left_alone_for_longer_and_longer() {
    let (mut world, chunks) = World::with_swarm(2, 0);
    world.member(1, DECLINED(Decline::Busy), 0..1);
    world.want(job(1), &chunks);
    world.run(4 * SECOND);
    // After 50, 100, 200, 400, 800, 1600 ms.
    assert_eq!(world.asked.len(), 7);
    world.set_manner(1, Manner::Honest(MS));
    world.settle();
    assert_eq!(world.done(job(1)), 1);
}

#[test]
fn a_broken_fetch_is_asked_of_others() {
    for why in [FetchFailure::Broken, FetchFailure::NotConnected, FetchFailure::Declined(Decline::NotAMember)]
    {
        let (mut world, chunks) = World::with_swarm(3, 50);
        world.member(1, Manner::Fails(why), 0..51);
        world.member(2, Manner::Honest(MS), 0..51);
        world.want(job(1), &chunks);
        world.settle();
        assert_eq!((world.given_to(1).len(), world.done(job(1))), (51, 1));
        assert!(world.asked_of(1) < 20, "{}", world.asked_of(1));
    }
}

#[test]
fn who_sends_junk_is_named_once_and_asked_no_more() {
    let (mut world, chunks) = World::with_swarm(4, 50);
    world.member(1, Manner::Junk(MS), 0..51);
    world.member(2, Manner::Honest(5 * MS), 0..51);
    world.want(job(1), &chunks);
    world.settle();
    assert_eq!((world.given_to(1).len(), world.junk_from(1), world.junk_from(2)), (51, 1, 0));
    let asked = world.asked_of(1);
    assert!(asked <= 8 && world.transfer.junk() >= 1, "{asked}");
    world.has(1, 1, 0..51);
    world.lose(chunks[0]);
    world.want(job(2), &chunks[..1]);
    world.settle();
    assert_eq!((world.given_to(2).len(), world.asked_of(1)), (1, asked));
}

#[test]
fn an_endless_frame_is_junk() {
    let (mut world, chunks) = World::with_swarm(5, 5);
    world.member(1, Manner::Fails(FetchFailure::TooLong), 0..6);
    world.up(9, Manner::Honest(MS), true);
    world.has(9, 1, 0..6);
    world.want(job(1), &chunks);
    world.settle();
    assert_eq!((world.given_to(1).len(), world.junk_from(1)), (6, 1));
}

#[test]
fn a_peer_that_stalls_is_reported_and_others_are_asked() {
    let (mut world, chunks) = World::with_swarm(6, 3);
    world.member(1, Manner::Silent, 0..4);
    world.want(pull(1), &chunks);
    world.run(9 * SECOND);
    assert!(world.said.is_empty() && world.live.len() == 4);
    world.run(SECOND);
    assert!(
        world
            .said
            .iter()
            .any(|said| matches!(said, TransferOutput::Stalled { peer: who } if *who == peer(1)))
    );
}

#[test]
fn a_peer_gone_is_replaced() {
    let (mut world, chunks) = World::with_swarm(7, 9);
    world.member(1, Manner::Silent, 0..10);
    world.want(job(1), &chunks);
    world.run(100 * MS);
    assert_eq!(world.live.len(), 4);
    world.member(2, Manner::Honest(MS), 0..10);
    world.gone(1);
    world.run(100 * MS);
    assert_eq!((world.given_to(1).len(), world.live.len()), (10, 0));
}

#[test]
fn a_straggler_is_hedged_within_a_little_over_a_second() {
    let (mut world, chunks) = World::with_swarm(8, 9);
    world.member(1, Manner::Silent, 0..10);
    world.want(job(1), &chunks);
    world.member(2, Manner::Honest(5 * MS), 0..10);
    world.run(1300 * MS);
    assert_eq!((world.given_to(1).len(), world.done(job(1))), (10, 1));
    assert!(world.live.is_empty(), "losers are cancelled");
}

#[test]
fn a_copy_that_comes_second_is_not_checked() {
    let (mut world, chunks) = World::with_swarm(9, 0);
    world.member(1, Manner::Honest(1100 * MS), 0..1);
    world.want(job(1), &chunks);
    (world.checks, world.transfer.checks, world.generous) = (0, 0, false);
    world.member(2, Manner::Honest(50 * MS), 0..1);
    world.run(2 * SECOND);
    assert_eq!((world.asked.len(), world.live.len(), world.checked), (2, 2, 0));
    world.grant(crate::engine::Credit::Checks(2));
    world.run(SECOND);
    assert_eq!((world.checked, world.given_to(1).len(), world.live.len(), world.checks), (1, 1, 0, 1));
}

#[test]
fn the_second_copy_is_checked_when_the_first_is_junk() {
    let (mut world, chunks) = World::with_swarm(10, 0);
    world.member(1, Manner::Junk(300 * MS), 0..1);
    world.want(job(1), &chunks);
    (world.checks, world.transfer.checks) = (0, 0);
    world.member(2, Manner::Honest(150 * MS), 0..1);
    world.run(2 * SECOND);
    assert_eq!((world.asked.len(), world.live.len()), (2, 2));
    world.grant(crate::engine::Credit::Checks(1));
    world.settle();
    assert_eq!((world.given_to(1).len(), world.asked.len(), world.junk_from(1)), (1, 2, 1));
}

#[test]
fn a_hedge_prefers_peers_and_falls_back_to_a_seed() {
    let (mut world, chunks) = World::with_swarm(11, 0);
    world.member(1, Manner::Silent, 0..1);
    world.want(job(1), &chunks);
    world.up(9, Manner::Honest(MS), true);
    world.has(9, 1, 0..1);
    world.run(2 * SECOND);
    assert_eq!(world.given[0].source, Source::Seed);
}

#[test]
fn slow_but_steady_peers_are_not_stalled() {
    let (mut world, chunks) = World::with_swarm(12, 9);
    world.member(1, Manner::Honest(4 * SECOND), 0..10);
    world.want(job(1), &chunks);
    world.settle();
    assert_eq!(world.given_to(1).len(), 10);
    assert!(!world.said.iter().any(|said| matches!(said, TransferOutput::Stalled { .. })));
    assert_eq!(world.asked.len(), 10);
}

#[test]
fn whatever_else_was_asked_of_a_liar_is_asked_of_others_at_once() {
    let (mut world, chunks) = World::with_swarm(13, 3);
    world.member(1, Manner::Junk(200 * MS), 0..4);
    world.want(job(1), &chunks);
    assert_eq!(world.live.len(), 4);
    world.member(2, Manner::Honest(MS), 0..4);
    world.run(240 * MS);
    assert_eq!((world.given_to(1).len(), world.checked), (4, 5));
}

#[test]
fn a_copy_that_comes_while_the_first_is_checked_waits() {
    let (mut world, chunks) = World::with_swarm(14, 0);
    world.member(1, Manner::Honest(1100 * MS), 0..1);
    world.want(job(1), &chunks);
    world.member(2, Manner::Honest(100 * MS - 50), 0..1);
    world.run(2 * SECOND);
    assert_eq!((world.asked.len(), world.checked, world.given_to(1).len(), world.live.len()), (2, 1, 1, 0));
}

#[test]
fn a_seed_that_is_busy_again_and_again_is_told_of() {
    let said = |world: &World| {
        world
            .said
            .iter()
            .filter(|said| matches!(said, TransferOutput::SeedBusy { manifest: of } if *of == manifest(1)))
            .count()
    };
    for (is_seed, expected) in [(true, 2), (false, 0)] {
        let (mut world, chunks) = World::with_swarm(15, 5);
        world.up(9, DECLINED(Decline::Busy), is_seed);
        world.has(9, 1, 0..6);
        world.want(job(1), &chunks);
        // Asked at once, and after 50, 100, 200, 400, 800 and 1600 ms more.
        world.run(149 * MS);
        assert_eq!(said(&world), 0, "twice may be chance");
        world.run(3500 * MS);
        assert_eq!(said(&world), expected);
        world.set_manner(9, Manner::Honest(MS));
        world.settle();
        assert_eq!(said(&world), expected);
    }
}

#[test]
fn a_seed_that_gives_in_between_is_not_told_of() {
    let (mut world, chunks) = World::with_swarm(16, 500);
    world.up(9, DECLINED(Decline::Busy), true);
    world.has(9, 1, 0..501);
    world.want(job(1), &chunks);
    for _ in 0..4 {
        world.run(100 * MS);
        world.set_manner(9, Manner::Honest(20 * MS));
        world.run(100 * MS);
        world.set_manner(9, DECLINED(Decline::Busy));
    }
    assert!(world.asked.len() > 20 && world.done(job(1)) == 0);
    assert!(!world.said.iter().any(|said| matches!(said, TransferOutput::SeedBusy { .. })));
}
