//! The command line: one file per verb. What it prints, how it ends.

mod common;
mod exit;
mod ls;
mod output;
mod pool;
mod progress;
mod report;
mod restore;
mod save;
mod show;
mod signals;
mod status;

use clap::{Parser, Subcommand};
use exit::{Failure, report_failure};
use std::process::ExitCode;

/// Share caches among CI instances: save and restore directories through the node of this instance.
///
/// Results go to standard output, words for people to standard error. `--json` prints one JSON object whose fields
/// only ever grow.
///
/// Exit status: 0 done (a miss, a lost race and an unchanged tree are no failures), 1 failed, 2 wrong usage, 3 a miss
/// with --fail-on-miss, 4 no node or no seed can be reached, 5 refused by the node or the seeds, 6 the directory
/// cannot be read or written, 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "pollux", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Restore(restore::Arguments),
    Save(save::Arguments),
    Ls(ls::Arguments),
    Show(show::Arguments),
    Status(status::Arguments),
    Pool(pool::Arguments),
}

/// Runs the command that the process was started with.
pub(crate) fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.verb {
        Verb::Restore(arguments) => restore::run(&arguments),
        Verb::Save(arguments) => save::run(arguments),
        Verb::Ls(arguments) => ls::run(&arguments),
        Verb::Show(arguments) => show::run(&arguments),
        Verb::Status(arguments) => status::run(&arguments),
        Verb::Pool(arguments) => pool::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report_failure(&failure),
    }
}

/// Why a verb ends early.
type Done = Result<(), Failure>;

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
