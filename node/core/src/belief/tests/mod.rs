//! Belief, case by case: each attack has its name.
mod admission;
mod answer;
mod certificate;
mod chain;
mod choose;
mod cost;
mod explain;
mod floor;
mod grant;
mod manifest;
mod pool;
mod relayed;
mod takeover;
mod yank;

use crate::{DocumentError, Envelope};
use core::time::Duration;

/// A body of the same document with something else in it, the signatures left as they are.
fn change(envelope: &Envelope, from: &str, to: &str) -> Envelope {
    let body = String::from_utf8(envelope.payload.clone()).unwrap();
    assert!(body.contains(from), "{body}");
    Envelope { payload: body.replacen(from, to, 1).into_bytes(), ..envelope.clone() }
}

/// The same, signed anew by this key.
fn resign(envelope: &Envelope, key: &crate::KeyPair) -> Envelope {
    let mut envelope = Envelope { signatures: Vec::new(), ..envelope.clone() };
    envelope.add_signature(key);
    envelope
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What a body that repeats a name is refused with, as opposed to any other body that does not parse.
fn is_malformed(why: &DocumentError) -> bool {
    matches!(why, DocumentError::Malformed(_))
}
