//! What an error may say about foreign bytes: it stands in logs and on terminals.

use core::fmt::Display;

/// Longest text of an error: room for a few names that it repeats, each cut short.
const TEXT_BYTES_MAX: usize = 4096;

/// Asserts that the error's text is short and holds nothing that moves a cursor.
pub(crate) fn harmless(error: &impl Display) {
    let text = error.to_string();
    assert!(text.len() <= TEXT_BYTES_MAX, "an error of {} bytes", text.len());
    assert!(!text.chars().any(char::is_control), "an error with control characters: {text:?}");
}
