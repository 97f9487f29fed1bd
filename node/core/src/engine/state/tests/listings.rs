//! Listings: one seed at a time is asked for each, and only its answer counts.
use super::super::listings::{Listing, Listings};
use super::super::tasks::Ticket;
use super::peer;
use crate::engine::JobId;
use crate::message::ListQuery;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn listing(serial: u64) -> Listing {
    let what = ListQuery::Pattern { pattern: None, after: None };
    Listing { serial, what, asked: None, open: 0, rows: Vec::new(), taken: Vec::new(), more: false }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin(u64),
    End(u64),
    Ask(u64, u16),
    /// With so many rows to verify.
    Answer(u32, u16, usize),
    SeedGone(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let (job, seed) = (0_u64..3, 0_u16..3);
    prop_oneof![
        2 => job.clone().prop_map(Step::Begin),
        1 => job.clone().prop_map(Step::End),
        4 => (job, seed.clone()).prop_map(|(job, seed)| Step::Ask(job, seed)),
        4 => (0_u32..20, seed.clone(), 1_usize..4).prop_map(|(ask, seed, rows)| Step::Answer(ask, seed, rows)),
        1 => seed.prop_map(Step::SeedGone),
    ]
}

/// A job's listing: its serial, who was asked by what number, and whether the answer is here.
#[derive(Clone, Copy)]
struct Known {
    serial: u64,
    asked: Option<(u16, u32)>,
    answered: bool,
}

#[derive(Default)]
struct Model {
    listings: Listings,
    jobs: BTreeMap<u64, Known>,
    serial: u64,
    asks: u32,
}

impl Model {
    fn run(&mut self, step: Step) {
        match step {
            Step::Begin(job) => {
                self.serial += 1;
                self.listings.insert(JobId(job), listing(self.serial));
                self.jobs.insert(job, Known { serial: self.serial, asked: None, answered: false });
            }
            Step::End(job) => {
                let serial = self.listings.remove(JobId(job)).map(|listing| listing.serial);
                assert_eq!(serial, self.jobs.remove(&job).map(|known| known.serial));
            }
            Step::Ask(job, seed) => self.ask(job, seed),
            Step::Answer(ask, seed, rows) => self.answer(ask, seed, rows),
            Step::SeedGone(seed) => {
                self.listings.seed_gone(&peer(seed));
                let lost = |known: &&mut Known| {
                    !known.answered && known.asked.is_some_and(|(asked, _)| asked == seed)
                };
                self.jobs.values_mut().filter(lost).for_each(|known| known.asked = None);
            }
        }
    }

    fn ask(&mut self, job: u64, seed: u16) {
        let asked = self.listings.ask(JobId(job), peer(seed)).map(|(ask, _)| ask);
        let Some(known) = self.jobs.get_mut(&job).filter(|known| known.asked.is_none()) else {
            assert_eq!(asked, None, "nobody waits, or another seed is asked");
            return;
        };
        let ask = asked.expect("nobody is asked yet");
        assert!(ask > self.asks, "a number that was given before");
        self.asks = ask;
        known.asked = Some((seed, ask));
    }

    fn answer(&mut self, ask: u32, seed: u16, rows: usize) {
        let open = |known: &Known| !known.answered && known.asked == Some((seed, ask));
        let expected = self.jobs.iter_mut().find(|(_, known)| open(known));
        let answered = self.listings.answered(&peer(seed), ask);
        let ticket = expected.map(|(job, known)| {
            known.answered = true;
            Ticket { job: JobId(*job), serial: known.serial }
        });
        assert_eq!(answered.as_ref().map(|(ticket, _)| *ticket), ticket);
        if let Some((_, listing)) = answered {
            listing.open = rows;
        }
    }
}

proptest! {
    #[test]
    fn only_the_seed_that_is_asked_may_answer(steps in prop::collection::vec(step(), 0..60)) {
        let mut model = Model::default();
        for step in steps {
            model.run(step);
            let jobs: Vec<_> = model.jobs.keys().copied().map(JobId).collect();
            prop_assert_eq!(model.listings.jobs(), jobs);
        }
    }
}
