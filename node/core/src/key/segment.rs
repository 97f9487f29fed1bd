//! What a segment may hold.

use super::KeyError;

/// Characters of a foreign text that a message repeats at most.
const QUOTED_CHARS_MAX: usize = 160;

/// Checks a name of plain segments.
pub(super) fn check_segments(text: &str, bytes_max: usize, segments_max: usize) -> Result<(), KeyError> {
    check_size(text, bytes_max, segments_max)?;
    let mut numbered = text.split('/').zip(1..);
    numbered.try_for_each(|(segment, number)| check_segment(segment, number))
}

/// Checks the length of a name and the number of its segments.
pub(super) fn check_size(text: &str, bytes_max: usize, segments_max: usize) -> Result<(), KeyError> {
    if text.len() > bytes_max {
        return Err(KeyError::TooLong { bytes: text.len(), bytes_max });
    }
    let segments = text.split('/').count();
    if segments > segments_max {
        return Err(KeyError::TooManySegments { segments, segments_max });
    }
    Ok(())
}

/// Checks one segment, the one with this number (from 1).
pub(super) fn check_segment(segment: &str, number: usize) -> Result<(), KeyError> {
    if segment.is_empty() {
        return Err(KeyError::EmptySegment { number });
    }
    if is_dots(segment) {
        return Err(KeyError::DotSegment(segment.to_owned()));
    }
    check_characters(segment)
}

/// Checks that no character needs percent-encoding.
pub(super) fn check_characters(segment: &str) -> Result<(), KeyError> {
    let wrong = segment.chars().find(|&character| !is_allowed(character));
    wrong.map_or(Ok(()), |character| {
        let character = quoted(character.encode_utf8(&mut [0; 4]));
        Err(KeyError::Character { character, segment: quoted(segment) })
    })
}

/// See [`super::Key::segment_of`].
pub(super) fn encode(text: &str) -> String {
    let plain = |byte: u8| byte != b'%' && is_allowed(char::from(byte)) && !is_dots(text);
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            segment.push(char::from(byte));
        } else {
            segment.push_str(&format!("%{byte:02X}"));
        }
    }
    segment
}

fn is_dots(segment: &str) -> bool {
    segment == "." || segment == ".."
}

fn is_allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || "._+@=%-".contains(character)
}

/// A foreign text as a message may repeat it: what does not print is escaped, and a long text is cut.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars().take(QUOTED_CHARS_MAX) {
        if matches!(character, '"' | '\'' | '\\') {
            shown.push(character);
        } else {
            shown.extend(character.escape_debug());
        }
    }
    if text.chars().nth(QUOTED_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}
