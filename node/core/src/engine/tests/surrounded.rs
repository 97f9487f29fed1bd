//! Where there are several seeds, none of them fills a node's neighbourhood: not with names, nor with memberships.
use super::bench::Bench;
use crate::belief::fixture::node;
use crate::engine::DropReason;
use crate::engine::bounds::{NEIGHBOURS_PER_SEED_MAX, NEIGHBOURS_WANTED};
use crate::limits::NEIGHBOURS_MAX;
use crate::message::{ChunkSet, Control, PeerAddress};
use crate::{ManifestId, PeerId};

/// A peer of the attacker's seed, or of the honest ones.
fn address(number: u8) -> String {
    format!("10.0.3.{number}:9")
}

/// A seed names so many peers, in as many messages as that takes.
fn names(bench: &mut Bench, seed: PeerId, manifest: ManifestId, numbers: core::ops::Range<u8>) {
    let named = |number| PeerAddress {
        peer: node(number),
        addresses: vec![address(number).parse().expect("an address")],
    };
    let peers: Vec<PeerAddress> = numbers.map(named).collect();
    for peers in peers.chunks(NEIGHBOURS_MAX / 2) {
        bench.say(seed, Control::Neighbours { manifest, peers: peers.to_vec() });
    }
}

/// A peer comes and shows a membership of that seed.
fn comes(bench: &mut Bench, number: u8, seed: usize) -> PeerId {
    let peer = node(number);
    bench.connect(peer, &address(number));
    let membership = bench.membership_by(seed, peer, &address(number));
    let hello = bench.hello(Some(membership));
    bench.say(peer, hello);
    peer
}

fn neighbours(bench: &Bench) -> usize {
    usize::try_from(bench.engine.status().peers).expect("few")
}

/// A node of a pool with so many seeds, in one swarm.
fn in_a_swarm(seeds: u8) -> (Bench, ManifestId) {
    let mut bench = Bench::node(seeds);
    let (manifest, content) = bench.saved("core/main/npm/1", 1, 2);
    let id = bench.remembers(&manifest, &content);
    (bench, id)
}

#[test]
fn one_seed_of_four_cannot_fill_a_neighbourhood_with_names() {
    let (mut bench, manifest) = in_a_swarm(4);
    let (hostile, honest) = (bench.meets_seed(0), bench.meets_seed(1));
    bench.clear();
    names(&mut bench, hostile, manifest, 1..100);
    let part = NEIGHBOURS_WANTED / 4;
    assert!(bench.dialled().len() <= NEIGHBOURS_PER_SEED_MAX);
    // They let each other in, so they are there.
    for number in 1..100 {
        comes(&mut bench, number, 0);
    }
    assert_eq!(neighbours(&bench), NEIGHBOURS_PER_SEED_MAX);
    bench.clear();
    names(&mut bench, honest, manifest, 100..150);
    assert!(bench.dialled().len() >= part, "those that another names find room");
}

#[test]
fn one_seed_of_four_cannot_fill_a_neighbourhood_with_memberships() {
    let (mut bench, _) = in_a_swarm(4);
    for number in 1..100 {
        comes(&mut bench, number, 0);
    }
    assert_eq!(neighbours(&bench), NEIGHBOURS_PER_SEED_MAX);
    assert!(bench.dropped().iter().all(|(_, why)| *why == DropReason::TooMany));
    for number in 100..110 {
        comes(&mut bench, number, 1);
    }
    assert_eq!(neighbours(&bench), NEIGHBOURS_PER_SEED_MAX + 10);
}

#[test]
fn a_lone_seed_names_and_admits_everybody() {
    let (mut bench, _) = in_a_swarm(1);
    for number in 1..60 {
        comes(&mut bench, number, 0);
    }
    assert_eq!(neighbours(&bench), 59);
}

#[test]
fn a_renewal_by_the_seed_that_has_its_half_is_no_reason_to_go() {
    let (mut bench, _) = in_a_swarm(4);
    let member = comes(&mut bench, 140, 1);
    for number in 1..100 {
        comes(&mut bench, number, 0);
    }
    let renewed = bench.membership_by(0, member, &address(140));
    bench.dropped();
    let hello = bench.hello(Some(renewed));
    bench.say(member, hello);
    assert!(bench.dropped().is_empty());
    assert_eq!(neighbours(&bench), NEIGHBOURS_PER_SEED_MAX + 1);
}

#[test]
fn of_the_peers_of_one_seed_one_that_shares_a_swarm_takes_the_place_of_one_that_does_not() {
    let (mut bench, manifest) = in_a_swarm(4);
    let seed = bench.meets_seed(0);
    let peers: Vec<PeerId> = (1..=32).map(|number| comes(&mut bench, number, 0)).collect();
    assert_eq!((peers.len(), neighbours(&bench)), (NEIGHBOURS_PER_SEED_MAX, NEIGHBOURS_PER_SEED_MAX));
    let sharing: Vec<PeerId> = peers.iter().skip(1).take(NEIGHBOURS_WANTED / 4 - 1).copied().collect();
    for peer in &sharing {
        bench.say(*peer, Control::Enter { manifest, have: ChunkSet::new() });
    }
    bench.clear();
    names(&mut bench, seed, manifest, 101..103);
    let dropped = bench.dropped();
    assert_eq!(dropped.len(), 1);
    assert!(dropped.iter().all(|(peer, why)| !sharing.contains(peer) && *why == DropReason::TooMany));
    assert_eq!(bench.dialled().len(), 1, "with it there are neighbours enough from this seed");
}
