//! A seed is offered a manifest: it judges, claims the place, pulls every chunk from the holder, and then votes.
use crate::engine::bounds::{PEER_TASKS_MAX, SEQUENCE_AHEAD_MAX};
use crate::engine::state::offers::Offer;
use crate::engine::state::swarms::{Goal, Stage};
use crate::engine::state::tasks::{AfterVerify, OfferId};
use crate::engine::state::votes::Claim;
use crate::engine::transfer::PullId;
use crate::engine::{Engine, Event, StoreFailure, TreeFault, Work};
use crate::message::{Control, OfferRefusal};
use crate::{
    CertifiedEnvelope, Disbelief, Envelope, Key, Manifest, ManifestId, Now, PeerId, VerifiedManifest,
};

impl Engine {
    /// A member offers.
    pub(super) fn on_offer(&mut self, now: Now, peer: PeerId, number: u32, envelope: Envelope) {
        let Some(contact) = self.peers.contact(&peer) else { return };
        let silent = self.recovering > 0 || self.silence().is_some();
        let busy = silent || self.tasks.load(&peer) >= PEER_TASKS_MAX;
        let offer = Offer::new(contact, number, envelope.clone());
        if busy || !self.offers.has_room(&peer) {
            return self.say_refused(now, &offer, OfferRefusal::Busy);
        }
        let id = OfferId(self.tasks.serial());
        self.offers.insert(id, offer);
        let work = Work::Manifest { envelope, wall: now.wall };
        self.verify(Some(peer), work, AfterVerify::Offer(id));
    }

    /// The manifest was judged: is its place free?
    pub(super) fn offer_judged(
        &mut self,
        now: Now,
        id: OfferId,
        result: Result<VerifiedManifest, Disbelief>,
    ) {
        let Some(offer) = self.offers.get(id) else { return };
        let (manifest, holder) = (offer.manifest, offer.contact.peer);
        let verified = match result {
            Ok(verified) => verified,
            Err(why) => return self.disbelieve_offer(now, id, why),
        };
        if let Some(why) = self.claim(&verified) {
            return self.refuse_offer(now, id, why);
        }
        let tree = verified.manifest().tree.clone();
        if let Some(offer) = self.offers.get_mut(id) {
            offer.claimed = Some(verified);
        }
        if !self.open_swarm(now, manifest, tree, Goal::All) {
            return self.refuse_offer(now, id, OfferRefusal::Busy);
        }
        if let Some(swarm) = self.swarms.get_mut(&manifest) {
            swarm.source = swarm.source.filter(|_| swarm.pull.is_some()).or(Some(holder));
        }
        self.pursue_swarm(now, manifest);
        self.offers_advance(now, manifest);
    }

    /// Takes the manifest's place, or says why not.
    fn claim(&mut self, verified: &VerifiedManifest) -> Option<OfferRefusal> {
        let (manifest, id) = (verified.manifest(), verified.id());
        let standing = self.catalogue.standing(&manifest.key);
        let newest = standing.map_or(0, |entry| entry.certified.manifest().sequence);
        let same = standing.is_some_and(|entry| entry.certified.id() == id);
        if manifest.sequence > newest.saturating_add(SEQUENCE_AHEAD_MAX) {
            return Some(OfferRefusal::SequenceTooFar);
        }
        if manifest.sequence <= newest && !same {
            return Some(OfferRefusal::Conflict);
        }
        if self.is_taken(&manifest.key, manifest.sequence, &id) {
            return Some(OfferRefusal::Conflict);
        }
        match self.votes.claim(&manifest.key, manifest.sequence, id) {
            Claim::Taken => None,
            Claim::Conflict => Some(OfferRefusal::Conflict),
        }
    }

    /// Whether so many seeds have voted for others at a place that an honest one is among them.
    pub(super) fn is_taken(&self, key: &Key, sequence: u64, manifest: &ManifestId) -> bool {
        let faulty = usize::try_from(self.config.trust.policy().faulty).unwrap_or(usize::MAX);
        self.ballots.taken((key, sequence), manifest, faulty)
    }

    /// Chunks were pulled: holders hear of it now and then.
    pub(super) fn pull_progressed(&mut self, now: Now, pull: PullId, have: u32, of: u32) {
        let Some(manifest) = self.swarms.pulled(pull) else { return };
        let content = self.swarms.get(&manifest).is_some_and(|swarm| swarm.stage == Stage::PullingContent);
        if !content {
            return;
        }
        for id in self.offers.waiting_for(&manifest) {
            let Some(offer) = self.offers.get_mut(id) else { continue };
            if offer.worth_telling(now.instant, have, of) {
                let (peer, number) = (offer.contact.peer, offer.number);
                self.send(peer, Control::OfferProgress { offer: number, have, of });
            }
        }
    }

    /// More is known of a manifest that is offered.
    pub(super) fn offers_advance(&mut self, now: Now, manifest: ManifestId) {
        let Some(swarm) = self.swarms.get(&manifest) else { return };
        let refusal = match (swarm.complete, swarm.stage) {
            (true, _) => None,
            // The store lost a chunk of it meanwhile: when it is offered again, it is looked for anew.
            (false, Stage::Faulty(TreeFault::Missing)) => Some(OfferRefusal::Busy),
            (false, Stage::Faulty(_)) => Some(OfferRefusal::BadTree),
            (false, _) => return,
        };
        for id in self.offers.waiting_for(&manifest) {
            match refusal {
                None => self.settle_share(id),
                Some(why) => self.refuse_offer(now, id, why),
            }
        }
    }

    /// The pull failed: whoever was pulled from is refused, another holder is tried.
    pub(super) fn offers_cannot_pull(&mut self, now: Now, manifest: ManifestId, store: Option<StoreFailure>) {
        let source = self.swarms.get(&manifest).and_then(|swarm| swarm.source);
        let why = if store.is_some() { OfferRefusal::Full } else { OfferRefusal::CannotPull };
        let mut next = None;
        for id in self.offers.waiting_for(&manifest) {
            let holder = self.offers.get(id).map(|offer| offer.contact.peer);
            if store.is_some() || holder == source {
                self.refuse_offer(now, id, why);
            } else {
                next = next.or(holder);
            }
        }
        if let Some(swarm) = self.swarms.get_mut(&manifest)
            && next.is_some()
        {
            swarm.source = next;
            self.pursue_swarm(now, manifest);
        }
    }

    /// A holder is gone: its offers end.
    pub(super) fn offers_of_gone(&mut self, now: Now, peer: &PeerId) {
        for id in self.offers.of_peer(peer) {
            self.end_offer(now, id);
        }
    }

    /// Ends an offer that is not believed.
    pub(super) fn disbelieve_offer(&mut self, now: Now, id: OfferId, why: Disbelief) {
        if let Some(offer) = self.offers.get_mut(id) {
            offer.doubt = Some(why.to_string());
            let from = Some(offer.contact.peer);
            self.event(Event::Disbelieved { from, why });
        }
        self.refuse_offer(now, id, OfferRefusal::NotBelieved);
    }

    /// Ends an offer with a refusal.
    pub(super) fn refuse_offer(&mut self, now: Now, id: OfferId, why: OfferRefusal) {
        if let Some(offer) = self.end_offer(now, id) {
            self.say_refused(now, &offer, why);
        }
    }

    fn say_refused(&mut self, now: Now, offer: &Offer, why: OfferRefusal) {
        self.log_refusal(now, offer, why);
        let place = offer.envelope.body::<Manifest>().ok().map(|manifest| (manifest.key, manifest.sequence));
        let rivalled = place.as_ref().filter(|_| why == OfferRefusal::Conflict);
        let (standing, highest) = rivalled.map_or((None, 0), |(key, sequence)| {
            let (standing, highest) = self.what_stands(key);
            let taken = self.is_taken(key, *sequence, &offer.manifest);
            (standing, if taken { highest.max(*sequence) } else { highest })
        });
        let (from, manifest) = (offer.contact.peer, offer.manifest);
        self.event(Event::OfferRefused { from, manifest, place, why });
        self.send(offer.contact.peer, Control::OfferRefused { offer: offer.number, why, standing, highest });
    }

    /// What is certified under an offer's key, and the highest sequence that is voted for or claimed. What was taken back,
    /// or let go, has its place and nothing more: nobody loses a race against it.
    fn what_stands(&self, key: &Key) -> (Option<Box<CertifiedEnvelope>>, u64) {
        let standing = self.catalogue.standing(key).filter(|entry| !entry.withdrawn && !entry.let_go);
        let standing = standing.map(|entry| Box::new(entry.certified.to_envelope()));
        let newest = self.catalogue.highest(key).unwrap_or(0);
        (standing, self.votes.highest(key).max(newest))
    }

    /// Ends an offer: its place is free again unless a receipt was signed for it.
    pub(super) fn end_offer(&mut self, now: Now, id: OfferId) -> Option<Offer> {
        let offer = self.offers.remove(id)?;
        if let Some((key, sequence)) = offer.place() {
            self.votes.release(&key, sequence);
        }
        if !self.offers.names(&offer.manifest)
            && self.swarms.get(&offer.manifest).is_some_and(|swarm| swarm.jobs.is_empty())
        {
            self.close_swarm(now, offer.manifest);
        }
        Some(offer)
    }
}
