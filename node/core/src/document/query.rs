//! Which keys answer a query, and how well.
use crate::{Key, Query};

/// How a key answers a query. Orders from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matched {
    /// It is the key that was asked for.
    Exact,
    /// It matches the fallback with this index, and none before it.
    Fallback(u8),
}

impl Query {
    /// How `key` answers this query; `None` when it does not. The exact key is never taken for a fallback.
    #[must_use]
    pub fn matched(&self, key: &Key) -> Option<Matched> {
        if *key == self.key {
            return Some(Matched::Exact);
        }
        let index = self.fallbacks.iter().position(|fallback| fallback.matches(key))?;
        u8::try_from(index).ok().map(Matched::Fallback)
    }
}
