//! What is plotted over time.

use super::numbers::ratio;
use serde::Serialize;

/// State at one moment; bytes and capacities count from the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) local_bytes: u64,
    pub(crate) peer_bytes: u64,
    pub(crate) seed_bytes: u64,
    pub(crate) duplicate_bytes: u64,
    pub(crate) late_bytes: u64,
    pub(crate) junk_bytes: u64,
    /// What left nodes of groups, and what could have left them while they were there.
    pub(crate) given: Use,
    /// What arrived at them.
    pub(crate) taken: Use,
    /// What left seeds.
    pub(crate) seed_given: Use,
    pub(crate) active_nodes: u32,
    pub(crate) active_seeds: u32,
    pub(crate) completed: u32,
    pub(crate) violations: u64,
}

/// What passed some links, and what could have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) bytes: u64,
    /// In millionths of a byte.
    pub(crate) capacity: u128,
}

impl Use {
    /// The part that was used since.
    fn since(&self, before: &Self) -> f64 {
        let bytes = u128::from(self.bytes.saturating_sub(before.bytes)) * 1_000_000;
        let capacity = self.capacity.saturating_sub(before.capacity);
        if capacity == 0 { 0.0 } else { ratio(bytes.min(capacity), capacity) }
    }
}

/// See the module: columns of one length. Bytes and counts are those since the beginning, shares those since the time
/// before. Times are as far apart from each other, but the last.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Series {
    /// Virtual time since the beginning.
    pub at_us: Vec<u64>,
    /// What jobs got from their own node's store.
    pub local_bytes: Vec<u64>,
    /// What jobs got from peers.
    pub peer_bytes: Vec<u64>,
    /// What jobs got from seeds.
    pub seed_bytes: Vec<u64>,
    /// What left seeds.
    pub seed_given_bytes: Vec<u64>,
    /// What nodes fetched more than once.
    pub duplicate_bytes: Vec<u64>,
    /// What arrived after it was given up.
    pub late_bytes: Vec<u64>,
    /// What was not what was asked for.
    pub junk_bytes: Vec<u64>,
    /// The part of the uplinks of the groups' nodes that was used, of those that were there.
    pub uplink_share: Vec<f64>,
    /// The same of their downlinks.
    pub downlink_share: Vec<f64>,
    /// The same of seeds' uplinks.
    pub seed_uplink_share: Vec<f64>,
    /// Nodes of groups that are there.
    pub active_nodes: Vec<u32>,
    /// Seeds that are there.
    pub active_seeds: Vec<u32>,
    /// Restores of honest nodes that have completed.
    pub completed: Vec<u32>,
    /// Violations: promises that were broken.
    pub violations: Vec<u64>,
    /// What happened from outside.
    pub marks: Vec<Mark>,
}

/// Something that happened from outside, as the scenario says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// When, since the beginning.
    pub at_us: u64,
    /// What, in a few words.
    pub what: String,
}

impl Series {
    /// Of samples with their times, in order.
    pub(crate) fn new<'a>(samples: impl Iterator<Item = (u64, &'a Sample)>, marks: Vec<Mark>) -> Self {
        let mut series = Self { marks, ..Self::default() };
        let mut before = Sample::default();
        for (at_us, sample) in samples {
            series.at_us.push(at_us);
            series.add_bytes(sample);
            series.uplink_share.push(sample.given.since(&before.given));
            series.downlink_share.push(sample.taken.since(&before.taken));
            series.seed_uplink_share.push(sample.seed_given.since(&before.seed_given));
            series.active_nodes.push(sample.active_nodes);
            series.active_seeds.push(sample.active_seeds);
            series.completed.push(sample.completed);
            series.violations.push(sample.violations);
            before = *sample;
        }
        series
    }

    fn add_bytes(&mut self, sample: &Sample) {
        self.local_bytes.push(sample.local_bytes);
        self.peer_bytes.push(sample.peer_bytes);
        self.seed_bytes.push(sample.seed_bytes);
        self.seed_given_bytes.push(sample.seed_given.bytes);
        self.duplicate_bytes.push(sample.duplicate_bytes);
        self.late_bytes.push(sample.late_bytes);
        self.junk_bytes.push(sample.junk_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(bytes: u64, capacity: u128) -> Sample {
        let given = Use { bytes, capacity: capacity * 1_000_000 };
        Sample { peer_bytes: bytes, given, ..Sample::default() }
    }

    #[test]
    fn shares_are_those_since_the_time_before() {
        let samples =
            [(0, sample(0, 0)), (10, sample(50, 100)), (20, sample(60, 200)), (30, sample(400, 300))];
        let series = Series::new(samples.iter().map(|(at, sample)| (*at, sample)), Vec::new());
        assert_eq!(series.at_us, [0, 10, 20, 30]);
        assert_eq!(series.peer_bytes, [0, 50, 60, 400]);
        assert_eq!(
            series.uplink_share,
            [0.0, 0.5, 0.1, 1.0],
            "a frame counts when it has left, so that more may seem"
        );
    }
}
