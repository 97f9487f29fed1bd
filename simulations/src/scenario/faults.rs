//! What goes wrong while a scenario runs: with machines, links and clocks. What nodes do wrong to others is their
//! [`super::Behaviour`].
//!
//! ```toml
//! [[faults]]
//! at = "5s"
//! whom = "seeds"
//! share = "50%"
//! lasts = "10s"
//! what = { crash = { disk = "wiped" } }
//! ```

use super::{Patience, Share};
use crate::units::{Rate, Span};
use core::fmt;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::str::FromStr;

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// When it begins, from the beginning.
    pub at: Span,
    /// How long it lasts; off: to the end.
    #[serde(default = "for_ever")]
    pub lasts: Patience,
    /// Whose it is.
    pub whom: Whom,
    /// So many of them, drawn, and at least one.
    #[serde(default = "all")]
    pub share: Share,
    /// Its kind.
    #[serde(deserialize_with = "written")]
    pub what: FaultKind,
}

impl FaultSpec {
    /// Whether it has begun at this time, and is not over.
    pub(crate) fn lasts_at(&self, time: Span) -> bool {
        let is_over = match self.lasts {
            Patience::Off => false,
            Patience::For(lasts) => self.at.0.saturating_add(lasts.0) <= time.0,
        };
        self.at <= time && !is_over
    }

    /// How many of so many it strikes.
    pub(crate) fn count_of(&self, all: u64) -> u64 {
        all.saturating_mul(self.share.0.into()).div_ceil(1_000).max(1)
    }
}

const fn for_ever() -> Patience {
    Patience::Off
}

const fn all() -> Share {
    Share::ALL
}

/// A kind of fault as a word or a table; a word that needs a table is told how that is written.
fn written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FaultKind, D::Error> {
    deserializer.deserialize_any(Written)
}

struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = FaultKind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"pause\", \"stale\", or a table like { crash = { disk = \"kept\" } }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<FaultKind, E> {
        let table = match text {
            "crash" => "{ crash = { disk = \"kept\" } }",
            "link" => "{ link = { up = \"1Mbit/s\", down = \"1Mbit/s\" } }",
            "delay" => "{ delay = \"50ms\" }",
            "cut" => "{ cut = { from = \"everybody\" } }",
            "clock-ahead" => "{ clock-ahead = \"5min\" }",
            "clock-behind" => "{ clock-behind = \"5min\" }",
            _ => return FaultKind::deserialize(text.into_deserializer()),
        };
        Err(E::custom(format!("`{text}` says how: write {table}")))
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<FaultKind, M::Error> {
        FaultKind::deserialize(MapAccessDeserializer::new(map))
    }
}

/// Nodes by a name: `seeds`, `everybody`, a group's name, or a zone as `zone/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Every seed.
    Seeds,
    /// Seeds and the nodes of all groups.
    Everybody,
    /// The nodes of a group.
    Group(String),
    /// All that are in a zone, seeds too.
    Zone(String),
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FaultKind {
    /// The process is killed; when the fault is over it starts again, and its job with it.
    Crash {
        /// What it finds then.
        #[serde(default)]
        disk: Disk,
    },
    /// The process stands still; connections stay, until others lose patience.
    Pause,
    /// Links carry this much instead.
    Link {
        /// Uplink.
        up: Rate,
        /// Downlink.
        down: Rate,
    },
    /// Everything to and from them takes this much longer.
    Delay(Span),
    /// They and others do not reach each other.
    Cut {
        /// The others; all but them if nobody is named.
        #[serde(default = "everybody")]
        from: Whom,
        /// Only what they send is lost; what is sent to them arrives.
        #[serde(default)]
        one_way: bool,
    },
    /// Their wall clock is this much ahead; all documents are judged by it.
    ClockAhead(Span),
    /// Or behind.
    ClockBehind(Span),
    /// Of seeds: they hear of nothing new, so that they answer with what was newest when it began.
    Stale,
}

const fn everybody() -> Whom {
    Whom::Everybody
}

/// What a node that starts again finds on its disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disk {
    /// All that it had.
    #[default]
    Kept,
    /// Nothing.
    Wiped,
    /// What it had at a time so long before: a snapshot was restored.
    Aged(Span),
}

impl FaultKind {
    /// The names of all of them.
    pub const NAMES: [&'static str; 8] =
        ["crash", "pause", "link", "delay", "cut", "clock-ahead", "clock-behind", "stale"];

    /// Its name, for people.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Crash { .. } => "crash",
            Self::Pause => "pause",
            Self::Link { .. } => "link",
            Self::Delay(_) => "delay",
            Self::Cut { .. } => "cut",
            Self::ClockAhead(_) => "clock-ahead",
            Self::ClockBehind(_) => "clock-behind",
            Self::Stale => "stale",
        }
    }
}

/// A text that names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody is named by an empty text: write `seeds`, `everybody`, a group's name, or `zone/NAME`")]
pub struct WhomError;

impl FromStr for Whom {
    type Err = WhomError;

    fn from_str(text: &str) -> Result<Self, WhomError> {
        match text.strip_prefix("zone/") {
            Some(zone) => Ok(Self::Zone(zone.to_owned())),
            None if text == "seeds" => Ok(Self::Seeds),
            None if text == "everybody" => Ok(Self::Everybody),
            None if text.is_empty() => Err(WhomError),
            None => Ok(Self::Group(text.to_owned())),
        }
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seeds => f.write_str("seeds"),
            Self::Everybody => f.write_str("everybody"),
            Self::Group(name) => f.write_str(name),
            Self::Zone(name) => write!(f, "zone/{name}"),
        }
    }
}

super::fields::as_text!(Whom);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_reads_back() {
        for text in ["seeds", "everybody", "crowd", "zone/east"] {
            assert_eq!(text.parse::<Whom>().unwrap().to_string(), text);
        }
        assert_eq!("".parse::<Whom>(), Err(WhomError));
    }

    #[test]
    fn a_fault_is_written_as_the_module_says() {
        let read = |text: &str| toml::from_str::<FaultSpec>(text);
        let crash =
            read("at = \"5s\"\nwhom = \"seeds\"\nwhat = { crash = { disk = { aged = \"3s\" } } }").unwrap();
        assert_eq!(crash.what, FaultKind::Crash { disk: Disk::Aged(Span(3_000_000)) });
        assert_eq!((crash.lasts, crash.share), (Patience::Off, Share::ALL));
        let cut = read("at = \"5s\"\nwhom = \"zone/east\"\nwhat = { cut = { one_way = true } }").unwrap();
        assert_eq!(cut.what, FaultKind::Cut { from: Whom::Everybody, one_way: true });
        let stale = read("at = \"5s\"\nwhom = \"seeds\"\nwhat = \"stale\"").unwrap();
        assert_eq!(stale.what, FaultKind::Stale);
        let said = |what: &str| {
            let text = format!("at = \"5s\"\nwhom = \"x\"\nwhat = {what}");
            read(&text).unwrap_err().to_string()
        };
        assert!(said("\"crash\"").contains("write { crash = { disk = \"kept\" } }"), "{}", said("\"crash\""));
        for name in FaultKind::NAMES.into_iter().filter(|name| !["pause", "stale"].contains(name)) {
            let refused = said(&format!("\"{name}\""));
            let (_, table) = refused.rsplit_once("write ").unwrap();
            let text = format!("at = \"5s\"\nwhom = \"x\"\nwhat = {table}");
            assert_eq!(read(&text).unwrap().what.name(), name, "what is said is right");
        }
        assert!(said("\"flood\"").contains("unknown variant `flood`"), "{}", said("\"flood\""));
        assert!(said("{ link = { up = \"1\" } }").contains("`1` is not a rate"));
        assert!(said("7").contains("or a table like"));
        assert!(read("at = \"5s\"\nwhom = \"x\"\nwhat = \"pause\"\nhow = 1").is_err());
    }
}
