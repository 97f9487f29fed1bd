//! A seed votes: chunks synced, manifest judged at that moment, receipt signed, recorded, and only then sent. Later it
//! keeps the certificate that the receipts make.
use crate::engine::bounds::PEER_TASKS_MAX;
use crate::engine::state::ballots::Ballot;
use crate::engine::state::peers::Contact;
use crate::engine::state::swarms::Goal;
use crate::engine::state::tasks::{AfterRecord, AfterSign, AfterVerify, OfferId};
use crate::engine::{Engine, Event, Record, Statement, StoreFailure, Work};
use crate::message::{Control, OfferRefusal, VoteEnvelope};
use crate::{
    CertifiedEnvelope, CertifiedManifest, Disbelief, Envelope, Now, PeerId, Receipt, Timestamp,
    VerifiedManifest,
};

impl Engine {
    /// The chunks are durable.
    pub(super) fn offer_synced(&mut self, now: Now, id: OfferId, result: Result<(), StoreFailure>) {
        let Some(offer) = self.offers.get(id) else { return };
        if result.is_err() {
            return self.refuse_offer(now, id, OfferRefusal::Full);
        }
        let (peer, envelope) = (offer.contact.peer, offer.envelope.clone());
        self.verify(Some(peer), Work::Manifest { envelope, wall: now.wall }, AfterVerify::Vote(id));
    }

    /// The manifest holds at this moment: it gets its receipt, the same one whenever it is offered again.
    pub(super) fn vote_judged(&mut self, now: Now, id: OfferId, result: Result<VerifiedManifest, Disbelief>) {
        let Some(offer) = self.offers.get(id) else { return };
        let (manifest, peer) = (offer.manifest, offer.contact.peer);
        if self.silence().is_some() {
            return self.refuse_offer(now, id, OfferRefusal::Busy);
        }
        let verified = match result {
            Ok(verified) => verified,
            Err(why) => return self.disbelieve_offer(now, id, why),
        };
        if self.votes.has(&manifest) {
            return self.send_receipt(now, id);
        }
        if let Err(why) = self.count_grant(&verified, now.wall) {
            self.event(Event::Disbelieved { from: Some(peer), why });
            return self.refuse_offer(now, id, OfferRefusal::GrantOverBudget);
        }
        let receipt = Receipt {
            pool: self.config.trust.policy().pool.clone(),
            seed: self.config.me,
            manifest,
            key: verified.manifest().key.clone(),
            sequence: verified.manifest().sequence,
            time: now.wall,
        };
        match self.votes.receipt(&manifest).cloned() {
            Some(signed) => self.record_vote(id, &receipt, signed),
            None => {
                let then = AfterSign::Receipt { offer: id, receipt: Box::new(receipt.clone()) };
                self.sign(Some(peer), Statement::Receipt(receipt), then);
            }
        }
    }

    /// A manifest under a grant takes of its budget, once.
    pub(super) fn count_grant(
        &mut self,
        verified: &VerifiedManifest,
        wall: Timestamp,
    ) -> Result<(), Disbelief> {
        let Some(grant) = verified.grant() else { return Ok(()) };
        self.grant_use.count(grant, (verified.id(), verified.manifest().bytes()), wall)
    }

    /// The receipt is signed: it is recorded before anybody sees it.
    pub(super) fn receipt_signed(&mut self, now: Now, id: OfferId, receipt: &Receipt, envelope: Envelope) {
        if self.silence().is_some() {
            self.refuse_offer(now, id, OfferRefusal::Busy);
        } else if self.offers.get(id).is_some() {
            self.record_vote(id, receipt, envelope);
        }
    }

    fn record_vote(&mut self, id: OfferId, receipt: &Receipt, envelope: Envelope) {
        let Some(offer) = self.offers.get(id) else { return };
        let Some(verified) = &offer.claimed else { return };
        let (origin, manifest) = (offer.contact.peer, offer.envelope.clone());
        let envelope = self.votes.seal(receipt, envelope).clone();
        let ballot = Ballot {
            vote: VoteEnvelope { manifest: manifest.clone(), receipt: envelope.clone() },
            manifest: receipt.manifest,
            seed: receipt.seed,
            key: receipt.key.clone(),
            sequence: receipt.sequence,
            expires: verified.manifest().expires,
        };
        let (key, sequence) = (receipt.key.clone(), receipt.sequence);
        let record = Record::Vote { manifest, key, sequence, receipt: envelope };
        let then = AfterRecord::Vote { offer: id, ballot: Box::new(ballot) };
        self.record(Some(origin), record, then);
    }

    /// The vote is durable, or the disk refused it; then the place stays taken, for the disk may have it all the same.
    pub(super) fn vote_recorded(
        &mut self,
        now: Now,
        id: OfferId,
        ballot: Ballot,
        result: Result<(), StoreFailure>,
    ) {
        match result {
            Ok(()) => {
                self.votes.cast(ballot.manifest);
                self.keep_ballot(now, ballot);
                self.send_receipt(now, id);
            }
            Err(StoreFailure::Full | StoreFailure::Broken) => self.refuse_offer(now, id, OfferRefusal::Full),
        }
    }

    fn send_receipt(&mut self, now: Now, id: OfferId) {
        let Some(offer) = self.offers.get(id) else { return };
        let Some(receipt) = self.votes.receipt(&offer.manifest).cloned() else { return };
        let (peer, number, manifest) = (offer.contact.peer, offer.number, offer.manifest);
        self.end_offer(now, id);
        self.event(Event::Receipt { manifest });
        self.send(peer, Control::OfferReceipt { offer: number, receipt });
    }

    /// A member brings a certificate.
    pub(super) fn on_certify(&mut self, now: Now, peer: PeerId, certified: CertifiedEnvelope) {
        let manifest = certified.manifest.id();
        if self.catalogue.get(&manifest).is_some_and(|entry| !entry.withdrawn) {
            return self.send(peer, Control::Certified { manifest });
        }
        let Some(contact) = self.peers.contact(&peer) else { return };
        if self.tasks.load(&peer) < PEER_TASKS_MAX {
            let work = Work::Certified { certified, wall: now.wall };
            self.verify(Some(peer), work, AfterVerify::Certify(contact));
        }
    }

    /// The certificate holds: it is recorded before it counts.
    pub(super) fn certify_judged(
        &mut self,
        now: Now,
        contact: Contact,
        result: Result<CertifiedManifest, Disbelief>,
    ) {
        match result {
            Ok(certified) => {
                self.log_publish(now, &certified);
                let record = Record::Certified(certified.to_envelope());
                let then = AfterRecord::Certify { contact, certified: Box::new(certified) };
                self.record(Some(contact.peer), record, then);
            }
            Err(why) => self.event(Event::Disbelieved { from: Some(contact.peer), why }),
        }
    }

    /// The certificate is durable: readers hear of it. This seed looks for the chunks once more, and pulls those that it
    /// lacks: the vote may have been that of others only.
    pub(super) fn certificate_kept(
        &mut self,
        now: Now,
        contact: Contact,
        certified: CertifiedManifest,
        result: Result<(), StoreFailure>,
    ) {
        self.journal.ended(&certified.id());
        if result.is_err() {
            return;
        }
        let (manifest, tree) = (certified.id(), certified.manifest().tree.clone());
        self.keep_certified(now, certified);
        if self.peers.on(contact).is_some() {
            self.send(contact.peer, Control::Certified { manifest });
        }
        if self.open_swarm(now, manifest, tree, Goal::All) {
            if let Some(swarm) = self.swarms.get_mut(&manifest) {
                swarm.source = swarm.source.or(Some(contact.peer));
            }
            self.pursue_swarm(now, manifest);
        }
    }

    /// A certificate is durable here, whoever brought it: answers name it, members who serve its lineage hear of it.
    pub(super) fn keep_certified(&mut self, now: Now, certified: CertifiedManifest) {
        let (manifest, lineage) = (certified.id(), certified.manifest().key.lineage());
        let newest = self.learn(now, certified);
        if let Some(entry) = self.catalogue.get_mut(&manifest) {
            entry.recorded = true;
        }
        self.enter_ledger(manifest);
        self.event(Event::Certified { manifest });
        if let Some(lineage) = lineage.filter(|_| newest) {
            self.relay_anew(now, &lineage);
        }
    }
}
