//! What fetches usually take, of peers and of seeds apart: a seed that serves a thousand nodes is slow and honest, and is
//! measured by what seeds take. Everything that arrived counts, the latest few; what never arrived tells nothing about how
//! long one has to wait for what does.

use super::limits::{
    FLOW_GAP_MAX, HEDGE_AFTER_FIRST, HEDGE_AFTER_MAX, HEDGE_AFTER_MIN, HEDGE_FACTOR, STALL_AFTER_FIRST,
    STALL_AFTER_MIN, STALL_FACTOR, USUAL_EVERY, USUAL_LEAST, USUAL_SAMPLES,
};
use crate::Instant;
use crate::engine::Source;
use crate::limits::FETCH_TIMEOUT;
use core::time::Duration;
use std::collections::VecDeque;

/// One class of holders.
#[derive(Debug, Default)]
struct Class {
    /** what the latest fetches took */
    took: VecDeque<Duration>,
    /** since the quantiles were looked at */
    fresh: usize,
    /** nine in ten take no longer; none before enough was seen */
    p90: Option<Duration>,
    /** the same of nineteen in twenty */
    p95: Option<Duration>,
}

impl Class {
    fn note(&mut self, took: Duration) {
        if self.took.len() >= USUAL_SAMPLES {
            self.took.pop_front();
        }
        self.took.push_back(took);
        self.fresh += 1;
        if self.fresh >= USUAL_EVERY && self.took.len() >= USUAL_LEAST {
            self.fresh = 0;
            self.look();
        }
    }

    fn look(&mut self) {
        let mut sorted: Vec<Duration> = self.took.iter().copied().collect();
        sorted.sort_unstable();
        let quantile = |percent: usize| sorted.get(sorted.len() * percent / 100).copied();
        (self.p90, self.p95) = (quantile(90), quantile(95));
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Usual {
    peers: Class,
    seeds: Class,
}

impl Usual {
    fn of(&self, source: Source) -> &Class {
        match source {
            Source::Seed => &self.seeds,
            Source::Peer | Source::Local => &self.peers,
        }
    }

    /// Something arrived, so long after it was asked for.
    pub(super) fn note(&mut self, source: Source, took: Duration) {
        match source {
            Source::Seed => self.seeds.note(took),
            Source::Peer | Source::Local => self.peers.note(took),
        }
    }

    /// Whether enough was seen to tell what is usual.
    pub(super) fn is_known(&self, source: Source) -> bool {
        self.of(source).p95.is_some()
    }

    /// How long a fetch may take before its holder is slow for one of its class.
    pub(super) fn late_after(&self, source: Source) -> Duration {
        let usual = self.of(source).p90.map(|p90| p90.saturating_mul(HEDGE_FACTOR));
        usual.unwrap_or(HEDGE_AFTER_MAX).max(HEDGE_AFTER_MIN)
    }

    /// How long a fetch may take before a second copy is asked for.
    pub(super) fn hedge_after(&self, source: Source) -> Duration {
        let hurries = source != Source::Seed && !self.is_known(source);
        if hurries { HEDGE_AFTER_FIRST } else { self.late_after(source).min(HEDGE_AFTER_MAX) }
    }

    /// How long a holder that stalled so often may say nothing while others send: longer each time, so that one that has
    /// only become slow is met half-way.
    pub(super) fn stall_after(&self, source: Source, stalls: u32) -> Duration {
        let first = if source == Source::Seed { FETCH_TIMEOUT } else { STALL_AFTER_FIRST };
        let usual = self.of(source).p95.map(|p95| p95.saturating_mul(STALL_FACTOR).max(STALL_AFTER_MIN));
        usual.unwrap_or(first).saturating_mul(1 << stalls.min(4)).min(FETCH_TIMEOUT)
    }
}

/// Whether anything arrives, from anybody.
#[derive(Debug, Default)]
pub(super) struct Flow {
    from: Instant,
    last: Instant,
}

impl Flow {
    /// Something arrived.
    pub(super) fn note(&mut self, now: Instant) {
        if !self.flows(now) {
            self.from = now;
        }
        self.last = now;
    }

    /// Since when things arrive, as long as they do; then, since when they last did.
    pub(super) const fn from(&self) -> Instant {
        self.from
    }

    /// Whether they do now.
    pub(super) fn flows(&self, now: Instant) -> bool {
        now.since(self.last) <= FLOW_GAP_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(usual: &Usual, source: Source) -> (u128, u128) {
        (usual.hedge_after(source).as_millis(), usual.stall_after(source, 0).as_millis())
    }

    fn seen(source: Source, took: impl Iterator<Item = u64>) -> Usual {
        let mut usual = Usual::default();
        took.for_each(|ms| usual.note(source, Duration::from_millis(ms)));
        usual
    }

    #[test]
    fn before_enough_was_seen_nobody_has_stalled_soon() {
        let usual = seen(Source::Peer, std::iter::repeat_n(1, USUAL_LEAST - 1));
        assert_eq!(millis(&usual, Source::Peer), (250, 4000));
        assert_eq!(millis(&usual, Source::Seed), (1000, 10_000));
    }

    #[test]
    fn the_slowest_tenth_is_late() {
        // 1 to 64 are 100 to 163 ms: nine in ten take up to 157, nineteen in twenty up to 160.
        let usual = seen(Source::Peer, 100..164);
        let p90 = Duration::from_millis(157);
        assert_eq!(usual.hedge_after(Source::Peer), p90 * HEDGE_FACTOR);
        assert_eq!(usual.stall_after(Source::Peer, 0), STALL_AFTER_MIN);
        let usual = seen(Source::Peer, (100..164).map(|ms| 5 * ms));
        assert_eq!(usual.hedge_after(Source::Peer), HEDGE_AFTER_MAX, "nobody waits longer unnoticed");
        assert_eq!(usual.late_after(Source::Peer), 5 * p90 * HEDGE_FACTOR, "but all are slow");
        assert_eq!(usual.stall_after(Source::Peer, 0).as_millis(), 4 * 5 * 160);
    }

    #[test]
    fn where_everything_is_quick_a_moment_is_not_late() {
        let usual = seen(Source::Peer, std::iter::repeat_n(1, 64));
        assert_eq!(usual.hedge_after(Source::Peer), HEDGE_AFTER_MIN);
    }

    #[test]
    fn seeds_and_peers_are_measured_apart() {
        let mut usual = seen(Source::Seed, std::iter::repeat_n(900, 64));
        (0..64).for_each(|_| usual.note(Source::Peer, Duration::from_millis(20)));
        assert_eq!(millis(&usual, Source::Seed), (1000, 3600));
        assert_eq!(millis(&usual, Source::Peer).1, 1000);
    }

    #[test]
    fn what_is_usual_changes_with_the_latest() {
        let mut usual = seen(Source::Peer, std::iter::repeat_n(600, 200));
        assert_eq!(usual.stall_after(Source::Peer, 0).as_millis(), 2400);
        (0..USUAL_SAMPLES).for_each(|_| usual.note(Source::Peer, Duration::from_millis(10)));
        assert_eq!(usual.stall_after(Source::Peer, 0), STALL_AFTER_MIN);
        assert!(usual.peers.took.len() <= USUAL_SAMPLES);
    }

    #[test]
    fn each_stall_doubles_the_patience_up_to_the_timeout() {
        let usual = seen(Source::Peer, std::iter::repeat_n(1, 64));
        let after = |stalls| usual.stall_after(Source::Peer, stalls).as_secs();
        assert_eq!([0, 1, 2, 3, 4, u32::MAX].map(after), [1, 2, 4, 8, 10, 10]);
    }
    #[test]
    fn a_gap_begins_the_flow_anew() {
        let (mut flow, at) = (Flow::default(), |ms: u64| Instant::from_micros(ms * 1000));
        [2000, 2400, 2900].into_iter().for_each(|ms| flow.note(at(ms)));
        assert_eq!((flow.from(), flow.flows(at(3400)), flow.flows(at(3401))), (at(2000), true, false));
        flow.note(at(3401));
        assert_eq!(flow.from(), at(3401));
    }
}
