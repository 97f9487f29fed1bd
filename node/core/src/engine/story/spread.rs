//! A job wants papers spread: they are taken to every seed, which says when it keeps them; seeds tell the rest.
use super::Alarm;
use crate::engine::bounds::{BESIDE_BYTES_MAX, BRINGS_EACH_MAX, JOB_WAIT_MAX, OFFER_RETRY};
use crate::engine::papers::claimed_policy;
use crate::engine::state::papers::{Bringer, Brought};
use crate::engine::state::spreads::{Bringing, Spread};
use crate::engine::state::tasks::Ticket;
use crate::engine::{Engine, JobId, JobReply};
use crate::message::{Control, PapersRefusal};
use crate::{Now, Papers, PeerId, Policy, PolicyHolders};
use core::time::Duration;
use std::collections::BTreeMap;

impl Engine {
    /// A job brings papers.
    pub(super) fn spread(&mut self, now: Now, job: JobId, papers: Papers, wait: Duration) {
        let serial = self.tasks.serial();
        let deadline = now.instant.after(wait.min(JOB_WAIT_MAX));
        let parts = parts(&papers);
        self.spreads.insert(job, Spread { serial, papers, parts, deadline, seeds: BTreeMap::new() });
        self.timers.set(Alarm::Spread(job), deadline);
        self.hurry_dials(now);
        if self.is_seed() {
            self.spread_here(now, Ticket { job, serial });
        }
        self.bring_to_seeds(now, job);
    }

    /// This node is a seed itself.
    fn spread_here(&mut self, now: Now, ticket: Ticket) {
        let Some(spread) = self.spreads.on(ticket) else { return };
        spread.seeds.insert(self.config.me, Bringing::Open(0));
        let papers = spread.papers.clone();
        self.take_papers(now, Brought { by: Bringer::Job(ticket), papers });
    }

    /// Every seed that is met and was not brought it yet.
    pub(super) fn bring_to_seeds(&mut self, now: Now, job: JobId) {
        let seeds: Vec<PeerId> =
            if self.is_seed() { self.peers.seeds().collect() } else { self.peers.admitting().collect() };
        for seed in seeds {
            self.bring_to(job, seed);
        }
        self.end_spread_if_done(now, job);
    }

    fn bring_to(&mut self, job: JobId, seed: PeerId) {
        let Some(spread) = self.spreads.get_mut(job).filter(|spread| !spread.seeds.contains_key(&seed))
        else {
            return;
        };
        let first = spread.parts.first().cloned().unwrap_or_default();
        let ticket = Ticket { job, serial: spread.serial };
        spread.seeds.insert(seed, Bringing::Open(0));
        self.bring_part(ticket, seed, first);
    }

    fn bring_part(&mut self, ticket: Ticket, seed: PeerId, papers: Papers) {
        let bring = self.spreads.number(ticket, seed);
        self.send(seed, Control::KeepPapers { bring, papers });
    }

    /// A seed says that it keeps a part, or why not.
    pub(super) fn on_papers_kept(
        &mut self,
        now: Now,
        seed: PeerId,
        bring: u32,
        refused: Option<PapersRefusal>,
    ) {
        let Some(ticket) = self.spreads.answered(bring, &seed) else {
            return self.handed_back(seed, bring, refused);
        };
        let Some(spread) = self.spreads.on(ticket) else { return };
        match spread.answered(&seed, refused) {
            Some(next) => self.bring_part(ticket, seed, next),
            None if spread.has_later() => {
                self.timers.set(Alarm::Bring(ticket.job), now.instant.after(OFFER_RETRY));
            }
            None => self.end_spread_if_done(now, ticket.job),
        }
    }

    /// Seeds that had too much to do are brought their parts again.
    pub(super) fn bring_again(&mut self, job: JobId) {
        let Some(spread) = self.spreads.get_mut(job) else { return };
        let ticket = Ticket { job, serial: spread.serial };
        for (seed, papers) in spread.again() {
            self.bring_part(ticket, seed, papers);
        }
    }

    /// This seed itself keeps it, or not.
    pub(super) fn spread_kept_here(&mut self, now: Now, ticket: Ticket, refused: Option<PapersRefusal>) {
        if let Some(spread) = self.spreads.on(ticket) {
            spread.answered_whole(self.config.me, refused);
            self.end_spread_if_done(now, ticket.job);
        }
    }

    /// A seed is gone: who waits for the others only need not wait any more.
    pub(super) fn spreads_without(&mut self, now: Now, seed: &PeerId) {
        if self.spreads.seed_gone(seed) {
            for job in self.spreads.jobs() {
                self.end_spread_if_done(now, job);
            }
        }
    }

    /// Over once every seed has answered; or enough keep it and nobody else that is here is awaited; or by its deadline.
    fn end_spread_if_done(&mut self, now: Now, job: JobId) {
        let Some(spread) = self.spreads.get_mut(job) else { return };
        let late = spread.deadline <= now.instant;
        if !late && !spread.all_answered() {
            return;
        }
        let (held, needed, of) = count(spread, self.config.trust.policy());
        let everybody = spread.seeds.len() >= self.config.trust.policy().seeds.len();
        if late || everybody || held >= needed {
            self.end_spread(now, job, (held, needed, of));
        }
    }

    /// Its time is up.
    pub(super) fn spread_is_late(&mut self, now: Now, job: JobId) {
        self.end_spread_if_done(now, job);
    }

    fn end_spread(&mut self, now: Now, job: JobId, (held, needed, of): (u32, u32, u32)) {
        self.timers.clear(Alarm::Spread(job));
        self.timers.clear(Alarm::Bring(job));
        let Some(spread) = self.spreads.remove(job) else { return };
        let refused = spread.refusal().map(|why| why.to_string());
        self.reply(job, JobReply::Spread { held, needed, of, refused });
        if spread.papers.policy.is_some() {
            self.hand_back_again(now);
        }
    }
}

/// Parts that seeds take in one go, with a policy and its roots in one.
pub(super) fn parts(papers: &Papers) -> Vec<Papers> {
    let head = Papers { yanks: Vec::new(), ..papers.clone() };
    let mut parts: Vec<Papers> = Some(head).filter(|head| !head.is_empty()).into_iter().collect();
    for yanks in papers.yanks.chunks(BRINGS_EACH_MAX) {
        let yanks = Papers { yanks: yanks.to_vec(), ..Papers::default() };
        parts.extend(yanks.split(BESIDE_BYTES_MAX));
    }
    parts
}

/// How many seeds keep it, how many must for it to count, and of how many. Where a policy changes the seeds, of the set that
/// lacks more.
fn count(spread: &Spread, policy: &Policy) -> (u32, u32, u32) {
    let next = claimed_policy(&spread.papers).unwrap_or_else(|| policy.clone());
    let mut holders = PolicyHolders::new(policy, &next);
    spread.kept().for_each(|seed| holders.holds(seed));
    holders.progress()
}
