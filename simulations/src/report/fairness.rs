//! How evenly nodes gave.

use super::numbers::ratio;
use serde::Serialize;

/// Points of the curve at most, besides its beginning.
const POINTS_MAX: u64 = 100;
/// Bars of the histogram.
const BARS: u64 = 20;

/// What the nodes of honest groups gave to others, from the beginning to the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Fairness {
    /// Nodes.
    pub nodes: u64,
    /// What all of them gave.
    pub given_bytes: u64,
    /// What the one gave that gave most.
    pub most_bytes: u64,
    /// 0: all gave the same; 1: one gave all.
    pub gini: f64,
    /// Lorenz curve: which part of everything those gave who gave least; of as many nodes from point to point.
    pub lorenz: Vec<f64>,
    /// Nodes by what they gave: bars of one width, from nothing to the most.
    pub histogram: Vec<u32>,
}

impl Fairness {
    pub(crate) fn new(mut given: Vec<u64>) -> Self {
        given.sort_unstable();
        let nodes = u64::try_from(given.len()).unwrap_or(u64::MAX);
        let sums: Vec<u64> = given
            .iter()
            .scan(0_u64, |sum, one| {
                *sum = sum.saturating_add(*one);
                Some(*sum)
            })
            .collect();
        let given_bytes = sums.last().copied().unwrap_or_default();
        Self {
            nodes,
            given_bytes,
            most_bytes: given.last().copied().unwrap_or_default(),
            gini: gini(&sums, nodes),
            lorenz: lorenz(&sums, nodes),
            histogram: histogram(&given),
        }
    }
}

/// From sums of the least, the two least, and so on: twice the area between the curve and equality.
fn gini(sums: &[u64], nodes: u64) -> f64 {
    let Some(&all) = sums.last() else { return 0.0 };
    // Twice the area below the curve, in units of one node and one byte.
    let below: u128 = sums.iter().map(|sum| 2 * u128::from(*sum)).sum::<u128>() - u128::from(all);
    let whole = u128::from(all) * u128::from(nodes);
    ratio(whole - below, whole)
}

fn lorenz(sums: &[u64], nodes: u64) -> Vec<f64> {
    let Some(&all) = sums.last() else { return Vec::new() };
    let points = nodes.min(POINTS_MAX);
    let share = |point: u64| {
        let least = nodes.saturating_mul(point) / points.max(1);
        let place = least.checked_sub(1).and_then(|last| usize::try_from(last).ok());
        ratio(place.and_then(|place| sums.get(place)).copied().unwrap_or_default(), all)
    };
    (0..=points).map(share).collect()
}

fn histogram(sorted: &[u64]) -> Vec<u32> {
    let Some(&most) = sorted.last() else { return Vec::new() };
    let bar = |given: u64| u128::from(given) * u128::from(BARS) / u128::from(most.max(1));
    let bar = |given| bar(given).min(u128::from(BARS - 1));
    let count = |which: u64| sorted.iter().filter(|given| bar(**given) == u128::from(which)).count();
    (0..BARS).map(|which| u32::try_from(count(which)).unwrap_or(u32::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_the_same_is_even_and_one_for_all_is_not() {
        let even = Fairness::new(vec![7; 50]);
        assert_eq!((even.gini, even.lorenz[25], even.lorenz.len()), (0.0, 0.5, 51));
        let one = Fairness::new([vec![0; 99], vec![5]].concat());
        assert_eq!((one.gini, one.lorenz[99], one.lorenz[100]), (0.99, 0.0, 1.0));
        assert_eq!((one.histogram[0], one.histogram[19]), (99, 1));
        assert_eq!(Fairness::new(vec![1, 3]).gini, 0.25);
    }

    #[test]
    fn nobody_and_nothing_are_even() {
        assert_eq!(Fairness::new(Vec::new()), Fairness::default());
        let nothing = Fairness::new(vec![0; 3]);
        assert_eq!((nothing.gini, nothing.histogram[0]), (0.0, 3));
    }

    proptest! {
        #[test]
        fn the_curve_goes_up_below_equality(given in prop::collection::vec(0..u64::from(u32::MAX), 1..300)) {
            let fairness = Fairness::new(given.clone());
            prop_assert!(fairness.lorenz.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!((0.0..1.0).contains(&fairness.gini));
            let counted: u32 = fairness.histogram.iter().sum();
            prop_assert_eq!(usize::try_from(counted).unwrap(), given.len());
        }
    }
}
