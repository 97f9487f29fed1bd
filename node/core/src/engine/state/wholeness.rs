//! Whether this seed may sign: only with a store that has forgotten nothing that it ever signed or kept.
//!
//! A store has a *marker* with an *epoch*, a number that is raised by one with every start and with everything that is made
//! durable. Seeds tell each other theirs, and remember the highest that they have seen of each other. So:
//!
//! - Without a marker (a new or a lost disk) a seed is silent until it has merged what enough others keep.
//! - With one it is silent at first, and waits for the word of some others that they have seen no higher epoch.
//! - Where more others than may be faulty have seen a higher one, the disk was rolled back: silent until merged.
//!
//! Only seeds count whose own store has a marker and is not behind what was seen of it. A single liar can neither hold a
//! seed silent for ever nor make it speak alone. What this cannot know is a vote that no other seed ever heard of.
use crate::PeerId;
use crate::engine::Silence;
use std::collections::{BTreeMap, BTreeSet};

/// A higher epoch is a lie: a store that writes a million records a second reaches it after a hundred thousand years.
const EPOCH_MAX: u64 = 1 << 62;

/// How many others it takes, by the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Others {
    /// Whose word at start is enough: with this seed itself as many as a reader hears, and one at least.
    pub words: usize,
    /// From whom a silent seed merges.
    pub merged: usize,
    /// May lie.
    pub faulty: usize,
}

/// What another seed says, and whether it counts.
#[derive(Clone, Copy, Debug)]
struct Word {
    seen: u64,
    counts: bool,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing has changed.
    Nothing,
    /// It is silent from now on.
    Silent(Silence),
    /// It has merged enough: the marker is to be recorded with this epoch.
    Mark(u64),
    /// It signs from now on.
    Whole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    /// Why is always one of those known here.
    Silent(Silence),
    /// The marker is being made durable, and why it was silent.
    Marking(u64, Silence),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Wholeness {
    state: State,
    /// The epoch that the disk had when it was last known to be right; none without a marker.
    epoch: Option<u64>,
    /// Since then made durable, the start included.
    writes: u64,
    /// Highest epochs of others.
    seen: BTreeMap<PeerId, u64>,
    words: BTreeMap<PeerId, Word>,
    merged: BTreeSet<PeerId>,
}

impl Default for Wholeness {
    fn default() -> Self {
        Self {
            state: State::Silent(Silence::NoMarker),
            epoch: None,
            writes: 0,
            seen: BTreeMap::new(),
            words: BTreeMap::new(),
            merged: BTreeSet::new(),
        }
    }
}

impl Wholeness {
    /// The store has a marker, with this epoch before the start raised it.
    pub(crate) fn marked(&mut self, epoch: u64) {
        if self.state == State::Silent(Silence::NoMarker) {
            (self.state, self.epoch, self.writes) = (State::Silent(Silence::Unsure), Some(epoch), 1);
        }
    }

    /// Until now it was the only seed, and needed nobody's word.
    pub(crate) const fn was_alone(&mut self) {
        self.state = State::Whole;
    }

    /// Why it signs nothing; none if it does.
    pub(crate) const fn silence(&self) -> Option<Silence> {
        match self.state {
            State::Whole => None,
            State::Silent(why) | State::Marking(_, why) => Some(why),
        }
    }

    /// The epoch to tell others: never more than the disk has, and while silent only what it had before this start. 0
    /// without a marker.
    pub(crate) const fn epoch(&self) -> u64 {
        match (self.epoch, self.state) {
            (None, _) => 0,
            (Some(epoch), State::Whole) => epoch.saturating_add(self.writes),
            (Some(epoch), State::Silent(_) | State::Marking(..)) => epoch,
        }
    }

    /// Something was made durable that raises the epoch.
    pub(crate) const fn wrote(&mut self) {
        self.writes = self.writes.saturating_add(1);
    }

    /// The highest epoch that was seen of another seed.
    pub(crate) fn seen(&self, seed: &PeerId) -> u64 {
        self.seen.get(seed).copied().unwrap_or(0)
    }

    /// Another seed's epoch was seen; true if it is higher than before.
    pub(crate) fn note_seen(&mut self, seed: PeerId, epoch: u64) -> bool {
        let higher = epoch > self.seen(&seed) && epoch <= EPOCH_MAX;
        if higher {
            self.seen.insert(seed, epoch);
        }
        higher
    }

    /// Another seed says its own epoch, and the highest that it has seen of this one; true if its own is news.
    pub(crate) fn heard(&mut self, from: PeerId, epoch: u64, seen: u64) -> bool {
        let counts = epoch > 0 && epoch >= self.seen(&from) && seen <= EPOCH_MAX;
        self.words.insert(from, Word { seen, counts });
        self.note_seen(from, epoch)
    }

    /// All that another seed keeps is known here; true if that counts.
    pub(crate) fn merged(&mut self, from: PeerId) -> bool {
        let counts = self.words.get(&from).is_some_and(|word| word.counts);
        let wanted = match self.state {
            State::Silent(Silence::NoMarker | Silence::RolledBack | Silence::Unknown(_)) => true,
            State::Silent(Silence::Unsure) | State::Whole | State::Marking(..) => false,
        };
        counts && wanted && self.merged.insert(from)
    }

    /// From whom it has merged, or whose word it has.
    pub(crate) fn others(&self) -> usize {
        self.merged.len().max(self.words.values().filter(|word| word.counts).count())
    }

    /// Judges anew.
    pub(crate) fn judge(&mut self, others: Others) -> Turn {
        match self.state {
            State::Whole | State::Silent(Silence::Unsure) => self.judge_words(others),
            State::Silent(Silence::NoMarker | Silence::RolledBack | Silence::Unknown(_)) => {
                self.judge_merged(others)
            }
            State::Marking(..) => Turn::Nothing,
        }
    }

    fn judge_words(&mut self, others: Others) -> Turn {
        let mine = self.epoch();
        let words = || self.words.values().filter(|word| word.counts);
        let higher = words().filter(|word| word.seen > mine).count();
        let right = words().count().saturating_sub(higher);
        if higher > others.faulty {
            self.state = State::Silent(Silence::RolledBack);
            self.merged.clear();
            return Turn::Silent(Silence::RolledBack);
        }
        if self.state != State::Whole && right >= others.words {
            self.state = State::Whole;
            return Turn::Whole;
        }
        Turn::Nothing
    }

    fn judge_merged(&mut self, others: Others) -> Turn {
        let State::Silent(why) = self.state else { return Turn::Nothing };
        if self.merged.len() < others.merged {
            return Turn::Nothing;
        }
        let seen = self.words.values().map(|word| word.seen).filter(|seen| *seen <= EPOCH_MAX).max();
        let written = self.epoch.unwrap_or(0).saturating_add(self.writes);
        let epoch = seen.unwrap_or(0).max(written).saturating_add(1);
        self.state = State::Marking(epoch, why);
        Turn::Mark(epoch)
    }

    /// The marker is durable, or the disk refused it: then it is tried again once something is merged anew.
    pub(crate) fn marked_anew(&mut self, durable: bool) -> Turn {
        let State::Marking(epoch, why) = self.state else { return Turn::Nothing };
        if !durable {
            self.state = State::Silent(why);
            self.merged.clear();
            return Turn::Nothing;
        }
        (self.state, self.epoch, self.writes) = (State::Whole, Some(epoch), 0);
        Turn::Whole
    }
}

#[cfg(test)]
#[path = "wholeness_tests.rs"]
mod tests;
