//! Time as an input. Core reads no clock: every call that depends on time is handed a [`Now`].
//!
//! [`Instant`] orders events on one machine and never goes back. [`Timestamp`] is what documents
//! carry; it may jump when somebody sets the clock, so no timeout is ever computed from it.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes of a timestamp's text at most: `2026-11-03T09:05:00.123456789+05:30` has 35.
const TIMESTAMP_BYTES_MAX: usize = 40;

/// Microseconds on a clock that only goes forward, counted from an origin that the driver chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The origin.
    pub const ZERO: Self = Self(0);
    /// A moment that never comes: the timeout of an engine that waits for nothing.
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `micros` microseconds after the origin.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the origin.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// This moment moved by `duration`; saturates at [`Self::NEVER`].
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }

    /// How long ago `earlier` was, or zero if it is still to come.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// A moment as documents state it: milliseconds since 1970-01-01T00:00:00Z, up to the end of the year 9999.
///
/// In JSON and for people it is RFC 3339 text in UTC with three decimals, `2026-11-03T09:05:00.250Z`. Text with
/// another offset is read too, and decimals beyond the third are dropped. In binary formats it is the number, a `u64`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

/// A text or number that is no [`Timestamp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time from 1970 to 9999 like 2026-11-03T09:05:00Z")]
pub struct TimestampError;

impl Timestamp {
    /// The last moment there is: almost the end of the year 9999, in whatever offset.
    pub const MAX: Self = Self(253_402_207_200_000);

    /// The moment `millis` milliseconds after the Unix epoch; [`Self::MAX`] if that is later.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        if millis < Self::MAX.0 { Self(millis) } else { Self::MAX }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This moment moved by `duration`; saturates at [`Self::MAX`].
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// How long before this moment `earlier` was, or zero if it is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = i64::try_from(self.0).map_err(|_| fmt::Error)?;
        let time = jiff::Timestamp::from_millisecond(millis).map_err(|_| fmt::Error)?;
        write!(f, "{time:.3}")
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        if text.len() > TIMESTAMP_BYTES_MAX || !is_rfc_3339(text) {
            return Err(TimestampError);
        }
        let time: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        if time < jiff::Timestamp::UNIX_EPOCH {
            return Err(TimestampError);
        }
        u64::try_from(time.as_millisecond()).map_err(|_| TimestampError)?.try_into()
    }
}

/// Whether a text has the form of RFC 3339. The parser checks the numbers, and would also take zone names, texts without
/// separators, and times that leave minutes or seconds out; other readers of a document would not.
fn is_rfc_3339(text: &str) -> bool {
    let Some((moment, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else { return false };
    let decimals =
        rest.strip_prefix('.').map(|rest| rest.trim_start_matches(|digit: char| digit.is_ascii_digit()));
    is_like(moment, "0000-00-00T00:00:00") && is_offset(decimals.unwrap_or(rest))
}

fn is_offset(text: &str) -> bool {
    let is_signed = is_like(text, "+00:00") || is_like(text, "-00:00");
    text == "Z" || (is_signed && text.get(1..3).is_some_and(|hours| hours < "24"))
}

/// Whether a text is the same but for its digits.
fn is_like(text: &str, form: &str) -> bool {
    let same = |(byte, like): (u8, u8)| if like == b'0' { byte.is_ascii_digit() } else { byte == like };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(same)
}

impl TryFrom<u64> for Timestamp {
    type Error = TimestampError;

    /// From milliseconds of a stranger, who is refused what [`Timestamp::from_millis`] would cut.
    fn try_from(millis: u64) -> Result<Self, TimestampError> {
        if millis > Self::MAX.0 { Err(TimestampError) } else { Ok(Self(millis)) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            u64::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
        }
    }
}

/// The time of one input: both clocks, read together by the driver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For timeouts and rates.
    pub instant: Instant,
    /// For what documents say.
    pub wall: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn instants_go_forward() {
        let second = Instant::ZERO.after(Duration::from_secs(1));
        assert_eq!(second.as_micros(), 1_000_000);
        assert_eq!(second.since(Instant::ZERO), Duration::from_secs(1));
        assert_eq!(Instant::ZERO.since(second), Duration::ZERO);
        assert_eq!(second.after(Duration::MAX), Instant::NEVER);
        assert_eq!(Instant::from_micros(5).as_micros(), 5);
    }

    #[test]
    fn timestamps_are_rfc_3339() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_793_696_700_250, "2026-11-03T09:05:00.250Z"),
            (951_782_400_001, "2000-02-29T00:00:00.001Z"),
            (u64::MAX, "9999-12-30T22:00:00.000Z"),
        ] {
            assert_eq!(Timestamp::from_millis(millis).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn other_spellings_are_read() {
        for text in [
            "2026-11-03T09:05:00.25Z",
            "2026-11-03T09:05:00.250999999Z",
            "2026-11-03T14:35:00.250+05:30",
            "2026-11-03T04:05:00.25-05:00",
        ] {
            assert_eq!(text.parse(), Ok(Timestamp::from_millis(1_793_696_700_250)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "now",
            "0",
            "2026-11-03",
            "2026-11-03T09:05:00",
            "2026-13-03T09:05:00Z",
            "2026-02-30T09:05:00Z",
            "2026-11-03T25:05:00Z",
            "1969-12-31T23:59:59.999Z",
            "9999-12-31T23:59:59Z",
            "-000001-11-03T09:05:00Z",
            "2026-11-03T09:05:00+01:00[Europe/Paris]",
            "2026-11-03T09:05:00.0000000000000000000000000000000000Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
        }
    }

    #[test]
    fn timestamps_saturate() {
        assert_eq!(Timestamp::from_millis(u64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::from_millis(1).after(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::from_millis(1).after(Duration::from_millis(2)).as_millis(), 3);
        assert_eq!(Timestamp::from_millis(1).since(Timestamp::MAX), Duration::ZERO);
        assert_eq!(Timestamp::from_millis(7).since(Timestamp::from_millis(3)), Duration::from_millis(4));
    }

    #[test]
    fn binary_formats_carry_the_number() {
        let time = Timestamp::from_millis(300);
        assert_eq!(postcard::to_allocvec(&time).unwrap(), [0xac, 0x02]);
        assert_eq!(postcard::from_bytes::<Timestamp>(&[0xac, 0x02]), Ok(time));
        let late = postcard::to_allocvec(&u64::MAX).unwrap();
        assert!(postcard::from_bytes::<Timestamp>(&late).is_err());
    }

    proptest! {
        #[test]
        fn text_round_trip(millis in 0..=Timestamp::MAX.as_millis()) {
            let time = Timestamp::from_millis(millis);
            prop_assert_eq!(time.to_string().parse(), Ok(time));
            let json = serde_json::to_string(&time).unwrap();
            prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), time);
        }

        #[test]
        fn text_sorts_like_time(one in 0..=Timestamp::MAX.as_millis(), other in 0..=Timestamp::MAX.as_millis()) {
            let (one, other) = (Timestamp::from_millis(one), Timestamp::from_millis(other));
            prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
        }

        #[test]
        fn no_text_panics(text in "[0-9TZ:.+-]{0,45}") {
            let _ = text.parse::<Timestamp>();
        }
    }
}
