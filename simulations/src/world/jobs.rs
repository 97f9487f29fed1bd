//! Jobs, and what they are told.

use super::{Event, Fault, SEED, World};
use crate::job::{JOB, Job, Outcome, Wish};
use crate::node::Stage;
use crate::numbered::NodeNo;
use crate::pool;
use crate::scenario::Patience;
use crate::units::Span;
use core::time::Duration;
use pollux_core::engine::{Credit, FetchId, Input, JobReply, JobRequest, Source};
use pollux_core::{ChunkRef, Instant, Nonce};

/// Plain bytes on their way to a job, as in the node.
const DELIVER_BYTES: u32 = 8 << 20;
/// The longest that a job may ask its node to wait.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

impl World {
    /// A node of the crowd boots, and its job begins, at this moment.
    pub(crate) fn boot_later(&mut self, no: NodeNo, at: Instant) {
        self.jobs_open += 1;
        self.queue.push(at, Event::Boot(no));
    }

    pub(super) fn boot_and_restore(&mut self, no: NodeNo) {
        self.boot(no);
        self.open_job(no);
        let deadline = wait(self.scenario.answer_deadline);
        let nonces = vec![Nonce::from_bytes(self.lots.bytes("nonce", u64::from(no.0)))];
        let request = JobRequest::Resolve { query: pool::query(), nonces, deadline };
        self.feed(no, Input::Job { job: JOB, request });
        self.look_at_deadlines(no);
    }

    /// A node that holds the cache boots, and its job publishes it.
    pub(crate) fn boot_and_publish(&mut self, no: NodeNo) {
        self.jobs_open += 1;
        self.boot(no);
        for chunk in self.cache.tree_numbers().chain(self.cache.content_numbers()) {
            self.nodes.at_mut(no).store.put(chunk);
        }
        self.open_job(no);
        let manifest = self.pool.manifest(&self.cache);
        let request = JobRequest::Publish { manifest, deadline: WAIT_MAX };
        self.feed(no, Input::Job { job: JOB, request });
    }

    fn open_job(&mut self, no: NodeNo) {
        self.nodes.at_mut(no).job = Some(Job::new(self.now()));
        self.feed(no, Input::Credit(Credit::Deliver { job: JOB, bytes: DELIVER_BYTES }));
    }

    /// A chunk for a job.
    pub(super) fn deliver(&mut self, no: NodeNo, chunk: ChunkRef, source: Source, fetch: Option<FetchId>) {
        let Some(number) = self.find_chunk(no, chunk) else { return };
        let now = self.now();
        let node = self.nodes.at_mut(no);
        let overdrawn = node.credits.deliver(chunk.bytes).is_err();
        let there = match fetch.map(|fetch| node.fetches.get(&fetch)) {
            Some(found) => found.is_some_and(|found| found.stage == Stage::Checked && found.chunk == number),
            None => node.store.holds(number),
        };
        node.tally.delivered(source, chunk.bytes);
        let taken = node.job.as_mut().map(|job| job.take(now, number, &self.cache));
        if overdrawn {
            self.fault(no, Fault::NoCredit("deliver"));
        }
        if !there {
            self.fault(
                no,
                if fetch.is_some() { Fault::NotChecked("delivered") } else { Fault::NotHeld("delivered") },
            );
        }
        match taken {
            Some(Ok(wish)) => self.wish(no, wish),
            Some(Err(_)) | None => self.fault(no, Fault::Unasked),
        }
    }

    pub(super) fn reply(&mut self, no: NodeNo, reply: JobReply) {
        let now = self.now();
        let Some(job) = self.nodes.at_mut(no).job.as_mut() else { return };
        let wish = match reply {
            JobReply::Found { certified, .. } => job.found(now, certified.id(), &self.cache),
            JobReply::FetchFailed { chunk, why } => {
                self.cache.find(&chunk.id).and_then(|chunk| job.lacks(now, chunk, why, &self.cache))
            }
            JobReply::Miss(reason) => ended(job, now, Outcome::Missed(reason)),
            JobReply::Published { .. } => ended(job, now, Outcome::Published),
            JobReply::PublishFailed(why) => ended(job, now, Outcome::NotPublished(why)),
            JobReply::FetchDone
            | JobReply::PublishProgress { .. }
            | JobReply::Listing { .. }
            | JobReply::Spread { .. }
            | JobReply::Log { .. } => None,
        };
        self.wish(no, wish);
    }

    /// What the job asks for next; one that is over leaves.
    fn wish(&mut self, no: NodeNo, wish: Option<Wish>) {
        if let Some(Wish { manifest, chunks }) = wish {
            let request = JobRequest::Fetch { manifest, chunks };
            self.answer(no, Duration::ZERO, Input::Job { job: JOB, request });
        }
        self.leave_if_over(no);
    }

    fn leave_if_over(&mut self, no: NodeNo) {
        let node = self.nodes.at_mut(no);
        if !node.job_left && node.job.as_ref().is_some_and(Job::is_over) {
            node.job_left = true;
            self.jobs_open -= 1;
            self.answer(no, Duration::ZERO, Input::JobLeft { job: JOB });
        }
    }

    /// A job whose time is up ends; otherwise it is looked at again when it may be.
    pub(super) fn look_at_deadlines(&mut self, no: NodeNo) {
        let (now, scenario) = (self.now(), &self.scenario);
        let Some(job) = self.nodes.at_mut(no).job.as_mut().filter(|job| !job.is_over()) else { return };
        let total = end(job.began, scenario.total_deadline);
        // Until the manifest is known, the deadline for the answer counts.
        let progress =
            if job.is_answered() { end(job.progress, scenario.progress_deadline) } else { Instant::NEVER };
        if total.min(progress) <= now {
            job.end(now, Outcome::TooSlow);
            return self.leave_if_over(no);
        }
        let pause = end(now, scenario.progress_deadline);
        let next = total.min(if job.is_answered() { progress } else { pause });
        if next < Instant::NEVER {
            self.queue.push(next, Event::Deadline(no));
        }
    }

    /// The crowd's nodes, and the saver.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = (NodeNo, &Job)> {
        self.nodes
            .iter()
            .filter(|(no, _)| *no != SEED)
            .filter_map(|(no, node)| Some((no, node.job.as_ref()?)))
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
