//! The socket between job and node. The input is what one side says: frames, one after the other.

use crate::memory::bounded;
use crate::{Verdict, sample};
use core::fmt::Debug;
use pollux_client::protocol::{
    CHUNK_FRAME_BYTES_MAX, ChunkHead, FrameHead, FrameType, MESSAGE_BYTES_MAX, Reply, Request, decode, encode,
};
use pollux_core::Frame;
use serde::{Serialize, de::DeserializeOwned};

/// Bytes that a byte of a message may become: 4 are a manifest without anything in it, which is 96 bytes here, in a list
/// that is grown by doubling.
const FACTOR: usize = 96;

/// Whether it begins with a good frame.
pub(crate) fn check(bytes: &[u8]) -> Verdict {
    let mut rest = bytes;
    let mut verdict = Verdict::Refused;
    while let Some(after) = frame(rest) {
        rest = after;
        verdict = Verdict::Read;
    }
    verdict
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    sample::frames()
}

/// What follows a good frame.
fn frame(bytes: &[u8]) -> Option<&[u8]> {
    let (raw, rest) = bytes.split_first_chunk()?;
    let head = FrameHead::from_bytes(*raw).ok()?;
    assert_eq!(head.to_bytes(), *raw, "a head has one form");
    let most = match head.frame_type {
        FrameType::Message => MESSAGE_BYTES_MAX,
        FrameType::Chunk => CHUNK_FRAME_BYTES_MAX,
    };
    assert!(head.body_bytes <= most, "a frame of {} bytes", head.body_bytes);
    let (body, after) = rest.split_at_checked(usize::try_from(head.body_bytes).ok()?)?;
    let good = match head.frame_type {
        FrameType::Message => {
            // Each side reads only what the other may say, but the bytes are anybody's.
            let request = message::<Request>(body);
            let reply = message::<Reply>(body);
            request || reply
        }
        FrameType::Chunk => chunk(raw, body),
    };
    good.then_some(after)
}

/// Whether it is such a message: then it is written, and read the same again.
fn message<M: Serialize + DeserializeOwned + PartialEq + Debug>(body: &[u8]) -> bool {
    let Ok(message) = bounded(body, FACTOR, 0, || decode::<M>(body)) else { return false };
    let again = encode(&message).unwrap_or_default();
    let (head, again) = again.split_first_chunk().unwrap_or((&[0; FrameHead::BYTES], &[]));
    assert!(again.len() <= body.len(), "what was short enough to read is short enough to write");
    assert_eq!(FrameHead::from_bytes(*head).map(|head| head.frame_type), Ok(FrameType::Message));
    assert_eq!(decode::<M>(again).as_ref(), Ok(&message));
    true
}

/// Whether it is a chunk's frame: then it has no other form.
fn chunk(raw: &[u8], body: &[u8]) -> bool {
    let Some((head, frame)) = body.split_first_chunk() else { return false };
    let Ok(read) = ChunkHead::from_bytes(head) else { return false };
    let frame = Frame { kind: read.kind, bytes: frame.to_vec() };
    assert_eq!(ChunkHead::before(read.chunk, read.source, &frame), [raw, head].concat());
    true
}
