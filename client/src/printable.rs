//! Text from elsewhere, made safe for terminals and logs.
//!
//! A name or a reason that somebody else chose must neither command a terminal nor look like another one. So these are shown
//! as `\u{…}`:
//!
//! * control characters, also line ends;
//! * whatever only formats (category Cf, all of it: what turns the direction of writing, joiners, soft hyphens, tags) and the
//!   separators of lines and paragraphs (Zl, Zp);
//! * what is drawn as nothing though it is a letter or a mark: fillers, variation selectors and their like;
//! * what nobody has assigned, or for private use only: each terminal draws that as it likes.
//!
//! What may stay: letters of all scripts with their marks, spaces of any width (they look like what they are), and emoji, of
//! which those that are joined from several are shown as their parts.

/// Drawn as nothing, and neither a control nor of category Cf: fillers and selectors of variants.
const INVISIBLE: [(char, char); 10] = [
    ('\u{34f}', '\u{34f}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{1d159}', '\u{1d159}'),
    ('\u{e0100}', '\u{e01ef}'),
];

/// The text with all that made visible. What is visible stays as it is; so doing it twice changes nothing.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_plain(c) { shown.push(c) } else { shown.extend(c.escape_unicode()) }
    }
    shown
}

/// The same of each line; line ends stay.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(printable).collect();
    lines.join("\n")
}

fn is_plain(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    let separates = matches!(c, '\u{2028}' | '\u{2029}');
    let is_space = c.is_whitespace() && !c.is_control() && !separates;
    let is_invisible = INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&c));
    is_space || (!is_invisible && is_drawn(c))
}

/// Whether the standard library's table of what can be printed has it: all but the categories Cc, Cf, Cs, Co, Cn, Zl, Zp and
/// Zs. A mark is looked at behind a letter, where the standard library lets it stand.
fn is_drawn(c: char) -> bool {
    let behind = String::from_iter(['a', c]);
    behind.escape_debug().nth(1) == Some(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_commands_a_terminal_is_shown() {
        assert_eq!(printable("a\u{1b}[31mb\u{7f}\r\u{9b}1m"), "a\\u{1b}[31mb\\u{7f}\\u{d}\\u{9b}1m");
        assert_eq!(printable_lines("a\nb\t"), "a\nb\\u{9}");
    }

    #[test]
    fn what_turns_or_hides_text_is_shown() {
        // Every direction override and isolate, joiners, marks, the byte order mark, tags, interlinear and math operators.
        let ranges =
            ['\u{ad}'..='\u{ad}', '\u{600}'..='\u{605}', '\u{61c}'..='\u{61c}', '\u{180e}'..='\u{180e}'];
        let more = [
            '\u{200b}'..='\u{200f}',
            '\u{2028}'..='\u{202e}',
            '\u{2060}'..='\u{2064}',
            '\u{2066}'..='\u{206f}',
        ];
        let last = [
            '\u{feff}'..='\u{feff}',
            '\u{fff9}'..='\u{fffb}',
            '\u{1d173}'..='\u{1d17a}',
            '\u{e0020}'..='\u{e007f}',
        ];
        let listed = INVISIBLE.iter().map(|(first, last)| *first..=*last);
        for c in ranges.into_iter().chain(more).chain(last).chain(listed).flatten() {
            assert_eq!(printable(&c.to_string()), format!("\\u{{{:x}}}", u32::from(c)));
        }
        assert_eq!(printable("user\u{202e}cod.exe"), "user\\u{202e}cod.exe");
    }

    #[test]
    fn private_and_unassigned_characters_are_shown() {
        for c in ['\u{e000}', '\u{378}', '\u{f0000}', '\u{10ffff}'] {
            assert!(printable(&c.to_string()).starts_with("\\u{"), "{c:?}");
        }
    }

    #[test]
    fn text_that_people_write_stays() {
        for text in
            ["l'été \"a\\b\"", "e\u{301}", "Größe\u{a0}3", "日本語　空白", "שלום", "हिन्दी", "👍🏽", "…–°€"]
        {
            assert_eq!(printable(text), text);
            assert_eq!(printable(&printable("\u{202e}")), "\\u{202e}");
        }
    }
}
