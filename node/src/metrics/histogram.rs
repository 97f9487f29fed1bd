//! How long things took.

use std::time::Duration;

/// Upper bounds in seconds: from an answer that is at hand to the deadline of a restore.
pub(super) const BOUNDS: [f64; 12] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0];

/// Counts of durations, by the first bound that each is not above.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram {
    counts: [u64; BOUNDS.len()],
    above: u64,
    sum: Duration,
}

impl Histogram {
    /// One more.
    pub(super) fn observe(&mut self, duration: Duration) {
        self.sum = self.sum.saturating_add(duration);
        let seconds = duration.as_secs_f64();
        let place = self.counts.iter_mut().zip(BOUNDS).find(|(_, bound)| seconds <= *bound);
        let count = place.map_or(&mut self.above, |(count, _)| count);
        *count = count.saturating_add(1);
    }

    /// Seconds of all together.
    pub(super) const fn sum(&self) -> f64 {
        self.sum.as_secs_f64()
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.counts.iter().fold(self.above, |total, count| total.saturating_add(*count))
    }

    /// How many lay in each bucket, by its upper bound; what lay above all is in none.
    pub(super) fn buckets(&self) -> Vec<(f64, u64)> {
        BOUNDS.into_iter().zip(self.counts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_lies_in_one_bucket() {
        let mut histogram = Histogram::default();
        for millis in [0, 5, 6, 120_000, 120_001] {
            histogram.observe(Duration::from_millis(millis));
        }
        let counts: Vec<u64> = histogram.buckets().iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(histogram.count(), 5);
        assert!((histogram.sum() - 240.012).abs() < 1e-9);
    }

    #[test]
    fn bounds_grow() {
        assert!(BOUNDS.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
