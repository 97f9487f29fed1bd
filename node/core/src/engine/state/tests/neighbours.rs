//! Whom a seed names: most near, some far, some by chance, all about as often.
use super::super::chance::Chance;
use super::super::tracker::Tracker;
use super::{id, peer};
use crate::engine::bounds::FAR_PART;
use crate::limits::NEIGHBOURS_MAX;
use crate::{PeerId, PublicKey, Zone};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

/// Names are spread as those of keys are.
fn member(number: u32) -> PeerId {
    PeerId::new(PublicKey::from_bytes(*blake3::hash(&number.to_le_bytes()).as_bytes()))
}

/// A swarm of so many in each of these zones; a member without one is of the zone "".
fn swarm(counts: &[(&str, u32)]) -> (Tracker, BTreeMap<PeerId, String>) {
    let (mut tracker, mut zones) = (Tracker::default(), BTreeMap::new());
    for (number, (name, peer)) in counts
        .iter()
        .flat_map(|&(name, count)| (0..count).map(move |_| name))
        .enumerate()
        .map(|(number, name)| (number, (name, member(u32::try_from(number).unwrap()))))
    {
        // Some say where they are before they take part, others after.
        let placed = (!name.is_empty()).then(|| zone(name));
        if number % 2 == 0 {
            placed.iter().for_each(|zone| tracker.place(peer, zone.clone()));
        }
        assert!(tracker.enter(id(1), peer, 0));
        if number % 2 == 1 {
            placed.iter().for_each(|zone| tracker.place(peer, zone.clone()));
        }
        zones.insert(peer, name.to_owned());
    }
    (tracker, zones)
}

fn counted(
    tracker: &mut Tracker,
    zones: &BTreeMap<PeerId, String>,
    asker: PeerId,
    rng_seed: u64,
) -> BTreeMap<String, usize> {
    let picked = tracker.sample(&mut Chance::new(rng_seed), &id(1), NEIGHBOURS_MAX, &asker);
    assert!(!picked.contains(&asker));
    let mut counts = BTreeMap::new();
    picked.iter().for_each(|peer| *counts.entry(zones[peer].clone()).or_default() += 1);
    counts
}

#[test]
fn most_neighbours_are_near_and_some_are_far() {
    let (mut tracker, zones) = swarm(&[("a", 100), ("b", 400), ("c", 400)]);
    for number in 0..50 {
        let counts = counted(&mut tracker, &zones, member(number), u64::from(number));
        let near = counts.get("a").copied().unwrap_or(0);
        assert_eq!(counts.values().sum::<usize>(), NEIGHBOURS_MAX);
        assert!((24..=28).contains(&near), "{counts:?}");
    }
}

#[test]
fn the_few_that_are_far_are_named_and_not_always_the_same() {
    let (mut tracker, zones) = swarm(&[("a", 2_000), ("b", 12)]);
    let mut named = BTreeMap::new();
    for number in 0..60 {
        let picked = tracker.sample(&mut Chance::new(number), &id(1), NEIGHBOURS_MAX, &member(5));
        let far: Vec<_> = picked.iter().filter(|peer| zones[*peer] == "b").collect();
        assert!(far.len() >= NEIGHBOURS_MAX / FAR_PART, "{far:?}");
        far.into_iter().for_each(|peer| *named.entry(*peer).or_insert(0) += 1);
    }
    assert_eq!(named.len(), 12);
    assert!(named.values().max() < Some(&40), "{named:?}");
}

#[test]
fn who_has_a_zone_of_its_own_gets_as_many_neighbours_as_anybody() {
    let (mut tracker, zones) = swarm(&[("alone", 1), ("a", 50), ("", 50)]);
    let counts = counted(&mut tracker, &zones, member(0), 1);
    assert_eq!(counts.values().sum::<usize>(), NEIGHBOURS_MAX);
    let (mut tracker, zones) = swarm(&[("", 100), ("a", 1)]);
    let counts = counted(&mut tracker, &zones, member(0), 1);
    assert_eq!(counts.values().sum::<usize>(), NEIGHBOURS_MAX, "nobody says where it is");
}

#[test]
fn in_one_zone_nobody_is_named_much_more_often_than_others() {
    let (mut tracker, _) = swarm(&[("a", 200)]);
    let (mut chance, mut named) = (Chance::new(1), BTreeMap::new());
    for number in 0..200 {
        for peer in tracker.sample(&mut chance, &id(1), NEIGHBOURS_MAX, &member(number)) {
            *named.entry(peer).or_insert(0_usize) += 1;
        }
    }
    let (least, most) = (named.values().min().unwrap(), named.values().max().unwrap());
    assert!(named.len() == 200 && *most <= 2 * NEIGHBOURS_MAX, "{least} to {most}");
}

#[test]
fn a_zone_ends_with_its_member() {
    let mut tracker = Tracker::default();
    tracker.place(peer(1), zone("a"));
    tracker.enter(id(1), peer(1), 0);
    tracker.place(peer(1), zone("b"));
    tracker.gone(&peer(1));
    tracker.enter(id(1), peer(1), 0);
    assert!(!format!("{tracker:?}").contains("Zone("), "nothing is kept of who is gone: {tracker:?}");
}

proptest! {
    #[test]
    fn a_sample_by_zones_is_as_large_as_it_can_be(
        counts in prop::collection::vec((0_usize..4, 0_u32..30), 0..5),
        asker in 0_u32..40,
        count in 0_usize..40,
        rng_seed: u64,
    ) {
        let names = ["", "a", "b", "c"];
        let counts: Vec<_> = counts.into_iter().map(|(zone, count)| (names[zone], count)).collect();
        let (mut tracker, zones) = swarm(&counts);
        let picked = tracker.sample(&mut Chance::new(rng_seed), &id(1), count, &member(asker));
        let others = zones.keys().filter(|peer| **peer != member(asker)).count();
        prop_assert!(!picked.contains(&member(asker)));
        prop_assert_eq!(picked.len(), others.min(count));
    }
}
