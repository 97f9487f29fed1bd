//! A node publishes: every stage, and every way in which it ends there.
use super::bench::Bench;
use crate::engine::bounds::OFFER_RETRY;
use crate::engine::{Input, JobId, JobReply, JobRequest, PublishFailure, StoreFailure, TreeFault};
use crate::message::{Control, OfferRefusal};
use crate::{ChunkRef, Envelope, PeerId};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";
const DEADLINE: Duration = Duration::from_secs(20);

struct Publisher {
    bench: Bench,
    signed: Envelope,
    content: Vec<ChunkRef>,
    seeds: Vec<PeerId>,
}

/// A node that so many of four seeds have let in (three must sign), and that is told to publish.
fn publisher(admitted: usize) -> Publisher {
    let mut bench = Bench::node(4);
    let seeds = (0..admitted).map(|seed| bench.admitted_by(seed)).collect();
    let (manifest, content) = bench.saved(KEY, 7, 3);
    let signed = bench.pool.sign(&manifest);
    bench.clear();
    let mut publisher = Publisher { bench, signed, content, seeds };
    publisher.publish(1);
    publisher
}

impl Publisher {
    fn publish(&mut self, job: u64) {
        self.bench.job(job, JobRequest::Publish { manifest: self.signed.clone(), deadline: DEADLINE });
    }

    /// All is there and durable: seeds are offered it.
    fn offering(mut self) -> Self {
        self.bench.holds_all(&self.content.clone());
        assert_eq!(self.bench.sync(Ok(())), 1);
        self
    }

    /// The number of the offer that a seed was made.
    fn offer(&mut self, seed: usize) -> Option<u32> {
        let sent = self.bench.sent(self.seeds[seed]).into_iter();
        sent.filter_map(|said| if let Control::Offer { offer, .. } = said { Some(offer) } else { None })
            .next_back()
    }

    fn receipt(&self, seed: usize) -> Envelope {
        self.bench.pool.receipt(seed, &self.signed, self.bench.now().wall)
    }

    fn signs(&mut self, seed: usize) {
        let offer = self.offer(seed).expect("it was offered");
        let receipt = self.receipt(seed);
        self.bench.say(self.seeds[seed], Control::OfferReceipt { offer, receipt });
    }

    fn refuses(&mut self, seed: usize, why: OfferRefusal, highest: u64) {
        let offer = self.offer(seed).expect("it was offered");
        self.bench.say(self.seeds[seed], Control::OfferRefused { offer, why, standing: None, highest });
    }

    fn keeps(&mut self, seed: usize) {
        let manifest = self.signed.id();
        self.bench.say(self.seeds[seed], Control::Certified { manifest });
    }

    /// How it failed, if it did.
    fn failure(&mut self) -> Option<PublishFailure> {
        let replies = self.bench.replies(1).into_iter();
        replies
            .filter_map(|reply| if let JobReply::PublishFailed(why) = reply { Some(why) } else { None })
            .next_back()
    }

    fn published(&mut self) -> bool {
        self.bench.replies(1).iter().any(|reply| matches!(reply, JobReply::Published { .. }))
    }

    /// Nothing is left of it, and nothing uncertified is served.
    fn forgotten(&self) -> bool {
        let engine = &self.bench.engine;
        engine.publishes.jobs().is_empty() && engine.swarms.len() == 0
    }
}

#[test]
fn three_of_four_receipts_make_the_certificate_and_three_seeds_keep_it() {
    let mut publisher = publisher(4).offering();
    (0..2).for_each(|seed| publisher.signs(seed));
    assert_eq!(publisher.bench.engine.status().manifests, 0);
    publisher.signs(2);
    assert_eq!(publisher.bench.engine.status().manifests, 1);
    for seed in 0..4 {
        let certify = |said: &Control| matches!(said, Control::Certify { .. });
        assert!(publisher.bench.sent(publisher.seeds[seed]).iter().any(certify), "also who has not signed");
    }
    (0..3).for_each(|seed| publisher.keeps(seed));
    assert!(!publisher.published(), "this node's own record is under way");
    publisher.bench.record(Ok(()));
    assert!(publisher.published());
}

#[test]
fn a_full_disk_here_is_no_obstacle_once_seeds_have_it() {
    let mut publisher = publisher(3).offering();
    (0..3).for_each(|seed| publisher.signs(seed));
    publisher.bench.record(Err(StoreFailure::Full));
    (0..3).for_each(|seed| publisher.keeps(seed));
    assert!(publisher.published());
}

#[test]
fn one_seed_that_keeps_it_twice_is_one() {
    let mut publisher = publisher(3).offering();
    (0..3).for_each(|seed| publisher.signs(seed));
    publisher.bench.record(Ok(()));
    [0, 0, 0, 1, 1].into_iter().for_each(|seed| publisher.keeps(seed));
    assert!(!publisher.published());
    publisher.keeps(2);
    assert!(publisher.published());
}

#[test]
fn it_ends_by_its_deadline_at_every_stage() {
    type Stage = fn() -> Publisher;
    let stages: [(Stage, PublishFailure); 7] = [
        (|| publisher(4), PublishFailure::Timeout),
        (
            || {
                let mut publisher = publisher(4);
                publisher.bench.look(|_| true);
                publisher
            },
            PublishFailure::Timeout,
        ),
        (
            || {
                let mut publisher = publisher(4);
                let content = publisher.content.clone();
                publisher.bench.holds_all(&content);
                publisher
            },
            PublishFailure::Timeout,
        ),
        (|| publisher(0).offering(), PublishFailure::SeedsSilent),
        (|| publisher(2).offering(), PublishFailure::Timeout),
        (
            || {
                let mut publisher = publisher(4).offering();
                publisher.refuses(0, OfferRefusal::Busy, 0);
                publisher
            },
            PublishFailure::Timeout,
        ),
        (
            || {
                let mut publisher = publisher(3).offering();
                publisher.bench.prompt = false;
                (0..3).for_each(|seed| publisher.signs(seed));
                publisher
            },
            PublishFailure::Timeout,
        ),
    ];
    for (number, (stage, failure)) in stages.into_iter().enumerate() {
        let mut publisher = stage();
        publisher.bench.pass(DEADLINE - Duration::from_millis(1));
        assert_eq!(publisher.failure(), None, "{number}");
        publisher.bench.pass(Duration::from_millis(1));
        assert_eq!(publisher.failure(), Some(failure), "{number}");
        assert!(publisher.forgotten(), "{number}");
    }
}

#[test]
fn certified_and_kept_by_too_few_is_late_too_and_stays_served() {
    let mut publisher = publisher(3).offering();
    (0..3).for_each(|seed| publisher.signs(seed));
    publisher.bench.record(Ok(()));
    publisher.keeps(0);
    publisher.bench.pass(DEADLINE);
    assert_eq!(publisher.failure(), Some(PublishFailure::Timeout));
    assert_eq!(publisher.bench.engine.swarms.len(), 1, "it may yet count, and somebody has to give it");
}

#[test]
fn a_job_that_leaves_leaves_nothing_at_any_stage() {
    for stage in 0..6 {
        let mut publisher = publisher(3);
        if stage == 1 {
            publisher.bench.look(|_| true);
        }
        if stage == 2 {
            let content = publisher.content.clone();
            publisher.bench.holds_all(&content);
        }
        if stage >= 3 {
            publisher = publisher.offering();
        }
        if stage >= 4 {
            publisher.signs(0);
        }
        if stage >= 5 {
            publisher.bench.prompt = false;
            publisher.signs(1);
            publisher.signs(2);
        }
        publisher.bench.give(Input::JobLeft { job: JobId(1) });
        assert!(publisher.forgotten(), "{stage}");
        // What was under way is answered to nobody.
        publisher.bench.prompt = true;
        publisher.bench.work();
        let content = publisher.content.clone();
        publisher.bench.holds_all(&content);
        publisher.bench.sync(Ok(()));
        publisher.bench.record(Ok(()));
        publisher.bench.pass(DEADLINE);
        assert!(publisher.bench.replies(1).is_empty() && publisher.forgotten(), "{stage}");
    }
}

#[test]
fn what_is_not_there_is_not_offered() {
    let mut publisher = publisher(4);
    publisher.bench.look(|_| false);
    assert_eq!(publisher.failure(), Some(PublishFailure::Incomplete { missing: 1 }));
    assert!(publisher.forgotten());

    let mut publisher = self::publisher(4);
    publisher.bench.look(|_| true);
    publisher.bench.open(Err(TreeFault::Missing));
    assert_eq!(publisher.failure(), Some(PublishFailure::Incomplete { missing: 1 }));

    for fault in [TreeFault::Broken, TreeFault::DiffersFromManifest] {
        let mut publisher = self::publisher(4);
        publisher.bench.look(|_| true);
        publisher.bench.open(Err(fault));
        assert_eq!(publisher.failure(), Some(PublishFailure::BadTree));
    }

    let mut publisher = self::publisher(4);
    publisher.bench.look(|_| true);
    publisher.bench.open(Ok(publisher.content[1..].to_vec()));
    assert_eq!(publisher.failure(), Some(PublishFailure::BadTree), "fewer chunks than declared");
    assert!(publisher.offer(0).is_none());
}

#[test]
fn what_is_not_durable_is_not_offered() {
    for why in [StoreFailure::Full, StoreFailure::Broken] {
        let mut publisher = publisher(4);
        let content = publisher.content.clone();
        publisher.bench.holds_all(&content);
        publisher.bench.sync(Err(why));
        assert_eq!(publisher.failure(), Some(PublishFailure::Refused(OfferRefusal::Full)));
        assert!(publisher.offer(0).is_none() && publisher.forgotten());
    }
}

#[test]
fn one_seed_may_refuse_and_two_may_not() {
    let mut publisher = publisher(4).offering();
    publisher.refuses(0, OfferRefusal::CannotPull, 0);
    assert_eq!(publisher.failure(), None);
    publisher.refuses(1, OfferRefusal::Full, 0);
    let first = PublishFailure::Refused(OfferRefusal::CannotPull);
    assert!(matches!(publisher.failure(), Some(PublishFailure::Refused(_))), "{first:?} or the other");
    assert!(publisher.forgotten());
}

#[test]
fn a_lost_race_names_the_highest_vote() {
    let mut publisher = publisher(4).offering();
    publisher.refuses(0, OfferRefusal::Conflict, 9);
    publisher.refuses(1, OfferRefusal::Conflict, 8);
    assert_eq!(publisher.failure(), Some(PublishFailure::LostRace { standing: None, highest: 9 }));
}

#[test]
fn a_conflict_at_one_seed_and_trouble_at_another_is_a_lost_race() {
    let mut publisher = publisher(4).offering();
    publisher.refuses(0, OfferRefusal::Full, 0);
    publisher.refuses(1, OfferRefusal::Conflict, 8);
    assert_eq!(publisher.failure(), Some(PublishFailure::LostRace { standing: None, highest: 8 }));
}

#[test]
fn a_busy_seed_is_offered_again() {
    let mut publisher = publisher(4).offering();
    publisher.refuses(0, OfferRefusal::Busy, 0);
    assert_eq!(publisher.offer(0), None);
    publisher.bench.pass(OFFER_RETRY - Duration::from_millis(1));
    assert_eq!(publisher.offer(0), None);
    publisher.bench.pass(Duration::from_millis(1));
    assert!(publisher.offer(0).is_some());
    assert_eq!(publisher.offer(1).map(|_| ()), Some(()), "the first offer to another, and no second");
}

#[test]
fn a_seed_that_comes_late_or_again_is_offered_too() {
    let mut publisher = publisher(2).offering();
    let late = publisher.bench.admitted_by(2);
    publisher.seeds.push(late);
    assert!(publisher.offer(2).is_some());
    publisher.bench.give(Input::Disconnected { peer: publisher.seeds[0] });
    publisher.bench.clear();
    publisher.bench.admitted_by(0);
    assert!(publisher.offer(0).is_some());
}

#[test]
fn receipts_that_are_not_that_seeds_for_that_manifest_are_refusals() {
    let cases: [fn(&Publisher) -> Envelope; 4] = [
        |publisher| publisher.receipt(1),
        |publisher| {
            let other = publisher.bench.pool.sign(&publisher.bench.pool.manifest(KEY, 8));
            publisher.bench.pool.receipt(0, &other, publisher.bench.now().wall)
        },
        |publisher| publisher.signed.clone(),
        |publisher| {
            let mut receipt = publisher.receipt(0);
            receipt.payload[10] ^= 1;
            receipt
        },
    ];
    for wrong in cases {
        let mut publisher = publisher(4).offering();
        let offer = publisher.offer(0).unwrap();
        let receipt = wrong(&publisher);
        publisher.bench.say(publisher.seeds[0], Control::OfferReceipt { offer, receipt });
        publisher.signs(1);
        publisher.signs(2);
        assert_eq!(publisher.bench.engine.status().manifests, 0, "two receipts are too few");
        publisher.signs(3);
        assert_eq!(publisher.bench.engine.status().manifests, 1, "the other three suffice");
    }
}

#[test]
fn only_who_was_offered_answers_and_once() {
    let mut publisher = publisher(4).offering();
    let offers: Vec<u32> = (0..4).map(|seed| publisher.offer(seed).unwrap()).collect();
    let receipt = publisher.receipt(0);
    for number in [offers[1], offers[3] + 1, u32::MAX] {
        let receipt = receipt.clone();
        publisher.bench.say(publisher.seeds[0], Control::OfferReceipt { offer: number, receipt });
    }
    for _ in 0..5 {
        let receipt = receipt.clone();
        publisher.bench.say(publisher.seeds[0], Control::OfferReceipt { offer: offers[0], receipt });
    }
    assert_eq!(publisher.bench.engine.status().manifests, 0);
    let refused = |why| Control::OfferRefused { offer: offers[0], why, standing: None, highest: 0 };
    publisher.bench.say(publisher.seeds[0], refused(OfferRefusal::Full));
    let receipts = publisher.bench.engine.publishes.get_mut(JobId(1)).unwrap().receipts().len();
    assert_eq!(receipts, 1, "a receipt is not taken back");
}

#[test]
fn progress_only_goes_forward() {
    let mut publisher = publisher(4).offering();
    let offers: Vec<u32> = (0..2).map(|seed| publisher.offer(seed).unwrap()).collect();
    for (seed, have, of) in [(0, 1, 3), (1, 1, 3), (1, 2, 3), (0, 2, 3), (0, 9, 3), (0, 3, 3)] {
        let progress = Control::OfferProgress { offer: offers[seed], have, of };
        publisher.bench.say(publisher.seeds[seed], progress);
    }
    let told: Vec<u32> = publisher
        .bench
        .replies(1)
        .iter()
        .filter_map(
            |reply| if let JobReply::PublishProgress { have, .. } = reply { Some(*have) } else { None },
        )
        .collect();
    assert_eq!(told, [1, 2, 3]);
}

#[test]
fn the_next_publish_of_a_job_takes_the_place_of_the_last() {
    let mut publisher = publisher(3).offering();
    let before = publisher.offer(0).unwrap();
    publisher.publish(1);
    let receipt = publisher.receipt(0);
    publisher.bench.say(publisher.seeds[0], Control::OfferReceipt { offer: before, receipt });
    let content = publisher.content.clone();
    publisher.bench.holds_all(&content);
    publisher.bench.sync(Ok(()));
    let receipts = publisher.bench.engine.publishes.get_mut(JobId(1)).unwrap().receipts().len();
    assert_eq!(receipts, 0, "what was said to the last one is forgotten");
    (0..3).for_each(|seed| publisher.signs(seed));
    publisher.bench.record(Ok(()));
    (0..3).for_each(|seed| publisher.keeps(seed));
    assert!(publisher.published());
}

#[test]
fn two_jobs_that_publish_the_same_both_hear() {
    let mut publisher = publisher(3);
    publisher.publish(2);
    let content = publisher.content.clone();
    publisher.bench.holds_all(&content);
    assert_eq!(publisher.bench.sync(Ok(())), 2);
    publisher.bench.give(Input::JobLeft { job: JobId(2) });
    assert_eq!(publisher.bench.engine.swarms.len(), 1, "the first still needs it");
    (0..3).for_each(|seed| {
        // Both were offered; the numbers of the second are dead.
        let offers = publisher.bench.sent(publisher.seeds[seed]);
        for said in offers {
            if let Control::Offer { offer, .. } = said {
                let receipt = publisher.receipt(seed);
                publisher.bench.say(publisher.seeds[seed], Control::OfferReceipt { offer, receipt });
            }
        }
    });
    publisher.bench.record(Ok(()));
    (0..3).for_each(|seed| publisher.keeps(seed));
    assert!(publisher.published());
    assert!(publisher.bench.replies(2).is_empty());
}
