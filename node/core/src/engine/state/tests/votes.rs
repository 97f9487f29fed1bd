//! One vote for each key and sequence, whatever is offered in whatever order, and whenever the seed is restarted.
use super::super::votes::{Claim, Votes};
use super::{id, peer};
use crate::{Envelope, Key, Receipt, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A key by its number, a sequence.
type Place = (u8, u64);

#[derive(Clone, Copy, Debug)]
enum Step {
    Claim(Place, u16),
    /// Of the claims that hold, this one, counted round.
    Release(usize),
    /// The same: its receipt is signed; the claim goes on.
    Seal(usize),
    /// The process ends, and reads every receipt again.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let place = (0_u8..2, 1_u64..6);
    prop_oneof![
        6 => (place, 0_u16..4).prop_map(|(place, manifest)| Step::Claim(place, manifest)),
        3 => any::<usize>().prop_map(Step::Release),
        3 => any::<usize>().prop_map(Step::Seal),
        1 => Just(Step::Restart),
    ]
}

fn key(number: u8) -> Key {
    format!("core/a/{number}").parse().unwrap()
}

/// The receipt names its place and, by its mark, which signing it came from.
fn receipt((of, sequence): Place, manifest: u16) -> Receipt {
    Receipt {
        pool: "pool".into(),
        seed: peer(9),
        // A manifest stands in one place only: its name is made of both.
        manifest: named((of, sequence), manifest),
        key: key(of),
        sequence,
        time: Timestamp::from_millis(1),
    }
}

fn named((of, sequence): Place, manifest: u16) -> crate::ManifestId {
    id(u16::from(of) * 1_000 + u16::try_from(sequence).unwrap() * 100 + manifest)
}

fn envelope(mark: u8) -> Envelope {
    Envelope { payload_type: String::new(), payload: vec![mark], signatures: Vec::new() }
}

#[derive(Default)]
struct Model {
    votes: Votes,
    /// Claims that hold, in the order in which they were made.
    held: Vec<(Place, u16)>,
    /// What was signed, and the mark of the first envelope.
    signed: BTreeMap<Place, (u16, u8)>,
    marks: u8,
}

impl Model {
    fn owner(&self, place: Place) -> Option<u16> {
        let held = self.held.iter().find(|(held, _)| *held == place).map(|(_, manifest)| *manifest);
        held.or(self.signed.get(&place).map(|(manifest, _)| *manifest))
    }

    fn highest(&self, of: u8) -> u64 {
        let held = self.held.iter().map(|(place, _)| *place);
        let taken = held.chain(self.signed.keys().copied());
        taken.filter(|place| place.0 == of).map(|place| place.1).max().unwrap_or(0)
    }

    fn may_have(&self, place: Place, manifest: u16) -> bool {
        self.owner(place).map_or(place.1 > self.highest(place.0), |owner| owner == manifest)
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Claim(place, manifest) => self.claim(place, manifest),
            Step::Release(which) => {
                if let Some(place) = which.checked_rem(self.held.len()).map(|n| self.held.remove(n).0) {
                    self.votes.release(&key(place.0), place.1);
                }
            }
            Step::Seal(which) => self.seal(which),
            Step::Restart => self.restart(),
        }
    }

    fn claim(&mut self, place: Place, manifest: u16) {
        let expected = if self.may_have(place, manifest) { Claim::Taken } else { Claim::Conflict };
        let claim = self.votes.claim(&key(place.0), place.1, named(place, manifest));
        assert_eq!(claim, expected, "{place:?} for {manifest}");
        if claim == Claim::Taken {
            self.held.push((place, manifest));
        }
    }

    fn seal(&mut self, which: usize) {
        let Some((place, manifest)) = which.checked_rem(self.held.len()).map(|n| self.held[n]) else {
            return;
        };
        self.marks = self.marks.wrapping_add(1);
        let (voted, mark) = *self.signed.entry(place).or_insert((manifest, self.marks));
        assert_eq!(voted, manifest, "a second vote for {place:?}");
        let given = self.votes.seal(&receipt(place, manifest), envelope(self.marks));
        assert_eq!(given, &envelope(mark), "always the receipt that was signed first");
    }

    fn restart(&mut self) {
        self.votes = Votes::default();
        self.held.clear();
        for (place, (manifest, mark)) in self.signed.iter().rev() {
            self.votes.seal(&receipt(*place, *manifest), envelope(*mark));
            self.votes.cast(named(*place, *manifest));
        }
    }

    fn check(&self) {
        for of in 0..2 {
            assert_eq!(self.votes.highest(&key(of)), self.highest(of));
        }
        for (place, (manifest, mark)) in &self.signed {
            assert_eq!(self.votes.receipt(&named(*place, *manifest)), Some(&envelope(*mark)));
        }
    }
}

proptest! {
    #[test]
    fn a_place_is_never_voted_for_twice(steps in prop::collection::vec(step(), 0..60)) {
        let mut model = Model::default();
        for step in steps {
            model.run(step);
            model.check();
        }
    }

    #[test]
    fn what_was_signed_is_refused_to_others_after_any_restart(
        places in prop::collection::btree_map((0_u8..2, 1_u64..9), 0_u16..4, 1..8),
        order in any::<prop::sample::Index>(),
    ) {
        let mut all: Vec<_> = places.into_iter().collect();
        let begin = order.index(all.len());
        all.rotate_left(begin);
        let mut votes = Votes::default();
        for (place, manifest) in &all {
            votes.seal(&receipt(*place, *manifest), envelope(1));
        }
        for (place, manifest) in &all {
            votes.release(&key(place.0), place.1);
            let other = named(*place, manifest + 1);
            prop_assert_eq!(votes.claim(&key(place.0), place.1, other), Claim::Conflict);
            let same = named(*place, *manifest);
            prop_assert_eq!(votes.claim(&key(place.0), place.1, same), Claim::Taken);
            prop_assert!(!votes.has(&same), "only what is durable counts as held");
        }
    }
}

#[test]
fn a_refused_claim_takes_nothing() {
    let mut votes = Votes::default();
    votes.claim(&key(0), 5, id(1));
    assert_eq!(votes.claim(&key(0), 4, id(2)), Claim::Conflict);
    assert_eq!(votes.claim(&key(0), 5, id(2)), Claim::Conflict);
    votes.release(&key(0), 5);
    assert_eq!(votes.highest(&key(0)), 0);
    assert_eq!(votes.claim(&key(0), 4, id(2)), Claim::Taken);
}

#[test]
fn releasing_what_nobody_holds_frees_nothing() {
    let mut votes = Votes::default();
    votes.release(&key(0), 1);
    votes.claim(&key(0), 1, id(1));
    votes.release(&key(0), 2);
    votes.release(&key(1), 1);
    assert_eq!(votes.claim(&key(0), 1, id(2)), Claim::Conflict);
}
