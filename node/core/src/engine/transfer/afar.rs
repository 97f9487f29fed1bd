//! How much a node asks of far members beyond what is its to bring over the links between zones: little where these are
//! full, and more where they are free, so that nobody near can keep it waiting for long, whatever he says that he has.
//!
//! One chunk is asked for now and then. As long as such chunks come soon, nothing waits on the way, and one more may be under
//! way at a time; as soon as they take long, half as many.

use super::limits::{FAR_LONE_MAX, FAR_PROBE_EVERY, FAR_SOON};
use crate::Instant;
use crate::engine::FetchId;
use core::time::Duration;
use std::collections::BTreeMap;

/// See the module.
#[derive(Debug)]
pub(super) struct Afar {
    /** so many at a time */
    most: usize,
    /** what is under way so, and when it was asked for */
    under_way: BTreeMap<FetchId, Instant>,
    /** when the last was asked for */
    asked: Option<Instant>,
}

impl Afar {
    /// Nothing is known of the way.
    pub(super) const fn new() -> Self {
        Self { most: 1, under_way: BTreeMap::new(), asked: None }
    }

    /// Forgets what is under way no more, and does not wait for what takes very long: the way is not free, or somebody silent.
    pub(super) fn look(&mut self, now: Instant, is_under_way: impl Fn(&FetchId) -> bool) {
        self.under_way.retain(|fetch, _| is_under_way(fetch));
        let is_overdue = |asked: &Instant| now.since(*asked) >= FAR_PROBE_EVERY;
        let overdue = self.under_way.extract_if(.., |_, asked| is_overdue(asked)).count();
        for _ in 0..overdue {
            self.note_way(false);
        }
    }

    /// Whether nothing is under way so.
    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Whether one more may be.
    pub(super) fn may_ask(&self, now: Instant) -> bool {
        self.under_way.len() < self.most && (self.most > 1 || self.may_probe(now))
    }

    /// Whether it is time to see how the way is.
    pub(super) fn may_probe(&self, now: Instant) -> bool {
        self.under_way.is_empty() && self.asked.is_none_or(|asked| now.since(asked) >= FAR_PROBE_EVERY)
    }

    /// One was asked for.
    pub(super) fn note_asked(&mut self, now: Instant, fetch: FetchId) {
        self.under_way.insert(fetch, now);
        self.asked = Some(now);
    }

    /// A chunk came; of those that were asked for so it tells how the way is.
    pub(super) fn note_arrived(&mut self, fetch: FetchId, took: Duration) {
        if self.under_way.remove(&fetch).is_some() {
            self.note_way(took <= FAR_SOON);
        }
    }

    fn note_way(&mut self, is_free: bool) {
        self.most = if is_free { self.most + 1 } else { self.most / 2 }.clamp(1, FAR_LONE_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    #[test]
    fn more_is_asked_for_as_long_as_it_comes_soon_and_less_when_it_does_not() {
        let mut afar = Afar::new();
        assert!(afar.may_ask(at(0)));
        afar.note_asked(at(0), FetchId(1));
        assert!(!afar.may_ask(at(9_000)), "one is under way");
        afar.note_arrived(FetchId(1), FAR_SOON);
        assert!(afar.may_ask(at(1)), "at once");
        for n in 2..100 {
            afar.note_asked(at(n), FetchId(n));
            afar.note_arrived(FetchId(n), FAR_SOON);
        }
        assert_eq!(afar.most, FAR_LONE_MAX);
        for n in 100..110 {
            afar.note_asked(at(n), FetchId(n));
            afar.note_arrived(FetchId(n), FAR_SOON * 2);
        }
        assert_eq!(afar.most, 1);
        let probe = at(109).after(FAR_PROBE_EVERY);
        assert!(!afar.may_ask(at(110)) && afar.may_ask(probe), "now and then");
    }

    #[test]
    fn what_takes_very_long_is_late_and_not_waited_for() {
        let mut afar = Afar::new();
        for n in 0..8 {
            afar.note_asked(at(0), FetchId(n));
            afar.note_arrived(FetchId(n), FAR_SOON);
        }
        assert_eq!(afar.most, 9);
        (10..12).for_each(|n| afar.note_asked(at(0), FetchId(n)));
        afar.look(Instant::ZERO.after(FAR_PROBE_EVERY), |_| true);
        assert_eq!((afar.most, afar.is_empty()), (2, true));
    }

    #[test]
    fn what_was_not_asked_for_so_tells_nothing_and_what_is_gone_holds_up_nothing() {
        let mut afar = Afar::new();
        afar.note_arrived(FetchId(7), FAR_SOON);
        assert_eq!(afar.most, 1);
        afar.note_asked(at(0), FetchId(1));
        afar.look(at(1), |_| false);
        assert!(afar.is_empty() && afar.may_ask(at(1_000)));
    }
}
