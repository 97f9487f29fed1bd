//! Fetches that take long are hedged within a budget; peers that say nothing while others send have stalled.
use super::super::TransferOutput;
use super::super::limits::{
    HEDGE_AFTER_FIRST, HEDGE_AFTER_MIN, HEDGE_FREE_BYTES, HEDGE_PART, HEDGE_PART_LAST, LAST_PART, STALLS_MAX,
};
use super::super::slab::SwarmNo;
use super::super::wants::{Lane, Wants};
use super::world::*;
use crate::{ChunkRef, Instant};
use std::collections::BTreeSet;

const SLOW: u8 = 9;

/// Indices `0..unique` are the slow peer's alone at first; of the others peer 2 sends one each 10 ms.
fn beside_a_steady_peer(rng_seed: u64, unique: u32, manner: Manner, is_seed: bool) -> (World, Vec<ChunkRef>) {
    let (mut world, chunks) = World::with_swarm(rng_seed, 1999);
    world.member(2, Manner::Honest(10 * MS), unique..2000);
    world.want(job(1), &chunks);
    world.run(SECOND);
    world.up(SLOW, manner, is_seed);
    world.has(SLOW, 1, 0..unique);
    world.drain();
    (world, chunks)
}

fn stalls_of(world: &World, n: u8) -> u32 {
    let peers = &world.transfer.peers;
    peers.find(peer(n)).and_then(|no| peers.get(no)).map_or(0, |peer| peer.stalls)
}

fn reported(world: &World, n: u8) -> usize {
    let stalled =
        |said: &&TransferOutput| matches!(said, TransferOutput::Stalled { peer: who } if *who == peer(n));
    world.said.iter().filter(stalled).count()
}

#[test]
fn what_is_late_for_its_class_is_hedged_long_before_a_second() {
    let (mut world, chunks) = beside_a_steady_peer(1, 2, Manner::Silent, false);
    world.member(3, Manner::Honest(5 * MS), 0..2);
    let taken = world.live.values().filter(|live| live.peer == peer(SLOW)).count();
    assert_eq!(taken, 2);
    world.run(900 * MS);
    let given = world.given_to(1);
    assert!(given.contains(&chunks[0]) && given.contains(&chunks[1]));
    assert_eq!(world.transfer.hedged().0, 2);
    assert!(world.live.values().all(|live| live.peer != peer(SLOW)), "the loser is cancelled");
}

#[test]
fn what_is_asked_for_first_is_soon_had_of_somebody_else() {
    let mut world = World::new(4);
    // The tree: everything else waits for it.
    let chunks = world.chunks_of(0..2, 200 * 1024);
    world.transfer.open_swarm(manifest(1), &chunks, 0);
    world.member(SLOW, Manner::Silent, 0..2);
    world.want(job(1), &chunks);
    world.run(10 * MS);
    assert_eq!(world.live.len(), 2, "it says that it has both");
    world.member(3, Manner::Honest(5 * MS), 0..2);
    world.run(u64::try_from(HEDGE_AFTER_FIRST.as_micros()).unwrap() + 10 * MS);
    assert_eq!(world.done(job(1)), 1);
    assert_eq!(world.transfer.hedged().0, 2);
}

#[test]
fn what_is_not_late_is_not_asked_for_twice() {
    let (mut world, _) = beside_a_steady_peer(2, 2, Manner::Honest(45 * MS), false);
    world.member(3, Manner::Honest(5 * MS), 0..2);
    world.run(u64::try_from(HEDGE_AFTER_MIN.as_micros()).unwrap());
    world.settle();
    assert_eq!((world.done(job(1)), world.transfer.hedged(), world.asked.len()), (1, (0, 0), 2000));
}

#[test]
fn little_of_what_is_fetched_is_asked_for_twice() {
    let mut world = World::new(3);
    let chunks = world.chunks_of(0..600, 64 * 1024);
    world.transfer.open_swarm(manifest(1), &chunks, 0);
    (20..24).for_each(|n| world.member(n, Manner::Honest(3 * MS), 0..600));
    world.want(job(1), &chunks);
    world.run(50 * MS);
    (30..90).for_each(|n| world.member(n, Manner::Honest(700 * MS), 0..600));
    world.settle();
    let hedges = world.asked.len() - world.asked.iter().map(|asked| asked.1).collect::<BTreeSet<_>>().len();
    let bytes = u64::try_from(hedges).unwrap() * 64 * 1024;
    let fetched = 600 * 64 * 1024;
    assert!(bytes > HEDGE_FREE_BYTES, "there was need: {bytes}");
    assert!(bytes <= HEDGE_FREE_BYTES + fetched / HEDGE_PART_LAST + 64 * 1024, "{bytes}");
    assert_eq!(world.done(job(1)), 1);
}

#[test]
fn where_all_are_slow_a_second_copy_is_of_no_use() {
    let (mut world, _) = beside_a_steady_peer(13, 2, Manner::Honest(980 * MS), false);
    world.member(3, Manner::Honest(5 * MS), 0..2);
    let no = world.transfer.peers.find(peer(3)).unwrap();
    world.transfer.peers.get_mut(no).unwrap().note_slow(std::time::Duration::from_millis(600));
    world.run(900 * MS);
    assert_eq!((world.transfer.hedged().0, world.asked_of(3)), (0, 0));
    world.run(SECOND);
    assert_eq!(world.asked_of(3), 1, "the one that takes twice as long");
}

#[test]
fn a_little_more_is_asked_for_twice_at_the_end() {
    let mut wants = Wants::new(Instant::ZERO);
    let bytes = 1000 * 1024 * 1024;
    wants.fetched_bytes = bytes;
    let mut lane = Lane::new(10);
    lane.todo.insert(3);
    wants.lanes.insert(SwarmNo::from(0), lane);
    wants.hedged_bytes = HEDGE_FREE_BYTES + bytes / HEDGE_PART - 1;
    assert!(wants.may_hedge());
    wants.hedged_bytes += 1;
    assert!(!wants.may_hedge());
    wants.lanes.clear();
    wants.coming_bytes = bytes / LAST_PART + 1;
    assert!(!wants.may_hedge(), "much is under way");
    wants.coming_bytes -= 1;
    assert!(wants.may_hedge());
    wants.hedged_bytes = HEDGE_FREE_BYTES + bytes / HEDGE_PART_LAST;
    assert!(!wants.may_hedge());
}

#[test]
fn what_a_silent_peer_was_asked_for_is_had_elsewhere_whatever_it_costs() {
    let (mut world, chunks) = beside_a_steady_peer(4, 2, Manner::Silent, false);
    world.transfer.wanters.get_mut(&job(1)).unwrap().hedged_bytes = u64::MAX;
    world.run(950 * MS);
    world.member(3, Manner::Honest(5 * MS), 0..2);
    assert_eq!(world.asked_of(3), 0, "there is no budget");
    world.run(300 * MS);
    let given = world.given_to(1);
    assert!(given.contains(&chunks[0]) && given.contains(&chunks[1]));
}

#[test]
fn who_says_nothing_while_others_send_has_stalled() {
    let (mut world, _) = beside_a_steady_peer(5, 6, Manner::Silent, false);
    assert_eq!(world.asked_of(SLOW), 4);
    world.run(950 * MS);
    assert_eq!((stalls_of(&world, SLOW), world.asked_of(SLOW)), (0, 4));
    world.run(300 * MS);
    assert_eq!(
        (stalls_of(&world, SLOW), world.asked_of(SLOW)),
        (1, 6),
        "all is put back, and half asked again"
    );
    assert_eq!(world.live.values().filter(|live| live.peer == peer(SLOW)).count(), 2);
    world.run(5 * SECOND);
    assert_eq!((stalls_of(&world, SLOW), reported(&world, SLOW)), (2, 0));
    world.run(2 * SECOND);
    assert_eq!((stalls_of(&world, SLOW), reported(&world, SLOW)), (STALLS_MAX, 1));
}

#[test]
fn what_a_silent_peer_was_asked_for_counts_though_others_gave_it() {
    let (mut world, chunks) = World::with_swarm(6, 1999);
    world.member(2, Manner::Honest(5 * MS), 0..2000);
    world.member(3, Manner::Honest(5 * MS), 0..2000);
    world.want(job(1), &chunks);
    world.run(500 * MS);
    world.member(SLOW, Manner::Silent, 0..2000);
    world.run(8500 * MS);
    world.settle();
    assert_eq!(world.done(job(1)), 1);
    assert!(stalls_of(&world, SLOW) > 0, "{} were asked of it", world.asked_of(SLOW));
}

#[test]
fn when_nobody_sends_nobody_has_stalled() {
    let (mut world, _) = beside_a_steady_peer(7, 4, Manner::Honest(5 * MS), false);
    world.set_manner(2, Manner::Silent);
    world.set_manner(SLOW, Manner::Silent);
    world.member(3, Manner::Silent, 0..2000);
    world.run(9 * SECOND);
    assert_eq!([2, SLOW].map(|n| stalls_of(&world, n)), [0, 0]);
    assert!(
        stalls_of(&world, 3) < STALLS_MAX,
        "it has never given anything, and is only left alone for a while"
    );
    assert!([2, 3, SLOW].iter().all(|&n| reported(&world, n) == 0));
}

#[test]
fn after_a_break_everybody_has_its_time_again() {
    let (mut world, _) = beside_a_steady_peer(8, 400, Manner::Honest(5 * MS), false);
    world.run(100 * MS);
    world.set_manner(SLOW, Manner::Silent);
    world.set_manner(2, Manner::Silent);
    world.run(3 * SECOND);
    world.set_manner(2, Manner::Honest(10 * MS));
    world.member(3, Manner::Honest(10 * MS), 400..2000);
    world.run(900 * MS);
    assert_eq!(stalls_of(&world, SLOW), 0, "it was not silent while others sent");
    world.run(400 * MS);
    assert_eq!(stalls_of(&world, SLOW), 1);
}

#[test]
fn a_peer_that_has_become_slow_is_met_half_way() {
    let (mut world, chunks) = beside_a_steady_peer(9, 1, Manner::Honest(1500 * MS), false);
    world.run(3500 * MS);
    assert!(world.given_to(1).contains(&chunks[0]));
    assert_eq!((world.asked_of(SLOW), stalls_of(&world, SLOW), reported(&world, SLOW)), (2, 0, 0));
}

#[test]
fn a_seed_is_slow_only_if_it_is_slow_for_a_seed() {
    // Before anything of a seed was seen, it is waited for; and then, four times as long as seeds take.
    let (mut world, _) = beside_a_steady_peer(10, 3, Manner::Honest(2500 * MS), true);
    world.run(8 * SECOND);
    assert_eq!((world.asked_of(SLOW), stalls_of(&world, SLOW)), (3, 0));
    let mut world = beside_a_steady_peer(11, 400, Manner::Honest(300 * MS), true).0;
    world.run(6 * SECOND);
    world.set_manner(SLOW, Manner::Honest(1100 * MS));
    world.run(4 * SECOND);
    assert_eq!(stalls_of(&world, SLOW), 0);
    world.set_manner(SLOW, Manner::Silent);
    world.run(3 * SECOND);
    assert_eq!(stalls_of(&world, SLOW), 0);
    world.run(3 * SECOND);
    assert_eq!(stalls_of(&world, SLOW), 1);
}

#[test]
fn who_declines_has_said_something() {
    let (mut world, _) = beside_a_steady_peer(12, 1, Manner::Silent, false);
    world.set_manner(
        SLOW,
        Manner::Fails(crate::engine::FetchFailure::Declined(crate::message::Decline::Busy)),
    );
    world.run(1200 * MS);
    assert_eq!(stalls_of(&world, SLOW), 1);
    world.run(6 * SECOND);
    assert_eq!((stalls_of(&world, SLOW), reported(&world, SLOW)), (1, 0));
}

#[test]
fn what_two_that_have_given_nothing_keep_is_had_of_a_seed() {
    let (mut world, chunks) = World::with_swarm(31, 0);
    world.member(1, Manner::Silent, 0..1);
    world.want(job(1), &chunks);
    world.member(2, Manner::Silent, 0..1);
    world.up(9, Manner::Honest(MS), true);
    world.has(9, 1, 0..1);
    world.run(1500 * MS);
    assert_eq!((world.given_to(1).len(), world.asked_of(2)), (1, 1), "not after ten seconds");
    assert_eq!(world.live.len(), 0, "both are called off");
}

#[test]
fn one_that_has_given_nothing_has_stalled_also_when_nobody_sends() {
    let (mut world, chunks) = World::with_swarm(32, 49);
    world.member(1, Manner::Honest(MS), 0..49);
    world.want(job(1), &chunks);
    world.run(100 * MS);
    world.member(2, Manner::Silent, 0..50);
    world.member(3, Manner::Silent, 0..50);
    world.run(1500 * MS);
    assert!(world.asked_of(2) > 0 && world.asked_of(3) > 0, "for what nobody else has");
    world.member(4, Manner::Honest(MS), 0..50);
    world.run(2 * SECOND);
    assert_eq!((world.given_to(1).len(), world.done(job(1))), (50, 1), "not after ten seconds");
}
