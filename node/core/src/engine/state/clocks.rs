//! What time it is where seeds are, as far as their signed words tell.
use crate::limits::{MEMBERSHIP_LIFE, SEEDS_MAX};
use crate::{Disbelief, Instant, Now, PeerId, Timestamp};
use core::time::Duration;
use std::collections::BTreeMap;

/// The clock of a seed, beside this machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeedClock {
    /// Milliseconds that it is ahead of the clock here; what the word took to come makes it look less.
    pub ahead_ms: i64,
    /// When that was heard.
    pub heard: Instant,
}

/// The last word of each seed; at most [`SEEDS_MAX`] of them, those heard last.
#[derive(Debug, Default)]
pub(crate) struct Clocks {
    by_seed: BTreeMap<PeerId, SeedClock>,
}

impl Clocks {
    /// A seed has just signed this time.
    pub(crate) fn note(&mut self, now: Now, seed: PeerId, signed: Timestamp) {
        let (ahead, behind) = (signed.since(now.wall), now.wall.since(signed));
        self.keep(now, seed, millis(ahead).saturating_sub(millis(behind)));
    }

    /// The membership that a seed has just signed is not believed, perhaps for its time alone.
    pub(crate) fn note_disbelief(&mut self, now: Now, seed: PeerId, why: &Disbelief) {
        if let Disbelief::FromTheFuture { ahead, .. } = why {
            self.keep(now, seed, millis(*ahead));
        } else if let Disbelief::Expired { ago, .. } = why {
            self.keep(now, seed, -millis(ago.saturating_add(MEMBERSHIP_LIFE)));
        }
    }

    /// What is known of a seed's.
    pub(crate) fn of(&self, seed: &PeerId) -> Option<SeedClock> {
        self.by_seed.get(seed).copied()
    }

    fn keep(&mut self, now: Now, seed: PeerId, ahead_ms: i64) {
        self.by_seed.insert(seed, SeedClock { ahead_ms, heard: now.instant });
        if self.by_seed.len() > SEEDS_MAX {
            let oldest = self.by_seed.iter().min_by_key(|(_, clock)| clock.heard).map(|(seed, _)| *seed);
            oldest.map(|seed| self.by_seed.remove(&seed));
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Paper;
    use crate::belief::fixture::{WALL, earlier, later, node};

    fn at(seconds: u64) -> Now {
        Now { instant: Instant::ZERO.after(Duration::from_secs(seconds)), wall: WALL }
    }

    #[test]
    fn a_seed_is_ahead_or_behind() {
        let mut clocks = Clocks::default();
        assert_eq!(clocks.of(&node(1)), None);
        clocks.note(at(1), node(1), later(60));
        assert_eq!(clocks.of(&node(1)), Some(SeedClock { ahead_ms: 60_000, heard: at(1).instant }));
        clocks.note(at(2), node(1), earlier(3));
        assert_eq!(clocks.of(&node(1)), Some(SeedClock { ahead_ms: -3_000, heard: at(2).instant }));
    }

    #[test]
    fn a_membership_that_is_refused_for_its_time_tells_too() {
        let (mut clocks, what) = (Clocks::default(), Paper::Membership);
        let hour = Duration::from_secs(3_600);
        clocks.note_disbelief(at(0), node(1), &Disbelief::FromTheFuture { what, ahead: hour });
        clocks.note_disbelief(at(0), node(2), &Disbelief::Expired { what, ago: hour - MEMBERSHIP_LIFE });
        clocks.note_disbelief(at(0), node(3), &Disbelief::StrictAdmission);
        let ahead = [1, 2, 3].map(|n| clocks.of(&node(n)).map(|clock| clock.ahead_ms));
        assert_eq!(ahead, [Some(3_600_000), Some(-3_600_000), None]);
    }

    #[test]
    fn no_more_are_kept_than_there_can_be_seeds() {
        let mut clocks = Clocks::default();
        let most = u8::try_from(SEEDS_MAX).unwrap();
        (0..=most).for_each(|n| clocks.note(at(n.into()), node(n), WALL));
        assert_eq!((clocks.by_seed.len(), clocks.of(&node(0))), (SEEDS_MAX, None));
    }

    #[test]
    fn times_at_the_ends_do_not_overflow() {
        let mut clocks = Clocks::default();
        clocks.note(at(0), node(1), Timestamp::MAX);
        assert!(clocks.of(&node(1)).is_some_and(|clock| clock.ahead_ms > 0));
        clocks.note_disbelief(at(0), node(1), &Disbelief::Expired { what: Paper::Token, ago: Duration::MAX });
        assert!(clocks.of(&node(1)).is_some_and(|clock| clock.ahead_ms < 0));
    }
}
