//! The figures, and how they are computed. All in whole numbers; ratios have three decimals.

use crate::content::Content;
use crate::scenario::{Behaviour, Group, Scenario};
use crate::tally::Tally;
use core::fmt;
use serde::Serialize;
use std::collections::BTreeMap;

const SECOND_US: u64 = 1_000_000;

/// The fluid lower bound. Where each honest node lacks `S_n` bytes, all bytes that anybody lacks are `S`, seeds' uplinks
/// `u_seed`, and uplinks and downlinks of nodes `u` and `d`, each with the slowest of its kind:
/// `T >= max(S/sum(u_seed), max(S_n/d), sum(S_n)/(sum(u_seed) + sum(u)))`. Trees' chunks count too. It counts from the moment
/// when the last has booted, if all do at once, and knows of no zones, so that what takes long for other reasons is above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bound {
    /// All bytes that anybody lacks.
    pub copy_bytes: u64,
    /// They leave the seeds once.
    pub seed_us: u64,
    /// All bytes of a node enter it; of the node for which that takes longest.
    pub down_us: u64,
    /// All bytes of all nodes leave somebody.
    pub crowd_us: u64,
    /// The largest.
    pub total_us: u64,
}

impl Bound {
    pub(crate) fn new(scenario: &Scenario, content: &Content) -> Self {
        let lacked = |group: &Group| -> u64 { lacked_by(group, scenario, content).values().sum() };
        let honest = || scenario.groups.iter().filter(|group| group.behaviour == Behaviour::Honest);
        let all: BTreeMap<usize, u64> =
            scenario.groups.iter().flat_map(|group| lacked_by(group, scenario, content)).collect();
        let copy_bytes = all.values().sum();
        let seeds = scenario.seeds.up.0.saturating_mul(u64::from(scenario.seeds.count));
        let ups = scenario.groups.iter().map(|group| group.up.0.saturating_mul(u64::from(group.count)));
        let up = ups.fold(seeds, u64::saturating_add);
        let wanted = honest().map(|group| lacked(group).saturating_mul(u64::from(group.count)));
        let seed_us = time_us(if is_only_at_seeds(scenario) { copy_bytes } else { 0 }, seeds);
        let down_us = honest().map(|group| time_us(lacked(group), group.down.0)).max().unwrap_or_default();
        let crowd_us = time_us(wanted.fold(0, u64::saturating_add), up);
        Self { copy_bytes, seed_us, down_us, crowd_us, total_us: seed_us.max(down_us).max(crowd_us) }
    }

    /// The same for the nodes of one group: others may have slower downlinks.
    pub(crate) fn of_group(self, group: &Group, scenario: &Scenario, content: &Content) -> u64 {
        let lacked = lacked_by(group, scenario, content).values().sum();
        time_us(lacked, group.down.0).max(self.seed_us).max(self.crowd_us)
    }
}

/// The caches that a group's nodes lack when it begins, and their bytes.
fn lacked_by(group: &Group, scenario: &Scenario, content: &Content) -> BTreeMap<usize, u64> {
    let lacks = group.restores.iter().filter(|name| !group.holds.contains(name));
    let first = |name: &String| {
        let (cache, _) = scenario.cache(name)?;
        content.version_of(cache, 1).map(|version| (cache, content.version(version).bytes))
    };
    lacks.filter_map(first).collect()
}

/// Whether nobody but seeds has anything when it begins.
fn is_only_at_seeds(scenario: &Scenario) -> bool {
    scenario.groups.iter().all(|group| group.holds.is_empty())
}

/// A restore that completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// From the crowd's beginning.
    pub(crate) at_us: u64,
    /// From its node's own boot.
    pub(crate) took_us: u64,
    /// The least that it could take.
    pub(crate) bound_us: u64,
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
    /// Half of the nodes took no longer than so many times the bound of their own group.
    pub p50_ratio: f64,
    /// The same of 99 %.
    pub p99_ratio: f64,
    /// The same of the slowest.
    pub max_ratio: f64,
}

impl Completion {
    /// Of each that ended.
    pub(crate) fn new(ends: &[Ended]) -> Option<Self> {
        let makespan_us = ends.iter().map(|end| end.at_us).max()?;
        let bound_us = ends.iter().map(|end| end.bound_us).max()?;
        let mut took: Vec<u64> = ends.iter().map(|end| end.took_us).collect();
        took.sort_unstable();
        let mut ratios: Vec<f64> = ends.iter().map(|end| ratio(end.took_us, end.bound_us)).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let (p50_us, p99_us, max_us) = (percentile(&took, 50), percentile(&took, 99), percentile(&took, 100));
        Some(Self {
            completed: u32::try_from(ends.len()).unwrap_or(u32::MAX),
            makespan_us,
            p50_us,
            p99_us,
            max_us,
            makespan_ratio: ratio(makespan_us, bound_us),
            p50_ratio: percentile(&ratios, 50),
            p99_ratio: percentile(&ratios, 99),
            max_ratio: percentile(&ratios, 100),
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
    /// What arrived of them, with what came too late.
    pub arrived_bytes: u64,
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
    pub(crate) fn new(sum: &Tally, seed: u64, copy_bytes: u64, (nodes, elapsed_us): (u64, u64)) -> Self {
        let arrived = sum.frame_bytes.saturating_add(sum.late_bytes);
        let node_us = elapsed_us.saturating_mul(nodes);
        Self {
            copy_bytes,
            transfers: sum.frames,
            arrived_bytes: arrived,
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

/// What went from one zone to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Crossing {
    /// From where.
    pub from: String,
    /// And where to.
    pub to: String,
    /// In whole frames.
    pub bytes: u64,
    /// The same in copies of the cache.
    pub copies: f64,
}

impl Crossing {
    pub(crate) fn new(from: &str, to: &str, bytes: u64, copy_bytes: u64) -> Self {
        Self { from: from.to_owned(), to: to.to_owned(), bytes, copies: ratio(bytes, copy_bytes) }
    }
}

/// The least time in which so many bytes pass at this rate, rounded down.
pub(crate) fn time_us(bytes: u64, rate: u64) -> u64 {
    let micros = u128::from(bytes) * u128::from(SECOND_US) / u128::from(rate.max(1));
    u64::try_from(micros).unwrap_or(u64::MAX)
}

/// What 0, 1, 2, … 100 % of the jobs did not exceed, each counted from its own boot; nothing of none.
pub(crate) fn percentiles(ends: &[Ended]) -> Vec<u64> {
    let mut took: Vec<u64> = ends.iter().map(|end| end.took_us).collect();
    took.sort_unstable();
    if took.is_empty() {
        Vec::new()
    } else {
        (0..=100).map(|hundredths| percentile(&took, hundredths)).collect()
    }
}

/// The value that so many of a hundred are not above; of sorted values.
fn percentile<T: Copy + Default>(sorted: &[T], hundredths: usize) -> T {
    let rank = (sorted.len() * hundredths).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// To four decimals; 0 of nothing.
pub(super) fn ratio(part: impl Into<u128>, whole: impl Into<u128>) -> f64 {
    const STEPS: u32 = 10_000;
    let steps = part.into().saturating_mul(u128::from(STEPS)) / whole.into().max(1);
    let whole_part = u32::try_from(steps / u128::from(STEPS)).unwrap_or(u32::MAX);
    let decimals = u32::try_from(steps % u128::from(STEPS)).unwrap_or_default();
    f64::from(whole_part) + f64::from(decimals) / f64::from(STEPS)
}

pub(super) fn per_second(count: u64, micros: u64) -> u64 {
    let each = u128::from(count) * u128::from(SECOND_US) / u128::from(micros.max(1));
    u64::try_from(each).unwrap_or(u64::MAX)
}

/// As near as a number with a point can be.
pub(super) fn float(number: u64) -> f64 {
    let half = |bits: u64| f64::from(u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX));
    half(number >> 32).mul_add(4_294_967_296.0, half(number))
}

/// Microseconds, shown in seconds.
pub(crate) struct Seconds(pub(crate) u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.saturating_add(500) / 1_000;
        write!(f, "{}.{:03} s", millis / 1_000, millis % 1_000)
    }
}

/// Bytes, beside a unit in which people think.
pub(super) struct Bytes(pub(super) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: u64 = 1 << 20;
        const GIB: u64 = 1 << 30;
        let (unit, name) = if self.0 < GIB { (MIB, "MiB") } else { (GIB, "GiB") };
        write!(f, "{:.2} {name} ({} bytes)", float(self.0) / float(unit), self.0)
    }
}

/// So many of something, with an s but of one.
pub(super) fn counted(count: impl Into<u64>, what: &str) -> String {
    let count = count.into();
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A part, shown in hundredths.
pub(super) struct Percent(pub(super) f64);

impl Percent {
    pub(super) fn of(part: u64, whole: u64) -> Self {
        Self(ratio(part, whole))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} %", self.0 * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{CacheSpec, Seeds};
    use crate::units::{ByteSize, Rate};

    fn bound(count: u32, up: u64, down: u64, seed_up: u64) -> Bound {
        let group = Group { count, up: Rate(up), down: Rate(down), ..Group::default() };
        let seeds = Seeds { up: Rate(seed_up), ..Seeds::default() };
        let cache = CacheSpec { size: ByteSize(100_000), ..CacheSpec::default() };
        let scenario = Scenario { groups: vec![group], seeds, caches: vec![cache], ..Scenario::default() };
        Bound::new(&scenario, &Content::new(&scenario))
    }

    #[test]
    fn the_bound_is_the_largest_of_three() {
        let one = bound(10, 100, 1_000, 50);
        let bytes = one.copy_bytes;
        assert!((100_000..100_400).contains(&bytes), "with its tree");
        assert_eq!((one.seed_us, one.down_us), (bytes * 20_000, bytes * 1_000));
        assert_eq!((one.crowd_us, one.total_us), (bytes * 10_000_000 / 1_050, one.seed_us));
        assert_eq!(bound(10, 100, 10, 500).total_us, bytes * 100_000);
        let crowd = bound(10, 10, 1_000, 500);
        assert_eq!(crowd.total_us, crowd.crowd_us);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<u64> = (1..=200).collect();
        assert_eq!([50, 99, 100].map(|p| percentile(&values, p)), [100, 198, 200]);
        assert_eq!([50, 99].map(|p| percentile(&[7], p)), [7, 7]);
        assert_eq!(percentile::<u64>(&[], 50), 0);
    }

    #[test]
    fn bytes_are_told_in_a_unit_beside_their_number() {
        let told = [0, 1_500_000, (3 << 30) / 2].map(|bytes| Bytes(bytes).to_string());
        assert_eq!(told, ["0.00 MiB (0 bytes)", "1.43 MiB (1500000 bytes)", "1.50 GiB (1610612736 bytes)"]);
        assert_eq!([0, 1, 2].map(|count: u64| counted(count, "job")), ["0 jobs", "1 job", "2 jobs"]);
    }

    #[test]
    fn ratios_have_four_decimals() {
        assert_eq!(ratio(3_u64, 2_u64), 1.5);
        assert_eq!(ratio(1_u32, 3_u64), 0.3333);
        assert_eq!(ratio(5_u64, 0_u64), 5.0);
        assert_eq!(float(3 << 32 | 5), 12_884_901_893.0);
        assert_eq!(ratio(u64::MAX, 1_u64), f64::from(u32::MAX) + 0.0);
    }

    #[test]
    fn completion_counts_from_two_beginnings() {
        let ended = |(at_us, took_us)| Ended { at_us, took_us, bound_us: 20 };
        let ends = [(30, 10), (20, 20), (40, 5)].map(ended);
        let completion = Completion::new(&ends).unwrap();
        assert_eq!((completion.makespan_us, completion.p50_us, completion.max_us), (40, 10, 20));
        assert_eq!((completion.makespan_ratio, completion.p50_ratio), (2.0, 0.5));
        assert_eq!(Completion::new(&[]), None);
        let percentiles = percentiles(&ends);
        assert_eq!([0, 33, 34, 100].map(|place| percentiles[place]), [5, 5, 10, 20]);
    }

    #[test]
    fn each_restore_is_held_against_its_own_bound() {
        let quick = Ended { at_us: 30, took_us: 30, bound_us: 20 };
        let slow = Ended { at_us: 440, took_us: 440, bound_us: 400 };
        let completion = Completion::new(&[quick, quick, slow]).unwrap();
        let ratios = (completion.p50_ratio, completion.max_ratio, completion.makespan_ratio);
        assert_eq!(ratios, (1.5, 1.5, 1.1), "the slow one's links are slow");
    }
}
