//! Lists that later releases lengthen: numbers in binary, names in text.
use crate::engine::{MissReason, Silence};
use crate::message::{OfferRefusal, PapersRefusal, Refusal};
use crate::numbered::{Numbered, UNKNOWN};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use std::collections::BTreeSet;

/// What must hold for a list, whatever the number.
fn holds<T: Numbered + Serialize + DeserializeOwned + std::fmt::Display>(number: u32) {
    let one = T::of_number(number);
    let binary = postcard::to_stdvec(&one).unwrap();
    assert_eq!(binary, postcard::to_stdvec(&number).unwrap(), "a number like any other");
    assert_eq!(postcard::from_bytes::<T>(&binary), Ok(one));
    let text = serde_json::to_string(&one).unwrap();
    assert_eq!(serde_json::from_str::<T>(&text).unwrap(), one);
    let known = usize::try_from(number).is_ok_and(|place| place < T::KNOWN.len());
    assert_eq!(one.as_unknown(), (!known).then_some(number));
    assert_eq!(text, if known { format!("\"{}\"", one.name()) } else { format!("\"{UNKNOWN}-{number}\"") });
    assert!(known || one.name() == UNKNOWN);
    assert!(known || one.to_string() == format!("a reason that this release does not know ({number})"));
    assert_eq!(one.number(), number);
}

fn all_hold(number: u32) {
    holds::<Refusal>(number);
    holds::<OfferRefusal>(number);
    holds::<PapersRefusal>(number);
    holds::<MissReason>(number);
    holds::<Silence>(number);
}

#[test]
fn numbers_at_the_end_of_a_list_and_far_behind_it() {
    (0..20).chain([u32::MAX - 1, u32::MAX]).for_each(all_hold);
}

#[test]
fn names_are_unlike_each_other_and_unlike_that_of_the_unknown() {
    fn names<T: Numbered>() {
        let names: BTreeSet<&str> = T::KNOWN.iter().map(|one| one.name()).collect();
        assert_eq!(names.len(), T::KNOWN.len());
        assert!(!names.iter().any(|name| name.starts_with(UNKNOWN)));
    }
    names::<Refusal>();
    names::<OfferRefusal>();
    names::<PapersRefusal>();
    names::<MissReason>();
    names::<Silence>();
}

#[test]
fn a_name_that_is_none_is_refused() {
    for name in ["", "Full", "unknown", "unknown-", "unknown-x", "unknown--1", "unknown-4294967296", "7"] {
        let text = serde_json::to_string(name).unwrap();
        assert!(serde_json::from_str::<Refusal>(&text).is_err(), "{name}");
    }
    assert!(serde_json::from_str::<Refusal>("7").is_err(), "a number is no name");
}

#[test]
fn one_that_is_known_has_one_form() {
    assert_eq!(serde_json::from_str::<Refusal>("\"unknown-5\"").unwrap(), Refusal::Full);
}

proptest! {
    #[test]
    fn any_number_is_one(number: u32) {
        all_hold(number);
    }
}
