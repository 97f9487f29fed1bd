//! Which chunks are asked for with one request, and that each of them has a life of its own.
use super::super::limits::{AHEAD_BYTES, CROWD_HOLDERS, RANDOM_FIRST};
use super::world::*;
use crate::engine::{Credit, FetchFailure, FetchId};
use crate::limits::{CHUNK_BYTES_MAX, REQUEST_BYTES_MAX, REQUEST_CHUNKS_MAX};
use crate::message::Decline;
use crate::{ChunkFault, ChunkRef};
use proptest::prelude::*;

/// A world with one peer, quick and known as such, that has all of these chunks, each of so many bytes.
fn warm(rng_seed: u64, count: u32, bytes: usize) -> (World, Vec<ChunkRef>) {
    let mut world = World::new(rng_seed);
    let chunks = world.chunks_of(0..count, bytes);
    let more = world.chunks(100_000..100_200);
    for (swarm, chunks) in [(1, &chunks), (2, &more)] {
        world.transfer.open_swarm(manifest(swarm), &chunks[..1], u32::try_from(chunks.len() - 1).unwrap());
        world.transfer.set_content(manifest(swarm), &chunks[1..]);
    }
    world.up(1, Manner::Honest(MS), false);
    world.has(1, 2, 0..200);
    world.transfer.want(world.now, pull(99), manifest(2), &more, None);
    world.settle();
    world.transfer.close_swarm(manifest(2));
    world.requests.clear();
    world.has(1, 1, 0..count);
    (world, chunks)
}

/// Each request with the places of its chunks in this list, first the one to whom it went.
fn requests(world: &World, chunks: &[ChunkRef]) -> Vec<(crate::PeerId, Vec<usize>)> {
    let place = |wanted: &ChunkRef| chunks.iter().position(|chunk| chunk == wanted);
    let all = world.requests.iter();
    all.map(|(peer, asked)| (*peer, asked.iter().filter_map(place).collect())).collect()
}

/// The live fetches of the first request for at least three chunks.
fn first_group(world: &World) -> Vec<(FetchId, ChunkRef)> {
    let group = world.requests.iter().map(|(_, chunks)| chunks).find(|chunks| chunks.len() >= 3).unwrap();
    let fetch = |chunk: &ChunkRef| {
        let found = world.live.iter().find(|(_, live)| live.chunk == *chunk).unwrap();
        (*found.0, *chunk)
    };
    group.iter().map(fetch).collect()
}

#[test]
fn neighbours_are_asked_for_together() {
    let (mut world, chunks) = warm(1, 600, 100);
    world.want(job(1), &chunks);
    world.settle();
    let asked = requests(&world, &chunks);
    assert_eq!((world.done(job(1)), asked.iter().map(|(_, places)| places.len()).sum::<usize>()), (1, 600));
    let in_a_row = |places: &[usize]| places.windows(2).all(|two| two[1] == two[0] + 1);
    assert!(asked.iter().all(|(_, places)| in_a_row(places)), "{asked:?}");
    assert!(asked.len() < 600 / 3, "{} requests", asked.len());
}

#[test]
fn the_first_and_the_last_are_asked_for_one_by_one() {
    let (mut world, chunks) = warm(2, 400, 100);
    world.want(job(1), &chunks);
    world.settle();
    let mut lengths = world.requests.iter().map(|(_, chunks)| chunks.len());
    assert!(lengths.by_ref().take(usize::try_from(RANDOM_FIRST).unwrap()).all(|length| length == 1));
    assert!(lengths.clone().any(|length| length >= 4));
    assert!(lengths.rev().take(20).all(|length| length == 1));
}

#[test]
fn a_request_asks_for_no_more_bytes_than_the_bound() {
    let third = usize::try_from(REQUEST_BYTES_MAX / 3).unwrap();
    for (bytes, most) in
        [(third, 3), (third + 1, 2), (third * 2, 1), (usize::try_from(CHUNK_BYTES_MAX).unwrap(), 1)]
    {
        let (mut world, chunks) = warm(3, 100, bytes);
        world.want(pull(1), &chunks);
        world.settle();
        assert_eq!(world.requests.iter().map(|(_, chunks)| chunks.len()).max(), Some(most), "{bytes}");
    }
}

#[test]
fn a_peer_is_asked_for_what_comes_within_the_time_of_a_pipeline() {
    let (mut world, chunks) = warm(4, 1000, 100);
    world.set_manner(1, Manner::Honest(45 * MS));
    world.want(job(1), &chunks);
    world.run(5 * SECOND);
    world.requests.clear();
    world.run(10 * SECOND);
    assert!(world.requests.len() > 50 && world.requests.iter().all(|(_, chunks)| chunks.len() <= 2));
}

#[test]
fn what_is_rare_is_asked_for_alone() {
    let (mut world, chunks) = warm(5, 400, 100);
    // Ten others have all but every tenth, and have no place for more.
    for n in 2..12 {
        world.up(n, Manner::Fails(FetchFailure::Broken), false);
        let parts = (0..400).step_by(10).map(|rare| rare + 1..rare + 10);
        parts.for_each(|part| world.has(n, 1, part));
    }
    world.want(job(1), &chunks);
    world.settle();
    let asked = requests(&world, &chunks);
    let of_quick = asked.iter().filter(|(who, _)| *who == peer(1));
    let (mut rare, mut grouped) = (0, 0);
    for (_, places) in of_quick {
        let has_rare = places.iter().any(|place| place % 10 == 0);
        assert!(!has_rare || places.len() == 1, "{places:?}");
        rare += usize::from(has_rare);
        grouped += usize::from(places.len() > 1);
    }
    assert!(rare == 40 && grouped > 10, "{rare} {grouped}");
}

/// Those at even places have one holder less than a crowd; their neighbours have a crowd's.
#[test]
fn of_a_seed_a_neighbour_that_a_crowd_has_is_not_asked() {
    let (mut world, chunks) = World::with_swarm(14, 399);
    world.up(9, Manner::Honest(MS), true);
    world.has(9, 1, 0..400);
    let others = u8::try_from(CROWD_HOLDERS).unwrap() - 1;
    (1..others).for_each(|n| world.member(n, Manner::Silent, 0..400));
    world.up(others, Manner::Silent, false);
    (1..400).step_by(2).for_each(|odd| world.has(others, 1, odd..odd + 1));
    world.want(pull(1), &chunks);
    world.run(SECOND / 2);
    let of_seed = requests(&world, &chunks).into_iter().filter(|(who, _)| *who == peer(9));
    let places: Vec<usize> = of_seed.flat_map(|(_, places)| places).collect();
    assert!(places.len() > 50 && places.iter().all(|place| place % 2 == 0), "{places:?}");
}

#[test]
fn only_what_the_peer_has_is_asked_of_it() {
    let (mut world, chunks) = warm(6, 10, 100);
    world.transfer.close_swarm(manifest(1));
    let all = world.chunks(500..900);
    world.transfer.open_swarm(manifest(1), &all, 0);
    (0..400).step_by(5).for_each(|from| world.has(1, 1, from..from + 2));
    world.want(pull(1), &all);
    world.run(2 * SECOND);
    let asked = requests(&world, &all);
    assert_eq!(asked.iter().map(|(_, places)| places.len()).sum::<usize>(), 160);
    assert!(asked.iter().flat_map(|(_, places)| places).all(|place| place % 5 < 2), "{asked:?}");
    assert!(asked.iter().any(|(_, places)| places.len() == 2) && chunks.len() == 10);
}

#[test]
fn a_chunk_at_several_places_is_asked_for_once() {
    let (mut world, chunks) = warm(7, 10, 100);
    world.transfer.close_swarm(manifest(1));
    let once = world.chunks(500..600);
    let thrice: Vec<ChunkRef> = once.iter().flat_map(|chunk| [*chunk; 3]).collect();
    world.transfer.open_swarm(manifest(1), &thrice, 0);
    world.has(1, 1, 0..300);
    world.want(pull(1), &once);
    world.settle();
    assert_eq!((world.done(pull(1)), world.requests.iter().map(|(_, c)| c.len()).sum::<usize>()), (1, 100));
    assert_eq!(chunks.len(), 10);
}

#[test]
fn a_job_that_takes_nothing_is_not_fetched_further_ahead_for_neighbours() {
    let (mut world, chunks) = warm(8, 6000, 50_000);
    world.generous = false;
    world.transfer.want(world.now, job(1), manifest(1), &chunks, None);
    world.grant(Credit::Checks(10_000));
    world.grant(Credit::Writes(10_000));
    world.run(20 * SECOND);
    let asked: u64 =
        world.requests.iter().flat_map(|(_, chunks)| chunks).map(|chunk| u64::from(chunk.bytes)).sum();
    assert!((AHEAD_BYTES..AHEAD_BYTES + 50_000).contains(&asked), "{asked}");
}

#[test]
fn a_peer_that_lacks_one_of_them_gives_the_others() {
    let (mut world, chunks) = warm(9, 200, 100);
    world.set_manner(1, Manner::Silent);
    world.want(job(1), &chunks);
    let group = first_group(&world);
    let (fetch, lacking) = group[1];
    let declined = FetchFailure::Declined(Decline::Missing);
    world.transfer.fetch_failed(world.now, fetch, declined);
    world.drain();
    for &(fetch, chunk) in group.iter().filter(|(other, _)| *other != fetch) {
        assert!(world.live.contains_key(&fetch));
        world.arrives(fetch, Ok(()));
        assert!(world.given_to(1).contains(&chunk));
    }
    assert!(!world.live.values().any(|live| live.chunk == lacking), "nobody else has it");
    world.member(2, Manner::Honest(MS), 0..200);
    world.run(100 * MS);
    assert!(world.given_to(1).contains(&lacking));
    let again = world.asked.iter().filter(|(who, chunk)| *who == peer(1) && *chunk == lacking);
    assert_eq!(again.count(), 1);
}

#[test]
fn one_of_them_is_junk() {
    let (mut world, chunks) = warm(10, 200, 100);
    world.set_manner(1, Manner::Silent);
    world.want(job(1), &chunks);
    let group = first_group(&world);
    world.arrives(group[0].0, Ok(()));
    world.arrives(group[1].0, Err(ChunkFault::WrongHash));
    assert_eq!((world.given_to(1), world.junk_from(1)), (vec![group[0].1], 1));
    world.run(MS);
    assert!(world.live.is_empty(), "whatever else was asked of it is given up");
    world.member(2, Manner::Honest(MS), 0..200);
    world.settle();
    assert_eq!((world.given_to(1).len(), world.done(job(1))), (200, 1));
}

#[test]
fn one_in_the_middle_is_cancelled() {
    let (mut world, chunks) = warm(11, 200, 100);
    world.set_manner(1, Manner::Silent);
    world.want(job(1), &chunks);
    let (group, before) = (first_group(&world), world.live.len());
    world.hold(&[group[1].1]);
    assert!(!world.live.contains_key(&group[1].0));
    assert!(world.live.contains_key(&group[0].0) && world.live.contains_key(&group[2].0));
    assert!(world.live.len() >= before - 1);
    world.arrives(group[2].0, Ok(()));
    world.arrives(group[0].0, Ok(()));
    let expected = [group[1].1, group[2].1, group[0].1];
    assert_eq!(world.given_to(1), expected);
}

#[test]
fn a_hedge_is_single() {
    let (mut world, chunks) = warm(12, 200, 100);
    world.set_manner(1, Manner::Silent);
    world.want(job(1), &chunks);
    let stuck: Vec<ChunkRef> = world.live.values().map(|live| live.chunk).collect();
    assert!(stuck.len() > 10);
    world.member(2, Manner::Honest(MS), 0..200);
    world.run(1500 * MS);
    assert_eq!(world.given_to(1).len(), 200);
    let hedges = world
        .requests
        .iter()
        .filter(|(who, asked)| *who == peer(2) && asked.iter().any(|c| stuck.contains(c)));
    let lengths: Vec<usize> = hedges.map(|(_, asked)| asked.len()).collect();
    assert_eq!(lengths, vec![1; stuck.len()]);
}

#[test]
fn all_of_a_request_that_is_declined_is_one_trouble() {
    let (mut world, chunks) = warm(13, 200, 100);
    let busy = FetchFailure::Declined(Decline::Busy);
    world.set_manner(1, Manner::Fails(busy));
    world.want(job(1), &chunks);
    world.run(2 * MS);
    let peer = world.transfer.peers.find(peer(1)).and_then(|no| world.transfer.peers.get(no)).unwrap();
    assert_eq!((peer.window, world.asked.len() - 200), (8, 16), "halved once for what was asked at one time");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// The world looks at the bounds of each request.
    #[test]
    fn whatever_their_sizes_requests_keep_to_the_bounds(
        rng_seed: u64,
        sizes in prop::collection::vec(prop_oneof![4..2000_usize, 4..300_000_usize, 4..1_048_576_usize], 40..200),
        peers in 1_u8..4,
    ) {
        let mut world = World::new(rng_seed);
        let made = sizes.iter().zip(0..).map(|(&bytes, n)| world.chunks_of(n..n + 1, bytes)[0]);
        let chunks: Vec<ChunkRef> = made.collect();
        world.transfer.open_swarm(manifest(1), &chunks, 0);
        let count = u32::try_from(chunks.len()).unwrap();
        (1..=peers).for_each(|n| world.member(n, Manner::Honest(MS), 0..count));
        world.want(pull(1), &chunks);
        world.settle();
        prop_assert_eq!((world.done(pull(1)), world.asked.len()), (1, chunks.len()));
        prop_assert!(world.requests.iter().all(|(_, asked)| asked.len() <= REQUEST_CHUNKS_MAX));
    }
}
