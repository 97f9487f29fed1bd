//! Medians and spread.

use serde::{Deserialize, Serialize};

/// What some figures come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// In the middle; between two, their mean.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Summary {
    /// Of no figures, zeros.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else {
            return Self::default();
        };
        let middle = |index: usize| sorted.get(index).copied().unwrap_or_default();
        let median = f64::midpoint(middle((sorted.len() - 1) / 2), middle(sorted.len() / 2));
        Self { median, least: *least, most: *most }
    }
}

/// A number of bytes as a float: exact up to 2^53, near enough above.
pub fn float(bytes: u64) -> f64 {
    let half = |bits: u64| f64::from(u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX));
    half(bytes >> 32) * 4_294_967_296.0 + half(bytes)
}

/// `a / b`; zero where there is nothing to divide by.
pub fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_care_about_order_or_one_odd_figure() {
        assert_eq!(Summary::of([3.0, 100.0, 1.0]), Summary { median: 3.0, least: 1.0, most: 100.0 });
        assert_eq!(Summary::of([4.0, 1.0, 2.0, 3.0]), Summary { median: 2.5, least: 1.0, most: 4.0 });
        assert_eq!(Summary::of([]), Summary::default());
    }

    #[test]
    fn large_numbers_become_floats() {
        assert!((float(5_000_000_001) - 5_000_000_001.0).abs() < 0.5);
        assert!((ratio(1.0, 0.0)).abs() < f64::EPSILON);
    }
}
