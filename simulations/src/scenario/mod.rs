//! What a run is made of, as a file in TOML. Everything has a default but names; what a file does not say, the scenario that
//! it `extends` says.
//!
//! ```toml
//! version = 1
//! extends = "boot-storm"
//! about = "A thousand instances in two zones, each with a link of 10 Gbit/s to the other."
//!
//! [[zones]]
//! name = "east"
//! up = "10Gbit/s"
//! ```

mod amount;
mod arrival;
mod check;
mod check_faults;
mod check_groups;
mod expect;
mod faults;
mod fields;
mod figure;
mod read;
mod ready;
mod reference;
mod trace;

pub use amount::{Amount, AmountError};
pub use arrival::{Arrival, ArrivalError};
pub use check::ScenarioError;
pub use expect::Expectation;
pub use faults::{Disk, FaultKind, FaultSpec, Whom, WhomError};
pub use fields::{Behaviour, Exit, Patience, Share, Sharing};
pub use figure::{Better, Cover, Figure, Unit};
pub use read::ReadError;
pub use ready::{READY, TRACES};
pub use reference::REFERENCE;
pub use trace::{Beside, TRACE_BYTES_MAX};

use crate::units::{ByteSize, Rate, Span};
use serde::{Deserialize, Serialize};

/// A gigabit each second.
const GIGABIT: Rate = Rate(125_000_000);

/// One run. [`Scenario::check`] knows the bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// Of this form: [`Scenario::VERSION`].
    pub version: u32,
    /// What it shows, for people.
    pub about: String,
    /// Makes every random choice repeatable.
    pub rng_seed: u64,
    /// Virtual time at most, since the beginning; a run that takes longer has failed.
    pub time_max: Span,
    /// Events at most; a run that would take more is not begun.
    pub events_max: u64,
    /// One way between any two nodes, where zones and paths say nothing else.
    pub latency: Span,
    /// How links are shared.
    pub sharing: Sharing,
    /// The pool's seeds.
    pub seeds: Seeds,
    /// Where nodes are; none: all in one place.
    pub zones: Vec<Zone>,
    /// What lies between zones, one way each.
    pub paths: Vec<Path>,
    /// What is published and restored.
    pub caches: Vec<CacheSpec>,
    /// Nodes, and their jobs.
    pub groups: Vec<Group>,
    /// Versions that are published while it runs; the first of each cache is there when it begins.
    pub publishes: Vec<Publish>,
    /// Versions that are taken back while it runs.
    pub yanks: Vec<YankSpec>,
    /// What goes wrong.
    pub faults: Vec<FaultSpec>,
    /// When all is well again: jobs that begin before may miss, and are asked of safety only. Off: every job must succeed.
    pub heals_at: Patience,
    /// What a run must have gone through to show anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub coverage: Vec<Cover>,
    /// What the figures of a run must be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expectations: Vec<Expectation>,
}

/// The pool's seeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seeds {
    /// How many.
    pub count: u32,
    /// Where all of them are; empty: in the first zone.
    pub zone: String,
    /// Each seed's uplink.
    pub up: Rate,
    /// Each seed's downlink.
    pub down: Rate,
    /// So many of them, the last, behave as [`Seeds::behaviour`] says.
    pub bad: u32,
    /// How those behave.
    pub behaviour: Behaviour,
}

/// A place whose nodes share what leads out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// As groups, seeds and paths name it.
    pub name: String,
    /// All that leaves it together; none: as much as there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<Rate>,
    /// All that enters it together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<Rate>,
    /// One way between two of its nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Span>,
}

/// What lies between two zones, one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Path {
    /// The zone where it begins.
    pub from: String,
    /// The zone where it ends.
    pub to: String,
    /// One way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Span>,
    /// Shared by everything on it; none: as much as there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
}

/// A cache: a lineage with one key, of which versions are published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheSpec {
    /// As groups and publishes name it: letters, digits and `-`.
    pub name: String,
    /// Plain bytes of each version; its chunks do not compress.
    pub size: ByteSize,
    /// Plain bytes of each chunk but the last.
    pub chunk_bytes: ByteSize,
    /// How much of a version's chunks the one before has, too.
    pub shared: Share,
}

/// Nodes that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Group {
    /// For people, and for faults.
    pub name: String,
    /// Where they are; empty: in the first zone.
    pub zone: String,
    /// How many; where `arrival` says each one's time, as many as those.
    pub count: u32,
    /// Each node's uplink.
    pub up: Rate,
    /// Each node's downlink.
    pub down: Rate,
    /// What each node's store takes in each second; none: as much as comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Rate>,
    /// Nobody of them boots before.
    pub from: Span,
    /// When they boot, from then on.
    pub arrival: Arrival,
    /// What each of its jobs restores, one after the other.
    pub restores: Vec<String>,
    /// When those that are there restore it all once more; off: never.
    pub again_at: Patience,
    /// What their stores hold when they boot, as the image had it: the first version of these.
    pub holds: Vec<String>,
    /// How long a node is there, from its boot; off: until the end.
    pub life: Patience,
    /// How it goes.
    pub exit: Exit,
    /// What its nodes do to others.
    pub behaviour: Behaviour,
    /// How long a job waits for the first answer.
    pub answer_deadline: Patience,
    /// How long a job waits without any chunk.
    pub progress_deadline: Patience,
    /// How long a job waits in all.
    pub total_deadline: Patience,
}

/// A version of a cache that is published while the scenario runs, by a node that comes for that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// Which.
    pub cache: String,
    /// When, from the beginning.
    pub at: Span,
    /// From where; empty: from the first zone.
    #[serde(default)]
    pub zone: String,
    /// So many builds publish manifests of this sequence at the same time, of which one wins.
    #[serde(default = "one")]
    pub builds: u32,
}

const fn one() -> u32 {
    1
}

/// A version that is taken back, by a yank that is brought to the seeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct YankSpec {
    /// Of which cache.
    pub cache: String,
    /// Which: the first is 1.
    pub version: u32,
    /// When it is brought, from the beginning.
    pub at: Span,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            version: Self::VERSION,
            about: String::new(),
            rng_seed: 1,
            time_max: Span(3_600 * 1_000_000),
            events_max: 500_000_000,
            latency: Span(1_000),
            sharing: Sharing::Settled,
            seeds: Seeds::default(),
            zones: Vec::new(),
            paths: Vec::new(),
            caches: vec![CacheSpec::default()],
            groups: vec![Group::default()],
            publishes: Vec::new(),
            yanks: Vec::new(),
            faults: Vec::new(),
            heals_at: Patience::Off,
            coverage: Vec::new(),
            expectations: Vec::new(),
        }
    }
}

impl Default for Seeds {
    fn default() -> Self {
        Self {
            count: 1,
            zone: String::new(),
            up: GIGABIT,
            down: GIGABIT,
            bad: 0,
            behaviour: Behaviour::Honest,
        }
    }
}

impl Default for CacheSpec {
    fn default() -> Self {
        Self {
            name: "cache".to_owned(),
            size: ByteSize(64 << 20),
            chunk_bytes: ByteSize(256 << 10),
            shared: Share::ALL / 4 * 3,
        }
    }
}

impl Default for Group {
    fn default() -> Self {
        Self {
            name: "crowd".to_owned(),
            zone: String::new(),
            count: 50,
            up: GIGABIT,
            down: GIGABIT,
            disk: None,
            from: Span(0),
            arrival: Arrival::AllAtOnce,
            restores: vec!["cache".to_owned()],
            again_at: Patience::Off,
            holds: Vec::new(),
            life: Patience::Off,
            exit: Exit::Killed,
            behaviour: Behaviour::Honest,
            answer_deadline: Patience::Off,
            progress_deadline: Patience::Off,
            total_deadline: Patience::Off,
        }
    }
}

impl Scenario {
    /// The version of this form.
    pub const VERSION: u32 = 1;

    /// A cache by its name, with its number.
    pub(crate) fn cache(&self, name: &str) -> Option<(usize, &CacheSpec)> {
        self.caches.iter().enumerate().find(|(_, cache)| cache.name == name)
    }

    /// The number of a zone; an empty name is the first, also where there is none.
    pub(crate) fn zone(&self, name: &str) -> Option<usize> {
        let found = self.zones.iter().position(|zone| zone.name == name);
        if name.is_empty() { Some(0) } else { found }
    }

    /// How many versions of a cache are published in all.
    pub(crate) fn versions(&self, name: &str) -> usize {
        1 + self.publishes.iter().filter(|publish| publish.cache == name).count()
    }

    /// Nodes of all groups.
    #[must_use]
    pub fn nodes(&self) -> u64 {
        self.groups.iter().map(|group| u64::from(group.count)).sum()
    }
}

impl Group {
    /// Leaves so many of its nodes, those that come first.
    pub(crate) fn truncate(&mut self, count: u32) {
        self.count = count;
        if let Arrival::Times(times) = &mut self.arrival {
            times.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        }
    }

    /// Restores of each node.
    #[must_use]
    pub fn jobs(&self) -> u64 {
        let times = if self.again_at == Patience::Off { 1 } else { 2 };
        u64::try_from(self.restores.len()).unwrap_or(u64::MAX).saturating_mul(times)
    }
}

impl CacheSpec {
    /// Chunks of a version's content.
    #[must_use]
    pub const fn chunks(&self) -> u64 {
        self.size.0.div_ceil(self.chunk_bytes.0)
    }
}
