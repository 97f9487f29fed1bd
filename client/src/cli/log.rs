//! `pollux log`

mod words;

use super::common::{Common, disabled, parse_seconds};
use super::exit::{Failure, Kind};
use super::{Done, output};
use clap::Args;
use pollux_client::flow::{SeedLog, read_log};
use pollux_core::message::{LogKinds, LogQuery};
use pollux_core::{
    Digest, LogEntry, Logged, LoggedPublish, LoggedYank, ManifestId, Pattern, PeerId, Taking, Timestamp,
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::time::Duration;

/// List who published what, when, from where and from what, also what is long gone; what was refused, and what taken back
///
/// One seed's log is read, from 400 days ago on; `--json` says whose. It is that seed's word: what is still kept can be
/// checked with `pollux verify`.
///
/// Examples:
///
///   pollux log 'mediawiki%2Fcore/**' --since 2026-11-01
///
///   pollux log --derived-from 3f2a77c0
///
///   pollux log --refused --json
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only keys that this pattern covers; `*` is one segment, `**` at the end one or more
    pattern: Option<Pattern>,
    /// Only what was made from this save, and the save itself: its manifest's name, or enough first digits of it
    #[arg(long, value_name = "ID", value_parser = parse_digits)]
    derived_from: Option<String>,
    /// Only what the seed wrote at this time or later, as 2026-11-03T09:00:00Z, or 2026-11-03 for the midnight (UTC) with
    /// which that day begins
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    since: Option<Timestamp>,
    /// Only what was refused
    #[arg(long, conflicts_with = "derived_from")]
    refused: bool,
    /// Seconds to wait for each answer
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Serialize)]
struct Report {
    seed: PeerId,
    /// Not all of the log could be read.
    cut_short: bool,
    entries: Vec<Map<String, Value>>,
}

/// A line, and what is known of it.
#[derive(Clone, Debug)]
struct Row {
    entry: LogEntry,
    /// As the seed wrote it, with what a later program may have added.
    fields: Map<String, Value>,
    /// The yanks that take it back.
    taken: Vec<Taken>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Taken {
    /// The yank's serial.
    yank: String,
    reason: String,
    /// When the seed heard of it.
    time: Timestamp,
    /// The ancestor that it takes back, if it was that.
    #[serde(skip_serializing_if = "Option::is_none")]
    ancestor: Option<ManifestId>,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    if disabled() {
        return output::print_disabled(arguments.common.json);
    }
    let connection = arguments.common.connect(arguments.timeout)?;
    let query = LogQuery {
        pattern: arguments.pattern.clone(),
        derived_from: arguments.derived_from.clone(),
        since: arguments.since,
        kinds: if arguments.refused { LogKinds::Refused } else { LogKinds::All },
    };
    let log = read_log(&connection, &query, arguments.timeout)?;
    let Some(seed) = log.seed else {
        return Err(Failure::new(Kind::Unreachable, "no seed has answered").hint(
            "`pollux doctor` says whether seeds are away, a clock is wrong, or something has expired",
        ));
    };
    let rows = rows(&log, &query);
    check_one(&rows, &query)?;
    if log.cut_short {
        output::say("the log could not be read to its end: what follows is only its beginning");
    }
    if arguments.common.json {
        let entries = rows.into_iter().map(Row::into_json).collect();
        return output::print_json(&Report { seed, cut_short: log.cut_short, entries });
    }
    output::print(&words::table(&rows))
}

/// The beginning of a manifest's name, in lower case.
fn parse_digits(text: &str) -> Result<String, String> {
    let query = LogQuery { derived_from: Some(text.to_ascii_lowercase()), ..LogQuery::default() };
    let is_one = query.is_bounded();
    let digits = query.derived_from.filter(|_| is_one);
    digits.ok_or_else(|| "a manifest's name is 64 hexadecimal digits; the first 4 may do".to_owned())
}

/// A moment, or the day that it begins.
fn parse_since(text: &str) -> Result<Timestamp, String> {
    let day = || format!("{text}T00:00:00Z").parse();
    text.parse().or_else(|_| day()).map_err(|_| {
        "neither a time as 2026-11-03T09:00:00Z nor a day as 2026-11-03, which begins at midnight (UTC)"
            .to_owned()
    })
}

/// What is shown, in the order of time: each publish and yank once, and of the yanks, where something is looked for, those
/// that take some of it back.
fn rows(log: &SeedLog, query: &LogQuery) -> Vec<Row> {
    let mut rows: Vec<Row> = log.lines.iter().filter_map(|line| Row::of(line.as_str())).collect();
    rows.sort_by_key(|row| row.entry.time);
    let (mut publishes, mut yanks) = (BTreeSet::new(), BTreeSet::new());
    rows.retain(|row| match &row.entry.what {
        Logged::Published(publish) => publishes.insert(publish.manifest),
        Logged::Yanked(yank) => yanks.insert(yank.id),
        Logged::Refused(_) | Logged::Policy(_) | Logged::MoreRefused(_) => true,
    });
    let used = take_back(&mut rows);
    if query.pattern.is_some() || query.derived_from.is_some() {
        rows.retain(|row| !matches!(&row.entry.what, Logged::Yanked(yank) if !used.contains(&yank.id)));
    }
    rows
}

/// Notes which yanks take what; those that take anything.
fn take_back(rows: &mut [Row]) -> BTreeSet<Digest> {
    let yank = |row: &Row| match &row.entry.what {
        Logged::Yanked(yank) => Some((row.entry.time, LoggedYank::clone(yank))),
        Logged::Published(_) | Logged::Refused(_) | Logged::Policy(_) | Logged::MoreRefused(_) => None,
    };
    let yanks: Vec<(Timestamp, LoggedYank)> = rows.iter().filter_map(yank).collect();
    let mut used = BTreeSet::new();
    for row in rows {
        let Some(publish) = row.publish().cloned() else { continue };
        for (time, yank) in &yanks {
            let Some(taking) = yank.takes(&publish) else { continue };
            used.insert(yank.id);
            row.taken.push(Taken::new(*time, yank, taking));
        }
    }
    used
}

/// Several manifests may begin with the digits that were given.
fn check_one(rows: &[Row], query: &LogQuery) -> Result<(), Failure> {
    let Some(digits) = &query.derived_from else { return Ok(()) };
    let publishes = rows.iter().filter_map(Row::publish);
    let named = publishes.flat_map(|publish| publish.ancestors.iter().chain([&publish.manifest]));
    let meant: BTreeSet<&ManifestId> = named.filter(|id| id.to_string().starts_with(digits)).collect();
    if meant.len() > 1 {
        return Err(Failure::new(Kind::Usage, "several manifests begin so: give more digits"));
    }
    Ok(())
}

impl Row {
    /// What a line says; none if this program does not know its kind.
    fn of(line: &str) -> Option<Self> {
        let (entry, fields) = (LogEntry::from_line(line)?, serde_json::from_str(line).ok()?);
        Some(Self { entry, fields, taken: Vec::new() })
    }

    fn publish(&self) -> Option<&LoggedPublish> {
        match &self.entry.what {
            Logged::Published(publish) => Some(publish),
            Logged::Refused(_) | Logged::Yanked(_) | Logged::Policy(_) | Logged::MoreRefused(_) => None,
        }
    }

    fn into_json(self) -> Map<String, Value> {
        let mut fields = self.fields;
        if !self.taken.is_empty() {
            fields.insert("taken_back".to_owned(), serde_json::to_value(self.taken).unwrap_or_default());
        }
        fields
    }
}

impl Taken {
    fn new(time: Timestamp, yank: &LoggedYank, taking: Taking) -> Self {
        let ancestor = match taking {
            Taking::Itself => None,
            Taking::Ancestor(ancestor) => Some(ancestor),
        };
        Self { yank: yank.yank.serial.clone(), reason: yank.yank.reason.clone(), time, ancestor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight() {
        assert_eq!(parse_since("2026-11-26"), parse_since("2026-11-26T00:00:00Z"));
        assert_eq!(parse_since("2026-11-26").unwrap(), "2026-11-26T01:00:00+01:00".parse().unwrap());
        for wrong in ["", "2026-11", "2026-02-30", "26-11-2026", "2026-11-26T09", "2026-11-26Z", "today"] {
            assert!(parse_since(wrong).unwrap_err().contains("midnight"), "{wrong}");
        }
    }
}
