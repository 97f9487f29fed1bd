//! `pollux status`

mod job;
mod screen;

use super::common::{Common, disabled, parse_seconds};
use super::{Done, output};
use clap::Args;
use pollux_client::clock::now;
use pollux_client::connection::SOFTWARE;
use pollux_client::flow::overview;
use pollux_client::health::{Check, Level, checks, is_here, listening};
use pollux_client::protocol::{Further, NodeStatus};
use serde::Serialize;
use std::time::Duration;

/// Show how the node of this instance is, or what of a job's caches was taken back
///
/// On one screen: its pool and policy, its membership, each seed, the store, what jobs asked, and last what is wrong or ends
/// within 30 days, with what to do. `pollux doctor` looks further.
///
/// Examples:
///
///   pollux status
///
///   pollux status --json | jq .trouble
///
///   pollux status --job
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Instead, show which caches were taken back since jobs of this user restored them through this node, and why; status
    /// 9 if there are any
    #[arg(long)]
    job: bool,
    /// Seconds to wait for the node
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

/// As JSON. What a node of an older release does not tell is missing.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    pub(super) status: NodeStatus,
    #[serde(flatten)]
    pub(super) more: Option<Further>,
    /// What is not as it should be.
    pub(super) trouble: Vec<Check>,
}

impl Report {
    pub(super) fn new(status: NodeStatus, more: Option<Further>) -> Self {
        let mut trouble = checks(&status, more.as_ref(), SOFTWARE, now());
        trouble.extend(listening(&status, more.as_ref(), is_here));
        trouble.retain(|check| check.level != Level::Ok);
        Self { status, more, trouble }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    if disabled() {
        return output::print_disabled(arguments.common.json);
    }
    let connection = arguments.common.here().connect(arguments.timeout)?;
    if arguments.job {
        return job::run(&connection, arguments.timeout, arguments.common.json);
    }
    let (status, more) = overview(&connection, arguments.timeout)?;
    let report = Report::new(status, more);
    if arguments.common.json {
        output::print_json(&report)
    } else {
        output::print(&screen::words(&report, now()))
    }
}
