//! Traces of arrivals: a text with one time in each line, in order. `#` begins a comment; empty lines say nothing.
//!
//! ```text
//! # the night's last build
//! 0
//! 1.5        # seconds, or
//! 2min       # as everywhere else
//! ```

use super::check::NODES_MAX;
use super::read::ReadError;
use super::ready;
use crate::units::Span;
use std::io;
use toml::{Table, Value};

/// Bytes of a trace at most: of as many lines as nodes may be, with a word on each.
pub const TRACE_BYTES_MAX: u64 = 2 << 20;

/// What reads a file beside a scenario, named as the scenario has it.
pub type Beside<'a> = &'a dyn Fn(&str) -> io::Result<String>;

/// Puts the times of traces where a text names them, and how many nodes come at them where it does not say.
pub(super) fn resolve(table: &mut Table, beside: Beside<'_>) -> Result<(), ReadError> {
    let Some(groups) = table.get_mut("groups").and_then(Value::as_array_mut) else { return Ok(()) };
    for (place, group) in groups.iter_mut().enumerate() {
        let Some(group) = group.as_table_mut() else { continue };
        let name = group.get("name").and_then(Value::as_str).map_or_else(|| place.to_string(), str::to_owned);
        let Some(arrival) = group.get_mut("arrival").and_then(Value::as_table_mut) else { continue };
        if let Some(Value::String(file)) = arrival.get("trace").cloned() {
            let times = read(&name, &file, beside)?;
            arrival.remove("trace");
            arrival.insert("times".to_owned(), times.iter().map(Span::to_string).collect::<Vec<_>>().into());
        }
        let times = arrival.get("times").and_then(Value::as_array).map(Vec::len);
        let count = times.and_then(|times| i64::try_from(times).ok());
        if let (Some(count), false) = (count, group.contains_key("count")) {
            group.insert("count".to_owned(), count.into());
        }
    }
    Ok(())
}

/// The times of a trace: beside the scenario, or one that comes along.
fn read(group: &str, file: &str, beside: Beside<'_>) -> Result<Vec<Span>, ReadError> {
    let refused = |line: Option<usize>, why: String| ReadError::Trace {
        field: format!("groups.{group}.arrival"),
        file: file.to_owned(),
        line,
        why,
    };
    let text = match (beside(file), ready::trace(file)) {
        (Ok(text), _) => text,
        (Err(error), Some(text)) if error.kind() == io::ErrorKind::NotFound => text.to_owned(),
        (Err(error), _) => {
            let why = format!(
                "{error}: a trace is a text beside the scenario's file; or write the times themselves, as \
                 `arrival = {{ times = [\"0s\", \"1.5s\"] }}`"
            );
            return Err(refused(None, why));
        }
    };
    parse(&text).map_err(|(line, why)| refused(line, why))
}

fn parse(text: &str) -> Result<Vec<Span>, (Option<usize>, String)> {
    let mut times: Vec<Span> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let refused = |why| (Some(number), why);
        let said = line.split('#').next().unwrap_or_default().trim();
        if said.is_empty() {
            continue;
        }
        let time = time(said).ok_or_else(|| {
            let said = said.chars().take(24).collect::<String>().escape_debug().to_string();
            refused(format!(
                "`{said}` is not a time: write one for each arrival, like 12.5 (seconds), 250ms or 2min"
            ))
        })?;
        if let Some(before) = times.last().filter(|before| **before > time) {
            return Err(refused(format!(
                "{time} is earlier than {before} before it: put the lines in order (`sort -n` does, of seconds)"
            )));
        }
        if u64::try_from(times.len()).is_ok_and(|count| count >= NODES_MAX) {
            return Err(refused(format!("a scenario has {NODES_MAX} nodes at most: leave the rest out")));
        }
        times.push(time);
    }
    if times.is_empty() {
        return Err((
            None,
            "it has no arrival: write a time for each in a line, like 12.5 or 250ms".to_owned(),
        ));
    }
    Ok(times)
}

/// In seconds, or with a unit.
fn time(said: &str) -> Option<Span> {
    said.parse().or_else(|_| format!("{said}s").parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::super::Arrival;
    use super::super::Scenario;
    use super::*;

    fn none(_: &str) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    /// A scenario whose only group comes as a file says.
    fn with_trace(trace: &str, more: &str) -> Result<Scenario, ReadError> {
        let text = format!(
            "version = 1\n[[groups]]\nname = \"jobs\"\n{more}\narrival = {{ trace = \"x.trace\" }}\n"
        );
        let beside = |name: &str| {
            if name == "x.trace" { Ok(trace.to_owned()) } else { none(name) }
        };
        Scenario::from_toml_beside(&text, &beside)
    }

    #[test]
    fn a_trace_takes_the_place_of_its_name() {
        let read = with_trace("# two builds\n\n0\r\n  1.5 # the second\n1500ms\n2min\n", "").unwrap();
        let times = [0, 1_500_000, 1_500_000, 120_000_000].map(Span).to_vec();
        assert_eq!(read.groups[0].arrival, Arrival::Times(times));
        assert_eq!(read.groups[0].count, 4);
        assert_eq!(read.check(), Ok(()));
        assert_eq!(Scenario::from_toml(&toml::to_string(&read).unwrap()), Ok(read), "it is whole");
    }

    #[test]
    fn times_may_stand_in_the_scenario_itself() {
        let read = Scenario::from_toml("version = 1\n[[groups]]\narrival = { times = [\"0s\", \"1.5s\"] }\n")
            .unwrap();
        assert_eq!(read.groups[0].arrival, Arrival::Times(vec![Span(0), Span(1_500_000)]));
        assert_eq!((read.groups[0].count, read.check()), (2, Ok(())));
    }

    #[test]
    fn how_many_come_is_said_once() {
        assert_eq!(with_trace("0\n1\n", "count = 2").unwrap().check(), Ok(()));
        let refused = with_trace("0\n1\n", "count = 3").unwrap().check().unwrap_err().to_string();
        assert!(
            refused.contains("`groups.jobs.count` cannot be: 3 nodes cannot come at 2 times"),
            "{refused}"
        );
        assert!(refused.contains("leave `count` out"), "{refused}");
    }

    #[test]
    fn what_is_wrong_with_a_trace_is_named_with_its_line() {
        let said = |trace: &str| with_trace(trace, "").unwrap_err().to_string();
        for (trace, place, why) in [
            ("0\n# late\n2\n1s\n", "line 4", "1s is earlier than 2s before it: put the lines in order"),
            ("0\nsoon\n", "line 2", "`soon` is not a time: write one for each arrival"),
            ("-1\n", "line 1", "`-1` is not a time"),
            ("1e9\n", "line 1", "`1e9` is not a time"),
            ("1 2\n", "line 1", "`1 2` is not a time"),
            ("0.0000001\n", "line 1", "is not a time"),
            ("99999999999999999999\n", "line 1", "is not a time"),
            ("\n# nothing\n", "trace`: ", "it has no arrival: write a time"),
            ("", "trace`: ", "it has no arrival"),
        ] {
            let said = said(trace);
            let begins = said.starts_with("`groups.jobs.arrival` names the trace `x.trace`");
            assert!(begins && said.contains(place) && said.contains(why), "{trace:?}: {said}");
        }
        let many = "7\n".repeat(20_001);
        let said = said(&many);
        assert!(said.contains("line 20001") && said.contains("20000 nodes at most: leave"), "{said}");
    }

    #[test]
    fn a_trace_that_there_is_not_is_named_with_a_way_out() {
        let text = "version = 1\n[[groups]]\narrival = { trace = \"no.trace\" }\n";
        let refused = Scenario::from_toml_beside(text, &none).unwrap_err().to_string();
        assert!(
            refused.starts_with("`groups.0.arrival` names the trace `no.trace`: entity not found"),
            "{refused}"
        );
        assert!(refused.contains("beside the scenario"), "{refused}");
        let refused = Scenario::from_toml(text).unwrap_err().to_string();
        assert!(refused.contains("`no.trace`") && refused.contains("times ="), "{refused}");
    }

    #[test]
    fn what_comes_along_names_what_comes_along() {
        let known = Scenario::ready("ci-morning").unwrap();
        let text = "extends = \"ci-morning\"\n[seeds]\ncount = 4\n";
        assert_eq!(Scenario::from_toml_beside(text, &none).unwrap().groups, known.groups);
        assert!(matches!(&known.groups[0].arrival, Arrival::Times(times) if times.len() > 100));
        let own = "version = 1\n[[groups]]\narrival = { trace = \"ci-morning.trace\" }\n";
        assert_eq!(Scenario::from_toml(own).unwrap().groups[0].arrival, known.groups[0].arrival);
        let beside = |_: &str| Ok("7".to_owned());
        let nearer = Scenario::from_toml_beside(own, &beside).unwrap();
        assert_eq!(
            nearer.groups[0].arrival,
            Arrival::Times(vec![Span(7_000_000)]),
            "what is beside goes first"
        );
    }
}
