use super::*;
use proptest::prelude::*;

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn fallback(text: &str) -> Fallback {
    text.parse().unwrap()
}

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap()
}

/// A segment that may stand in a key.
fn segment() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._+@=%-]{1,8}".prop_filter("dots", |segment| segment != "." && segment != "..")
}

fn keys() -> impl Strategy<Value = Key> {
    prop::collection::vec(segment(), 1..=16).prop_map(|segments| key(&segments.join("/")))
}

#[test]
fn keys_of_all_lengths_parse() {
    for text in
        ["a", "mediawiki%2Fcore/master/composer/debian12-x86_64/php8.1-3f2a", "a+b@c=d/.../-/_", "..a"]
    {
        assert_eq!(key(text).to_string(), text);
    }
    assert_eq!(key(&["a"; 16].join("/")).segments().count(), 16);
    assert_eq!(key(&"a".repeat(256)).as_str().len(), 256);
}

#[test]
fn what_is_no_key_is_refused_with_words() {
    for (text, words) in [
        ("", "segment 1 of the name is empty: is a variable unset, or a `/` too many?"),
        ("/a", "segment 1 of the name is empty: is a variable unset, or a `/` too many?"),
        ("a//b", "segment 2 of the name is empty: is a variable unset, or a `/` too many?"),
        ("a/", "segment 2 of the name is empty: is a variable unset, or a `/` too many?"),
        ("a/b c", "` ` in segment `b c` is not allowed: percent-encode all but A-Z a-z 0-9 . _ + @ = % -"),
        (
            "a/\u{1b}[2J",
            "`\\u{1b}` in segment `\\u{1b}[2J` is not allowed: percent-encode all but A-Z a-z 0-9 . _ + @ = % -",
        ),
        ("a/*", "`*` in segment `*` is not allowed: percent-encode all but A-Z a-z 0-9 . _ + @ = % -"),
        ("café", "`é` in segment `café` is not allowed: percent-encode all but A-Z a-z 0-9 . _ + @ = % -"),
        (&["a"; 17].join("/"), "the name has 17 segments, more than the 16 that are allowed"),
        (&"a".repeat(257), "the name has 257 bytes, more than the 256 that are allowed"),
    ] {
        assert_eq!(text.parse::<Key>().unwrap_err().to_string(), words, "{text}");
    }
}

#[test]
fn key_with_dot_segments() {
    for text in [".", "..", "a/..", "../a", "a/./b", "a/../../etc/passwd"] {
        assert!(matches!(text.parse::<Key>(), Err(KeyError::DotSegment(_))), "{text}");
        assert!(matches!(text.parse::<Lineage>(), Err(KeyError::DotSegment(_))), "{text}");
        assert!(matches!(text.parse::<Pattern>(), Err(KeyError::DotSegment(_))), "{text}");
        assert!(matches!(text.parse::<Fallback>(), Err(KeyError::DotSegment(_))), "{text}");
    }
}

#[test]
fn a_lineage_is_a_key_without_its_last_segment() {
    assert_eq!(key("a/b/c").lineage().unwrap().as_str(), "a/b");
    assert_eq!(key("a").lineage(), None);
}

#[test]
fn a_lineage_leaves_room_for_a_key() {
    assert_eq!(
        ["a"; 16].join("/").parse::<Lineage>(),
        Err(KeyError::TooManySegments { segments: 16, segments_max: 15 })
    );
    assert_eq!("a".repeat(255).parse::<Lineage>(), Err(KeyError::TooLong { bytes: 255, bytes_max: 254 }));
    let longest: Lineage = "a".repeat(254).parse().unwrap();
    assert_eq!(key(&format!("{longest}/b")).lineage(), Some(longest));
}

#[test]
fn a_fallback_matches_only_keys_directly_in_its_lineage() {
    for text in ["a/b", "a/b/*"] {
        let fallback = fallback(text);
        assert!(fallback.matches(&key("a/b/c")), "{text}");
        for other in ["a/b", "a/b/c/d", "a/bc/d", "a/c/b", "b/c", "a"] {
            assert!(!fallback.matches(&key(other)), "{text} {other}");
        }
    }
    let begins = fallback("a/npm-*");
    assert!(begins.matches(&key("a/npm-1")));
    assert!(begins.matches(&key("a/npm-")));
    for other in ["a/npm", "a/xnpm-1", "a/npm-1/b", "b/npm-1", "npm-1"] {
        assert!(!begins.matches(&key(other)), "{other}");
    }
}

#[test]
fn a_fallback_has_one_canonical_text() {
    for (text, canonical) in
        [("a/b", "a/b"), ("a/b/*", "a/b"), ("a/b/npm-*", "a/b/npm-*"), ("a/.*", "a/.*"), ("a/..*", "a/..*")]
    {
        assert_eq!(fallback(text).to_string(), canonical);
    }
    assert_eq!(fallback("a/b/*"), Fallback::from("a/b".parse::<Lineage>().unwrap()));
    assert_eq!(fallback("a/b/x*").prefix(), Some("x"));
    assert_eq!(fallback("a/b/*").prefix(), None);
    assert_eq!(fallback("a/b/x*").lineage().as_str(), "a/b");
}

#[test]
fn a_fallback_with_a_key_of_any_length() {
    let key = key(&format!("a/{}", "b".repeat(254)));
    assert!(fallback(&format!("{key}*")).matches(&key));
    assert!(matches!(format!("{key}b*").parse::<Fallback>(), Err(KeyError::TooLong { .. })));
}

#[test]
fn what_is_no_fallback_is_refused_with_words() {
    for (text, words) in [
        ("*", "the fallback `*` names no lineage: write LINEAGE/*"),
        ("npm-*", "the fallback `npm-*` names no lineage: write LINEAGE/npm-*"),
        ("a/*/c", "in a fallback `*` may only be the very end, and stands in segment `*`"),
        ("a/**", "in a fallback `*` may only be the very end, and stands in segment `*`"),
        ("a/*b*", "in a fallback `*` may only be the very end, and stands in segment `*b`"),
        ("/*", "segment 1 of the name is empty: is a variable unset, or a `/` too many?"),
        ("a//*", "segment 2 of the name is empty: is a variable unset, or a `/` too many?"),
        ("a/b c*", "` ` in segment `b c` is not allowed: percent-encode all but A-Z a-z 0-9 . _ + @ = % -"),
    ] {
        assert_eq!(text.parse::<Fallback>().unwrap_err().to_string(), words, "{text}");
    }
}

#[test]
fn wildcard_never_matches_a_slash() {
    for (text, covered, others) in [
        ("a/b", &["a/b"][..], &["a", "a/b/c", "a/c", "a/bb"][..]),
        ("a/*/c", &["a/b/c", "a/%2F/c"], &["a/c", "a/b/b/c", "a/b", "a/b/c/d"]),
        ("*", &["a", "a%2Fb"], &["a/b"]),
        ("**", &["a", "a/b", "a/b/c/d"], &[]),
        ("a/**", &["a/b", "a/b/c"], &["a", "ab", "b/a", "ab/c"]),
        ("a/*/**", &["a/b/c", "a/b/c/d"], &["a/b", "a"]),
        ("core/experimental/**", &["core/experimental/a/b"], &["core/a", "core/experimental", "core"]),
    ] {
        for key_text in covered {
            assert!(pattern(text).covers(&key(key_text)), "{text} {key_text}");
        }
        for key_text in others {
            assert!(!pattern(text).covers(&key(key_text)), "{text} {key_text}");
        }
    }
}

#[test]
fn what_is_no_pattern_is_refused_with_words() {
    let partial = "a wildcard is only a part: it must be the whole segment";
    for (text, words) in [
        ("a/b*", format!("in segment `b*` of the pattern, {partial}")),
        ("a/***", format!("in segment `***` of the pattern, {partial}")),
        ("*a", format!("in segment `*a` of the pattern, {partial}")),
        ("**/a", "`**` may only be the last segment of a pattern".to_owned()),
        ("a/**/**", "`**` may only be the last segment of a pattern".to_owned()),
        ("", "segment 1 of the name is empty: is a variable unset, or a `/` too many?".to_owned()),
        (&["*"; 17].join("/"), "the name has 17 segments, more than the 16 that are allowed".to_owned()),
    ] {
        assert_eq!(text.parse::<Pattern>().unwrap_err().to_string(), words, "{text}");
    }
}

#[test]
fn any_text_becomes_a_segment() {
    for (text, segment) in [
        ("mediawiki/core", "mediawiki%2Fcore"),
        ("php8.1", "php8.1"),
        ("100%", "100%25"),
        ("a%2Fb", "a%252Fb"),
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("...", "..."),
        ("é *", "%C3%A9%20%2A"),
        ("", ""),
    ] {
        assert_eq!(Key::segment_of(text), segment);
    }
}

#[test]
fn long_and_unprintable_texts_are_quoted_short() {
    let shown = quoted(&"\u{202e}".repeat(1000));
    assert_eq!(shown, format!("{}…", "\\u{202e}".repeat(160)));
    assert_eq!(quoted("it's `\"fine\"`\\"), "it's `\"fine\"`\\");
    assert_eq!(quoted(&"a".repeat(160)), "a".repeat(160));
}

#[test]
fn names_are_text_in_every_format() {
    let key = key("a/b");
    assert_eq!(serde_json::to_string(&key).unwrap(), r#""a/b""#);
    assert_eq!(serde_json::from_str::<Key>(r#""a/b""#).unwrap(), key);
    assert!(serde_json::from_str::<Key>(r#""a//b""#).is_err());
    let bytes = postcard::to_allocvec(&fallback("a/b/c*")).unwrap();
    assert_eq!(bytes, b"\x06a/b/c*");
    assert_eq!(postcard::from_bytes::<Fallback>(&bytes).unwrap(), fallback("a/b/c*"));
}

proptest! {
    #[test]
    fn parsers_never_panic_and_keep_the_text(text in ".*") {
        if let Ok(key) = text.parse::<Key>() { prop_assert_eq!(key.as_str(), &text); }
        if let Ok(lineage) = text.parse::<Lineage>() { prop_assert_eq!(lineage.as_str(), &text); }
        if let Ok(pattern) = text.parse::<Pattern>() { prop_assert_eq!(pattern.as_str(), &text); }
        let _ = text.parse::<Fallback>();
    }

    #[test]
    fn near_misses_never_panic(text in "[a./*%]{0,12}") {
        let is_key = text.parse::<Key>().is_ok();
        let is_pattern = text.parse::<Pattern>().is_ok();
        prop_assert!(!is_key || (is_pattern && !text.contains('*')));
        if let Ok(fallback) = text.parse::<Fallback>() {
            prop_assert_eq!(fallback.to_string().parse::<Fallback>(), Ok(fallback));
        }
    }

    #[test]
    fn a_key_is_in_its_lineage_and_in_no_other(key in keys(), extra in segment()) {
        if let Some(lineage) = key.lineage() {
            prop_assert_eq!(lineage.to_string().parse::<Lineage>(), Ok(lineage.clone()));
            prop_assert!(Fallback::from(lineage.clone()).matches(&key));
            if let Ok(deeper) = format!("{key}/{extra}").parse() {
                prop_assert!(!Fallback::from(lineage).matches(&deeper));
            }
        }
    }

    #[test]
    fn a_fallback_matches_what_begins_so(lineage in keys(), begin in segment(), rest in "[a-z]{0,5}") {
        if let (Ok(key), Ok(fallback)) =
            (format!("{lineage}/{begin}{rest}").parse(), format!("{lineage}/{begin}*").parse::<Fallback>())
        {
            prop_assert!(fallback.matches(&key));
            prop_assert_eq!(fallback.lineage(), &key.lineage().unwrap());
        }
    }

    #[test]
    fn replacing_segments_by_wildcards_still_covers(key in keys(), which: u16, cut in 0usize..16) {
        let starred = key.segments().enumerate().map(|(at, segment)| if which & (1 << at) == 0 { segment } else { "*" });
        let starred: Vec<&str> = starred.collect();
        prop_assert!(pattern(&starred.join("/")).covers(&key));
        let cut = cut.min(starred.len() - 1);
        let open = starred[..cut].iter().copied().chain(["**"]).collect::<Vec<_>>().join("/");
        prop_assert!(pattern(&open).covers(&key));
    }

    #[test]
    fn without_double_star_the_number_of_segments_decides(key in keys(), count in 1usize..=16) {
        let stars = vec!["*"; count].join("/");
        prop_assert_eq!(pattern(&stars).covers(&key), key.segments().count() == count);
    }

    #[test]
    fn texts_stay_different_as_segments(one in ".{1,20}", other in ".{1,20}") {
        let (one_segment, other_segment) = (Key::segment_of(&one), Key::segment_of(&other));
        prop_assert_eq!(one == other, one_segment == other_segment);
        prop_assert_eq!(key(&one_segment).segments().count(), 1);
    }
}

#[test]
fn only_two_stars_alone_cover_everything() {
    let everything = |text: &str| text.parse::<Pattern>().unwrap().covers_everything();
    assert!(everything("**"));
    assert!(!everything("*") && !everything("*/**") && !everything("core/**"));
}

#[test]
fn a_pattern_lies_in_a_wider_one() {
    let lies_in =
        |own: &str, wider: &str| own.parse::<Pattern>().unwrap().lies_in(&wider.parse::<Pattern>().unwrap());
    for (own, wider) in [
        ("a/b", "a/b"),
        ("a/b", "a/*"),
        ("a/b", "**"),
        ("a/**", "a/**"),
        ("a/*/c", "a/**"),
        ("**", "**"),
        ("*/**", "**"),
    ] {
        assert!(lies_in(own, wider), "{own} {wider}");
    }
    for (own, wider) in [
        ("a/*", "a/b"),
        ("a", "a/**"),
        ("a/**", "a"),
        ("a/**", "a/*"),
        ("**", "*/**"),
        ("a/b", "a"),
        ("a/b/c", "a/*"),
    ] {
        assert!(!lies_in(own, wider), "{own} {wider}");
    }
}

proptest! {
    /// What lies in a pattern covers nothing that the pattern does not.
    #[test]
    fn a_pattern_within_covers_no_more(own in "[ab*](/[ab*]){0,3}(/\\*\\*)?", wider in "[ab*](/[ab*]){0,3}(/\\*\\*)?", key in "[ab](/[ab]){0,5}") {
        let (own, wider): (Pattern, Pattern) = (own.parse().unwrap(), wider.parse().unwrap());
        let key: Key = key.parse().unwrap();
        prop_assert!(!own.lies_in(&wider) || !own.covers(&key) || wider.covers(&key));
    }
}
