//! When a newer policy takes over: counted, not guessed.
use crate::{Digest, PeerId, Policy, Seed};
use std::collections::{BTreeMap, BTreeSet};

/// For a reader: which policy its pinned seeds answer with. A newer one takes over once `read` of them do. Each seed
/// has one say, its last.
#[derive(Clone, Debug)]
pub struct PolicyVotes {
    seeds: BTreeSet<PeerId>,
    read: u32,
    votes: BTreeMap<PeerId, (u64, Digest)>,
}

impl PolicyVotes {
    /// Counts among the seeds of the policy that this reader goes by.
    #[must_use]
    pub fn new(pinned: &Policy) -> Self {
        Self { seeds: seeds(pinned), read: pinned.read, votes: BTreeMap::new() }
    }

    /// This seed answered with a policy of that version and hash. Strangers are not heard.
    pub fn heard(&mut self, seed: PeerId, version: u64, policy: Digest) {
        if self.seeds.contains(&seed) {
            self.votes.insert(seed, (version, policy));
        }
    }

    /// The newest policy that `read` seeds answered with, as version and hash. Whoever has it switches to it, if it is newer
    /// and holds ([`Trust::follow`](crate::Trust::follow)).
    #[must_use]
    pub fn agreed(&self) -> Option<(u64, Digest)> {
        let mut counts: BTreeMap<(u64, Digest), u32> = BTreeMap::new();
        for vote in self.votes.values() {
            let count = counts.entry(*vote).or_default();
            *count = count.saturating_add(1);
        }
        counts.into_iter().rev().find(|(_, count)| *count >= self.read).map(|(vote, _)| vote)
    }
}

/// For who changes a policy: which seeds hold the new one. It counts once `write` seeds of the old set and `write` of the
/// new set do.
#[derive(Clone, Debug)]
pub struct PolicyHolders {
    old: (BTreeSet<PeerId>, u32),
    new: (BTreeSet<PeerId>, u32),
    holders: BTreeSet<PeerId>,
}

impl PolicyHolders {
    /// Counts a change from `old` to `new`.
    #[must_use]
    pub fn new(old: &Policy, new: &Policy) -> Self {
        let set = |policy: &Policy| (seeds(policy), policy.write);
        Self { old: set(old), new: set(new), holders: BTreeSet::new() }
    }

    /// This seed holds the new policy. Strangers are not heard.
    pub fn holds(&mut self, seed: PeerId) {
        if self.old.0.contains(&seed) || self.new.0.contains(&seed) {
            self.holders.insert(seed);
        }
    }

    /// Whether the new policy counts.
    #[must_use]
    pub fn counts(&self) -> bool {
        let (held, needed, _) = self.progress();
        held >= needed
    }

    /// How many seeds hold it, how many must, and of how many: of the set that lacks more.
    #[must_use]
    pub fn progress(&self) -> (u32, u32, u32) {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let progress = |(seeds, write): &(BTreeSet<PeerId>, u32)| {
            (count(seeds.intersection(&self.holders).count()), *write, count(seeds.len()))
        };
        let lacks = |(held, needed, _): (u32, u32, u32)| needed.saturating_sub(held);
        let (old, new) = (progress(&self.old), progress(&self.new));
        if lacks(new) > lacks(old) { new } else { old }
    }
}

fn seeds(policy: &Policy) -> BTreeSet<PeerId> {
    policy.seeds.iter().map(|Seed { peer, .. }| *peer).collect()
}
