//! What is counted from the start on: by the driver, of what the engine decides and what the wire reports.
//!
//! Pure, and cheap enough to go along always: an addition for each chunk. Nothing in it grows but what is under way.

use super::histogram::Histogram;
use super::housework::{Housework, HouseworkDone};
use super::words;
use pollux_core::engine::{AskId, Event, JobId, JobReply, JobRequest, ServeFailure, Source};
use pollux_core::{Instant, PeerId};
use std::collections::BTreeMap;

/// Counts by a name from a closed list.
pub(super) type ByName = BTreeMap<&'static str, u64>;

/// What a peer is that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A member.
    Node,
    /// A seed of the policy.
    Seed,
}

/// How far a job's restore is.
#[derive(Clone, Copy, Debug)]
struct Restore {
    asked: Instant,
    answered: bool,
    /// When the last chunk that it wanted was given to it.
    done: Option<Instant>,
}

/// What is under way, to be measured when it ends.
#[derive(Clone, Debug, Default)]
struct UnderWay {
    /// One for each job at most.
    restores: BTreeMap<JobId, Restore>,
    /// One for each ask of a connected peer that has no outcome.
    asks: BTreeMap<AskId, (PeerId, Class)>,
}

/// What was counted so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Totals {
    pub(super) hits: u64,
    pub(super) misses: ByName,
    pub(super) chunks_failed: ByName,
    pub(super) delivered: ByName,
    pub(super) received: u64,
    pub(super) served: ByName,
    pub(super) answers: Histogram,
    pub(super) restores: Histogram,
    pub(super) publishes: ByName,
    pub(super) receipts: u64,
    pub(super) certified: u64,
    pub(super) offers_refused: ByName,
    pub(super) join_refusals: ByName,
    pub(super) bans: u64,
    pub(super) offences: u64,
    pub(super) unknown_messages: u64,
    pub(super) disbelieved: u64,
    pub(super) withdrawn: u64,
    pub(super) let_go: u64,
    pub(super) housework: HouseworkDone,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Counters {
    totals: Totals,
    under_way: UnderWay,
    housework: Housework,
}

fn add(count: &mut u64, more: u64) {
    *count = count.saturating_add(more);
}

fn add_to(counts: &mut ByName, name: &'static str, more: u64) {
    add(counts.entry(name).or_default(), more);
}

impl Counters {
    /// As they are now.
    pub(super) fn totals(&self) -> Totals {
        Totals { housework: self.housework.done(), ..self.totals.clone() }
    }

    /// For the threads that make room.
    #[must_use]
    pub fn housework(&self) -> Housework {
        self.housework.clone()
    }

    /// A job asks for something.
    pub fn request(&mut self, now: Instant, job: JobId, request: &JobRequest) {
        if matches!(request, JobRequest::Resolve { .. }) {
            let restore = Restore { asked: now, answered: false, done: None };
            self.under_way.restores.insert(job, restore);
        }
    }

    /// A job is told something.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most of what jobs are told is not counted")]
    pub fn reply(&mut self, now: Instant, job: JobId, reply: &JobReply) {
        match reply {
            JobReply::Found { .. } => {
                add(&mut self.totals.hits, 1);
                self.answered(now, job);
            }
            JobReply::Miss(why) => {
                add_to(&mut self.totals.misses, why.name(), 1);
                self.answered(now, job);
                self.under_way.restores.remove(&job);
            }
            JobReply::FetchDone => {
                self.under_way.restores.entry(job).and_modify(|restore| restore.done = Some(now));
            }
            JobReply::FetchFailed { why, .. } => {
                add_to(&mut self.totals.chunks_failed, words::fetch_end(*why), 1);
                self.under_way.restores.remove(&job);
            }
            JobReply::Published { .. } => add_to(&mut self.totals.publishes, words::PUBLISHED, 1),
            JobReply::PublishFailed(why) => {
                add_to(&mut self.totals.publishes, words::publish_failure(why), 1);
            }
            _ => {}
        }
    }

    fn answered(&mut self, now: Instant, job: JobId) {
        let Some(restore) = self.under_way.restores.get_mut(&job).filter(|restore| !restore.answered) else {
            return;
        };
        restore.answered = true;
        self.totals.answers.observe(now.since(restore.asked));
    }

    /// A job has left; what it restored is complete.
    pub fn left(&mut self, job: JobId) {
        if let Some(restore) = self.under_way.restores.remove(&job)
            && let Some(done) = restore.done
        {
            self.totals.restores.observe(done.since(restore.asked));
        }
    }

    /// A chunk of so many plain bytes goes to a job.
    pub fn delivered(&mut self, source: Source, bytes: u32) {
        add_to(&mut self.totals.delivered, words::source(source), bytes.into());
    }

    /// A frame of so many bytes came from a peer.
    pub fn received(&mut self, bytes: u32) {
        add(&mut self.totals.received, bytes.into());
    }

    /// A peer asks for a chunk.
    pub fn asked(&mut self, ask: AskId, peer: PeerId, class: Class) {
        self.under_way.asks.insert(ask, (peer, class));
    }

    /// A peer is gone, and nothing of what it asked for has an outcome any more.
    pub fn gone(&mut self, peer: PeerId) {
        self.under_way.asks.retain(|_, (asker, _)| *asker != peer);
    }

    /// It does not get it.
    pub fn declined(&mut self, ask: AskId) {
        self.under_way.asks.remove(&ask);
    }

    /// What became of an ask that was served.
    pub fn served(&mut self, ask: AskId, result: Result<u32, ServeFailure>) {
        if let Some((_, class)) = self.under_way.asks.remove(&ask)
            && let Ok(bytes) = result
        {
            add_to(&mut self.totals.served, words::class(class), bytes.into());
        }
    }

    /// Something happened.
    pub fn event(&mut self, event: &Event) {
        let totals = &mut self.totals;
        match event {
            Event::JoinRefused { why, .. } => add_to(&mut totals.join_refusals, why.name(), 1),
            Event::OfferRefused { why, .. } => {
                add_to(&mut totals.offers_refused, why.name(), 1);
            }
            Event::Disbelieved { .. } => add(&mut totals.disbelieved, 1),
            Event::Offended { .. } => add(&mut totals.offences, 1),
            Event::UnknownMessage { .. } => add(&mut totals.unknown_messages, 1),
            Event::Banned { .. } => add(&mut totals.bans, 1),
            Event::Withdrawn { .. } => add(&mut totals.withdrawn, 1),
            Event::Receipt { .. } => add(&mut totals.receipts, 1),
            Event::Certified { .. } => add(&mut totals.certified, 1),
            Event::LetGo { .. } => add(&mut totals.let_go, 1),
            Event::Joined { .. }
            | Event::BelowFloor { .. }
            | Event::Junk { .. }
            | Event::Complete { .. }
            | Event::PapersChanged { .. }
            | Event::PolicyHeard { .. }
            | Event::PapersNotKept
            | Event::Silent { .. }
            | Event::Merged { .. }
            | Event::Whole { .. }
            | Event::ShareNearlyUsed { .. }
            | Event::StoreFullness { .. } => {}
        }
    }
}
