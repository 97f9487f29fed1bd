//! How a hostile peer behaves.

use pollux_core::message::{Control, Decline};
use pollux_core::{ChunkRef, Envelope, Frame, FrameKind, ManifestId};

/// Everything that it is told. By default it joins, says nothing, and denies what it is asked for.
#[derive(Clone, Debug, Default)]
pub struct Conduct {
    /// It says that it has these chunks.
    pub announces: Option<Announcement>,
    /// What it does when it is asked for one.
    pub gives: Gives,
    /// It asks everybody it is connected with for these, over and over, as many at once as are answered.
    pub drains: Vec<ChunkRef>,
    /// It says this to everybody, over and over, as fast as it leaves.
    pub floods: Option<Control>,
    /// Whether it reads.
    pub reads: Reads,
    /// It shows this membership and never asks for one.
    pub shows: Option<Envelope>,
    /// It says nothing at all, not even hello, but asks and floods as it is told.
    pub is_stranger: bool,
}

/// All chunks of a manifest: those of the tree, then those of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Of which.
    pub manifest: ManifestId,
    /// How many that are.
    pub chunks: u32,
}

/// What it does when it is asked for a chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gives {
    /// Says that it does not hold it, against its own word.
    #[default]
    Denial,
    /// Sends nothing.
    Silence,
    /// Sends bytes of another chunk.
    Junk,
    /// Sends the beginning of a compressed frame.
    Truncated,
    /// Sends a compressed frame that would grow to far more than a chunk.
    Bomb,
}

/// Whether it reads what others send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reads {
    /// Everything.
    #[default]
    All,
    /// Nothing any more once it has joined and has asked for what it drains.
    NothingOnceJoined,
}

impl Gives {
    /// The answer, if there is one.
    pub(super) fn answer(self) -> Option<Result<Frame, Decline>> {
        let zstd = |bytes| Some(Ok(Frame { kind: FrameKind::Zstd, bytes }));
        match self {
            Self::Denial => Some(Err(Decline::Missing)),
            Self::Silence => None,
            Self::Junk => Some(Ok(Frame { kind: FrameKind::Raw, bytes: vec![7; 1000] })),
            Self::Truncated => zstd(vec![0x28, 0xb5, 0x2f, 0xfd, 0x24]),
            Self::Bomb => zstd(bomb()),
        }
    }
}

/// A zstd frame of run-length blocks: each takes four bytes and grows to 128 KiB.
fn bomb() -> Vec<u8> {
    let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    for _ in 0..1000 {
        bytes.extend_from_slice(&[0x02, 0x00, 0x10, 0x00]);
    }
    bytes
}
