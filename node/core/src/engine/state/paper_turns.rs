//! Papers that wait to be judged: a queue for each seed and one for members, in turns, so that nobody's junk holds up what
//! somebody else brings.
use super::papers::{Bringer, Brought};
use crate::PeerId;
use crate::engine::bounds::{PAPERS_FROM_MEMBERS_MAX, PAPERS_FROM_SEED_MAX, PAPERS_OWN_MAX};
use std::collections::{BTreeMap, VecDeque};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct PaperTurns {
    /// Of this node itself: its store, its jobs.
    own: VecDeque<Brought>,
    seeds: BTreeMap<PeerId, VecDeque<Brought>>,
    members: VecDeque<Brought>,
    /// The seed whose turn was last.
    last: Option<PeerId>,
    members_next: bool,
}

impl PaperTurns {
    /// One more; false if there is no place for it.
    pub(crate) fn push(&mut self, brought: Brought) -> bool {
        let (queue, most) = match brought.by {
            Bringer::Seed(seed) => (self.seeds.entry(seed).or_default(), PAPERS_FROM_SEED_MAX),
            Bringer::Peer(..) => (&mut self.members, PAPERS_FROM_MEMBERS_MAX),
            Bringer::Job(_) | Bringer::Store => (&mut self.own, PAPERS_OWN_MAX),
        };
        let room = queue.len() < most;
        if room {
            queue.push_back(brought);
        }
        room
    }

    /// The next: this node's own first, then seeds and members in turns, and the seeds among themselves.
    pub(crate) fn pop(&mut self) -> Option<Brought> {
        if let Some(own) = self.own.pop_front() {
            return Some(own);
        }
        self.members_next = !self.members_next;
        if self.members_next {
            self.pop_member().or_else(|| self.pop_seed())
        } else {
            self.pop_seed().or_else(|| self.pop_member())
        }
    }

    fn pop_member(&mut self) -> Option<Brought> {
        self.members.pop_front()
    }

    fn pop_seed(&mut self) -> Option<Brought> {
        let after = self.last;
        let later = self.seeds.keys().find(|seed| after.is_none_or(|last| **seed > last));
        let seed = later.or_else(|| self.seeds.keys().next()).copied()?;
        self.last = Some(seed);
        let queue = self.seeds.get_mut(&seed)?;
        let next = queue.pop_front();
        if queue.is_empty() {
            self.seeds.remove(&seed);
        }
        next
    }

    /// Whether this peer waits as a member.
    pub(crate) fn waits(&self, peer: &PeerId) -> bool {
        self.members
            .iter()
            .any(|brought| matches!(brought.by, Bringer::Peer(contact, _) if contact.peer == *peer))
    }

    /// Whether something of this seed waits.
    pub(crate) fn has_seed(&self, seed: &PeerId) -> bool {
        self.seeds.contains_key(seed)
    }

    /// Nothing of this peer is of interest any more.
    pub(crate) fn forget(&mut self, peer: &PeerId) {
        self.seeds.remove(peer);
        self.members
            .retain(|brought| !matches!(brought.by, Bringer::Peer(contact, _) if contact.peer == *peer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Papers;
    use crate::belief::fixture::node;
    use crate::engine::state::peers::Contact;

    fn by(by: Bringer) -> Brought {
        Brought { by, papers: Papers::default() }
    }

    fn member(number: u8) -> Bringer {
        Bringer::Peer(Contact { peer: node(number), session: 1 }, 0)
    }

    fn order(turns: &mut PaperTurns) -> Vec<Bringer> {
        core::iter::from_fn(|| turns.pop()).map(|brought| brought.by).collect()
    }

    #[test]
    fn nobody_waits_behind_what_another_brings() {
        let mut turns = PaperTurns::default();
        let (liar, honest) = (Bringer::Seed(node(1)), Bringer::Seed(node(2)));
        for _ in 0..PAPERS_FROM_SEED_MAX {
            assert!(turns.push(by(liar)));
        }
        assert!(!turns.push(by(liar)));
        assert!(turns.push(by(honest)) && turns.push(by(member(3))) && turns.push(by(Bringer::Store)));
        let order = order(&mut turns);
        assert_eq!(order[0], Bringer::Store);
        assert!(order[..4].contains(&honest) && order[..4].contains(&member(3)), "{order:?}");
        assert_eq!(order.len(), PAPERS_FROM_SEED_MAX + 3);
    }

    #[test]
    fn who_is_gone_takes_no_place() {
        let mut turns = PaperTurns::default();
        for number in 0..u8::try_from(PAPERS_FROM_MEMBERS_MAX).unwrap() {
            assert!(turns.push(by(member(number))) && turns.waits(&node(number)));
        }
        assert!(!turns.push(by(member(100))));
        turns.forget(&node(0));
        assert!(!turns.waits(&node(0)) && turns.push(by(member(100))));
        turns.push(by(Bringer::Seed(node(0))));
        assert!(turns.has_seed(&node(0)));
        turns.forget(&node(0));
        assert!(!turns.has_seed(&node(0)));
    }
}
