//! What the others go by: seeds say which papers they have when they meet somebody and when that changes; whoever lacks some
//! asks; nobody is sent what it knows.
use super::Alarm;
use crate::engine::Engine;
use crate::engine::bounds::{BESIDE_BYTES_MAX, BRINGS_EACH_MAX, PAPERS_INTERVAL};
use crate::engine::state::papers::{Bringer, Brought, Claim};
use crate::engine::state::peers::Standing;
use crate::message::{Control, PapersRefusal};
use crate::{Digest, Now, Papers, PapersDigest, PeerId, VerifiedAnswer};

/// Saying.
impl Engine {
    fn papers_known(&self, ends: bool) -> Control {
        let trust = &self.config.trust;
        let next = self.spreading.next.as_ref().filter(|_| self.spreading.next_durable);
        Control::PapersKnown {
            version: trust.policy().version,
            papers: trust.papers_digest(),
            next: next.map(|next| next.papers_digest().policy),
            ends,
        }
    }

    /// A seed says what it goes by. While it is silent it has no say in what counts.
    pub(super) fn say_papers(&mut self, peer: PeerId) {
        if self.is_seed() && self.silence().is_none() {
            self.send(peer, self.papers_known(false));
        }
    }

    /// A seed tells everybody, once it is durable.
    pub(super) fn announce_papers(&mut self) {
        let peers: Vec<PeerId> = self.peers.members().chain(self.peers.seeds()).collect();
        for peer in peers {
            self.say_papers(peer);
        }
    }

    /// Somebody asks for what it lacks. Who asks more often than anybody needs hears nothing.
    pub(super) fn on_ask_papers(&mut self, now: Now, peer: PeerId, have: PapersDigest) {
        let mine = self.newest_papers();
        if have != mine && !self.spreading.may_give(now.instant, peer) {
            return;
        }
        for papers in lacking(have, mine, self.newest_trust().papers()).split(BESIDE_BYTES_MAX) {
            self.send(peer, Control::Papers { papers });
        }
        self.send(peer, self.papers_known(true));
    }

    /// Somebody wants papers kept and spread.
    pub(super) fn on_keep_papers(&mut self, now: Now, peer: PeerId, bring: u32, papers: Papers) {
        let Some(contact) = self.peers.contact(&peer) else { return };
        let documents = papers.roots.len().saturating_add(papers.yanks.len());
        if documents > BRINGS_EACH_MAX || self.spreading.waits(contact) {
            return self.send(peer, Control::PapersKept { bring, refused: Some(PapersRefusal::Busy) });
        }
        self.take_papers(now, Brought { by: Bringer::Peer(contact, bring), papers });
    }
}

/// Hearing.
impl Engine {
    /// Asks a seed for what it knows and this node does not, unless it is being asked.
    pub(super) fn ask_papers(&mut self, now: Now, seed: PeerId) {
        let met = self.peers.get(&seed).is_some_and(|found| found.standing == Standing::Seed);
        if met && self.spreading.ask(now.instant, seed) {
            self.send(seed, Control::AskPapers { have: self.newest_papers() });
        }
    }

    /// Now and then each seed that has let us in is asked, so that no yank is missed for long whatever got lost.
    pub(super) fn ask_papers_again(&mut self, now: Now, seed: PeerId) {
        self.timers.set(Alarm::Papers(seed), now.instant.after(PAPERS_INTERVAL));
        self.ask_papers(now, seed);
    }

    /// A seed that was asked gives papers.
    pub(super) fn on_papers(&mut self, now: Now, seed: PeerId, papers: Papers) {
        if self.spreading.may_send(now.instant, &seed) {
            self.take_papers(now, Brought { by: Bringer::Seed(seed), papers });
        }
    }

    /// A seed says what it goes by.
    pub(super) fn on_papers_known(&mut self, now: Now, seed: PeerId, claim: Claim, ends: bool) {
        let news = self.spreading.claim(seed, claim);
        if ends {
            self.spreading.ended(&seed, claim.papers);
            self.spreading.settle();
            self.hand_back(now, seed, &claim);
        } else if news && self.lacks_papers(&claim) {
            self.ask_papers(now, seed);
        }
        if news {
            self.consider_takeover(now);
        }
        self.papers_moved(now);
    }

    /// The same by a seed's signed answer.
    pub(super) fn note_answer_papers(&mut self, now: Now, answer: &VerifiedAnswer) {
        let (Some(papers), seed) = (answer.papers(), answer.seed()) else { return };
        let next = self.spreading.claim_of(&seed).and_then(|claim| claim.next);
        let claim = Claim { version: answer.policy_version(), papers, next };
        if self.spreading.claim(seed, claim) {
            self.consider_takeover(now);
        }
    }

    fn lacks_papers(&self, claim: &Claim) -> bool {
        let mine = self.newest_papers();
        let in_force = self.config.trust.papers_digest().policy;
        let unknown = |policy: Digest| policy != mine.policy && policy != in_force;
        let yanks = (claim.papers.yanks, claim.papers.yanks_count) != (mine.yanks, mine.yanks_count);
        yanks || unknown(claim.papers.policy) || claim.next.is_some_and(unknown)
    }

    /// Papers were judged, or a seed's were heard to their end: questions may have waited for that.
    pub(super) fn papers_moved(&mut self, now: Now) {
        for job in self.questions.waiting_for_papers() {
            self.pursue_question(now, job);
        }
    }
}

/// Of all papers, those that somebody lacks who has these.
fn lacking(have: PapersDigest, mine: PapersDigest, papers: Papers) -> Papers {
    let Papers { mut roots, mut policy, mut yanks } = papers;
    if have.policy == mine.policy {
        (roots, policy) = (Vec::new(), None);
    }
    if (have.yanks, have.yanks_count) == (mine.yanks, mine.yanks_count) {
        yanks = Vec::new();
    }
    Papers { roots, policy, yanks }
}
