//! What a seed has written down: its log, page by page.

use super::deadlines::{GRACE, milliseconds_until};
use crate::connection::{Connection, ConnectionError};
use crate::protocol::{Reply, Request};
use pollux_core::PeerId;
use pollux_core::message::{LogLine, LogPage, LogPlace, LogQuery};
use std::thread;
use std::time::{Duration, Instant};

/// Pages that are asked for at most: a gigabyte of log has some 300.
const PAGES_MAX: usize = 4096;
/// Lines that are gathered at most; more want a pattern or a time.
const LINES_MAX: usize = 262_144;
/// Until a seed is asked again that has too much to do.
const BUSY_PAUSE: Duration = Duration::from_millis(250);

/// What one seed's log says; its word, which nobody has checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeedLog {
    /// The seed; none: no seed has answered.
    pub seed: Option<PeerId>,
    /// Lines that answer, in the order of the log.
    pub lines: Vec<LogLine>,
    /// The seed went away, took too long or has more than one command takes: further lines may answer.
    pub cut_short: bool,
}

/// Reads the log of one seed to its end. Each page may take `patience`, and so may a seed that has too much to do.
///
/// # Errors
/// A connection that is of no more use.
pub fn read_log(
    connection: &Connection,
    what: &LogQuery,
    patience: Duration,
) -> Result<SeedLog, ConnectionError> {
    let (mut log, mut at) = (SeedLog::default(), None);
    let mut until = Instant::now() + patience;
    for _ in 0..PAGES_MAX {
        let (seed, page) = ask(connection, what, at, until)?;
        let Some(seed) = seed else { break };
        log.seed = Some(seed);
        log.lines.extend(page.lines);
        let Some(next) = page.next else { return Ok(log) };
        let busy = at.map_or_else(LogPlace::default, |(_, place)| place) == next;
        if log.lines.len() >= LINES_MAX || (busy && Instant::now() >= until) {
            break;
        }
        if busy {
            thread::sleep(BUSY_PAUSE);
        } else {
            until = Instant::now() + patience;
        }
        at = Some((seed, next));
    }
    log.cut_short = log.seed.is_some();
    Ok(log)
}

fn ask(
    connection: &Connection,
    what: &LogQuery,
    at: Option<(PeerId, LogPlace)>,
    until: Instant,
) -> Result<(Option<PeerId>, LogPage), ConnectionError> {
    let deadline_ms = milliseconds_until(until);
    connection.send(&Request::Log { what: what.clone(), at, deadline_ms })?;
    let Reply::Log { seed, page } = connection.reply(until + GRACE)? else {
        return Err(ConnectionError::OutOfTurn);
    };
    Ok((seed, page))
}
