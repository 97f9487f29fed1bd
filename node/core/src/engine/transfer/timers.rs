//! What is waited for, by time.

use super::Wanter;
use super::slab::PeerNo;
use crate::Instant;
use crate::engine::FetchId;
use std::collections::BTreeSet;

/// What a moment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A fetch is to be hedged, or has stalled.
    Fetch(FetchId),
    /// A peer's pause is over.
    Peer(PeerNo),
    /// A seed may be asked for another part, or has not said which for long.
    Part(PeerNo),
    /// A proof has had its time.
    Proof(FetchId),
    /// News is to be told.
    News,
    /// Has anything moved for this wanter?
    Wanter(Wanter),
}

/// All timers. Who arms one remembers its time, to disarm it.
#[derive(Debug, Default)]
pub(super) struct Timers {
    armed: BTreeSet<(Instant, Timer)>,
}

impl Timers {
    /// Waits for a moment.
    pub(super) fn arm(&mut self, at: Instant, timer: Timer) {
        self.armed.insert((at, timer));
    }

    /// No longer waits for it.
    pub(super) fn disarm(&mut self, at: Instant, timer: Timer) {
        self.armed.remove(&(at, timer));
    }

    /// Takes the next timer that is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let &first = self.armed.first()?;
        (first.0 <= now).then(|| {
            self.armed.remove(&first);
            first.1
        })
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.armed.first().map(|first| first.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_in_order_of_time() {
        let (mut timers, at) = (Timers::default(), Instant::from_micros);
        timers.arm(at(20), Timer::News);
        timers.arm(at(10), Timer::Fetch(FetchId(1)));
        timers.arm(at(5), Timer::Peer(PeerNo::from(0)));
        timers.disarm(at(5), Timer::Peer(PeerNo::from(0)));
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.take_due(at(9)), None);
        assert_eq!(timers.take_due(at(30)), Some(Timer::Fetch(FetchId(1))));
        assert_eq!(timers.take_due(at(30)), Some(Timer::News));
        assert_eq!((timers.take_due(at(30)), timers.next()), (None, None));
    }
}
