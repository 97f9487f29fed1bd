//! What verbs print.

use super::exit::{Failure, Kind};
use indicatif::HumanBytes;
use pollux_client::flow::{Sources, Traffic};
pub(crate) use pollux_client::printable::printable;
use pollux_client::printable::printable_lines;
use pollux_core::Timestamp;
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, Write};
use std::time::Duration;

/// The version of every JSON object that is printed: fields are added, never changed.
pub(crate) const JSON_VERSION: u32 = 1;

/// A JSON object with its version.
#[derive(Debug, Serialize)]
struct Versioned<'a, T> {
    version: u32,
    #[serde(flatten)]
    value: &'a T,
}

/// One object as text, one field a line.
pub(crate) fn json<T: Serialize>(value: &T) -> io::Result<String> {
    let versioned = Versioned { version: JSON_VERSION, value };
    serde_json::to_string_pretty(&versioned).map_err(io::Error::other)
}

/// Prints one object.
pub(crate) fn print_json<T: Serialize>(value: &T) -> Result<(), Failure> {
    print(&json(value)?)
}

/// Prints a result; a reader that has gone away is no error.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(Kind::Failed, format!("standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// What verbs say that were told to do nothing.
pub(crate) const DISABLED: &str = "POLLUX_DISABLE is set: nothing is asked and nothing is done";

/// The result of a verb that was told to do nothing.
pub(crate) fn print_disabled(json: bool) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Disabled {
        result: &'static str,
    }
    if json { print_json(&Disabled { result: "disabled" }) } else { print(DISABLED) }
}

/// Says something to people. What of it came from elsewhere commands no terminal.
pub(crate) fn say(text: &str) {
    drop(writeln!(io::stderr(), "pollux: {}", printable_lines(text)));
}

/// `120.5 MiB from peers, 3 MiB from seeds`.
pub(crate) fn sources(sources: &Sources) -> String {
    let named = [("this node", sources.local), ("peers", sources.peers), ("seeds", sources.seeds)];
    let some = named.iter().filter(|(_, traffic)| traffic.chunks > 0);
    let words: Vec<String> = some.map(|(name, traffic)| source(name, *traffic)).collect();
    if words.is_empty() { "nothing to fetch".to_owned() } else { words.join(", ") }
}

fn source(name: &str, traffic: Traffic) -> String {
    format!(
        "{} from {name} ({}, {} sent)",
        HumanBytes(traffic.bytes),
        count(traffic.chunks, "chunk"),
        HumanBytes(traffic.frame_bytes)
    )
}

/// `1 file`, `3 files`, `2 entries`: so many of something, which is named in the singular.
pub(crate) fn count<N: Display + PartialEq + From<u8>>(number: N, what: &str) -> String {
    if number == N::from(1) {
        return format!("1 {what}");
    }
    match what.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{number} {stem}ies"),
        _ if what.ends_with('s') => format!("{number} {what}es"),
        _ => format!("{number} {what}s"),
    }
}

/// `1.25 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// Lines of one kind that are printed; --json has all.
const LINES_MAX: usize = 50;

/// Some of many lines.
pub(crate) fn some(lines: &mut Vec<String>, of: impl ExactSizeIterator<Item = String>) {
    let more = of.len().saturating_sub(LINES_MAX);
    lines.extend(of.take(LINES_MAX));
    if more > 0 {
        lines.push(format!("        and {more} more; --json has them all"));
    }
}

/// How long ago, in the largest unit that says enough.
pub(crate) fn ago(now: Timestamp, then: Timestamp) -> String {
    if then > now {
        return "in the future".to_owned();
    }
    let seconds = now.since(then).as_secs();
    match seconds {
        0..=59 => format!("{seconds} s ago"),
        60..=3599 => format!("{} min ago", seconds / 60),
        3600..=86_399 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_that_gave_nothing_are_not_named() {
        let peers = Traffic { chunks: 2, bytes: 2048, frame_bytes: 1024 };
        let text = sources(&Sources { peers, ..Sources::default() });
        assert_eq!(text, "2.00 KiB from peers (2 chunks, 1.00 KiB sent)");
        assert_eq!(sources(&Sources::default()), "nothing to fetch");
    }

    #[test]
    fn one_is_not_many() {
        let files = [0_u64, 1, 2].map(|number| count(number, "file"));
        assert_eq!(files, ["0 files", "1 file", "2 files"]);
        assert_eq!(
            (count(1_usize, "entry"), count(2_usize, "entry")),
            ("1 entry".into(), "2 entries".into())
        );
        assert_eq!((count(2_u32, "miss"), count(2_u32, "key")), ("2 misses".into(), "2 keys".into()));
        let peers = Traffic { chunks: 1, bytes: 1, frame_bytes: 1 };
        assert_eq!(sources(&Sources { peers, ..Sources::default() }), "1 B from peers (1 chunk, 1 B sent)");
    }

    #[test]
    fn ages_are_rounded_to_what_people_say() {
        let at = |seconds: u64| Timestamp::from_millis(seconds * 1000);
        assert_eq!(ago(at(100), at(90)), "10 s ago");
        assert_eq!(ago(at(200_000), at(0)), "2 d ago");
        assert_eq!(ago(at(0), at(5)), "in the future");
    }
}
