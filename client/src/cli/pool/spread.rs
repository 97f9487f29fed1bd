//! `pollux pool spread`, and how papers are handed to the running pool.

use crate::cli::common::{Common, parse_seconds};
use crate::cli::exit::{Failure, Kind};
use crate::cli::{Done, output};
use clap::Args;
use pollux_client::clock::now;
use pollux_client::connection::Connection;
use pollux_client::flow;
use pollux_client::pool::{OpenPool, SpreadError, check_spread, papers_of};
use pollux_core::Papers;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// Hand the policy and root of a pool file to the running pool
///
/// They go through the node of this instance to the seeds, and from there to every node. A change counts once enough
/// seeds of the old policy and of the new one hold it. Whoever holds it already is not harmed by hearing it again. A pool
/// file of another pool, or with an older policy than the node goes by, is not sent (status 2).
///
/// Where the root was changed more than once since the pool last heard of it, name the pool files between, too: each
/// root is believed because of the one before.
///
/// Examples:
///
///   pollux pool spread --pool pool.json
///
///   pollux pool spread --pool pool.json --former pool.json.v7 --former pool.json.v8
#[derive(Debug, Args)]
pub(super) struct Spread {
    /// The new pool file
    #[arg(long, value_name = "FILE")]
    pool: PathBuf,
    /// A pool file before it, for its root
    #[arg(long, value_name = "FILE")]
    former: Vec<PathBuf>,
    /// Seconds to wait for the seeds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

/// How far it came.
#[derive(Debug, Serialize)]
pub(crate) struct SpreadReport {
    held: u32,
    needed: u32,
    of: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

impl SpreadReport {
    /// For people.
    pub(crate) fn words(&self) -> String {
        let Self { held, needed, of, .. } = self;
        format!("{held} of {of} seeds hold it, {needed} are needed")
    }
}

pub(super) fn run(arguments: &Spread) -> Done {
    let pool = OpenPool::read(&arguments.pool)?;
    let formers = arguments.former.iter().map(|path| OpenPool::read(path).map_err(Failure::from));
    let formers: Vec<OpenPool> = formers.collect::<Result<_, _>>()?;
    let papers = papers_of(&pool, &formers, now())?;
    let report = hand_over_pool(&arguments.common, (&pool, &formers), &papers, arguments.timeout)?;
    if arguments.common.json { output::print_json(&report) } else { output::print(&report.words()) }
}

/// Hands papers of a pool file to the seeds, if it follows what the node goes by, from the formers on.
pub(super) fn hand_over_pool(
    common: &Common,
    (pool, formers): (&OpenPool, &[OpenPool]),
    papers: &Papers,
    patience: Duration,
) -> Result<SpreadReport, Failure> {
    told(&connect_checked(common, (pool, formers), patience)?, papers, patience).map_err(|failure| {
        if failure.kind == Kind::Unreachable { failure.hint(SPREAD_AGAIN) } else { failure }
    })
}

/// Where too few seeds hold a policy. The change is in the pool file: to make it again finds nothing to change.
const SPREAD_AGAIN: &str = "the change is in the pool file: do not make it again; seeds that hold it tell the others; \
     `pollux pool spread --pool FILE` hands it over again when more of them are there; where too few will ever be, put \
     that file on every machine, and restart the seeds and then the nodes";

/// A node that goes by nothing newer than this pool file, and by the same pool's policy.
pub(super) fn connect_checked(
    common: &Common,
    (pool, formers): (&OpenPool, &[OpenPool]),
    patience: Duration,
) -> Result<Connection, Failure> {
    let connection = common.connect(patience)?;
    let (node, _) = flow::papers(&connection, patience)?;
    check_spread(pool, formers, &node)?;
    Ok(connection)
}

/// Hands papers to the seeds, through the node. Too few seeds are a failure: it is not done.
pub(crate) fn hand_over(
    common: &Common,
    papers: &Papers,
    patience: Duration,
) -> Result<SpreadReport, Failure> {
    told(&common.connect(patience)?, papers, patience)
}

fn told(connection: &Connection, papers: &Papers, patience: Duration) -> Result<SpreadReport, Failure> {
    let spread = flow::spread(connection, papers, patience)?;
    let done = spread.is_done();
    let flow::Spread { held, needed, of, refused } = spread;
    let report = SpreadReport { held, needed, of, refused };
    if done {
        return Ok(report);
    }
    let words = report.words();
    Err(match &report.refused {
        Some(why) => Failure::new(Kind::Refused, format!("{words}: {}", output::printable(why)))
            .hint("the signed files stay; `pollux pool spread` hands a policy over again"),
        None => Failure::new(Kind::Unreachable, words)
            .hint("seeds that hold it tell the others; the same command hands it over again when more of them are there"),
    })
}

impl From<SpreadError> for Failure {
    fn from(error: SpreadError) -> Self {
        let hint = match &error {
            SpreadError::OtherPool { .. } => "--socket or POLLUX_SOCKET names the node of the right pool",
            SpreadError::OtherRoot => {
                "name the pool files between with --former; --socket names the node of the right pool"
            }
            SpreadError::Older { .. } => "nothing was sent; name the newest pool file",
            SpreadError::Forked(_) => {
                "nothing was sent; make the change again from the pool file that counts"
            }
            SpreadError::Unreadable(_) => "nothing was sent; is the node of the same release?",
        };
        Self::new(Kind::Usage, error).hint(hint)
    }
}
