//! `pollux run`: a command with its caches.
//!
//! ```text
//! cache    one cache through it all: restored, used, saved
//! save     what happens before and at a save
//! child    the command: signals and its end pass through
//! summary  what is told at the end
//! ```

mod cache;
mod child;
mod save;
mod summary;

use super::common::{Patience, SOCKET, disabled};
use super::exit::{Failure, Kind};
use super::save::key_source;
use super::surroundings::Place;
use super::{output, signals};
use cache::Cache;
use clap::Args;
use pollux_client::flow::{Deadlines, Signer};
use pollux_client::job::Plan;
use pollux_client::key_file::KeySource;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a run that must save says in the end, where it did not.
const NOT_SAVED: &str = "not every cache is saved, which --require-save asks for; a save needs a key: --signing-key, or POLLUX_SIGNING_KEY that is not empty";

/// Run a command with its package caches
///
/// Restores the caches of these presets, tells the package managers where they are, runs the command, and says at the end
/// what was restored, what the job added, and what it saved. The command runs in any case: without a node, with a broken one,
/// or after a miss, within the deadlines, with a key that cannot be read, and outside of CI, where no project is known; its exit
/// status and the signals that it ends by are this one's. Only what is wrong with the call itself ends it before: a flag, a
/// preset that is not there, a file of presets that is none.
///
/// With a publisher's key (--signing-key or POLLUX_SIGNING_KEY, in a trusted pipeline) and after success it also saves: what
/// no job has used for some saves goes, what lacks its other half is dropped, digests are checked against the program's own
/// metadata and the project's lock files, and the list of packages is recorded. One wrong digest, and nothing is saved. Such a
/// run begins with what was signed and nothing else: what else lies in the directories that are saved is replaced when a cache
/// is restored, and otherwise refuses the save (--adopt).
///
/// Examples:
///
///   pollux run --cache npm -- npm ci
///
///   pollux run --cache pip,cargo --job unit -- make test
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The presets; `pollux presets` lists them
    #[arg(long, value_name = "PRESETS", value_delimiter = ',', required = true)]
    cache: Vec<String>,
    #[command(flatten)]
    place: Place,
    /// The publisher's key, in PKCS#8 PEM: a file of mode 0600, `-` for standard input, or `fd:N`. Without one nothing is saved.
    /// The variable is not handed on to the command, which can still read what its user can
    #[arg(long, env = "POLLUX_SIGNING_KEY", hide_env_values = true, value_name = "FILE", allow_hyphen_values = true, value_parser = key_source())]
    signing_key: Option<KeySource>,
    /// Sign nothing: write a statement for each cache to this directory, as `pollux save --unsigned-out` does
    #[arg(long, value_name = "DIR", conflicts_with = "signing_key")]
    unsigned_out: Option<PathBuf>,
    /// Save also what lay in the caches' directories before the run and was not restored by it: whoever left it is believed
    #[arg(long)]
    adopt: bool,
    /// Save also where the CI system says that the run is of a change that is not merged: a pull or merge request
    #[arg(long)]
    save_changes: bool,
    /// Fail (status 1) if not every cache is saved, though the command succeeded: also where there is nothing to save, and
    /// where there is no key
    #[arg(long)]
    require_save: bool,
    /// Restore no cache that cost more than it saved, measured over its last uses on this machine
    #[arg(long)]
    adaptive: bool,
    /// Write what happened as JSON to this file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    patience: Patience,
    /// The node's socket
    #[arg(long, env = "POLLUX_SOCKET", default_value = SOCKET, value_name = "PATH")]
    socket: PathBuf,
    /// The command
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What all caches of a run share.
pub(super) struct Shared {
    socket: PathBuf,
    deadlines: Deadlines,
    interrupted: Arc<AtomicBool>,
    adaptive: bool,
    /// What takes part in saves: none, nothing is saved.
    signer: Option<Signer>,
    /// Why nobody signs, where somebody should.
    no_signer: Option<String>,
    /// What was there before is saved, too.
    adopt: bool,
    /// The branch that a change under review is for, where such a run saves nothing.
    change_for: Option<String>,
    statements: Option<PathBuf>,
    provenance: pollux_core::Provenance,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let (plans, without) = arguments.place.plans_of_run(&arguments.cache)?;
    let command = arguments.command.clone();
    let shared = shared(&arguments)?;
    let warnings = shared.no_signer.iter().chain(without.iter().filter(|_| !disabled()));
    warnings.for_each(|warning| output::say(&format!("warning: {warning}")));
    let mut caches: Vec<Cache> = plans.into_iter().map(|plan| Cache::restore(plan, &shared)).collect();
    if shared.interrupted.load(Ordering::Relaxed) {
        return Err(Failure::new(Kind::Interrupted, "interrupted before the command"));
    }
    let forget_statements = || {
        let directory = shared.statements.iter();
        directory.for_each(|directory| save::forget_statements(directory, &arguments.cache));
    };
    forget_statements();
    let environment = environment(caches.iter().map(|cache| &cache.plan));
    let has_input = arguments.signing_key != Some(KeySource::Input);
    let ended = child::run(&command, &environment, has_input)?;
    // The command may have put one there.
    forget_statements();
    for cache in &mut caches {
        cache.look_back();
        cache.save(&shared, ended.succeeded);
    }
    let summary = summary::Summary::of(&caches, &without, &ended);
    summary.words().iter().for_each(|line| output::say(line));
    if let Some(path) = &arguments.report {
        summary.write(path);
    }
    let lacks_save = !without.is_empty() || !caches.iter().all(Cache::has_save);
    if arguments.require_save && !disabled() && ended.succeeded && lacks_save {
        output::say(NOT_SAVED);
        return Ok(ExitCode::from(Kind::Failed.status()));
    }
    Ok(ended.code())
}

fn shared(arguments: &Arguments) -> Result<Shared, Failure> {
    let source = arguments.signing_key.as_ref().filter(|source| !source.is_empty());
    let signer = match (source, &arguments.unsigned_out) {
        _ if disabled() => Ok(None),
        (Some(source), _) => source.take().map(|key| Some(Signer::Key(Box::new(key)))),
        (None, Some(_)) => Ok(Some(Signer::Elsewhere)),
        (None, None) => Ok(None),
    };
    let surroundings = arguments.place.surroundings();
    let base_branch = surroundings.base_branch.as_ref().filter(|_| !arguments.save_changes);
    let no_signer = signer.as_ref().err().map(|error| format!("nothing will be saved: {error}"));
    Ok(Shared {
        socket: arguments.socket.clone(),
        deadlines: arguments.patience.deadlines(),
        interrupted: signals::noted().map_err(|error| Failure::new(Kind::Failed, error))?,
        adaptive: arguments.adaptive,
        signer: signer.ok().flatten(),
        no_signer,
        adopt: arguments.adopt,
        change_for: base_branch.map(|branch| branch.value.clone()),
        statements: arguments.unsigned_out.clone(),
        provenance: surroundings.provenance(),
    })
}

impl Shared {
    /// Whether a cache must be what was signed before the command begins, and nothing else.
    const fn begins_clean(&self) -> bool {
        self.signer.is_some() && !self.adopt
    }
}

/// What the command is told; of two presets that name one variable, the later counts.
fn environment<'a>(plans: impl Iterator<Item = &'a Plan>) -> BTreeMap<String, String> {
    plans.flat_map(|plan| plan.environment.clone()).collect()
}
