//! Connections: whom to dial, who said hello, who belongs, who is let go.
use super::Alarm;
use crate::engine::bounds::{BACKOFF_MIN, DIAL_TIMEOUT, PEER_TASKS_MAX, STANDING_TIMEOUT};
use crate::engine::state::peers::{Contact, Standing};
use crate::engine::state::probes::Claim;
use crate::engine::state::tasks::AfterVerify;
use crate::engine::{DropReason, Engine, Event, Offence, Output, Work};
use crate::limits::MEMBERSHIP_LIFE;
use crate::message::{Control, Hello, PeerAddress};
use crate::{Disbelief, Now, PeerId, PeerRole, Timestamp, VerifiedMembership};
use std::net::SocketAddr;

/// Addresses of one peer that are tried.
const ADDRESSES_MAX: usize = 4;

impl Engine {
    /// Dials every seed of the policy; of two seeds, the one with the lower name dials.
    pub(in crate::engine) fn dial_seeds(&mut self, now: Now) {
        let me = self.config.me;
        let trust = self.config.trust.clone();
        let next = self.spreading.next.clone().filter(|_| self.is_seed());
        let coming = next.iter().flat_map(|next| &next.policy().seeds);
        for seed in trust.policy().seeds.iter().chain(coming) {
            let mine = if self.is_seed() { seed.peer > me } else { seed.peer != me };
            if mine {
                self.dials.keep(seed.peer, seed.addresses.clone());
                self.dial(now, seed.peer);
            }
        }
    }

    /// Begins a dial, unless one is under way or the peer is here.
    fn dial(&mut self, now: Now, peer: PeerId) {
        if self.peers.get(&peer).is_some() {
            return;
        }
        if let Some(addresses) = self.dials.start(&peer) {
            self.timers.set(Alarm::Dial(peer), now.instant.after(DIAL_TIMEOUT));
            self.outbox.push(Output::Dial { peer, addresses });
        }
    }

    /// A job waits for an answer: seeds that would be dialled again later are dialled now, unless that was done a moment
    /// ago. Its deadline is shorter than the longest backoff.
    pub(super) fn hurry_dials(&mut self, now: Now) {
        if now.instant < self.hurry_after {
            return;
        }
        self.hurry_after = now.instant.after(BACKOFF_MIN);
        for peer in self.dials.resting() {
            if self.peers.get(&peer).is_none() {
                self.dial(now, peer);
            }
        }
    }

    /// It is time to dial again; or nothing was heard of a dial for so long that it has failed.
    pub(super) fn dial_due(&mut self, now: Now, peer: PeerId) {
        if self.peers.get(&peer).is_some() {
            return;
        }
        if self.dials.is_dialling(&peer) {
            self.on_dial_failed(now, peer);
        } else {
            self.dial(now, peer);
        }
    }

    /// Dials a peer that a seed named, if there is room and the policy allows the address.
    pub(super) fn dial_neighbour(&mut self, now: Now, named: &PeerAddress, by: &PeerId) -> bool {
        let (peer, trust) = (named.peer, &self.config.trust);
        let full = !self.may_dial_one_more(&peer);
        let known = peer == self.config.me || trust.is_seed(&peer) || self.peers.get(&peer).is_some();
        if full || known || self.bans.holds(now.instant, &peer) {
            return false;
        }
        let allowed = named.addresses.iter().filter(|address| trust.policy().may_dial(&address.ip()));
        let addresses: Vec<String> = allowed.take(ADDRESSES_MAX).map(SocketAddr::to_string).collect();
        if addresses.is_empty()
            || !self.has_room_from(now, by, &peer)
            || !self.dials.once(peer, addresses, *by)
        {
            return false;
        }
        self.dial(now, peer);
        true
    }

    /// A dial did not succeed.
    pub(super) fn on_dial_failed(&mut self, now: Now, peer: PeerId) {
        if self.peers.get(&peer).is_none() {
            self.dial_later(now, peer);
        }
    }

    fn dial_later(&mut self, now: Now, peer: PeerId) {
        self.timers.clear(Alarm::Dial(peer));
        if let Some(wait) = self.dials.failed(&peer, &mut self.chance) {
            let wait = if self.questions.jobs().is_empty() { wait } else { wait.min(BACKOFF_MIN) };
            self.timers.set(Alarm::Dial(peer), now.instant.after(wait));
        }
    }

    /// A control connection is up.
    pub(super) fn on_connected(&mut self, now: Now, peer: PeerId, address: SocketAddr) {
        if self.peers.get(&peer).is_some() {
            self.forget_peer(now, peer);
        }
        self.timers.clear(Alarm::Dial(peer));
        let named_by = self.dials.connected(&peer);
        if let Some(why) = self.unwelcome(now, &peer) {
            self.outbox.push(Output::Disconnect { peer, why });
            return;
        }
        let session = self.tasks.serial();
        self.outbox.open(peer);
        self.peers.insert(now.instant, Contact { peer, session }, address.ip().to_canonical());
        if let Some(found) = self.peers.get_mut(&peer) {
            found.named_by = named_by;
        }
        self.timers.set(Alarm::Standing(peer), now.instant.after(STANDING_TIMEOUT));
        self.begin_trial(now, peer);
        self.say_hello(now, peer);
    }

    /// Who dialled, if the connection is kept.
    pub(super) fn note_direction(&mut self, peer: &PeerId, dialled: bool) {
        if let Some(found) = self.peers.get_mut(peer) {
            found.came = !dialled;
        }
    }

    /// Where a peer that came and says where it listens can be dialled itself, if the policy allows that address.
    /// Without that its chunks still come, on its control connection, where they hold up messages.
    fn reach(&mut self, peer: PeerId) {
        let Some(found) = self.peers.get(&peer) else { return };
        let allowed = found.came && found.listen_port != 0 && self.config.trust.policy().may_dial(&found.ip);
        if allowed {
            let address = SocketAddr::new(found.ip, found.listen_port);
            self.outbox.push(Output::Reach { peer, address });
        }
    }

    fn unwelcome(&self, now: Now, peer: &PeerId) -> Option<DropReason> {
        if *peer == self.config.me || self.bans.holds(now.instant, peer) {
            return Some(DropReason::Misbehaved);
        }
        self.has_no_place_for(peer).then_some(DropReason::TooMany)
    }

    /// Says who we are; once more whenever our membership is renewed.
    pub(super) fn say_hello(&mut self, now: Now, peer: PeerId) {
        let hello = Hello {
            pool: self.config.trust.policy().pool.clone(),
            role: self.config.role,
            software: self.config.software.clone(),
            membership: self.joining.membership(now.instant).cloned(),
            listen_port: self.config.listen_port,
        };
        self.send(peer, Control::Hello(hello));
    }

    /// A peer says who it is.
    pub(super) fn on_hello(&mut self, now: Now, peer: PeerId, hello: Hello) {
        if hello.pool != self.config.trust.policy().pool {
            self.drop_peer(now, peer, DropReason::OtherPool);
            return;
        }
        let is_seed = self.counts_as_seed(&peer);
        let Some(found) = self.peers.get_mut(&peer) else { return };
        found.listen_port = hello.listen_port;
        self.reach(peer);
        let Some(found) = self.peers.get_mut(&peer) else { return };
        if is_seed {
            let first = found.standing != Standing::Seed;
            (found.standing, found.software) = (Standing::Seed, hello.software);
            if first {
                self.seed_met(now, peer);
            }
            return;
        }
        if found.standing == Standing::Silent {
            found.standing = Standing::Stranger;
        }
        let Some(envelope) = hello.membership else { return };
        if self.tasks.load(&peer) < PEER_TASKS_MAX {
            found.judging_shown = true;
            let contact = Contact { peer, session: found.session };
            let work = Work::Membership { envelope, peer, wall: now.wall };
            self.verify(Some(peer), work, AfterVerify::Hello(contact));
        }
    }

    fn seed_met(&mut self, now: Now, seed: PeerId) {
        self.timers.clear(Alarm::Standing(seed));
        self.outbox.push(Output::Admit { peer: seed });
        self.transfer.peer_up(now.instant, seed, true);
        if self.is_seed() {
            self.dials.succeeded(&seed);
            self.say_papers(seed);
            self.catch_up_with(now, seed);
        } else {
            self.send_join(now, seed);
        }
    }

    /// A peer's membership was judged; it must also name the address that we see.
    pub(super) fn hello_judged(
        &mut self,
        now: Now,
        contact: Contact,
        result: Result<VerifiedMembership, Disbelief>,
    ) {
        let Some(found) = self.peers.on(contact) else { return };
        found.judging_shown = false;
        let (ip, peer) = (found.ip, contact.peer);
        match result {
            Ok(verified) => {
                let membership = verified.membership();
                if membership.address.to_canonical() == ip && membership.role == PeerRole::Node {
                    let (issuer, expires) = (PeerId::new(membership.issuer), membership.expires);
                    return self.believe_membership(now, contact, issuer, expires);
                }
            }
            Err(why) => self.event(Event::Disbelieved { from: Some(peer), why }),
        }
        // A seed lets it ask to be let in; a node has nothing to say to it.
        if self.is_seed() {
            self.judge_waiting_join(now, peer);
        } else {
            self.drop_peer(now, peer, DropReason::NotAMember);
        }
    }

    /// A peer shows a membership that holds. A node has no more neighbours that one seed has let in than half.
    fn believe_membership(&mut self, now: Now, contact: Contact, issuer: PeerId, expires: Timestamp) {
        let seed = Some(issuer).filter(|issuer| self.config.trust.is_seed(issuer));
        let Some(found) = self.peers.on(contact) else { return };
        let counted = found.belongs() || seed.is_none_or(|seed| found.is_owed_to(&seed));
        if let Some(seed) = seed.filter(|_| !counted)
            && !self.has_room_from(now, &seed, &contact.peer)
        {
            return self.drop_peer(now, contact.peer, DropReason::TooMany);
        }
        if let Some(found) = self.peers.on(contact) {
            found.admitted_by = seed;
        }
        self.claim_place(now, contact, Claim::Shown(expires));
    }

    /// A peer belongs to the pool until then, unless it shows a later membership.
    pub(super) fn admit(&mut self, now: Now, peer: PeerId, expires: Timestamp) {
        let Some(found) = self.peers.get_mut(&peer) else { return };
        let first = found.standing != Standing::Member;
        found.standing = Standing::Member;
        self.timers.clear(Alarm::Standing(peer));
        let left = expires.since(now.wall).min(MEMBERSHIP_LIFE);
        self.timers.set(Alarm::Member(peer), now.instant.after(left));
        if first {
            self.outbox.push(Output::Admit { peer });
            self.transfer.peer_up(now.instant, peer, false);
            self.place(&peer);
            self.member_met(now, peer);
            self.say_zone(peer);
            self.say_papers(peer);
            self.hear_held(now, peer);
        }
    }

    /// A connection is gone.
    pub(super) fn on_disconnected(&mut self, now: Now, peer: PeerId) {
        if self.peers.get(&peer).is_some() {
            self.forget_peer(now, peer);
            self.dial_later(now, peer);
        }
    }

    /// Lets a peer go; a seed is dialled again after a while.
    pub(super) fn drop_peer(&mut self, now: Now, peer: PeerId, why: DropReason) {
        if self.peers.get(&peer).is_some() {
            self.outbox.push(Output::Disconnect { peer, why });
            self.on_disconnected(now, peer);
        }
    }

    /// Lets a peer go and refuses it for a while. Seeds are only let go: without them there is no pool.
    pub(super) fn ban(&mut self, now: Now, peer: PeerId, why: DropReason) {
        if !self.config.trust.is_seed(&peer) {
            self.bans.add(now.instant, peer);
            self.event(Event::Banned { peer });
        }
        self.drop_peer(now, peer, why);
    }

    /// A peer broke the protocol.
    pub(super) fn offended(&mut self, now: Now, peer: PeerId, offence: Offence) {
        if self.peers.get(&peer).is_some() {
            self.event(Event::Offended { peer, offence });
            self.ban(now, peer, DropReason::Misbehaved);
        }
    }

    /// A peer that does not deliver is let go, and may come back at once, for it may be honest and slow; a seed stays, because
    /// it is also who knows the others.
    pub(super) fn stalled(&mut self, now: Now, peer: PeerId) {
        if !self.config.trust.is_seed(&peer) {
            self.drop_peer(now, peer, DropReason::Stalled);
        }
    }

    /// Peers that do not read what is sent to them are let go.
    pub(in crate::engine) fn drop_clogged(&mut self, now: Now) {
        while let Some(peer) = self.outbox.take_clogged() {
            self.drop_peer(now, peer, DropReason::Stalled);
        }
    }

    fn forget_peer(&mut self, now: Now, peer: PeerId) {
        let Some(found) = self.peers.remove(&peer) else { return };
        self.outbox.close(&peer);
        let alarms =
            [Alarm::Standing, Alarm::Member, Alarm::Trial, Alarm::Join, Alarm::CatchUp, Alarm::Papers];
        alarms.iter().for_each(|alarm| self.timers.clear(alarm(peer)));
        self.joins_waiting.remove(&peer);
        if found.belongs() {
            self.transfer.peer_gone(now.instant, peer);
        }
        self.tracker.gone(&peer);
        self.swarms.peer_gone(&peer);
        self.offers_of_gone(now, &peer);
        if found.standing == Standing::Seed {
            self.courses.gone(&peer);
            self.publishes.seed_gone(&peer);
            self.listings.seed_gone(&peer);
        }
        self.log_reads.gone(&peer);
        self.logs_without(&peer);
        self.spreading.gone(&peer);
        self.spreads_without(now, &peer);
        self.questions_without(now, &peer);
        self.probed_gone(now, &peer);
    }
}
