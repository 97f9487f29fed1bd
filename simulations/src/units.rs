//! Sizes, rates and times as people write them: a number, then its unit. All are whole numbers inside.

use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::str::FromStr;

/// Decimals of a number at most: a millionth of a gigabyte is still whole.
const DECIMALS_MAX: usize = 6;

/// Bytes: `64MiB`, `1.5GB`, `300B`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// Bytes each second: `1Gbit/s`, `12.5MB/s`, `100MiB/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(pub u64);

/// Microseconds: `250us`, `5ms`, `30s`, `10min`, `1.5h`, or `0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub u64);

/// A text that is no such quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: write it like {examples}")]
pub struct UnitError {
    text: String,
    what: &'static str,
    examples: &'static str,
}

/// A unit and how much of the inner unit it is: so many, divided by so many.
type Unit = (&'static str, u64, u64);

const BYTE_UNITS: &[Unit] = &[
    ("B", 1, 1),
    ("kB", 1_000, 1),
    ("MB", 1_000_000, 1),
    ("GB", 1_000_000_000, 1),
    ("KiB", 1 << 10, 1),
    ("MiB", 1 << 20, 1),
    ("GiB", 1 << 30, 1),
];
const BYTE_RATE_UNITS: &[Unit] = &[
    ("B/s", 1, 1),
    ("kB/s", 1_000, 1),
    ("MB/s", 1_000_000, 1),
    ("GB/s", 1_000_000_000, 1),
    ("KiB/s", 1 << 10, 1),
    ("MiB/s", 1 << 20, 1),
    ("GiB/s", 1 << 30, 1),
];
const BIT_RATE_UNITS: &[Unit] =
    &[("bit/s", 1, 8), ("kbit/s", 1_000, 8), ("Mbit/s", 1_000_000, 8), ("Gbit/s", 1_000_000_000, 8)];
const SPAN_UNITS: &[Unit] =
    &[("us", 1, 1), ("ms", 1_000, 1), ("s", 1_000_000, 1), ("min", 60_000_000, 1), ("h", 3_600_000_000, 1)];

/// `text` in inner units; none where it is no whole number of them.
fn parse(text: &str, units: &[Unit]) -> Option<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let (number, unit) = text.split_at(end);
    let (_, times, by) = units.iter().find(|(name, _, _)| *name == unit)?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    if decimals.len() > DECIMALS_MAX || (number.contains('.') && decimals.is_empty()) {
        return None;
    }
    let scale = 10u128.pow(u32::try_from(decimals.len()).ok()?);
    let digits: u128 = format!("{whole}{decimals}").parse().ok()?;
    let (scaled, divisor) = (digits.checked_mul(u128::from(*times))?, scale * u128::from(*by));
    if whole.is_empty() || scaled % divisor != 0 {
        return None;
    }
    u64::try_from(scaled / divisor).ok()
}

/// The largest of these units that divides the value, so that the text reads back as the same; the least for nothing.
fn show(f: &mut fmt::Formatter<'_>, value: u64, units: &[Unit]) -> fmt::Result {
    let whole = |unit: &&Unit| value.is_multiple_of(unit.1) && (value > 0 || unit.1 == 1);
    let (name, times, _) = units.iter().filter(whole).max_by_key(|unit| unit.1).unwrap_or(&("", 1, 1));
    write!(f, "{}{name}", value / times)
}

macro_rules! quantity {
    ($name:ident, $what:literal, $examples:literal) => {
        impl FromStr for $name {
            type Err = UnitError;

            fn from_str(text: &str) -> Result<Self, UnitError> {
                let refused = || UnitError { text: text.to_owned(), what: $what, examples: $examples };
                Self::read(text).map(Self).ok_or_else(refused)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

quantity!(ByteSize, "size", "64MiB, 2GiB or 500kB");
quantity!(Rate, "rate", "1Gbit/s, 12.5MB/s or 100MiB/s");
quantity!(Span, "time", "5ms, 30s, 10min or 1.5h");

impl ByteSize {
    fn read(text: &str) -> Option<u64> {
        parse(text, BYTE_UNITS)
    }
}

impl Rate {
    fn read(text: &str) -> Option<u64> {
        parse(text, BYTE_RATE_UNITS).or_else(|| parse(text, BIT_RATE_UNITS))
    }
}

impl Span {
    /// Nothing needs no unit.
    fn read(text: &str) -> Option<u64> {
        if text == "0" { Some(0) } else { parse(text, SPAN_UNITS) }
    }

    /// As the core counts time.
    #[must_use]
    pub const fn duration(self) -> core::time::Duration {
        core::time::Duration::from_micros(self.0)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.0, BYTE_UNITS)
    }
}

impl fmt::Display for Rate {
    /// In bits where that is a round number, as networks are sold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ROUND: &[Unit] = &[("Gbit/s", 125_000_000, 1), ("Mbit/s", 125_000, 1)];
        if self.0 > 0 && self.0.is_multiple_of(125_000) {
            return show(f, self.0, ROUND);
        }
        show(f, self.0, BYTE_RATE_UNITS)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { f.write_str("0") } else { show(f, self.0, SPAN_UNITS) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn size(text: &str) -> Option<u64> {
        text.parse::<ByteSize>().ok().map(|size| size.0)
    }

    fn rate(text: &str) -> Option<u64> {
        text.parse::<Rate>().ok().map(|rate| rate.0)
    }

    fn span(text: &str) -> Option<u64> {
        text.parse::<Span>().ok().map(|span| span.0)
    }

    #[test]
    fn quantities_are_read() {
        assert_eq!(size("64MiB"), Some(64 << 20));
        assert_eq!(size("1.5GB"), Some(1_500_000_000));
        assert_eq!(size("0B"), Some(0));
        assert_eq!(rate("1Gbit/s"), Some(125_000_000));
        assert_eq!(rate("12.5MB/s"), Some(12_500_000));
        assert_eq!(rate("8bit/s"), Some(1));
        assert_eq!((span("0"), span("5ms"), span("2min")), (Some(0), Some(5_000), Some(120_000_000)));
        assert_eq!((span("0.000001s"), span("1.5h")), (Some(1), Some(5_400_000_000)));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "64", "MiB", "64 MiB", "-1B", "1e3B", "1.B", ".5kB", "0.3B", "64mib", "1.2.3kB"] {
            assert_eq!(size(text), None, "{text:?}");
        }
        assert_eq!(size("99999999999999999999GiB"), None);
        assert_eq!((rate("1bit/s"), rate("1Gbit"), rate("1MB")), (None, None, None));
        assert_eq!((span("5"), span("5d"), span("0.0000001s")), (None, None, None));
    }

    #[test]
    fn a_refusal_says_how_to_write_it() {
        let refused = "64".parse::<ByteSize>().unwrap_err().to_string();
        assert_eq!(refused, "`64` is not a size: write it like 64MiB, 2GiB or 500kB");
    }

    #[test]
    fn they_are_shown_in_the_roundest_unit() {
        assert_eq!(ByteSize(64 << 20).to_string(), "64MiB");
        assert_eq!(ByteSize(500_000).to_string(), "500kB");
        assert_eq!(ByteSize(1_025).to_string(), "1025B");
        assert_eq!(Rate(125_000_000).to_string(), "1Gbit/s");
        assert_eq!(Rate(1 << 20).to_string(), "1MiB/s");
        assert_eq!(Span(1_500_000).to_string(), "1500ms");
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(value in any::<u64>(), small in 0..1_000_000u64) {
            for value in [value, small, small * 125_000] {
                prop_assert_eq!(size(&ByteSize(value).to_string()), Some(value));
                prop_assert_eq!(rate(&Rate(value).to_string()), Some(value));
                prop_assert_eq!(span(&Span(value).to_string()), Some(value));
            }
        }

        #[test]
        fn no_text_panics(text in "[0-9.]{0,30}[a-zA-Z/]{0,6}") {
            let _ = (size(&text), rate(&text), span(&text));
        }
    }
}
