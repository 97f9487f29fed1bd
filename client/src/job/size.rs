//! Bytes, as a file of presets has them: a number, or a text with a unit.

use serde::{Deserialize, Serialize};

/// What may be written.
pub(super) const FORMS: &str = "a number of bytes, or a text such as \"2GB\", \"512 MiB\" or \"0.3MB\": B, KB, MB, GB, TB by thousands, \
     KiB, MiB, GiB, TiB by 1024";
/// Decimals of a number at most: a byte of a terabyte.
const DECIMALS_MAX: usize = 12;
/// More is no number of TOML.
const BYTES_MAX: u64 = i64::MAX.unsigned_abs();

/// Bytes, as they are written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum Size {
    Bytes(u64),
    Text(String),
    /// Something else: it is no number of bytes.
    Other(toml::Value),
}

impl Size {
    /// How many; a part of a byte is none.
    pub(super) fn bytes(&self) -> Option<u64> {
        let bytes = match self {
            Self::Bytes(bytes) => *bytes,
            Self::Text(text) => parse(text.trim())?,
            Self::Other(_) => return None,
        };
        (bytes <= BYTES_MAX).then_some(bytes)
    }
}

fn parse(text: &str) -> Option<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || decimals.is_empty() || decimals.len() > DECIMALS_MAX {
        return None;
    }
    let scale = 10_u128.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    let digits: u128 = format!("{whole}{decimals}").parse().ok()?;
    u64::try_from(digits.checked_mul(self::unit(unit.trim())?)? / scale).ok()
}

fn unit(name: &str) -> Option<u128> {
    Some(match name {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Option<u64> {
        Size::Text(text.to_owned()).bytes()
    }

    #[test]
    fn every_unit_is_read() {
        for (text, expected) in [
            ("7", 7),
            ("7B", 7),
            ("2kB", 2000),
            ("2KB", 2000),
            ("2 MB", 2_000_000),
            ("2GB", 2_000_000_000),
            ("2TB", 2_000_000_000_000),
            ("2KiB", 2048),
            (" 2 MiB ", 2 << 20),
            ("2GiB", 2 << 30),
            ("2TiB", 2 << 40),
            ("0.3MB", 300_000),
            ("1.5GiB", 3 << 29),
            ("0.5B", 0),
            ("0.000000000001TB", 1),
        ] {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
        assert_eq!(Size::Bytes(5).bytes(), Some(5));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in
            ["", "GB", "2gb", "2 G", "-1", "1e3", "1.", ".5", "1.2.3", "1,5GB", "2GBs", "9999999999TB"]
        {
            assert_eq!(bytes(text), None, "{text}");
        }
        assert_eq!(bytes("0.0000000000001TB"), None, "too many decimals");
        assert_eq!(Size::Bytes(u64::MAX).bytes(), None, "no number of TOML");
        assert_eq!(Size::Other(toml::Value::Float(1.5)).bytes(), None);
    }
}
