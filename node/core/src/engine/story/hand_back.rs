//! A seed that has lost its disk knows less than its nodes do: they hand it back the policy and the yanks that they go by. It
//! judges them as it does a job's.
use super::spread::parts;
use crate::engine::Engine;
use crate::engine::state::papers::Claim;
use crate::message::{Control, PapersRefusal};
use crate::{Now, Papers, PeerId};

impl Engine {
    /// A seed has given all that it knows, and still goes by less than this node: it is handed the rest, once for each
    /// difference. Seeds ask each other instead.
    pub(super) fn hand_back(&mut self, now: Now, seed: PeerId, claim: &Claim) {
        let difference = (claim.papers, self.config.trust.papers_digest());
        if self.is_seed() || !self.spreading.hand_backs.are_due(&seed, &difference) {
            return;
        }
        let papers = self.lacking_there(claim);
        if papers.is_empty() || !self.spreading.may_give(now.instant, seed) {
            return;
        }
        self.spreading.hand_backs.begin(seed, difference, parts(&papers));
        self.hand_next(seed);
    }

    /// What a seed lacks of what is in force here. Who counts more yanks may have all of these: that shows once its own are
    /// judged.
    fn lacking_there(&self, claim: &Claim) -> Papers {
        let (trust, mine) = (&self.config.trust, self.config.trust.papers_digest());
        let older = claim.version < trust.policy().version && claim.next != Some(mine.policy);
        let theirs = claim.papers;
        let fewer = theirs.yanks_count <= mine.yanks_count && theirs.yanks != mine.yanks;
        let Papers { mut roots, mut policy, mut yanks } = trust.papers();
        if !older {
            (roots, policy) = (Vec::new(), None);
        }
        if !fewer {
            yanks = Vec::new();
        }
        Papers { roots, policy, yanks }
    }

    fn hand_next(&mut self, seed: PeerId) {
        let bring = self.spreads.next_number();
        if let Some(papers) = self.spreading.hand_backs.next(&seed, bring) {
            self.send(seed, Control::KeepPapers { bring, papers });
        }
    }

    /// A seed says whether it keeps a part.
    pub(super) fn handed_back(&mut self, seed: PeerId, bring: u32, refused: Option<PapersRefusal>) {
        if self.spreading.hand_backs.answered(&seed, bring, refused) {
            self.hand_next(seed);
        }
    }

    /// A job has handed over a policy: seeds hear what else this node goes by, too, whatever they were handed before.
    pub(super) fn hand_back_again(&mut self, now: Now) {
        if !self.is_seed() {
            self.spreading.hand_backs.forget();
            let seeds: Vec<PeerId> = self.peers.admitting().collect();
            seeds.into_iter().for_each(|seed| self.ask_papers(now, seed));
        }
    }
}
