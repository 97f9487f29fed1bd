//! A place at an address. The policy says how many members one may have; addresses are given to other machines within
//! seconds, while the connection of a machine that vanished lasts for half a minute. So the member that was silent longest
//! is asked whether it is there: if it says nothing, the newcomer takes its place; if it is alive, it stays.
use super::Alarm;
use crate::engine::bounds::PROBE_PATIENCE;
use crate::engine::state::peers::{Contact, Standing};
use crate::engine::state::probes::{Claim, Probe};
use crate::engine::state::tasks::AfterSign;
use crate::engine::{DropReason, Engine, Statement};
use crate::limits::MEMBERSHIP_LIFE;
use crate::message::{Control, Refusal};
use crate::{Key, Membership, Now, PeerId, PeerRole, Query};

impl Engine {
    /// A newcomer belongs if there is a place for it: now, or once a member that does not answer has made room.
    pub(super) fn claim_place(&mut self, now: Now, newcomer: Contact, claim: Claim) {
        if !self.is_seed() || !self.address_is_full(&newcomer.peer) {
            return self.give_place(now, newcomer, claim);
        }
        if self.probes.awaited_by(newcomer) {
            return;
        }
        let Some(found) = self.peers.on(newcomer) else { return };
        found.judging = true;
        let ip = found.ip;
        match self.peers.longest_silent_at(ip, |member| self.probes.is_asked(member)) {
            Some(member) => self.probe(now, member, Probe { asked: now.instant, newcomer, claim }),
            None => self.refuse_join(now, newcomer, Refusal::AddressFull),
        }
    }

    /// Asks a member something that it answers at once, whatever it knows.
    fn probe(&mut self, now: Now, member: PeerId, probe: Probe) {
        self.probes.begin(member, probe);
        self.timers.set(Alarm::Probe(member), now.instant.after(PROBE_PATIENCE));
        // No question of a job has this number: nobody waits for the answer itself.
        self.send(member, Control::AskRelayed { ask: 0, query: are_you_there() });
    }

    /// A member has had its time to answer.
    pub(super) fn probe_due(&mut self, now: Now, member: PeerId) {
        let Some(probe) = self.probes.take(&member) else { return };
        if self.peers.get(&member).is_some_and(|found| found.heard > probe.asked) {
            return self.refuse_join(now, probe.newcomer, Refusal::AddressFull);
        }
        self.drop_peer(now, member, DropReason::Superseded);
        self.claim_place(now, probe.newcomer, probe.claim);
    }

    /// A member is gone: who waits for its place need not wait for its answer.
    pub(super) fn probed_gone(&mut self, now: Now, member: &PeerId) {
        self.timers.clear(Alarm::Probe(*member));
        if let Some(probe) = self.probes.take(member) {
            self.claim_place(now, probe.newcomer, probe.claim);
        }
    }

    fn give_place(&mut self, now: Now, newcomer: Contact, claim: Claim) {
        match claim {
            Claim::Token => self.sign_membership(now, newcomer),
            Claim::Shown(expires) => {
                let Some(found) = self.peers.on(newcomer) else { return };
                found.judging = false;
                self.admit(now, newcomer.peer, expires);
                self.judge_waiting_join(now, newcomer.peer);
            }
        }
    }

    /// Lets a peer in, or renews: it belongs once this is signed.
    pub(super) fn sign_membership(&mut self, now: Now, contact: Contact) {
        let Some(found) = self.peers.on(contact) else { return };
        found.judging = true;
        let membership = Membership {
            pool: self.config.trust.policy().pool.clone(),
            peer: contact.peer,
            role: PeerRole::Node,
            instance: None,
            address: found.ip,
            issuer: *self.config.me.key(),
            issued: now.wall,
            expires: now.wall.after(MEMBERSHIP_LIFE),
        };
        let then = AfterSign::Membership { contact, membership: Box::new(membership.clone()) };
        self.sign(Some(contact.peer), Statement::Membership(membership), then);
    }

    /// Whether as many others at a peer's address belong as the policy allows. Who belongs may always renew.
    pub(super) fn address_is_full(&self, peer: &PeerId) -> bool {
        let Some(found) = self.peers.get(peer).filter(|found| found.standing != Standing::Member) else {
            return false;
        };
        let allowed = self.config.trust.policy().memberships_at(&found.ip);
        let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
        self.peers.members_at(found.ip).take(allowed).count() == allowed
    }
}

/// A question about a key that nobody need know.
#[expect(clippy::expect_used, reason = "the text is a key: two segments of letters and `-`")]
fn are_you_there() -> Query {
    let key: Key = "pollux/are-you-there".parse().expect("two segments of letters and `-`");
    Query { key, fallbacks: Vec::new() }
}
