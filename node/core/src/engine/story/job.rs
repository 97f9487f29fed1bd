//! Jobs come, ask and leave.
use super::Alarm;
use crate::engine::transfer::Wanter;
use crate::engine::{Engine, JobId, JobReply, JobRequest, MissReason};
use crate::limits::{FALLBACKS_MAX, JOBS_MAX};
use crate::{Now, Query};

impl Engine {
    /// A job asks for something.
    pub(super) fn on_job(&mut self, now: Now, job: JobId, request: JobRequest) {
        if !self.jobs.contains(&job) && self.jobs.len() >= JOBS_MAX {
            return self.reply(job, JobReply::Miss(MissReason::TooSlow));
        }
        self.jobs.insert(job);
        match request {
            JobRequest::Resolve { query, nonces, deadline } => {
                self.resolve(now, job, (bounded(query), nonces, deadline));
            }
            JobRequest::Fetch { manifest, chunks } => self.fetch(now, job, manifest, chunks),
            JobRequest::Publish { manifest, deadline } => self.publish(now, job, manifest, deadline),
            JobRequest::List { what, deadline } => self.list(now, job, what, deadline),
            JobRequest::Spread { papers, deadline } => self.spread(now, job, papers, deadline),
            JobRequest::Log { what, at, deadline } => self.ask_log(now, job, (what, at), deadline),
        }
    }

    /// A job is gone: whatever it wanted is dropped.
    pub(super) fn on_job_left(&mut self, now: Now, job: JobId) {
        if !self.jobs.remove(&job) {
            return;
        }
        self.questions.remove(job);
        self.listings.remove(job);
        self.spreads.remove(job);
        self.forget_log(job);
        for alarm in [Alarm::Question(job), Alarm::Listing(job), Alarm::Spread(job), Alarm::Bring(job)] {
            self.timers.clear(alarm);
        }
        self.transfer.drop_wanter(now.instant, Wanter::Job(job));
        self.forget_fetches(job);
        self.end_publish(now, job);
    }
}

/// More fallbacks than a question may have are not asked.
fn bounded(mut query: Query) -> Query {
    query.fallbacks.truncate(FALLBACKS_MAX);
    query
}
