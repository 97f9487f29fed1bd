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

use super::common::{SOCKET, disabled, parse_seconds};
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
use std::time::Duration;

/// Run a command with its package caches
///
/// Restores the caches of these presets, tells the package managers where they are, runs the command, and says at the end
/// what was restored, what the job added, and what it saved. The command runs in any case: without a node, with a broken one,
/// or after a miss, within the deadlines; its exit status and the signals that it ends by are this one's.
///
/// With a publisher's key (--signing-key or POLLUX_SIGNING_KEY, in a trusted pipeline) and after success it also saves: what
/// no job has used for some saves goes, what lacks its other half is dropped, digests are checked against the program's own
/// metadata and the project's lock files, and the list of packages is recorded. One wrong digest, and nothing is saved.
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
    /// Restore no cache that cost more than it saved, measured over its last uses on this machine
    #[arg(long)]
    adaptive: bool,
    /// Write what happened as JSON to this file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Seconds until the first answer
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = parse_seconds)]
    answer_timeout: Duration,
    /// Seconds without any progress
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds)]
    progress_timeout: Duration,
    /// Seconds that each restore, and each save, may take in all
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = parse_seconds)]
    timeout: Duration,
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
    statements: Option<PathBuf>,
    provenance: pollux_core::Provenance,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let plans = arguments.place.plans(&arguments.cache)?;
    let command = arguments.command.clone();
    let shared = shared(&arguments)?;
    let mut caches: Vec<Cache> = plans.into_iter().map(|plan| Cache::restore(plan, &shared)).collect();
    if shared.interrupted.load(Ordering::Relaxed) {
        return Err(Failure::new(Kind::Interrupted, "interrupted before the command"));
    }
    let environment = environment(caches.iter().map(|cache| &cache.plan));
    let ended = child::run(&command, &environment)?;
    for cache in &mut caches {
        cache.look_back();
        if ended.succeeded {
            cache.save(&shared);
        }
    }
    let summary = summary::Summary::of(&caches, &ended);
    output::say(&summary.words());
    if let Some(path) = &arguments.report {
        summary.write(path);
    }
    Ok(ended.code())
}

fn shared(arguments: &Arguments) -> Result<Shared, Failure> {
    let signer = match (&arguments.signing_key, &arguments.unsigned_out) {
        _ if disabled() => None,
        (Some(source), _) => Some(Signer::Key(Box::new(source.read()?))),
        (None, Some(_)) => Some(Signer::Elsewhere),
        (None, None) => None,
    };
    let deadlines = Deadlines {
        answer: arguments.answer_timeout,
        progress: arguments.progress_timeout,
        total: arguments.timeout,
    };
    Ok(Shared {
        socket: arguments.socket.clone(),
        deadlines,
        interrupted: signals::noted().map_err(|error| Failure::new(Kind::Failed, error))?,
        adaptive: arguments.adaptive,
        signer,
        statements: arguments.unsigned_out.clone(),
        provenance: arguments.place.surroundings().provenance(),
    })
}

/// What the command is told; of two presets that name one variable, the later counts.
fn environment<'a>(plans: impl Iterator<Item = &'a Plan>) -> BTreeMap<String, String> {
    plans.flat_map(|plan| plan.environment.clone()).collect()
}
