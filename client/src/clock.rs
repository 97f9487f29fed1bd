//! The wall clock, read in one place.

use pollux_core::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now. A clock before 1970 is at its beginning.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_later_than_this_program_was_written() {
        assert!(now() > Timestamp::from_millis(1_700_000_000_000));
        assert!(now() < Timestamp::MAX);
    }
}
