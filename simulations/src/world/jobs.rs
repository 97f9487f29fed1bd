//! Jobs, one after the other on each node, and what they are told.

use super::{Event, Violation, World};
use crate::job::{Job, Outcome, Wish};
use crate::node::{Role, Stage};
use crate::numbered::{NodeNo, VersionNo};
use crate::pool;
use crate::scenario::{Behaviour, Disk, Group, Patience};
use crate::units::Span;
use core::time::Duration;
use pollux_core::engine::{Credit, FetchId, Input, JobId, JobReply, JobRequest, PublishFailure, Source};
use pollux_core::{ChunkRef, Instant, ManifestId, Nonce};

/// Plain bytes on their way to a job, as in the node.
const DELIVER_BYTES: u32 = 8 << 20;
/// The longest that a job may ask its node to wait.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// How long a publish may take, and a yank to be brought.
pub(super) const PUBLISH_MAX: Duration = Duration::from_secs(300);
/// How long one that drains is away.
const DRAIN_PAUSE: Duration = Duration::from_millis(100);

/// How a job went.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) node: NodeNo,
    /// What it restored or published, by its place in the scenario.
    pub(crate) cache: usize,
    /// Which version it found.
    pub(crate) version: Option<VersionNo>,
    /// Which manifest it found, published or took back.
    pub(crate) manifest: Option<ManifestId>,
    /// By an answer that was handed on, seeds being away.
    pub(crate) relayed: bool,
    /// Bytes that its node lacked when it began.
    pub(crate) lacked: u64,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    pub(crate) outcome: Outcome,
}

impl World {
    /// A node boots, and what it is there for begins, at this moment.
    pub(crate) fn boot_later(&mut self, no: NodeNo, at: Instant) {
        let jobs = match self.nodes.at(no).spec.role {
            Role::Seed => 0,
            Role::Saver { .. } | Role::Operator { .. } => 1,
            Role::Member { group } => self.group(group).map_or(0, Group::jobs),
        };
        if self.nodes.at(no).is_honest() {
            self.jobs_open += jobs;
        }
        self.queue.push(at, Event::Boot(no));
        let again_at = self.group_of(no).map_or(Patience::Off, |group| group.again_at);
        if let Patience::For(again_at) = again_at {
            self.nodes.at_mut(no).again = true;
            self.queue.push(at.max(self.begin.after(again_at.duration())), Event::Again(no));
        }
    }

    fn group(&self, group: usize) -> Option<&Group> {
        self.scenario.groups.get(group)
    }

    /// The group of a node, if it is of one.
    pub(crate) fn group_of(&self, no: NodeNo) -> Option<&Group> {
        self.group_of_role(self.nodes.at(no).spec.role)
    }

    pub(super) fn group_of_role(&self, role: Role) -> Option<&Group> {
        match role {
            Role::Seed | Role::Saver { .. } | Role::Operator { .. } => None,
            Role::Member { group } => self.group(group),
        }
    }

    /// A node that is there restores everything once more.
    pub(super) fn restore_again(&mut self, no: NodeNo) {
        let caches = self.caches_of(no);
        let node = self.nodes.at_mut(no);
        if core::mem::take(&mut node.again) {
            node.to_restore.extend(caches);
            self.begin_next(no);
        }
    }

    /// What the jobs of a node restore.
    fn caches_of(&self, no: NodeNo) -> Vec<usize> {
        let names = self.group_of(no).map(|group| &group.restores);
        let caches = names.into_iter().flatten().filter_map(|name| self.scenario.cache(name));
        caches.map(|(cache, _)| cache).collect()
    }

    pub(super) fn come(&mut self, no: NodeNo) {
        match self.nodes.at(no).spec.role {
            Role::Seed => self.boot(no),
            Role::Saver { version, build } => self.boot_and_publish(no, version, build),
            Role::Operator { yank } => self.boot_and_yank(no, yank),
            Role::Member { group } => self.boot_member(no, group),
        }
    }

    fn boot_member(&mut self, no: NodeNo, group: usize) {
        let Some(group) = self.group(group).cloned() else { return };
        let held = group.holds.iter().filter_map(|name| self.scenario.cache(name));
        let held: Vec<VersionNo> = held.filter_map(|(cache, _)| self.content.version_of(cache, 1)).collect();
        held.into_iter().for_each(|version| self.fill(no, version));
        self.nodes.at_mut(no).to_restore = self.caches_of(no).into();
        if let Patience::For(life) = group.life {
            self.queue.push(self.after(life.duration()), Event::Leave(no));
        }
        self.boot(no);
        self.next_job(no);
    }

    /// A node that holds a version boots, and its job publishes it.
    fn boot_and_publish(&mut self, no: NodeNo, version: VersionNo, build: u32) {
        self.fill(no, version);
        self.boot(no);
        let known = self.content.version(version);
        let Some(cache) = self.scenario.caches.get(known.cache) else { return };
        let (pool, name) = (&self.pool, cache.name.clone());
        let manifest = pool.manifest(&name, known, build);
        let (number, sequence) = (known.cache, known.sequence);
        if sequence > 1 && build == 0 {
            self.mark(format!("{name}: version {sequence} is published"));
        }
        let job = self.open_job(no, number);
        self.name_manifest(no, manifest.id());
        let request = JobRequest::Publish { manifest, deadline: PUBLISH_MAX };
        self.feed(no, Input::Job { job, request });
    }

    /// What the job that has just begun is about.
    pub(super) fn name_manifest(&mut self, no: NodeNo, manifest: ManifestId) {
        if let Some(job) = self.nodes.at_mut(no).job.as_mut() {
            job.manifest = Some(manifest);
        }
    }

    /// The store holds a version before its node boots.
    fn fill(&mut self, no: NodeNo, version: VersionNo) {
        for chunk in self.content.version(version).numbers() {
            self.nodes.at_mut(no).store.put(chunk);
        }
    }

    /// The next restore of a node begins, if there is one.
    fn next_job(&mut self, no: NodeNo) {
        let Some(cache) = self.nodes.at_mut(no).to_restore.pop_front() else { return };
        let (Some(group), Some(spec)) = (self.group_of(no).cloned(), self.scenario.caches.get(cache)) else {
            return;
        };
        let query = pool::query(&spec.name);
        let job = self.open_job(no, cache);
        // One for each seed.
        let purpose = format!("nonce {} {}", no.0, job.0);
        let nonce = |seed| Nonce::from_bytes(self.lots.bytes(&purpose, u64::from(seed)));
        let nonces = (0..self.scenario.seeds.count).map(nonce).collect();
        let request = JobRequest::Resolve { query, nonces, deadline: wait(group.answer_deadline) };
        self.feed(no, Input::Job { job, request });
        self.look_at_deadlines(no, job);
    }

    pub(super) fn open_job(&mut self, no: NodeNo, cache: usize) -> JobId {
        let now = self.now();
        let node = self.nodes.at_mut(no);
        node.jobs_begun += 1;
        let job = JobId(node.jobs_begun);
        node.job = Some(Job::new(job, cache, now));
        node.credits.deliver = 0;
        self.feed(no, Input::Credit(Credit::Deliver { job, bytes: DELIVER_BYTES }));
        job
    }

    /// The job of this number, while it is the one that runs.
    fn job(&mut self, no: NodeNo, job: JobId) -> Option<&mut Job> {
        self.nodes.at_mut(no).job.as_mut().filter(|running| running.id == job)
    }

    /// A chunk for a job.
    pub(super) fn deliver(
        &mut self,
        (no, job): (NodeNo, JobId),
        chunk: ChunkRef,
        source: Source,
        fetch: Option<FetchId>,
    ) {
        let Some(number) = self.find_chunk(no, chunk) else { return };
        let now = self.now();
        let node = self.nodes.at_mut(no);
        let overdrawn = node.credits.deliver(chunk.bytes).is_err();
        let there = match fetch.map(|fetch| node.fetches.get(&fetch)) {
            Some(found) => found
                .is_some_and(|found| found.stage == Stage::Checked && found.chunk == number && !found.junk),
            None => node.store.holds(number),
        };
        node.tally.delivered(source, chunk.bytes);
        let running = node.job.as_mut().filter(|running| running.id == job);
        let taken = running.map(|job| job.take(now, number, &self.content));
        if overdrawn {
            self.violated(no, Violation::NoCredit("deliver"));
        }
        if !there {
            self.violated(
                no,
                if fetch.is_some() {
                    Violation::NotChecked("delivered")
                } else {
                    Violation::NotHeld("delivered")
                },
            );
        }
        match taken {
            Some(Ok(wish)) => self.wish((no, job), wish),
            Some(Err(_)) | None => self.violated(no, Violation::Unasked),
        }
    }

    pub(super) fn reply(&mut self, (no, job): (NodeNo, JobId), reply: JobReply) {
        let now = self.now();
        let certified = if let JobReply::Found { certified, .. } = &reply { Some(certified) } else { None };
        let found = certified.and_then(|certified| self.version_found(certified.id()));
        if let JobReply::Published { certified } = &reply {
            self.note_certified(no, certified.manifest.id());
        } else if let Some(certified) = certified {
            self.note_certified(no, certified.id());
        }
        let lacked = found.map_or(0, |(_, version)| self.lacked_bytes(no, version));
        if let JobReply::PublishFailed(PublishFailure::LostRace { standing: None, highest }) = &reply
            && self.publish_above(no, job, *highest)
        {
            return;
        }
        let node = self.nodes.at_mut(no);
        let Some(job_here) = node.job.as_mut().filter(|running| running.id == job) else { return };
        let wish = match reply {
            JobReply::Found { relayed, .. } => found.and_then(|found| {
                (job_here.lacked, job_here.relayed) = (lacked, relayed);
                job_here.found(now, found, &self.content)
            }),
            JobReply::FetchFailed { chunk, why } => {
                let chunk = self.content.find(&chunk.id);
                chunk.and_then(|chunk| job_here.lacks(now, chunk, why, &self.content))
            }
            JobReply::Miss(reason) => ended(job_here, now, Outcome::Missed(reason)),
            JobReply::Published { .. } => ended(job_here, now, Outcome::Published),
            JobReply::PublishFailed(why) => ended(job_here, now, Outcome::NotPublished(why)),
            JobReply::Spread { held, needed, .. } => {
                ended(job_here, now, if held >= needed { Outcome::Spread } else { Outcome::NotSpread })
            }
            JobReply::FetchDone
            | JobReply::PublishProgress { .. }
            | JobReply::Listing { .. }
            | JobReply::Log { .. } => None,
        };
        self.wish((no, job), wish);
    }

    /// Bytes of a version that a node's store lacks.
    fn lacked_bytes(&self, no: NodeNo, version: VersionNo) -> u64 {
        let store = &self.nodes.at(no).store;
        let lacked = self.content.version(version).numbers().filter(|chunk| !store.holds(*chunk));
        lacked.map(|chunk| u64::from(self.content.chunk(chunk).bytes)).sum()
    }

    /// What the job asks for next; one that is over leaves.
    fn wish(&mut self, (no, job): (NodeNo, JobId), wish: Option<Wish>) {
        if let Some(Wish { manifest, chunks }) = wish {
            let request = JobRequest::Fetch { manifest, chunks };
            self.answer(no, Duration::ZERO, Input::Job { job, request });
        }
        self.leave_if_over(no, job);
    }

    /// A job that is over leaves, and the next one comes.
    fn leave_if_over(&mut self, no: NodeNo, job: JobId) {
        if self.job(no, job).is_some_and(|job| job.is_over()) {
            self.close_job(no);
            self.answer(no, Duration::ZERO, Input::JobLeft { job });
            self.queue.push(self.now(), Event::NextJob(no));
        }
    }

    pub(super) fn begin_next(&mut self, no: NodeNo) {
        let node = self.nodes.at(no);
        if node.spec.behaviour == Behaviour::Draining && node.to_restore.is_empty() {
            return self.drain_again(no);
        }
        if node.engine.is_some() && node.job.is_none() {
            self.next_job(no);
        }
    }

    /// Who drains forgets everything, and takes it again.
    fn drain_again(&mut self, no: NodeNo) {
        if self.nodes.at(no).engine.is_none() {
            return;
        }
        let caches = self.caches_of(no).into();
        self.crash(no, Disk::Wiped, self.after(DRAIN_PAUSE));
        self.nodes.at_mut(no).to_restore = caches;
    }

    /// The job that runs is over: what became of it is kept.
    fn close_job(&mut self, no: NodeNo) {
        let now = self.now();
        let node = self.nodes.at_mut(no);
        let Some(job) = node.job.take() else { return };
        let honest = node.spec.behaviour == Behaviour::Honest;
        let (ended, outcome) = job.ended.unwrap_or((now, Outcome::Gone));
        let Job { cache, version, manifest, relayed, lacked, began, .. } = job;
        self.done.push(Done { node: no, cache, version, manifest, relayed, lacked, began, ended, outcome });
        self.jobs_open = self.jobs_open.saturating_sub(u64::from(honest));
    }

    /// The process of a node is killed, and will start again: the job that runs is over, and begins anew then.
    pub(super) fn requeue_job(&mut self, no: NodeNo) {
        let node = self.nodes.at_mut(no);
        let (Some(job), Role::Member { .. }) = (&node.job, node.spec.role) else { return };
        let is_over = job.is_over();
        if !is_over {
            node.to_restore.push_front(job.cache);
            self.jobs_open += u64::from(node.is_honest());
        }
        self.close_job(no);
    }

    /// A node goes: its job, and those that were to follow, are over.
    pub(super) fn close_jobs(&mut self, no: NodeNo) {
        self.close_job(no);
        let (now, again) = (self.now(), self.caches_of(no));
        let node = self.nodes.at_mut(no);
        let honest = node.is_honest();
        let mut left: Vec<usize> = core::mem::take(&mut node.to_restore).into();
        if core::mem::take(&mut node.again) {
            left.extend(again);
        }
        for cache in left {
            let (began, ended, outcome) = (now, now, Outcome::Gone);
            self.done.push(Done {
                node: no,
                cache,
                version: None,
                manifest: None,
                relayed: false,
                lacked: 0,
                began,
                ended,
                outcome,
            });
            self.jobs_open = self.jobs_open.saturating_sub(u64::from(honest));
        }
    }

    /// A job whose time is up ends; otherwise it is looked at again when it may be.
    pub(super) fn look_at_deadlines(&mut self, no: NodeNo, job: JobId) {
        let Some(group) = self.group_of(no).cloned() else { return };
        let now = self.now();
        let Some(running) = self.job(no, job).filter(|job| !job.is_over()) else { return };
        let total = end(running.began, group.total_deadline);
        let answered = running.is_answered();
        // Until the manifest is known, the deadline for the answer counts.
        let progress = if answered { end(running.progress, group.progress_deadline) } else { Instant::NEVER };
        if total.min(progress) <= now {
            running.end(now, Outcome::TooSlow);
            return self.leave_if_over(no, job);
        }
        let pause = end(now, group.progress_deadline);
        let next = total.min(if answered { progress } else { pause });
        if next < Instant::NEVER {
            self.queue.push(next, Event::Deadline(no, job));
        }
    }
}

fn ended(job: &mut Job, now: Instant, outcome: Outcome) -> Option<Wish> {
    job.end(now, outcome);
    None
}

fn wait(patience: Patience) -> Duration {
    match patience {
        Patience::Off => WAIT_MAX,
        Patience::For(span) => span.duration().min(WAIT_MAX),
    }
}

fn end(since: Instant, patience: Patience) -> Instant {
    match patience {
        Patience::Off => Instant::NEVER,
        Patience::For(Span(micros)) => since.after(Duration::from_micros(micros)),
    }
}
