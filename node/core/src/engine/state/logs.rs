//! Questions about a seed's log: those of this node's jobs, and on a seed those that it reads its log for.
use super::peers::Contact;
use super::tasks::Ticket;
use crate::engine::JobId;
use crate::engine::bounds::{LOG_GIVEN_MAX, LOG_READS_MAX, LOG_WAITING_MAX, LOG_WINDOW};
use crate::message::{LogPlace, LogQuery};
use crate::{Instant, PeerId};
use std::collections::{BTreeMap, VecDeque};

/// One question of a job.
#[derive(Debug)]
pub(crate) struct LogQuestion {
    /// Tells it from the job's earlier ones.
    pub serial: u64,
    /// What is asked.
    pub what: LogQuery,
    /// Goes on at this place of this seed.
    pub at: Option<(PeerId, LogPlace)>,
    /// The seed that is asked, and the number of the question.
    asked: Option<(PeerId, u32)>,
}

impl LogQuestion {
    /// A question that nobody was asked yet.
    pub(crate) const fn new(serial: u64, what: LogQuery, at: Option<(PeerId, LogPlace)>) -> Self {
        Self { serial, what, at, asked: None }
    }

    /// Whether this seed may answer it.
    fn may_ask(&self, seed: &PeerId) -> bool {
        self.asked.is_none() && self.at.is_none_or(|(other, _)| other == *seed)
    }
}

/// Questions of jobs, by job.
#[derive(Debug, Default)]
pub(crate) struct LogQuestions {
    by_job: BTreeMap<JobId, LogQuestion>,
    next_ask: u32,
}

impl LogQuestions {
    /// A new question, in place of the job's last one.
    pub(crate) fn insert(&mut self, job: JobId, question: LogQuestion) {
        self.by_job.insert(job, question);
    }

    /// It is answered, or nobody waits any more.
    pub(crate) fn remove(&mut self, job: JobId) -> Option<LogQuestion> {
        self.by_job.remove(&job)
    }

    /// A job's question, if it is still that one.
    pub(crate) fn is_open(&self, ticket: Ticket) -> bool {
        self.by_job.get(&ticket.job).is_some_and(|question| question.serial == ticket.serial)
    }

    /// Jobs that wait.
    pub(crate) fn jobs(&self) -> Vec<JobId> {
        self.by_job.keys().copied().collect()
    }

    /// Marks a job's question as asked of a seed, if that seed may be and none is: what to ask, and its number.
    pub(crate) fn ask(&mut self, job: JobId, seed: PeerId) -> Option<(u32, LogQuery, Option<LogPlace>)> {
        let question = self.by_job.get_mut(&job).filter(|question| question.may_ask(&seed))?;
        self.next_ask = self.next_ask.wrapping_add(1);
        question.asked = Some((seed, self.next_ask));
        Some((self.next_ask, question.what.clone(), question.at.map(|(_, place)| place)))
    }

    /// The job whose question this seed answers.
    pub(crate) fn answered(&self, seed: &PeerId, ask: u32) -> Option<JobId> {
        let wanted = Some((*seed, ask));
        let found = self.by_job.iter().find(|(_, question)| question.asked == wanted);
        found.map(|(job, _)| *job)
    }

    /// A seed is gone: what it has not answered may be asked of another.
    pub(crate) fn seed_gone(&mut self, seed: &PeerId) {
        for question in self.by_job.values_mut() {
            if question.asked.is_some_and(|(asked, _)| asked == *seed) {
                question.asked = None;
            }
        }
    }
}

/// Who waits for a page of this seed's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogReader {
    /// A member, or another seed, and the number of its question.
    Peer(Contact, u32),
    /// A job of this seed's own.
    Job(Ticket),
}

/// A page that is to be read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogRead {
    /// For whom.
    pub reader: LogReader,
    /// What is looked for.
    pub what: LogQuery,
    /// From where on.
    pub after: Option<LogPlace>,
}

/// Pages that this seed reads: a few at a time, one at a time for each peer, and so many in a while.
#[derive(Debug, Default)]
pub(crate) struct LogReads {
    waiting: VecDeque<LogRead>,
    running: Vec<LogReader>,
    given: BTreeMap<PeerId, (Instant, u32)>,
}

impl LogReads {
    /// One more is wanted; false if this reader must ask again later.
    pub(crate) fn enqueue(&mut self, now: Instant, read: LogRead) -> bool {
        let admitted = match read.reader {
            LogReader::Peer(contact, _) => self.has_turn(now, contact.peer),
            LogReader::Job(_) => true,
        };
        let room = admitted && self.waiting.len() < LOG_WAITING_MAX;
        if room {
            self.waiting.push_back(read);
        }
        room
    }

    /// A peer has one page at a time, and so many in a while.
    fn has_turn(&mut self, now: Instant, peer: PeerId) -> bool {
        let of_peer = |reader: &LogReader| matches!(reader, LogReader::Peer(by, _) if by.peer == peer);
        if self.running.iter().any(of_peer) || self.waiting.iter().any(|read| of_peer(&read.reader)) {
            return false;
        }
        let (since, count) = self.given.entry(peer).or_insert((now, 0));
        if now.since(*since) >= LOG_WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= LOG_GIVEN_MAX
    }

    /// The next one to read, if there is room for it.
    pub(crate) fn begin(&mut self) -> Option<LogRead> {
        if self.running.len() >= LOG_READS_MAX {
            return None;
        }
        let read = self.waiting.pop_front()?;
        self.running.push(read.reader);
        Some(read)
    }

    /// It was read.
    pub(crate) fn end(&mut self, reader: LogReader) {
        if let Some(place) = self.running.iter().position(|one| *one == reader) {
            self.running.swap_remove(place);
        }
    }

    /// A peer is gone: nothing is read for it any more.
    pub(crate) fn gone(&mut self, peer: &PeerId) {
        self.given.remove(peer);
        self.waiting.retain(|read| !matches!(read.reader, LogReader::Peer(by, _) if by.peer == *peer));
    }

    /// A job is gone.
    pub(crate) fn job_gone(&mut self, job: JobId) {
        self.waiting.retain(|read| !matches!(read.reader, LogReader::Job(by) if by.job == job));
    }
}

#[cfg(test)]
mod tests;
