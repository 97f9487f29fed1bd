//! A job publishes: the chunks are looked for and synced, seeds pull and sign, their receipts make the certificate,
//! and seeds keep it before the job hears of success.
use super::Alarm;
use crate::engine::bounds::{JOB_WAIT_MAX, OFFER_RETRY};
use crate::engine::state::publishes::{Due, Offered, Publish, Step};
use crate::engine::state::swarms::{Goal, Stage};
use crate::engine::state::tasks::{AfterRecord, AfterSync, AfterVerify, Ticket};
use crate::engine::{Engine, Event, JobId, JobReply, PublishFailure, Record, StoreFailure, TreeFault, Work};
use crate::message::{Control, OfferRefusal};
use crate::{
    CertifiedEnvelope, CertifiedManifest, Disbelief, Envelope, ManifestId, Now, PeerId, VerifiedManifest,
    VerifiedReceipt,
};
use core::time::Duration;

impl Engine {
    /// A job publishes a manifest; its chunks are in the store.
    pub(super) fn publish(&mut self, now: Now, job: JobId, envelope: Envelope, wait: Duration) {
        self.end_publish(now, job);
        let deadline = now.instant.after(wait.min(JOB_WAIT_MAX));
        let ticket = Ticket { job, serial: self.tasks.serial() };
        self.publishes.insert(job, Publish::new(ticket.serial, envelope.clone()));
        self.timers.set(Alarm::Publish(job), deadline);
        let work = Work::Manifest { envelope, wall: now.wall };
        self.verify(None, work, AfterVerify::Publish(ticket));
    }

    /// The manifest was judged: is everything there?
    pub(super) fn publish_judged(
        &mut self,
        now: Now,
        ticket: Ticket,
        result: Result<VerifiedManifest, Disbelief>,
    ) {
        let Some(publish) = self.publishes.on(ticket) else { return };
        let verified = match result {
            Ok(verified) => verified,
            Err(why) => return self.publish_failed(now, ticket.job, PublishFailure::NotBelieved(why)),
        };
        let (manifest, tree) = (publish.manifest, verified.manifest().tree.clone());
        publish.verified = Some(verified);
        publish.step = Step::Looking;
        if self.swarms.get(&manifest).is_some_and(|swarm| !swarm.complete && swarm.jobs.is_empty()) {
            // What was known of it may be older than what the job has just stored.
            self.close_swarm(now, manifest);
        }
        if !self.open_swarm(now, manifest, tree, Goal::Serve) {
            return self.publish_failed(now, ticket.job, PublishFailure::Timeout);
        }
        let jobs = self.publishes.of(&manifest);
        if let Some(swarm) = self.swarms.get_mut(&manifest) {
            // All of them: the swarm may be another one than that which the others began with.
            swarm.publishing.extend(jobs);
        }
        self.publish_looked(now, manifest);
    }

    /// More is known of a manifest that is being published.
    pub(super) fn publish_looked(&mut self, now: Now, manifest: ManifestId) {
        for job in self.publishes.of(&manifest) {
            let Some(publish) = self.publishes.get_mut(job).filter(|publish| publish.step == Step::Looking)
            else {
                continue;
            };
            let Some(swarm) = self.swarms.get(&manifest) else { continue };
            let failure = match swarm.stage {
                Stage::Known if swarm.missing == 0 => None,
                Stage::TreeMissing | Stage::Known => {
                    Some(PublishFailure::Incomplete { missing: swarm.missing })
                }
                Stage::Faulty(TreeFault::Missing) => Some(PublishFailure::Incomplete { missing: 1 }),
                Stage::Faulty(TreeFault::Broken | TreeFault::DiffersFromManifest) => {
                    Some(PublishFailure::BadTree)
                }
                Stage::LookingTree
                | Stage::PullingTree
                | Stage::Opening
                | Stage::LookingContent
                | Stage::PullingContent => continue,
            };
            publish.step = Step::Syncing;
            let ticket = Ticket { job, serial: publish.serial };
            match failure {
                Some(failure) => self.publish_failed(now, job, failure),
                None => self.sync(None, AfterSync::Publish(ticket)),
            }
        }
    }

    /// The chunks are durable: seeds may pull.
    pub(super) fn publish_synced(&mut self, now: Now, ticket: Ticket, result: Result<(), StoreFailure>) {
        let Some(publish) = self.publishes.on(ticket) else { return };
        if let Err(StoreFailure::Full | StoreFailure::Broken) = result {
            return self.publish_failed(now, ticket.job, PublishFailure::Refused(OfferRefusal::Full));
        }
        publish.step = Step::Offering;
        self.offer_to_seeds(ticket.job);
    }

    /// Offers to every seed that has not heard of it, or hands it the certificate.
    pub(super) fn offer_to_seeds(&mut self, job: JobId) {
        let seeds: Vec<PeerId> = self.peers.admitting().collect();
        for seed in seeds {
            let Some(publish) = self.publishes.get_mut(job) else { return };
            match publish.due(&seed) {
                Due::Nothing => {}
                Due::Offer => self.offer_to(job, seed),
                Due::Certificate => {
                    let certified = publish.certified.as_ref().map(|certified| certified.to_envelope());
                    certified
                        .map(|certified| self.send(seed, Control::Certify { certified }))
                        .unwrap_or_default();
                }
            }
        }
    }

    fn offer_to(&mut self, job: JobId, seed: PeerId) {
        let Some(publish) = self.publishes.get_mut(job) else { return };
        let (ticket, manifest) = (Ticket { job, serial: publish.serial }, publish.envelope.clone());
        let offer = self.publishes.number(ticket, seed);
        if let Some(publish) = self.publishes.on(ticket) {
            publish.seeds.insert(seed, Offered::Open { offer });
        }
        self.send(seed, Control::Offer { offer, manifest });
    }

    /// A seed pulls.
    pub(super) fn on_offer_progress(&mut self, seed: PeerId, offer: u32, have: u32, of: u32) {
        let Some(ticket) = self.publishes.offered(offer, &seed) else { return };
        let Some(publish) = self.publishes.on(ticket) else { return };
        let further = publish.step == Step::Offering && have > publish.have && have <= of;
        if further {
            publish.have = have;
            self.reply(ticket.job, JobReply::PublishProgress { have, of });
        }
    }

    /// A seed signed.
    pub(super) fn on_offer_receipt(&mut self, seed: PeerId, offer: u32, envelope: Envelope) {
        let Some(ticket) = self.publishes.offered(offer, &seed) else { return };
        let Some(publish) = self.publishes.on(ticket) else { return };
        if publish.seeds.get(&seed) == Some(&Offered::Open { offer }) {
            self.verify(Some(seed), Work::Receipt { envelope }, AfterVerify::Receipt { ticket, seed });
        }
    }

    /// A receipt was judged: are there enough?
    pub(super) fn receipt_judged(
        &mut self,
        now: Now,
        ticket: Ticket,
        seed: PeerId,
        result: Result<VerifiedReceipt, Disbelief>,
    ) {
        let write = self.receipts_needed();
        let Some(publish) = self.publishes.on(ticket) else { return };
        let right = result.as_ref().is_ok_and(|verified| {
            verified.receipt().seed == seed && verified.receipt().manifest == publish.manifest
        });
        let offered = match &result {
            Ok(verified) if right => Offered::Signed(Box::new(verified.envelope().clone())),
            Ok(_) | Err(_) => Offered::Refused(OfferRefusal::NotBelieved),
        };
        publish.seeds.insert(seed, offered);
        let receipts = publish.receipts();
        if publish.step == Step::Offering && receipts.len() >= write {
            publish.step = Step::Certifying;
            let certified = CertifiedEnvelope { manifest: publish.envelope.clone(), receipts };
            let work = Work::Certified { certified, wall: now.wall };
            self.verify(None, work, AfterVerify::Certificate(ticket));
        }
        if let Err(why) = result {
            self.event(Event::Disbelieved { from: Some(seed), why });
        }
        self.give_up_if_hopeless(now, ticket.job);
    }

    /// The certificate was judged: seeds are to keep it, and so does this node.
    pub(super) fn certificate_judged(
        &mut self,
        now: Now,
        ticket: Ticket,
        result: Result<CertifiedManifest, Disbelief>,
    ) {
        let Some(publish) = self.publishes.on(ticket) else { return };
        let certified = match result {
            Ok(certified) => certified,
            Err(why) => return self.publish_failed(now, ticket.job, PublishFailure::NotBelieved(why)),
        };
        publish.step = Step::Certified;
        publish.certified = Some(Box::new(certified.clone()));
        let manifest = certified.id();
        let record = Record::Certified(certified.to_envelope());
        if !self.is_recorded(&manifest) {
            self.log_own(now, &certified);
        }
        self.learn(now, certified);
        if let Some(entry) = self.catalogue.get_mut(&manifest) {
            entry.recorded = true;
        }
        self.record(None, record, AfterRecord::Publish(ticket));
        self.note_complete(now, manifest);
        self.event(Event::Certified { manifest });
        self.offer_to_seeds(ticket.job);
    }

    /// This node's own record of the certificate; where its disk is full, the seeds' suffice.
    pub(super) fn publish_recorded(&mut self, now: Now, ticket: Ticket, _result: Result<(), StoreFailure>) {
        let Some(publish) = self.publishes.on(ticket) else { return };
        publish.recorded = true;
        self.end_if_kept(now, ticket.job);
    }

    /// A seed keeps the certificate: it names us to others from now on.
    pub(super) fn on_certified(&mut self, now: Now, seed: PeerId, manifest: ManifestId) {
        for job in self.publishes.of(&manifest) {
            if let Some(publish) =
                self.publishes.get_mut(job).filter(|publish| publish.step == Step::Certified)
            {
                publish.keepers.insert(seed);
                self.end_if_kept(now, job);
            }
        }
        if self.peers.get(&seed).is_some_and(|peer| peer.admitted) && self.catalogue.get(&manifest).is_some()
        {
            self.tell_entry(&manifest, seed);
        }
    }

    fn end_if_kept(&mut self, now: Now, job: JobId) {
        let write = self.receipts_needed();
        let Some(publish) = self.publishes.get_mut(job) else { return };
        if !publish.recorded || publish.keepers.len() < write {
            return;
        }
        let Some(certified) = publish.certified.take() else { return };
        self.end_publish(now, job);
        self.reply(job, JobReply::Published { certified: Box::new(certified.to_envelope()) });
    }

    /// A seed will not sign; when it is only busy, it is asked again.
    pub(super) fn on_offer_refused(
        &mut self,
        now: Now,
        seed: PeerId,
        offer: u32,
        (why, standing, highest): (OfferRefusal, Option<Box<CertifiedEnvelope>>, u64),
    ) {
        let Some(ticket) = self.publishes.offered(offer, &seed) else { return };
        let Some(publish) = self.publishes.on(ticket) else { return };
        if publish.seeds.get(&seed) != Some(&Offered::Open { offer }) {
            return;
        }
        let offered = if why == OfferRefusal::Busy { Offered::Later } else { Offered::Refused(why) };
        publish.seeds.insert(seed, offered);
        match why {
            OfferRefusal::Busy => self.timers.set(Alarm::Offer(ticket.job), now.instant.after(OFFER_RETRY)),
            OfferRefusal::Conflict => publish.note_conflict(standing, highest),
            OfferRefusal::NotBelieved
            | OfferRefusal::SequenceTooFar
            | OfferRefusal::CannotPull
            | OfferRefusal::Full
            | OfferRefusal::BadTree
            | OfferRefusal::GrantOverBudget
            | OfferRefusal::ShareFull
            | OfferRefusal::Unknown(_) => {}
        }
        self.give_up_if_hopeless(now, ticket.job);
    }

    fn give_up_if_hopeless(&mut self, now: Now, job: JobId) {
        let (seeds, write) = (self.config.trust.policy().seeds.len(), self.receipts_needed());
        let Some(publish) = self.publishes.get_mut(job).filter(|publish| publish.step == Step::Offering)
        else {
            return;
        };
        if let Some(failure) = publish.hopeless(seeds, write) {
            self.publish_failed(now, job, failure);
        }
    }

    fn receipts_needed(&self) -> usize {
        usize::try_from(self.config.trust.policy().write).unwrap_or(usize::MAX).max(1)
    }

    /// A publish has had its time.
    pub(super) fn publish_is_late(&mut self, now: Now, job: JobId) {
        let Some(publish) = self.publishes.get_mut(job) else { return };
        let silent = publish.seeds.is_empty() && publish.step == Step::Offering;
        let failure = if silent { PublishFailure::SeedsSilent } else { PublishFailure::Timeout };
        self.publish_failed(now, job, failure);
    }

    fn publish_failed(&mut self, now: Now, job: JobId, failure: PublishFailure) {
        self.end_publish(now, job);
        self.reply(job, JobReply::PublishFailed(failure));
    }

    /// Forgets a job's publish; a manifest that is not certified is not served.
    pub(super) fn end_publish(&mut self, now: Now, job: JobId) {
        let Some(publish) = self.publishes.remove(job) else { return };
        for alarm in [Alarm::Publish(job), Alarm::Offer(job)] {
            self.timers.clear(alarm);
        }
        let Some(swarm) = self.swarms.get_mut(&publish.manifest) else { return };
        swarm.publishing.remove(&job);
        if !swarm.busy() && self.catalogue.get(&publish.manifest).is_none() {
            self.close_swarm(now, publish.manifest);
        }
    }
}
