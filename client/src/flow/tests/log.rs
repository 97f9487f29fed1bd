//! A seed's log, read to its end.

use super::node::{Act, Heard, Node};
use crate::connection::Connection;
use crate::flow::{SeedLog, read_log};
use crate::protocol::{Reply, Request};
use pollux_core::message::{LogLine, LogPage, LogPlace, LogQuery};
use pollux_core::{PeerId, PublicKey};
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

fn seed() -> PeerId {
    PeerId::new(PublicKey::from_bytes([7; 32]))
}

fn line(number: u64) -> LogLine {
    LogLine::new(format!("{{{number}}}")).unwrap()
}

/// A page with the line of this place, if there is one, and where to go on.
fn page(line: Option<LogLine>, next: Option<u64>) -> LogPage {
    let next = next.map(|offset| LogPlace { file: 1, offset });
    LogPage { lines: line.into_iter().collect(), next }
}

fn read(
    answer: impl Fn(Option<(PeerId, LogPlace)>) -> (Option<PeerId>, LogPage) + Send + Sync + 'static,
) -> SeedLog {
    let node = Node::start(move |heard| {
        let Heard::Request(Request::Log { at, .. }) = heard else { return Vec::new() };
        let (seed, page) = answer(*at);
        vec![Act::Say(Reply::Log { seed, page })]
    });
    let connection = Connection::open(&node.socket, PATIENCE, Arc::default()).unwrap();
    read_log(&connection, &LogQuery::default(), Duration::from_secs(1)).unwrap()
}

#[test]
fn pages_follow_each_other_at_one_seed_until_its_end() {
    let log = read(|at| match at {
        None => (Some(seed()), page(Some(line(0)), Some(1))),
        Some((from, LogPlace { offset: 1, .. })) if from == seed() => (Some(seed()), page(None, Some(2))),
        Some(_) => (Some(seed()), page(Some(line(2)), None)),
    });
    assert_eq!(log, SeedLog { seed: Some(seed()), lines: vec![line(0), line(2)], cut_short: false });
}

#[test]
fn a_seed_that_goes_away_cuts_it_short_and_none_is_told() {
    let log = read(|at| match at {
        None => (Some(seed()), page(Some(line(0)), Some(1))),
        Some(_) => (None, LogPage::default()),
    });
    assert_eq!(log, SeedLog { seed: Some(seed()), lines: vec![line(0)], cut_short: true });
    assert_eq!(read(|_| (None, LogPage::default())), SeedLog::default());
}

#[test]
fn a_seed_that_is_busy_for_ever_is_given_up() {
    let log = read(|at| {
        let next = at.map_or_else(LogPlace::default, |(_, place)| place);
        (Some(seed()), LogPage { lines: Vec::new(), next: Some(next) })
    });
    assert_eq!(log, SeedLog { seed: Some(seed()), lines: Vec::new(), cut_short: true });
}
