//! Zones: who is told, who is named, who is asked first. What a peer says of its own is a hint.
use super::bench::Bench;
use crate::belief::fixture::{Pool, node};
use crate::engine::{Input, JobRequest, Output};
use crate::message::{ChunkSet, Control};
use crate::{ManifestId, PeerId, PeerRole, Zone};

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

fn told(bench: &mut Bench, peer: PeerId) -> Vec<Zone> {
    let sent = bench.sent(peer).into_iter();
    sent.filter_map(|message| if let Control::Zone { zone } = message { Some(zone) } else { None }).collect()
}

/// A seed whose policy has no zones, with a swarm of so many members in each of two zones.
fn seed(near: u8, far: u8) -> (Bench, ManifestId) {
    let mut pool = Pool::new(1);
    pool.policy.networks[0].zone = String::new();
    let key = crate::KeyPair::from_seed(*pool.seeds[0].seed());
    let mut bench = Bench::of(pool, key, PeerRole::Seed);
    let (manifest, content) = bench.saved("core/main/npm/1", 1, 2);
    let id = bench.remembers(&manifest, &content);
    for number in 1..=near + far {
        let peer = bench.member(number);
        bench.say(peer, Control::Zone { zone: zone(if number <= near { "here" } else { "there" }) });
        bench.say(peer, Control::Enter { manifest: id, have: ChunkSet::default() });
    }
    (bench, id)
}

/// How many of the neighbours that it is named are near.
fn named(bench: &mut Bench, peer: PeerId, manifest: ManifestId, near: u8) -> (usize, usize) {
    bench.clear();
    bench.say(peer, Control::Enter { manifest, have: ChunkSet::default() });
    let named = bench.sent(peer).into_iter().find_map(|message| match message {
        Control::Neighbours { peers, .. } => Some(peers),
        _ => None,
    });
    let named = named.unwrap();
    let near = (1..=near).map(node).filter(|peer| named.iter().any(|one| one.peer == *peer)).count();
    (near, named.len())
}

#[test]
fn a_seed_names_mostly_neighbours_of_the_same_zone_and_some_of_others() {
    let (mut bench, manifest) = seed(40, 80);
    let (near, all) = named(&mut bench, node(3), manifest, 40);
    assert!((24..=28).contains(&near) && all == 32, "{near} of {all}");
    let (near, all) = named(&mut bench, node(100), manifest, 40);
    assert!((4..=8).contains(&near) && all == 32, "{near} of {all}");
}

#[test]
fn only_the_first_word_of_a_zone_counts() {
    let (mut bench, manifest) = seed(40, 80);
    for number in 0..100 {
        bench.say(node(3), Control::Zone { zone: zone(&format!("{number}")) });
    }
    bench.say(node(3), Control::Zone { zone: zone("there") });
    assert!(named(&mut bench, node(3), manifest, 40).0 >= 24);
}

#[test]
fn whom_nobody_knows_has_no_say_about_zones() {
    let mut bench = Bench::seed(1);
    let stranger = node(1);
    bench.connect(stranger, "10.0.2.1:9");
    let hello = bench.hello(None);
    bench.say(stranger, hello);
    bench.say(stranger, Control::Zone { zone: zone("a") });
    let dropped = |output: &Output| matches!(output, Output::Disconnect { .. }).then_some(());
    assert_eq!(bench.take(dropped).len(), 1);
}

#[test]
fn a_node_that_was_told_its_zone_tells_seeds_and_members_once() {
    let mut bench = Bench::node(1);
    bench.engine.config.zone = Some(zone("rack-7"));
    let seed = bench.admitted_by(0);
    let member = bench.member(1);
    for peer in [seed, member] {
        assert_eq!(told(&mut bench, peer), [zone("rack-7")]);
    }
    let mut silent = Bench::node(1);
    let seed = silent.admitted_by(0);
    assert_eq!(told(&mut silent, seed), [], "what the policy says of an address, everybody knows");
}

/// A node of the zone "here" fetches from so many members in each of two zones, who all have everything: how many of the
/// first chunks are asked of those that are near.
fn asked_first(say: impl Fn(&mut Bench, PeerId, bool)) -> (usize, usize) {
    let mut bench = Bench::node(1);
    bench.engine.config.zone = Some(zone("here"));
    bench.admitted_by(0);
    let (manifest, content) = bench.saved("core/main/npm/1", 1, 250);
    let certified = bench.certified(&manifest);
    let id = certified.manifest.id();
    bench.give(Input::Recovered(certified));
    bench.look(|chunk| manifest.tree.chunks.contains(chunk));
    bench.open(Ok(content.clone()));
    bench.look(|_| false);
    for number in 1..=24 {
        let peer = bench.member(number);
        say(&mut bench, peer, number <= 12);
        bench.say(peer, Control::Enter { manifest: id, have: ChunkSet::range(0, 251) });
    }
    bench.job(1, JobRequest::Fetch { manifest: id, chunks: content });
    let fetches = bench.fetches();
    let near = fetches.iter().filter(|(_, peer, _)| (1..=12).any(|number| node(number) == *peer)).count();
    (near, fetches.len())
}

#[test]
fn peers_of_the_same_zone_are_asked_first() {
    let (near, all) = asked_first(|bench, peer, near| {
        bench.say(peer, Control::Zone { zone: zone(if near { "here" } else { "there" }) });
    });
    assert!(near * 5 > all * 3, "{near} of {all}");
    let (near, all) = asked_first(|_, _, _| {});
    assert!(near * 5 < all * 3, "nobody says where it is: {near} of {all}");
}
