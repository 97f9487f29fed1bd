//! Roots, policies and yanks: asked for, and handed to the seeds; and what they took back of what a job used.

use super::deadlines::{GRACE, milliseconds_until};
use crate::connection::{Connection, ConnectionError};
use crate::protocol::{PAPERS_BYTES_MAX, Reply, Request, TakenBack};
use pollux_core::{ManifestId, Papers, PapersDigest};
use std::time::{Duration, Instant};

/// Parts in which a node hands out what it goes by at most: as many roots, yanks and policies as it may know, each of the
/// largest size, take half as many.
const PARTS_MAX: usize = 64;

/// How far papers came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Seeds that hold them.
    pub held: u32,
    /// How many must.
    pub needed: u32,
    /// How many there are.
    pub of: u32,
    /// Why a seed, or the node, does not take them.
    pub refused: Option<String>,
}

impl Spread {
    /// Whether they count from now on.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.held >= self.needed
    }
}

/// What the node goes by.
///
/// # Errors
/// A connection that is of no more use.
pub fn papers(
    connection: &Connection,
    patience: Duration,
) -> Result<(Papers, PapersDigest), ConnectionError> {
    let until = Instant::now() + patience;
    connection.send(&Request::Papers)?;
    let mut all = Papers::default();
    for _ in 0..PARTS_MAX {
        let Reply::Papers { papers, digest, more } = connection.reply(until)? else {
            return Err(ConnectionError::OutOfTurn);
        };
        all.roots.extend(papers.roots);
        all.policy = papers.policy.or(all.policy);
        all.yanks.extend(papers.yanks);
        if !more {
            return Ok((all, digest));
        }
    }
    Err(ConnectionError::OutOfTurn)
}

/// Has the node hand papers to the seeds, and waits until enough hold them or `patience` is over. What does not fit into
/// one message goes in several, one after the other; the first that too few hold ends it and is told.
///
/// # Errors
/// A connection that is of no more use.
pub fn spread(
    connection: &Connection,
    papers: &Papers,
    patience: Duration,
) -> Result<Spread, ConnectionError> {
    let until = Instant::now() + patience;
    let mut last = Spread { held: 0, needed: 0, of: 0, refused: None };
    for papers in papers.split(PAPERS_BYTES_MAX) {
        connection.send(&Request::Spread { papers, deadline_ms: milliseconds_until(until) })?;
        let Reply::Spread { held, needed, of, refused } = connection.reply(until + GRACE)? else {
            return Err(ConnectionError::OutOfTurn);
        };
        last = Spread { held, needed, of, refused };
        if !last.is_done() {
            break;
        }
    }
    Ok(last)
}

/// Which of these manifests were taken back, as far as the node knows. None named: of those that jobs of this user restored
/// through the node since it started.
///
/// # Errors
/// A connection that is of no more use.
pub fn used(
    connection: &Connection,
    manifests: Vec<ManifestId>,
    patience: Duration,
) -> Result<Vec<TakenBack>, ConnectionError> {
    connection.send(&Request::Used { manifests })?;
    let Reply::Used { yanked } = connection.reply(Instant::now() + patience)? else {
        return Err(ConnectionError::OutOfTurn);
    };
    Ok(yanked)
}
