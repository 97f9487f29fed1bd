//! What the store remembers is verified like anything else, and then served again.
use crate::engine::state::ballots::Ballot;
use crate::engine::state::swarms::Goal;
use crate::engine::state::tasks::{AfterRecord, AfterVerify};
use crate::engine::{Engine, Event, Record, Work};
use crate::limits::GRANT_LIFE_MAX;
use crate::message::VoteEnvelope;
use crate::{
    CertifiedEnvelope, CertifiedManifest, Disbelief, Envelope, Manifest, ManifestId, Now, ShortManifest,
    Trust, VerifiedManifest, VerifiedReceipt, Weighed, YankSet,
};
use std::sync::Arc;

impl Engine {
    /// The store remembers a certified manifest.
    pub(super) fn on_recovered(&mut self, now: Now, certified: CertifiedEnvelope) {
        self.recovering = self.recovering.saturating_add(1);
        let manifest = certified.manifest.id();
        let trust = self.trust_of_memory();
        let work = Work::Weigh { certified, wall: now.wall };
        self.verify_by(trust, None, work, AfterVerify::Recovered(manifest));
    }

    /// A seed remembers the places of what was taken back too: yanks are looked at after all else.
    fn trust_of_memory(&mut self) -> Arc<Trust> {
        if !self.is_seed() {
            return self.config.trust.clone();
        }
        let trust = &self.config.trust;
        let without = || Arc::new(Trust::clone(trust).with_yanks(YankSet::default()));
        self.memory_trust.get_or_insert_with(without).clone()
    }

    /// It was judged: which of its chunks are still there?
    pub(super) fn recovered_judged(
        &mut self,
        now: Now,
        manifest: ManifestId,
        result: Result<Weighed, Disbelief>,
    ) {
        match counting(result, self.is_seed()) {
            Ok(Weighed::Certified(certified)) => match self.config.trust.yanked(&certified, now.wall) {
                Some(why) => self.know_withdrawn(now, certified, &why),
                None => self.know_again(now, certified),
            },
            Ok(Weighed::Short(short)) if self.config.trust.short_yanked(&short, now.wall).is_some() => {}
            Ok(Weighed::Short(short)) => self.short_recovered(now, short),
            Err(why) => {
                self.event(Event::Disbelieved { from: None, why });
                if !self.is_seed() {
                    self.record(None, Record::Forget(manifest), AfterRecord::Nothing);
                }
            }
        }
        self.recovered_one(now);
    }

    /// It lacks receipts: is it whole here? If so, others may need this seed's.
    fn short_recovered(&mut self, now: Now, short: ShortManifest) {
        let (manifest, tree) = (short.verified().id(), short.verified().manifest().tree.clone());
        let published = short.stated_median();
        self.shorts.keep(short, false, Some(published));
        self.tell_short(manifest);
        self.open_swarm(now, manifest, tree, Goal::Serve);
    }

    /// It was taken back: it keeps its place, and is named to nobody.
    fn know_withdrawn(&mut self, now: Now, certified: CertifiedManifest, why: &Disbelief) {
        let manifest = certified.id();
        self.learn(now, certified);
        if let Some(entry) = self.catalogue.get_mut(&manifest) {
            (entry.recorded, entry.withdrawn) = (true, true);
            self.withdrawn.note(manifest, why.to_string());
        }
    }

    fn know_again(&mut self, now: Now, certified: CertifiedManifest) {
        let (manifest, tree) = (certified.id(), certified.manifest().tree.clone());
        self.learn(now, certified);
        if let Some(entry) = self.catalogue.get_mut(&manifest) {
            (entry.recorded, entry.paid) = (true, true);
        }
        self.enter_ledger(manifest);
        if self.is_seed() {
            self.unchecked.push_back(manifest);
            self.check_more(now);
        } else {
            self.open_swarm(now, manifest, tree, Goal::Serve);
        }
    }

    /// The store remembers a vote. Its manifest may have ended since, or its signer; the vote stands.
    pub(super) fn on_recovered_vote(&mut self, manifest: Envelope, receipt: Envelope) {
        self.recovering = self.recovering.saturating_add(1);
        let then = AfterVerify::RecoveredVote(Box::new(manifest));
        self.verify(None, Work::Receipt { envelope: receipt }, then);
    }

    /// The vote was judged: it must be our own.
    pub(super) fn recovered_vote_judged(
        &mut self,
        now: Now,
        manifest: Envelope,
        result: Result<VerifiedReceipt, Disbelief>,
    ) {
        match result {
            Ok(verified) if verified.receipt().seed == self.config.me => {
                let receipt = verified.receipt();
                self.votes.seal(receipt, verified.envelope().clone());
                self.votes.cast(receipt.manifest);
                self.recover_grant(now, &manifest, &verified);
                self.tell_own_vote(now, manifest, &verified);
            }
            Ok(_) => {}
            Err(why) => self.event(Event::Disbelieved { from: None, why }),
        }
        self.recovered_one(now);
    }

    /// What was published under a grant that may still be alive has taken of its budget.
    fn recover_grant(&mut self, now: Now, manifest: &Envelope, verified: &VerifiedReceipt) {
        let young = now.wall.since(verified.receipt().time) < GRANT_LIFE_MAX;
        let granted = manifest.body::<Manifest>().is_ok_and(|manifest| manifest.grant.is_some());
        if young && granted {
            self.recovering = self.recovering.saturating_add(1);
            let vote = VoteEnvelope { manifest: manifest.clone(), receipt: verified.envelope().clone() };
            self.verify(None, Work::Vote { vote }, AfterVerify::RecoveredGrant);
        }
    }

    /// It was judged as when it was voted for.
    pub(super) fn recovered_grant_judged(
        &mut self,
        now: Now,
        result: Result<(VerifiedManifest, VerifiedReceipt), Disbelief>,
    ) {
        let counted =
            result.and_then(|(manifest, receipt)| self.count_grant(&manifest, receipt.receipt().time));
        if let Err(why) = counted {
            self.event(Event::Disbelieved { from: None, why });
        }
        self.recovered_one(now);
    }

    /// Other seeds hear of the vote, while it is of use.
    fn tell_own_vote(&mut self, now: Now, manifest: Envelope, verified: &VerifiedReceipt) {
        let receipt = verified.receipt();
        let Ok(Manifest { expires, .. }) = manifest.body::<Manifest>() else { return };
        let ballot = Ballot {
            vote: VoteEnvelope { manifest, receipt: verified.envelope().clone() },
            manifest: receipt.manifest,
            seed: receipt.seed,
            key: receipt.key.clone(),
            sequence: receipt.sequence,
            expires,
        };
        self.keep_ballot(now, ballot);
    }

    /// The store remembers another seed's vote.
    pub(super) fn on_recovered_ballot(&mut self, vote: VoteEnvelope) {
        self.recovering = self.recovering.saturating_add(1);
        self.verify(None, Work::Vote { vote }, AfterVerify::RecoveredBallot);
    }

    /// It was judged.
    pub(super) fn recovered_ballot_judged(
        &mut self,
        now: Now,
        result: Result<(VerifiedManifest, VerifiedReceipt), Disbelief>,
    ) {
        match result {
            Ok((manifest, receipt)) => self.keep_ballot(now, Ballot::new(&manifest, &receipt)),
            Err(why) => self.event(Event::Disbelieved { from: None, why }),
        }
        self.recovered_one(now);
    }

    fn recovered_one(&mut self, now: Now) {
        self.recovering = self.recovering.saturating_sub(1);
        if self.recovering == 0 {
            self.memory_trust = None;
            self.judge_waiting_joins(now);
            self.pay_owed(now);
        }
    }
}

/// What lacks receipts is of use to seeds only.
pub(super) fn counting(result: Result<Weighed, Disbelief>, is_seed: bool) -> Result<Weighed, Disbelief> {
    match result {
        Ok(Weighed::Short(short)) if !is_seed => Err(short.disbelief()),
        result => result,
    }
}
