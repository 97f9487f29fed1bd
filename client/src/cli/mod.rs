//! The command line: one file per verb. What it prints, how it ends.

mod audit;
mod bugreport;
mod common;
mod completions;
mod confirm;
mod diff;
mod differences;
mod doctor;
mod environment;
mod exit;
mod grant;
mod key;
mod key_of;
mod log;
mod ls;
mod manual;
mod output;
mod pool;
mod prefetch;
mod presets;
mod progress;
mod publish;
mod report;
mod restore;
mod run;
mod save;
mod saved;
mod show;
mod sign;
mod signals;
mod status;
mod surroundings;
mod terms;
mod usage;
mod verify;
mod who;
mod yank;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use environment::without_empty;
use exit::{Failure, Kind, report_failure};
use std::ffi::OsStr;
use std::process::ExitCode;

/// Share caches among CI instances: save and restore directories through the node of this instance.
///
/// Results go to standard output, words for people to standard error. `--json` prints one JSON object whose fields
/// only ever grow. Where the verb fails it has `version` and `error`, with its kind, a message, and often a hint and the
/// reason that a restore has for it, such as `no-node`. A miss, and what `verify`, `audit`, `doctor` and `status --job` find, are
/// objects of their own.
///
/// Exit status: 0 done (a miss, a lost race and an unchanged tree are no failures), 1 failed (doctor: something is wrong), 2 wrong usage, 3 a miss
/// with --fail-on-miss, 4 no node or no seed can be reached (who: some saves could not be looked at), 5 refused by the node, the seeds or the signer, 6 the directory
/// cannot be read or written, 7 the sequence of a signed manifest is taken: begin again with save --unsigned-out, 8 a
/// manifest is not believed (verify), or a package is not what it must be (audit), 9 a cache was taken back after it was restored (status --job), 130 interrupted. `run` ends as its command
/// does, with 127 or 126 where that is not there or cannot be run.
#[derive(Debug, Parser)]
#[command(name = "pollux", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Run(run::Arguments),
    Restore(restore::Arguments),
    Prefetch(prefetch::Arguments),
    Save(save::Arguments),
    Sign(sign::Arguments),
    Publish(publish::Arguments),
    Grant(grant::Arguments),
    Ls(ls::Arguments),
    Log(log::Arguments),
    Show(show::Arguments),
    Usage(usage::Arguments),
    Presets(presets::Arguments),
    Audit(audit::Arguments),
    Diff(diff::Arguments),
    Who(who::Arguments),
    Status(status::Arguments),
    Doctor(doctor::Arguments),
    Bugreport(bugreport::Arguments),
    Verify(verify::Arguments),
    Yank(yank::Arguments),
    Pool(pool::Arguments),
    Key(key::Arguments),
    Completions(completions::Arguments),
    Man(manual::Arguments),
}

/// Runs the command that the process was started with.
pub(crate) fn run() -> ExitCode {
    let arguments = Arguments::read().unwrap_or_else(|error| misused(&error));
    let json = arguments.verb.json();
    let done = match arguments.verb {
        Verb::Run(arguments) => match run::run(arguments) {
            Ok(code) => return code,
            Err(failure) => Err(failure),
        },
        Verb::Presets(arguments) => presets::run(&arguments),
        Verb::Audit(arguments) => audit::run(&arguments),
        Verb::Diff(arguments) => diff::run(&arguments),
        Verb::Who(arguments) => who::run(&arguments),
        Verb::Restore(arguments) => restore::run(&arguments),
        Verb::Prefetch(arguments) => prefetch::run(&arguments),
        Verb::Save(arguments) => save::run(arguments),
        Verb::Sign(arguments) => sign::run(&arguments),
        Verb::Publish(arguments) => publish::run(arguments),
        Verb::Grant(arguments) => grant::run(&arguments),
        Verb::Ls(arguments) => ls::run(&arguments),
        Verb::Log(arguments) => log::run(&arguments),
        Verb::Show(arguments) => show::run(&arguments),
        Verb::Status(arguments) => status::run(&arguments),
        Verb::Usage(arguments) => usage::run(&arguments),
        Verb::Doctor(arguments) => doctor::run(&arguments),
        Verb::Bugreport(arguments) => bugreport::run(&arguments),
        Verb::Verify(arguments) => verify::run(&arguments),
        Verb::Yank(arguments) => yank::run(&arguments),
        Verb::Pool(arguments) => pool::run(&arguments),
        Verb::Key(arguments) => key::run(&arguments),
        Verb::Completions(arguments) => completions::run(&arguments),
        Verb::Man(arguments) => manual::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if json {
                failure.print_json();
            }
            report_failure(&failure)
        }
    }
}

impl Arguments {
    /// Those of this process.
    fn read() -> Result<Self, clap::Error> {
        let mut command = without_empty(Self::command());
        let mut matches = command.try_get_matches_from_mut(std::env::args_os())?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

impl Verb {
    /// Whether its result is for scripts.
    const fn json(&self) -> bool {
        match self {
            Self::Presets(arguments) => arguments.json(),
            Self::Audit(arguments) => arguments.json,
            Self::Diff(arguments) => arguments.common.json,
            Self::Who(arguments) => arguments.common.json,
            Self::Restore(arguments) => arguments.common.json,
            Self::Prefetch(arguments) => arguments.common.json,
            Self::Save(arguments) => arguments.common.json,
            Self::Sign(arguments) => arguments.json,
            Self::Publish(arguments) => arguments.common.json,
            Self::Grant(arguments) => arguments.json,
            Self::Ls(arguments) => arguments.common.json,
            Self::Log(arguments) => arguments.common.json,
            Self::Show(arguments) => arguments.common.json,
            Self::Status(arguments) => arguments.common.json,
            Self::Usage(arguments) => arguments.common.json,
            Self::Doctor(arguments) => arguments.common.json,
            Self::Bugreport(arguments) => arguments.common.json,
            Self::Verify(arguments) => arguments.common.json,
            Self::Yank(arguments) => arguments.common.json,
            Self::Pool(arguments) => arguments.json(),
            Self::Key(arguments) => arguments.json(),
            Self::Run(_) | Self::Completions(_) | Self::Man(_) => false,
        }
    }
}

/// Ends a command whose arguments cannot be used, or that only asks for help.
fn misused(error: &clap::Error) -> ! {
    if error.use_stderr() && wants_json(std::env::args_os().skip(1)) {
        Failure::new(Kind::Usage, summary(&error.to_string())).print_json();
    }
    error.exit()
}

/// Whether a flag asks for JSON, as far as that can be told where the rest is wrong.
fn wants_json(arguments: impl Iterator<Item = impl AsRef<OsStr>>) -> bool {
    let mut flags = arguments.take_while(|argument| argument.as_ref() != "--");
    flags.any(|argument| argument.as_ref() == "--json")
}

/// The first paragraph of what is said to people: what is wrong, without the usage.
fn summary(text: &str) -> &str {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    text.split_once("\n\n").map_or(text, |(first, _)| first).trim_end()
}

/// Why a verb ends early.
type Done = Result<(), Failure>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_flag_for_json_is_found_before_the_double_dash() {
        assert!(wants_json(["save", "--json", "--nonsense"].iter()));
        assert!(!wants_json(["save", "json", "--", "--json"].iter()));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_usage() {
        assert_eq!(summary("error: no such verb\n\nUsage: pollux\n"), "no such verb");
        assert_eq!(summary("nothing else\n"), "nothing else");
    }
}
