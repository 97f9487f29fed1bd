//! What is said of foreign text: it stands on terminals and in logs.

use core::fmt::Write;

/// Characters that are said of something at most: a parser that repeats what it read may repeat all of it.
const CHARACTERS_MAX: usize = 400;

/// Words that move no cursor and are short.
pub(crate) fn plain(words: &str) -> String {
    let mut said = String::new();
    for (number, character) in words.chars().enumerate() {
        if number == CHARACTERS_MAX {
            said.push('…');
            break;
        }
        if character.is_control() {
            // Writing to a text does not fail.
            let _written = write!(said, "{}", character.escape_unicode());
        } else {
            said.push(character);
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_a_cursor_is_shown_and_what_is_long_is_cut() {
        assert_eq!(plain("a\u{1b}[2J ü"), "a\\u{1b}[2J ü");
        assert_eq!(plain(&"ü".repeat(500)), format!("{}…", "ü".repeat(CHARACTERS_MAX)));
    }
}
