//! The soak: a pool whose nodes come and go for as long as it is told, while jobs save and restore. In the end nothing may
//! have been wrong, and whoever stayed must hold no more memory, descriptors and disk than it did early on.
//!
//! ```text
//! caches   what is saved, and what a restore must bring
//! fleet    seeds and nodes; who comes, who goes
//! jobs     restores and saves, and what they found
//! watch    samples of those that stay, and whether they are flat
//! report   what is told in the end
//! lots     repeatable chance
//! ```

mod caches;
mod fleet;
mod jobs;
mod lots;
mod report;
mod watch;

use caches::Caches;
use clap::Parser;
use fleet::Fleet;
use jobs::{Job, Tally};
use lots::Lots;
use pollux_tests::{Programs, ProgramsError, say, step};
use report::Report;
use std::io::{self, Write};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use watch::Watch;

/// Run a pool on this machine whose nodes come and go (half of them with `kill -9`), while jobs save and restore through
/// it; compare every restore with what was saved; at the end compare the memory, descriptors and disk of those that stayed
/// with what they were early on. Everything is made in a directory of its own and removed at the end.
///
///   cargo run --release -p pollux-tests --bin soak -- --minutes 60
#[derive(Debug, Parser)]
#[command(name = "soak")]
struct Arguments {
    /// How long
    #[arg(long, value_name = "MINUTES", default_value = "60")]
    minutes: NonZero<u32>,
    /// Nodes; a quarter of them stay all the time
    #[arg(long, value_name = "COUNT", default_value = "20", value_parser = clap::value_parser!(u8).range(4..=100))]
    nodes: u8,
    /// Seeds
    #[arg(long, value_name = "COUNT", default_value = "3", value_parser = clap::value_parser!(u8).range(1..=8))]
    seeds: u8,
    /// Jobs that restore at a time
    #[arg(long, value_name = "COUNT", default_value = "2", value_parser = clap::value_parser!(u8).range(1..=32))]
    jobs: u8,
    /// Milliseconds that a job waits before its next restore
    #[arg(long, value_name = "MS", default_value = "500")]
    job_pause: u32,
    /// Seconds from one save to the next
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    save_every: NonZero<u32>,
    /// Bytes that a node's store holds at most
    #[arg(long, value_name = "BYTES", default_value = "536870912")]
    store_bytes_max: u64,
    /// What chance begins with: the same makes the same come and go
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    rng_seed: u64,
    /// Take `pollux` and `pollux-node` from this directory, instead of building them
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// Make everything below this directory [default: the system's temporary one]
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
    /// Write every figure to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Why the soak ends early.
#[derive(Debug, thiserror::Error)]
enum SoakError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Programs(#[from] ProgramsError),
    #[error(transparent)]
    Daemon(#[from] pollux_tests::DaemonError),
    #[error("{what} did not go well: {why}")]
    Step { what: &'static str, why: String },
    #[error("interrupted")]
    Interrupted,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(SoakError::Interrupted) => {
            say("interrupted; every process is stopped and every file removed");
            ExitCode::from(130)
        }
        Err(error) => {
            // Nothing better can be done where standard error is gone.
            drop(writeln!(io::stderr(), "soak: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether all was well.
fn run(arguments: &Arguments) -> Result<bool, SoakError> {
    let interrupted = pollux_tests::interruption()?;
    let programs = Programs::given_or_built(arguments.programs.as_deref(), step)?;
    let mut work = tempfile::Builder::new();
    let work = work.prefix("pollux-soak-");
    let work = match &arguments.work {
        Some(directory) => work.tempdir_in(directory)?,
        None => work.tempdir()?,
    };
    let report = soak(arguments, programs, work.path(), &interrupted);
    work.close()?;
    let report = report?;
    say(&report.text());
    if let Some(file) = &arguments.json {
        report.write(file)?;
    }
    Ok(report.is_well())
}

fn soak(
    arguments: &Arguments,
    programs: Programs,
    work: &std::path::Path,
    interrupted: &Arc<AtomicBool>,
) -> Result<Report, SoakError> {
    step(&format!("Starting {} seeds and {} nodes", arguments.seeds, arguments.nodes));
    let fleet = Fleet::start(programs, work, arguments)?;
    let caches = Caches::make(work)?;
    step("Filling: every cache once, to every node that stays");
    jobs::fill(&fleet, &caches, interrupted)?;
    step(&format!("Soaking for {} minutes", arguments.minutes));
    let length = Duration::from_secs(60 * u64::from(arguments.minutes.get()));
    let watch = Watch::new(length);
    let tally = Tally::default();
    let clock = Clock { until: Instant::now() + length, interrupted };
    let lots = Lots::new(arguments.rng_seed);
    let every = Duration::from_secs(arguments.save_every.get().into());
    let pause = Duration::from_millis(arguments.job_pause.into());
    thread::scope(|scope| {
        scope.spawn(|| fleet.come_and_go(lots.of("fleet", 0), &clock, &tally));
        scope.spawn(|| jobs::save(&fleet, &caches, (every, &clock), &tally));
        for number in 0..arguments.jobs {
            let (job, tally) = (Job { fleet: &fleet, caches: &caches, clock: &clock, pause }, &tally);
            scope.spawn(move || job.restore(lots.of("job", number.into()), tally));
        }
        watch.run(&fleet, &clock, &tally);
    });
    if interrupted.load(Ordering::Relaxed) {
        return Err(SoakError::Interrupted);
    }
    Ok(Report::new(tally, &watch))
}

/// When everybody stops.
#[derive(Debug)]
struct Clock<'a> {
    until: Instant,
    interrupted: &'a AtomicBool,
}

impl Clock<'_> {
    fn is_over(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed) || Instant::now() >= self.until
    }

    /// Waits, but not longer than the soak goes on.
    fn wait(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.is_over() && Instant::now() < until {
            thread::sleep(Duration::from_millis(20));
        }
    }
}
