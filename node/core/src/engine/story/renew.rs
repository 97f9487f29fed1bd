//! Other seeds are in force: certificates that now lack receipts get new ones, so that no cache turns cold. What more seeds
//! have signed than may be faulty, an honest one has taken: each seed that holds every chunk adds its own receipt, with the
//! time at which the others took it, and tells the rest.
use crate::engine::state::ballots::Ballot;
use crate::engine::state::tasks::{AfterRecord, AfterSign, AfterSync, AfterVerify};
use crate::engine::{Engine, Event, Record, Statement, StoreFailure, Work};
use crate::message::{RecordName, VoteEnvelope};
use crate::{
    CertifiedManifest, Disbelief, Envelope, ManifestId, Now, PeerId, Receipt, ShortManifest, Timestamp,
    TreeRef, Weighed,
};

impl Engine {
    /// The tree, and how many chunks there are, of what this seed should hold and does not.
    pub(super) fn lacking(&self, manifest: &ManifestId) -> Option<(TreeRef, u32)> {
        let listed = self.catalogue.get(manifest);
        let listed = listed.filter(|entry| !entry.complete && !entry.withdrawn && !entry.let_go);
        let short = self.shorts.get(manifest).filter(|short| !short.complete);
        let declared = listed
            .map(|entry| entry.certified.manifest())
            .or_else(|| short.map(|short| short.manifest.verified().manifest()))?;
        Some((declared.tree.clone(), declared.chunk_count()))
    }

    /// It was certified, as this seed knows itself, and has too few receipts by the policy that is in force. The store keeps it
    /// as it was.
    pub(super) fn short_known(&mut self, short: ShortManifest, published: Timestamp) {
        let manifest = short.verified().id();
        let complete = self.catalogue.get(&manifest).is_some_and(|entry| entry.complete);
        if self.shorts.keep(short, complete, Some(published)) {
            self.tell_short(manifest);
        }
        self.vote_again(manifest);
    }

    /// A seed brings one that has too few receipts, and says by that that it was certified. It counts for that once more seeds
    /// say so than may lie: else one could have the others finish a publish that none of them took in full.
    pub(super) fn short_brought(&mut self, short: ShortManifest, from: (PeerId, bool)) {
        let (manifest, published) = (short.verified().id(), short.median());
        let faulty = usize::try_from(self.config.trust.policy().faulty).unwrap_or(usize::MAX);
        let Some(holders) = self.shorts.vouch(manifest, from, faulty) else { return };
        if self.shorts.keep(short, false, None) {
            self.tell_short(manifest);
        }
        if self.lacking(&manifest).is_some() {
            holders.into_iter().for_each(|seed| self.behind.note(manifest, published, seed));
        } else {
            self.vote_again(manifest);
        }
    }

    /// With which time this seed may sign: that at which it was published, as far as this seed knows itself. Where a seed may
    /// lie, who has it from others leaves it to those who know.
    fn renewal_time(&self, manifest: &ManifestId) -> Option<Timestamp> {
        let short = self.shorts.get(manifest)?;
        let trusting = Some(short.manifest.median()).filter(|_| self.config.trust.policy().faulty == 0);
        short.witnessed.or(trusting)
    }

    pub(super) fn tell_short(&mut self, manifest: ManifestId) {
        if let Some(short) = self.shorts.get(&manifest) {
            self.ledger.add(RecordName::Certified { manifest, complete: short.complete });
        }
    }

    /// Every chunk of it is here.
    pub(super) fn short_complete(&mut self, manifest: ManifestId) {
        let Some(short) = self.shorts.get_mut(&manifest).filter(|short| !short.complete) else { return };
        short.complete = true;
        self.behind.forget(&manifest);
        self.tell_short(manifest);
        self.vote_again(manifest);
    }

    /// This seed signs from now on.
    pub(super) fn vote_for_all_short(&mut self) {
        for manifest in self.shorts.complete() {
            self.shorts.want_vote(manifest);
        }
        self.vote_in_turn();
    }

    /// It may get this seed's own receipt, once its turn comes.
    fn vote_again(&mut self, manifest: ManifestId) {
        self.shorts.want_vote(manifest);
        self.vote_in_turn();
    }

    fn vote_in_turn(&mut self) {
        if self.silence().is_some() || !self.config.trust.is_seed(&self.config.me) {
            return;
        }
        while let Some(manifest) = self.shorts.next_vote() {
            if self.may_renew(&manifest) {
                self.shorts.vote_begins(manifest);
                self.sync(None, AfterSync::Short(manifest));
            }
        }
    }

    /// Whether it is whole here and lacks this seed's receipt, and this seed may give it: the place is not another's.
    fn may_renew(&self, manifest: &ManifestId) -> bool {
        let Some(short) = self.shorts.get(manifest).filter(|short| short.complete) else { return false };
        let declared = short.manifest.verified().manifest();
        let (key, sequence) = (&declared.key, declared.sequence);
        !short.seeds().contains(&self.config.me)
            && self.renewal_time(manifest).is_some()
            && !self.is_taken(key, sequence, manifest)
            && self.may_vote_again(key, sequence, *manifest)
    }

    fn vote_is_over(&mut self, manifest: &ManifestId) {
        self.shorts.vote_is_over(manifest);
        self.vote_in_turn();
    }

    /// Unlike a new publish, it may be below the highest; but never in the place of another.
    fn may_vote_again(&self, key: &crate::Key, sequence: u64, manifest: ManifestId) -> bool {
        match self.votes.at(key, sequence) {
            Some(voted) => voted == manifest,
            None => self.catalogue.at(key, sequence).is_none_or(|listed| listed == manifest),
        }
    }

    /// Its chunks are durable.
    pub(super) fn short_synced(&mut self, manifest: ManifestId, result: Result<(), StoreFailure>) {
        let time = self.renewal_time(&manifest).filter(|_| result.is_ok());
        let (Some(short), Some(time)) = (self.shorts.get(&manifest), time) else {
            return self.vote_is_over(&manifest);
        };
        let declared = short.manifest.verified().manifest();
        let receipt = Receipt {
            pool: declared.pool.clone(),
            seed: self.config.me,
            manifest,
            key: declared.key.clone(),
            sequence: declared.sequence,
            time,
        };
        match self.votes.receipt(&manifest).cloned() {
            Some(signed) => self.short_signed(&receipt, signed),
            None => {
                let then = AfterSign::Short(Box::new(receipt.clone()));
                self.sign(None, Statement::Receipt(receipt), then);
            }
        }
    }

    /// The receipt is signed: it is recorded before anybody sees it. Meanwhile the place may have become another's.
    pub(super) fn short_signed(&mut self, receipt: &Receipt, envelope: Envelope) {
        let manifest = receipt.manifest;
        let free = self.may_vote_again(&receipt.key, receipt.sequence, manifest);
        let Some(short) = self.shorts.get(&manifest).filter(|_| free) else {
            return self.vote_is_over(&manifest);
        };
        let (signed, expires) =
            (short.manifest.verified().envelope().clone(), short.manifest.verified().manifest().expires);
        let envelope = self.votes.seal(receipt, envelope).clone();
        let (key, sequence) = (receipt.key.clone(), receipt.sequence);
        let ballot = Ballot {
            vote: VoteEnvelope { manifest: signed.clone(), receipt: envelope.clone() },
            manifest,
            seed: receipt.seed,
            key: key.clone(),
            sequence,
            expires,
        };
        let record = Record::Vote { manifest: signed, key, sequence, receipt: envelope };
        self.record(None, record, AfterRecord::Short(Box::new(ballot)));
    }

    /// The receipt is durable: with it there may be enough.
    pub(super) fn short_voted(&mut self, now: Now, ballot: &Ballot, result: Result<(), StoreFailure>) {
        let manifest = ballot.manifest;
        let Some(short) = self.shorts.get(&manifest).filter(|_| result.is_ok()) else {
            return self.vote_is_over(&manifest);
        };
        let certified = short.with(&ballot.vote.receipt);
        self.votes.cast(manifest);
        self.event(Event::Receipt { manifest });
        self.verify(None, Work::Weigh { certified, wall: now.wall }, AfterVerify::Renewed(manifest));
        self.vote_is_over(&manifest);
    }

    /// It was weighed with this seed's receipt.
    pub(super) fn renewed(&mut self, now: Now, manifest: ManifestId, result: Result<Weighed, Disbelief>) {
        match result {
            Ok(Weighed::Certified(certified)) => {
                let record = Record::Certified(certified.to_envelope());
                self.record(None, record, AfterRecord::Nothing);
                self.certified_again(now, certified);
            }
            Ok(Weighed::Short(short)) => self.short_weighed(short),
            Err(why) => self.drop_short(now, manifest, &why),
        }
    }

    pub(super) fn short_weighed(&mut self, short: ShortManifest) {
        let manifest = short.verified().id();
        if self.shorts.get(&manifest).is_some() && self.shorts.keep(short, false, None) {
            self.tell_short(manifest);
        }
        // What was weighed may have been asked for before this seed's receipt was there.
        self.vote_again(manifest);
    }

    /// It is believed no more, listed or not.
    pub(super) fn drop_short(&mut self, now: Now, manifest: ManifestId, why: &Disbelief) {
        self.shorts.remove(&manifest);
        self.behind.forget(&manifest);
        self.withdraw(now, manifest, why);
    }

    /// It counts again: it takes its old place, and others hear of it.
    pub(super) fn certified_again(&mut self, now: Now, certified: CertifiedManifest) {
        let manifest = certified.id();
        let whole = self.shorts.remove(&manifest).is_some_and(|short| short.complete);
        let before = self.catalogue.remove(&manifest);
        let complete = whole || before.is_some_and(|entry| entry.complete);
        self.withdrawn.forget(&manifest);
        self.keep_certified(now, certified);
        if complete && let Some(entry) = self.catalogue.get_mut(&manifest) {
            entry.complete = true;
        }
        self.enter_ledger(manifest);
    }
}
