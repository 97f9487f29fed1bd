//! What a run found out: for programs as JSON, for people as text and as a page.

mod calibration;
mod diff;
mod fairness;
mod figures;
#[cfg(test)]
mod fixture;
mod numbers;
mod page;
mod series;
mod text;
mod verdict;

pub use calibration::{Calibration, Deviation};
pub use diff::{Compared, Diff, Measured, MeasuredError, Side};
pub use fairness::Fairness;
pub use figures::Figures;
pub use numbers::{Bound, Completion, Crossing, Traffic};
pub(crate) use numbers::{Ended, Seconds, percentiles, time_us};
pub(crate) use series::Sample;
pub use series::{Mark, Series};
pub(crate) use verdict::{Broken, Jobs};
pub use verdict::{Class, Covered, Judged, Verdict};

use crate::scenario::{Behaviour, Scenario};
use numbers::per_second;
use serde::Serialize;

/// See the module. Times are virtual microseconds, sizes bytes of frames. The version changes when a field changes its
/// meaning or goes away; new fields may come at any time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`Report::VERSION`].
    pub version: u32,
    /// What repeats the run.
    pub command: String,
    /// The scenario in full.
    pub scenario: Scenario,
    /// Whether all is well.
    pub verdict: Verdict,
    /// What one should know of it besides.
    pub notes: Vec<String>,
    /// From the start to the saver's certificate.
    pub publish_us: u64,
    /// What no crowd can beat.
    pub bound: Bound,
    /// How long the restores of honest nodes took; none if nobody completed.
    pub completion: Option<Completion>,
    /// What 0, 1, 2, … 100 % of them did not exceed, each counted from its own boot; empty if nobody completed.
    pub percentiles_us: Vec<u64>,
    /// What expectations are about.
    pub figures: Figures,
    /// The same of each group, those that are not honest too.
    pub groups: Vec<GroupReport>,
    /// What nodes and seeds sent.
    pub traffic: Traffic,
    /// What nodes and seeds of one zone gave to another, from the beginning to the end; empty where there is one zone.
    pub crossings: Vec<Crossing>,
    /// Peers that were banned.
    pub bans: u64,
    /// How evenly nodes gave.
    pub fairness: Fairness,
    /// What happened over time, from the beginning to the end.
    pub series: Series,
    /// How far the model was from real daemons.
    pub calibration: Vec<Calibration>,
    /// The trace.
    pub trace: TraceReport,
    /// Events of the simulator.
    pub events: u64,
    /// How fast the simulator was; none where nobody measured. Differs from run to run.
    pub speed: Option<Speed>,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupReport {
    /// Its name.
    pub name: String,
    /// What its nodes do to others. Only jobs of honest groups count, and the run ends with the last of those.
    pub behaviour: Behaviour,
    /// Restores that it was to do.
    pub jobs: u64,
    /// Those that completed; none if none did.
    pub completion: Option<Completion>,
    /// What 0, 1, 2, … 100 % of them did not exceed, each counted from its own boot; empty if nobody completed.
    pub percentiles_us: Vec<u64>,
    /// What expectations are about.
    pub figures: Figures,
}

/// The trace, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TraceReport {
    /// Inputs and outputs of engines.
    pub facts: u64,
    /// Of all of them; equal digests mean equal runs.
    pub digest: String,
}

/// How fast the simulator was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Speed {
    /// CPU time of the run, set-up included.
    pub cpu_us: u64,
    /// Events for each second of it.
    pub events_per_second: u64,
    /// Chunk transfers of the crowd for each second of it.
    pub transfers_per_second: u64,
}

impl GroupReport {
    /// Those that completed.
    pub(crate) fn completed(&self) -> u32 {
        self.completion.map_or(0, |took| took.completed)
    }

    /// Its name; with it that it is not counted, if that is so.
    pub(crate) fn label(&self) -> String {
        let Self { name, behaviour, .. } = self;
        if *behaviour == Behaviour::Honest {
            name.clone()
        } else {
            format!("{name} ({}, not counted)", behaviour.name())
        }
    }
}

impl Report {
    /// The version of this form.
    pub const VERSION: u32 = 4;

    /// Adds what repeats the run.
    #[must_use]
    pub fn with_command(mut self, command: String) -> Self {
        self.command = command;
        self
    }

    /// Adds how long the run took.
    #[must_use]
    pub fn with_cpu(mut self, cpu: core::time::Duration) -> Self {
        let cpu_us = u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX);
        self.speed = Some(Speed {
            cpu_us,
            events_per_second: per_second(self.events, cpu_us),
            transfers_per_second: per_second(self.traffic.transfers, cpu_us),
        });
        self
    }
}
