//! `pollux doctor`

mod pool_file;
mod reach;
mod socket;

use super::common::{Common, disabled, parse_seconds};
use super::exit::{Failure, Kind};
use super::{Done, output};
use clap::Args;
use pollux_client::clock::now;
use pollux_client::connection::SOFTWARE;
use pollux_client::health::{Check, Level, checks, is_here, listening};
use pollux_client::protocol::{Further, NodeStatus};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// Where pool files are.
pub(super) const POOL_FILE: &str = "/etc/pollux/pool.json";

/// Find out what is wrong with this instance's node, why, and what to do
///
/// Looks at the pool file, the node's socket, the addresses of the seeds (from here, as the node sees them), clock,
/// membership, seeds, store, and what ends soon, one after the other.
///
/// Exit status: 0 all is well, warnings included; 1 something is wrong.
///
/// Examples:
///
///   pollux doctor
///
///   pollux doctor --pool pool.json
///
///   pollux doctor --json | jq '.checks[] | select(.level != "ok")'
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The pool file [default: the node's own, or /etc/pollux/pool.json]
    #[arg(long, value_name = "FILE")]
    pool: Option<PathBuf>,
    /// Seconds to wait for the node
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Examination {
    /// `well` or `trouble`.
    result: &'static str,
    /// In the order in which one hangs on another.
    pub(super) checks: Vec<Check>,
    /// What the node says of itself, if it answers.
    #[serde(skip)]
    pub(super) node: Option<(NodeStatus, Option<Further>)>,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    if disabled() {
        return output::print_disabled(arguments.common.json);
    }
    let found = examine(&arguments.common, arguments.pool.clone(), arguments.timeout);
    if arguments.common.json { output::print_json(&found) } else { output::print(&found.words()) }?;
    found.ended()
}

/// Looks at everything, and changes nothing.
pub(super) fn examine(common: &Common, pool: Option<PathBuf>, patience: Duration) -> Examination {
    let (socket, node) = socket::examine(&common.here(), patience);
    let more = node.as_ref().and_then(|(_, more)| more.as_ref());
    let own =
        more.map(|more| PathBuf::from(&more.place.pool_file)).filter(|path| !path.as_os_str().is_empty());
    let path = pool.or(own).unwrap_or_else(|| POOL_FILE.into());
    let (mut all, file) = pool_file::examine(&path, node.is_some(), now());
    if all.iter().all(|check| check.level == Level::Ok) {
        all.extend(pool_file::other_pool(&path, file.as_ref(), more));
    }
    all.push(socket);
    let seeds = reach::seeds(more, file.as_ref());
    all.extend(reach::examine(&seeds, reach::PATIENCE));
    if let Some((status, more)) = &node {
        all.extend(checks(status, more.as_ref(), SOFTWARE, now()));
        all.extend(listening(status, more.as_ref(), is_here));
    }
    let wrong = all.iter().any(|check| check.level == Level::Wrong);
    Examination { result: if wrong { "trouble" } else { "well" }, checks: all, node }
}

impl Examination {
    /// A line for each check, and below those that are not well why and what to do.
    pub(super) fn words(&self) -> String {
        let mut lines: Vec<String> = self.checks.iter().map(words).collect();
        let count = |level| self.checks.iter().filter(|check| check.level == level).count();
        lines.push(match (count(Level::Wrong), count(Level::Warning)) {
            (0, 0) => "All is well.".to_owned(),
            (0, warnings) => format!("It works; to be looked at: {warnings}."),
            (wrong, _) => format!("Wrong: {wrong}. Begin with the first: others may follow from it."),
        });
        lines.join("\n")
    }

    fn ended(&self) -> Done {
        let first = self.checks.iter().find(|check| check.level == Level::Wrong);
        first.map_or(Ok(()), |check| {
            Err(Failure::new(Kind::Unwell, format!("{}: {}", check.check, check.what)))
        })
    }
}

fn words(check: &Check) -> String {
    let mark = match check.level {
        Level::Ok => "ok  ",
        Level::Warning => "!   ",
        Level::Wrong => "NO  ",
    };
    let part = |name: &str, text: &Option<String>| {
        text.as_ref().map_or_else(String::new, |text| format!("\n      {name}{text}"))
    };
    format!(
        "{mark}{}: {}{}{}",
        check.check,
        check.what,
        part("why: ", &check.why),
        part("do:  ", &check.todo)
    )
}
