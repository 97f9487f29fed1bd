//! A node that has all the neighbours that it may have.
use super::bench::Bench;
use crate::belief::fixture::node;
use crate::engine::bounds::TRIAL_TIME;
use crate::engine::{DropReason, Input};
use crate::limits::{NEWCOMERS_MAX, PEERS_MAX};
use crate::message::{ChunkSet, Control, PeerAddress};
use crate::{ManifestId, PeerId};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";

/// A node with a swarm and as many members as it may have; those with numbers up to `sharing` take part in it.
fn full(sharing: u8) -> (Bench, ManifestId, u8) {
    let mut bench = Bench::node(1);
    let (manifest, content) = bench.saved(KEY, 1, 3);
    let id = bench.remembers(&manifest, &content);
    let count = u8::try_from(PEERS_MAX).unwrap();
    for number in 1..=count {
        let peer = bench.member(number);
        if number <= sharing {
            bench.say(peer, enter(id));
        }
        bench.pass(Duration::from_millis(10));
    }
    bench.clear();
    assert_eq!(bench.engine.peers.len(), PEERS_MAX);
    (bench, id, count)
}

fn enter(manifest: ManifestId) -> Control {
    Control::Enter { manifest, have: ChunkSet::new() }
}

fn connected(bench: &Bench, peer: PeerId) -> bool {
    bench.engine.peers.get(&peer).is_some()
}

#[test]
fn a_newcomer_that_shares_a_swarm_takes_the_place_of_the_one_silent_longest_that_shares_none() {
    let (mut bench, id, count) = full(10);
    bench.say(node(11), Control::Leave { manifest: id });
    let newcomer = bench.member(count + 1);
    bench.say(newcomer, enter(id));
    bench.pass(TRIAL_TIME);
    assert_eq!(bench.dropped(), [(node(12), DropReason::TooMany)], "10 share a swarm, and 11 spoke last");
    assert!(connected(&bench, newcomer));
    assert_eq!(bench.engine.peers.len(), PEERS_MAX);
}

#[test]
fn a_newcomer_that_shares_nothing_is_let_go() {
    let (mut bench, _, count) = full(10);
    let newcomer = bench.member(count + 1);
    bench.pass(TRIAL_TIME);
    assert_eq!(bench.dropped(), [(newcomer, DropReason::TooMany)]);
}

#[test]
fn where_everybody_shares_a_swarm_a_newcomer_is_refused_at_once() {
    let (mut bench, _, count) = full(u8::MAX);
    let newcomer = node(count + 1);
    bench.connect(newcomer, &Bench::address(count + 1));
    assert_eq!(bench.dropped(), [(newcomer, DropReason::TooMany)]);
    assert!(bench.sent(newcomer).is_empty());
}

#[test]
fn few_are_on_trial_at_once() {
    let (mut bench, _, count) = full(0);
    for number in 0..20 {
        bench.connect(node(count + 1 + number), &Bench::address(count + 1 + number));
    }
    assert_eq!(bench.engine.peers.len(), PEERS_MAX + NEWCOMERS_MAX);
    assert_eq!(bench.dropped().len(), 20 - NEWCOMERS_MAX);
    bench.pass(TRIAL_TIME);
    assert_eq!(bench.engine.peers.len(), PEERS_MAX);
}

#[test]
fn whoever_finds_room_meanwhile_stays() {
    let (mut bench, _, count) = full(0);
    let newcomer = bench.member(count + 1);
    bench.give(Input::Disconnected { peer: node(1) });
    bench.pass(TRIAL_TIME);
    assert!(bench.dropped().is_empty() && connected(&bench, newcomer));
}

#[test]
fn a_seed_always_finds_room() {
    let (mut bench, _, _) = full(u8::MAX);
    let seed = bench.admitted_by(0);
    bench.pass(TRIAL_TIME);
    assert!(bench.dropped().is_empty() && connected(&bench, seed));
}

#[test]
fn neighbours_that_a_seed_names_are_dialled_only_in_place_of_idle_ones() {
    // Who has neighbours enough dials nobody; who has none, in place of the idle.
    for (sharing, dials) in [(u8::MAX, 0), (60, 0), (0, NEWCOMERS_MAX)] {
        let (mut bench, manifest, count) = full(sharing);
        let seed = bench.pool.seed_id(0);
        // The seed's own connection counts too.
        bench.give(Input::Disconnected { peer: node(count) });
        bench.admitted_by(0);
        bench.clear();
        let named = |number: u8| PeerAddress {
            peer: node(100 + number),
            addresses: vec![Bench::address(100 + number).parse().unwrap()],
        };
        bench.say(seed, Control::Neighbours { manifest, peers: (0..30).map(named).collect() });
        assert_eq!(bench.dialled().len(), dials, "{sharing} take part");
    }
}

#[test]
fn the_name_of_one_that_is_away_makes_room_for_one_that_is_here() {
    let mut bench = Bench::node(1);
    let (manifest, content) = bench.saved(KEY, 1, 3);
    let id = bench.remembers(&manifest, &content);
    for number in 0..128 {
        let mut name = [number; 32];
        name[31] = 0;
        let peer = PeerId::new(crate::PublicKey::from_bytes(name));
        bench.engine.swarms.get_mut(&id).unwrap().neighbours.insert(peer);
    }
    let peer = bench.member(1);
    bench.say(peer, enter(id));
    let neighbours = &bench.engine.swarms.get(&id).unwrap().neighbours;
    assert_eq!((neighbours.len(), neighbours.contains(&peer)), (128, true));
}
