//! The bulk plane. The input is what one end says on a stream: replies with their frames, or requests.

use crate::{Verdict, sample};
use pollux_core::limits::CHUNK_BYTES_MAX;
use pollux_core::message::{BulkOutcome, BulkReply, BulkRequest};

/// Whether it begins with a good reply. Any bytes are requests.
pub(crate) fn check(bytes: &[u8]) -> Verdict {
    let mut requests = bytes;
    while let Some((head, rest)) = requests.split_first_chunk() {
        assert_eq!(BulkRequest::from_bytes(head).to_bytes(), *head);
        requests = rest;
    }
    let mut replies = bytes;
    let mut verdict = Verdict::Refused;
    while let Some(rest) = reply(replies) {
        replies = rest;
        verdict = Verdict::Read;
    }
    verdict
}

/// What follows a good reply and its frame.
fn reply(bytes: &[u8]) -> Option<&[u8]> {
    let (head, rest) = bytes.split_first_chunk()?;
    let reply = BulkReply::from_bytes(head).ok()?;
    assert_eq!(reply.to_bytes(), *head, "a reply has one form");
    let length = match reply.outcome {
        BulkOutcome::Frame { kind: _, bytes } => {
            assert!((1..=CHUNK_BYTES_MAX).contains(&bytes), "a frame of {bytes} bytes");
            bytes
        }
        BulkOutcome::Declined(_) => 0,
    };
    rest.get(usize::try_from(length).ok()?..)
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    sample::replies()
}
