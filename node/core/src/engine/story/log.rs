//! What does the log say? For people: pages from one seed, its word as it is; on a seed, from its own log.
use super::Alarm;
use crate::engine::bounds::JOB_WAIT_MAX;
use crate::engine::state::logs::{LogQuestion, LogRead, LogReader};
use crate::engine::state::tasks::Ticket;
use crate::engine::{Engine, JobId, JobReply, Output, TaskId};
use crate::message::{Control, LogPage, LogPlace, LogQuery};
use crate::{Now, PeerId};
use core::time::Duration;

/// Asking.
impl Engine {
    /// A job asks for a page.
    pub(super) fn ask_log(
        &mut self,
        now: Now,
        job: JobId,
        (what, at): (LogQuery, Option<(PeerId, LogPlace)>),
        wait: Duration,
    ) {
        let serial = self.tasks.serial();
        self.timers.set(Alarm::Log(job), now.instant.after(wait.min(JOB_WAIT_MAX)));
        self.log_questions.insert(job, LogQuestion::new(serial, what.clone(), at));
        if !self.is_seed() {
            return self.log_from_seeds(job);
        }
        let own = at.is_none_or(|(seed, _)| seed == self.config.me);
        let reader = LogReader::Job(Ticket { job, serial });
        let read = LogRead { reader, what, after: at.map(|(_, place)| place) };
        if !own || !self.log_reads.enqueue(now.instant, read) {
            return self.end_log(job, (None, LogPage::default()));
        }
        self.read_log();
    }

    /// Asks the first seed that has let this node in and may answer, unless one is asked.
    fn log_from_seeds(&mut self, job: JobId) {
        let seeds: Vec<PeerId> = self.peers.admitting().collect();
        for seed in seeds {
            self.log_from_seed(job, seed);
        }
    }

    /// Asks this seed, if it may answer and no other is asked.
    pub(super) fn log_from_seed(&mut self, job: JobId, seed: PeerId) {
        if let Some((ask, what, after)) = self.log_questions.ask(job, seed) {
            self.send(seed, Control::AskLog { ask, what, after });
        }
    }

    /// A seed is gone: whoever waits for it asks another one, unless a place of that seed was asked for.
    pub(super) fn logs_without(&mut self, seed: &PeerId) {
        self.log_questions.seed_gone(seed);
        for job in self.log_questions.jobs() {
            self.log_from_seeds(job);
        }
    }

    /// A seed answers.
    pub(super) fn on_log(&mut self, seed: PeerId, ask: u32, page: LogPage) {
        if let Some(job) = self.log_questions.answered(&seed, ask) {
            self.end_log(job, (Some(seed), page));
        }
    }

    /// Nobody has answered by the job's deadline.
    pub(super) fn log_is_late(&mut self, job: JobId) {
        self.end_log(job, (None, LogPage::default()));
    }

    fn end_log(&mut self, job: JobId, (seed, page): (Option<PeerId>, LogPage)) {
        self.forget_log(job);
        self.reply(job, JobReply::Log { seed, page });
    }

    /// A job's question is over.
    pub(super) fn forget_log(&mut self, job: JobId) {
        self.log_questions.remove(job);
        self.log_reads.job_gone(job);
        self.timers.clear(Alarm::Log(job));
    }
}

/// Answering.
impl Engine {
    /// A member asks this seed. Who asks more than its share is told to ask again, without that anything is read.
    pub(super) fn on_ask_log(
        &mut self,
        now: Now,
        peer: PeerId,
        ask: u32,
        (what, after): (LogQuery, Option<LogPlace>),
    ) {
        let Some(contact) = self.peers.contact(&peer) else { return };
        let read = LogRead { reader: LogReader::Peer(contact, ask), what, after };
        if self.log_reads.enqueue(now.instant, read) {
            return self.read_log();
        }
        let page = LogPage { lines: Vec::new(), next: Some(after.unwrap_or_default()) };
        self.send(peer, Control::Log { ask, page });
    }

    fn read_log(&mut self) {
        while let Some(LogRead { reader, what, after }) = self.log_reads.begin() {
            let origin = match reader {
                LogReader::Peer(contact, _) => Some(contact.peer),
                LogReader::Job(_) => None,
            };
            let task = self.tasks.start_read_log(origin, reader);
            self.outbox.push(Output::ReadLog { task, what, after });
        }
    }

    /// A page was read.
    pub(super) fn on_log_read(&mut self, task: TaskId, page: LogPage) {
        let Some(reader) = self.tasks.take_read_log(task) else { return };
        self.log_reads.end(reader);
        match reader {
            LogReader::Peer(contact, ask) => {
                if self.peers.on(contact).is_some() {
                    self.send(contact.peer, Control::Log { ask, page });
                }
            }
            LogReader::Job(ticket) => {
                if self.log_questions.is_open(ticket) {
                    self.end_log(ticket.job, (Some(self.config.me), page));
                }
            }
        }
        self.read_log();
    }
}
