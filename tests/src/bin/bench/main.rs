//! The benchmark: what Pollux does, beside what people do without it, in the same run.
//!
//! ```text
//! options   what every part is told
//! input     what is saved: given, from package managers, or synthetic
//! place     the file system that everything is written to
//! ask       what a job asks of its node
//! measure   wall time, CPU of commands and of daemons
//! machine   saving and restoring on one machine
//! network   between two machines
//! wire      chunks between two processes
//! daemon    starting, and doing nothing
//! table     rows, and verdicts on them; text as people read it
//! report    everything as JSON; page as HTML
//! words     what is said meanwhile
//! ```

mod ask;
mod daemon;
mod input;
mod machine;
mod measure;
mod network;
mod options;
mod page;
mod place;
mod report;
mod table;
mod text;
mod wire;
mod words;

use clap::{Args, Parser, Subcommand};
use input::{Input, Kind};
use options::Options;
use place::Place;
use pollux_tests::{DaemonError, Difference, ProgramsError};
use report::Report;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use words::say;

/// The node's, so that what moves chunks here costs what it costs there.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measure Pollux beside what people use without it, in the same run
///
/// Figures are worth something on an idle machine only. What is compared is done in turns, in an order that changes from
/// round to round; medians count, and CPU seconds are those of all processes together, until daemons are quiet again.
/// Nothing is installed: programs to compare with that are not here are named, and left out.
///
/// Everything that was made is removed at the end, also after Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
struct Arguments {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Make inputs, each in two versions, with the package managers that are here
    Inputs(Inputs),
    /// Save and restore on one machine, beside tar, zstd, rsync, restic, casync and ostree
    Machine(Machine),
    /// Restore and publish between two machines behind shaped links, beside an rsync daemon and a web server
    Network(Network),
    /// Move chunks from process to process, beside TLS, libp2p as it comes, TCP and a unix socket
    Wire(Wire),
    /// Start a node, with an empty and a full store, and leave it alone
    Daemon(DaemonPart),
    /// Make one page of HTML of the JSON of several runs
    Page(Pages),
}

#[derive(Debug, Args)]
struct Inputs {
    /// Make these
    #[arg(value_enum, required = true)]
    kinds: Vec<Kind>,
    /// In this directory; what an earlier run left there is taken as it is
    #[arg(long, value_name = "DIR")]
    made: PathBuf,
}

/// Save and restore on one machine
///
/// Every round starts a fresh pool on loopback (a seed and three nodes, real daemons) and does everything once. Everything
/// is written to new directories; removing them is never timed. Groups for --only: save, again (unchanged), cold (through
/// nodes that lack it), restore, next (the second version after the first).
///
/// `--work` must be on a file system that is fair: a tmpfs, xfs, or ext4 with a journal. ext4 without one makes files slowly
/// for minutes after others were removed; as root, `--loop-ext4` makes one with a journal in an image file.
#[derive(Debug, Args)]
struct Machine {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    options: Options,
}

/// Restore and publish between two machines
///
/// Two hosts in network namespaces behind shaped links, which needs root, `ip` and `tc`. The seed, an rsync daemon and a web
/// server (nginx, or else Python's) are on one of them, a node and its jobs on the other. Groups for --only: link (bytes that
/// do not compress), cold, next (the second version, with the first there), small, boot.
#[derive(Debug, Args)]
struct Network {
    #[command(flatten)]
    chosen: Chosen,
    /// Each link, each way, in bits a second
    #[arg(long, value_name = "BITS", default_value = "1000000000")]
    rate: u64,
    #[command(flatten)]
    options: Options,
}

/// Move chunks from process to process
///
/// On loopback, without engine and store: what the wire itself costs. And what a node gives to a client through its socket.
/// Groups for --only: wire, socket.
#[derive(Debug, Args)]
struct Wire {
    /// What each moves
    #[arg(long, value_name = "COUNT", default_value = "4", value_parser = clap::value_parser!(u64).range(1..=1000))]
    gigabytes: u64,
    #[command(flatten)]
    options: Options,
}

/// Start a node, and leave it alone
///
/// Groups for --only: start (until it answers on its socket), idle (what it has resident, and its share of a core).
#[derive(Debug, Args)]
struct DaemonPart {
    /// Of the full store; as much has to fit below --work
    #[arg(long, value_name = "COUNT", default_value = "2", value_parser = clap::value_parser!(u64).range(1..=50))]
    gigabytes: u64,
    #[command(flatten)]
    options: Options,
}

#[derive(Clone, Debug, Args)]
struct Chosen {
    /// Save this directory, instead of one that is made
    #[arg(long, value_name = "DIR", conflicts_with = "make")]
    input: Option<PathBuf>,
    /// And then this one, as its second version
    #[arg(long, value_name = "DIR", requires = "input")]
    next: Option<PathBuf>,
    /// What is made to be saved; several in turn
    #[arg(long, value_enum, value_delimiter = ',', default_value = "node-modules")]
    make: Vec<Kind>,
    /// Make it in this directory and leave it there; what an earlier run left there is taken as it is
    #[arg(long, value_name = "DIR")]
    made: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Pages {
    /// What runs wrote with --json, on one machine
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The page
    #[arg(long, value_name = "FILE")]
    html: PathBuf,
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
    if std::env::args().nth(1).as_deref() == Some("contender") {
        return wire::contender(std::env::args().skip(1));
    }
    let arguments = Arguments::parse();
    let interrupted = match pollux_tests::interruption() {
        Ok(interrupted) => interrupted,
        Err(error) => return failed(&error.into()),
    };
    match run(&arguments.part, &interrupted) {
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

fn run(part: &Part, interrupted: &AtomicBool) -> Result<(), BenchError> {
    match part {
        Part::Inputs(Inputs { kinds, made }) => {
            kinds.iter().try_for_each(|kind| Input::make(*kind, made).map(drop))
        }
        Part::Machine(Machine { chosen, options }) => in_place(options, |place, report| {
            let made = chosen.made.as_deref().unwrap_or(place.directory());
            for input in chosen.inputs(made)? {
                report.tables.push(machine::measure(options, &input, place, interrupted)?);
            }
            Ok(())
        }),
        Part::Network(Network { chosen, rate, options }) => in_place(options, |place, report| {
            for input in chosen.inputs(chosen.made.as_deref().unwrap_or(place.directory()))? {
                report.tables.push(network::measure(options, (&input, *rate), place, interrupted)?);
            }
            Ok(())
        }),
        Part::Wire(Wire { gigabytes, options }) => in_place(options, |place, report| {
            report.tables.push(wire::measure(options, *gigabytes, place, interrupted)?);
            Ok(())
        }),
        Part::Daemon(DaemonPart { gigabytes, options }) => in_place(options, |place, report| {
            report.tables.push(daemon::measure(options, *gigabytes, place, interrupted)?);
            Ok(())
        }),
        Part::Page(Pages { files, html }) => Report::read(files)?.write_page(html),
    }
}

impl Chosen {
    fn inputs(&self, made: &std::path::Path) -> Result<Vec<Input>, BenchError> {
        match &self.input {
            Some(first) => Ok(vec![Input::given(first, self.next.as_deref())?]),
            None => self.make.iter().map(|kind| Input::make(*kind, made)).collect(),
        }
    }
}

/// Measures in a directory of its own, and tells what came; also what came before something went wrong.
fn in_place(
    options: &Options,
    measure: impl FnOnce(&Place, &mut Report) -> Result<(), BenchError>,
) -> Result<(), BenchError> {
    if cfg!(debug_assertions) {
        say("This is not a release build: the figures are worth nothing.");
    }
    options.check_files()?;
    let mut place = Place::new(&options.work, options.loop_ext4)?;
    let mut report = Report::begin()?;
    let done = measure(&place, &mut report);
    place.remove()?;
    report.tables.iter().for_each(|table| say(&table.to_string()));
    options.json.iter().try_for_each(|file| report.write_json(file))?;
    options.html.iter().try_for_each(|file| report.write_page(file))?;
    done
}
