//! Names: keys, lineages, fallbacks and patterns.
//!
//! ```text
//! key       mediawiki%2Fcore/master/composer/php8.1-3f2a     1 to 16 segments, 256 bytes at most
//! lineage   mediawiki%2Fcore/master/composer                 a key without its last segment
//! fallback  mediawiki%2Fcore/master/composer                 every key directly in that lineage
//!           mediawiki%2Fcore/master/composer/php8.1-*        those whose last segment begins so
//! pattern   mediawiki%2Fcore/*/composer/**                   `*`: one segment, a final `**`: one or more
//! ```
//!
//! A segment is one or more of `A-Z a-z 0-9 . _ + @ = % -`, and neither `.` nor `..`. What else a project's or a
//! branch's name holds, its own `/` above all, is percent-encoded ([`Key::segment_of`]), so that one project is one
//! segment and no wildcard ever matches a `/`. Names are compared byte by byte; nothing is decoded.

mod fallback;
mod pattern;
mod segment;

pub use fallback::Fallback;
pub use pattern::Pattern;
pub(crate) use segment::quoted;

use crate::limits::{KEY_BYTES_MAX, KEY_SEGMENTS_MAX};
use core::fmt;
use core::str::FromStr;
use segment::check_segments;

/// A cache's name: 1 to 16 segments, 256 bytes at most. See the module for the rules.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// A key without its last segment: what caches of one kind, one after the other, have in common. 1 to 15 segments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lineage(String);

/// Why a text is no key, lineage, fallback or pattern. Each message names the part at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Shorten it: digests rather than lists.
    #[error("the name has {bytes} bytes, more than the {bytes_max} that are allowed")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
    /// Join some of its segments.
    #[error("the name has {segments} segments, more than the {segments_max} that are allowed")]
    TooManySegments {
        /// How many it has.
        segments: usize,
        /// How many it may have.
        segments_max: usize,
    },
    /// Most often an unset variable.
    #[error("segment {number} of the name is empty: is a variable unset, or a `/` too many?")]
    EmptySegment {
        /// Counted from 1.
        number: usize,
    },
    /// It would climb out of somewhere.
    #[error("segment `{0}` is not allowed: percent-encode its dots as %2E")]
    DotSegment(String),
    /// Percent-encode it.
    #[error(
        "`{character}` in segment `{segment}` is not allowed: percent-encode all but A-Z a-z 0-9 . _ + @ = % -"
    )]
    Character {
        /// The first one that is not allowed.
        character: String,
        /// Where it stands.
        segment: String,
    },
    /// A pattern's `*` and `**` stand for whole segments.
    #[error("in segment `{0}` of the pattern, a wildcard is only a part: it must be the whole segment")]
    PartialWildcard(String),
    /// Only what a pattern ends with may be of any depth.
    #[error("`**` may only be the last segment of a pattern")]
    InnerDoubleWildcard,
    /// A fallback's `*` stands at its end.
    #[error("in a fallback `*` may only be the very end, and stands in segment `{0}`")]
    InnerWildcard(String),
    /// A fallback begins with a lineage.
    #[error("the fallback `{0}` names no lineage: write LINEAGE/{0}")]
    NoLineage(String),
}

impl Key {
    /// The key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key without its last segment. A key of one segment has none.
    #[must_use]
    pub fn lineage(&self) -> Option<Lineage> {
        self.split().map(|(lineage, _)| Lineage(lineage.to_owned()))
    }

    /// The segments in order, at least one.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Any text as one segment: every byte that a segment may not hold becomes `%` and two hexadecimal digits, and
    /// so does `%` itself, so that different texts stay different. The empty text stays empty, which is no segment.
    #[must_use]
    pub fn segment_of(text: &str) -> String {
        segment::encode(text)
    }

    /// The text of the lineage, and the last segment.
    fn split(&self) -> Option<(&str, &str)> {
        self.0.rsplit_once('/')
    }
}

impl Lineage {
    /// The lineage's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        check_segments(text, KEY_BYTES_MAX, KEY_SEGMENTS_MAX)?;
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Lineage {
    type Err = KeyError;

    /// A lineage leaves room for a last segment of one byte, since otherwise there is no key in it.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        check_segments(text, KEY_BYTES_MAX - 2, KEY_SEGMENTS_MAX - 1)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// In every format, a name is its text.
macro_rules! serialize_as_text {
    ($($name:ident)*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

serialize_as_text!(Key Lineage Fallback Pattern);

#[cfg(test)]
mod tests;
