//! The bulk plane's headers: fixed layout, no parsing to speak of, because one stands before every chunk.
//!
//! Both ends of a bulk stream may have many requests under way; the number, chosen by who asks, tells the replies
//! apart, which may come in any order. Integers are little-endian.
//!
//! ```text
//! request   0  4  request number
//!           4 32  chunk id; all zero: the request of that number is taken back
//! reply     0  4  request number, as asked
//!           4  1  0: a frame follows; 1: not held; 2: busy; 3: the asker is not a member; more: declined, a later release says why
//!           5  1  frame kind: 0 raw, 1 zstd; 0 where no frame follows
//!           6  2  zero
//!           8  4  bytes of the frame that follow, 1 ..= CHUNK_BYTES_MAX; 0 where none follows
//!          12  …  the frame
//! ```
//!
//! A request that is taken back has its one reply all the same: the frame, if that was begun, else status 2. One that was
//! answered before, or never made, is taken back without effect, for the reply may have crossed it.
use super::MessageError;
use crate::limits::CHUNK_BYTES_MAX;
use crate::{ChunkId, FrameKind};
use serde::{Deserialize, Serialize};

/// Header of a request on a bulk stream: request number (u32 LE), chunk id (32 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkRequest {
    /// Chosen by the asker, repeated by the reply.
    pub request: u32,
    /// The chunk that is asked for.
    pub chunk: ChunkId,
}

/// Header of a reply: request (u32 LE), status (u8), frame kind (u8), two zero bytes, frame bytes that follow (u32 LE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkReply {
    /// The number of the request that is answered.
    pub request: u32,
    /// What became of it.
    pub outcome: BulkOutcome,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkOutcome {
    /// A frame follows.
    Frame {
        /// How it holds the plain bytes.
        kind: FrameKind,
        /// Its length: 1 ..= [`CHUNK_BYTES_MAX`].
        bytes: u32,
    },
    /// Nothing follows.
    Declined(Decline),
}

/// Why a chunk is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Decline {
    /// Another peer must be asked.
    #[error("not held")]
    Missing,
    /// The same peer may be asked again, later.
    #[error("busy")]
    Busy,
    /// The asker must join first.
    #[error("not a member")]
    NotAMember,
    /// Of a later release, by its status byte, never below 4: the peer is left alone for a while.
    #[error("a reason that this release does not know ({0})")]
    Unknown(u8),
}

impl Decline {
    /// The status byte of a reply.
    const fn as_byte(self) -> u8 {
        match self {
            Self::Missing => 1,
            Self::Busy => 2,
            Self::NotAMember => 3,
            Self::Unknown(byte) => byte,
        }
    }

    /// Of a status byte; 0 says that a frame follows.
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Missing),
            2 => Some(Self::Busy),
            3 => Some(Self::NotAMember),
            0 => None,
            unknown => Some(Self::Unknown(unknown)),
        }
    }
}

impl BulkRequest {
    /// Length on the wire.
    pub const BYTES: usize = 36;
    /// In the place of a chunk's name: no chunk has this one.
    const NO_CHUNK: ChunkId = ChunkId::from_bytes([0; 32]);

    /// Takes back the request with this number.
    #[must_use]
    pub const fn take_back(request: u32) -> Self {
        Self { request, chunk: Self::NO_CHUNK }
    }

    /// Whether it asks for nothing, and takes back what was asked for under its number.
    #[must_use]
    pub fn takes_back(&self) -> bool {
        self.chunk == Self::NO_CHUNK
    }

    /// On the wire.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (request, chunk) = bytes.split_at_mut(4);
        request.copy_from_slice(&self.request.to_le_bytes());
        chunk.copy_from_slice(self.chunk.as_bytes());
        bytes
    }

    /// From the wire; every value is one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let mut request = [0; 4];
        let mut chunk = [0; 32];
        let (number, id) = bytes.split_at(4);
        request.copy_from_slice(number);
        chunk.copy_from_slice(id);
        Self { request: u32::from_le_bytes(request), chunk: ChunkId::from_bytes(chunk) }
    }
}

impl BulkReply {
    /// Length on the wire, the frame not counted.
    pub const BYTES: usize = 12;

    /// On the wire. A frame's length is written as it is: one out of bounds is refused by who reads it.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let (status, kind, length) = match self.outcome {
            BulkOutcome::Frame { kind, bytes } => (0, kind.as_byte(), bytes),
            BulkOutcome::Declined(why) => (why.as_byte(), 0, 0),
        };
        let [r0, r1, r2, r3] = self.request.to_le_bytes();
        let [l0, l1, l2, l3] = length.to_le_bytes();
        [r0, r1, r2, r3, status, kind, 0, 0, l0, l1, l2, l3]
    }

    /// From the wire.
    ///
    /// # Errors
    /// When a byte is none of those of the layout, or a frame's length is zero or over [`CHUNK_BYTES_MAX`].
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, MessageError> {
        let &[r0, r1, r2, r3, status, kind, z0, z1, l0, l1, l2, l3] = bytes;
        let request = u32::from_le_bytes([r0, r1, r2, r3]);
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        let outcome = match (status, z0, z1) {
            (0, 0, 0) => Self::frame(kind, length),
            (_, 0, 0) if kind == 0 && length == 0 => Decline::from_byte(status).map(BulkOutcome::Declined),
            _ => None,
        };
        outcome.map(|outcome| Self { request, outcome }).ok_or(MessageError)
    }

    fn frame(kind: u8, bytes: u32) -> Option<BulkOutcome> {
        let kind = FrameKind::from_byte(kind)?;
        (1..=CHUNK_BYTES_MAX).contains(&bytes).then_some(BulkOutcome::Frame { kind, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn outcomes() -> impl Strategy<Value = BulkOutcome> {
        let kind = prop_oneof![Just(FrameKind::Raw), Just(FrameKind::Zstd)];
        prop_oneof![
            (kind, 1..=CHUNK_BYTES_MAX).prop_map(|(kind, bytes)| BulkOutcome::Frame { kind, bytes }),
            prop_oneof![
                Just(Decline::Missing),
                Just(Decline::Busy),
                Just(Decline::NotAMember),
                (4_u8..).prop_map(Decline::Unknown)
            ]
            .prop_map(BulkOutcome::Declined),
        ]
    }

    proptest! {
        #[test]
        fn a_request_comes_back(request: u32, chunk: [u8; 32]) {
            let header = BulkRequest { request, chunk: ChunkId::from_bytes(chunk) };
            prop_assert_eq!(BulkRequest::from_bytes(&header.to_bytes()), header);
        }

        #[test]
        fn a_reply_comes_back(request: u32, outcome in outcomes()) {
            let header = BulkReply { request, outcome };
            prop_assert_eq!(BulkReply::from_bytes(&header.to_bytes()), Ok(header));
        }

        #[test]
        fn a_reply_that_is_read_is_written_the_same(bytes: [u8; 12], status: u8, kind in 0_u8..3) {
            let mut bytes = bytes;
            (bytes[4], bytes[5], bytes[6], bytes[7], bytes[11]) = (status, kind, 0, 0, 0);
            if let Ok(reply) = BulkReply::from_bytes(&bytes) {
                prop_assert_eq!(reply.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn the_layout_is_as_written() {
        let request = BulkRequest { request: 0x0403_0201, chunk: ChunkId::from_bytes([7; 32]) };
        assert_eq!(request.to_bytes()[..6], [1, 2, 3, 4, 7, 7]);
        let taken_back = BulkRequest::take_back(0x0403_0201);
        assert_eq!(taken_back.to_bytes()[..6], [1, 2, 3, 4, 0, 0]);
        assert!(taken_back.takes_back() && !request.takes_back());
        let frame = BulkOutcome::Frame { kind: FrameKind::Zstd, bytes: 0x000a_0908 };
        let reply = BulkReply { request: 0x0403_0201, outcome: frame }.to_bytes();
        assert_eq!(reply, [1, 2, 3, 4, 0, 1, 0, 0, 8, 9, 10, 0]);
        let declined = BulkReply { request: 1, outcome: BulkOutcome::Declined(Decline::Busy) }.to_bytes();
        assert_eq!(declined, [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
        let unknown = [1, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0];
        let outcome = BulkOutcome::Declined(Decline::Unknown(17));
        assert_eq!(BulkReply::from_bytes(&unknown), Ok(BulkReply { request: 1, outcome }));
    }

    #[test]
    fn what_is_outside_the_layout_is_refused() {
        for (place, byte) in [(4, 4), (5, 2), (6, 1), (7, 1), (11, 1), (10, 0x11)] {
            let mut bytes = [0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0];
            assert!(BulkReply::from_bytes(&bytes).is_ok());
            bytes[place] = byte;
            assert_eq!(BulkReply::from_bytes(&bytes), Err(MessageError), "byte {place}");
        }
        assert!(BulkReply::from_bytes(&[0; 12]).is_err(), "a frame without bytes");
        assert!(
            BulkReply::from_bytes(&[0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0]).is_err(),
            "a kind without a frame"
        );
        assert!(
            BulkReply::from_bytes(&[0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]).is_err(),
            "a length without a frame"
        );
    }
}
