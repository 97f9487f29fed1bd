//! Markup that is well-formed by the way it is built. Names are the program's own; every other text is escaped, so that
//! no scenario can write into a page.

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Markup {
    text: String,
}

/// Names and values of an element.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

impl Markup {
    /// An element, and what is in it.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        self.text.push('>');
        inside(self);
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }

    /// An element with nothing but text in it.
    pub(super) fn line(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.element(name, attributes, |markup| markup.text(text));
    }

    /// An element with nothing in it.
    pub(super) fn empty(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.open(name, attributes);
        self.text.push_str("/>");
    }

    fn open(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.text(value);
            self.text.push('"');
        }
    }

    /// Text, in an element or in an attribute.
    pub(super) fn text(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\'' => self.text.push_str("&#39;"),
                // No page may have them, escaped or not; and these could make text read in another order.
                letter if is_unseen(letter) => self.text.push('\u{fffd}'),
                letter => self.text.push(letter),
            }
        }
    }

    /// What is written as it stands: the program's own.
    pub(super) fn raw(&mut self, text: &'static str) {
        self.text.push_str(text);
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

fn is_unseen(letter: char) -> bool {
    let reordering = matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    reordering || (letter.is_control() && letter != '\n' && letter != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn elements_are_closed_and_texts_escaped() {
        let mut markup = Markup::default();
        markup.element("p", &[("id", "a\"b")], |markup| {
            markup.text("<script>'&\u{202e}\u{0}");
            markup.empty("br", &[]);
        });
        assert_eq!(markup.finish(), "<p id=\"a&quot;b\">&lt;script&gt;&#39;&amp;\u{fffd}\u{fffd}<br/></p>");
    }

    proptest! {
        #[test]
        fn no_text_gets_out(text in any::<String>()) {
            let mut markup = Markup::default();
            markup.text(&text);
            prop_assert!(!markup.finish().contains(['<', '>', '"', '\'']));
        }
    }
}
