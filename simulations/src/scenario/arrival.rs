//! When the nodes of a group boot: in words, or at times that are written down.
//!
//! ```toml
//! arrival = "poisson 10ms"                    # or "all-at-once", or within a time: "30s"
//! arrival = { times = ["0s", "1.5s", "1.5s"] }
//! arrival = { trace = "morning.trace" }       # the same from a file beside the scenario, a line each
//! ```

use crate::units::{Span, UnitError};
use core::fmt;
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::str::FromStr;

/// When nodes boot, counted from the group's `from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// In one moment.
    AllAtOnce,
    /// Each at a random moment of this time.
    Spread(Span),
    /// One after the other, as far apart on average, each independent of the others.
    Poisson(Span),
    /// Each at its time; there are as many as nodes, in order.
    Times(Vec<Span>),
    /// At the times of a file. Only a text says so: who reads it puts the times here, so that every scenario is whole.
    Trace(String),
}

/// A text that is no arrival.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no arrival: write \"all-at-once\", a time like \"30s\" (each at a random moment of it) or \"poisson 100ms\"; in a \
     scenario {{ times = [\"0s\", \"1.5s\"] }} or {{ trace = \"FILE\" }}, too"
)]
pub struct ArrivalError(String);

impl FromStr for Arrival {
    type Err = ArrivalError;

    fn from_str(text: &str) -> Result<Self, ArrivalError> {
        let read = match text.strip_prefix("poisson ") {
            Some(apart) => apart.parse().map(Self::Poisson),
            None if text == "all-at-once" => Ok(Self::AllAtOnce),
            None => text.parse().map(Self::Spread),
        };
        read.map_err(|_: UnitError| ArrivalError(text.to_owned()))
    }
}

impl fmt::Display for Arrival {
    /// What is written in words reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllAtOnce => f.write_str("all-at-once"),
            Self::Spread(span) => span.fmt(f),
            Self::Poisson(apart) => write!(f, "poisson {apart}"),
            Self::Times(times) => write!(f, "at {} times", times.len()),
            Self::Trace(file) => write!(f, "at the times of {file}"),
        }
    }
}

impl Serialize for Arrival {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = match self {
            Self::AllAtOnce | Self::Spread(_) | Self::Poisson(_) => return serializer.collect_str(self),
            Self::Times(_) | Self::Trace(_) => serializer.serialize_map(Some(1))?,
        };
        match self {
            Self::Times(times) => map.serialize_entry("times", times)?,
            Self::Trace(file) => map.serialize_entry("trace", file)?,
            Self::AllAtOnce | Self::Spread(_) | Self::Poisson(_) => {}
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Arrival {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// The names of the tables' only field.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "kebab-case")]
enum Field {
    Times,
    Trace,
}

struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = Arrival;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "\"all-at-once\", a time, \"poisson TIME\", { times = [TIME, …] } or { trace = \"FILE\" }",
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Arrival, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Arrival, M::Error> {
        let found = match map.next_key()? {
            Some(Field::Times) => Arrival::Times(map.next_value()?),
            Some(Field::Trace) => Arrival::Trace(map.next_value()?),
            None => return Err(de::Error::invalid_length(0, &self)),
        };
        match map.next_key::<Field>()? {
            None => Ok(found),
            Some(_) => Err(de::Error::invalid_length(2, &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Group {
        arrival: Arrival,
        count: u32,
    }

    #[test]
    fn whatever_is_written_reads_back() {
        let seconds = |seconds: u64| Span(seconds * 1_000_000);
        for arrival in [
            Arrival::AllAtOnce,
            Arrival::Spread(seconds(30)),
            Arrival::Poisson(Span(100_000)),
            Arrival::Times(vec![Span(0), Span(1_500_000), Span(1_500_000)]),
            Arrival::Times(Vec::new()),
            Arrival::Trace("a b.trace".to_owned()),
        ] {
            let group = Group { arrival, count: 3 };
            let text = toml::to_string(&group).unwrap();
            assert_eq!(toml::from_str(&text).as_ref(), Ok(&group), "{text}");
            let json = serde_json::to_string(&group).unwrap();
            assert_eq!(serde_json::from_str::<Group>(&json).unwrap(), group, "{json}");
        }
    }

    #[test]
    fn what_is_no_arrival_is_refused_with_its_line() {
        let said = |text: &str| {
            let text = format!("count = 1\narrival = {text}\n");
            toml::from_str::<Group>(&text).unwrap_err().to_string()
        };
        for (text, why) in [
            ("7", "expected \"all-at-once\", a time"),
            ("\"soon\"", "`soon` is no arrival: write \"all-at-once\", a time like"),
            ("\"poisson\"", "or { trace = \"FILE\" }, too"),
            ("{}", "{ trace = \"FILE\" }"),
            ("{ time = \"1s\" }", "unknown field `time`, expected `times` or `trace`"),
            ("{ times = [\"1s\"], trace = \"x\" }", "{ trace = \"FILE\" }"),
            ("{ times = [\"1\"] }", "`1` is not a time"),
        ] {
            let said = said(text);
            assert!(said.contains(why) && said.contains("line 2"), "{text}: {said}");
        }
    }
}
