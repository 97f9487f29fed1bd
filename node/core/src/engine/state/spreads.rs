//! Papers that jobs want spread through this node: which seeds were brought what, and which keep all of it.
use super::tasks::Ticket;
use crate::engine::JobId;
use crate::message::PapersRefusal;
use crate::{Instant, Papers, PeerId};
use std::collections::BTreeMap;

/// How far a seed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bringing {
    /// It was brought the part of this number, and has not answered.
    Open(usize),
    /// It had too much to do for the part of this number: it is brought it again.
    Later(usize),
    /// It keeps all of it.
    Kept,
    /// It does not.
    Refused(PapersRefusal),
}

/// One job's papers.
#[derive(Debug)]
pub(crate) struct Spread {
    /// Tells it from the job's earlier ones.
    pub serial: u64,
    /// All of it.
    pub papers: Papers,
    /// The same in parts that a seed takes at once; at least one.
    pub parts: Vec<Papers>,
    /// When the job is told what there is.
    pub deadline: Instant,
    /// Seeds that were brought it.
    pub seeds: BTreeMap<PeerId, Bringing>,
}

impl Spread {
    /// A seed answered the part that it was brought; the next one, if there is one and it keeps that.
    pub(crate) fn answered(&mut self, seed: &PeerId, refused: Option<PapersRefusal>) -> Option<Papers> {
        let Some(Bringing::Open(part)) = self.seeds.get(seed).copied() else { return None };
        let next = part.saturating_add(1);
        let following = self.parts.get(next).filter(|_| refused.is_none()).cloned();
        let state = match (refused, &following) {
            (Some(PapersRefusal::Busy), _) => Bringing::Later(part),
            (Some(why), _) => Bringing::Refused(why),
            (None, None) => Bringing::Kept,
            (None, Some(_)) => Bringing::Open(next),
        };
        self.seeds.insert(*seed, state);
        following
    }

    /// This node itself has all of it at once.
    pub(crate) fn answered_whole(&mut self, seed: PeerId, refused: Option<PapersRefusal>) {
        self.seeds.insert(seed, refused.map_or(Bringing::Kept, Bringing::Refused));
    }

    /// Whether everybody who was brought it has answered.
    pub(crate) fn all_answered(&self) -> bool {
        !self.seeds.values().any(|state| matches!(state, Bringing::Open(_) | Bringing::Later(_)))
    }

    /// Seeds that are to be brought a part again, and which; it is under way from now on.
    pub(crate) fn again(&mut self) -> Vec<(PeerId, Papers)> {
        let mut parts = Vec::new();
        for (seed, state) in &mut self.seeds {
            if let Bringing::Later(part) = *state {
                *state = Bringing::Open(part);
                parts.push((*seed, self.parts.get(part).cloned().unwrap_or_default()));
            }
        }
        parts
    }

    /// Whether some seed is to be brought a part again.
    pub(crate) fn has_later(&self) -> bool {
        self.seeds.values().any(|state| matches!(state, Bringing::Later(_)))
    }

    /// Why the first that refused did.
    pub(crate) fn refusal(&self) -> Option<PapersRefusal> {
        self.seeds
            .values()
            .find_map(|state| if let Bringing::Refused(why) = state { Some(*why) } else { None })
    }

    /// Seeds that keep all of it.
    pub(crate) fn kept(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.seeds.iter().filter(|(_, state)| **state == Bringing::Kept).map(|(seed, _)| *seed)
    }
}

/// See the module. One of each job at a time.
#[derive(Debug, Default)]
pub(crate) struct Spreads {
    by_job: BTreeMap<JobId, Spread>,
    brings: BTreeMap<u32, (Ticket, PeerId)>,
    next_bring: u32,
}

impl Spreads {
    /// A new one, in place of the job's last.
    pub(crate) fn insert(&mut self, job: JobId, spread: Spread) {
        self.remove(job);
        self.by_job.insert(job, spread);
    }

    /// It is answered, or nobody waits any more.
    pub(crate) fn remove(&mut self, job: JobId) -> Option<Spread> {
        let spread = self.by_job.remove(&job)?;
        self.brings.retain(|_, (ticket, _)| ticket.job != job);
        Some(spread)
    }

    /// A job's.
    pub(crate) fn get_mut(&mut self, job: JobId) -> Option<&mut Spread> {
        self.by_job.get_mut(&job)
    }

    /// A job's, if it is still that one.
    pub(crate) fn on(&mut self, ticket: Ticket) -> Option<&mut Spread> {
        self.by_job.get_mut(&ticket.job).filter(|spread| spread.serial == ticket.serial)
    }

    /// Jobs that wait.
    pub(crate) fn jobs(&self) -> Vec<JobId> {
        self.by_job.keys().copied().collect()
    }

    /// Numbers a part that a seed is brought.
    pub(crate) fn number(&mut self, ticket: Ticket, seed: PeerId) -> u32 {
        let bring = self.next_number();
        self.brings.insert(bring, (ticket, seed));
        bring
    }

    /// A number for papers that no job brings: none of theirs has it.
    pub(crate) fn next_number(&mut self) -> u32 {
        self.next_bring = self.next_bring.wrapping_add(1);
        self.next_bring
    }

    /// A seed answers a part: whose it was.
    pub(crate) fn answered(&mut self, bring: u32, seed: &PeerId) -> Option<Ticket> {
        self.brings.get(&bring).filter(|(_, asked)| asked == seed)?;
        self.brings.remove(&bring).map(|(ticket, _)| ticket)
    }

    /// A seed is gone: what it was brought and has not answered is brought again once it is back. True if there was such.
    pub(crate) fn seed_gone(&mut self, seed: &PeerId) -> bool {
        let mut found = false;
        for spread in self.by_job.values_mut() {
            if matches!(spread.seeds.get(seed), Some(Bringing::Open(_) | Bringing::Later(_))) {
                spread.seeds.remove(seed);
                found = true;
            }
        }
        self.brings.retain(|_, (_, asked)| asked != seed);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::belief::fixture::node;
    use crate::{Document, Envelope, Yank};

    fn spread(parts: usize) -> Spread {
        let yank =
            Envelope { payload_type: Yank::TYPE.to_owned(), payload: Vec::new(), signatures: Vec::new() };
        let part = Papers { yanks: vec![yank], ..Papers::default() };
        let parts = vec![part.clone(); parts];
        Spread { serial: 7, papers: part, parts, deadline: Instant::ZERO, seeds: BTreeMap::new() }
    }

    #[test]
    fn a_seed_keeps_it_once_it_keeps_every_part() {
        let mut spread = spread(3);
        spread.seeds.insert(node(1), Bringing::Open(0));
        assert!(spread.answered(&node(1), None).is_some() && !spread.all_answered());
        assert!(spread.answered(&node(1), None).is_some());
        assert!(spread.answered(&node(1), None).is_none());
        assert!(spread.all_answered() && spread.kept().eq([node(1)]));
        assert_eq!(spread.answered(&node(1), Some(PapersRefusal::Full)), None, "it has answered");
        assert_eq!(spread.refusal(), None);
    }

    #[test]
    fn who_refuses_one_part_is_brought_no_more() {
        let mut spread = spread(3);
        spread.seeds.insert(node(1), Bringing::Open(0));
        assert_eq!(spread.answered(&node(1), Some(PapersRefusal::Full)), None);
        assert!(spread.all_answered() && spread.kept().count() == 0);
        assert_eq!(spread.refusal(), Some(PapersRefusal::Full));
    }

    #[test]
    fn who_is_busy_is_brought_the_same_part_again() {
        let mut spread = spread(2);
        spread.seeds.insert(node(1), Bringing::Open(0));
        assert!(spread.answered(&node(1), None).is_some());
        assert_eq!(spread.answered(&node(1), Some(PapersRefusal::Busy)), None);
        assert!(spread.has_later() && !spread.all_answered());
        assert_eq!(spread.again().len(), 1);
        assert!(!spread.has_later() && spread.again().is_empty());
        assert_eq!(spread.answered(&node(1), None), None, "that was the last");
        assert!(spread.kept().eq([node(1)]));
    }

    #[test]
    fn only_who_was_brought_a_part_answers_it_and_once() {
        let mut spreads = Spreads::default();
        let ticket = Ticket { job: JobId(1), serial: 7 };
        spreads.insert(JobId(1), spread(1));
        let bring = spreads.number(ticket, node(1));
        assert_eq!(spreads.answered(bring, &node(2)), None);
        assert_eq!(spreads.answered(bring, &node(1)), Some(ticket));
        assert_eq!(spreads.answered(bring, &node(1)), None);
    }

    #[test]
    fn a_seed_that_comes_back_is_brought_it_again() {
        let mut spreads = Spreads::default();
        spreads.insert(JobId(1), spread(1));
        let ticket = Ticket { job: JobId(1), serial: 7 };
        let bring = spreads.number(ticket, node(1));
        spreads.get_mut(JobId(1)).unwrap().seeds.insert(node(1), Bringing::Open(0));
        spreads.get_mut(JobId(1)).unwrap().seeds.insert(node(2), Bringing::Kept);
        assert!(spreads.seed_gone(&node(1)) && !spreads.seed_gone(&node(2)));
        assert_eq!(spreads.answered(bring, &node(1)), None, "that was for the connection that is gone");
        assert!(spreads.on(ticket).unwrap().kept().eq([node(2)]));
        assert!(spreads.remove(JobId(1)).is_some() && spreads.jobs().is_empty());
    }
}
