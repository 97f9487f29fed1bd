//! Papers: judged one at a time, in force at once where they are yanks or roots, and confirmed once they are durable.
use crate::engine::papers::{JudgedPapers, may_be_honest, record_of};
use crate::engine::state::papers::{Bringer, Brought};
use crate::engine::state::rejudge::Depth;
use crate::engine::state::tasks::{AfterRecord, AfterVerify};
use crate::engine::{Engine, Event, StoreFailure, Work};
use crate::message::{Control, PapersRefusal};
use crate::{Now, Papers, PapersDigest, Trust};
use std::sync::Arc;

impl Engine {
    /// The newest that is known, in force or not.
    pub(super) fn newest_trust(&self) -> &Trust {
        self.spreading.next.as_ref().unwrap_or(&self.config.trust)
    }

    /// The newest policy that is known, and the yanks.
    pub(super) fn newest_papers(&self) -> PapersDigest {
        self.newest_trust().papers_digest()
    }

    /// The store remembers a policy that had not taken over.
    pub(super) fn on_recovered_papers(&mut self, now: Now, papers: Papers) {
        self.take_papers(now, Brought { by: Bringer::Store, papers });
    }

    /// Papers came, from whomever.
    pub(super) fn take_papers(&mut self, now: Now, brought: Brought) {
        let by = brought.by;
        if self.spreading.enqueue(brought) {
            self.judge_papers(now);
        } else {
            self.confirm(now, by, Some(PapersRefusal::Busy));
        }
    }

    fn judge_papers(&mut self, now: Now) {
        let Some(brought) = self.spreading.begin() else { return };
        let papers = brought.papers.clone();
        let work = Work::Papers { papers, next: self.spreading.next.clone(), wall: now.wall };
        self.verify(None, work, AfterVerify::Papers);
    }

    /// Papers were judged.
    pub(super) fn papers_judged(&mut self, now: Now, judged: JudgedPapers) {
        let Some(brought) = self.spreading.judged() else { return };
        if core::mem::take(&mut self.spreading.outdated) {
            self.spreading.again(brought);
            return self.judge_papers(now);
        }
        let JudgedPapers { trust, next, doubts } = judged;
        let changed = trust.is_some() || next.is_some();
        if let Some(trust) = trust {
            self.hear_yanks(now, trust);
        }
        if let Some(next) = next {
            self.event(Event::PolicyHeard { version: next.policy().version });
            self.spreading.next = Some(Arc::new(next));
            self.spreading.next_durable = false;
            self.change_seeds(now);
        }
        let by_seed = matches!(brought.by, Bringer::Seed(_));
        let refused = doubts.iter().any(|why| !(by_seed && may_be_honest(why)));
        let refused = refused.then_some(PapersRefusal::NotBelieved);
        self.doubt_papers(brought.by, doubts);
        match refused {
            Some(why) => self.confirm(now, brought.by, Some(why)),
            None => self.spreading.unconfirmed.push(brought.by),
        }
        self.keep_papers(now, changed);
        self.spreading.settle();
        self.judge_papers(now);
        self.papers_moved(now);
    }

    fn doubt_papers(&mut self, by: Bringer, doubts: Vec<crate::Disbelief>) {
        let from = match by {
            Bringer::Seed(peer) => Some(peer),
            Bringer::Peer(contact, _) => Some(contact.peer),
            Bringer::Job(_) | Bringer::Store => None,
        };
        for why in doubts {
            self.event(Event::Disbelieved { from, why });
        }
    }

    /// Further roots or yanks count from now on.
    fn hear_yanks(&mut self, now: Now, trust: Trust) {
        let before = core::mem::replace(&mut self.config.trust, Arc::new(trust));
        self.log_papers(now, &before);
        self.tell_papers_changed();
        self.rejudge_from_here(now, Depth::Yanks);
    }

    pub(super) fn tell_papers_changed(&mut self) {
        let trust = &self.config.trust;
        let yanks = u32::try_from(trust.yanks().len()).unwrap_or(u32::MAX);
        let (root, policy) = (trust.root().version, trust.policy().version);
        self.event(Event::PapersChanged { root, policy, yanks });
    }

    /// What was judged is made durable, one record at a time; whoever brought it is told then.
    pub(super) fn keep_papers(&mut self, now: Now, changed: bool) {
        self.spreading.changed |= changed;
        if self.spreading.recording {
            return;
        }
        if !core::mem::take(&mut self.spreading.changed) {
            return self.confirm_all(now, None);
        }
        self.spreading.recording = true;
        let record = record_of(&self.config.trust, self.spreading.next.as_deref());
        self.record(None, record, AfterRecord::Papers);
    }

    /// Papers are durable, or the disk refused them.
    pub(super) fn papers_recorded(&mut self, now: Now, result: Result<(), StoreFailure>) {
        self.spreading.recording = false;
        if self.spreading.changed {
            return self.keep_papers(now, false);
        }
        self.spreading.next_durable = result.is_ok();
        if result.is_err() {
            self.event(Event::PapersNotKept);
        }
        self.confirm_all(now, result.err().map(|_| PapersRefusal::Full));
        self.announce_papers();
        self.consider_takeover(now);
    }

    fn confirm_all(&mut self, now: Now, refused: Option<PapersRefusal>) {
        for by in core::mem::take(&mut self.spreading.unconfirmed) {
            self.confirm(now, by, refused);
        }
    }

    /// Tells whoever brought papers what came of it.
    fn confirm(&mut self, now: Now, by: Bringer, refused: Option<PapersRefusal>) {
        match by {
            Bringer::Peer(contact, bring) => {
                if self.peers.on(contact).is_some() {
                    self.send(contact.peer, Control::PapersKept { bring, refused });
                }
            }
            Bringer::Job(ticket) => self.spread_kept_here(now, ticket, refused),
            // Nobody asks for what it has no room for: something is wrong with it.
            Bringer::Seed(seed) if refused.is_some() => self.spreading.distrust(now.instant, seed),
            Bringer::Seed(_) | Bringer::Store => {}
        }
    }
}
