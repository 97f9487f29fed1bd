//! What a run is made of. As TOML it has one field a line, each named as here; what is left out has its default.
//!
//! ```toml
//! nodes = 1000
//! size = "64MiB"
//! seed_up = "4Gbit/s"
//! arrival = "30s"
//! ```

use crate::units::{ByteSize, Rate, Span};
use core::fmt;
use pollux_core::limits::CHUNK_BYTES_MAX;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Nodes of a crowd at most: a seed keeps 20,000 peers, and an engine takes some megabytes.
pub(crate) const NODES_MAX: u32 = 10_000;
/// Bytes of a cache at most: each chunk's bytes are made and hashed once, at a gigabyte a second.
pub(crate) const SIZE_MAX: ByteSize = ByteSize(64 << 30);
/// Bytes of a chunk at least: smaller ones would make a tree that no manifest can name.
pub(crate) const CHUNK_BYTES_LEAST: u64 = 4 << 10;
/// Chunks of a cache at most: half of what a manifest may name.
pub(crate) const CHUNKS_MAX: u64 = 1_000_000;
/// Slowest link: below, a chunk takes minutes.
pub(crate) const RATE_MIN: Rate = Rate(1_000);
/// Fastest link: a terabit.
pub(crate) const RATE_MAX: Rate = Rate(125_000_000_000);
/// Longest way over a link.
pub(crate) const LATENCY_MAX: Span = Span(10_000_000);
/// Longest virtual time: the pool's documents hold for a month.
pub(crate) const TIME_MAX: Span = Span(7 * 24 * 3_600 * 1_000_000);
/// Events that one chunk transfer takes, about: asked, left, arrived, checked, kept, told.
const EVENTS_PER_TRANSFER: u64 = 8;
/// Events that one node takes besides, about: it joins, meets its neighbours, asks.
const EVENTS_PER_NODE: u64 = 2_000;

/// One run. [`Scenario::check`] knows the bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// Nodes of the crowd; the seed and the saver come on top.
    pub nodes: u32,
    /// Plain bytes of the cache; its chunks do not compress.
    pub size: ByteSize,
    /// Plain bytes of each chunk but the last.
    pub chunk_bytes: ByteSize,
    /// A node's uplink, the saver's too.
    pub up: Rate,
    /// A node's downlink.
    pub down: Rate,
    /// The seed's link, each way.
    pub seed_up: Rate,
    /// One way between any two nodes.
    pub latency: Span,
    /// When the crowd's nodes boot.
    pub arrival: Arrival,
    /// How long a job waits for the first answer.
    pub answer_deadline: Patience,
    /// How long a job waits without any chunk.
    pub progress_deadline: Patience,
    /// How long a job waits in all.
    pub total_deadline: Patience,
    /// Virtual time at most; a run that takes longer has failed.
    pub time_max: Span,
    /// Events at most; a run that would take more is not begun.
    pub events_max: u64,
    /// Makes every random choice repeatable.
    pub rng_seed: u64,
}

/// When the crowd's nodes boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// In one moment.
    AllAtOnce,
    /// Each at a random moment of this time.
    Spread(Span),
}

/// How long somebody waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// As long as the run lasts.
    Off,
    /// So long.
    For(Span),
}

/// Why a scenario cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// It is no scenario.
    #[error("{0}")]
    Unreadable(String),
    /// A field is out of its bounds.
    #[error("`{field}` is {value}, and must be from {min} to {max}")]
    OutOfBounds {
        /// As it is named in a file; as a flag, with `-` for `_`.
        field: &'static str,
        /// What it says.
        value: String,
        /// Least.
        min: String,
        /// Most.
        max: String,
    },
    /// It would take too long.
    #[error(
        "{nodes} nodes with {chunks} chunks each would take some {events} events, and `events_max` is {events_max}: \
         take fewer nodes, a smaller cache or larger chunks, or raise it (a million events take some seconds)"
    )]
    TooLarge {
        /// Nodes.
        nodes: u32,
        /// Chunks of the cache.
        chunks: u64,
        /// About what it would take.
        events: u64,
        /// What is allowed.
        events_max: u64,
    },
}

impl Default for Scenario {
    fn default() -> Self {
        let gigabit = Rate(125_000_000);
        Self {
            nodes: 50,
            size: ByteSize(64 << 20),
            chunk_bytes: ByteSize(256 << 10),
            up: gigabit,
            down: gigabit,
            seed_up: gigabit,
            latency: Span(1_000),
            arrival: Arrival::AllAtOnce,
            answer_deadline: Patience::Off,
            progress_deadline: Patience::Off,
            total_deadline: Patience::Off,
            time_max: Span(3_600 * 1_000_000),
            events_max: 500_000_000,
            rng_seed: 1,
        }
    }
}

impl Scenario {
    /// Reads TOML; the bounds are not looked at.
    ///
    /// # Errors
    /// Where it does not parse, or names a field that there is not, with the line.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        toml::from_str(text)
            .map_err(|error| ScenarioError::Unreadable(error.to_string().trim_end().to_owned()))
    }

    /// Whether it can be run.
    ///
    /// # Errors
    /// The first bound that it breaks.
    pub fn check(&self) -> Result<(), ScenarioError> {
        bounded("nodes", self.nodes, 1, NODES_MAX)?;
        bounded("size", self.size, ByteSize(1), SIZE_MAX)?;
        let chunk_bytes_max = ByteSize(u64::from(CHUNK_BYTES_MAX));
        bounded("chunk_bytes", self.chunk_bytes, ByteSize(CHUNK_BYTES_LEAST), chunk_bytes_max)?;
        bounded("size / chunk_bytes", self.chunks(), 1, CHUNKS_MAX)?;
        for (field, rate) in [("up", self.up), ("down", self.down), ("seed_up", self.seed_up)] {
            bounded(field, rate, RATE_MIN, RATE_MAX)?;
        }
        bounded("latency", self.latency, Span(0), LATENCY_MAX)?;
        bounded("time_max", self.time_max, Span(1), TIME_MAX)?;
        self.check_times()?;
        let (chunks, events) = (self.chunks(), self.events());
        if events > self.events_max {
            let (nodes, events_max) = (self.nodes, self.events_max);
            return Err(ScenarioError::TooLarge { nodes, chunks, events, events_max });
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), ScenarioError> {
        if let Arrival::Spread(span) = self.arrival {
            bounded("arrival", span, Span(1), self.time_max)?;
        }
        let waits = [
            ("answer_deadline", self.answer_deadline),
            ("progress_deadline", self.progress_deadline),
            ("total_deadline", self.total_deadline),
        ];
        for (field, patience) in waits {
            if let Patience::For(span) = patience {
                bounded(field, span, Span(1), TIME_MAX)?;
            }
        }
        Ok(())
    }

    /// Chunks of the cache's content.
    #[must_use]
    pub const fn chunks(&self) -> u64 {
        self.size.0.div_ceil(self.chunk_bytes.0)
    }

    /// About what the run will take.
    fn events(&self) -> u64 {
        let each = self.chunks().saturating_mul(EVENTS_PER_TRANSFER).saturating_add(EVENTS_PER_NODE);
        each.saturating_mul(u64::from(self.nodes))
    }

    /// The command that repeats the run.
    #[must_use]
    pub fn command(&self) -> String {
        let fields = [
            ("nodes", self.nodes.to_string()),
            ("size", self.size.to_string()),
            ("chunk-bytes", self.chunk_bytes.to_string()),
            ("up", self.up.to_string()),
            ("down", self.down.to_string()),
            ("seed-up", self.seed_up.to_string()),
            ("latency", self.latency.to_string()),
            ("arrival", self.arrival.to_string()),
            ("answer-deadline", self.answer_deadline.to_string()),
            ("progress-deadline", self.progress_deadline.to_string()),
            ("total-deadline", self.total_deadline.to_string()),
            ("time-max", self.time_max.to_string()),
            ("events-max", self.events_max.to_string()),
            ("rng-seed", self.rng_seed.to_string()),
        ];
        let flags = fields.map(|(name, value)| format!(" --{name} {value}"));
        format!("pollux-sim run{}", flags.concat())
    }
}

fn bounded<T: Copy + PartialOrd + fmt::Display>(
    field: &'static str,
    value: T,
    min: T,
    max: T,
) -> Result<(), ScenarioError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    let [value, min, max] = [value, min, max].map(|one| one.to_string());
    Err(ScenarioError::OutOfBounds { field, value, min, max })
}

impl FromStr for Arrival {
    type Err = crate::units::UnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all-at-once" { Ok(Self::AllAtOnce) } else { text.parse().map(Self::Spread) }
    }
}

impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllAtOnce => f.write_str("all-at-once"),
            Self::Spread(span) => span.fmt(f),
        }
    }
}

impl FromStr for Patience {
    type Err = crate::units::UnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" { Ok(Self::Off) } else { text.parse().map(Self::For) }
    }
}

impl fmt::Display for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::For(span) => span.fmt(f),
        }
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(Arrival);
as_text!(Patience);

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl Fn(&mut Scenario)) -> String {
        let mut scenario = Scenario::default();
        change(&mut scenario);
        scenario.check().expect_err("it is out of bounds").to_string()
    }

    #[test]
    fn a_file_names_what_differs() {
        let scenario = Scenario::from_toml("nodes = 7\nsize = \"1MiB\"\narrival = \"30s\"\n").unwrap();
        let arrival = Arrival::Spread(Span(30_000_000));
        let expected = Scenario { nodes: 7, size: ByteSize(1 << 20), arrival, ..Scenario::default() };
        assert_eq!(scenario, expected);
        assert_eq!(scenario.check(), Ok(()));
    }

    #[test]
    fn a_whole_file_reads_back() {
        let scenario = Scenario { total_deadline: Patience::For(Span(120_000_000)), ..Scenario::default() };
        let text = toml::to_string(&scenario).unwrap();
        assert_eq!(Scenario::from_toml(&text), Ok(scenario));
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_line() {
        let refused = Scenario::from_toml("nodes = 7\nnoodles = 8\n").unwrap_err().to_string();
        assert!(refused.contains("line 2") && refused.contains("noodles"), "{refused}");
        let refused = Scenario::from_toml("size = \"7\"").unwrap_err().to_string();
        assert!(refused.contains("`7` is not a size"), "{refused}");
    }

    #[test]
    fn each_bound_is_named() {
        assert_eq!(refusal(|s| s.nodes = 0), "`nodes` is 0, and must be from 1 to 10000");
        assert_eq!(refusal(|s| s.up = Rate(0)), "`up` is 0B/s, and must be from 1kB/s to 1000Gbit/s");
        assert!(refusal(|s| s.seed_up = Rate(1)).contains("`seed_up`"));
        assert!(refusal(|s| s.chunk_bytes = ByteSize(2 << 20)).contains("to 1MiB"));
        let small = |s: &mut Scenario| (s.size, s.chunk_bytes) = (SIZE_MAX, ByteSize(4 << 10));
        assert!(refusal(small).contains("`size / chunk_bytes` is 16777216"));
        assert!(refusal(|s| s.size = ByteSize(0)).contains("`size` is 0B"));
        assert!(refusal(|s| s.latency = Span(60_000_000)).contains("`latency` is 1min"));
        assert!(refusal(|s| s.arrival = Arrival::Spread(Span(0))).contains("`arrival`"));
        assert!(refusal(|s| s.progress_deadline = Patience::For(Span(0))).contains("`progress_deadline`"));
    }

    #[test]
    fn what_would_take_for_ever_is_refused_with_a_way_out() {
        let refused = refusal(|s| (s.nodes, s.size) = (10_000, ByteSize(8 << 30)));
        assert!(refused.contains("10000 nodes with 32768 chunks each"), "{refused}");
        assert!(refused.contains("raise it"), "{refused}");
    }

    #[test]
    fn the_command_says_everything() {
        let scenario = Scenario { rng_seed: 9, nodes: 3, ..Scenario::default() };
        let fields = toml::to_string(&scenario).unwrap();
        let command = scenario.command();
        for line in fields.lines() {
            let (field, value) = line.split_once(" = ").unwrap();
            let flag = format!(" --{} {}", field.replace('_', "-"), value.trim_matches('"'));
            assert!(format!("{command} ").contains(&format!("{flag} ")), "{flag} in {command}");
        }
    }
}
