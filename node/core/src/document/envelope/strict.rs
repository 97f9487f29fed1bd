//! JSON read strictly: bounded, one object, no name twice at any level, nothing critical that is not understood.
//!
//! Two readers must never understand the same signed bytes differently. Where a name stands twice, some JSON readers
//! take the first value and some the last.

use super::DocumentError;
use crate::key::quoted;
use crate::limits::DOCUMENT_DEPTH_MAX;
use core::fmt;
use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;

/// Reads `json` as a `T` whose top-level fields are `fields`. See [`super::Envelope::body`] for what is refused.
pub(crate) fn parse_strict<T: DeserializeOwned>(
    json: &[u8],
    bytes_max: usize,
    fields: &[&str],
) -> Result<T, DocumentError> {
    if json.len() > bytes_max {
        return Err(DocumentError::TooLong { bytes: json.len(), bytes_max });
    }
    walk(json)?;
    refuse_unknown_critical(json, fields)?;
    serde_json::from_slice(json).map_err(|error| malformed(&error))
}

/// Reads every value once, building nothing.
fn walk(json: &[u8]) -> Result<(), DocumentError> {
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(DocumentError::Malformed("it is no JSON object".to_owned()));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let walked = Walk { depth_left: DOCUMENT_DEPTH_MAX }.deserialize(&mut deserializer);
    walked.and_then(|()| deserializer.end()).map_err(|error| malformed(&error))
}

fn refuse_unknown_critical(json: &[u8], fields: &[&str]) -> Result<(), DocumentError> {
    /// The one field that is read before all others.
    #[derive(Deserialize)]
    struct Critical {
        #[serde(default)]
        crit: Vec<String>,
    }
    let critical: Critical = serde_json::from_slice(json).map_err(|error| malformed(&error))?;
    let unknown = critical.crit.iter().find(|name| !fields.contains(&name.as_str()));
    unknown.map_or(Ok(()), |name| Err(DocumentError::Critical(quoted(name))))
}

/// The reader's words, without control characters and cut short: they repeat what a stranger wrote.
fn malformed(error: &serde_json::Error) -> DocumentError {
    DocumentError::Malformed(quoted(&error.to_string()))
}

/// Visits a value and everything below it. Opening an array or object takes one off `depth_left`.
#[derive(Clone, Copy)]
struct Walk {
    depth_left: usize,
}

impl Walk {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        let depth_left = self.depth_left.checked_sub(1);
        depth_left
            .map(|depth_left| Self { depth_left })
            .ok_or_else(|| E::custom(format_args!("it nests deeper than {DOCUMENT_DEPTH_MAX} levels")))
    }
}

impl<'de> DeserializeSeed<'de> for Walk {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let below = self.deeper()?;
        while items.next_element_seed(below)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let below = self.deeper()?;
        let mut seen = BTreeSet::new();
        while let Some(name) = entries.next_key::<String>()? {
            entries.next_value_seed(below)?;
            if let Some(twice) = seen.replace(name) {
                return Err(de::Error::custom(format_args!("the name `{twice}` stands twice in one object")));
            }
        }
        Ok(())
    }
}
