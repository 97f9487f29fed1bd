//! Who may publish what.

use super::segment::{check_segment, check_size, quoted};
use super::{Key, KeyError};
use crate::limits::{KEY_BYTES_MAX, KEY_SEGMENTS_MAX};
use core::fmt;
use core::str::FromStr;

/// The keys that somebody may sign for, segment by segment: itself, `*` for any one, and at the end `**` for one or
/// more. A wildcard is always a whole segment, so it never matches a `/`. As long as a key at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(String);

impl Pattern {
    /// Whether the key is one of them.
    #[must_use]
    pub fn covers(&self, key: &Key) -> bool {
        let mut wanted = self.0.split('/');
        let mut given = key.segments();
        loop {
            match (wanted.next(), given.next()) {
                (None, None) | (Some("**"), Some(_)) => return true,
                (Some(wanted), Some(given)) if wanted == "*" || wanted == given => {}
                (Some(_), _) | (None, Some(_)) => return false,
            }
        }
    }

    /// Whether it covers every key there is: `**`. Most often that is a mistake, so tools ask twice.
    #[must_use]
    pub fn covers_everything(&self) -> bool {
        self.0 == "**"
    }

    /// Whether every key that it covers is covered by `wider` too.
    #[must_use]
    pub fn lies_in(&self, wider: &Self) -> bool {
        let (mut wider, mut own) = (wider.0.split('/'), self.0.split('/'));
        loop {
            match (wider.next(), own.next()) {
                (None, None) | (Some("**"), Some(_)) => return true,
                (Some(_), Some("**")) => return false,
                (Some(wide), Some(segment)) if wide == "*" || wide == segment => {}
                (Some(_), _) | (None, Some(_)) => return false,
            }
        }
    }

    /// The pattern's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Pattern {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        check_size(text, KEY_BYTES_MAX, KEY_SEGMENTS_MAX)?;
        let mut segments = text.split('/').zip(1..).peekable();
        while let Some((segment, number)) = segments.next() {
            check_pattern_segment(segment, number, segments.peek().is_none())?;
        }
        Ok(Self(text.to_owned()))
    }
}

fn check_pattern_segment(segment: &str, number: usize, last: bool) -> Result<(), KeyError> {
    match segment {
        "*" => Ok(()),
        "**" if last => Ok(()),
        "**" => Err(KeyError::InnerDoubleWildcard),
        _ if segment.contains('*') => Err(KeyError::PartialWildcard(quoted(segment))),
        _ => check_segment(segment, number),
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
