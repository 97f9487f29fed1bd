//! Relayed answers: a seed hands them to members that serve a lineage; members hand them on while seeds are away.
use super::Alarm;
use crate::engine::state::relays::Relay;
use crate::engine::state::tasks::AfterSign;
use crate::engine::{Engine, Statement};
use crate::limits::RELAY_INTERVAL;
use crate::message::Control;
use crate::{CertifiedEnvelope, Envelope, Lineage, Now, PeerId, Query, RelayedAnswer};
use std::collections::BTreeSet;

impl Engine {
    /// Every while, each lineage that somebody serves is told about anew.
    pub(super) fn relay_all(&mut self, now: Now) {
        self.timers.set(Alarm::Relay, now.instant.after(RELAY_INTERVAL));
        self.handout.prune(now.instant, RELAY_INTERVAL);
        let served = self.tracker.manifests().filter_map(|manifest| self.catalogue.get(manifest));
        let lineages = served.filter_map(|entry| entry.certified.manifest().key.lineage());
        let lineages: BTreeSet<Lineage> = lineages.collect();
        for lineage in lineages {
            self.relay_anew(now, &lineage);
        }
    }

    /// Tells everybody who serves a lineage what is newest in it now.
    pub(super) fn relay_anew(&mut self, now: Now, lineage: &Lineage) {
        self.handout.outdated(lineage);
        let manifests = self.catalogue.in_lineage(lineage);
        let members: BTreeSet<PeerId> =
            manifests.flat_map(|manifest| self.tracker.members(manifest)).collect();
        if !members.is_empty() {
            self.relay(now, lineage, members.into_iter());
        }
    }

    /// Tells one member, which has just become a holder.
    pub(super) fn relay_to(&mut self, now: Now, lineage: &Lineage, peer: PeerId) {
        match self.handout.recent(now.instant, lineage, RELAY_INTERVAL).cloned() {
            Some((answer, beside)) => self.send(peer, Control::Relay { answer, beside }),
            None => self.relay(now, lineage, core::iter::once(peer)),
        }
    }

    fn relay(&mut self, now: Now, lineage: &Lineage, members: impl Iterator<Item = PeerId>) {
        if self.silence().is_some() || !self.handout.ask(lineage, members) {
            return;
        }
        let candidates = self.catalogue.newest(lineage, now.wall);
        let policy = self.config.trust.policy();
        let answer = RelayedAnswer {
            pool: policy.pool.clone(),
            seed: self.config.me,
            lineage: lineage.clone(),
            policy_version: policy.version,
            candidates: candidates.refs,
            time: now.wall,
            papers: Some(self.config.trust.papers_digest()),
        };
        let then = AfterSign::Relayed { lineage: lineage.clone(), beside: candidates.beside };
        self.sign(None, Statement::Relayed(answer), then);
    }

    /// A relayed answer is signed.
    pub(super) fn relay_signed(&mut self, now: Now, lineage: &Lineage, relay: Relay) {
        for peer in self.handout.signed(now.instant, lineage, relay.clone()) {
            let (answer, beside) = relay.clone();
            self.send(peer, Control::Relay { answer, beside });
        }
    }

    /// A seed gives us one, to hand on. It is verified by whoever uses it.
    pub(super) fn on_relay(&mut self, seed: PeerId, answer: Envelope, beside: Vec<CertifiedEnvelope>) {
        if let Ok(statement) = answer.body::<RelayedAnswer>()
            && statement.seed == seed
        {
            self.relays.keep(statement, (answer, beside));
        }
    }

    /// A member asks for what we were given.
    pub(super) fn on_ask_relayed(&mut self, peer: PeerId, ask: u32, query: &Query) {
        let answers = self.relays.answering(query);
        self.send(peer, Control::Relayed { ask, answers });
    }
}
