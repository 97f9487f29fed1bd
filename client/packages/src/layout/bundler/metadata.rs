//! What a gem says of itself: `metadata.gz` in it, a specification as YAML.
//!
//! ```text
//! --- !ruby/object:Gem::Specification
//! name: net-http
//! version: !ruby/object:Gem::Version
//!   version: 0.4.1
//! platform: ruby
//! ```
//!
//! Bundler takes a gem for what stands there. It is read so that Ruby can read nothing else: what stands there twice, by an
//! alias or by a tag is no name. Source: RubyGems' `Gem::Specification#encode_with`.

use saphyr_parser::{Event, Parser};
use std::collections::BTreeMap;

/// Mappings and lists in each other at most; a specification has eight.
const DEPTH_MAX: usize = 32;

/// Name, version and platform.
pub(super) fn named(text: &str) -> Option<[String; 3]> {
    let mut walk = Walk::default();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.ok()?;
        if event == Event::DocumentEnd {
            break;
        }
        walk.event(event)?;
    }
    walk.told()
}

/// What is open: a mapping, with the key whose value comes next, or a list.
enum Open {
    Mapping(Option<String>),
    Sequence,
}

#[derive(Default)]
struct Walk {
    open: Vec<Open>,
    /// Values of the specification, and of mappings in it, by `KEY` and `KEY/KEY`. `None` for what is no plain text.
    found: BTreeMap<String, Option<String>>,
}

impl Walk {
    /// `None`: two readers may take it for two things.
    fn event(&mut self, event: Event<'_>) -> Option<()> {
        match event {
            Event::Scalar(text, _, _, tag) => self.node(tag.is_none().then(|| text.into_owned())),
            Event::Alias(_) => self.node(None),
            Event::MappingStart(..) => self.begin(Open::Mapping(None)),
            Event::SequenceStart(..) => self.begin(Open::Sequence),
            Event::MappingEnd | Event::SequenceEnd => self.end(),
            Event::DocumentStart(_)
            | Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentEnd => Some(()),
        }
    }

    fn begin(&mut self, open: Open) -> Option<()> {
        let is_key = matches!(self.open.last(), Some(Open::Mapping(None)));
        self.open.push(open);
        (!is_key && self.open.len() <= DEPTH_MAX).then_some(())
    }

    fn end(&mut self) -> Option<()> {
        self.open.pop()?;
        if self.open.is_empty() { Some(()) } else { self.value(None) }
    }

    fn node(&mut self, text: Option<String>) -> Option<()> {
        match self.open.last_mut()? {
            Open::Mapping(key @ None) => {
                // What a merge brings in is not looked for.
                *key = Some(text.filter(|text| text != "<<")?);
                Some(())
            }
            Open::Mapping(Some(_)) | Open::Sequence => self.value(text),
        }
    }

    /// Keeps a value of the two upper mappings. Their keys stand there once: of two, each reader may take another.
    fn value(&mut self, text: Option<String>) -> Option<()> {
        let keys = self.open.iter().map(|open| match open {
            Open::Mapping(key) => key.as_deref(),
            Open::Sequence => None,
        });
        let path =
            keys.collect::<Option<Vec<&str>>>().filter(|keys| keys.len() <= 2).map(|keys| keys.join("/"));
        if let Some(Open::Mapping(key)) = self.open.last_mut() {
            *key = None;
        }
        path.is_none_or(|path| self.found.insert(path, text).is_none()).then_some(())
    }

    fn told(&self) -> Option<[String; 3]> {
        let text = |key: &str| self.found.get(key)?.clone();
        let name = text("name").filter(|name| !name.is_empty())?;
        let version = text("version/version").filter(|version| {
            version.starts_with(|first: char| first.is_ascii_digit()) && !version.contains('-')
        })?;
        let platform =
            if self.found.contains_key("platform") { text("platform")? } else { "ruby".to_owned() };
        Some([name, version, platform])
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What RubyGems writes.
    pub(in super::super) fn written(name: &str, version: &str, platform: &str) -> String {
        format!(
            "--- !ruby/object:Gem::Specification\nname: {name}\nversion: !ruby/object:Gem::Version\n  version: {version}\n\
             platform: {platform}\nauthors:\n- x\nautorequire:\ndependencies:\n- !ruby/object:Gem::Dependency\n  name: rake\n  \
             requirement: &70 !ruby/object:Gem::Requirement\n    requirements:\n    - - \">=\"\n      - !ruby/object:Gem::Version\n        \
             version: '1'\n  version_requirements: *70\ndescription: |\n  name: x\n\n  version: 7\nmetadata:\n  name: x\n"
        )
    }

    #[test]
    fn name_version_and_platform_are_read() {
        let told = |text: &str| named(text).map(|told| told.join(" "));
        let text = written("net-http", "0.4.1", "java");
        assert_eq!(told(&text).as_deref(), Some("net-http 0.4.1 java"));
        assert_eq!(told(&text.replace("platform: java\n", "")).as_deref(), Some("net-http 0.4.1 ruby"));
        let old = text.replace("  version: 0", "  hash: 3\n  prerelease:\n  segments:\n  - 0\n  version: 0");
        assert_eq!(told(&old).as_deref(), Some("net-http 0.4.1 java"), "an older RubyGems' hash of it");
    }

    #[test]
    fn what_two_readers_may_read_as_two_names_is_none() {
        let text = written("net-http", "0.4.1", "java");
        for (from, to) in [
            ("metadata:\n", "\"name\": net\nmetadata:\n"),
            ("metadata:\n", "<<: {name: net}\nmetadata:\n"),
            ("metadata:\n", "? {}\n: x\nmetadata:\n"),
            ("  version: 0.4.1", "  version: 0.4.1\n  version: 0.4.2"),
            ("  version: 0.4.1", "  version: http-0.4.1"),
            ("name: net-http", "name: !binary bmV0"),
            ("name: net-http", "name: [net]"),
            ("name: net-http\n", ""),
            ("platform: java", "platform: {}"),
            ("name: net-http", "a: &1 net\nname: *1"),
            ("name: net-http", "a: &1 name\n*1 : net"),
            ("autorequire:", "autorequire: ["),
        ] {
            let changed = text.replacen(from, to, 1);
            assert!(changed != text && named(&changed).is_none(), "{changed}");
        }
        assert!(named(&format!("a: {}", "[".repeat(100))).is_none(), "deep");
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>(), line in "[\\[\\]{}\":,?&*!|> a-z-]{0,40}") {
            drop(named(&text));
            drop(named(&format!("name: a\n{line}\n{line}")));
        }
    }
}
