//! The table, and the file that reports cite.

use crate::Arguments;
use crate::figures::{Compared, Figures, compare};
use pollux_tests::crowd::Wave;
use pollux_tests::lan::CONGESTION;
use pollux_tests::stats::{Summary, float};
use serde::Serialize;
use std::fs;
use std::io;
use std::path::Path;

/// Above that share of the cores' time, the cores may have been the limit.
const BUSY_MAX: f64 = 0.85;

/// See the module. Copies are bytes over those of one copy of the cache. The version changes when a field changes its
/// meaning or goes away.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Report {
    version: u32,
    /// What was given.
    nodes: u16,
    size: String,
    rate: String,
    seed_rate: String,
    rng_seed: u64,
    rounds: Vec<Figures>,
    /// TCP's congestion control.
    congestion: &'static str,
    /// What measures it again.
    command: String,
    /// What no crowd can beat, in seconds.
    bound: f64,
    /// The share of the cores that was busy.
    busy: Summary,
    compared: Vec<Compared>,
    is_within: bool,
}

/// The command that measures the same again.
fn repeat(arguments: &Arguments) -> String {
    let Arguments { nodes, size, rate, rounds, rng_seed, .. } = arguments;
    let seed_rate = arguments.seed_rate();
    format!(
        "cargo run --release --locked -p pollux-tests --bin calibrate -- --nodes {nodes} --size {size} --rate {rate} \
         --seed-rate {seed_rate} --rounds {rounds} --rng-seed {rng_seed}"
    )
}

impl Report {
    pub(crate) fn new(arguments: &Arguments, waves: &[Wave], runs: &[pollux_sim::Report]) -> Self {
        let rounds: Vec<Figures> = waves.iter().map(Figures::of_wave).collect();
        let model: Vec<Figures> = runs.iter().filter_map(Figures::of_model).collect();
        let compared = compare(&model, &rounds);
        Self {
            version: 1,
            nodes: arguments.nodes,
            size: arguments.size.to_string(),
            rate: arguments.rate.to_string(),
            seed_rate: arguments.seed_rate().to_string(),
            rng_seed: arguments.rng_seed,
            congestion: CONGESTION,
            command: repeat(arguments),
            bound: runs.first().map_or(0.0, |run| float(run.bound.total_us) / 1e6),
            busy: Summary::of(waves.iter().map(|wave| wave.busy)),
            is_within: compared.iter().all(Compared::is_within),
            rounds,
            compared,
        }
    }

    pub(crate) const fn is_within(&self) -> bool {
        self.is_within
    }

    pub(crate) fn text(&self) -> String {
        let Self { nodes, size, rate, seed_rate, bound, congestion, .. } = self;
        let rounds = self.rounds.len();
        let head = format!(
            "{nodes} nodes, {size}, links of {rate}, the seed's {seed_rate}; {rounds} rounds; {congestion}; bound {bound:.3} s\n\n"
        );
        let names =
            format!("{:24}{:>9}{:>17}{:>9}{:>17}{:>9}{:>7}\n", "", "model", "", "real", "", "error", "bar");
        let rows: String = self.compared.iter().map(row).collect();
        let busy = 100.0 * self.busy.median;
        let note = if self.busy.median > BUSY_MAX { ", so that they may have been the limit" } else { "" };
        format!("{head}{names}{rows}\ncores busy: {busy:.0} %{note}")
    }

    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        fs::write(file, serde_json::to_string_pretty(self)? + "\n")
    }
}

fn row(of: &Compared) -> String {
    let both = |figures: &Summary| {
        let range = format!("({:.2} to {:.2})", figures.least, figures.most);
        format!("{:>9.3}{range:>17}", figures.median)
    };
    let bar = of.bar_percent.map_or_else(String::new, |bar| format!("{bar:.0} %"));
    let verdict = if of.is_within() { "" } else { "  missed" };
    let (what, model, real, error) = (of.what, both(&of.model), both(&of.real), of.error_percent);
    format!("{what:24}{model}{real}{error:>+7.1} %{bar:>7}{verdict}\n")
}

/// One round.
pub(crate) fn line(figures: &Figures, busy: f64) -> String {
    let Figures { makespan, p50, p99, from_seed, seed_sent, came, .. } = figures;
    format!(
        "makespan {makespan:.2} s, p50 {p50:.2}, p99 {p99:.2}; copies: {from_seed:.2} from the seed, {seed_sent:.2} on its link, \
         {came:.2} on the nodes'; cores busy {:.0} %",
        100.0 * busy
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_is_named_as_one() {
        let figures = |makespan, p50| Figures { makespan, p50, ..Figures::default() };
        let compared = compare(&[figures(12.0, 1.0)], &[figures(10.0, 1.05)]);
        let rows: Vec<String> = compared.iter().take(2).map(row).collect();
        assert_eq!(
            rows,
            [
                "makespan, s                12.000 (12.00 to 12.00)   10.000 (10.00 to 10.00)  +20.0 %   10 %  missed\n",
                "p50, s                      1.000   (1.00 to 1.00)    1.050   (1.05 to 1.05)   -4.8 %   10 %\n",
            ]
        );
    }

    #[test]
    fn its_file_is_one_that_reports_cite() {
        let figures = |makespan| Figures { makespan, ..Figures::default() };
        let report = Report {
            version: 1,
            nodes: 16,
            size: "24MB".to_owned(),
            rate: "50Mbit/s".to_owned(),
            seed_rate: "50Mbit/s".to_owned(),
            rng_seed: 1,
            rounds: vec![figures(10.0)],
            congestion: CONGESTION,
            command: String::new(),
            bound: 1.0,
            busy: Summary::default(),
            compared: compare(&[figures(10.5)], &[figures(10.0)]),
            is_within: true,
        };
        let cited = pollux_sim::Calibration::from_json(&serde_json::to_string(&report).unwrap()).unwrap();
        assert_eq!(cited.compared.len(), report.compared.len());
        assert!(cited.to_string().contains("makespan +5.0 %"), "{cited}");
    }
}
