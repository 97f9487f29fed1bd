//! Zones: near and far, for choosing among peers.

use crate::bounded;
use crate::limits::LABEL_BYTES_MAX;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::sync::Arc;

/// The name of a place within which bytes are cheap: a rack, a data centre, a cloud's zone. 1 to [`LABEL_BYTES_MAX`] bytes
/// without control characters; two are the same place if they are the same text.
///
/// It says nothing about trust. What a peer says of its own is a hint: a lie costs speed and nothing else.
///
/// On the wire: text. In JSON and TOML: a string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zone(Arc<str>);

/// A text that names no [`Zone`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a zone: write 1 to {LABEL_BYTES_MAX} bytes without control characters, such as eqiad-1")]
pub struct ZoneError;

impl Zone {
    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        let fits = (1..=LABEL_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.into())) } else { Err(ZoneError) }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bounded::text::<_, LABEL_BYTES_MAX>(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_a_short_text_of_one_line() {
        for text in ["a", "eqiad-1", "Rack 7, Südseite", &"z".repeat(LABEL_BYTES_MAX)] {
            let zone: Zone = text.parse().unwrap();
            assert_eq!((zone.as_str(), zone.to_string().as_str()), (text, text));
        }
        for text in ["", "a\nb", "\u{1b}[2J", &"z".repeat(LABEL_BYTES_MAX + 1)] {
            assert_eq!(text.parse::<Zone>(), Err(ZoneError), "{text:?}");
        }
    }

    #[test]
    fn a_zone_is_its_text_wherever_it_is_written() {
        let zone: Zone = "b".parse().unwrap();
        assert_eq!(postcard::to_stdvec(&zone).unwrap(), [1, b'b']);
        assert_eq!(serde_json::to_string(&zone).unwrap(), "\"b\"");
        assert_eq!(serde_json::from_str::<Zone>("\"b\"").unwrap(), zone);
        for bytes in [&[0][..], &[1, 7], &[2, b'b'], &[1, 0xff]] {
            assert!(postcard::from_bytes::<Zone>(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_zone_that_claims_to_be_long_is_refused() {
        let long = |bytes: usize| postcard::to_stdvec(&"z".repeat(bytes)).unwrap();
        assert!(postcard::from_bytes::<Zone>(&long(LABEL_BYTES_MAX)).is_ok());
        assert!(postcard::from_bytes::<Zone>(&long(LABEL_BYTES_MAX + 1)).is_err());
    }
}
