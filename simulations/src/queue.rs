//! What is to happen, in order of time; of one moment, in the order in which it was asked for.

use core::cmp::Ordering;
use pollux_core::Instant;
use std::collections::BinaryHeap;

/// Events in order of (time, sequence): the order never depends on anything else.
#[derive(Debug)]
pub(crate) struct Queue<E> {
    heap: BinaryHeap<Entry<E>>,
    sequence: u64,
    now: Instant,
}

#[derive(Debug)]
struct Entry<E> {
    at: Instant,
    sequence: u64,
    event: E,
}

impl<E> Queue<E> {
    pub(crate) const fn new() -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0, now: Instant::ZERO }
    }

    /// The time of the last event that was taken.
    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    /// Adds an event; one for the past happens now.
    pub(crate) fn push(&mut self, at: Instant, event: E) {
        let (at, sequence) = (at.max(self.now), self.sequence);
        self.sequence += 1;
        self.heap.push(Entry { at, sequence, event });
    }

    /// When the next event is.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// Takes the next event; its time becomes now.
    pub(crate) fn pop(&mut self) -> Option<E> {
        let entry = self.heap.pop()?;
        self.now = entry.at;
        Some(entry.event)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    /// The earliest is the greatest, because the heap gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn events_of_one_moment_keep_their_order() {
        let mut queue = Queue::new();
        let at = Instant::from_micros;
        for (time, event) in [(5, "c"), (1, "a"), (5, "d"), (3, "b")] {
            queue.push(at(time), event);
        }
        assert_eq!(queue.next_at(), Some(at(1)));
        let taken: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(taken, ["a", "b", "c", "d"]);
        assert_eq!(queue.now(), at(5));
    }

    #[test]
    fn time_does_not_go_back() {
        let mut queue = Queue::new();
        queue.push(Instant::from_micros(9), 1);
        queue.pop();
        queue.push(Instant::from_micros(2), 2);
        assert_eq!(queue.next_at(), Some(Instant::from_micros(9)));
    }

    proptest! {
        #[test]
        fn it_sorts_and_is_stable(times in proptest::collection::vec(0..20u64, 0..60)) {
            let mut queue = Queue::new();
            let mut expected: Vec<(u64, usize)> = times.iter().copied().zip(0..).collect();
            for (time, event) in &expected {
                queue.push(Instant::from_micros(*time), (*time, *event));
            }
            expected.sort();
            let taken: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
            prop_assert_eq!(taken, expected);
        }
    }
}
