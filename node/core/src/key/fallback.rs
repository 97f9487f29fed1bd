//! Second-best names.

use super::segment::{check_characters, quoted};
use super::{Key, KeyError, Lineage};
use crate::limits::KEY_BYTES_MAX;
use core::fmt;
use core::str::FromStr;

/// What will do where the exact key has nothing: any key directly in a lineage, optionally only those whose last
/// segment begins in a given way. A key further down never matches, so who may publish `core/experimental/**` never
/// answers for `core`.
///
/// As text: `LINEAGE`, or `LINEAGE/PREFIX*`. `LINEAGE/*` is read too and means `LINEAGE`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fallback {
    lineage: Lineage,
    prefix: Option<String>,
}

impl Fallback {
    /// Whether this key is directly in the lineage and its last segment begins as demanded (or is just that).
    #[must_use]
    pub fn matches(&self, key: &Key) -> bool {
        let Some((lineage, last)) = key.split() else { return false };
        lineage == self.lineage.as_str() && last.starts_with(self.prefix().unwrap_or_default())
    }

    /// Where the keys are.
    #[must_use]
    pub const fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    /// How their last segment begins; none if any will do. Never empty.
    #[must_use]
    pub fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }
}

impl From<Lineage> for Fallback {
    fn from(lineage: Lineage) -> Self {
        Self { lineage, prefix: None }
    }
}

impl FromStr for Fallback {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        // One more than a key: the `*`, which may stand for nothing.
        let bytes_max = KEY_BYTES_MAX + 1;
        if text.len() > bytes_max {
            return Err(KeyError::TooLong { bytes: text.len(), bytes_max });
        }
        let Some(begin) = text.strip_suffix('*') else { return plain(text).map(Self::from) };
        let (lineage, prefix) = begin.rsplit_once('/').ok_or_else(|| KeyError::NoLineage(quoted(text)))?;
        let lineage = plain(lineage)?;
        refuse_wildcard(prefix)?;
        check_characters(prefix)?;
        let prefix = (!prefix.is_empty()).then(|| prefix.to_owned());
        Ok(Self { lineage, prefix })
    }
}

/// A lineage, with words of its own for a wildcard.
fn plain(lineage: &str) -> Result<Lineage, KeyError> {
    lineage.split('/').try_for_each(refuse_wildcard)?;
    lineage.parse()
}

fn refuse_wildcard(segment: &str) -> Result<(), KeyError> {
    if segment.contains('*') { Err(KeyError::InnerWildcard(quoted(segment))) } else { Ok(()) }
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.prefix {
            Some(prefix) => write!(f, "{}/{prefix}*", self.lineage),
            None => write!(f, "{}", self.lineage),
        }
    }
}
