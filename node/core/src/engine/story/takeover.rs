//! A newer policy takes over once it is counted: for a reader, once enough seeds go by it; for a seed, once enough seeds of
//! the old and the new set keep it.
use crate::engine::state::papers::Claim;
use crate::engine::state::peers::Standing;
use crate::engine::state::rejudge::Depth;
use crate::engine::{DropReason, Engine};
use crate::{Now, PeerId, Trust};
use std::sync::Arc;

impl Engine {
    /// A seed of the policy; for another seed, of the one that comes next too: a new seed has to keep it before it counts.
    pub(super) fn counts_as_seed(&self, peer: &PeerId) -> bool {
        let next = self.spreading.next.as_ref().filter(|_| self.is_seed());
        self.config.trust.is_seed(peer) || next.is_some_and(|next| next.is_seed(peer))
    }

    /// Whether the newer policy that is kept takes over now.
    pub(super) fn consider_takeover(&mut self, now: Now) {
        let due = if self.is_seed() { self.enough_hold_it() } else { self.enough_go_by_it(now) };
        if let Some(next) = due {
            self.take_over(now, next);
        }
    }

    fn enough_hold_it(&self) -> Option<Arc<Trust>> {
        let next = self.spreading.next.as_ref()?;
        let holders = self.spreading.holders(self.config.me, self.config.trust.policy(), next);
        holders.counts().then(|| next.clone())
    }

    fn enough_go_by_it(&mut self, now: Now) -> Option<Arc<Trust>> {
        let policy = self.config.trust.policy();
        let (version, digest) = self.spreading.agreed(policy)?;
        if version <= policy.version {
            return None;
        }
        let known = self.spreading.next.as_ref().filter(|next| next.papers_digest().policy == digest);
        if let Some(next) = known {
            return Some(next.clone());
        }
        let goes_by_it = |claim: &Claim| claim.papers.policy == digest;
        let mut seeds = self.peers.seeds();
        let seed = seeds.find(|seed| self.spreading.claim_of(seed).is_some_and(goes_by_it));
        drop(seeds);
        if let Some(seed) = seed {
            self.ask_papers(now, seed);
        }
        None
    }

    fn take_over(&mut self, now: Now, next: Arc<Trust>) {
        let before = core::mem::replace(&mut self.config.trust, next);
        self.spreading.taken_over();
        if before.policy().seeds.len() == 1 && before.is_seed(&self.config.me) {
            self.wholeness.was_alone();
        }
        self.log_papers(now, &before);
        self.tell_papers_changed();
        self.change_seeds(now);
        let trust = self.config.trust.clone();
        self.spreading.retain_claims(|seed| trust.is_seed(seed));
        self.rejudge_from_here(now, Depth::All);
        for job in self.questions.jobs() {
            self.ask_anew(now, job);
        }
        self.keep_papers(now, true);
        self.catch_up_with_all(now);
    }

    /// Other seeds count, or are about to: whose standing has changed is met anew, new ones are dialled and told what there is.
    pub(super) fn change_seeds(&mut self, now: Now) {
        let changed: Vec<PeerId> = self.peers.ids().filter(|peer| self.standing_changed(peer)).collect();
        for peer in changed {
            self.drop_peer(now, peer, DropReason::NotAMember);
        }
        for seed in self.dials.lasting() {
            if !self.counts_as_seed(&seed) {
                self.dials.forget(&seed);
            }
        }
        self.dial_seeds(now);
        if self.ledger.is_empty() {
            for manifest in self.catalogue.after(None, usize::MAX) {
                self.enter_ledger(manifest);
            }
        }
    }

    /// Whether a peer that has said who it is was taken for something else.
    fn standing_changed(&self, peer: &PeerId) -> bool {
        self.peers.get(peer).is_some_and(|found| match found.standing {
            Standing::Silent => false,
            Standing::Seed => !self.counts_as_seed(peer),
            Standing::Stranger | Standing::Member => self.counts_as_seed(peer),
        })
    }
}
