//! `pollux-sim`: what a rollout would do, before doing it.

mod flags;

use clap::{CommandFactory, Parser, Subcommand};
use flags::RunFlags;
use pollux_sim::{Report, Trace};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// A static program is linked with musl, whose own allocator is slow.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A fleet of Pollux nodes in virtual time.
///
/// Runs the real engine in every simulated node, over a simulated network. The same rng seed gives the same run.
#[derive(Debug, Parser)]
#[command(name = "pollux-sim", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Runs one scenario: instances that boot and restore what others have published.
    #[command(after_long_help = MANUAL)]
    Run(Box<RunFlags>),
    /// Writes the manual pages into a directory that is there, for packages.
    #[command(hide = true)]
    Man {
        /// The directory.
        directory: PathBuf,
    },
}

const EXIT_CODES: &str = "Exit codes: 0 every node completed and every check held; 1 not so, or a file could not be \
written; 2 the command or the scenario is wrong.";

const MANUAL: &str = "\
The story: for each cache a node comes that holds its first version, publishes it to the seeds and is killed. That is the \
beginning. Then the groups' nodes boot, join, and each restores its caches as jobs do. The network shares links as a fluid; \
control messages take latency only.

The result is compared with what no crowd can beat, where S is a cache with its tree, N the nodes:
  T >= max(S / seeds' uplinks, S / downlink, N * S / (seeds' uplinks + sum of uplinks))

A scenario is a file in TOML, or one that comes along: boot-storm, crowd, hostile-tenth, long-tail, rolling-version, \
small-crowd, two-regions. A file says what differs from the one that it extends; flags go before it:
  extends = \"boot-storm\"
  [seeds]
  count = 3
  [[zones]]
  name = \"east\"
  up = \"10Gbit/s\"
  [[groups]]
  name = \"crowd\"
  count = 1000
  behaviour = \"honest\"       # junk, stalling, false-haves, slow
  arrival = \"poisson 10ms\"   # all-at-once, or within a time: 30s
  life = \"5min\"              # and then exit = killed or vanished

Sizes: B kB MB GB KiB MiB GiB. Rates: B/s kB/s MB/s GB/s KiB/s MiB/s GiB/s bit/s kbit/s Mbit/s Gbit/s. Times: us ms s min.

Checks: no node finishes sooner than its links allow; a job gets what it asked for, checked, and nothing else; engines \
do nothing without credit; no honest peer is distrusted; every node completes.

Output: text, or with --json one object whose `version` is 2. The trace digest covers every input and output of every \
engine; equal digests mean equal runs.

Exit codes: 0 every node completed and every check held; 1 not so, or a file could not be written; 2 the command or the \
scenario is wrong.";

const FAILED: u8 = 1;
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Run(flags) => run(&flags),
        Verb::Man { directory } => write_manual(&directory),
    };
    match done {
        Ok(code) => code,
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

fn run(flags: &RunFlags) -> Result<ExitCode, Failure> {
    let scenario = flags.scenario().map_err(usage)?;
    scenario.check().map_err(usage)?;
    let trace = flags.trace.as_deref().map_or_else(|| Ok(Trace::new()), open_trace)?;
    let before = cpu_time();
    let report = pollux_sim::run(&scenario, trace).map_err(failed)?;
    let report = report.with_command(flags.command()).with_cpu(cpu_time().saturating_sub(before));
    show(&report, flags.json).map_err(failed)?;
    Ok(if report.verdict.ok { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

fn write_manual(directory: &Path) -> Result<ExitCode, Failure> {
    let written = clap_mangen::generate_to(Cli::command(), directory);
    written.map_err(|error| failed(format!("{}: {error}", directory.display())))?;
    Ok(ExitCode::SUCCESS)
}

fn open_trace(path: &Path) -> Result<Trace, Failure> {
    #[expect(clippy::disallowed_types, reason = "the program has files, the library has none")]
    let file = fs::File::create(path);
    let file = file.map_err(|error| usage(format!("{}: {error}", path.display())))?;
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
