//! Relayed answers: the newest of each seed and lineage, within bounds.
use super::super::relays::{Handout, Relay, Relays, lineages};
use super::{at, peer};
use crate::belief::fixture::query;
use crate::engine::bounds::{BESIDE_BYTES_MAX, RELAYS_MAX};
use crate::limits::SEEDS_MAX;
use crate::{Envelope, Lineage, RelayedAnswer, Timestamp};
use core::time::Duration;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn relay(payload: Vec<u8>) -> Relay {
    (Envelope { payload_type: String::new(), payload, signatures: Vec::new() }, Vec::new())
}

fn statement(seed: u16, lineage: &str, time: u64) -> RelayedAnswer {
    RelayedAnswer {
        pool: "pool".into(),
        seed: peer(seed),
        lineage: lineage.parse().unwrap(),
        policy_version: 1,
        candidates: Vec::new(),
        time: Timestamp::from_millis(time),
        papers: None,
    }
}

fn marks(relays: &[Relay]) -> Vec<u8> {
    relays.iter().map(|(answer, _)| answer.payload[0]).collect()
}

proptest! {
    #[test]
    fn the_first_of_the_newest_is_kept(told in prop::collection::vec((0_u16..3, 0_u8..3, 1_u64..6), 0..40)) {
        let (mut relays, mut model) = (Relays::default(), BTreeMap::new());
        for (mark, (seed, lineage, time)) in (0_u8..).zip(told) {
            let name = format!("l/{lineage}");
            relays.keep(statement(seed, &name, time), relay(vec![mark]));
            let held = model.entry((lineage, seed)).or_insert((time, mark));
            if held.0 < time {
                *held = (time, mark);
            }
        }
        prop_assert_eq!(relays.len(), model.len());
        let wanted = |lineage: u8| lineage != 2;
        let expected: Vec<u8> =
            model.iter().filter(|((lineage, _), _)| wanted(*lineage)).map(|(_, (_, mark))| *mark).collect();
        prop_assert_eq!(marks(&relays.answering(&query("l/0/k", &["l/1/x*", "l/0"]))), expected);
    }

    #[test]
    fn whoever_waits_for_a_signature_is_told_once(asked in prop::collection::vec((0_u8..2, 0_u16..4), 0..20)) {
        let (mut handout, mut waiting) = (Handout::default(), BTreeMap::<u8, BTreeSet<_>>::new());
        let lineage = |number: u8| -> Lineage { format!("l/{number}").parse().unwrap() };
        for (of, who) in asked {
            prop_assert_eq!(handout.ask(&lineage(of), [peer(who)].into_iter()), !waiting.contains_key(&of));
            waiting.entry(of).or_default().insert(peer(who));
        }
        for of in 0..2 {
            let told = handout.signed(at(1), &lineage(of), relay(vec![1]));
            prop_assert_eq!(told, waiting.remove(&of).unwrap_or_default());
            prop_assert!(handout.signed(at(1), &lineage(of), relay(vec![1])).is_empty());
        }
    }
}

#[test]
fn when_full_an_older_answer_displaces_nothing() {
    let mut relays = Relays::default();
    for number in 0..RELAYS_MAX {
        relays.keep(statement(1, &format!("l/{number}"), 100), relay(vec![1]));
    }
    relays.keep(statement(1, "old/1", 99), relay(vec![2]));
    assert!(relays.answering(&query("old/1/k", &[])).is_empty());
    relays.keep(statement(1, "new/1", 101), relay(vec![3]));
    assert_eq!(marks(&relays.answering(&query("new/1/k", &[]))), [3]);
    assert_eq!(relays.len(), RELAYS_MAX);
}

#[test]
fn no_more_answers_than_seeds_go_into_one_message() {
    let mut relays = Relays::default();
    let many = u16::try_from(SEEDS_MAX).unwrap() + 3;
    (0..many).for_each(|seed| relays.keep(statement(seed, "l/1", 1), relay(vec![1])));
    assert_eq!(relays.answering(&query("l/1/k", &[])).len(), SEEDS_MAX);
}

#[test]
fn an_answer_that_fits_no_message_is_not_sent() {
    let mut relays = Relays::default();
    relays.keep(statement(1, "l/1", 1), relay(vec![0; BESIDE_BYTES_MAX]));
    assert!(relays.answering(&query("l/1/k", &[])).is_empty());
}

#[test]
fn a_query_looks_into_the_lineages_that_it_names() {
    let named = |key, fallbacks: &[&str]| -> Vec<String> {
        lineages(&query(key, fallbacks)).iter().map(ToString::to_string).collect()
    };
    assert_eq!(named("a/b/c", &["x/y*", "a/b", "a/b/d*"]), ["a/b", "x"]);
    assert_eq!(named("alone", &[]), Vec::<String>::new());
}

#[test]
fn what_was_signed_is_forgotten_with_age_and_not_before() {
    let (mut handout, lineage) = (Handout::default(), "l/1".parse::<Lineage>().unwrap());
    let age = Duration::from_micros(30);
    handout.signed(at(10), &lineage, relay(vec![1]));
    handout.prune(at(39), age);
    assert!(handout.recent(at(39), &lineage, age).is_some());
    handout.prune(at(40), age);
    assert!(handout.recent(at(10), &lineage, age).is_none());
}
