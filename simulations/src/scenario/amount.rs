//! Numbers of expectations: exact, so that scenarios can be compared.

use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::str::FromStr;

/// A millionth: what amounts are counted in.
const DECIMALS: usize = 6;
const ONE: u64 = 1_000_000;
/// Whole numbers of an amount have so many digits at most: any figure of a run is below.
const DIGITS_MAX: usize = 12;

/// A number that is not negative, to six decimals; written as a number, or as `2.5%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(u64);

impl Amount {
    /// Nothing.
    pub(super) const ZERO: Self = Self(0);

    /// As a number: what is nearest.
    #[must_use]
    pub fn value(self) -> f64 {
        // Digits and a point are always a number.
        self.to_string().parse().unwrap_or_default()
    }
}

/// A text that is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount: write it like 1.5 or \"2.5%\", not negative, with six decimals at most")]
pub struct AmountError(String);

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (number, decimals) = match text.strip_suffix('%') {
            Some(number) => (number, DECIMALS - 2),
            None => (text, DECIMALS),
        };
        millionths(number, decimals).map(Self).ok_or_else(|| AmountError(text.to_owned()))
    }
}

/// A number with so many decimals at most, in units of the last of them.
fn millionths(number: &str, decimals: usize) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits =
        |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = digits(whole, DIGITS_MAX) && digits(part, decimals);
    if fits { format!("{whole}{part:0<decimals$}").parse().ok() } else { None }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / ONE, format!("{:06}", self.0 % ONE));
        let part = part.trim_end_matches('0');
        if part.is_empty() { write!(f, "{whole}") } else { write!(f, "{whole}.{part}") }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.value())
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Whole(i64),
    Number(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Written::deserialize(deserializer)? {
            Written::Whole(number) => number.to_string(),
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_numbers_or_parts_of_a_hundred() {
        for (text, millionths) in
            [("1", 1_000_000), ("1.5", 1_500_000), ("2.5%", 25_000), ("0.0001%", 1), ("0.000001", 1)]
        {
            assert_eq!(text.parse(), Ok(Amount(millionths)), "{text}");
        }
        for json in ["2", "2.0", "\"2\"", "\"200%\""] {
            assert_eq!(serde_json::from_str::<Amount>(json).unwrap(), Amount(2_000_000), "{json}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in
            ["", "-1", "+1", "1e3", "nan", "inf", "1.", ".5", "%", "0.0000001", "0.00001%", "9999999999999"]
        {
            assert!(text.parse::<Amount>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn amounts_read_back(millionths in 0..1_000_000_000_000u64) {
            let amount = Amount(millionths);
            prop_assert_eq!(amount.to_string().parse(), Ok(amount));
            let json = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(serde_json::from_str::<Amount>(&json).unwrap(), amount);
        }

        #[test]
        fn no_text_panics(text in "[-+0-9.e%]{0,24}") {
            let _ = text.parse::<Amount>();
        }
    }
}
