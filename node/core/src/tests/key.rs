//! Keys, fallbacks and patterns beside matchers and parsers that are written in the most naive way.
use crate::limits::{KEY_BYTES_MAX, KEY_SEGMENTS_MAX};
use crate::{Fallback, Key, Lineage, Pattern};
use proptest::prelude::*;

/// Segments of few kinds, so that names often match and often just miss.
fn segment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["a", "aa", "ab", "b", "a.b", "%2A"][..])
}

fn name(count: core::ops::Range<usize>) -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(segment(), count)
}

fn pattern() -> impl Strategy<Value = Vec<&'static str>> {
    let part = prop_oneof![2 => segment(), 1 => Just("*")];
    let end = prop_oneof![2 => Just(None), 1 => Just(Some("**"))];
    (prop::collection::vec(part, 1..5), end).prop_map(|(parts, end)| parts.into_iter().chain(end).collect())
}

/// By the words of the documentation, one segment after the other.
fn covers(pattern: &[&str], key: &[&str]) -> bool {
    match (pattern, key) {
        ([], []) => true,
        (["**"], [_, ..]) => true,
        (["*", pattern @ ..], [_, key @ ..]) => covers(pattern, key),
        ([wanted, pattern @ ..], [given, key @ ..]) => wanted == given && covers(pattern, key),
        ([], [_, ..]) | ([_, ..], []) => false,
    }
}

/// What a segment may be, by the words of the documentation.
fn is_segment(text: &str) -> bool {
    let allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+@=%-";
    !text.is_empty()
        && text != "."
        && text != ".."
        && text.chars().all(|character| allowed.contains(character))
}

fn is_name(text: &str, bytes_max: usize, segments_max: usize) -> bool {
    let segments: Vec<&str> = text.split('/').collect();
    text.len() <= bytes_max && segments.len() <= segments_max && segments.into_iter().all(is_segment)
}

fn is_key(text: &str) -> bool {
    is_name(text, KEY_BYTES_MAX, KEY_SEGMENTS_MAX)
}

/// One that leaves room for `/` and one more byte.
fn is_lineage(text: &str) -> bool {
    is_name(text, KEY_BYTES_MAX - 2, KEY_SEGMENTS_MAX - 1)
}

fn is_pattern(text: &str) -> bool {
    let segments: Vec<&str> = text.split('/').collect();
    let (last, inner) = segments.split_last().expect("a split has a part");
    let inner_fits = inner.iter().all(|segment| *segment == "*" || is_segment(segment));
    let last_fits = *last == "*" || *last == "**" || is_segment(last);
    inner_fits && last_fits && text.len() <= KEY_BYTES_MAX && segments.len() <= KEY_SEGMENTS_MAX
}

fn is_fallback(text: &str) -> bool {
    match text.strip_suffix('*') {
        None => is_lineage(text),
        Some(begin) => begin.rsplit_once('/').is_some_and(|(lineage, prefix)| {
            // Any key that begins so must be possible.
            let shortest = if prefix.is_empty() || prefix == "." || prefix == ".." { "" } else { prefix };
            let fits = text.len() <= KEY_BYTES_MAX + 1;
            fits && is_lineage(lineage) && (shortest.is_empty() || is_segment(prefix))
        }),
    }
}

/// Texts around what is allowed: separators, dots, wildcards, and what needs encoding.
fn near_names() -> impl Strategy<Value = String> {
    let part = prop::sample::select(
        &["a", "B", "9", ".", "..", "", "*", "**", "a*", "%2F", "é", " ", "\0", "-", "+@=_"][..],
    );
    let long = (250_usize..262, 1_usize..19).prop_map(|(bytes, segments)| {
        let mut text = vec!["s"; segments].join("/");
        text.push_str(&"t".repeat(bytes - text.len()));
        text
    });
    let short = prop::collection::vec(part, 1..6).prop_map(|parts| parts.join("/"));
    let starred = prop_oneof![3 => short, 1 => long];
    (starred, prop::bool::weighted(0.2)).prop_map(|(text, star)| if star { text + "*" } else { text })
}

/// Percent-decoding as browsers do it.
fn decode(segment: &str) -> Vec<u8> {
    let mut rest = segment.as_bytes();
    let mut plain = Vec::new();
    while let Some((first, more)) = rest.split_first() {
        if *first == b'%' {
            let digits = core::str::from_utf8(&more[..2]).unwrap();
            plain.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &more[2..];
        } else {
            plain.push(*first);
            rest = more;
        }
    }
    plain
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn a_pattern_covers_what_a_naive_matcher_covers(pattern in pattern(), key in name(1..6)) {
        let parsed: Pattern = pattern.join("/").parse().unwrap();
        let covered = parsed.covers(&key.join("/").parse().unwrap());
        prop_assert_eq!(covered, covers(&pattern, &key), "{:?} for {:?}", pattern, key);
    }

    #[test]
    fn a_fallback_matches_what_a_naive_matcher_matches(
        lineage in name(1..3),
        prefix in prop_oneof![Just(None), prop::sample::select(&["", "a", "aa", "a.", "%2"][..]).prop_map(Some)],
        key in name(1..5),
    ) {
        let text = match prefix {
            None => lineage.join("/"),
            Some(prefix) => format!("{}/{prefix}*", lineage.join("/")),
        };
        let (last, parents) = key.split_last().unwrap();
        let expected = parents == lineage && last.starts_with(prefix.unwrap_or(""));
        let fallback: Fallback = text.parse().unwrap();
        prop_assert_eq!(fallback.matches(&key.join("/").parse().unwrap()), expected, "{} for {:?}", text, key);
    }

    #[test]
    fn exactly_what_the_rules_allow_is_read(text in near_names()) {
        prop_assert_eq!(text.parse::<Key>().is_ok(), is_key(&text), "key {}", text);
        prop_assert_eq!(text.parse::<Lineage>().is_ok(), is_lineage(&text), "lineage {}", text);
        prop_assert_eq!(text.parse::<Pattern>().is_ok(), is_pattern(&text), "pattern {}", text);
        prop_assert_eq!(text.parse::<Fallback>().is_ok(), is_fallback(&text), "fallback {}", text);
    }

    #[test]
    fn an_encoded_text_decodes_to_itself(text in prop_oneof![".{0,20}", "[./%a*]{0,4}"]) {
        let segment = Key::segment_of(&text);
        prop_assert_eq!(decode(&segment), text.as_bytes());
        prop_assert_eq!(is_segment(&segment), !text.is_empty());
    }

    #[test]
    fn a_lineage_and_a_last_segment_are_the_key(key in name(2..6)) {
        let parsed: Key = key.join("/").parse().unwrap();
        let lineage = parsed.lineage().unwrap();
        prop_assert_eq!(format!("{lineage}/{}", key.last().unwrap()), parsed.as_str());
        prop_assert!(parsed.segments().eq(key));
    }

    #[test]
    fn every_key_that_a_fallback_matches_sorts_within_its_lineage(one in name(2..4), other in name(2..4)) {
        let (one, other): (Key, Key) = (one.join("/").parse().unwrap(), other.join("/").parse().unwrap());
        prop_assert_eq!(one.cmp(&other), one.as_str().as_bytes().cmp(other.as_str().as_bytes()));
        let same = Fallback::from(one.lineage().unwrap()).matches(&other);
        prop_assert_eq!(same, one.lineage() == other.lineage());
    }
}

#[test]
fn the_longest_names_are_read_and_one_byte_more_is_not() {
    let longest = format!("a/{}", "b".repeat(KEY_BYTES_MAX - 2));
    assert!(longest.parse::<Key>().is_ok() && longest.parse::<Pattern>().is_ok());
    assert!(format!("{longest}*").parse::<Fallback>().is_ok(), "it matches just that key");
    let over = format!("{longest}b");
    assert!(over.parse::<Key>().is_err() && over.parse::<Pattern>().is_err());
    assert!(format!("{over}*").parse::<Fallback>().is_err());
}

#[test]
fn a_pattern_of_one_double_star_covers_every_key_and_a_deeper_one_not_its_parent() {
    let covers = |pattern: &str, key: &str| pattern.parse::<Pattern>().unwrap().covers(&key.parse().unwrap());
    assert!(covers("**", "a") && covers("**", &vec!["a"; KEY_SEGMENTS_MAX].join("/")));
    assert!(!covers("a/**", "a") && covers("a/**", "a/b") && covers("a/**", "a/b/c"));
    assert!(!covers("A/**", "a/b"), "names are compared byte by byte");
    assert!(!covers("a%2Fb", "a/b") && !covers("a/b", "a%2fb"), "and nothing is decoded");
}
