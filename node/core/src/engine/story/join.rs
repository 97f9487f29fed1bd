//! Membership: a node asks its seeds to let it in and renews in time; a seed lets in who shows a token.
use super::Alarm;
use crate::engine::bounds::{
    JOIN_REFUSED_RETRY, JOIN_RETRY, PAPERS_INTERVAL, PEER_TASKS_MAX, WELCOME_DIALS_MAX,
};
use crate::engine::state::peers::{Contact, Standing};
use crate::engine::state::probes::Claim;
use crate::engine::state::tasks::AfterVerify;
use crate::engine::{Engine, Event, Offence, Work};
use crate::limits::{MEMBERSHIP_LIFE, NEIGHBOURS_MAX};
use crate::message::{Control, PeerAddress, Refusal};
use crate::{Disbelief, Envelope, Membership, Now, PeerId, Token, VerifiedMembership};
use core::time::Duration;

/// A membership that is about to end is renewed this often at most.
const RENEWAL_MIN: Duration = Duration::from_secs(5);

impl Engine {
    /// Asks a seed to let us in, or to renew; again later if it does not answer.
    pub(super) fn send_join(&mut self, now: Now, seed: PeerId) {
        if self.peers.get(&seed).is_some_and(|peer| peer.standing == Standing::Seed) {
            self.timers.set(Alarm::Join(seed), now.instant.after(JOIN_RETRY));
            self.send(seed, Control::Join { token: self.config.token.clone() });
        }
    }

    /// A peer asks to be let in.
    pub(super) fn on_join(&mut self, now: Now, peer: PeerId, token: Envelope) {
        let Some(found) = self.peers.get(&peer) else { return };
        match found.standing {
            Standing::Silent => self.offended(now, peer, Offence::BadMessage),
            Standing::Seed => {}
            Standing::Stranger | Standing::Member if !self.is_seed() => {
                self.send(peer, Control::Refused { why: Refusal::NotASeed });
            }
            // What it showed in its hello is judged first: it may belong already.
            Standing::Stranger | Standing::Member if self.recovering > 0 || found.is_judged() => {
                self.joins_waiting.insert(peer, token);
            }
            // Where tokens let nobody in, who was let in is renewed without.
            Standing::Member if self.config.trust.policy().strict_admission => {
                let contact = Contact { peer, session: found.session };
                self.sign_membership(now, contact);
            }
            Standing::Stranger | Standing::Member => self.judge_token(now, peer, token),
        }
    }

    /// Judges the joins that waited for the store's memory to be verified.
    pub(super) fn judge_waiting_joins(&mut self, now: Now) {
        for (peer, token) in core::mem::take(&mut self.joins_waiting) {
            self.on_join(now, peer, token);
        }
    }

    /// What a peer had shown is judged: now its join is, if it waits.
    pub(super) fn judge_waiting_join(&mut self, now: Now, peer: PeerId) {
        if self.recovering == 0
            && let Some(token) = self.joins_waiting.remove(&peer)
        {
            self.on_join(now, peer, token);
        }
    }

    fn judge_token(&mut self, now: Now, peer: PeerId, envelope: Envelope) {
        let Some(found) = self.peers.get_mut(&peer).filter(|found| !found.judging) else { return };
        found.judging = true;
        let contact = Contact { peer, session: found.session };
        let work = Work::Token { envelope, wall: now.wall };
        self.verify(Some(peer), work, AfterVerify::Join(contact));
    }

    /// A join token was judged.
    pub(super) fn token_judged(&mut self, now: Now, contact: Contact, result: Result<Token, Disbelief>) {
        if self.peers.on(contact).is_none() {
            return;
        }
        if let Err(why) = result {
            let refusal = refusal(&why);
            self.event(Event::Disbelieved { from: Some(contact.peer), why });
            return self.refuse_join(now, contact, refusal);
        }
        self.claim_place(now, contact, Claim::Token);
    }

    /// Tells a peer why it is not let in. It may ask again; and what it asked since then stands, if it has shown a membership
    /// meanwhile: an operator may hand it one at any moment.
    pub(super) fn refuse_join(&mut self, now: Now, contact: Contact, why: Refusal) {
        let Some(found) = self.peers.on(contact) else { return };
        found.judging = false;
        let (is_shown, belongs) = (found.judging_shown, found.belongs());
        self.refusals.count(why);
        self.send(contact.peer, Control::Refused { why });
        match (is_shown, belongs) {
            (true, _) => {}
            (false, true) => self.judge_waiting_join(now, contact.peer),
            (false, false) => drop(self.joins_waiting.remove(&contact.peer)),
        }
    }

    /// A peer's membership is signed: it is in, and hears of others. Unless somebody else at its address was quicker.
    pub(super) fn membership_signed(
        &mut self,
        now: Now,
        contact: Contact,
        membership: &Membership,
        envelope: Envelope,
    ) {
        if self.peers.on(contact).is_none() {
            return;
        }
        if self.address_is_full(&contact.peer) {
            return self.refuse_join(now, contact, Refusal::AddressFull);
        }
        let Some(found) = self.peers.on(contact) else { return };
        found.judging = false;
        self.joins_waiting.remove(&contact.peer);
        let peers = self.peers.sample(&mut self.chance, NEIGHBOURS_MAX, &contact.peer);
        self.send(contact.peer, Control::Welcome { membership: envelope, peers });
        self.admit(now, contact.peer, membership.expires);
    }

    /// An operator hands this node a membership.
    pub(super) fn on_admitted(&mut self, now: Now, envelope: Envelope) {
        if !self.is_seed() {
            let work = Work::Membership { envelope, peer: self.config.me, wall: now.wall };
            self.verify(None, work, AfterVerify::Handed);
        }
    }

    /// It was judged: whoever is there hears of it, and seeds that do not know us as a member yet are asked to renew it.
    pub(super) fn handed_judged(&mut self, now: Now, result: Result<VerifiedMembership, Disbelief>) {
        let verified = match result {
            Ok(verified) => verified,
            Err(why) => {
                self.joining.disbelieved(&why);
                return self.event(Event::Disbelieved { from: None, why });
            }
        };
        if !self.joining.keep(now, &verified) {
            return;
        }
        let peers: Vec<_> = self.peers.members().chain(self.peers.seeds()).collect();
        peers.into_iter().for_each(|peer| self.say_hello(now, peer));
        let seeds: Vec<_> = self.peers.seeds().collect();
        seeds.into_iter().for_each(|seed| self.send_join(now, seed));
        self.hurry_dials(now);
    }

    /// A seed lets us in.
    pub(super) fn on_welcome(&mut self, now: Now, seed: PeerId, envelope: Envelope, peers: Vec<PeerAddress>) {
        let Some(contact) = self.peers.contact(&seed).filter(|_| !self.is_seed()) else { return };
        if self.tasks.load(&seed) >= PEER_TASKS_MAX {
            return;
        }
        let work = Work::Membership { envelope, peer: self.config.me, wall: now.wall };
        self.verify(Some(seed), work, AfterVerify::Welcome { contact, peers });
    }

    /// Our membership was judged: we belong, and this seed may be asked.
    pub(super) fn welcome_judged(
        &mut self,
        now: Now,
        contact: Contact,
        peers: Vec<PeerAddress>,
        result: Result<VerifiedMembership, Disbelief>,
    ) {
        let seed = contact.peer;
        let verified = match result {
            Ok(verified) => verified,
            Err(why) => {
                self.joining.disbelieved(&why);
                self.clocks.note_disbelief(now, seed, &why);
                return self.event(Event::Disbelieved { from: Some(seed), why });
            }
        };
        self.clocks.note(now, seed, verified.membership().issued);
        if self.joining.keep(now, &verified) {
            let members: Vec<_> = self.peers.members().collect();
            members.into_iter().for_each(|peer| self.say_hello(now, peer));
        }
        let Some(found) = self.peers.on(contact) else { return };
        let first = !core::mem::replace(&mut found.admitted, true);
        let half = verified.membership().expires.since(now.wall).min(MEMBERSHIP_LIFE) / 2;
        self.timers.set(Alarm::Join(seed), now.instant.after(half.max(RENEWAL_MIN)));
        if first {
            self.dials.succeeded(&seed);
            self.event(Event::Joined { seed });
            self.place(&seed);
            self.say_zone(seed);
            self.seed_ready(now, seed);
            for named in peers.iter().take(WELCOME_DIALS_MAX) {
                self.dial_neighbour(now, named, &seed);
            }
        }
    }

    /// A seed does not let us in; somebody may change that.
    pub(super) fn on_refused(&mut self, now: Now, seed: PeerId, why: Refusal) {
        self.event(Event::JoinRefused { seed, why });
        self.joining.refused(why);
        // An address is free again as soon as the seed sees that who had it is gone.
        let wait = if why == Refusal::AddressFull { JOIN_RETRY } else { JOIN_REFUSED_RETRY };
        self.timers.set(Alarm::Join(seed), now.instant.after(wait));
    }

    /// A seed may be asked from now on: everything that waits for one is put to it.
    fn seed_ready(&mut self, now: Now, seed: PeerId) {
        for job in self.questions.jobs() {
            self.pursue_question(now, job);
        }
        for job in self.publishes.jobs() {
            self.offer_to_seeds(job);
        }
        for job in self.listings.jobs() {
            self.list_from_seed(job, seed);
        }
        for job in self.log_questions.jobs() {
            self.log_from_seed(job, seed);
        }
        for job in self.spreads.jobs() {
            self.bring_to_seeds(now, job);
        }
        self.enter_all(now, seed);
        self.timers.set(Alarm::Papers(seed), now.instant.after(PAPERS_INTERVAL));
    }
}

/// What a peer is told about its token.
fn refusal(why: &Disbelief) -> Refusal {
    if matches!(why, Disbelief::Expired { .. }) {
        Refusal::TokenExpired
    } else if matches!(why, Disbelief::OtherPool { .. }) {
        Refusal::OtherPool
    } else if matches!(why, Disbelief::StrictAdmission) {
        Refusal::NotByToken
    } else {
        Refusal::BadToken
    }
}
