//! Reading: TOML over what it extends. Tables are laid over tables field by field; a list takes the place of a list.

use super::trace::{self, Beside};
use super::{Scenario, ready};
use std::io;
use toml::{Table, Value};

/// How far a scenario may be from what it extends in the end.
const EXTENDS_MAX: usize = 8;

/// Why a file is no scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It does not parse, or has a field that there is not; with the line where that is known.
    #[error("{0}")]
    Unreadable(String),
    /// It does not say that it is a scenario: an empty file, or one of another kind.
    #[error(
        "it is no scenario: a scenario says `version = {known}`, or `extends = \"crowd\"` (or another that comes along)",
        known = Scenario::VERSION
    )]
    NoScenario,
    /// It is JSON: what a run printed, mostly.
    #[error(
        "it is JSON, and a scenario is TOML: what a run printed is read by `pollux-sim diff`, and has the command that makes \
         it again"
    )]
    Json,
    /// A group does not say how many nodes it has.
    #[error(
        "`groups.{0}` has no `count`: say how many nodes come, or when each does, as \
         `arrival = {{ times = [\"0s\", \"1.5s\"] }}` or `arrival = {{ trace = \"FILE\" }}`"
    )]
    NoCount(String),
    /// It is of a later form.
    #[error("`version` is {0}, and this program knows {known}: take a newer pollux-sim", known = Scenario::VERSION)]
    Newer(i64),
    /// It extends something that there is not.
    #[error("`extends` names `{0}`, and only what comes along can be extended, no file: {known}", known = names())]
    Unknown(String),
    /// A trace of arrivals that it names cannot be read, or is none.
    #[error("`{field}` names the trace `{file}`{}: {why}", .line.map_or_else(String::new, |line| format!(", line {line}")))]
    Trace {
        /// Where it is named, as `groups.crowd.arrival`.
        field: String,
        /// As the scenario names it.
        file: String,
        /// Where it is wrong, if there is one place.
        line: Option<usize>,
        /// What is wrong, and what to do.
        why: String,
    },
    /// It extends itself, or too many others.
    #[error("`extends` goes on for ever")]
    Endless,
}

fn names() -> String {
    let names: Vec<&str> = ready::READY.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

fn unreadable(error: impl ToString) -> ReadError {
    ReadError::Unreadable(error.to_string().trim_end().to_owned())
}

impl Scenario {
    /// Reads TOML that has no other files beside it; the bounds are not looked at.
    ///
    /// # Errors
    /// Where it does not parse, is of a later form, names a field that there is not, or extends or names what there is not.
    pub fn from_toml(text: &str) -> Result<Self, ReadError> {
        Self::from_toml_beside(text, &nothing)
    }

    /// Reads TOML, with the traces that it names: what is read is whole, and needs no other file any more.
    ///
    /// # Errors
    /// As [`Scenario::from_toml`], and where a trace cannot be read, is too long, out of order, or has what is no time.
    pub fn from_toml_beside(text: &str, beside: Beside<'_>) -> Result<Self, ReadError> {
        let table = whole(text, EXTENDS_MAX, beside)?;
        // A field that there is not has its line only in the text that has it.
        Self::deserialize_lone(text)?;
        is_scenario(&table)?;
        counts_said(&table)?;
        table.try_into().map_err(unreadable)
    }

    /// One that comes along.
    ///
    /// # Errors
    /// Where there is none of this name.
    pub fn ready(name: &str) -> Result<Self, ReadError> {
        let text = ready::text(name).ok_or_else(|| ReadError::Unknown(name.to_owned()))?;
        Self::from_toml(text)
    }

    fn deserialize_lone(text: &str) -> Result<(), ReadError> {
        // The line of `extends` stays, so that lines are counted as people count them.
        let lone: String =
            text.split_inclusive('\n').map(|line| if is_extends(line) { "\n" } else { line }).collect();
        toml::from_str::<Self>(&lone).map(drop).map_err(unreadable)
    }
}

/// Beside what comes along is nothing but what comes along.
fn nothing(_: &str) -> io::Result<String> {
    Err(io::ErrorKind::NotFound.into())
}

fn is_extends(line: &str) -> bool {
    line.trim_start().strip_prefix("extends").is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// What extends has the version of what it extends.
fn is_scenario(table: &Table) -> Result<(), ReadError> {
    if table.contains_key("version") { Ok(()) } else { Err(ReadError::NoScenario) }
}

/// Whether each group says how many come; where it has their times, it does.
fn counts_said(table: &Table) -> Result<(), ReadError> {
    let groups = table.get("groups").and_then(Value::as_array);
    let tables = groups.into_iter().flatten().filter_map(Value::as_table);
    let silent = tables.enumerate().find(|(_, group)| !group.contains_key("count"));
    let Some((place, group)) = silent else { return Ok(()) };
    let name = group.get("name").and_then(Value::as_str);
    Err(ReadError::NoCount(name.map_or_else(|| place.to_string(), str::to_owned)))
}

/// A text with all that it extends.
fn whole(text: &str, left: usize, beside: Beside<'_>) -> Result<Table, ReadError> {
    if text.trim_start().starts_with('{') {
        return Err(ReadError::Json);
    }
    let mut table: Table = toml::from_str(text).map_err(unreadable)?;
    if let Some(version) = table.get("version").and_then(Value::as_integer)
        && version > i64::from(Scenario::VERSION)
    {
        return Err(ReadError::Newer(version));
    }
    trace::resolve(&mut table, beside)?;
    let Some(extended) = table.remove("extends") else { return Ok(table) };
    let left = left.checked_sub(1).ok_or(ReadError::Endless)?;
    let name = extended.as_str().map_or_else(|| extended.to_string(), str::to_owned);
    let below = ready::text(&name).ok_or(ReadError::Unknown(name))?;
    let mut below = whole(below, left, &nothing)?;
    lay_over(&mut below, table);
    Ok(below)
}

fn lay_over(below: &mut Table, over: Table) {
    for (field, value) in over {
        match (below.get_mut(&field), value) {
            (Some(Value::Table(below)), Value::Table(over)) => lay_over(below, over),
            (_, value) => drop(below.insert(field, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{ByteSize, Span};

    #[test]
    fn a_file_says_what_differs() {
        let text = "extends = \"boot-storm\"\nlatency = \"2ms\"\n[seeds]\ncount = 3\n";
        let (one, below) = (Scenario::from_toml(text).unwrap(), Scenario::ready("boot-storm").unwrap());
        assert_eq!((one.latency, one.seeds.count, one.seeds.up), (Span(2_000), 3, below.seeds.up));
        assert_eq!((one.groups, one.caches), (below.groups, below.caches));
    }

    #[test]
    fn a_list_takes_the_place_of_a_list() {
        let text = "extends = \"boot-storm\"\n[[caches]]\nname = \"cache\"\nsize = \"1MiB\"\n";
        let caches = Scenario::from_toml(text).unwrap().caches;
        assert_eq!((caches.len(), caches[0].size), (1, ByteSize(1 << 20)));
    }

    #[test]
    fn a_whole_file_reads_back() {
        for (name, _) in ready::READY {
            let scenario = Scenario::ready(name).unwrap();
            assert_eq!(Scenario::from_toml(&toml::to_string(&scenario).unwrap()), Ok(scenario));
        }
    }

    #[test]
    fn a_text_that_does_not_say_so_is_no_scenario() {
        assert_eq!(Scenario::from_toml("\n{\n  \"version\": 4\n}"), Err(ReadError::Json));
        for text in ["", "# nothing\n", "latency = \"2ms\"\n"] {
            assert_eq!(Scenario::from_toml(text), Err(ReadError::NoScenario), "{text:?}");
        }
        assert!(ReadError::NoScenario.to_string().contains("says `version = 1`, or `extends = "));
        assert_eq!(Scenario::from_toml("version = 1"), Ok(Scenario::default()));
        assert_eq!(Scenario::from_toml("extends = \"crowd\""), Scenario::ready("crowd"));
    }

    #[test]
    fn a_group_says_how_many_come() {
        let said = |group: &str| Scenario::from_toml(&format!("version = 1\n[[groups]]\n{group}\n"));
        assert_eq!(said("name = \"few\""), Err(ReadError::NoCount("few".to_owned())));
        assert_eq!(said("count = 3\n[[groups]]"), Err(ReadError::NoCount("1".to_owned())));
        assert_eq!(said("count = 3").unwrap().groups[0].count, 3);
        assert_eq!(said("arrival = { times = [\"0s\", \"1s\"] }").unwrap().groups[0].count, 2);
        let refused = said("arrival = \"2s\"").unwrap_err().to_string();
        assert!(refused.starts_with("`groups.0` has no `count`: say how many nodes come"), "{refused}");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let said = |text: &str| Scenario::from_toml(text).unwrap_err().to_string();
        let refused = said("extends = \"boot-storm\"\nnoodles = 8\n");
        assert!(refused.contains("line 2") && refused.contains("noodles"), "{refused}");
        assert!(said("latency = \"7\"").contains("`7` is not a time"));
        assert!(said("version = 9\nfuture = 1").contains("`version` is 9"));
        assert!(said("extends = \"nobody\"").contains("boot-storm"));
        assert!(said("extends = 7").contains("only what comes along"));
        assert!(
            said("extends = \"own.toml\"").contains("names `own.toml`, and only what comes along can be")
        );
        assert!(said("[[groups]]\nbehaviour = \"rude\"").contains("stalling"));
    }
}
