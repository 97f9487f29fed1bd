//! Envelopes in their JSON form, and pool files. The input is the text of either.

use super::document;
use crate::memory::bounded;
use crate::{Verdict, sample, words};
use pollux_core::limits::{DOCUMENT_BYTES_MAX, SIGNATURES_MAX};
use pollux_core::{Envelope, PoolFile};

/// Bytes that a byte of the text may become: `[]` in a list of signatures, and names that are looked at twice.
const FACTOR: usize = 32;

/// Whether it is an envelope or a pool file.
pub(crate) fn check(bytes: &[u8]) -> Verdict {
    let Ok(text) = core::str::from_utf8(bytes) else { return Verdict::Refused };
    let envelope = bounded(bytes, FACTOR, 0, || Envelope::from_json(text));
    let file = bounded(bytes, FACTOR, 0, || PoolFile::from_json(text));
    match (envelope, file) {
        (Ok(envelope), Err(_)) => holds(&envelope),
        (Err(_), Ok(file)) => {
            assert_eq!(PoolFile::from_json(&file.to_json()).as_ref(), Ok(&file));
            [file.root, file.policy, file.token].iter().for_each(holds);
        }
        // Unknown fields are ignored, so that one text may be both.
        (Ok(envelope), Ok(_)) => holds(&envelope),
        (Err(one), Err(other)) => {
            words::harmless(&one);
            words::harmless(&other);
            return Verdict::Refused;
        }
    }
    Verdict::Read
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut texts: Vec<String> = sample::documents().iter().map(Envelope::to_json).collect();
    texts.push(sample::pool_file().to_json());
    texts.into_iter().map(String::into_bytes).collect()
}

fn holds(envelope: &Envelope) {
    assert!(envelope.payload.len() <= DOCUMENT_BYTES_MAX && envelope.signatures.len() <= SIGNATURES_MAX);
    assert!(envelope.signatures.iter().all(|signature| signature.sig.len() == 64));
    let again = Envelope::from_json(&envelope.to_json());
    assert_eq!(again.as_ref(), Ok(envelope));
    assert_eq!(again.map(|again| again.id()), Ok(envelope.id()), "the same bytes are signed");
    document::check(&envelope.payload);
}
