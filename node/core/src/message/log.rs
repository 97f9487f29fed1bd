//! Questions about a seed's log, and pages of it.
use super::parts::{PREFIX_DIGITS_MAX, PREFIX_DIGITS_MIN};
use crate::limits::{LOG_LINE_BYTES_MAX, LOG_LINES_MAX};
use crate::{Pattern, Timestamp, bounded};
use serde::{Deserialize, Serialize};

/// Which lines of a seed's log are wanted: those for which all of this holds. What each line says is written down at
/// [`crate::LogEntry`]; which lines answer a question, at [`crate::LogEntry::answers`].
///
/// On the wire: pattern (option), derived from (option of text), since (option of a number, milliseconds since the Unix
/// epoch), kinds (0 or 1, varint).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogQuery {
    /// Only keys that it covers.
    pub pattern: Option<Pattern>,
    /// Only manifests whose id, or the id of one of whose ancestors, begins so: 4 to 64 hexadecimal digits, in lower case.
    #[serde(deserialize_with = "digits")]
    pub derived_from: Option<String>,
    /// Only what was written at this time or later.
    pub since: Option<Timestamp>,
    /// What happened.
    pub kinds: LogKinds,
}

/// What happened. On the wire: its place in this list (varint).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogKinds {
    /// Whatever it was.
    #[default]
    All,
    /// Refusals only.
    Refused,
}

impl LogQuery {
    /// Whether it is one that may be asked: a seed bans who asks another one.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.derived_from.as_ref().is_none_or(|digits| {
            (PREFIX_DIGITS_MIN..=PREFIX_DIGITS_MAX).contains(&digits.len())
                && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        })
    }
}

/// The digits as they are read.
#[derive(Deserialize)]
struct DigitsRead(#[serde(deserialize_with = "bounded::text::<_, PREFIX_DIGITS_MAX>")] String);

fn digits<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let read: Option<DigitsRead> = Option::deserialize(deserializer)?;
    Ok(read.map(|DigitsRead(digits)| digits))
}

/// A place in the log of one seed; of no use with another seed. Places grow in the order of reading.
///
/// On the wire: file (varint), offset (varint).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogPlace {
    /// The file's number; if it is gone, the next one that is there.
    pub file: u32,
    /// Bytes from its beginning.
    pub offset: u64,
}

/// One line of a log, without its end: JSON of a [`crate::LogEntry`], or of a newer program's. At most
/// [`LOG_LINE_BYTES_MAX`] bytes. What it says is the word of the seed that wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogLine(#[serde(deserialize_with = "bounded::text::<_, LOG_LINE_BYTES_MAX>")] String);

impl LogLine {
    /// A line; none if it is longer than a line may be, or more than one.
    #[must_use]
    pub fn new(text: String) -> Option<Self> {
        (text.len() <= LOG_LINE_BYTES_MAX && !text.contains('\n')).then_some(Self(text))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A page of a log. A seed looks through a bounded part of its log for each, so one without lines is not the end.
///
/// On the wire: lines (list of texts), next (option of a place).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// Those that answer the question, in the order of the log; at most [`LOG_LINES_MAX`].
    #[serde(deserialize_with = "bounded::list::<_, _, LOG_LINES_MAX>")]
    pub lines: Vec<LogLine>,
    /// Where to go on; none: that was all. The place that was asked for: the seed has too much to do, ask again later.
    pub next: Option<LogPlace>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(digits: &str) -> LogQuery {
        LogQuery { derived_from: Some(digits.to_owned()), ..LogQuery::default() }
    }

    #[test]
    fn digits_are_bounded_and_in_lower_case() {
        assert!(LogQuery::default().is_bounded());
        for good in ["00ff", &"a".repeat(64)] {
            assert!(query(good).is_bounded(), "{good}");
        }
        for wrong in ["", "00f", "00FF", "00fg", &"a".repeat(65)] {
            assert!(!query(wrong).is_bounded(), "{wrong}");
        }
    }

    #[test]
    fn a_query_is_written_so() {
        let bytes = postcard::to_stdvec(&LogQuery {
            pattern: Some("a/*".parse().unwrap()),
            since: Some(Timestamp::from_millis(300)),
            kinds: LogKinds::Refused,
            ..query("00ff")
        });
        let expected = [b"\x01\x03a/*".as_slice(), b"\x01\x0400ff", &[1, 0xac, 2, 1]].concat();
        assert_eq!(bytes, Ok(expected));
    }

    #[test]
    fn a_line_is_one_line_and_no_longer_than_a_line_may_be() {
        assert!(LogLine::new("x".repeat(LOG_LINE_BYTES_MAX)).is_some());
        assert!(LogLine::new("x".repeat(LOG_LINE_BYTES_MAX + 1)).is_none());
        assert!(LogLine::new("a\nb".to_owned()).is_none());
        let long = postcard::to_stdvec(&"x".repeat(LOG_LINE_BYTES_MAX + 1)).unwrap();
        assert!(postcard::from_bytes::<LogLine>(&long).is_err());
    }
}
