//! `pollux-sim table`: many scenarios, a row each.

use crate::files::named;
use crate::{Failure, cpu_time, failed, unwritten, usage};
use clap::Args;
use pollux_sim::{ByteSize, Class, Figure, READY, Report, Scenario, Trace, Unit};
use serde::Serialize;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

/// What a row tells of a run.
const FIGURES: [Figure; 8] = [
    Figure::P50Ratio,
    Figure::P99Ratio,
    Figure::MaxRatio,
    Figure::SeedCopies,
    Figure::DuplicateShare,
    Figure::JunkShare,
    Figure::ControlShare,
    Figure::MessagesPerNodeSecond,
];

/// See the module.
#[derive(Debug, Args)]
pub(crate) struct TableFlags {
    /// Scenario files, or names of those that come along [default: all of these]
    #[arg(value_name = "SCENARIO", hide_default_value = true)]
    scenarios: Vec<String>,
    /// Plain bytes of the cache, of scenarios with one [default: what each says]
    #[arg(long, value_name = "SIZE")]
    size: Option<ByteSize>,
    /// Makes every random choice repeatable [default: what each scenario says]
    #[arg(long, value_name = "NUMBER")]
    rng_seed: Option<u64>,
    /// Print it as JSON, a line for each scenario
    #[arg(long)]
    json: bool,
}

/// One scenario, and what came of it.
#[derive(Debug, Serialize)]
struct Row {
    scenario: String,
    nodes: u64,
    size: u64,
    figures: Vec<(Figure, Option<f64>)>,
    cpu_us: u64,
    class: Class,
}

impl TableFlags {
    /// Runs one after the other, and tells each as soon as it has ended.
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let all = || READY.iter().map(|(name, _)| (*name).to_owned()).collect();
        let names: Vec<String> = if self.scenarios.is_empty() { all() } else { self.scenarios.clone() };
        // What is wrong with the last is said before the first is run.
        let scenarios: Vec<Scenario> =
            names.iter().map(|name| self.scenario(name)).collect::<Result<_, _>>().map_err(usage)?;
        let mut worst = Class::Ok;
        self.say(&head()).map_err(unwritten)?;
        for (name, scenario) in names.iter().zip(&scenarios) {
            let row = row(name, scenario)?;
            worst = worse(worst, row.class);
            let line = if self.json { serde_json::to_string(&row).map_err(failed)? } else { row.line() };
            writeln!(io::stdout(), "{line}").map_err(unwritten)?;
        }
        Ok(ExitCode::from(worst.exit_code()))
    }

    fn say(&self, head: &str) -> io::Result<()> {
        if self.json { Ok(()) } else { writeln!(io::stdout(), "{head}") }
    }

    fn scenario(&self, name: &str) -> Result<Scenario, String> {
        let mut scenario = named(name)?;
        if let (Some(size), [cache]) = (self.size, scenario.caches.as_mut_slice()) {
            cache.size = size;
        }
        scenario.rng_seed = self.rng_seed.unwrap_or(scenario.rng_seed);
        scenario.check().map_err(|error| format!("{name}: {error}"))?;
        Ok(scenario)
    }
}

fn row(name: &str, scenario: &Scenario) -> Result<Row, Failure> {
    let before = cpu_time();
    let report =
        pollux_sim::run(scenario, Trace::new()).map_err(|error| usage(format!("{name}: {error}")))?;
    Ok(Row::new(name, &report, cpu_time().saturating_sub(before)))
}

fn worse(one: Class, other: Class) -> Class {
    let wrong = [one, other].into_iter().filter(|class| *class != Class::Ok);
    wrong.min_by_key(|class| class.exit_code()).unwrap_or(Class::Ok)
}

fn head() -> String {
    let names = FIGURES.map(Figure::name).join(" | ");
    let marks = "---|".repeat(FIGURES.len() + 5);
    format!("| scenario | nodes | MiB | {names} | CPU s | verdict |\n|{marks}")
}

impl Row {
    fn new(name: &str, report: &Report, cpu: Duration) -> Self {
        let scenario = &report.scenario;
        Self {
            scenario: name.to_owned(),
            nodes: scenario.groups.iter().map(|group| u64::from(group.count)).sum(),
            size: scenario.caches.iter().map(|cache| cache.size.0).sum(),
            figures: FIGURES.map(|figure| (figure, report.figures.get(figure))).to_vec(),
            cpu_us: u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX),
            class: report.verdict.class,
        }
    }

    fn line(&self) -> String {
        let figures: Vec<String> = self.figures.iter().map(|(figure, value)| told(*figure, *value)).collect();
        let cpu = Duration::from_micros(self.cpu_us).as_secs();
        let (nodes, size, class) = (self.nodes, self.size >> 20, self.class.name());
        format!("| {} | {nodes} | {size} | {} | {cpu} | {class} |", self.scenario, figures.join(" | "))
    }
}

fn told(figure: Figure, value: Option<f64>) -> String {
    let Some(value) = value else { return "-".to_owned() };
    match figure.unit() {
        Unit::Share => format!("{:.2} %", value * 100.0),
        Unit::Seconds | Unit::Times | Unit::Number => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_as_many_columns_as_the_head() {
        let mut scenario = Scenario::ready("small-crowd").unwrap();
        scenario.groups[0].count = 3;
        scenario.caches[0].size = ByteSize(1 << 20);
        let report = pollux_sim::run(&scenario, Trace::new()).unwrap();
        let line = Row::new("three", &report, Duration::from_secs(2)).line();
        assert!(line.starts_with("| three | 3 | 1 | ") && line.contains("| 2 | "), "{line}");
        let columns = |line: &str| line.matches('|').count();
        assert!(head().lines().all(|each| columns(each) == columns(&line)), "{}\n{line}", head());
    }

    #[test]
    fn the_worst_verdict_is_the_programs() {
        let all = [Class::Ok, Class::Coverage, Class::Expectation, Class::Liveness, Class::Safety];
        for pair in all.windows(2) {
            assert_eq!((worse(pair[0], pair[1]), worse(pair[1], pair[0])), (pair[1], pair[1]));
        }
    }

    #[test]
    fn what_is_not_there_is_a_dash() {
        assert_eq!(told(Figure::P50Ratio, None), "-");
        assert_eq!(told(Figure::JunkShare, Some(0.0123)), "1.23 %");
    }
}
