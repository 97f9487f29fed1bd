//! Two runs beside each other, figure by figure.

use super::numbers::ratio;
use super::text::Amount;
use super::{Class, Report};
use crate::scenario::{Better, Figure, Unit};
use core::fmt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Groups of a report at most, as in a scenario; of others nothing is told.
const GROUPS_MAX: usize = 256;

/// What a run is compared by.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    command: String,
    class: Class,
    bound_us: u64,
    figures: BTreeMap<Place, f64>,
}

/// Why a text is no report.
#[derive(Debug, thiserror::Error)]
pub enum MeasuredError {
    /// It is no JSON, or no report.
    #[error("it is no report of `pollux-sim run --json`: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// It is of another version, whose figures may mean something else.
    #[error("it is a report of version {0}, and this program compares version {known} only: make it anew", known = Report::VERSION)]
    OtherVersion(u64),
}

/// Groups in the order of the report, after the whole run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    group: Option<(usize, String)>,
    figure: Figure,
}

#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

/// As much of a report as is compared. Figures that are not known are of a newer program: nothing can be said of them.
#[derive(Deserialize)]
struct Read {
    command: String,
    verdict: ReadVerdict,
    bound: ReadBound,
    figures: BTreeMap<String, f64>,
    groups: Vec<ReadGroup>,
}

#[derive(Deserialize)]
struct ReadVerdict {
    class: Class,
}

#[derive(Deserialize)]
struct ReadBound {
    total_us: u64,
}

#[derive(Deserialize)]
struct ReadGroup {
    name: String,
    figures: BTreeMap<String, f64>,
}

impl Measured {
    /// Reads a report of `run --json`.
    ///
    /// # Errors
    /// Where it is none, or one of another version.
    pub fn from_json(text: &str) -> Result<Self, MeasuredError> {
        let Versioned { version } = serde_json::from_str(text)?;
        if version != u64::from(Report::VERSION) {
            return Err(MeasuredError::OtherVersion(version));
        }
        let Read { command, verdict, bound, figures, groups } = serde_json::from_str(text)?;
        let known = |figures: BTreeMap<String, f64>| -> Vec<(Figure, f64)> {
            figures.into_iter().filter_map(|(name, value)| Some((Figure::named(&name)?, value))).collect()
        };
        let groups = groups.into_iter().take(GROUPS_MAX).map(|group| (group.name, known(group.figures)));
        let ended = (command, verdict.class, bound.total_us);
        Ok(Self::new(ended, known(figures), groups))
    }

    /// Of a run that was just made.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let groups = report.groups.iter().map(|group| (group.name.clone(), group.figures.iter().collect()));
        let ended = (report.command.clone(), report.verdict.class, report.bound.total_us);
        Self::new(ended, report.figures.iter().collect(), groups)
    }

    fn new(
        (command, class, bound_us): (String, Class, u64),
        whole: Vec<(Figure, f64)>,
        groups: impl Iterator<Item = (String, Vec<(Figure, f64)>)>,
    ) -> Self {
        let groups = groups.enumerate().map(|(number, (name, figures))| (Some((number, name)), figures));
        let all = [(None, whole)].into_iter().chain(groups);
        let figures = all.flat_map(|(group, figures)| {
            figures.into_iter().map(move |(figure, value)| (Place { group: group.clone(), figure }, value))
        });
        Self { command, class, bound_us, figures: figures.collect() }
    }
}

/// See the module. The version changes when a field changes its meaning or goes away.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diff {
    /// [`Diff::VERSION`].
    pub version: u32,
    /// What repeats each.
    pub commands: [String; 2],
    /// How each ended.
    pub verdicts: [Class; 2],
    /// What no crowd can beat, in microseconds. Where the two differ, no ratio to it is better.
    pub bounds_us: [u64; 2],
    /// Figure by figure: those of the whole run, then those of each group.
    pub rows: Vec<Compared>,
}

/// One figure of both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// Which.
    pub figure: Figure,
    /// Of which group; none: of the whole run.
    pub group: Option<String>,
    /// In the first, if it is there.
    pub a: Option<f64>,
    /// In the second.
    pub b: Option<f64>,
    /// How much more it is in the second, in per cent of the first; none where the first is nothing.
    pub change_percent: Option<f64>,
    /// In which it is better; none where it is the same, or says nothing by itself.
    pub better: Option<Side>,
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Side {
    /// The first.
    A,
    /// The second.
    B,
}

impl Diff {
    /// The version of this form.
    pub const VERSION: u32 = 1;

    /// Puts two beside each other. Groups are the same if their names and places are.
    #[must_use]
    pub fn new(a: &Measured, b: &Measured) -> Self {
        let new = b.figures.keys().filter(|place| !a.figures.contains_key(place));
        let mut places: Vec<&Place> = a.figures.keys().chain(new).collect();
        places.sort_unstable();
        let get = |of: &Measured, place| of.figures.get(place).copied();
        let rows = places.into_iter().map(|place| Compared::new(place, get(a, place), get(b, place)));
        let judged = |row| if a.bound_us == b.bound_us { row } else { Compared::without_ratio(row) };
        Self {
            version: Self::VERSION,
            commands: [a.command.clone(), b.command.clone()],
            verdicts: [a.class, b.class],
            bounds_us: [a.bound_us, b.bound_us],
            rows: rows.map(judged).collect(),
        }
    }
}

impl Compared {
    fn new(place: &Place, a: Option<f64>, b: Option<f64>) -> Self {
        let both = a.zip(b);
        let change_percent = both.filter(|(a, _)| *a > 0.0).map(|(a, b)| 100.0 * (b - a) / a);
        let better = both.and_then(|(a, b)| match place.figure.better() {
            Better::Less => lesser(a, b),
            Better::More => lesser(b, a),
            Better::Neither => None,
        });
        let group = place.group.as_ref().map(|(_, name)| name.clone());
        Self { figure: place.figure, group, a, b, change_percent, better }
    }
}

impl Compared {
    /// Ratios to different bounds cannot be put beside each other.
    fn without_ratio(self) -> Self {
        let better = self.better.filter(|_| self.figure.unit() != Unit::Times);
        Self { better, ..self }
    }
}

fn lesser(a: f64, b: f64) -> Option<Side> {
    if a < b {
        Some(Side::A)
    } else if b < a {
        Some(Side::B)
    } else {
        None
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = &self.commands;
        writeln!(f, "A  {a}\nB  {b}\n")?;
        line(f, "figure", ["A", "B", "change"], "better")?;
        let [a, b] = self.verdicts.map(Class::name);
        line(f, "verdict", [a, b, ""], "")?;
        let bounds =
            self.bounds_us.map(|bound| Amount(Figure::Makespan, ratio(bound, 1_000_000_u64)).to_string());
        if let [a, b] = &bounds
            && a != b
        {
            line(f, "bound", [a, b, ""], "ratios differ with it")?;
        }
        let mut group = None;
        for row in &self.rows {
            if row.group != group {
                group.clone_from(&row.group);
                writeln!(f, "{}", group.as_deref().unwrap_or_default())?;
            }
            row.write(f)?;
        }
        Ok(())
    }
}

impl Compared {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indent = if self.group.is_some() { "  " } else { "" };
        let shown = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |value| Amount(self.figure, value).to_string())
        };
        let change = self.change_percent.map_or_else(String::new, |change| format!("{change:+.1} %"));
        let better = match self.better {
            None => "",
            Some(Side::A) => "A",
            Some(Side::B) => "B",
        };
        let name = format!("{indent}{}", self.figure.name());
        line(f, &name, [&shown(self.a), &shown(self.b), &change], better)
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, [a, b, change]: [&str; 3], better: &str) -> fmt::Result {
    let line = format!("{name:26}{a:>14}{b:>14}{change:>11}  {better}");
    writeln!(f, "{}", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::report;
    use super::*;

    fn json(report: &Report) -> String {
        serde_json::to_string(report).unwrap()
    }

    fn other() -> Report {
        let mut other = report();
        other.command = "pollux-sim run other".to_owned();
        other.figures = other
            .figures
            .iter()
            .map(|(figure, value)| (figure, if figure == Figure::P99 { value * 1.25 } else { value }))
            .collect();
        other.verdict.class = Class::Liveness;
        other
    }

    #[test]
    fn what_is_read_is_what_was_measured() {
        let report = report();
        assert_eq!(Measured::from_json(&json(&report)).unwrap(), Measured::of(&report));
    }

    #[test]
    fn a_figure_is_better_or_worse() {
        let diff = Diff::new(&Measured::of(&report()), &Measured::of(&other()));
        let row = |figure| diff.rows.iter().find(|row| row.figure == figure && row.group.is_none()).unwrap();
        let p99 = row(Figure::P99);
        assert_eq!((p99.better, p99.change_percent.map(f64::round)), (Some(Side::A), Some(25.0)));
        assert_eq!(row(Figure::P50).better, None);
        let back = Diff::new(&Measured::of(&other()), &Measured::of(&report()));
        assert!(back.rows.iter().any(|row| row.better == Some(Side::B)));
    }

    #[test]
    fn no_ratio_to_another_bound_is_better() {
        let mut other = report();
        other.bound.total_us += 1_000_000;
        other.figures = other.figures.iter().map(|(figure, value)| (figure, value * 0.5)).collect();
        let diff = Diff::new(&Measured::of(&report()), &Measured::of(&other));
        let better = |figure| {
            let rows = diff.rows.iter().filter(|row| row.figure == figure && row.group.is_none());
            rows.filter_map(|row| row.better).next()
        };
        assert_eq!((better(Figure::P50), better(Figure::P50Ratio)), (Some(Side::B), None));
        assert!(diff.to_string().contains("ratios differ with it"), "{diff}");
    }

    #[test]
    fn other_versions_and_other_files_are_refused() {
        let said = |text: &str| Measured::from_json(text).unwrap_err().to_string();
        let older = json(&report()).replacen("\"version\":4", "\"version\":2", 1);
        assert!(said(&older).contains("a report of version 2") && said(&older).contains("make it anew"));
        assert!(said("{\"version\": 4}").contains("no report"));
        assert!(said("[1").contains("no report"));
        assert!(said("{}").contains("version"));
    }

    #[test]
    fn what_only_one_has_is_told() {
        let mut less = report();
        less.figures = [(Figure::Bans, 0.0)].into_iter().collect();
        let diff = Diff::new(&Measured::of(&less), &Measured::of(&report()));
        let p50 = diff.rows.iter().find(|row| row.figure == Figure::P50).unwrap();
        assert_eq!((p50.a, p50.b.is_some(), p50.better), (None, true, None));
    }

    #[test]
    fn the_text_is_a_table() {
        let text = Diff::new(&Measured::of(&report()), &Measured::of(&other())).to_string();
        insta::assert_snapshot!(text);
    }
}
