//! Whether this seed may sign: it hears from the other seeds what they have seen of it, and says when that changes.
use crate::engine::bounds::RECORDS_UNDER_WAY_MAX;
use crate::engine::state::tasks::AfterRecord;
use crate::engine::state::wholeness::{Others, Turn};
use crate::engine::{Engine, Event, Record, Silence, StoreFailure};
use crate::{Now, PeerId};

impl Engine {
    /// Whether this is a seed beside others: they keep what it forgets. A lone one has nobody to ask.
    pub(super) fn has_other_seeds(&self) -> bool {
        self.is_seed() && self.newest_trust().policy().seeds.len() > 1
    }

    /// Whether the policy in force names other seeds: then this one needs their word.
    fn needs_others(&self) -> bool {
        self.is_seed() && self.config.trust.policy().seeds.len() > 1
    }

    /// Why this seed signs nothing but memberships; none if it signs.
    pub(in crate::engine) fn silence(&self) -> Option<Silence> {
        if self.needs_others() { self.wholeness.silence() } else { None }
    }

    /// The store has a marker.
    pub(super) fn on_marked(&mut self, epoch: u64) {
        self.wholeness.marked(epoch);
        self.judge_wholeness();
    }

    /// Another seed says the epoch of its store, and what it has seen of this one's.
    pub(in crate::engine) fn hear_word(&mut self, seed: PeerId, epoch: u64, seen: u64) {
        if !self.config.trust.is_seed(&seed) {
            return;
        }
        if self.wholeness.heard(seed, epoch, seen) {
            self.record(None, Record::Seen { seed, epoch }, AfterRecord::Nothing);
        }
        self.judge_wholeness();
    }

    /// Everything that another seed keeps is known here.
    pub(super) fn merged_from(&mut self, seed: PeerId) {
        if self.wholeness.merged(seed) {
            self.event(Event::Merged { from: seed });
            self.judge_wholeness();
        }
    }

    /// The marker is durable, or the disk refused it.
    pub(super) fn marker_recorded(&mut self, now: Now, result: Result<(), StoreFailure>) {
        let turn = self.wholeness.marked_anew(result.is_ok());
        self.tell_silence();
        if turn == Turn::Whole {
            // Whoever waits for the word of a seed that has a marker hears it now.
            self.catch_up_with_all(now);
        }
    }

    fn judge_wholeness(&mut self) {
        let others = self.others();
        if let Turn::Mark(epoch) = self.wholeness.judge(others) {
            // What is being recorded may be counted here before the marker and on the disk after it, or the other way round.
            let epoch = epoch.saturating_add(RECORDS_UNDER_WAY_MAX);
            self.record(None, Record::Marker { epoch }, AfterRecord::Marker);
        }
        self.tell_silence();
    }

    fn others(&self) -> Others {
        let policy = self.config.trust.policy();
        let count = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let (read, all) = (count(policy.read), policy.seeds.len().saturating_sub(1));
        let words = read.saturating_sub(1).clamp(1, all.max(1));
        Others { words, merged: read.min(all), faulty: count(policy.faulty) }
    }

    /// Says what has changed since it was last said.
    pub(super) fn tell_silence(&mut self) {
        let silence = self.silence();
        if !self.needs_others() || self.told == Some(silence) {
            return;
        }
        self.told = Some(silence);
        if silence.is_none() {
            // While it was silent it had no say, and gave no receipts.
            self.announce_papers();
            self.vote_for_all_short();
        }
        let others = u32::try_from(self.wholeness.others()).unwrap_or(u32::MAX);
        self.event(silence.map_or(Event::Whole { others }, |why| Event::Silent { why }));
    }
}
