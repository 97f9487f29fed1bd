//! `hunt`, `replay` and `shrink`.

use crate::files::named;
use crate::flags::ShownFlags;
use crate::{Failure, failed, unwritten, usage};
use clap::Args;
use core::fmt;
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicU64, Ordering};
use pollux_sim::{Report, Scenario, Trace};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

/// Which scenario is drawn.
#[derive(Debug, Args)]
pub(crate) struct Base {
    /// What faults are drawn on top of: a file in TOML, or the name of one that comes along
    #[arg(long, value_name = "SCENARIO", default_value = "hunt")]
    base: String,
}

/// See `hunt --help`.
#[derive(Debug, Args)]
pub(crate) struct HuntFlags {
    /// How many are drawn and run
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    rng_seeds: u64,
    /// The first rng seed
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    first: u64,
    /// Runs at the same time [default: one for each CPU]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    #[command(flatten)]
    base: Base,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

/// See `replay --help`.
#[derive(Debug, Args)]
pub(crate) struct ReplayFlags {
    /// The rng seed, as `hunt` names it
    #[arg(value_name = "NUMBER")]
    pub(crate) rng_seed: u64,
    #[command(flatten)]
    pub(crate) base: Base,
    /// Print the scenario that is drawn, in TOML, and do not run it
    #[arg(long)]
    pub(crate) scenario: bool,
    #[command(flatten)]
    pub(crate) shown: ShownFlags,
}

/// See `shrink --help`.
#[derive(Debug, Args)]
pub(crate) struct ShrinkFlags {
    /// The rng seed, as `hunt` names it
    #[arg(value_name = "NUMBER", required_unless_present = "file")]
    rng_seed: Option<u64>,
    /// A scenario that fails, instead of one that is drawn
    #[arg(long, value_name = "FILE", conflicts_with = "rng_seed")]
    file: Option<String>,
    #[command(flatten)]
    base: Base,
    /// Runs at most
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    runs: u32,
}

impl Base {
    /// The scenario of an rng seed.
    pub(crate) fn draw(&self, rng_seed: u64) -> Result<Scenario, Failure> {
        let base = named(&self.base).map_err(usage)?;
        let scenario = pollux_sim::draw(&base, rng_seed);
        scenario.check().map_err(|error| usage(format!("{}: {error}", self.base)))?;
        Ok(scenario)
    }

    /// What repeats that.
    pub(crate) fn command(&self, rng_seed: u64) -> String {
        let base = if self.base == "hunt" { String::new() } else { format!(" --base {}", self.base) };
        format!("pollux-sim replay {rng_seed}{base}")
    }
}

/// What a hunt found.
#[derive(Debug, Serialize)]
struct Found {
    /// Runs.
    runs: u64,
    /// Events of all of them.
    events: u64,
    /// Those that failed.
    failed: Vec<Failing>,
}

/// A run that failed.
#[derive(Debug, Serialize)]
struct Failing {
    rng_seed: u64,
    /// What repeats it.
    command: String,
    /// How it failed.
    failure: String,
    /// The exit code of a run that fails so.
    exit_code: u8,
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  # {}", self.command, self.failure)
    }
}

/// Runs one after the other, or several at a time; the exit code.
pub(crate) fn hunt(flags: &HuntFlags) -> Result<u8, Failure> {
    flags.base.draw(flags.first)?;
    let found = run_all(flags)?;
    let code = found.failed.iter().map(|one| one.exit_code).min().unwrap_or_default();
    show(&found, flags.json).map_err(unwritten)?;
    Ok(code)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the program has threads, the library has none: runs know nothing of each other"
)]
fn run_all(flags: &HuntFlags) -> Result<Found, Failure> {
    let threads = flags.threads.or_else(|| std::thread::available_parallelism().ok());
    let (next, reports) = (AtomicU64::new(0), Mutex::new(BTreeMap::new()));
    let hunter = || -> Result<(), Failure> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= flags.rng_seeds {
                return Ok(());
            }
            let rng_seed = flags.first.wrapping_add(number);
            let report = pollux_sim::run(&flags.base.draw(rng_seed)?, Trace::new()).map_err(failed)?;
            let failing = failing(&flags.base, rng_seed, &report);
            if let Some(one) = &failing {
                tell(&format!("{one}"));
            }
            let mut reports = reports.lock().unwrap_or_else(PoisonError::into_inner);
            reports.insert(number, (report.events, failing));
            progress(reports.len(), flags.rng_seeds, reports.values().filter(|one| one.1.is_some()).count());
        }
    };
    std::thread::scope(|scope| {
        let hunters: Vec<_> =
            (0..threads.map_or(1, NonZeroUsize::get)).map(|_| scope.spawn(hunter)).collect();
        hunters.into_iter().try_for_each(|one| one.join().map_err(|_| failed("a run has panicked"))?)
    })?;
    let reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    let events = reports.values().map(|one| one.0).sum();
    Ok(Found {
        runs: flags.rng_seeds,
        events,
        failed: reports.into_values().filter_map(|one| one.1).collect(),
    })
}

fn failing(base: &Base, rng_seed: u64, report: &Report) -> Option<Failing> {
    let failure = pollux_sim::failure(report)?;
    Some(Failing {
        rng_seed,
        command: base.command(rng_seed),
        failure,
        exit_code: report.verdict.class.exit_code(),
    })
}

/// Every tenth of the way, for people who wait.
fn progress(done: usize, of: u64, failed: usize) {
    let done = u64::try_from(done).unwrap_or(u64::MAX);
    if done.is_multiple_of(of.div_ceil(10).max(1)) || done == of {
        tell(&format!("{done} of {of} run, {failed} failed"));
    }
}

fn tell(line: &str) {
    // Nobody may be there to read it.
    let _ = writeln!(io::stderr(), "{line}");
}

fn show(found: &Found, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, found)?;
        return writeln!(out);
    }
    let word = if found.failed.is_empty() { "ok" } else { "FAILED" };
    writeln!(
        out,
        "verdict     {word}: {} runs, {} failed, {} events",
        found.runs,
        found.failed.len(),
        found.events
    )?;
    found.failed.iter().try_for_each(|one| writeln!(out, "  {one}"))
}

/// Prints the least that fails in the same way, in TOML.
pub(crate) fn shrink(flags: &ShrinkFlags) -> Result<(), Failure> {
    let scenario = match (&flags.file, flags.rng_seed) {
        (Some(file), _) => named(file).map_err(usage)?,
        (None, rng_seed) => flags.base.draw(rng_seed.unwrap_or_default())?,
    };
    scenario.check().map_err(usage)?;
    let shrunk = pollux_sim::shrink(&scenario, flags.runs).map_err(failed)?;
    let Some(shrunk) = shrunk else { return Err(usage("it does not fail: there is nothing to shrink")) };
    let text = toml::to_string(&shrunk.scenario).map_err(failed)?;
    let (failure, runs) = (&shrunk.failure, shrunk.runs);
    writeln!(io::stdout(), "# fails with: {failure} (the least found in {runs} runs)\n{text}")
        .map_err(unwritten)
}
