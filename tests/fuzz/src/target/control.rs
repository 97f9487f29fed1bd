//! Control messages. The input is one message, without its length.

use crate::memory::bounded;
use crate::{Verdict, sample};
use pollux_core::message::Control;

/// The decoder promises some seventy.
const FACTOR: usize = 80;

/// Whether it is a message.
pub(crate) fn check(bytes: &[u8]) -> Verdict {
    let Ok(message) = bounded(bytes, FACTOR, 0, || Control::decode(bytes)) else { return Verdict::Refused };
    let again = message.encode();
    // Postcard reads a number that is written in more bytes than it needs.
    assert!(again.len() <= bytes.len(), "{} bytes became {}", bytes.len(), again.len());
    assert_eq!(message.encoded_bytes(), again.len());
    assert_eq!(Control::decode(&again).as_ref(), Ok(&message));
    Verdict::Read
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    sample::messages().iter().map(Control::encode).collect()
}
