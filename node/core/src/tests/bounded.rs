//! Bounded lists and texts: what is within the bound is read whole, what is over it costs nothing.
use crate::bounded;
use core::sync::atomic::{AtomicUsize, Ordering};
use proptest::prelude::*;
use serde::de::value::{Error, SeqDeserializer, StrDeserializer};
use serde::de::{IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

const MAX: usize = 5;

#[derive(Debug, Deserialize, PartialEq)]
struct Sample {
    #[serde(deserialize_with = "bounded::list::<_, _, MAX>")]
    list: Vec<u16>,
    #[serde(deserialize_with = "bounded::text::<_, MAX>")]
    text: String,
}

/// A sequence without end that claims any length, or none, and counts what is taken from it.
struct Endless<'a> {
    claimed: Option<usize>,
    taken: &'a AtomicUsize,
}

impl<'de> SeqAccess<'de> for Endless<'_> {
    type Error = Error;

    fn next_element_seed<T: serde::de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        self.taken.fetch_add(1, Ordering::Relaxed);
        seed.deserialize(7_u8.into_deserializer()).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        self.claimed
    }
}

impl<'de> Deserializer<'de> for Endless<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

proptest! {
    #[test]
    fn exactly_what_is_within_the_bounds_is_read(list in prop::collection::vec(any::<u16>(), 0..10), text in "[aé€]{0,6}") {
        let fits = list.len() <= MAX && text.len() <= MAX;
        let expected = || fits.then(|| Sample { list: list.clone(), text: text.clone() });
        let binary = postcard::to_stdvec(&(&list, &text)).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Sample>(&binary).ok(), expected());
        let json = serde_json::json!({ "list": list, "text": text }).to_string();
        prop_assert_eq!(serde_json::from_str::<Sample>(&json).ok(), expected());
        prop_assert_eq!(serde_json::from_reader::<_, Sample>(json.as_bytes()).ok(), expected());
    }

    #[test]
    fn a_list_without_end_is_left_after_the_bound(claimed in prop::option::of(any::<usize>())) {
        let taken = AtomicUsize::new(0);
        let read = bounded::list::<_, u8, MAX>(Endless { claimed, taken: &taken });
        prop_assert!(read.is_err());
        let most = if claimed.is_some_and(|claimed| claimed > MAX) { 0 } else { MAX + 1 };
        prop_assert_eq!(taken.load(Ordering::Relaxed), most);
    }

    #[test]
    fn a_list_that_ends_early_is_as_long_as_it_is(list in prop::collection::vec(any::<u8>(), 0..=MAX)) {
        let sequence = SeqDeserializer::<_, Error>::new(list.iter().copied());
        prop_assert_eq!(bounded::list::<_, u8, MAX>(sequence), Ok(list));
    }

    #[test]
    fn a_list_cut_anywhere_is_refused(list in prop::collection::vec(any::<u16>(), 1..=MAX), place: prop::sample::Index) {
        let binary = postcard::to_stdvec(&(&list, "text")).unwrap();
        let cut = &binary[..place.index(binary.len())];
        prop_assert!(postcard::from_bytes::<Sample>(cut).is_err());
    }
}

#[test]
fn a_refusal_says_what_was_allowed() {
    let list = SeqDeserializer::<_, Error>::new(0_u8..9);
    let refused = bounded::list::<_, u8, MAX>(list).unwrap_err().to_string();
    assert_eq!(refused, "invalid length 9, expected a list of at most 5 elements");
    let text = StrDeserializer::<Error>::new("sixsix");
    let refused = bounded::text::<_, MAX>(text).unwrap_err().to_string();
    assert_eq!(refused, "invalid length 6, expected a text of at most 5 bytes");
}

#[test]
fn a_bound_of_nothing_takes_nothing() {
    let empty = SeqDeserializer::<_, Error>::new(core::iter::empty::<u8>());
    assert_eq!(bounded::list::<_, u8, 0>(empty), Ok(Vec::new()));
    assert!(bounded::list::<_, u8, 0>(SeqDeserializer::<_, Error>::new(0_u8..1)).is_err());
    assert_eq!(bounded::text::<_, 0>(StrDeserializer::<Error>::new("")), Ok(String::new()));
}

#[test]
fn an_element_that_is_refused_refuses_the_list() {
    let json = r#"{"list":[1,2,"three"],"text":""}"#;
    assert!(serde_json::from_str::<Sample>(json).is_err());
    assert!(serde_json::from_str::<Sample>(r#"{"list":[1,65536],"text":""}"#).is_err());
}
