use super::cache::{Cache, certified};
use crate::flow::{CERTIFIED_JSON_BYTES_MAX, read_certified, signed_bytes};
use pollux_core::CertifiedEnvelope;
use std::time::Duration;

fn sample() -> CertifiedEnvelope {
    *certified(&Cache::new().manifest(Duration::ZERO))
}

#[test]
fn both_forms_are_read() {
    let certified = sample();
    let bare = serde_json::to_string(&certified).unwrap();
    assert_eq!(read_certified(&bare).unwrap(), certified);
    let shown = format!(r#"{{"version":1,"manifest":{{"key":"a/b"}},"certified":{bare}}}"#);
    assert_eq!(read_certified(&shown).unwrap(), certified);
}

#[test]
fn what_holds_none_is_refused() {
    for text in ["", "{}", r#"{"certified":{}}"#, "\u{7}"] {
        assert!(read_certified(text).is_err(), "{text}");
    }
    assert!(read_certified(&" ".repeat(CERTIFIED_JSON_BYTES_MAX + 1)).is_err());
}

#[test]
fn signed_bytes_are_what_was_signed() {
    let envelope = sample().manifest;
    let bytes = signed_bytes(&envelope);
    let digest = *envelope.id().as_bytes();
    assert_eq!(*pollux_core::ChunkId::of(&bytes).as_bytes(), digest, "the name is their hash");
}
