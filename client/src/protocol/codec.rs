//! Frames as bytes. Pure: both ends, blocking or not, read the head, then what it announces.

use super::{CHUNK_FRAME_BYTES_MAX, ChunkSource, MESSAGE_BYTES_MAX};
use pollux_core::limits::CHUNK_BYTES_MAX;
use pollux_core::{ChunkId, ChunkRef, Frame, FrameKind};
use serde::{Serialize, de::DeserializeOwned};

/// What is wrong with foreign bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than the protocol allows.
    #[error("a frame is longer than the protocol allows")]
    TooLong,
    /// No frame of this protocol.
    #[error("bytes that are no frame of this protocol")]
    Malformed,
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameType {
    /// A request or a reply.
    Message,
    /// A chunk.
    Chunk,
}

/// The first five bytes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// What follows.
    pub frame_type: FrameType,
    /// Bytes of the body, the kind left out; within the bounds of its type.
    pub body_bytes: u32,
}

impl FrameHead {
    /// Bytes of a head.
    pub const BYTES: usize = 5;

    /// The head that these bytes are.
    ///
    /// # Errors
    /// Bytes of another protocol, or a body over its bound.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Result<Self, FrameError> {
        let [a, b, c, d, kind] = bytes;
        let body_bytes = u32::from_le_bytes([a, b, c, d]).checked_sub(1).ok_or(FrameError::Malformed)?;
        let (frame_type, bytes_max) = match kind {
            0 => (FrameType::Message, MESSAGE_BYTES_MAX),
            1 => (FrameType::Chunk, CHUNK_FRAME_BYTES_MAX),
            _ => return Err(FrameError::Malformed),
        };
        if body_bytes > bytes_max {
            return Err(FrameError::TooLong);
        }
        Ok(Self { frame_type, body_bytes })
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let [a, b, c, d] = self.body_bytes.saturating_add(1).to_le_bytes();
        let kind = match self.frame_type {
            FrameType::Message => 0,
            FrameType::Chunk => 1,
        };
        [a, b, c, d, kind]
    }
}

/// What stands before a chunk's frame bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkHead {
    /// The chunk that the frame claims to be.
    pub chunk: ChunkRef,
    /// How the frame holds it.
    pub kind: FrameKind,
    /// Where the node had it from (a job's own chunks: local).
    pub source: ChunkSource,
}

impl ChunkHead {
    /// Bytes of a chunk's head.
    pub const BYTES: usize = 38;

    /// The head that these bytes are.
    ///
    /// # Errors
    /// An unknown kind or source, or a length that no chunk has.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, FrameError> {
        let (id, rest) = bytes.split_first_chunk::<32>().ok_or(FrameError::Malformed)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(FrameError::Malformed)?;
        let [kind, source] = rest else { return Err(FrameError::Malformed) };
        let plain_bytes = u32::from_le_bytes(*length);
        if plain_bytes == 0 || plain_bytes > CHUNK_BYTES_MAX {
            return Err(FrameError::Malformed);
        }
        Ok(Self {
            chunk: ChunkRef { id: ChunkId::from_bytes(*id), bytes: plain_bytes },
            kind: FrameKind::from_byte(*kind).ok_or(FrameError::Malformed)?,
            source: source_from_byte(*source).ok_or(FrameError::Malformed)?,
        })
    }

    /// Frame head and chunk head of a whole chunk frame, to be followed by the frame's bytes.
    #[must_use]
    pub fn before(chunk: ChunkRef, source: ChunkSource, frame: &Frame) -> Vec<u8> {
        let body_bytes = Self::BYTES.saturating_add(frame.bytes.len());
        let head = FrameHead {
            frame_type: FrameType::Chunk,
            body_bytes: u32::try_from(body_bytes).unwrap_or(CHUNK_FRAME_BYTES_MAX),
        };
        let mut bytes = Vec::with_capacity(FrameHead::BYTES + Self::BYTES);
        bytes.extend_from_slice(&head.to_bytes());
        bytes.extend_from_slice(chunk.id.as_bytes());
        bytes.extend_from_slice(&chunk.bytes.to_le_bytes());
        bytes.push(frame.kind.as_byte());
        bytes.push(source_byte(source));
        bytes
    }
}

const fn source_byte(source: ChunkSource) -> u8 {
    match source {
        ChunkSource::Local => 0,
        ChunkSource::Peer => 1,
        ChunkSource::Seed => 2,
    }
}

const fn source_from_byte(byte: u8) -> Option<ChunkSource> {
    match byte {
        0 => Some(ChunkSource::Local),
        1 => Some(ChunkSource::Peer),
        2 => Some(ChunkSource::Seed),
        _ => None,
    }
}

/// A whole message frame.
///
/// # Errors
/// [`FrameError::TooLong`] for a message over [`MESSAGE_BYTES_MAX`].
pub fn encode<M: Serialize>(message: &M) -> Result<Vec<u8>, FrameError> {
    let head_room = vec![0; FrameHead::BYTES];
    let mut bytes = postcard::to_extend(message, head_room).map_err(|_| FrameError::Malformed)?;
    let body_bytes = bytes.len().saturating_sub(FrameHead::BYTES);
    let body_bytes = u32::try_from(body_bytes).map_err(|_| FrameError::TooLong)?;
    if body_bytes > MESSAGE_BYTES_MAX {
        return Err(FrameError::TooLong);
    }
    let head = FrameHead { frame_type: FrameType::Message, body_bytes };
    if let Some(room) = bytes.first_chunk_mut::<{ FrameHead::BYTES }>() {
        *room = head.to_bytes();
    }
    Ok(bytes)
}

/// The message that a message frame's body is.
///
/// # Errors
/// [`FrameError::Malformed`] for anything else, also for bytes left over.
pub fn decode<M: DeserializeOwned>(body: &[u8]) -> Result<M, FrameError> {
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        Ok(_) | Err(_) => Err(FrameError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Reply, Request};
    use super::*;
    use proptest::prelude::*;

    fn chunk_frame() -> (ChunkRef, Frame) {
        let chunk = ChunkRef { id: ChunkId::of(b"plain"), bytes: 5 };
        (chunk, Frame { kind: FrameKind::Raw, bytes: b"plain".to_vec() })
    }

    #[test]
    fn a_message_survives_the_round_trip() {
        let request = Request::Lacks { chunks: vec![ChunkId::of(b"a"), ChunkId::of(b"b")] };
        let bytes = encode(&request).unwrap();
        let (head, body) = bytes.split_first_chunk::<{ FrameHead::BYTES }>().unwrap();
        let head = FrameHead::from_bytes(*head).unwrap();
        assert_eq!(head.frame_type, FrameType::Message);
        assert_eq!(usize::try_from(head.body_bytes).unwrap(), body.len());
        assert_eq!(decode::<Request>(body).unwrap(), request);
    }

    #[test]
    fn a_chunk_survives_the_round_trip() {
        let (chunk, frame) = chunk_frame();
        let bytes = ChunkHead::before(chunk, ChunkSource::Seed, &frame);
        let (head, rest) = bytes.split_first_chunk::<{ FrameHead::BYTES }>().unwrap();
        let head = FrameHead::from_bytes(*head).unwrap();
        assert_eq!(head, FrameHead { frame_type: FrameType::Chunk, body_bytes: 38 + 5 });
        let head = ChunkHead::from_bytes(rest.try_into().unwrap()).unwrap();
        assert_eq!(head, ChunkHead { chunk, kind: FrameKind::Raw, source: ChunkSource::Seed });
    }

    #[test]
    fn the_layout_is_what_the_module_says() {
        let (chunk, frame) = chunk_frame();
        let bytes = ChunkHead::before(chunk, ChunkSource::Peer, &frame);
        assert_eq!(bytes[..5], [44, 0, 0, 0, 1]);
        assert_eq!(bytes[5..37], *chunk.id.as_bytes());
        assert_eq!(bytes[37..], [5, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn lengths_over_the_bound_are_refused_before_anything_is_read() {
        let over = (MESSAGE_BYTES_MAX + 2).to_le_bytes();
        assert_eq!(FrameHead::from_bytes([over[0], over[1], over[2], over[3], 0]), Err(FrameError::TooLong));
        let over = (CHUNK_FRAME_BYTES_MAX + 2).to_le_bytes();
        assert_eq!(FrameHead::from_bytes([over[0], over[1], over[2], over[3], 1]), Err(FrameError::TooLong));
        assert_eq!(FrameHead::from_bytes([0, 0, 0, 0, 0]), Err(FrameError::Malformed));
        assert_eq!(FrameHead::from_bytes([1, 0, 0, 0, 2]), Err(FrameError::Malformed));
    }

    #[test]
    fn a_message_with_bytes_left_over_is_refused() {
        let mut bytes = encode(&Request::Flush).unwrap();
        bytes.push(0);
        assert_eq!(decode::<Request>(&bytes[FrameHead::BYTES..]), Err(FrameError::Malformed));
    }

    #[test]
    fn a_message_that_is_too_long_is_not_written() {
        let why = "x".repeat(usize::try_from(MESSAGE_BYTES_MAX).unwrap());
        assert_eq!(encode(&Reply::Refused { why }), Err(FrameError::TooLong));
    }

    #[test]
    fn chunk_lengths_that_no_chunk_has_are_refused() {
        let mut bytes = [0_u8; ChunkHead::BYTES];
        assert_eq!(ChunkHead::from_bytes(&bytes), Err(FrameError::Malformed));
        bytes[32..36].copy_from_slice(&(CHUNK_BYTES_MAX + 1).to_le_bytes());
        assert_eq!(ChunkHead::from_bytes(&bytes), Err(FrameError::Malformed));
        bytes[32..36].copy_from_slice(&CHUNK_BYTES_MAX.to_le_bytes());
        assert!(ChunkHead::from_bytes(&bytes).is_ok());
        bytes[37] = 3;
        assert_eq!(ChunkHead::from_bytes(&bytes), Err(FrameError::Malformed));
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = decode::<Request>(&bytes);
            let _ = decode::<Reply>(&bytes);
        }
    }
}
