//! What the checks of documents have in common.

use super::DocumentError;
use crate::Timestamp;
use crate::key::quoted;
use crate::limits::POOL_NAME_BYTES_MAX;
use core::ops::RangeInclusive;
use std::collections::BTreeSet;

/// The refusal of a field.
pub(super) fn invalid<T>(field: &'static str, why: impl Into<String>) -> Result<T, DocumentError> {
    Err(DocumentError::Invalid { field, why: why.into() })
}

/// A pool's name: 1 to 64 of `A-Z a-z 0-9 . _ + @ = % -`. It stands in logs, metrics and file names.
pub(super) fn check_pool(pool: &str) -> Result<(), DocumentError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._+@=%-".contains(&byte);
    if pool.is_empty() || pool.len() > POOL_NAME_BYTES_MAX || !pool.bytes().all(allowed) {
        let shown = quoted(pool);
        return invalid("pool", format!("`{shown}` is not 1 to 64 of A-Z a-z 0-9 . _ + @ = % -"));
    }
    Ok(())
}

/// Text for people: no longer than that, and nothing in it that moves a terminal's cursor.
pub(super) fn check_text(field: &'static str, text: &str, bytes_max: usize) -> Result<(), DocumentError> {
    if text.len() > bytes_max {
        return invalid(field, format!("it has {} bytes, at most {bytes_max} are allowed", text.len()));
    }
    if text.chars().any(char::is_control) {
        return invalid(field, format!("`{}` holds control characters", quoted(text)));
    }
    Ok(())
}

/// A number, or how many there are of something.
pub(super) fn check_range<N: PartialOrd + core::fmt::Display>(
    field: &'static str,
    number: N,
    range: RangeInclusive<N>,
) -> Result<(), DocumentError> {
    if range.contains(&number) {
        return Ok(());
    }
    invalid(field, format!("{number} is not within {} to {}", range.start(), range.end()))
}

/// Nothing is listed twice.
pub(super) fn check_distinct<T: Ord>(
    field: &'static str,
    mut items: impl Iterator<Item = T>,
) -> Result<(), DocumentError> {
    let mut seen = BTreeSet::new();
    if items.all(|item| seen.insert(item)) { Ok(()) } else { invalid(field, "one is listed twice") }
}

/// A life does not end before it begins.
pub(super) fn check_life(begin: Timestamp, expires: Timestamp) -> Result<(), DocumentError> {
    if expires < begin { invalid("expires", format!("{expires} is before {begin}")) } else { Ok(()) }
}
