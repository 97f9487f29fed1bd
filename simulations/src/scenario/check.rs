//! Whether a scenario can be run: bounds, and names that there are.

use super::{CacheSpec, Group, Scenario, Share, Sharing};
use crate::units::{ByteSize, Rate, Span};
use core::fmt;
use pollux_core::limits::{CHUNK_BYTES_MAX, SEEDS_MAX};
use std::collections::BTreeSet;

/// Nodes at most: a seed keeps 20,000 peers.
pub(super) const NODES_MAX: u64 = 20_000;
/// Bytes of all versions of all caches at most: each chunk's bytes are made and hashed once, at a gigabyte a second.
const SIZE_MAX: ByteSize = ByteSize(64 << 30);
/// Bytes of a chunk at least: smaller ones would make a tree that no manifest can name.
const CHUNK_BYTES_LEAST: ByteSize = ByteSize(4 << 10);
/// Chunks of a cache at most: half of what a manifest may name.
const CHUNKS_MAX: u64 = 1_000_000;
/// Slowest link: below, a chunk takes minutes.
pub(super) const RATE_MIN: Rate = Rate(1_000);
/// Fastest link: a terabit.
pub(super) const RATE_MAX: Rate = Rate(125_000_000_000);
/// Longest way over a link.
const LATENCY_MAX: Span = Span(10_000_000);
/// Longest virtual time: the pool's documents hold for a month.
pub(super) const TIME_MAX: Span = Span(7 * 24 * 3_600 * 1_000_000);
/// Caches, zones, groups and publishes at most.
pub(super) const LIST_MAX: usize = 256;
/// Builds that publish one version at most.
const BUILDS_MAX: u32 = 256;
/// Events that one chunk transfer takes, about: asked, left, arrived, checked, kept, told.
const EVENTS_PER_TRANSFER: u64 = 16;
/// Events that one node takes besides, about: it joins, meets its neighbours, asks.
const EVENTS_PER_NODE: u64 = 4_000;

/// Why a scenario cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// A field is out of its bounds.
    #[error("`{field}` is {value}, and must be from {min} to {max}")]
    OutOfBounds {
        /// Where it stands, as `groups.crowd.up`.
        field: String,
        /// What it says.
        value: String,
        /// Least.
        min: String,
        /// Most.
        max: String,
    },
    /// A field names something that there is not.
    #[error("`{field}` names `{name}`, and there is no {what} of that name: {known}")]
    NoSuch {
        /// Where it stands.
        field: String,
        /// What it says.
        name: String,
        /// Of what kind.
        what: &'static str,
        /// Those that there are.
        known: String,
    },
    /// Two have one name.
    #[error("two {what} are named `{name}`")]
    Twice {
        /// Of what kind.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A name that cannot be one.
    #[error("`{field}` is `{name}`: a name has 1 to 32 letters, digits and `-`")]
    BadName {
        /// Where it stands.
        field: String,
        /// What it says.
        name: String,
    },
    /// A path from a zone to itself.
    #[error("a path leads from `{0}` to itself: what lies inside a zone is its `latency`")]
    Loop(String),
    /// Two fields do not go together.
    #[error("`{field}` cannot be: {why}")]
    Contradicts {
        /// Where it stands.
        field: String,
        /// Why not, and what could be.
        why: String,
    },
    /// An expectation of nothing.
    #[error("`{field}` has neither `at_most` nor `at_least`: say how much `{figure}` may be")]
    NoLimit {
        /// Where it stands.
        field: String,
        /// Of which figure.
        figure: &'static str,
    },
    /// An expectation of a group, of what no group has.
    #[error("`{field}` names a group, and `{figure}` is measured of the whole run only: leave it out")]
    OfNoGroup {
        /// Where it stands.
        field: String,
        /// Of which figure.
        figure: &'static str,
    },
    /// It would take too long.
    #[error(
        "{nodes} nodes that restore {chunks} chunks in all would take some {events} events, and `events_max` is {events_max}: \
         take fewer nodes, smaller caches or larger chunks, or raise it (a million events take some seconds)"
    )]
    TooLarge {
        /// Nodes.
        nodes: u64,
        /// Chunks that they restore.
        chunks: u64,
        /// About what it would take.
        events: u64,
        /// What is allowed.
        events_max: u64,
    },
}

impl Scenario {
    /// Nodes and seeds at most where links are shared exactly: what each change costs grows with the streams that there are.
    pub const EXACT_NODES_MAX: u64 = 128;

    /// Whether it can be run.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), ScenarioError> {
        bounded("version", self.version, 1, Self::VERSION)?;
        bounded("time_max", self.time_max, Span(1), TIME_MAX)?;
        bounded("latency", self.latency, Span(0), LATENCY_MAX)?;
        bounded("seeds.count", self.seeds.count, 1, u32::try_from(SEEDS_MAX).unwrap_or(u32::MAX))?;
        rates("seeds", self.seeds.up, self.seeds.down)?;
        self.zone_there("seeds.zone", &self.seeds.zone)?;
        self.check_lists()?;
        self.check_zones()?;
        self.caches.iter().try_for_each(check_cache)?;
        self.groups.iter().try_for_each(|group| self.check_group(group))?;
        self.check_publishes()?;
        self.check_troubles()?;
        self.check_expectations()?;
        self.check_sums()
    }

    fn check_lists(&self) -> Result<(), ScenarioError> {
        names("caches", self.caches.iter().map(|cache| &cache.name))?;
        names("zones", self.zones.iter().map(|zone| &zone.name))?;
        names("groups", self.groups.iter().map(|group| &group.name))?;
        bounded("caches", self.caches.len(), 1, LIST_MAX)?;
        bounded("zones", self.zones.len(), 0, LIST_MAX)?;
        bounded("paths", self.paths.len(), 0, LIST_MAX)?;
        bounded("groups", self.groups.len(), 1, LIST_MAX)?;
        bounded("publishes", self.publishes.len(), 0, LIST_MAX)?;
        bounded("yanks", self.yanks.len(), 0, LIST_MAX)?;
        bounded("faults", self.faults.len(), 0, LIST_MAX)
    }

    fn check_zones(&self) -> Result<(), ScenarioError> {
        for zone in &self.zones {
            let field = |name: &str| format!("zones.{}.{name}", zone.name);
            for (name, rate) in [("up", zone.up), ("down", zone.down)] {
                rate.map_or(Ok(()), |rate| bounded(&field(name), rate, RATE_MIN, RATE_MAX))?;
            }
            let latency = zone.latency.unwrap_or_default();
            bounded(&field("latency"), latency, Span(0), LATENCY_MAX)?;
        }
        let mut seen = BTreeSet::new();
        for path in &self.paths {
            self.zone_there("paths.from", &path.from)?;
            self.zone_there("paths.to", &path.to)?;
            let name = format!("{} to {}", path.from, path.to);
            if path.from == path.to {
                return Err(ScenarioError::Loop(path.from.clone()));
            }
            if !seen.insert((&path.from, &path.to)) {
                return Err(ScenarioError::Twice { what: "paths", name });
            }
            bounded("paths.latency", path.latency.unwrap_or_default(), Span(0), LATENCY_MAX)?;
            path.rate.map_or(Ok(()), |rate| bounded("paths.rate", rate, RATE_MIN, RATE_MAX))?;
        }
        Ok(())
    }

    fn check_publishes(&self) -> Result<(), ScenarioError> {
        for publish in &self.publishes {
            self.cache_there("publishes.cache", &publish.cache)?;
            self.zone_there("publishes.zone", &publish.zone)?;
            bounded("publishes.at", publish.at, Span(0), self.time_max)?;
            bounded("publishes.builds", publish.builds, 1, BUILDS_MAX)?;
        }
        Ok(())
    }

    fn check_sums(&self) -> Result<(), ScenarioError> {
        let nodes = self.nodes();
        bounded("the sum of all `groups.count`", nodes, 1, NODES_MAX)?;
        self.check_sharing(nodes)?;
        let versions = |cache: &CacheSpec| u64::try_from(self.versions(&cache.name)).unwrap_or(u64::MAX);
        let bytes = self.caches.iter().map(|cache| cache.size.0.saturating_mul(versions(cache)));
        let bytes = ByteSize(bytes.fold(0, u64::saturating_add));
        bounded("the size of all versions of all caches", bytes, ByteSize(1), SIZE_MAX)?;
        let (chunks, events_max) = (self.chunks(), self.events_max);
        let events = chunks.saturating_mul(EVENTS_PER_TRANSFER).saturating_add(nodes * EVENTS_PER_NODE);
        if events > events_max {
            return Err(ScenarioError::TooLarge { nodes, chunks, events, events_max });
        }
        Ok(())
    }

    fn check_sharing(&self, nodes: u64) -> Result<(), ScenarioError> {
        let all = nodes.saturating_add(self.seeds.count.into());
        if self.sharing == Sharing::Settled || all <= Self::EXACT_NODES_MAX {
            return Ok(());
        }
        let why = format!(
            "\"exact\" is for {} nodes and seeds at most, and there are {all}: take fewer, or \"settled\" \
             (without `--exact`), which is off by a few per cent",
            Self::EXACT_NODES_MAX
        );
        Err(ScenarioError::Contradicts { field: "sharing".to_owned(), why })
    }

    /// Chunks that all jobs restore.
    fn chunks(&self) -> u64 {
        let of = |name: &String| self.cache(name).map_or(0, |(_, cache)| cache.chunks());
        let each =
            |group: &Group| group.restores.iter().map(of).sum::<u64>().saturating_mul(u64::from(group.count));
        self.groups.iter().map(each).fold(0, u64::saturating_add)
    }

    pub(super) fn zone_there(&self, field: &str, name: &str) -> Result<(), ScenarioError> {
        let known = || self.zones.iter().map(|zone| zone.name.as_str());
        there(field, name, ("zone", self.zone(name).is_some()), known())
    }

    pub(super) fn cache_there(&self, field: &str, name: &str) -> Result<(), ScenarioError> {
        let known = || self.caches.iter().map(|cache| cache.name.as_str());
        there(field, name, ("cache", self.cache(name).is_some()), known())
    }
}

fn check_cache(cache: &CacheSpec) -> Result<(), ScenarioError> {
    let field = |name: &str| format!("caches.{}.{name}", cache.name);
    bounded(&field("size"), cache.size, ByteSize(1), SIZE_MAX)?;
    let most = ByteSize(u64::from(CHUNK_BYTES_MAX));
    bounded(&field("chunk_bytes"), cache.chunk_bytes, CHUNK_BYTES_LEAST, most)?;
    bounded(&field("shared"), cache.shared, Share(0), Share::ALL)?;
    bounded(&field("size / chunk_bytes"), cache.chunks(), 1, CHUNKS_MAX)
}

pub(super) fn rates(what: &str, up: Rate, down: Rate) -> Result<(), ScenarioError> {
    bounded(&format!("{what}.up"), up, RATE_MIN, RATE_MAX)?;
    bounded(&format!("{what}.down"), down, RATE_MIN, RATE_MAX)
}

pub(super) fn there<'a>(
    field: &str,
    name: &str,
    (what, is_there): (&'static str, bool),
    known: impl Iterator<Item = &'a str>,
) -> Result<(), ScenarioError> {
    if is_there {
        return Ok(());
    }
    let known: Vec<&str> = known.collect();
    let known = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
    Err(ScenarioError::NoSuch { field: field.to_owned(), name: name.to_owned(), what, known })
}

fn names<'a>(what: &'static str, names: impl Iterator<Item = &'a String>) -> Result<(), ScenarioError> {
    let mut seen = BTreeSet::new();
    for name in names {
        let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !letters || name.is_empty() || name.len() > 32 {
            return Err(ScenarioError::BadName { field: format!("{what}.name"), name: name.clone() });
        }
        if !seen.insert(name) {
            return Err(ScenarioError::Twice { what, name: name.clone() });
        }
    }
    Ok(())
}

pub(super) fn bounded<T: Copy + PartialOrd + fmt::Display>(
    field: &str,
    value: T,
    min: T,
    max: T,
) -> Result<(), ScenarioError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    let [value, min, max] = [value, min, max].map(|one| one.to_string());
    Err(ScenarioError::OutOfBounds { field: field.to_owned(), value, min, max })
}

#[cfg(test)]
mod tests {
    use super::super::{Arrival, Path, Patience, Publish, READY, Zone};
    use super::*;

    fn refusal(change: impl Fn(&mut Scenario)) -> String {
        let zone = |name: &str| Zone { name: name.to_owned(), up: None, down: None, latency: None };
        let mut scenario = Scenario { zones: vec![zone("east"), zone("west")], ..Scenario::default() };
        scenario.publishes =
            vec![Publish { cache: "cache".to_owned(), at: Span(1), zone: String::new(), builds: 1 }];
        assert_eq!(scenario.check(), Ok(()));
        change(&mut scenario);
        scenario.check().expect_err("it is out of bounds").to_string()
    }

    fn path(from: &str, to: &str) -> Path {
        Path { from: from.to_owned(), to: to.to_owned(), latency: None, rate: None }
    }

    #[test]
    fn what_comes_along_may_be_run() {
        for (name, _) in READY {
            let scenario = Scenario::ready(name).unwrap();
            assert_eq!(scenario.check(), Ok(()), "{name}");
            assert!(scenario.about.len() > 20, "{name}");
        }
    }

    #[test]
    fn each_bound_is_named() {
        assert_eq!(
            refusal(|s| s.groups[0].count = 0),
            "`groups.crowd.count` is 0, and must be from 1 to 20000"
        );
        assert!(
            refusal(|s| s.groups[0].up = Rate(0))
                .contains("`groups.crowd.up` is 0B/s, and must be from 1kB/s")
        );
        assert!(refusal(|s| s.seeds.up = Rate(1)).contains("`seeds.up`"));
        assert!(refusal(|s| s.seeds.count = 99).contains("`seeds.count` is 99"));
        assert!(refusal(|s| s.caches[0].chunk_bytes = ByteSize(2 << 20)).contains("to 1MiB"));
        assert!(refusal(|s| s.caches[0].size = ByteSize(0)).contains("`caches.cache.size` is 0B"));
        assert!(refusal(|s| s.caches[0].shared = Share(2_000)).contains("`caches.cache.shared` is 200%"));
        assert!(refusal(|s| s.latency = Span(60_000_000)).contains("`latency` is 1min"));
        assert!(
            refusal(|s| s.groups[0].arrival = Arrival::Spread(Span(0))).contains("`groups.crowd.arrival`")
        );
        assert!(refusal(|s| s.groups[0].life = Patience::For(Span(0))).contains("`groups.crowd.life`"));
        assert!(refusal(|s| s.zones[1].up = Some(Rate(0))).contains("`zones.west.up`"));
        assert!(refusal(|s| s.version = 2).contains("`version` is 2"));
    }

    #[test]
    fn exact_sharing_is_for_few() {
        let exact = |nodes| Scenario {
            sharing: Sharing::Exact,
            groups: vec![Group { count: nodes, ..Group::default() }],
            ..Scenario::default()
        };
        assert_eq!(exact(127).check(), Ok(()));
        let refused = exact(128).check().unwrap_err().to_string();
        assert!(refused.starts_with("`sharing` cannot be: \"exact\" is for 128"), "{refused}");
        assert!(refused.contains("there are 129: take fewer, or \"settled\""), "{refused}");
    }

    #[test]
    fn names_are_looked_up() {
        let refused = refusal(|s| s.groups[0].restores.push("nmp".to_owned()));
        assert_eq!(refused, "`groups.crowd.restores` names `nmp`, and there is no cache of that name: cache");
        assert!(
            refusal(|s| s.groups[0].zone = "north".to_owned()).contains("no zone of that name: east, west")
        );
        assert!(refusal(|s| s.publishes[0].cache = "x".to_owned()).contains("`publishes.cache`"));
        assert!(refusal(|s| s.paths.push(path("east", "south"))).contains("`paths.to` names `south`"));
        assert!(refusal(|s| s.paths.push(path("east", "east"))).contains("from `east` to itself"));
        assert!(
            refusal(|s| s.paths = vec![path("east", "west"); 2])
                .contains("two paths are named `east to west`")
        );
        assert!(refusal(|s| s.zones[1].name = "east".to_owned()).contains("two zones are named `east`"));
        assert!(refusal(|s| s.groups[0].name = "a b".to_owned()).contains("a name has"));
        assert!(refusal(|s| s.seeds.zone = "north".to_owned()).contains("`seeds.zone`"));
    }

    #[test]
    fn what_would_take_for_ever_is_refused_with_a_way_out() {
        let refused = refusal(|s| (s.groups[0].count, s.caches[0].size) = (10_000, ByteSize(8 << 30)));
        assert!(refused.contains("10000 nodes") && refused.contains("raise it"), "{refused}");
        assert!(refusal(|s| s.caches[0].size = ByteSize(60 << 30)).contains("the size of all versions"));
    }
}
