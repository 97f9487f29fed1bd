//! The figures, and how they are computed. All in whole numbers; ratios have three decimals.

use crate::scenario::Scenario;
use crate::tally::Tally;
use serde::Serialize;

const SECOND_US: u64 = 1_000_000;

/// The fluid lower bound: with S bytes, N nodes, the seed's uplink u_seed, uplinks u and downlinks d,
/// `T >= max(S/u_seed, S/d, N*S/(u_seed + sum of u))`. S counts the tree's chunks too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bound {
    /// All bytes leave the seed once.
    pub seed_us: u64,
    /// All bytes enter each node.
    pub down_us: u64,
    /// All bytes for all nodes leave somebody.
    pub crowd_us: u64,
    /// The largest.
    pub total_us: u64,
}

impl Bound {
    pub(crate) fn new(scenario: &Scenario, bytes: u64) -> Self {
        let nodes = u64::from(scenario.nodes);
        let seed_us = time_us(bytes, scenario.seed_up.0);
        let down_us = time_us(bytes, scenario.down.0);
        let up = scenario.up.0.saturating_mul(nodes).saturating_add(scenario.seed_up.0);
        let crowd_us = time_us(bytes.saturating_mul(nodes), up);
        Self { seed_us, down_us, crowd_us, total_us: seed_us.max(down_us).max(crowd_us) }
    }
}

/// How long the crowd took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Completion {
    /// Nodes that completed; the figures are theirs.
    pub completed: u32,
    /// From the crowd's beginning to the last completion.
    pub makespan_us: u64,
    /// Half of the nodes took no longer, each counted from its own boot.
    pub p50_us: u64,
    /// 99 % of them took no longer.
    pub p99_us: u64,
    /// The slowest.
    pub max_us: u64,
    /// The makespan over the bound.
    pub makespan_ratio: f64,
    /// The same of a half.
    pub p50_ratio: f64,
    /// The same of 99 %.
    pub p99_ratio: f64,
}

impl Completion {
    /// Of each node's end, counted from the crowd's beginning and from its own boot.
    pub(crate) fn new(ends: &[(u64, u64)], bound_us: u64) -> Option<Self> {
        let makespan_us = ends.iter().map(|(end, _)| *end).max()?;
        let mut took: Vec<u64> = ends.iter().map(|(_, took)| *took).collect();
        took.sort_unstable();
        let (p50_us, p99_us, max_us) = (percentile(&took, 50), percentile(&took, 99), percentile(&took, 100));
        Some(Self {
            completed: u32::try_from(ends.len()).unwrap_or(u32::MAX),
            makespan_us,
            p50_us,
            p99_us,
            max_us,
            makespan_ratio: ratio(makespan_us, bound_us),
            p50_ratio: ratio(p50_us, bound_us),
            p99_ratio: ratio(p99_us, bound_us),
        })
    }
}

/// What the crowd and the seed sent, from the crowd's beginning to its end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Traffic {
    /// One copy of the cache.
    pub copy_bytes: u64,
    /// Chunk transfers that arrived.
    pub transfers: u64,
    /// What left the seed.
    pub seed_given_bytes: u64,
    /// The same in copies.
    pub seed_copies: f64,
    /// What jobs got from their own node's store.
    pub local_bytes: u64,
    /// What jobs got from peers.
    pub peer_bytes: u64,
    /// What jobs got from the seed.
    pub seed_bytes: u64,
    /// What nodes fetched more than once.
    pub duplicate_bytes: u64,
    /// What arrived after it was given up.
    pub late_bytes: u64,
    /// What was not what was asked for.
    pub junk_bytes: u64,
    /// Duplicates and what came late, over what arrived.
    pub waste_share: f64,
    /// Control messages.
    pub messages: u64,
    /// Their bytes.
    pub message_bytes: u64,
    /// The same over the bytes of chunks that arrived.
    pub message_share: f64,
    /// Control messages that each node sent each second.
    pub messages_per_node_second: f64,
}

impl Traffic {
    pub(crate) fn new(sum: &Tally, seed: u64, copy_bytes: u64, (nodes, elapsed_us): (u32, u64)) -> Self {
        let arrived = sum.frame_bytes.saturating_add(sum.late_bytes);
        let node_us = elapsed_us.saturating_mul(u64::from(nodes));
        Self {
            copy_bytes,
            transfers: sum.frames,
            seed_given_bytes: seed,
            seed_copies: ratio(seed, copy_bytes),
            local_bytes: sum.local_bytes,
            peer_bytes: sum.peer_bytes,
            seed_bytes: sum.seed_bytes,
            duplicate_bytes: sum.duplicate_bytes,
            late_bytes: sum.late_bytes,
            junk_bytes: sum.junk_bytes,
            waste_share: ratio(sum.duplicate_bytes.saturating_add(sum.late_bytes), arrived),
            messages: sum.messages,
            message_bytes: sum.message_bytes,
            message_share: ratio(sum.message_bytes, arrived),
            messages_per_node_second: ratio(sum.messages.saturating_mul(SECOND_US), node_us),
        }
    }
}

/// The least time in which so many bytes pass at this rate, rounded down.
fn time_us(bytes: u64, rate: u64) -> u64 {
    let micros = u128::from(bytes) * u128::from(SECOND_US) / u128::from(rate.max(1));
    u64::try_from(micros).unwrap_or(u64::MAX)
}

/// The value that so many of a hundred are not above; of sorted values.
fn percentile(sorted: &[u64], hundredths: usize) -> u64 {
    let rank = (sorted.len() * hundredths).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// To four decimals; 0 of nothing.
fn ratio(part: u64, whole: u64) -> f64 {
    const STEPS: u32 = 10_000;
    let steps = u128::from(part) * u128::from(STEPS) / u128::from(whole.max(1));
    let whole_part = u32::try_from(steps / u128::from(STEPS)).unwrap_or(u32::MAX);
    let decimals = u32::try_from(steps % u128::from(STEPS)).unwrap_or_default();
    f64::from(whole_part) + f64::from(decimals) / f64::from(STEPS)
}

pub(super) fn per_second(count: u64, micros: u64) -> u64 {
    let each = u128::from(count) * u128::from(SECOND_US) / u128::from(micros.max(1));
    u64::try_from(each).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Rate;

    #[test]
    fn the_bound_is_the_largest_of_three() {
        let rates = |nodes, up, down, seed_up| Scenario {
            nodes,
            up: Rate(up),
            down: Rate(down),
            seed_up: Rate(seed_up),
            ..Scenario::default()
        };
        let bound = Bound::new(&rates(10, 100, 1_000, 50), 1_000);
        assert_eq!((bound.seed_us, bound.down_us, bound.total_us), (20_000_000, 1_000_000, 20_000_000));
        assert_eq!(bound.crowd_us, 10_000 * 1_000_000 / 1_050);
        assert_eq!(Bound::new(&rates(10, 100, 10, 500), 1_000).total_us, 100_000_000);
        let crowd = Bound::new(&rates(10, 10, 1_000, 500), 1_000);
        assert_eq!(crowd.total_us, crowd.crowd_us);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<u64> = (1..=200).collect();
        assert_eq!([50, 99, 100].map(|p| percentile(&values, p)), [100, 198, 200]);
        assert_eq!([50, 99].map(|p| percentile(&[7], p)), [7, 7]);
        assert_eq!(percentile(&[], 50), 0);
    }

    #[test]
    fn ratios_have_four_decimals() {
        assert_eq!(ratio(3, 2), 1.5);
        assert_eq!(ratio(1, 3), 0.3333);
        assert_eq!(ratio(5, 0), 5.0);
        assert_eq!(ratio(u64::MAX, 1), f64::from(u32::MAX) + 0.0);
    }

    #[test]
    fn completion_counts_from_two_beginnings() {
        let completion = Completion::new(&[(30, 10), (20, 20), (40, 5)], 20).unwrap();
        assert_eq!((completion.makespan_us, completion.p50_us, completion.max_us), (40, 10, 20));
        assert_eq!((completion.makespan_ratio, completion.p50_ratio), (2.0, 0.5));
        assert_eq!(Completion::new(&[], 20), None);
    }
}
