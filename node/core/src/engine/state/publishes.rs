//! Manifests that jobs publish through this node: which seeds were offered what, who signed, who keeps the certificate.
use super::tasks::Ticket;
use crate::engine::{JobId, PublishFailure};
use crate::message::OfferRefusal;
use crate::{CertifiedEnvelope, CertifiedManifest, Envelope, ManifestId, PeerId, VerifiedManifest};
use std::collections::{BTreeMap, BTreeSet};

/// How far a publish is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The manifest is judged.
    Judging,
    /// Its tree and chunks are looked for.
    Looking,
    /// The chunks are made durable.
    Syncing,
    /// Seeds pull and sign.
    Offering,
    /// Enough receipts: their certificate is judged.
    Certifying,
    /// The certificate is handed to seeds.
    Certified,
}

/// What a seed said to the offer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Offered {
    /// Nothing yet.
    Open { offer: u32 },
    /// It is busy: ask again.
    Later,
    /// It signed.
    Signed(Box<Envelope>),
    /// It will not.
    Refused(OfferRefusal),
}

/// What a seed has to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing now.
    Nothing,
    /// The offer.
    Offer,
    /// The certificate.
    Certificate,
}

/// One publish.
#[derive(Debug)]
pub(crate) struct Publish {
    /// Tells it from the job's earlier ones.
    pub serial: u64,
    /// Its name.
    pub manifest: ManifestId,
    /// As the job gave it.
    pub envelope: Envelope,
    /// How far it is.
    pub step: Step,
    /// Once it is judged.
    pub verified: Option<VerifiedManifest>,
    /// By seed.
    pub seeds: BTreeMap<PeerId, Offered>,
    /// Chunks that the seed which is furthest has.
    pub have: u32,
    /// What stands instead, and the highest vote heard of.
    pub lost: Option<(Option<Box<CertifiedEnvelope>>, u64)>,
    /// The certificate.
    pub certified: Option<Box<CertifiedManifest>>,
    /// This node's own record of it is durable.
    pub recorded: bool,
    /// Seeds that keep the certificate.
    pub keepers: BTreeSet<PeerId>,
}

impl Publish {
    /// A publish that has just begun.
    pub(crate) fn new(serial: u64, envelope: Envelope) -> Self {
        Self {
            serial,
            manifest: envelope.id(),
            envelope,
            step: Step::Judging,
            verified: None,
            seeds: BTreeMap::new(),
            have: 0,
            lost: None,
            certified: None,
            recorded: false,
            keepers: BTreeSet::new(),
        }
    }

    /// What a seed has to hear now.
    pub(crate) fn due(&self, seed: &PeerId) -> Due {
        let unheard = matches!(self.seeds.get(seed), None | Some(Offered::Later));
        match self.step {
            Step::Offering if unheard => Due::Offer,
            Step::Certified if !self.keepers.contains(seed) => Due::Certificate,
            Step::Judging
            | Step::Looking
            | Step::Syncing
            | Step::Offering
            | Step::Certifying
            | Step::Certified => Due::Nothing,
        }
    }

    /// The receipts so far.
    pub(crate) fn receipts(&self) -> Vec<Envelope> {
        let signed = self.seeds.values().filter_map(|offered| match offered {
            Offered::Signed(receipt) => Some(Envelope::clone(receipt)),
            Offered::Open { .. } | Offered::Later | Offered::Refused(_) => None,
        });
        signed.collect()
    }

    /// How it fails, when too few of `seeds` are left for `write` receipts.
    pub(crate) fn hopeless(&self, seeds: usize, write: usize) -> Option<PublishFailure> {
        let mut refusals = self.seeds.values().filter_map(|offered| match offered {
            Offered::Refused(why) => Some(*why),
            Offered::Open { .. } | Offered::Later | Offered::Signed(_) => None,
        });
        let first = refusals.next()?;
        if seeds.saturating_sub(1 + refusals.count()) >= write {
            return None;
        }
        Some(match &self.lost {
            Some((standing, highest)) => {
                PublishFailure::LostRace { standing: standing.clone(), highest: *highest }
            }
            None => PublishFailure::Refused(first),
        })
    }

    /// Remembers what stands in the way, the highest of what several seeds say.
    pub(crate) fn note_conflict(&mut self, standing: Option<Box<CertifiedEnvelope>>, highest: u64) {
        let (held, above) = self.lost.take().unwrap_or((None, 0));
        self.lost = Some((standing.or(held), highest.max(above)));
    }
}

/// Every publish, by job.
#[derive(Debug, Default)]
pub(crate) struct Publishes {
    by_job: BTreeMap<JobId, Publish>,
    offers: BTreeMap<u32, (Ticket, PeerId)>,
    next_offer: u32,
}

impl Publishes {
    /// A new publish, in place of the job's last one.
    pub(crate) fn insert(&mut self, job: JobId, publish: Publish) {
        self.remove(job);
        self.by_job.insert(job, publish);
    }

    /// It has ended.
    pub(crate) fn remove(&mut self, job: JobId) -> Option<Publish> {
        self.offers.retain(|_, (ticket, _)| ticket.job != job);
        self.by_job.remove(&job)
    }

    /// A job's publish.
    pub(crate) fn get_mut(&mut self, job: JobId) -> Option<&mut Publish> {
        self.by_job.get_mut(&job)
    }

    /// A job's publish, if it is still that one.
    pub(crate) fn on(&mut self, ticket: Ticket) -> Option<&mut Publish> {
        self.by_job.get_mut(&ticket.job).filter(|publish| publish.serial == ticket.serial)
    }

    /// Jobs that publish.
    pub(crate) fn jobs(&self) -> Vec<JobId> {
        self.by_job.keys().copied().collect()
    }

    /// Jobs that publish this manifest.
    pub(crate) fn of(&self, manifest: &ManifestId) -> Vec<JobId> {
        self.by_job.iter().filter(|(_, publish)| publish.manifest == *manifest).map(|(job, _)| *job).collect()
    }

    /// Numbers an offer to a seed.
    pub(crate) fn number(&mut self, ticket: Ticket, seed: PeerId) -> u32 {
        self.next_offer = self.next_offer.wrapping_add(1);
        self.offers.insert(self.next_offer, (ticket, seed));
        self.next_offer
    }

    /// Which publish this seed speaks of.
    pub(crate) fn offered(&self, offer: u32, seed: &PeerId) -> Option<Ticket> {
        self.offers.get(&offer).filter(|(_, offered)| offered == seed).map(|(ticket, _)| *ticket)
    }

    /// Offers to a seed that is gone are open no more; they are made again when it is back.
    pub(crate) fn seed_gone(&mut self, seed: &PeerId) {
        self.offers.retain(|_, (_, offered)| offered != seed);
        for publish in self.by_job.values_mut() {
            if matches!(publish.seeds.get(seed), Some(Offered::Open { .. } | Offered::Later)) {
                publish.seeds.remove(seed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;

    fn seed(n: u8) -> PeerId {
        PeerId::new(PublicKey::from_bytes([n; 32]))
    }

    fn publish() -> Publish {
        let envelope = Envelope { payload_type: "t".into(), payload: Vec::new(), signatures: Vec::new() };
        Publish::new(1, envelope)
    }

    #[test]
    fn it_is_hopeless_once_too_few_seeds_are_left() {
        let mut publish = publish();
        assert_eq!(publish.hopeless(4, 3), None);
        publish.seeds.insert(seed(1), Offered::Refused(OfferRefusal::Full));
        assert_eq!(publish.hopeless(4, 3), None, "three are left");
        publish.seeds.insert(seed(2), Offered::Refused(OfferRefusal::BadTree));
        assert_eq!(publish.hopeless(4, 3), Some(PublishFailure::Refused(OfferRefusal::Full)));
    }

    #[test]
    fn each_seed_hears_what_it_has_not_heard() {
        let mut publish = publish();
        assert_eq!(publish.due(&seed(1)), Due::Nothing);
        publish.step = Step::Offering;
        assert_eq!(publish.due(&seed(1)), Due::Offer);
        publish.seeds.insert(seed(1), Offered::Open { offer: 1 });
        assert_eq!(publish.due(&seed(1)), Due::Nothing);
        publish.seeds.insert(seed(1), Offered::Later);
        assert_eq!(publish.due(&seed(1)), Due::Offer, "it was busy");
        publish.step = Step::Certified;
        assert_eq!(publish.due(&seed(1)), Due::Certificate);
        publish.keepers.insert(seed(1));
        assert_eq!(publish.due(&seed(1)), Due::Nothing);
    }

    #[test]
    fn a_lost_race_says_the_highest_vote_of_all_seeds() {
        let mut publish = publish();
        publish.note_conflict(None, 7);
        publish.note_conflict(None, 5);
        publish.seeds.insert(seed(1), Offered::Refused(OfferRefusal::Conflict));
        let failure = publish.hopeless(1, 1);
        assert_eq!(failure, Some(PublishFailure::LostRace { standing: None, highest: 7 }));
    }

    #[test]
    fn a_seed_that_comes_back_is_offered_again() {
        let mut publishes = Publishes::default();
        let ticket = Ticket { job: JobId(1), serial: 1 };
        publishes.insert(JobId(1), publish());
        let offer = publishes.number(ticket, seed(1));
        publishes.on(ticket).unwrap().seeds.insert(seed(1), Offered::Open { offer });
        assert_eq!(publishes.offered(offer, &seed(2)), None, "another seed may not speak for it");
        assert_eq!(publishes.offered(offer, &seed(1)), Some(ticket));
        publishes.seed_gone(&seed(1));
        assert_eq!(publishes.offered(offer, &seed(1)), None);
        assert!(publishes.on(ticket).unwrap().seeds.is_empty());
    }

    #[test]
    fn nothing_is_left_of_a_publish_that_has_ended() {
        let mut publishes = Publishes::default();
        let ticket = Ticket { job: JobId(1), serial: 1 };
        publishes.insert(JobId(1), publish());
        publishes.insert(JobId(2), publish());
        let (mine, other) = (
            publishes.number(ticket, seed(1)),
            publishes.number(Ticket { job: JobId(2), serial: 1 }, seed(1)),
        );
        assert_eq!(publishes.of(&publish().manifest), [JobId(1), JobId(2)]);
        publishes.remove(JobId(1));
        assert_eq!(publishes.offered(mine, &seed(1)), None);
        assert!(publishes.offered(other, &seed(1)).is_some());
        assert_eq!(publishes.jobs(), [JobId(2)]);
        assert!(publishes.on(Ticket { job: JobId(2), serial: 9 }).is_none(), "another publish of that job");
    }

    #[test]
    fn what_a_seed_that_is_gone_signed_or_refused_stands() {
        let mut publishes = Publishes::default();
        publishes.insert(JobId(1), publish());
        let receipt = Box::new(publish().envelope);
        let publish = publishes.get_mut(JobId(1)).unwrap();
        publish.seeds.insert(seed(1), Offered::Signed(receipt));
        publish.seeds.insert(seed(2), Offered::Refused(OfferRefusal::Full));
        publish.seeds.insert(seed(3), Offered::Later);
        (1..=3).for_each(|n| publishes.seed_gone(&seed(n)));
        let publish = publishes.get_mut(JobId(1)).unwrap();
        assert_eq!((publish.seeds.len(), publish.receipts().len()), (2, 1));
    }

    #[test]
    fn nothing_is_due_before_the_chunks_are_durable_or_while_the_certificate_is_judged() {
        let mut publish = publish();
        for step in [Step::Judging, Step::Looking, Step::Syncing, Step::Certifying] {
            publish.step = step;
            assert_eq!(publish.due(&seed(1)), Due::Nothing, "{step:?}");
        }
    }
}
