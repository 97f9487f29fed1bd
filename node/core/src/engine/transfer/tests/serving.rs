//! Giving chunks to peers.
use super::world::*;
use crate::engine::transfer::limits::{ASKS_IN_ALL, PACE_BYTES};
use crate::engine::{AskId, Credit, ServeFailure};
use crate::limits::ASKS_PER_PEER_MAX;
use crate::message::Decline;

fn holder(rng_seed: u64) -> (World, Vec<crate::ChunkRef>) {
    let mut world = World::strict(rng_seed);
    let chunks = world.open(1, 9);
    world.hold(&chunks);
    world.up(1, Manner::Silent, false);
    world.up(2, Manner::Silent, false);
    (world, chunks)
}

fn answers(world: &World) -> Vec<(u64, Option<Decline>)> {
    world.served.iter().map(|&(ask, why)| (ask.0, why)).collect()
}

#[test]
fn what_is_held_is_given_when_there_is_credit() {
    let (mut world, chunks) = holder(1);
    world.ask(1, 1, chunks[0]);
    assert!(world.served.is_empty());
    world.grant(Credit::Reads(1));
    world.drain();
    assert_eq!(answers(&world), [(1, None)]);
}

#[test]
fn others_are_declined() {
    let (mut world, chunks) = holder(2);
    let unknown = world.chunks(5000..5001);
    world.ask(1, 1, unknown[0]);
    world.ask(2, 3, chunks[0]);
    assert_eq!(answers(&world), [(1, Some(Decline::Missing)), (2, Some(Decline::NotAMember))]);
}

#[test]
fn what_no_swarm_lists_is_given_too() {
    let (mut world, _) = holder(3);
    let upload = world.chunks(5000..5001);
    world.hold(&upload);
    world.grant(Credit::Reads(1));
    world.ask(1, 1, upload[0]);
    assert_eq!(answers(&world), [(1, None)]);
}

#[test]
fn a_store_that_holds_more_than_is_remembered_is_asked() {
    let (mut world, chunks) = holder(10);
    let many = u32::try_from(crate::engine::transfer::limits::LOOSE_HELD_MAX).unwrap();
    let names = (0..=many).map(|n| crate::ChunkId::of(&n.to_le_bytes()));
    world.transfer.note_held(&mut names.into_iter());
    world.lose(chunks[0]);
    world.grant(Credit::Reads(9));
    let unknown = world.chunks(900_000..900_001);
    world.ask(1, 1, unknown[0]);
    world.ask(2, 1, chunks[0]);
    assert_eq!(answers(&world), [(1, None), (2, Some(Decline::Missing))], "of what is listed it is known");
    let lost = world.transfer.served(world.now, AskId(1), Err(ServeFailure::Missing));
    assert!(!lost, "what was never held is not lost");
}

#[test]
fn a_peer_that_asks_too_much_is_told_that_we_are_busy() {
    let (mut world, chunks) = holder(4);
    let most = u64::try_from(ASKS_PER_PEER_MAX).unwrap();
    (0..=most).for_each(|ask| world.ask(ask, 1, chunks[0]));
    assert_eq!(answers(&world), [(most, Some(Decline::Busy))]);
    world.ask(100, 2, chunks[0]);
    assert_eq!(world.served.len(), 1, "another peer's ask waits");
}

/// A seed with two members.
fn seed(rng_seed: u64) -> (World, Vec<crate::ChunkRef>) {
    let (mut world, chunks) = holder(rng_seed);
    world.transfer.spare_uplink();
    world.grant(Credit::Reads(1));
    world.ask(1, 1, chunks[0]);
    world.transfer.served(world.now, AskId(1), Ok(9));
    world.served.clear();
    (world, chunks)
}

#[test]
fn in_a_crowd_a_seed_lets_others_give_what_it_has_just_given() {
    let (mut world, chunks) = seed(11);
    world.ask(2, 2, chunks[0]);
    world.ask(3, 1, chunks[1]);
    world.grant(Credit::Reads(1));
    world.drain();
    assert_eq!(answers(&world), [(3, None), (2, Some(Decline::Busy))]);
    // After a while it gives it again.
    world.run(SECOND);
    world.ask(4, 2, chunks[0]);
    world.ask(5, 1, chunks[2]);
    world.grant(Credit::Reads(2));
    world.drain();
    assert_eq!(answers(&world)[2..], [(4, None), (5, None)]);
}

#[test]
fn a_seed_that_has_nobody_else_to_give_to_gives() {
    let (mut world, chunks) = seed(12);
    world.ask(2, 2, chunks[0]);
    world.ask(3, 2, chunks[1]);
    world.grant(Credit::Reads(2));
    world.drain();
    assert_eq!(answers(&world), [(2, None), (3, None)]);
}

#[test]
fn a_seed_gives_to_a_peer_that_it_declined_a_few_times_in_a_row() {
    let (mut world, chunks) = seed(13);
    for ask in 10..14 {
        world.ask(ask, 2, chunks[0]);
    }
    for ask in 20..24 {
        world.ask(ask, 1, chunks[1]);
    }
    world.grant(Credit::Reads(9));
    world.drain();
    let mut to_second: Vec<_> = answers(&world).into_iter().filter(|(ask, _)| *ask < 20).collect();
    to_second.sort_unstable_by_key(|(ask, _)| *ask);
    let busy = Some(Decline::Busy);
    assert_eq!(to_second, [(10, busy), (11, busy), (12, busy), (13, None)]);
}

#[test]
fn what_a_seed_failed_to_give_was_not_given() {
    let (mut world, chunks) = holder(14);
    world.transfer.spare_uplink();
    world.grant(Credit::Reads(1));
    world.ask(1, 1, chunks[0]);
    world.transfer.served(world.now, AskId(1), Err(ServeFailure::PeerGone));
    world.ask(2, 2, chunks[0]);
    world.ask(3, 1, chunks[1]);
    world.grant(Credit::Reads(1));
    world.drain();
    assert_eq!(answers(&world), [(1, None), (2, None)]);
}

#[test]
fn a_node_that_is_no_seed_gives_whatever_it_is_asked_for() {
    let (mut world, chunks) = holder(15);
    world.grant(Credit::Reads(9));
    (0..4).for_each(|ask| world.ask(ask, 1 + u8::try_from(ask % 2).unwrap(), chunks[0]));
    assert_eq!(answers(&world).iter().filter(|(_, why)| why.is_none()).count(), 4);
}

#[test]
fn peers_take_turns() {
    let (mut world, chunks) = holder(5);
    (0..4).for_each(|ask| world.ask(ask, 1, chunks[0]));
    (10..12).for_each(|ask| world.ask(ask, 2, chunks[0]));
    world.grant(Credit::Reads(6));
    world.drain();
    let order: Vec<u64> = answers(&world).into_iter().map(|answer| answer.0).collect();
    assert_eq!(order, [0, 10, 1, 11, 2, 3]);
}

#[test]
fn what_is_taken_back_in_time_is_not_given_and_costs_no_credit() {
    let (mut world, chunks) = holder(16);
    (0..3).for_each(|ask| world.ask(ask, 1, chunks[0]));
    world.ask(10, 2, chunks[1]);
    world.transfer.taken_back(peer(2), AskId(0));
    for (who, ask) in [(1, 0), (1, 2), (2, 10)] {
        world.transfer.taken_back(peer(who), AskId(ask));
    }
    world.grant(Credit::Reads(1));
    world.drain();
    let busy = Some(Decline::Busy);
    assert_eq!(answers(&world), [(0, busy), (2, busy), (10, busy), (1, None)]);
    world.transfer.taken_back(peer(1), AskId(1));
    world.drain();
    assert_eq!(world.served.len(), 4, "what is being given is not declined");
}

#[test]
fn the_rest_of_a_request_is_given_together_when_its_first_chunk_is_taken_back() {
    let (mut world, chunks) = holder(17);
    world.ask(1, 1, chunks[0]);
    let request: Vec<_> = (2..5).map(|ask| (AskId(ask), chunks[0].id)).collect();
    world.transfer.asked(world.now, peer(1), &request);
    world.ask(9, 2, chunks[1]);
    world.transfer.taken_back(peer(1), AskId(2));
    world.grant(Credit::Reads(9));
    world.drain();
    let order: Vec<u64> = answers(&world).into_iter().map(|answer| answer.0).collect();
    assert_eq!(order, [2, 1, 9, 3, 4]);
}

#[test]
fn what_was_lost_meanwhile_is_declined() {
    let (mut world, chunks) = holder(6);
    world.ask(1, 1, chunks[0]);
    world.lose(chunks[0]);
    world.grant(Credit::Reads(1));
    world.drain();
    assert_eq!(answers(&world), [(1, Some(Decline::Missing))]);
}

#[test]
fn what_could_not_be_read_is_lost() {
    for (why, held) in [
        (ServeFailure::Missing, 9),
        (ServeFailure::Corrupt, 9),
        (ServeFailure::PeerGone, 10),
        (ServeFailure::Unwanted, 10),
    ] {
        let (mut world, chunks) = holder(7);
        world.grant(Credit::Reads(1));
        world.ask(1, 1, chunks[0]);
        world.transfer.served(world.now, AskId(1), Err(why));
        assert_eq!(world.transfer.held_of(manifest(1)).len(), held);
        world.transfer.served(world.now, AskId(1), Err(ServeFailure::Missing));
        assert_eq!(world.transfer.held_of(manifest(1)).len(), held, "an answer counts once");
    }
}

#[test]
fn asks_of_a_peer_that_is_gone_are_forgotten() {
    let (mut world, chunks) = holder(8);
    world.ask(1, 1, chunks[0]);
    world.gone(1);
    world.ask(2, 2, chunks[0]);
    world.grant(Credit::Reads(2));
    world.drain();
    assert_eq!(answers(&world), [(2, None)]);
}

#[test]
fn a_newcomer_does_not_inherit_turns() {
    let (mut world, chunks) = holder(9);
    world.ask(1, 1, chunks[0]);
    world.gone(1);
    world.up(3, Manner::Silent, false);
    (10..12).for_each(|ask| world.ask(ask, 3, chunks[0]));
    (20..22).for_each(|ask| world.ask(ask, 2, chunks[0]));
    world.grant(Credit::Reads(4));
    world.drain();
    let order: Vec<u64> = answers(&world).into_iter().map(|answer| answer.0).collect();
    assert_eq!(order, [10, 20, 11, 21]);
}

#[test]
fn a_request_is_one_turn() {
    let (mut world, chunks) = holder(16);
    let both: Vec<_> = (0..4).zip(&chunks).map(|(ask, chunk)| (ask, *chunk)).collect();
    world.ask_together(1, &both);
    world.ask(10, 2, chunks[0]);
    world.ask(4, 1, chunks[5]);
    world.grant(Credit::Reads(9));
    world.drain();
    assert_eq!(world.turns, [vec![0, 1, 2, 3], vec![10], vec![4]]);
}

#[test]
fn without_credit_a_turn_goes_on_before_the_next() {
    let (mut world, chunks) = holder(17);
    world.ask_together(1, &[(0, chunks[0]), (1, chunks[1]), (2, chunks[2])]);
    world.ask_together(2, &[(10, chunks[0]), (11, chunks[1])]);
    for _ in 0..5 {
        world.grant(Credit::Reads(1));
        world.drain();
    }
    assert_eq!(world.turns, [[0], [1], [2], [10], [11]]);
}

#[test]
fn of_a_request_what_is_not_held_is_declined_and_the_rest_given() {
    let (mut world, chunks) = holder(18);
    let unknown = world.chunks(5000..5001)[0];
    world.ask_together(1, &[(0, chunks[0]), (1, unknown), (2, chunks[1]), (3, chunks[2])]);
    world.lose(chunks[1]);
    world.grant(Credit::Reads(9));
    world.drain();
    let missing = Some(Decline::Missing);
    assert_eq!(answers(&world), [(1, missing), (0, None), (3, None), (2, missing)]);
    assert_eq!(world.turns, [[0, 3]]);
}

#[test]
fn a_request_from_a_stranger_is_declined_whole() {
    let (mut world, chunks) = holder(19);
    world.ask_together(7, &[(0, chunks[0]), (1, chunks[1])]);
    let declined = Some(Decline::NotAMember);
    assert_eq!(answers(&world), [(0, declined), (1, declined)]);
}

#[test]
fn waiting_asks_are_counted_by_the_chunk() {
    let (mut world, chunks) = holder(20);
    let most = u64::try_from(ASKS_PER_PEER_MAX).unwrap();
    let request = |from: u64| (from..from + most / 2 + 1).map(|ask| (ask, chunks[0])).collect::<Vec<_>>();
    world.ask_together(1, &request(0));
    world.ask_together(1, &request(100));
    let busy = Some(Decline::Busy);
    assert_eq!(answers(&world), [(100 + most / 2 - 1, busy), (100 + most / 2, busy)]);
    world.grant(Credit::Reads(99));
    world.drain();
    assert_eq!(
        world.turns.iter().map(Vec::len).collect::<Vec<_>>(),
        [ASKS_PER_PEER_MAX / 2 + 1, ASKS_PER_PEER_MAX / 2 - 1]
    );
}

#[test]
fn who_asks_for_too_much_at_once_waits_for_its_next_turn() {
    let mut world = World::strict(21);
    let chunks = world.chunks_of(0..8, 400 * 1024);
    world.transfer.open_swarm(manifest(1), &chunks, 0);
    world.hold(&chunks);
    world.up(1, Manner::Silent, false);
    world.up(2, Manner::Silent, false);
    world.ask_together(1, &(0..5).zip(chunks.clone()).collect::<Vec<_>>());
    world.ask(10, 2, chunks[6]);
    world.grant(Credit::Reads(99));
    world.drain();
    assert_eq!(world.turns, [vec![0, 1], vec![10], vec![2, 3], vec![4]]);
}

#[test]
fn what_is_declined_of_one_request_for_others_sake_counts_once() {
    let (mut world, chunks) = seed(22);
    world.ask_together(2, &(10..18).map(|ask| (ask, chunks[0])).collect::<Vec<_>>());
    (20..22).for_each(|ask| world.ask(ask, 1, chunks[1]));
    world.grant(Credit::Reads(1));
    world.drain();
    let declined = answers(&world).into_iter().filter(|(_, why)| *why == Some(Decline::Busy));
    assert_eq!(declined.map(|(ask, _)| ask).collect::<Vec<_>>(), (10..18).collect::<Vec<_>>());
    world.ask_together(2, &[(30, chunks[0]), (31, chunks[0])]);
    assert_eq!(
        world.transfer.peers.find(peer(2)).and_then(|no| world.transfer.peers.get(no)).unwrap().spared,
        1
    );
}

/// A holder of one chunk of 1 MiB and one of 64 KiB; two others ask it.
fn holder_of_two(rng_seed: u64) -> (World, [crate::ChunkRef; 2]) {
    let mut world = World::strict(rng_seed);
    let (large, small) = (world.chunks_of(0..1, 1024 * 1024)[0], world.chunks_of(1..2, 64 * 1024)[0]);
    world.transfer.open_swarm(manifest(1), &[large, small], 0);
    world.hold(&[large, small]);
    world.up(1, Manner::Silent, false);
    world.up(2, Manner::Silent, false);
    (world, [large, small])
}

/// Peer 1 and peer 2 each have something waiting all the time; says what each was given, and the busy answers to peer 1.
fn compete(world: &mut World, rounds: u64, chunks: [crate::ChunkRef; 2]) -> ([u64; 2], usize) {
    let (mut given, mut busy) = ([0, 0], 0);
    for round in 0..rounds {
        (0..2).for_each(|n| {
            world.ask(2 * round + n, 1 + u8::try_from(n).unwrap(), chunks[usize::from(n == 1)]);
        });
        world.grant(Credit::Reads(1));
        world.drain();
        for (ask, why) in world.served.drain(..) {
            let who = usize::from(ask.0 % 2 == 1);
            if why.is_none() {
                given[who] += u64::from(chunks[who].bytes);
            } else {
                busy += usize::from(who == 0);
            }
        }
    }
    (given, busy)
}

#[test]
fn who_takes_much_more_than_others_that_wait_is_told_that_we_are_busy() {
    let (mut world, chunks) = holder_of_two(23);
    let (given, busy) = compete(&mut world, 5000, chunks);
    assert!(busy > 1000, "{busy}");
    let ahead = given[0] - given[1];
    let most = PACE_BYTES + u64::try_from(ASKS_PER_PEER_MAX).unwrap() * 1024 * 1024 + given[1];
    assert!(ahead <= most, "ahead by {ahead}");
    assert!(given[1] > 100 * 1024 * 1024, "others are given their part: {given:?}");
}

#[test]
fn who_was_told_so_is_given_its_part_all_the_same() {
    let (mut world, chunks) = holder_of_two(24);
    compete(&mut world, 3000, chunks);
    let (given, _) = compete(&mut world, 3000, chunks);
    assert!(given[0] * 3 > given[1] * 2, "{given:?}");
}

#[test]
fn who_is_alone_is_given_whatever_it_asks_for() {
    let (mut world, chunks) = holder_of_two(25);
    compete(&mut world, 3000, chunks);
    world.grant(Credit::Reads(99));
    world.drain();
    world.served.clear();
    world.grant(Credit::Reads(4096));
    (0..4000).for_each(|ask| world.ask(ask, 1, chunks[0]));
    assert!(world.served.len() == 4000 && world.served.iter().all(|(_, why)| why.is_none()));
}

#[test]
fn a_fast_restore_beside_a_slow_one_is_not_held_up_once_that_pauses() {
    let (mut world, chunks) = holder_of_two(26);
    compete(&mut world, 1000, chunks);
    world.grant(Credit::Reads(99));
    world.drain();
    world.served.clear();
    world.ask(9000, 1, chunks[0]);
    assert_eq!(answers(&world), [(9000, None)], "nobody waits");
}

#[test]
fn the_queue_is_bounded_and_each_has_an_even_part_of_it() {
    let mut world = World::strict(27);
    let chunks = world.open(1, 1);
    world.hold(&chunks);
    (1..=200).for_each(|n| world.up(n, Manner::Silent, false));
    for round in 0..40 {
        (1..=200).for_each(|n| world.ask(round * 1000 + u64::from(n), n, chunks[0]));
    }
    let waiting = 200 * 40 - world.served.len();
    assert!(world.served.iter().all(|(_, why)| *why == Some(Decline::Busy)));
    assert!((ASKS_IN_ALL / 2..=ASKS_IN_ALL).contains(&waiting), "{waiting}");
    world.grant(Credit::Reads(4096));
    world.served.clear();
    world.drain();
    let given = |n: u64| world.served.iter().filter(|(ask, _)| ask.0 % 1000 == n).count();
    assert!((1..=200).all(|n| given(n) == ASKS_IN_ALL / 200));
}
