//! Fields that are written as words.

use crate::units::{Span, UnitError};
use core::fmt;
use core::ops::{Div, Mul};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Serde reads and writes these as they are parsed and shown.
macro_rules! as_text {
    ($($name:ident)*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

pub(super) use as_text;

/// How long somebody waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// As long as the run lasts.
    Off,
    /// So long.
    For(Span),
}

/// A part of something, in thousandths: `75%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(pub u32);

/// How links are shared among what flows over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// Fairly, but a link hears a few milliseconds later of what has changed elsewhere: fast, and off by a few per cent.
    #[default]
    Settled,
    /// By max-min fairness at every change: slow, and so for few nodes only.
    Exact,
}

/// How a node goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// Its connections break, as when a process is killed.
    #[default]
    Killed,
    /// It says nothing any more, as when a machine is taken away: others notice when they wait in vain.
    Vanished,
}

/// What a node does to others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// What it should.
    #[default]
    Honest,
    /// It answers with other bytes than those that were asked for.
    Junk,
    /// It says that it has everything, and answers nothing.
    Stalling,
    /// It says that it has everything, and declines what it lacks.
    FalseHaves,
    /// It gives a tenth of what its uplink could.
    Slow,
    /// It takes without end, and gives nothing: whenever it has everything, it forgets that and begins again.
    Draining,
    /// It says of others what only seeds may say: that honest nodes are elsewhere, and that they are refused.
    Framing,
    /// All nodes of the group are behind one address, and want a place for each of their names.
    Sybil,
    /// It hands on the oldest answers of seeds that it was given, as if they were the newest.
    Replaying,
    /// It makes up manifests and receipts, signed by itself, offers them to seeds and hands them on.
    Forging,
    /// What it sends is no message.
    Garbage,
    /// Of a seed: it takes nothing new, and answers as if nothing had been published since the beginning.
    Stale,
    /// Of a seed: it signs a receipt for whatever it is offered, for two manifests of one sequence too.
    Forking,
}

impl Behaviour {
    /// All of them, in the order in which they stand here.
    pub const ALL: [Self; 13] = [
        Self::Honest,
        Self::Junk,
        Self::Stalling,
        Self::FalseHaves,
        Self::Slow,
        Self::Draining,
        Self::Framing,
        Self::Sybil,
        Self::Replaying,
        Self::Forging,
        Self::Garbage,
        Self::Stale,
        Self::Forking,
    ];

    /// As scenarios name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Junk => "junk",
            Self::Stalling => "stalling",
            Self::FalseHaves => "false-haves",
            Self::Slow => "slow",
            Self::Draining => "draining",
            Self::Framing => "framing",
            Self::Sybil => "sybil",
            Self::Replaying => "replaying",
            Self::Forging => "forging",
            Self::Garbage => "garbage",
            Self::Stale => "stale",
            Self::Forking => "forking",
        }
    }

    /// Whether a node of a group can be so.
    #[must_use]
    pub const fn is_of_nodes(self) -> bool {
        !matches!(self, Self::Stale | Self::Forking)
    }

    /// Whether a seed can be so.
    #[must_use]
    pub const fn is_of_seeds(self) -> bool {
        !matches!(
            self,
            Self::Draining | Self::Sybil | Self::Framing | Self::FalseHaves | Self::Replaying | Self::Forging
        )
    }
}

impl Share {
    /// All of it.
    pub const ALL: Self = Self(1_000);
}

impl Div<u32> for Share {
    type Output = Self;

    fn div(self, by: u32) -> Self {
        Self(self.0 / by.max(1))
    }
}

impl Mul<u32> for Share {
    type Output = Self;

    fn mul(self, by: u32) -> Self {
        Self(self.0.saturating_mul(by))
    }
}

/// A text that is no share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a share: write it like 75% or 0.5%")]
pub struct ShareError(String);

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let refused = || ShareError(text.to_owned());
        let number = text.strip_suffix('%').ok_or_else(refused)?;
        let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
        let digit = |text: &str| text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_digit());
        let (whole, tenth): (u32, u32) = match (whole.parse(), tenth.parse()) {
            (Ok(whole), Ok(part)) if digit(tenth) && !whole_is_signed(number) => (whole, part),
            _ => return Err(refused()),
        };
        let share = whole.checked_mul(10).and_then(|thousandths| thousandths.checked_add(tenth));
        share.filter(|share| *share <= Self::ALL.0).map(Self).ok_or_else(refused)
    }
}

fn whole_is_signed(number: &str) -> bool {
    number.starts_with('+')
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, tenth) = (self.0 / 10, self.0 % 10);
        if tenth == 0 { write!(f, "{whole}%") } else { write!(f, "{whole}.{tenth}%") }
    }
}

impl FromStr for Patience {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        if text == "off" { Ok(Self::Off) } else { text.parse().map(Self::For) }
    }
}

impl fmt::Display for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::For(span) => span.fmt(f),
        }
    }
}

as_text!(Patience Share);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for share in [Share(0), Share(5), Share(750), Share::ALL] {
            assert_eq!(share.to_string().parse(), Ok(share), "{share}");
        }
        assert_eq!(Patience::Off.to_string().parse(), Ok(Patience::Off));
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for text in ["", "5", "%", "101%", "1.25%", "-1%", "+1%", "1.%", "1.+%", "99999999999%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        assert_eq!("12.5%".parse(), Ok(Share(125)));
    }
}
