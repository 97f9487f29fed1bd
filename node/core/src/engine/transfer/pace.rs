//! How much one requester takes, beside the others.
//!
//! While several wait, each may have an even part of what is given; how much that is in a second nobody has to know, for it
//! is measured by what is given. A bucket for each requester holds what it may take ahead of that part: it empties by what it
//! is given, and fills by its part of whatever anybody is given. Who is alone gets all of it, so its bucket stays full.

use super::limits::{ASKS_IN_ALL, ASKS_LEAST, PACE_BYTES};
use crate::limits::ASKS_PER_PEER_MAX;

/// One requester's bucket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /** bytes taken of the bucket */
    ahead: u64,
    /** as of this much of an even part */
    seen: u64,
}

impl Pace {
    fn ahead(self, even: u64) -> u64 {
        self.ahead.saturating_sub(even.saturating_sub(self.seen))
    }

    /// It is given so much.
    pub(super) fn take(&mut self, even: u64, bytes: u32) {
        *self = Self { ahead: self.ahead(even).saturating_add(u64::from(bytes)), seen: even };
    }

    /// Whether its bucket is empty.
    pub(super) fn is_spent(self, even: u64) -> bool {
        self.ahead(even) >= PACE_BYTES
    }
}

/// How many chunks one of so many requesters may have waiting: an even part of the queue.
pub(super) fn places(requesters: usize) -> usize {
    (ASKS_IN_ALL / requesters.max(1)).clamp(ASKS_LEAST, ASKS_PER_PEER_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_even_part_of_the_queue_is_enough_for_a_request_or_a_few() {
        let at = [0, 1, 64, 65, 200, 1000, 20_000].map(places);
        assert_eq!(at, [ASKS_PER_PEER_MAX, ASKS_PER_PEER_MAX, 32, 31, 10, 2, 2]);
    }

    #[test]
    fn a_newcomer_has_a_full_bucket_and_no_more() {
        let (mut pace, even, part) = (Pace::default(), 1 << 40, u32::try_from(PACE_BYTES / 2).unwrap());
        pace.take(even, part);
        assert!(!pace.is_spent(even));
        pace.take(even, part);
        assert!(pace.is_spent(even) && !pace.is_spent(even + 1), "it fills as others are given something");
    }

    proptest! {
        #[test]
        fn who_takes_its_part_is_never_held_up(others in 0_u32..50, bytes in 1_u32..1_000_000, rounds in 1_usize..500) {
            let (mut pace, mut even) = (Pace::default(), 0);
            for _ in 0..rounds {
                for turn in 0..=others {
                    if turn == 0 {
                        pace.take(even, bytes);
                    }
                    even += u64::from(bytes / (others + 1));
                }
                // What rounding loses is a byte for each time that something is given.
                prop_assert!(pace.ahead(even) <= u64::from(bytes) + u64::try_from(rounds).unwrap() * u64::from(others + 1));
            }
        }
    }
}
