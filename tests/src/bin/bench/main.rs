//! The benchmark: what Pollux does with a package cache, beside what people do without it, in the same run.
//!
//! ```text
//! input     what is saved: given, from npm, or synthetic
//! place     the file system that everything is written to
//! measure   wall time, CPU of commands and of daemons
//! watch     a save, and when publishing begins
//! task      what is measured, and what is compared with what
//! round     a fresh pool, and every task once
//! limit     the same files, written from memory
//! report    the table and the JSON
//! words     what is said meanwhile
//! ```

mod input;
mod limit;
mod measure;
mod place;
mod report;
mod round;
mod task;
mod watch;
mod words;

use clap::Parser;
use input::{Input, Source};
use limit::Limit;
use place::Place;
use pollux_tests::{DaemonError, Difference, Listing, Programs, ProgramsError};
use report::Report;
use round::{Round, Shared};
use std::io::{self, Write};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use words::{say, size, step};

/// Measure saving and restoring a package cache beside tar, zstd and rsync
///
/// Every round starts a fresh pool on loopback (a seed and three nodes, real daemons) and does everything once: save,
/// save again, restore through nodes that lack the cache, restore through a node that has it; and the same with tar,
/// zstd and rsync, in an order that changes from round to round. Everything is written to new directories; removing
/// them is never timed. CPU seconds are those of all processes together, until the daemons are quiet again.
///
/// Build the programs first, in release: cargo build --release -p pollux-client -p pollux-node -p pollux-tests --bins
///
/// Figures are worth something on an idle machine only. `--work` must be on a file system that is fair: a tmpfs, xfs, or
/// ext4 with a journal. ext4 without one makes files slowly for minutes after others were removed; as root,
/// `--loop-ext4` makes one with a journal in an image file.
///
/// Everything that was made is removed at the end, also after Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
struct Arguments {
    /// Save this directory, instead of one that is made
    #[arg(long, value_name = "DIR", conflicts_with_all = ["make", "made"])]
    input: Option<PathBuf>,
    /// What is made to be saved
    #[arg(long, value_enum, default_value_t = Source::NodeModules)]
    make: Source,
    /// Make it in this directory and leave it there; what an earlier run left there is taken as it is
    #[arg(long, value_name = "DIR")]
    made: Option<PathBuf>,
    /// Write everything below this directory
    #[arg(long, value_name = "DIR", default_value = "/dev/shm")]
    work: PathBuf,
    /// Write to a journaled ext4 in an image of that size, such as 12G, below --work (needs root)
    #[arg(long, value_name = "SIZE", value_parser = place::parse_size)]
    loop_ext4: Option<u64>,
    /// How often everything is done
    #[arg(long, value_name = "COUNT", default_value = "5")]
    rounds: NonZero<u32>,
    /// Write every figure to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Why the benchmark ends early.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Programs(#[from] ProgramsError),
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error("the trees differ: {0}")]
    Differ(#[from] Difference),
    #[error("{what} did not go well: {why}")]
    Step { what: String, why: String },
    #[error("interrupted")]
    Interrupted,
}

impl BenchError {
    fn step(what: impl Into<String>, why: impl ToString) -> Self {
        Self::Step { what: what.into(), why: why.to_string() }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let interrupted = match pollux_tests::interruption() {
        Ok(interrupted) => interrupted,
        Err(error) => return failed(&error.into()),
    };
    match run(&arguments, &interrupted) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if interrupted.load(Ordering::Relaxed) => {
            say("interrupted; every process is stopped and everything made is removed");
            ExitCode::from(130)
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &BenchError) -> ExitCode {
    // Nothing better can be done where standard error is gone.
    drop(writeln!(io::stderr(), "bench: {error}"));
    ExitCode::FAILURE
}

fn run(arguments: &Arguments, interrupted: &AtomicBool) -> Result<(), BenchError> {
    let programs = Programs::beside_this_one()?;
    if cfg!(debug_assertions) {
        say("This is not a release build: the figures are worth nothing.");
    }
    measure::commands_are_here(&["tar", "zstd", "rsync"])?;
    let mut place = Place::new(&arguments.work, arguments.loop_ext4)?;
    let done = measure_in(arguments, programs, &place, interrupted);
    place.remove()?;
    let report = done?;
    say(&report.table());
    if let Some(file) = &arguments.json {
        report.write(file)?;
    }
    Ok(())
}

fn measure_in(
    arguments: &Arguments,
    programs: Programs,
    place: &Place,
    interrupted: &AtomicBool,
) -> Result<Report, BenchError> {
    let input = match &arguments.input {
        Some(directory) => Input::given(directory)?,
        None => Input::make(arguments.make, arguments.made.as_deref().unwrap_or(place.directory()))?,
    };
    step(&format!("Reading {}", input.directory.display()));
    let listing = Listing::of(&input.directory)?;
    let limit = Limit::read(&input.directory)?;
    say(&format!("    {} files, {}; {}", limit.files(), size(listing.bytes()), input.origin));
    let shared = Shared::prepare(programs, place, &input.directory, (&listing, &limit), interrupted)?;
    let mut report = Report::new(&input, &limit, listing.bytes(), place)?;
    for number in 0..arguments.rounds.get() {
        step(&format!("Round {} of {}", number + 1, arguments.rounds));
        report.add(Round::start(&shared, number)?.run()?);
    }
    Ok(report)
}
