//! Which files there are, and what their names say.
use super::LOG_KEPT;
use pollux_core::Timestamp;
use std::fmt;
use std::io;
use std::path::Path;

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// What came to be: publishes, yanks, policies.
    Published,
    /// What did not.
    Refused,
}

impl FileKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Refused => "refused",
        }
    }
}

/// A month of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Month {
    year: u16,
    month: u8,
}

impl Month {
    /// The month of a moment.
    pub(super) fn of(time: Timestamp) -> Self {
        // RFC 3339 begins with year and month; no moment is outside of the years 1970 to 9999.
        let text = time.to_string();
        text.get(..7).and_then(Self::parse).unwrap_or(Self { year: 1970, month: 1 })
    }

    fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let well_formed = year.len() == 4 && month.len() == 2;
        let parsed = Self { year: year.parse().ok()?, month: month.parse().ok()? };
        (well_formed && (1..=12).contains(&parsed.month)).then_some(parsed)
    }

    /// The first moment after it.
    pub(super) fn end(self) -> Timestamp {
        let (year, month) = match self.month {
            12 => (self.year.saturating_add(1), 1),
            month => (self.year, month.saturating_add(1)),
        };
        format!("{year:04}-{month:02}-01T00:00:00Z").parse().unwrap_or(Timestamp::MAX)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// A file of the log, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LogFile {
    /// Higher than that of every earlier one.
    pub(super) number: u32,
    /// When it was begun.
    pub(super) month: Month,
    /// What is in it.
    pub(super) kind: FileKind,
}

impl LogFile {
    /// Its name.
    pub(super) fn name(&self) -> String {
        format!("{:08}-{}-{}.jsonl", self.number, self.month, self.kind.name())
    }

    /// The file that is called so; none if it is none of the log.
    fn named(name: &str) -> Option<Self> {
        let (number, rest) = name.strip_suffix(".jsonl")?.split_once('-')?;
        let (month, kind) = rest.rsplit_once('-')?;
        let kind = match kind {
            "published" => FileKind::Published,
            "refused" => FileKind::Refused,
            _ => return None,
        };
        Some(Self { number: number.parse().ok()?, month: Month::parse(month)?, kind })
    }

    /// Whether its lines were kept for long enough.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.month.end().after(LOG_KEPT) <= now
    }
}

/// All files of the log, in the order of their numbers.
pub(super) fn list(directory: &Path) -> io::Result<Vec<LogFile>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        files.extend(name.to_str().and_then(LogFile::named));
    }
    files.sort_unstable_by_key(|file| file.number);
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_says_what_is_in_the_file() {
        let month = Month::of(time("2026-11-30T23:59:59.999Z"));
        for kind in [FileKind::Published, FileKind::Refused] {
            let file = LogFile { number: 17, month, kind };
            assert_eq!(LogFile::named(&file.name()), Some(file));
        }
        let file = LogFile { number: 17, month, kind: FileKind::Refused };
        assert_eq!(file.name(), "00000017-2026-11-refused.jsonl");
    }

    #[test]
    fn other_files_are_none_of_the_log() {
        for name in [
            "",
            "notes.txt",
            "00000001-2026-11-published.jsonl.gz",
            "00000001-2026-13-published.jsonl",
            "00000001-26-11-published.jsonl",
            "99999999999-2026-11-published.jsonl",
            "00000001-2026-11-other.jsonl",
        ] {
            assert_eq!(LogFile::named(name), None, "{name}");
        }
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        assert_eq!(Month::of(time("2026-11-03T09:05:00Z")).end(), time("2026-12-01T00:00:00Z"));
        assert_eq!(Month::of(time("2026-12-31T23:59:59Z")).end(), time("2027-01-01T00:00:00Z"));
        assert_eq!(Month::of(Timestamp::MAX).end(), Timestamp::MAX);
    }

    #[test]
    fn a_file_is_kept_for_400_days_after_its_last_line() {
        let month = Month::of(time("2026-11-03T09:05:00Z"));
        let file = LogFile { number: 1, month, kind: FileKind::Published };
        let end = time("2026-12-01T00:00:00Z").after(LOG_KEPT);
        assert_eq!(end, time("2028-01-05T00:00:00Z"));
        assert!(file.is_over(end));
        assert!(!file.is_over(Timestamp::from_millis(end.as_millis() - 1)));
    }
}
