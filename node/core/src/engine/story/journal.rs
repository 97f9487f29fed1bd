//! What a seed writes to its log. Every line goes out before the record of what it speaks of, so that whatever is durable
//! here has its line.
use crate::engine::state::offers::Offer;
use crate::engine::story::Alarm;
use crate::engine::{Engine, Output};
use crate::message::OfferRefusal;
use crate::{CertifiedManifest, LogEntry, Logged, LoggedPolicy, LoggedRefusal, Now, Trust};

impl Engine {
    /// A certificate that somebody brought holds, and is about to be recorded.
    pub(super) fn log_publish(&mut self, now: Now, certified: &CertifiedManifest) {
        if !self.is_recorded(&certified.id()) && self.journal.begins(certified.id()) {
            self.log_own(now, certified);
        }
    }

    /// The same of one that this seed made or asked for itself, and counts as recorded.
    pub(super) fn log_own(&mut self, now: Now, certified: &CertifiedManifest) {
        if self.is_seed() {
            self.log(LogEntry::published(now.wall, certified));
        }
    }

    /// An offer gets no receipt. That this seed has too much to do is no refusal: the holder offers again a moment later.
    pub(super) fn log_refusal(&mut self, now: Now, offer: &Offer, why: OfferRefusal) {
        if why == OfferRefusal::Busy {
            return;
        }
        self.log_unlogged(now);
        let from = offer.contact.peer;
        let address = self.peers.get(&from).map(|peer| peer.ip);
        let unlogged = self.journal.refused(now, from, address);
        self.await_unlogged();
        let Some(unlogged) = unlogged else { return };
        let refusal = LoggedRefusal::of(from, &offer.envelope, why, offer.doubt.as_deref());
        let refusal = LoggedRefusal { unlogged, ..refusal };
        self.log(LogEntry { time: now.wall, what: Logged::Refused(Box::new(refusal)) });
    }

    /// Sums up what was refused to addresses that had their share of the log, once its hour is over.
    pub(super) fn log_unlogged(&mut self, now: Now) {
        for more in self.journal.take_unlogged(now.instant) {
            self.log(LogEntry { time: now.wall, what: Logged::MoreRefused(more) });
        }
        self.await_unlogged();
    }

    fn await_unlogged(&mut self) {
        match self.journal.unlogged_due() {
            Some(due) => self.timers.set(Alarm::Refusals, due),
            None => self.timers.clear(Alarm::Refusals),
        }
    }

    /// Other papers are in force than `before`: yanks that are new, and another root or policy.
    pub(super) fn log_papers(&mut self, now: Now, before: &Trust) {
        if !self.is_seed() {
            return;
        }
        let trust = self.config.trust.clone();
        let fresh = trust.yanks().iter().filter(|yank| !before.yanks().contains(&yank.id()));
        for yank in fresh {
            self.log(LogEntry::yanked(now.wall, yank));
        }
        let versions = |trust: &Trust| (trust.root().version, trust.policy().version);
        let (root, policy) = versions(&trust);
        if versions(before) != (root, policy) {
            let digest = trust.papers_digest().policy;
            self.log(LogEntry {
                time: now.wall,
                what: Logged::Policy(LoggedPolicy { root, policy, digest }),
            });
        }
    }

    fn log(&mut self, entry: LogEntry) {
        self.outbox.push(Output::Log(Box::new(entry)));
    }
}
