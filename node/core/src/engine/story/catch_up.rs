//! Seeds catch up with each other: every few seconds each asks each of the others what is new there, and gets what it lacks:
//! certified manifests, votes for those that are not certified yet, then chunks. Everything is verified like whatever else
//! comes in. When there is nothing new, that costs two small messages.
use super::Alarm;
use crate::engine::bounds::{
    BESIDE_BYTES_MAX, CATCH_UP_INTERVAL, CATCH_UP_PATIENCE, CATCH_UP_PAUSE, CATCH_UP_PULLS_MAX,
};
use crate::engine::state::ballots::Ballot;
use crate::engine::state::catalogue::{certified_bytes, envelope_bytes};
use crate::engine::state::courses::{PageEnd, Turn};
use crate::engine::state::ledger::Page;
use crate::engine::state::peers::Standing;
use crate::engine::state::shorts::Short;
use crate::engine::state::tasks::{AfterRecord, AfterVerify};
use crate::engine::{Engine, Event, Record, StoreFailure, Work};
use crate::limits::BROUGHT_MAX;
use crate::message::{Control, RecordName, VoteEnvelope};
use crate::{
    CertifiedEnvelope, CertifiedManifest, Disbelief, ManifestId, Now, PeerId, Receipt, VerifiedManifest,
    VerifiedReceipt, Weighed,
};
use std::collections::BTreeMap;

/// Asking.
impl Engine {
    /// A seed is met, or a while has passed: what does it keep that was not heard of?
    pub(super) fn catch_up_with(&mut self, now: Now, seed: PeerId) {
        let met = self.peers.get(&seed).is_some_and(|found| found.standing == Standing::Seed);
        if !met || !self.is_seed() || self.recovering > 0 {
            return;
        }
        self.timers.set(Alarm::CatchUp(seed), now.instant.after(CATCH_UP_INTERVAL));
        let turn = Turn { seed, serial: self.tasks.serial() };
        let (life, after) = self.courses.ask(turn);
        let (epoch, seen) = (self.wholeness.epoch(), self.wholeness.seen(&seed));
        self.send(seed, Control::CatchUp { epoch, seen, life, after });
    }

    /// The same with every seed that is connected.
    pub(super) fn catch_up_with_all(&mut self, now: Now) {
        let seeds: Vec<PeerId> = self.peers.seeds().collect();
        for seed in seeds {
            self.catch_up_with(now, seed);
        }
    }

    /// Names of what a seed keeps.
    pub(super) fn on_known(&mut self, now: Now, seed: PeerId, (epoch, seen): (u64, u64), page: &Page) {
        self.hear_word(seed, epoch, seen);
        let lacking = page.names.iter().filter(|name| self.lacks(name)).copied().collect();
        if !self.courses.page(&seed, page, lacking) {
            return;
        }
        for name in &page.names {
            if let RecordName::Certified { manifest, complete: true } = name {
                self.note_holder(manifest, seed);
            }
        }
        self.bring_more(now, seed);
    }

    /// Whether this seed does not keep what is named so.
    fn lacks(&self, name: &RecordName) -> bool {
        let manifest = name.manifest();
        match name {
            RecordName::Certified { .. } if self.shorts.get(&manifest).is_some() => true,
            _ if self.is_recorded(&manifest) => false,
            RecordName::Certified { .. } => true,
            RecordName::Vote { seed, .. } if *seed == self.config.me => !self.votes.has(&manifest),
            RecordName::Vote { seed, .. } => self.ballots.get(&manifest, seed).is_none(),
        }
    }

    pub(super) fn is_recorded(&self, manifest: &ManifestId) -> bool {
        self.catalogue.get(manifest).is_some_and(|entry| entry.recorded)
    }

    /// Whether a certificate says more than is known here.
    fn is_news(&self, manifest: &ManifestId) -> bool {
        !self.is_recorded(manifest) || self.shorts.get(manifest).is_some()
    }

    fn bring_more(&mut self, now: Now, seed: PeerId) {
        let mut courses = core::mem::take(&mut self.courses);
        let names = courses.bring(&seed, |name| self.lacks(name));
        self.courses = courses;
        let Some(names) = names else { return self.end_page(now, seed) };
        self.timers.set(Alarm::CatchUp(seed), now.instant.after(CATCH_UP_PATIENCE));
        self.send(seed, Control::Bring { names });
    }

    fn end_page(&mut self, now: Now, seed: PeerId) {
        let wait = match self.courses.end_page(&seed) {
            PageEnd::More => CATCH_UP_PAUSE,
            PageEnd::Spoilt => CATCH_UP_INTERVAL,
            PageEnd::All => {
                if !self.shorts.lack_chunks() {
                    self.merged_from(seed);
                }
                self.behind.again();
                CATCH_UP_INTERVAL
            }
        };
        self.timers.set(Alarm::CatchUp(seed), now.instant.after(wait));
        self.pull_behind(now);
    }
}

/// Answering. A silent seed answers too: so a whole pool may start at once.
impl Engine {
    /// Another seed asks what is new here.
    pub(super) fn on_catch_up(
        &mut self,
        now: Now,
        seed: PeerId,
        (epoch, seen): (u64, u64),
        (life, after): (u64, u64),
    ) {
        self.hear_word(seed, epoch, seen);
        if self.recovering > 0 {
            return self.courses.owe(seed, life, after);
        }
        self.say_known(now, seed, life, after);
    }

    /// Whoever asked before all that the store remembers was verified is answered, and asked.
    pub(super) fn pay_owed(&mut self, now: Now) {
        for (seed, life, after) in self.courses.take_owed() {
            self.say_known(now, seed, life, after);
        }
        self.catch_up_with_all(now);
    }

    /// Who asks faster than any seed needs hears nothing, unless that is all there is to say.
    fn say_known(&mut self, now: Now, seed: PeerId, life: u64, after: u64) {
        let Page { life, next, more, names } = self.ledger.page(life, after);
        if !names.is_empty() && !self.courses.may_tell(&seed, now.instant) {
            return;
        }
        let (epoch, seen) = (self.wholeness.epoch(), self.wholeness.seen(&seed));
        self.send(seed, Control::Known { epoch, seen, life, next, more, names });
    }

    /// Another seed wants these.
    pub(super) fn on_bring(&mut self, seed: PeerId, names: &[RecordName]) {
        let (mut certified, mut votes, mut bytes) = (Vec::new(), Vec::new(), 0_usize);
        for name in names.iter().take(BROUGHT_MAX) {
            let found = self.find_record(name);
            bytes = bytes.saturating_add(found.as_ref().map_or(0, Found::bytes));
            if bytes > BESIDE_BYTES_MAX && !(certified.is_empty() && votes.is_empty()) {
                break;
            }
            match found {
                Some(Found::Certified(found)) => certified.push(found),
                Some(Found::Vote(found)) => votes.push(found),
                None => {}
            }
        }
        self.send(seed, Control::Brought { certified, votes });
    }

    fn find_record(&self, name: &RecordName) -> Option<Found> {
        match name {
            RecordName::Certified { manifest, complete: _ } => {
                let short = self.shorts.get(manifest).map(Short::to_envelope);
                let listed = || Some(self.catalogue.get(manifest)?.certified.to_envelope());
                short.or_else(listed).map(Found::Certified)
            }
            RecordName::Vote { manifest, seed } => {
                Some(Found::Vote(self.ballots.get(manifest, seed)?.vote.clone()))
            }
        }
    }
}

/// What a name stands for.
enum Found {
    Certified(CertifiedEnvelope),
    Vote(VoteEnvelope),
}

impl Found {
    fn bytes(&self) -> usize {
        match self {
            Self::Certified(certified) => certified_bytes(certified),
            Self::Vote(vote) => envelope_bytes(&vote.manifest).saturating_add(envelope_bytes(&vote.receipt)),
        }
    }
}

/// Keeping.
impl Engine {
    /// A seed brings what it was asked for.
    pub(super) fn on_brought(
        &mut self,
        now: Now,
        seed: PeerId,
        certified: Vec<CertifiedEnvelope>,
        votes: Vec<VoteEnvelope>,
    ) {
        let certified = certified.into_iter().map(|certified| (certified.manifest.id(), certified));
        let mut certified: BTreeMap<_, _> = certified.collect();
        let mut votes: BTreeMap<_, _> = votes.into_iter().filter_map(named).collect();
        let came = |name: &RecordName| match name {
            RecordName::Certified { manifest, complete: _ } => certified.contains_key(manifest),
            RecordName::Vote { manifest, seed } => votes.contains_key(&(*manifest, *seed)),
        };
        let Some((turn, brought)) = self.courses.brought(&seed, came) else { return };
        if brought.is_empty() {
            return self.bring_more(now, seed);
        }
        for name in brought {
            let found = match name {
                RecordName::Certified { manifest, complete: _ } => {
                    certified.remove(&manifest).map(Found::Certified)
                }
                RecordName::Vote { manifest, seed } => votes.remove(&(manifest, seed)).map(Found::Vote),
            };
            self.judge_caught(now, turn, name, found);
        }
    }

    fn judge_caught(&mut self, now: Now, turn: Turn, name: RecordName, found: Option<Found>) {
        match found {
            Some(Found::Certified(certified)) => {
                let complete = matches!(name, RecordName::Certified { complete: true, .. });
                let certified = self.shorts.with_known(certified);
                let work = Work::Weigh { certified, wall: now.wall };
                self.verify(None, work, AfterVerify::Caught { turn, complete });
            }
            Some(Found::Vote(vote)) => {
                self.verify(None, Work::Vote { vote }, AfterVerify::CaughtVote(turn));
            }
            // A seed that names one thing twice.
            None => self.one_kept(now, turn, true),
        }
    }

    /// What a seed brought was judged: it is recorded before it counts.
    pub(super) fn caught_judged(
        &mut self,
        now: Now,
        (turn, complete): (Turn, bool),
        result: Result<Weighed, Disbelief>,
    ) {
        match result {
            Ok(Weighed::Short(short)) => {
                self.short_brought(short, (turn.seed, complete));
                self.one_kept(now, turn, true);
            }
            Ok(Weighed::Certified(certified)) if !self.is_news(&certified.id()) => {
                self.one_kept(now, turn, true);
            }
            Ok(Weighed::Certified(certified)) => {
                self.log_publish(now, &certified);
                let record = Record::Certified(certified.to_envelope());
                let then = AfterRecord::Caught { turn, certified: Box::new(certified), complete };
                self.record(None, record, then);
            }
            Err(why) => self.disbelieve_caught(now, turn, why),
        }
    }

    /// It is not believed, and not asked for again: its end may have come, say.
    fn disbelieve_caught(&mut self, now: Now, turn: Turn, why: Disbelief) {
        self.event(Event::Disbelieved { from: Some(turn.seed), why });
        self.one_kept(now, turn, true);
    }

    /// A certified manifest is durable, or the disk refused it.
    pub(super) fn caught_recorded(
        &mut self,
        now: Now,
        (turn, complete): (Turn, bool),
        certified: CertifiedManifest,
        result: Result<(), StoreFailure>,
    ) {
        let manifest = certified.id();
        self.journal.ended(&manifest);
        if result.is_ok() && self.shorts.get(&manifest).is_some() {
            self.certified_again(now, certified);
        } else if result.is_ok() && !self.is_recorded(&manifest) {
            self.keep_certified(now, certified);
        }
        if complete {
            self.note_holder(&manifest, turn.seed);
        }
        self.one_kept(now, turn, result.is_ok());
    }

    /// A vote was judged.
    pub(super) fn caught_vote_judged(
        &mut self,
        now: Now,
        turn: Turn,
        result: Result<(VerifiedManifest, VerifiedReceipt), Disbelief>,
    ) {
        let ballot = match result {
            Ok((manifest, receipt)) => Ballot::new(&manifest, &receipt),
            Err(why) => return self.disbelieve_caught(now, turn, why),
        };
        let vote = ballot.vote.clone();
        let record = if ballot.seed == self.config.me {
            // This seed's own word, which its disk has lost.
            let (key, sequence) = (ballot.key.clone(), ballot.sequence);
            Record::Vote { manifest: vote.manifest, key, sequence, receipt: vote.receipt }
        } else {
            Record::Ballot { seed: ballot.seed, vote }
        };
        self.record(None, record, AfterRecord::CaughtVote { turn, ballot: Box::new(ballot) });
    }

    /// A vote is durable, or the disk refused it.
    pub(super) fn caught_vote_recorded(
        &mut self,
        now: Now,
        turn: Turn,
        ballot: Ballot,
        result: Result<(), StoreFailure>,
    ) {
        if result.is_ok() {
            if ballot.seed == self.config.me
                && let Ok(receipt) = ballot.vote.receipt.body::<Receipt>()
            {
                self.votes.seal(&receipt, ballot.vote.receipt.clone());
                self.votes.cast(ballot.manifest);
            }
            self.keep_ballot(now, ballot);
        }
        self.one_kept(now, turn, result.is_ok());
    }

    fn one_kept(&mut self, now: Now, turn: Turn, well: bool) {
        if self.courses.kept(turn, well) {
            self.bring_more(now, turn.seed);
        }
    }
}

/// A vote by its name; none if its receipt cannot be read.
fn named(vote: VoteEnvelope) -> Option<((ManifestId, PeerId), VoteEnvelope)> {
    let receipt: Receipt = vote.receipt.body().ok()?;
    Some(((vote.manifest.id(), receipt.seed), vote))
}

/// What others are told of, and what is pulled.
impl Engine {
    /// A certified manifest is durable here: other seeds may ask for it, and the votes for it are of no more use.
    pub(super) fn enter_ledger(&mut self, manifest: ManifestId) {
        let recorded = self.catalogue.get(&manifest).filter(|entry| entry.recorded);
        let Some(complete) = recorded.map(|entry| entry.complete).filter(|_| self.has_other_seeds()) else {
            return;
        };
        for seed in self.ballots.forget(&manifest) {
            self.ledger.remove(&RecordName::Vote { manifest, seed });
        }
        self.ledger.add(RecordName::Certified { manifest, complete });
        if complete {
            self.behind.forget(&manifest);
        }
    }

    /// It is not known here any more.
    pub(super) fn leave_ledger(&mut self, manifest: ManifestId) {
        self.ledger.remove(&RecordName::Certified { manifest, complete: false });
        self.behind.forget(&manifest);
    }

    /// A vote that is durable here, unless what it is for is certified.
    pub(super) fn keep_ballot(&mut self, now: Now, ballot: Ballot) {
        let (manifest, seed) = (ballot.manifest, ballot.seed);
        let wanted = self.has_other_seeds() && self.catalogue.get(&manifest).is_none();
        if wanted && self.ballots.keep(ballot, now.wall) {
            self.ledger.add(RecordName::Vote { manifest, seed });
        }
    }

    fn note_holder(&mut self, manifest: &ManifestId, seed: PeerId) {
        if let Some(entry) = self.catalogue.get(manifest).filter(|entry| !entry.complete) {
            self.behind.note(*manifest, entry.certified.median(), seed);
        }
    }

    /// Pulls what other seeds hold and this one does not: a few manifests at a time, the newest first, once it is known what
    /// the store holds.
    pub(super) fn pull_behind(&mut self, now: Now) {
        while self.unchecked.is_empty()
            && self.swarms.len() < CATCH_UP_PULLS_MAX
            && let Some(manifest) = self.behind.pop()
        {
            self.regain(now, manifest);
        }
    }
}
