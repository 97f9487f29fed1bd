//! `pollux-sim`: what a rollout would do, before doing it.

mod compare;
mod files;
mod flags;
mod hunting;
mod manual;
mod tabling;

use clap::{CommandFactory, Parser, Subcommand};
use compare::DiffFlags;
use flags::{RunFlags, ShownFlags};
use hunting::{HuntFlags, ReplayFlags, ShrinkFlags};
use pollux_sim::{READY, REFERENCE, Report, Scenario, TRACES, Trace};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tabling::TableFlags;

/// A static program is linked with musl, whose own allocator is slow.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A fleet of Pollux nodes in virtual time.
///
/// Runs the real engine in every simulated node, over a simulated network. The same rng seed gives the same run.
#[derive(Debug, Parser)]
#[command(name = "pollux-sim", version, after_help = manual::EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Runs one scenario: instances that boot and restore what others have published.
    #[command(after_long_help = manual::RUN)]
    Run(Box<RunFlags>),
    /// Puts two runs beside each other: figure by figure, how much it has changed, and in which it is better.
    #[command(after_help = manual::DIFF)]
    Diff(DiffFlags),
    /// Runs many scenarios and prints a table of what came of each.
    #[command(after_help = manual::TABLE)]
    Table(TableFlags),
    /// Lists the scenarios that come along, or prints one, or a trace that one names; `reference` is one with every field,
    /// explained.
    Scenarios {
        /// Which to print, as a file has it; or `reference`.
        name: Option<String>,
    },
    /// Runs many scenarios whose faults are drawn, and tells which fail.
    #[command(after_long_help = manual::HUNT)]
    Hunt(HuntFlags),
    /// Runs one of those again.
    Replay(ReplayFlags),
    /// Finds the least of a failing scenario that still fails in the same way.
    Shrink(ShrinkFlags),
    /// Writes the manual pages into a directory that is there, for packages.
    #[command(hide = true)]
    Man {
        /// The directory.
        directory: PathBuf,
    },
}

/// A file could not be written.
const FAILED: u8 = 1;
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Run(flags) => run(&flags),
        Verb::Diff(flags) => flags.run(),
        Verb::Table(flags) => flags.run(),
        Verb::Scenarios { name } => show_scenarios(name.as_deref()),
        Verb::Hunt(flags) => hunting::hunt(&flags).map(ExitCode::from),
        Verb::Replay(flags) => replay(&flags),
        Verb::Shrink(flags) => hunting::shrink(&flags).map(|()| ExitCode::SUCCESS),
        Verb::Man { directory } => write_manual(&directory),
    };
    match done {
        Ok(code) => code,
        Err(Failure { code: 0, .. }) => ExitCode::SUCCESS,
        Err(Failure { code, message }) => {
            // Nobody is left to tell.
            let _ = writeln!(io::stderr(), "error: {message}");
            ExitCode::from(code)
        }
    }
}

struct Failure {
    code: u8,
    message: String,
}

fn usage(message: impl ToString) -> Failure {
    Failure { code: USAGE, message: message.to_string() }
}

fn failed(message: impl ToString) -> Failure {
    Failure { code: FAILED, message: message.to_string() }
}

/// What was to be printed could not be. Whoever reads no further, as `head` does, has what it wanted: that is no failure.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` has it")]
fn unwritten(error: io::Error) -> Failure {
    let code = if error.kind() == io::ErrorKind::BrokenPipe { 0 } else { FAILED };
    Failure { code, message: error.to_string() }
}

fn run(flags: &RunFlags) -> Result<ExitCode, Failure> {
    let scenario = flags.scenario().map_err(usage)?;
    scenario.check().map_err(usage)?;
    run_one(&scenario, flags.command(), &flags.shown)
}

fn show_scenarios(name: Option<&str>) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    let shown = match name {
        Some(wanted) => {
            let all = READY.iter().chain(TRACES).chain(&[("reference", REFERENCE)]);
            let Some((_, text)) = all.into_iter().find(|(known, _)| *known == wanted) else {
                return Err(usage(format!(
                    "there is no scenario `{wanted}`: `pollux-sim scenarios` lists all"
                )));
            };
            write!(out, "{text}")
        }
        None => list_scenarios(&mut out),
    };
    shown.map(|()| ExitCode::SUCCESS).map_err(unwritten)
}

fn list_scenarios(out: &mut impl Write) -> io::Result<()> {
    for (known, _) in READY {
        let about = Scenario::ready(known).map(|scenario| scenario.about).unwrap_or_default();
        writeln!(out, "{known:<16} {about}")?;
    }
    writeln!(out, "\n`pollux-sim scenarios reference` prints every field, explained.")
}

fn replay(flags: &ReplayFlags) -> Result<ExitCode, Failure> {
    let scenario = flags.base.draw(flags.rng_seed)?;
    if flags.scenario {
        let text = toml::to_string(&scenario).map_err(failed)?;
        return write!(io::stdout(), "{text}").map(|()| ExitCode::SUCCESS).map_err(unwritten);
    }
    let command = flags.base.command(flags.rng_seed);
    run_one(&scenario, command, &flags.shown)
}

fn run_one(scenario: &Scenario, command: String, shown: &ShownFlags) -> Result<ExitCode, Failure> {
    let trace = shown.trace.as_deref().map_or_else(|| Ok(Trace::new()), open_trace)?;
    let before = cpu_time();
    let report = pollux_sim::run(scenario, trace).map_err(failed)?;
    let report = report.with_command(command).with_cpu(cpu_time().saturating_sub(before));
    if let Some(path) = &shown.html {
        fs::write(path, report.to_html()).map_err(|error| failed(format!("{}: {error}", path.display())))?;
    }
    show(&report, shown.json).map_err(unwritten)?;
    Ok(ExitCode::from(report.verdict.class.exit_code()))
}

fn write_manual(directory: &Path) -> Result<ExitCode, Failure> {
    let written = clap_mangen::generate_to(Cli::command(), directory);
    written.map_err(|error| failed(format!("{}: {error}", directory.display())))?;
    Ok(ExitCode::SUCCESS)
}

fn open_trace(path: &Path) -> Result<Trace, Failure> {
    #[expect(clippy::disallowed_types, reason = "the program has files, the library has none")]
    let file = fs::File::create(path);
    let file = file.map_err(|error| failed(format!("{}: {error}", path.display())))?;
    Ok(Trace::with_text(Box::new(BufWriter::new(file))))
}

fn show(report: &Report, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, report)?;
        writeln!(out)
    } else {
        write!(out, "{report}")
    }
}

/// CPU time of this thread: the first number that Linux tells of its scheduling; elsewhere none.
fn cpu_time() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told.split_whitespace().next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
