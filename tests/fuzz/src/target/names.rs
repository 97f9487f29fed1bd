//! Names that people and documents write: keys, lineages, fallbacks, patterns, ids, times, networks, key files. The input
//! is text of up to two lines: the first is read as a name of every kind, and a second as what may match the first.

use crate::memory::bounded;
use crate::{Verdict, sample, words};
use core::fmt::{Debug, Display};
use core::str::FromStr;
use pollux_core::limits::{KEY_BYTES_MAX, KEY_SEGMENTS_MAX};
use pollux_core::{
    ChunkId, Cidr, Fallback, Key, KeyPair, Lineage, ManifestId, Nonce, Pattern, PeerId, PublicKey, Timestamp,
};

/// Bytes that a byte of a name may become: it is copied, and an error says it again, escaped.
const FACTOR: usize = 16;

/// Whether the first line is a name of some kind, or all of it a key file.
pub(crate) fn check(bytes: &[u8]) -> Verdict {
    let Ok(text) = core::str::from_utf8(bytes) else { return Verdict::Refused };
    let (name, matcher) = text.split_once('\n').unwrap_or((text, ""));
    let key = read::<Key>(name, Form::One);
    if let Some(key) = &key {
        about_key(key, matcher);
    }
    let read = [
        pem(text),
        key.is_some(),
        read::<Lineage>(name, Form::One).is_some(),
        // `LINEAGE/*` is `LINEAGE`.
        read::<Fallback>(name, Form::Several).is_some(),
        read::<Pattern>(name, Form::One).is_some(),
        read::<PeerId>(name, Form::One).is_some(),
        // Large digits are digits too, and so are decimals that nobody counts.
        read::<ChunkId>(name, Form::Several).is_some(),
        read::<ManifestId>(name, Form::Several).is_some(),
        read::<PublicKey>(name, Form::Several).is_some(),
        read::<Nonce>(name, Form::Several).is_some(),
        read::<Timestamp>(name, Form::Several).is_some(),
        read::<Cidr>(name, Form::Several).is_some(),
    ];
    encoded(name);
    if read.contains(&true) { Verdict::Read } else { Verdict::Refused }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    sample::names()
}

/// How many texts mean one name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    One,
    Several,
}

/// What is read is written, and read the same again.
fn read<N>(text: &str, form: Form) -> Option<N>
where
    N: FromStr<Err: Display> + Display + PartialEq + Debug,
{
    match bounded(text.as_bytes(), FACTOR, 0, || text.parse::<N>()) {
        Ok(name) => {
            let written = name.to_string();
            assert!(form == Form::Several || written == text, "{text:?} is written {written:?}");
            assert!(written.parse::<N>().is_ok_and(|again| again == name), "{written:?} is another name");
            Some(name)
        }
        Err(error) => {
            words::harmless(&error);
            None
        }
    }
}

fn about_key(key: &Key, matcher: &str) {
    assert!(key.as_str().len() <= KEY_BYTES_MAX && key.segments().count() <= KEY_SEGMENTS_MAX);
    assert!(key.segments().all(|segment| !matches!(segment, "" | "." | "..")), "{key} climbs");
    assert!(key.as_str().parse::<Pattern>().is_ok_and(|pattern| pattern.covers(key)), "{key} covers itself");
    if let Some(lineage) = key.lineage() {
        assert_eq!(
            lineage.as_str().parse().as_ref(),
            Ok(&lineage),
            "every key is in a lineage that can be named"
        );
        assert!(Fallback::from(lineage).matches(key));
    }
    if let Ok(pattern) = matcher.parse::<Pattern>() {
        assert_eq!(pattern.covers(key), covers(&pattern, key), "{pattern} and {key}");
    }
    if let Ok(fallback) = matcher.parse::<Fallback>() {
        let last = key.segments().last().unwrap_or_default();
        let begins = fallback.prefix().is_none_or(|prefix| last.starts_with(prefix));
        assert_eq!(fallback.matches(key), begins && key.lineage().as_ref() == Some(fallback.lineage()));
    }
}

/// The same as [`Pattern::covers`], said in another way.
fn covers(pattern: &Pattern, key: &Key) -> bool {
    let open = pattern.as_str() == "**" || pattern.as_str().ends_with("/**");
    let wanted: Vec<&str> = pattern.as_str().split('/').collect();
    let given: Vec<&str> = key.segments().collect();
    let enough = if open { given.len() >= wanted.len() } else { given.len() == wanted.len() };
    let mut pairs = wanted.iter().zip(&given);
    enough && pairs.all(|(wanted, given)| matches!(*wanted, "*" | "**") || wanted == given)
}

/// Any text can be made a segment, and stays another than every other text.
fn encoded(text: &str) {
    let segment = Key::segment_of(text);
    assert_eq!(segment.is_empty(), text.is_empty());
    assert!(!segment.contains('/'));
    if !segment.is_empty() && segment.len() <= KEY_BYTES_MAX {
        assert_eq!(segment.parse::<Key>().map(|key| key.as_str().to_owned()), Ok(segment));
    }
}

/// Whether the whole input is a key file.
fn pem(text: &str) -> bool {
    match bounded(text.as_bytes(), FACTOR, 0, || KeyPair::from_pem(text)) {
        Ok(key) => {
            let again = KeyPair::from_pem(&key.to_pem());
            assert_eq!(again.map(|again| again.public()), Ok(key.public()));
            true
        }
        Err(error) => {
            words::harmless(&error);
            false
        }
    }
}
