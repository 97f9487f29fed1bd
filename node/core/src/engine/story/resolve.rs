//! What is newest? Asked of every seed; of peers, while seeds are away; else a miss with its reason.
use super::Alarm;
use super::rejudge::is_yank;
use crate::engine::bounds::{JOB_WAIT_MAX, RELAYED_WAIT, SEED_PATIENCE};
use crate::engine::state::questions::{Asking, Question, RelayedRoad};
use crate::engine::state::relays::{Relay, lineages};
use crate::engine::state::tasks::{AfterVerify, Ticket};
use crate::engine::{Engine, Event, JobId, JobReply, MissReason, Work};
use crate::limits::{ANSWER_TIMEOUT, SEEDS_MAX};
use crate::message::Control;
use crate::{
    Asked, CertifiedManifest, Disbelief, Instant, Nonce, Now, PeerId, Query, RelayedAnswer, VerifiedAnswer,
};
use core::time::Duration;
use std::collections::BTreeMap;

impl Engine {
    /// A job asks what is newest.
    pub(super) fn resolve(
        &mut self,
        now: Now,
        job: JobId,
        (query, nonces, wait): (Query, Vec<Nonce>, Duration),
    ) {
        let mut fresh = nonces.into_iter();
        let seeds = self.config.trust.policy().seeds.iter().map(|seed| seed.peer);
        let question = Question {
            serial: self.tasks.serial(),
            query,
            nonces: seeds.zip(&mut fresh).collect(),
            spare: fresh.take(SEEDS_MAX).collect(),
            deadline: now.instant.after(wait.min(JOB_WAIT_MAX)),
            patient_until: now.instant.after(SEED_PATIENCE),
            asked: BTreeMap::new(),
            good: Vec::new(),
            papers_until: None,
            papers_by: None,
            disbelieved: false,
            relayed: None,
        };
        self.questions.insert(job, question);
        self.hurry_dials(now);
        self.pursue_question(now, job);
    }

    /// Does what can be done for a question now: asks, takes the road over peers, ends.
    pub(super) fn pursue_question(&mut self, now: Now, job: JobId) {
        self.ask_seeds(now, job);
        let read = self.seeds_to_hear();
        if self.decide(now, job) {
            return;
        }
        let joined = self.joining.joined(now.instant);
        let arriving = self.peers.seeds().count().saturating_sub(self.peers.admitting().count());
        let Some(question) = self.questions.get_mut(job) else { return };
        question.expire(now.instant);
        if question.deadline <= now.instant {
            self.end_as_miss(now, job);
            return;
        }
        let arriving = if now.instant < question.patient_until { arriving } else { 0 };
        if joined && question.relayed.is_none() && question.reachable() + arriving < read {
            self.ask_peers(now, job);
        }
        if self.settle_relayed(now, job) {
            return;
        }
        if let Some(question) = self.questions.get_mut(job) {
            let next = question.next_timeout(now.instant);
            self.timers.set(Alarm::Question(job), next);
        }
    }

    fn seeds_to_hear(&self) -> usize {
        usize::try_from(self.config.trust.policy().read).unwrap_or(usize::MAX).max(1)
    }

    /// Asks the seeds that have not been asked yet; a seed asks itself too.
    fn ask_seeds(&mut self, now: Now, job: JobId) {
        let mut seeds: Vec<PeerId> = self.peers.admitting().collect();
        if self.is_seed() {
            seeds.push(self.config.me);
        }
        for seed in seeds {
            self.ask_seed(now, job, seed);
        }
    }

    fn ask_seed(&mut self, now: Now, job: JobId, seed: PeerId) {
        let Some(question) = self.questions.get_mut(job) else { return };
        let Some(nonce) = question.nonces.get(&seed).copied() else { return };
        if question.asked.contains_key(&seed) {
            return;
        }
        let (ticket, query) = (Ticket { job, serial: question.serial }, question.query.clone());
        let ask = self.questions.number(ticket, seed);
        if let Some(question) = self.questions.get_mut(job) {
            let until = now.instant.after(ANSWER_TIMEOUT);
            question.asked.insert(seed, Asking::Awaited { ask, until });
        }
        if seed == self.config.me {
            self.on_ask(now, seed, ask, (nonce, query));
        } else {
            self.send(seed, Control::Ask { ask, nonce, query });
        }
    }

    /// A seed answers.
    pub(super) fn on_answer(&mut self, now: Now, seed: PeerId, ask: u32, (answer, beside): Relay) {
        let Some(ticket) = self.questions.answered(ask, &seed) else { return };
        let Some(question) = self.questions.on(ticket) else { return };
        if !matches!(question.asked.get(&seed), Some(Asking::Awaited { .. })) {
            return;
        }
        let Some(nonce) = question.nonces.get(&seed).copied() else { return };
        question.asked.insert(seed, Asking::Judged);
        let asked = Asked { seed, nonce, query: question.query.clone() };
        let work = Work::Answer { asked, answer, beside, wall: now.wall };
        self.verify(Some(seed), work, AfterVerify::Answer { ticket, seed });
    }

    /// A seed's answer was judged.
    pub(super) fn answer_judged(
        &mut self,
        now: Now,
        ticket: Ticket,
        seed: PeerId,
        result: Result<VerifiedAnswer, Disbelief>,
    ) {
        let Some(question) = self.questions.on(ticket) else { return };
        question.asked.insert(seed, Asking::Over);
        match result {
            Ok(answer) => {
                question.good.push(answer.clone());
                self.clocks.note(now, seed, answer.time());
                self.note_answer_papers(now, &answer);
            }
            Err(why) => {
                question.disbelieved = true;
                self.event(Event::Disbelieved { from: Some(seed), why });
            }
        }
        self.pursue_question(now, ticket.job);
    }

    /// Enough seeds are heard: what they name decides, once nothing is waited for that they know and this node does not. True
    /// when that ends the question.
    fn decide(&mut self, now: Now, job: JobId) -> bool {
        let read = self.seeds_to_hear();
        let enough = |question: &Question| question.good.len() >= read && question.deadline > now.instant;
        let Some(question) = self.questions.get_mut(job).filter(|question| enough(question)) else {
            return false;
        };
        let (query, good) = (question.query.clone(), question.good.clone());
        let by = question.papers_by;
        let over = by.is_some_and(|by| by <= now.instant);
        let until = if over { None } else { self.papers_awaited(now, &good) };
        if let Some(question) = self.questions.get_mut(job) {
            question.papers_by = by.or(until);
            question.papers_until = until.min(question.papers_by);
        }
        if until.is_some() {
            return false;
        }
        let good = self.config.trust.sift(good, now.wall);
        match self.config.trust.choose(&query, &good) {
            Some(chosen) => self.end_as_found(now, job, chosen, false),
            None => {
                self.end_question(job, JobReply::Miss(unusable(&good)));
            }
        }
        true
    }

    /// Until when to wait for papers that one of these seeds goes by; it is asked for them.
    fn papers_awaited(&mut self, now: Now, good: &[VerifiedAnswer]) -> Option<Instant> {
        let mut latest = None;
        for answer in good {
            let Some(theirs) = answer.papers() else { continue };
            let mine = self.config.trust.papers_digest();
            let known = self.newest_papers();
            if (theirs.policy, theirs.yanks) == (known.policy, mine.yanks) {
                continue;
            }
            let seed = answer.seed();
            let until = self.spreading.wait_for(now.instant, &seed, (theirs, mine));
            if until.is_some() {
                self.ask_papers(now, seed);
            }
            latest = latest.max(until);
        }
        latest
    }

    /// Another policy is in force: what seeds said is judged by it.
    pub(super) fn ask_anew(&mut self, now: Now, job: JobId) {
        let seeds: Vec<PeerId> = self.config.trust.policy().seeds.iter().map(|seed| seed.peer).collect();
        self.questions.begin_anew(job, seeds.into_iter());
        self.pursue_question(now, job);
    }

    /// A peer that is gone will not answer.
    pub(super) fn questions_without(&mut self, now: Now, peer: &PeerId) {
        for job in self.questions.jobs() {
            let Some(question) = self.questions.get_mut(job) else { continue };
            let awaited = matches!(question.asked.get(peer), Some(Asking::Awaited { .. }));
            if awaited {
                question.asked.remove(peer);
            }
            let relayed = question.relayed.as_mut().is_some_and(|road| road.open.remove(&Some(*peer)));
            if awaited || relayed {
                self.pursue_question(now, job);
            }
        }
    }

    /// The road over peers: what seeds gave us, and what they gave to members.
    fn ask_peers(&mut self, now: Now, job: JobId) {
        let Some(question) = self.questions.get_mut(job) else { return };
        let (ticket, query) = (Ticket { job, serial: question.serial }, question.query.clone());
        let settles = now.instant.after(RELAYED_WAIT);
        let mut road = RelayedRoad { settles, ..RelayedRoad::default() };
        let own = self.relays.answering(&query);
        let members: Vec<PeerId> = self.peers.members().collect();
        road.open.extend(members.iter().copied().map(Some));
        if !own.is_empty() {
            road.open.insert(None);
        }
        question.relayed = Some(road);
        if !own.is_empty() {
            self.judge_relayed(now, ticket, None, own);
        }
        for peer in members {
            let ask = self.questions.number(ticket, peer);
            self.send(peer, Control::AskRelayed { ask, query: query.clone() });
        }
    }

    fn judge_relayed(&mut self, now: Now, ticket: Ticket, peer: Option<PeerId>, answers: Vec<Relay>) {
        let Some(question) = self.questions.on(ticket) else { return };
        let heads = answers.iter().map(|(answer, _)| answer.body::<RelayedAnswer>().ok()).collect();
        let work = Work::Relayed { query: question.query.clone(), answers, wall: now.wall };
        self.verify(peer, work, AfterVerify::Relayed { ticket, peer, heads });
    }

    /// A peer hands on what it was given.
    pub(super) fn on_relayed(&mut self, now: Now, peer: PeerId, ask: u32, answers: Vec<Relay>) {
        let Some(ticket) = self.questions.answered(ask, &peer) else { return };
        if answers.is_empty() {
            if let Some(road) = self.questions.on(ticket).and_then(|question| question.relayed.as_mut()) {
                road.open.remove(&Some(peer));
            }
            self.pursue_question(now, ticket.job);
        } else {
            self.judge_relayed(now, ticket, Some(peer), answers);
        }
    }

    /// Relayed answers were judged.
    pub(super) fn relayed_judged(
        &mut self,
        now: Now,
        (ticket, peer): (Ticket, Option<PeerId>),
        heads: Vec<Option<RelayedAnswer>>,
        results: Vec<Result<VerifiedAnswer, Disbelief>>,
    ) {
        let Some(question) = self.questions.on(ticket) else { return };
        let wanted = lineages(&question.query);
        let Some(road) = question.relayed.as_mut() else { return };
        road.open.remove(&peer);
        let mut doubts = Vec::new();
        for (head, result) in heads.into_iter().zip(results) {
            match (head, result) {
                (Some(head), Ok(answer)) if wanted.contains(&head.lineage) => {
                    road.add(head.lineage, head.time, answer);
                }
                (_, Ok(_)) => {}
                (_, Err(why)) => doubts.push(why),
            }
        }
        question.disbelieved |= !doubts.is_empty();
        for why in doubts {
            self.event(Event::Disbelieved { from: peer, why });
        }
        self.pursue_question(now, ticket.job);
    }

    /// Once every peer has answered, or has had its time, what was gathered decides; true when that ends the question.
    fn settle_relayed(&mut self, now: Now, job: JobId) -> bool {
        let read = self.seeds_to_hear();
        let Some(question) = self.questions.get_mut(job) else { return true };
        let Some(road) = &question.relayed else { return false };
        if !road.open.is_empty() && road.settles > now.instant {
            return false;
        }
        let quorum = self.config.trust.sift(road.quorum(read), now.wall);
        let Some(chosen) = self.config.trust.choose(&question.query, &quorum) else { return false };
        self.end_as_found(now, job, chosen, true);
        true
    }

    /// Ends with what was chosen, unless this node has seen a later one of that key certified.
    fn end_as_found(&mut self, now: Now, job: JobId, chosen: CertifiedManifest, relayed: bool) {
        let Some(question) = self.questions.get_mut(job) else { return };
        let matched = question.query.matched(&chosen.manifest().key);
        let floor = self.catalogue.highest(&chosen.manifest().key).unwrap_or(0);
        let sequence = chosen.manifest().sequence;
        if sequence < floor {
            self.event(Event::BelowFloor { manifest: chosen.id(), sequence, floor });
        }
        let Some(matched) = matched.filter(|_| sequence >= floor) else {
            return self.end_question(job, JobReply::Miss(MissReason::NotBelieved));
        };
        self.learn(now, chosen.clone());
        self.end_question(job, JobReply::Found { certified: Box::new(chosen), matched, relayed });
    }

    fn end_as_miss(&mut self, now: Now, job: JobId) {
        let joined = self.is_seed() || self.joining.joined(now.instant);
        let Some(question) = self.questions.get_mut(job) else { return };
        let reason = match (question.disbelieved, joined) {
            (true, _) => MissReason::NotBelieved,
            (false, true) => MissReason::SeedsSilent,
            (false, false) => MissReason::NotJoined,
        };
        self.end_question(job, JobReply::Miss(reason));
    }

    fn end_question(&mut self, job: JobId, reply: JobReply) {
        self.questions.remove(job);
        self.timers.clear(Alarm::Question(job));
        self.reply(job, reply);
    }
}

/// Why nothing of what enough seeds name may be used.
fn unusable(good: &[VerifiedAnswer]) -> MissReason {
    let mut skipped = good.iter().flat_map(VerifiedAnswer::skipped).peekable();
    if skipped.peek().is_none() {
        return MissReason::NothingSaved;
    }
    if skipped.all(|skipped| is_yank(&skipped.why)) { MissReason::Yanked } else { MissReason::NotBelieved }
}
