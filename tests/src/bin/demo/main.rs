//! The demonstration: a real pool on this machine, doing its main job on a real package cache.

mod baseline;
mod input;
mod story;
mod words;

use clap::Parser;
use pollux_tests::{Programs, ProgramsError};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use story::Story;

/// Start a seed and three nodes on this machine, save a package cache through one of them, kill that one, restore the
/// cache through the others, and compare. Everything is made in a directory of its own and removed at the end.
#[derive(Debug, Parser)]
#[command(name = "demo")]
struct Arguments {
    /// The directory to save [default: cargo's own registry]
    input: Option<PathBuf>,
    /// Take only the first 64 MiB of the input
    #[arg(long)]
    small: bool,
    /// Make everything below this directory [default: the system's temporary one]
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
}

/// Why the demonstration ends early.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Programs(#[from] ProgramsError),
    #[error(transparent)]
    Daemon(#[from] pollux_tests::DaemonError),
    #[error("the trees differ: {0}")]
    Differ(#[from] pollux_tests::Difference),
    #[error("{what} did not go well: {why}")]
    Step { what: &'static str, why: String },
    #[error("{0}")]
    Input(String),
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
            words::say("interrupted; every process is stopped and every file removed");
            ExitCode::from(130)
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &DemoError) -> ExitCode {
    // Nothing better can be done where standard error is gone.
    drop(writeln!(io::stderr(), "demo: {error}"));
    ExitCode::FAILURE
}

fn run(arguments: &Arguments, interrupted: &AtomicBool) -> Result<(), DemoError> {
    let programs = Programs::given_or_built(None, words::step)?;
    let work = match &arguments.work {
        Some(directory) => tempfile::Builder::new().prefix("pollux-demo-").tempdir_in(directory)?,
        None => tempfile::Builder::new().prefix("pollux-demo-").tempdir()?,
    };
    let input = input::prepare(arguments.input.as_deref(), arguments.small, work.path())?;
    let told = Story::new(programs, work.path(), input, interrupted).tell();
    work.close()?;
    told
}
