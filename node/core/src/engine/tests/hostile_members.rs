//! Members that take more than their share, or speak ill of others.
use super::world::World;
use crate::engine::{DropReason, Event, Input};
use crate::message::{ChunkSet, Control, Hello, PeerAddress};
use crate::{PeerId, PeerRole};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";
const CHUNKS: u32 = 60;

/// Chunks that a reader gets, and those that a member gets which asks everybody for everything all the time, or nobody.
fn drained(asks_every: Option<Duration>) -> (usize, usize, Duration) {
    let (mut world, nodes) = World::with_nodes(1, 3);
    let (saver, reader, drainer) = (nodes[0], nodes[1], nodes[2]);
    let saved = world.published(saver, KEY, 1, CHUNKS);
    world.run(Duration::from_secs(1));
    world.resolve(reader, 1, KEY, &[]);
    let began = world.now().instant;
    world.fetch_all(reader, 1, &saved);
    while !world.fetched(reader, 1) {
        assert!(world.now().instant.since(began) < Duration::from_secs(30), "the reader starves");
        for chunk in asks_every.iter().flat_map(|_| saved.all()) {
            world.forge_ask(drainer, 0, chunk.id);
            world.forge_ask(drainer, saver, chunk.id);
        }
        world.run(asks_every.unwrap_or(Duration::from_millis(1)));
    }
    let (local, peers, seeds) = world.sources(reader, 1);
    assert_eq!(local, 0);
    (peers + seeds, world.forged_frames(drainer), world.now().instant.since(began))
}

/// Counted in chunks: while somebody else waits, who asks for everything gets no more than its turn.
#[test]
fn drain_bandwidth() {
    let (alone, none, undisturbed) = drained(None);
    assert_eq!((alone, none), (61, 0));
    let (restored, taken, disturbed) = drained(Some(Duration::from_millis(5)));
    assert_eq!(restored, 61);
    // They take turns. The seed gives what it has just given to somebody else not before it was asked a fourth time.
    assert!(taken > restored && taken <= 4 * restored, "{taken} chunks beside {restored}");
    assert!(disturbed <= 5 * undisturbed, "{disturbed:?} instead of {undisturbed:?}");
    let (_, taken_by_more, _) = drained(Some(Duration::from_millis(1)));
    assert!(taken_by_more <= 4 * restored, "asking more often is of no use: {taken_by_more}");
}

fn hello(world: &World, membership: Option<crate::Envelope>) -> Control {
    Control::Hello(Hello {
        pool: world.pool.policy.pool.clone(),
        role: PeerRole::Node,
        software: "liar".to_owned(),
        membership,
        listen_port: 9,
    })
}

fn offended(world: &World, host: usize) -> Vec<PeerId> {
    let named = |event: &Event| match event {
        Event::Banned { peer } | Event::Offended { peer, .. } | Event::Junk { peer, .. } => Some(*peer),
        _ => None,
    };
    world.hosts[host].events.iter().filter_map(named).collect()
}

/// A liar says what it can in an honest peer's name, sends junk for chunks that the honest one has too, and names it where
/// it is not. Whoever is blamed for that, it is not the honest one.
#[test]
fn frame_an_honest_peer() {
    let (mut world, nodes) = World::with_nodes(1, 4);
    let (honest, victim, liar, other) = (nodes[0], nodes[1], nodes[2], nodes[3]);
    let saved = world.published(honest, KEY, 1, 20);
    let manifest = world.id(&saved);
    // The liar holds the same chunks, and flips bits of what it gives.
    world.resolve(liar, 1, KEY, &[]);
    world.fetch_all(liar, 1, &saved);
    assert!(world.until(|world| world.fetched(liar, 1)));
    world.hosts[liar].lies = true;
    world.resolve(victim, 1, KEY, &[]);
    world.fetch_all(victim, 1, &saved);
    world.run(Duration::from_millis(6));
    world.resolve(other, 1, KEY, &[]);
    let named = world.hosts[honest].peer;
    let wrong = world.hosts[liar].address;
    let membership = world.pool.by_seed(0, &world.pool.membership(0, named));
    let relayed = Control::Relayed { ask: 1, answers: vec![(membership.clone(), Vec::new())] };
    for to in [victim, other, 0] {
        world.forge(liar, to, Control::Leave { manifest });
        world.forge(liar, to, relayed.clone());
        world.forge(liar, to, Control::Enter { manifest, have: ChunkSet::range(0, 21) });
    }
    // It shows the honest one's membership, and what only a seed may say: both cost the liar alone.
    let shown = hello(&world, Some(membership));
    world.forge(liar, victim, shown);
    let peers = vec![PeerAddress { peer: named, addresses: vec![wrong] }];
    world.forge(liar, other, Control::Neighbours { manifest, peers: peers.clone() });
    world.forge(liar, other, Control::Kin { manifest, have: ChunkSet::range(0, 21), peers });
    assert!(world.until(|world| world.fetched(victim, 1)), "{:?}", world.last(victim, 1));
    world.run(Duration::from_secs(2));
    for host in [victim, other, 0] {
        let blamed = offended(&world, host);
        assert!(blamed.iter().all(|peer| *peer == world.hosts[liar].peer), "{blamed:?}");
        assert!(
            world.hosts[host].engine.as_ref().unwrap().peers.get(&named).is_some(),
            "it is still a neighbour"
        );
    }
    assert!(!offended(&world, victim).is_empty() || !offended(&world, other).is_empty(), "somebody noticed");
    // It is read from as before, also when the seed is away.
    world.kill(0);
    world.run(Duration::from_secs(1));
    let before = world.hosts[honest].served;
    world.fetch_all(other, 1, &saved);
    assert!(world.until(|world| world.fetched(other, 1)), "{:?}", world.last(other, 1));
    assert!(world.hosts[honest].served > before);
}

/// A hostile seed names an honest peer where it is not: the dial fails, and the peer is welcome when it comes.
#[test]
fn an_honest_peer_that_was_named_where_it_is_not_is_no_worse_off() {
    use super::bench::Bench;
    use crate::belief::fixture::node;
    let mut bench = Bench::node(4);
    let seed = bench.meets_seed(0);
    let (manifest, content) = bench.saved("core/main/npm/1", 1, 2);
    let id = bench.remembers(&manifest, &content);
    bench.clear();
    for round in 0..5 {
        let peers = vec![PeerAddress { peer: node(9), addresses: vec!["10.0.2.66:1".parse().unwrap()] }];
        bench.say(seed, Control::Neighbours { manifest: id, peers });
        assert_eq!(bench.dialled(), [node(9)], "round {round}");
        bench.give(Input::DialFailed { peer: node(9) });
    }
    assert_eq!(bench.member(9), node(9));
    assert_eq!((bench.engine.status().peers, bench.engine.status().banned), (1, 0));
    assert!(bench.dropped().iter().all(|(_, why)| *why != DropReason::Misbehaved));
}
