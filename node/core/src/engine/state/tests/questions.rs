//! Questions of jobs: numbers that answer once, and the moment at which something is to be done.
use super::super::questions::{Asking, Question, Questions, RelayedRoad};
use super::super::tasks::Ticket;
use super::{at, peer};
use crate::Instant;
use crate::belief::fixture::{Pool, WALL, query};
use crate::engine::JobId;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn question(serial: u64) -> Question {
    Question {
        serial,
        query: query("core/a/1", &[]),
        nonces: BTreeMap::new(),
        deadline: at(100),
        patient_until: Instant::ZERO,
        asked: BTreeMap::new(),
        good: Vec::new(),
        spare: Vec::new(),
        papers_until: None,
        papers_by: None,
        disbelieved: false,
        relayed: None,
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask(u64),
    End(u64),
    Number(u64, u16),
    Answer(u32, u16),
}

fn step() -> impl Strategy<Value = Step> {
    let (job, who) = (0_u64..3, 0_u16..3);
    prop_oneof![
        1 => job.clone().prop_map(Step::Ask),
        1 => job.clone().prop_map(Step::End),
        3 => (job, who.clone()).prop_map(|(job, who)| Step::Number(job, who)),
        4 => (0_u32..20, who).prop_map(|(ask, who)| Step::Answer(ask, who)),
    ]
}

#[derive(Default)]
struct Model {
    questions: Questions,
    /// The serial of each job's question.
    jobs: BTreeMap<u64, u64>,
    /// Numbers that are not answered: for which question, by whom.
    open: BTreeMap<u32, (Ticket, u16)>,
    serial: u64,
}

impl Model {
    fn run(&mut self, step: Step) {
        match step {
            Step::Ask(job) => {
                self.serial += 1;
                self.questions.insert(JobId(job), question(self.serial));
                self.end(job);
                self.jobs.insert(job, self.serial);
            }
            Step::End(job) => {
                let serial = self.questions.remove(JobId(job)).map(|question| question.serial);
                assert_eq!(serial, self.jobs.get(&job).copied());
                self.end(job);
            }
            Step::Number(job, who) => self.number(job, who),
            Step::Answer(ask, who) => {
                let expected =
                    self.open.get(&ask).filter(|(_, asked)| *asked == who).map(|(ticket, _)| *ticket);
                assert_eq!(self.questions.answered(ask, &peer(who)), expected);
                if expected.is_some() {
                    self.open.remove(&ask);
                }
            }
        }
    }

    fn end(&mut self, job: u64) {
        self.jobs.remove(&job);
        self.open.retain(|_, (ticket, _)| ticket.job != JobId(job));
    }

    fn number(&mut self, job: u64, who: u16) {
        let Some(serial) = self.jobs.get(&job).copied() else { return };
        let ticket = Ticket { job: JobId(job), serial };
        let ask = self.questions.number(ticket, peer(who));
        assert!(self.open.insert(ask, (ticket, who)).is_none(), "a number that is in use");
        assert!(self.questions.on(ticket).is_some());
        assert!(self.questions.on(Ticket { serial: serial + 1, ..ticket }).is_none());
    }
}

fn asking() -> impl Strategy<Value = Asking> {
    prop_oneof![
        (1_u64..100).prop_map(|until| Asking::Awaited { ask: 1, until: at(until) }),
        Just(Asking::Judged),
        Just(Asking::Over),
    ]
}

proptest! {
    #[test]
    fn each_number_is_answered_once_by_whom_it_was_given_to(steps in prop::collection::vec(step(), 0..60)) {
        let mut model = Model::default();
        steps.into_iter().for_each(|step| model.run(step));
        let jobs: Vec<_> = model.jobs.keys().copied().map(JobId).collect();
        prop_assert_eq!(model.questions.jobs(), jobs);
    }

    #[test]
    fn the_next_moment_is_the_first_that_is_still_to_come(
        asked in prop::collection::vec(asking(), 0..5),
        settles in prop::option::of(0_u64..100),
        patience in 0_u64..100,
        now in 0_u64..99,
    ) {
        let mut question = question(1);
        question.asked = asked.iter().zip(0_u16..).map(|(asking, who)| (peer(who), *asking)).collect();
        question.relayed = settles.map(|settles| RelayedRoad { settles: at(settles), ..RelayedRoad::default() });
        question.patient_until = at(patience);
        question.expire(at(now));
        let seeds = asked.iter().filter_map(|asking| match asking {
            Asking::Awaited { until, .. } => Some(*until),
            Asking::Judged | Asking::Over => None,
        });
        let moments = seeds.chain(settles.map(at)).chain([at(patience), question.deadline]);
        let expected = moments.filter(|moment| *moment > at(now)).min();
        prop_assert_eq!(Some(question.next_timeout(at(now))), expected, "never in the past: that would spin");
    }

    #[test]
    fn who_may_still_answer_is_reachable(asked in prop::collection::vec(asking(), 0..6), now in 0_u64..100) {
        let mut question = question(1);
        question.asked = asked.iter().zip(0_u16..).map(|(asking, who)| (peer(who), *asking)).collect();
        question.expire(at(now));
        let may_answer = |asking: &&Asking| match asking {
            Asking::Awaited { until, .. } => *until > at(now),
            Asking::Judged => true,
            Asking::Over => false,
        };
        prop_assert_eq!(question.reachable(), asked.iter().filter(may_answer).count());
    }

    #[test]
    fn the_newest_of_each_seed_counts_in_whatever_order_they_come(
        order in Just((0_u64..9).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut road = RelayedRoad::default();
        for time in &order {
            let answer = ANSWERS[usize::try_from(time % 3).unwrap()].clone();
            let lineage = "core/a".parse().unwrap();
            road.add(lineage, crate::Timestamp::from_millis(*time), answer);
        }
        let kept = road.gathered.values().flat_map(BTreeMap::values);
        let mut times: Vec<u64> = kept.map(|(time, _)| time.as_millis()).collect();
        times.sort_unstable();
        prop_assert_eq!(times, [6, 7, 8]);
        prop_assert_eq!(road.quorum(3).len(), 3);
        prop_assert!(road.quorum(4).is_empty(), "one seed does not count twice");
    }
}

/// An answer of each of three seeds.
static ANSWERS: std::sync::LazyLock<Vec<crate::VerifiedAnswer>> = std::sync::LazyLock::new(|| {
    let (pool, query) = (Pool::new(3), query("core/a/1", &[]));
    let answer = |seed| {
        let asked = pool.asked(seed, &query);
        let envelope = pool.by_seed(seed, &pool.answer(&asked, &[]));
        pool.trust().verify_answer(&asked, &envelope, &[], WALL).unwrap()
    };
    (0..3).map(answer).collect()
});
