//! Publishes: what each seed has to hear, when there is no hope, and whose an offer's number is.
use super::super::publishes::{Due, Offered, Publish, Publishes, Step as At};
use super::super::tasks::Ticket;
use super::peer;
use crate::Envelope;
use crate::engine::{JobId, PublishFailure};
use crate::message::OfferRefusal;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn envelope(mark: u8) -> Envelope {
    Envelope { payload_type: "t".into(), payload: vec![mark], signatures: Vec::new() }
}

fn offered() -> impl Strategy<Value = Offered> {
    prop_oneof![
        Just(Offered::Open { offer: 1 }),
        Just(Offered::Later),
        Just(Offered::Signed(Box::new(envelope(1)))),
        Just(Offered::Refused(OfferRefusal::Full)),
    ]
}

const STEPS: [At; 6] = [At::Judging, At::Looking, At::Syncing, At::Offering, At::Certifying, At::Certified];

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin(u64),
    End(u64),
    Offer(u64, u16),
    SeedGone(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let (job, seed) = (0_u64..3, 0_u16..3);
    prop_oneof![
        1 => job.clone().prop_map(Step::Begin),
        1 => job.clone().prop_map(Step::End),
        4 => (job, seed.clone()).prop_map(|(job, seed)| Step::Offer(job, seed)),
        1 => seed.prop_map(Step::SeedGone),
    ]
}

#[derive(Default)]
struct Model {
    publishes: Publishes,
    jobs: BTreeMap<u64, u64>,
    open: BTreeMap<u32, (Ticket, u16)>,
    serial: u64,
}

impl Model {
    fn run(&mut self, step: Step) {
        match step {
            Step::Begin(job) => {
                self.serial += 1;
                self.publishes.insert(JobId(job), Publish::new(self.serial, envelope(0)));
                self.end(job);
                self.jobs.insert(job, self.serial);
            }
            Step::End(job) => {
                assert_eq!(self.publishes.remove(JobId(job)).is_some(), self.jobs.contains_key(&job));
                self.end(job);
            }
            Step::Offer(job, seed) => self.offer(job, seed),
            Step::SeedGone(seed) => {
                self.publishes.seed_gone(&peer(seed));
                self.open.retain(|_, (_, offered)| *offered != seed);
            }
        }
    }

    fn end(&mut self, job: u64) {
        self.jobs.remove(&job);
        self.open.retain(|_, (ticket, _)| ticket.job != JobId(job));
    }

    fn offer(&mut self, job: u64, seed: u16) {
        let Some(serial) = self.jobs.get(&job).copied() else { return };
        let ticket = Ticket { job: JobId(job), serial };
        let offer = self.publishes.number(ticket, peer(seed));
        assert!(self.open.insert(offer, (ticket, seed)).is_none(), "a number that is in use");
    }

    fn check(&mut self) {
        for offer in 0..40 {
            for seed in 0..3 {
                let open = self.open.get(&offer).filter(|(_, offered)| *offered == seed);
                let ticket = open.map(|(ticket, _)| *ticket);
                assert_eq!(self.publishes.offered(offer, &peer(seed)), ticket);
                assert!(ticket.is_none_or(|ticket| self.publishes.on(ticket).is_some()));
            }
        }
    }
}

proptest! {
    #[test]
    fn a_seed_speaks_only_of_what_it_was_offered(steps in prop::collection::vec(step(), 0..40)) {
        let mut model = Model::default();
        for step in steps {
            model.run(step);
            model.check();
        }
    }

    #[test]
    fn there_is_hope_while_enough_seeds_have_not_refused(
        said in prop::collection::vec(offered(), 0..7),
        silent in 0_usize..4,
        write in 1_usize..7,
    ) {
        let mut publish = Publish::new(1, envelope(0));
        publish.seeds = said.iter().cloned().zip(0_u16..).map(|(offered, seed)| (peer(seed), offered)).collect();
        let refused = said.iter().filter(|offered| matches!(offered, Offered::Refused(_))).count();
        let left = said.len() + silent - refused;
        let hopeless = publish.hopeless(said.len() + silent, write);
        prop_assert_eq!(hopeless.is_some(), refused > 0 && left < write);
        let signed = said.iter().filter(|offered| matches!(offered, Offered::Signed(_))).count();
        prop_assert_eq!(publish.receipts().len(), signed);
    }

    #[test]
    fn a_seed_that_is_back_is_offered_what_it_did_not_answer(said in prop::option::of(offered()), step in 0_usize..6) {
        let mut publishes = Publishes::default();
        let mut publish = Publish::new(1, envelope(0));
        publish.step = STEPS[step];
        publish.seeds = said.clone().into_iter().map(|offered| (peer(1), offered)).collect();
        publishes.insert(JobId(1), publish);
        publishes.seed_gone(&peer(1));
        let answered = matches!(said, Some(Offered::Signed(_) | Offered::Refused(_)));
        let expected = match STEPS[step] {
            At::Offering if !answered => Due::Offer,
            At::Certified => Due::Certificate,
            At::Judging | At::Looking | At::Syncing | At::Offering | At::Certifying => Due::Nothing,
        };
        let publish = publishes.get_mut(JobId(1)).unwrap();
        prop_assert_eq!(publish.due(&peer(1)), expected);
        prop_assert_eq!(publish.seeds.contains_key(&peer(1)), answered);
    }

    #[test]
    fn the_highest_of_what_stands_in_the_way_is_told(heard in prop::collection::vec(0_u64..50, 1..6)) {
        let mut publish = Publish::new(1, envelope(0));
        heard.iter().for_each(|highest| publish.note_conflict(None, *highest));
        publish.seeds.insert(peer(1), Offered::Refused(OfferRefusal::Conflict));
        let Some(PublishFailure::LostRace { standing: None, highest }) = publish.hopeless(1, 1) else {
            return Err(TestCaseError::fail("another failure"));
        };
        prop_assert_eq!(Some(highest), heard.into_iter().max());
    }
}

#[test]
fn jobs_that_publish_one_manifest_are_found_together() {
    let mut publishes = Publishes::default();
    publishes.insert(JobId(1), Publish::new(1, envelope(1)));
    publishes.insert(JobId(2), Publish::new(2, envelope(2)));
    publishes.insert(JobId(3), Publish::new(3, envelope(1)));
    assert_eq!(publishes.of(&envelope(1).id()), [JobId(1), JobId(3)]);
    assert_eq!(publishes.jobs(), [JobId(1), JobId(2), JobId(3)]);
    publishes.insert(JobId(1), Publish::new(4, envelope(2)));
    assert_eq!(publishes.of(&envelope(1).id()), [JobId(3)]);
}

#[test]
fn a_keeper_of_the_certificate_hears_nothing_more() {
    let mut publish = Publish::new(1, envelope(0));
    publish.step = At::Certified;
    publish.keepers.insert(peer(1));
    assert_eq!((publish.due(&peer(1)), publish.due(&peer(2))), (Due::Nothing, Due::Certificate));
}

#[test]
fn a_manifest_that_stands_is_not_forgotten_when_another_seed_names_none() {
    use crate::belief::fixture::Pool;
    let pool = Pool::new(1);
    let standing = Box::new(pool.certified(&pool.manifest("core/a/1", 7)));
    let mut publish = Publish::new(1, envelope(0));
    publish.note_conflict(Some(standing.clone()), 7);
    publish.note_conflict(None, 9);
    assert_eq!(publish.lost, Some((Some(standing), 9)));
}
