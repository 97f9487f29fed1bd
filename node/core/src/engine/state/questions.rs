//! What jobs asked and is not answered yet: which seeds were asked, what came back.
use super::tasks::Ticket;
use crate::engine::JobId;
use crate::{Instant, Lineage, Nonce, PeerId, Query, Timestamp, VerifiedAnswer};
use std::collections::{BTreeMap, BTreeSet};

/// One question of a job.
#[derive(Debug)]
pub(crate) struct Question {
    /// Tells it from the job's earlier ones.
    pub serial: u64,
    /// What is asked.
    pub query: Query,
    /// A fresh number for each seed.
    pub nonces: BTreeMap<PeerId, Nonce>,
    /// Further ones, for seeds that come with another policy meanwhile.
    pub spare: Vec<Nonce>,
    /// When it ends as a miss.
    pub deadline: Instant,
    /// Until then, a seed that is connected and has not let us in yet is waited for.
    pub patient_until: Instant,
    /// Seeds that were asked.
    pub asked: BTreeMap<PeerId, Asking>,
    /// Answers that count.
    pub good: Vec<VerifiedAnswer>,
    /// Enough count, and some seed knows papers that are waited for until then.
    pub papers_until: Option<Instant>,
    /// Whatever seeds say of papers, this question waits no longer for them; set when it first does.
    pub papers_by: Option<Instant>,
    /// Something came that is not believed.
    pub disbelieved: bool,
    /// The road over peers, once it was taken.
    pub relayed: Option<RelayedRoad>,
}

/// How far one seed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// Its answer is awaited until then.
    Awaited { ask: u32, until: Instant },
    /// Its answer is being verified.
    Judged,
    /// It answered, or will not any more.
    Over,
}

/// Relayed answers that were gathered.
#[derive(Debug, Default)]
pub(crate) struct RelayedRoad {
    /// Peers that were asked and have not answered, and verifications under way (our own: `None`).
    pub open: BTreeSet<Option<PeerId>>,
    /// When what there is has to do.
    pub settles: Instant,
    /// What counts: the newest of each seed and lineage.
    pub gathered: BTreeMap<Lineage, BTreeMap<PeerId, (Timestamp, VerifiedAnswer)>>,
}

impl Question {
    /// Answers that count, or may still come from seeds that were asked.
    pub(crate) fn reachable(&self) -> usize {
        self.good.len() + self.asked.values().filter(|asking| **asking != Asking::Over).count()
    }

    /// Seeds whose time is up are over.
    pub(crate) fn expire(&mut self, now: Instant) {
        for asking in self.asked.values_mut() {
            if matches!(asking, Asking::Awaited { until, .. } if *until <= now) {
                *asking = Asking::Over;
            }
        }
    }

    /// When something is to be done next.
    pub(crate) fn next_timeout(&self, now: Instant) -> Instant {
        let seeds = self.asked.values().filter_map(|asking| match asking {
            Asking::Awaited { until, .. } => Some(*until),
            Asking::Judged | Asking::Over => None,
        });
        let settles = self.relayed.as_ref().map(|road| road.settles).filter(|settles| *settles > now);
        let patience = Some(self.patient_until).filter(|until| *until > now);
        let papers = self.papers_until;
        seeds
            .chain(settles)
            .chain(patience)
            .chain(papers)
            .chain([self.deadline])
            .min()
            .unwrap_or(self.deadline)
    }
}

impl RelayedRoad {
    /// Adds an answer, unless a newer one of that seed is there.
    pub(crate) fn add(&mut self, lineage: Lineage, time: Timestamp, answer: VerifiedAnswer) {
        let seeds = self.gathered.entry(lineage).or_default();
        if seeds.get(&answer.seed()).is_none_or(|(held, _)| *held < time) {
            seeds.insert(answer.seed(), (time, answer));
        }
    }

    /// What `read` seeds said: only lineages of which enough were heard.
    pub(crate) fn quorum(&self, read: usize) -> Vec<VerifiedAnswer> {
        let enough = self.gathered.values().filter(|seeds| !seeds.is_empty() && seeds.len() >= read);
        enough.flat_map(|seeds| seeds.values().map(|(_, answer)| answer.clone())).collect()
    }
}

/// Every question, by job: a job asks one thing at a time.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    by_job: BTreeMap<JobId, Question>,
    asks: BTreeMap<u32, (Ticket, PeerId)>,
    next_ask: u32,
}

impl Questions {
    /// A new question, in place of the job's last one.
    pub(crate) fn insert(&mut self, job: JobId, question: Question) {
        self.remove(job);
        self.by_job.insert(job, question);
    }

    /// It is answered, or nobody waits any more.
    pub(crate) fn remove(&mut self, job: JobId) -> Option<Question> {
        let question = self.by_job.remove(&job)?;
        for asking in question.asked.values() {
            if let Asking::Awaited { ask, .. } = asking {
                self.asks.remove(ask);
            }
        }
        self.asks.retain(|_, (ticket, _)| ticket.job != job);
        Some(question)
    }

    /// A job's question.
    pub(crate) fn get_mut(&mut self, job: JobId) -> Option<&mut Question> {
        self.by_job.get_mut(&job)
    }

    /// A job's question, if it is still that one.
    pub(crate) fn on(&mut self, ticket: Ticket) -> Option<&mut Question> {
        self.by_job.get_mut(&ticket.job).filter(|question| question.serial == ticket.serial)
    }

    /// Jobs that wait for an answer.
    pub(crate) fn jobs(&self) -> Vec<JobId> {
        self.by_job.keys().copied().collect()
    }

    /// Jobs whose answer waits for papers.
    pub(crate) fn waiting_for_papers(&self) -> Vec<JobId> {
        let waiting = self.by_job.iter().filter(|(_, question)| question.papers_until.is_some());
        waiting.map(|(job, _)| *job).collect()
    }

    /// The seeds are asked anew: another policy is in force.
    pub(crate) fn begin_anew(&mut self, job: JobId, seeds: impl Iterator<Item = PeerId>) {
        self.asks.retain(|_, (ticket, _)| ticket.job != job);
        let Some(question) = self.by_job.get_mut(&job) else { return };
        question.asked.clear();
        question.good.clear();
        (question.papers_until, question.papers_by, question.relayed) = (None, None, None);
        for seed in seeds {
            if !question.nonces.contains_key(&seed)
                && let Some(nonce) = question.spare.pop()
            {
                question.nonces.insert(seed, nonce);
            }
        }
    }

    /// Numbers a question to a peer.
    pub(crate) fn number(&mut self, ticket: Ticket, peer: PeerId) -> u32 {
        self.next_ask = self.next_ask.wrapping_add(1);
        self.asks.insert(self.next_ask, (ticket, peer));
        self.next_ask
    }

    /// What this peer's answer is to; each number is answered once.
    pub(crate) fn answered(&mut self, ask: u32, peer: &PeerId) -> Option<Ticket> {
        let (ticket, asked) = *self.asks.get(&ask)?;
        if asked != *peer {
            return None;
        }
        self.asks.remove(&ask);
        Some(ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;

    fn seed(n: u8) -> PeerId {
        PeerId::new(PublicKey::from_bytes([n; 32]))
    }

    fn question(serial: u64) -> Question {
        Question {
            serial,
            query: Query { key: "a/b".parse().unwrap(), fallbacks: Vec::new() },
            nonces: BTreeMap::new(),
            deadline: Instant::from_micros(100),
            patient_until: Instant::ZERO,
            asked: BTreeMap::new(),
            good: Vec::new(),
            spare: Vec::new(),
            papers_until: None,
            papers_by: None,
            disbelieved: false,
            relayed: None,
        }
    }

    #[test]
    fn only_who_was_asked_may_answer_and_only_once() {
        let mut questions = Questions::default();
        let ticket = Ticket { job: JobId(1), serial: 1 };
        questions.insert(JobId(1), question(1));
        let ask = questions.number(ticket, seed(1));
        assert_eq!(questions.answered(ask, &seed(2)), None);
        assert_eq!(questions.answered(ask, &seed(1)), Some(ticket));
        assert_eq!(questions.answered(ask, &seed(1)), None);
    }

    #[test]
    fn a_new_question_of_a_job_replaces_the_old() {
        let mut questions = Questions::default();
        questions.insert(JobId(1), question(1));
        let ask = questions.number(Ticket { job: JobId(1), serial: 1 }, seed(1));
        questions.insert(JobId(1), question(2));
        assert_eq!(questions.answered(ask, &seed(1)), None);
        assert!(questions.on(Ticket { job: JobId(1), serial: 1 }).is_none());
        assert!(questions.on(Ticket { job: JobId(1), serial: 2 }).is_some());
        questions.remove(JobId(1));
        assert!(questions.jobs().is_empty());
    }

    #[test]
    fn a_silent_seed_is_over_when_its_time_is_up() {
        let mut one = question(1);
        let until = Instant::from_micros(50);
        one.asked.insert(seed(1), Asking::Awaited { ask: 1, until });
        one.asked.insert(seed(2), Asking::Judged);
        assert_eq!((one.reachable(), one.next_timeout(Instant::ZERO)), (2, until));
        one.expire(Instant::from_micros(49));
        assert_eq!(one.reachable(), 2);
        one.expire(until);
        assert_eq!((one.reachable(), one.next_timeout(until)), (1, one.deadline));
    }

    #[test]
    fn enough_seeds_of_one_lineage_are_a_quorum_and_the_newest_of_each_counts() {
        use crate::belief::fixture::{Pool, WALL, query};
        let pool = Pool::new(4);
        let trust = pool.trust();
        let answer = |seed: usize, lineage: &str| {
            let envelope = pool.by_seed(seed, &pool.relayed(seed, lineage, &[]));
            trust.verify_relayed(&query("core/a/1", &["core/b"]), &envelope, &[], WALL).unwrap()
        };
        let lineage = |text: &str| text.parse::<Lineage>().unwrap();
        let at = Timestamp::from_millis;
        let mut road = RelayedRoad::default();
        assert!(road.quorum(1).is_empty());
        road.add(lineage("core/a"), at(5), answer(0, "core/a"));
        road.add(lineage("core/a"), at(9), answer(0, "core/a"));
        road.add(lineage("core/a"), at(7), answer(0, "core/a"));
        road.add(lineage("core/b"), at(5), answer(1, "core/b"));
        assert!(road.quorum(2).is_empty(), "one seed of each is no two");
        let held = road.gathered.values().flat_map(|seeds| seeds.values()).map(|(time, _)| *time);
        assert_eq!(held.collect::<Vec<_>>(), [at(9), at(5)]);
        road.add(lineage("core/a"), at(1), answer(2, "core/a"));
        assert_eq!(road.quorum(2).len(), 2);
        assert_eq!(road.quorum(1).len(), 3);
    }

    #[test]
    fn answers_that_are_judged_or_good_may_still_count() {
        let mut one = question(1);
        one.asked.insert(seed(1), Asking::Judged);
        one.asked.insert(seed(2), Asking::Over);
        assert_eq!(one.reachable(), 1);
    }

    #[test]
    fn the_road_over_peers_and_patience_are_moments_too() {
        let mut one = question(1);
        one.patient_until = Instant::from_micros(40);
        one.relayed = Some(RelayedRoad { settles: Instant::from_micros(30), ..RelayedRoad::default() });
        assert_eq!(one.next_timeout(Instant::ZERO), Instant::from_micros(30));
        assert_eq!(one.next_timeout(Instant::from_micros(30)), Instant::from_micros(40));
        assert_eq!(one.next_timeout(Instant::from_micros(40)), one.deadline);
    }
}
