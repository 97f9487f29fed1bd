//! What the tests of documents have in common.

use super::{Document, DocumentError, Envelope, KeyPair};
use crate::{PeerId, Timestamp};
use core::fmt::Debug;
use std::collections::BTreeSet;

pub(super) fn pair(number: u8) -> KeyPair {
    KeyPair::from_seed([number; 32])
}

pub(super) fn peer(number: u8) -> PeerId {
    PeerId::new(pair(number).public())
}

pub(super) fn time() -> Timestamp {
    "2026-11-03T09:05:00.250Z".parse().unwrap()
}

pub(super) fn expires() -> Timestamp {
    "2026-11-10T09:05:00Z".parse().unwrap()
}

/// The document is written as this JSON and read from it, also by a reader that finds more in it than it knows; and
/// [`Document::FIELDS`] are the names in it.
pub(super) fn assert_golden<D: Document + PartialEq + Debug>(document: &D, json: &str) {
    let envelope = Envelope::sign(document, &pair(9));
    assert_eq!(String::from_utf8_lossy(&envelope.payload), json);
    assert_eq!(envelope.body::<D>().as_ref(), Ok(document));
    assert_eq!(envelope.payload_type, D::TYPE);

    let newer = json.replacen('{', r#"{"from_the_future":{"a":[1]},"#, 1);
    let newer = Envelope { payload: newer.into_bytes(), ..envelope };
    assert_eq!(newer.body::<D>().as_ref(), Ok(document));

    let object: serde_json::Map<_, _> = serde_json::from_str(json).unwrap();
    let names: BTreeSet<&str> = object.keys().map(String::as_str).collect();
    assert_eq!(names, D::FIELDS.iter().copied().collect());
}

/// The document breaks a rule of this field.
pub(super) fn assert_refused<D: Document + Debug>(at: &str, document: &D) {
    match Envelope::sign(document, &pair(9)).body::<D>() {
        Err(DocumentError::Invalid { field, why }) => assert_eq!(field, at, "{why}"),
        other => panic!("{other:?} instead of a refusal of {at}"),
    }
}
