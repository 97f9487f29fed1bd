//! What happens, and to whom.

use crate::numbered::{ChunkNo, NodeNo, StreamNo};
use crate::scenario::Disk;
use pollux_core::engine::{FetchId, Input, JobId};
use pollux_core::message::{Control, Decline};

/// What is to happen. A `link` names a connection; what was sent on one that is gone is lost.
#[derive(Debug)]
pub(super) enum Event {
    Boot(NodeNo),
    /// An engine's timeout.
    Timer(NodeNo),
    /// A stream's frame may have left.
    Stream(StreamNo),
    /// Links hear of what has changed elsewhere.
    Settle,
    /// A job's deadline.
    Deadline(NodeNo, JobId),
    /// A node's job is over; the next one begins.
    NextJob(NodeNo),
    /// A node restores everything once more.
    Again(NodeNo),
    /// A node's life is over.
    Leave(NodeNo),
    /// Something that a node's own driver says.
    Input {
        to: NodeNo,
        input: Box<Input>,
    },
    /// A fault of the scenario begins,
    Trouble(usize),
    /// is over,
    Healed(usize),
    /// has lasted so long that connections break,
    Silence(usize),
    /// or will restore disks as they are now.
    Snapshot(usize),
    /// Who was killed starts again.
    Back(NodeNo, Disk),
    /// One end has given a connection up; the other has too.
    BrokenOff {
        from: NodeNo,
        to: NodeNo,
        link: u64,
    },
    /// What is no message arrives.
    Garbage {
        from: NodeNo,
        to: NodeNo,
        link: u64,
    },
    Connect {
        from: NodeNo,
        to: NodeNo,
    },
    Message {
        from: NodeNo,
        to: NodeNo,
        link: u64,
        message: Box<Control>,
    },
    Closed {
        from: NodeNo,
        to: NodeNo,
        link: u64,
    },
    Request {
        from: NodeNo,
        to: NodeNo,
        link: u64,
        chunks: Box<[(FetchId, ChunkNo)]>,
    },
    TakenBack {
        from: NodeNo,
        to: NodeNo,
        link: u64,
        fetch: FetchId,
    },
    Refusal {
        from: NodeNo,
        to: NodeNo,
        link: u64,
        fetch: FetchId,
        why: Decline,
    },
    Frame {
        from: NodeNo,
        to: NodeNo,
        link: u64,
        fetch: FetchId,
        bytes: u32,
    },
}

impl Event {
    /// Whom it happens to, and who made it come over a connection.
    pub(super) const fn way(&self) -> Option<(Option<NodeNo>, NodeNo)> {
        match *self {
            Self::Timer(no) | Self::Deadline(no, _) | Self::NextJob(no) | Self::Input { to: no, .. } => {
                Some((None, no))
            }
            Self::Connect { from, to }
            | Self::Message { from, to, .. }
            | Self::Garbage { from, to, .. }
            | Self::Closed { from, to, .. }
            | Self::Request { from, to, .. }
            | Self::TakenBack { from, to, .. }
            | Self::Refusal { from, to, .. }
            | Self::Frame { from, to, .. } => Some((Some(from), to)),
            Self::Boot(_)
            | Self::Stream(_)
            | Self::Settle
            | Self::Again(_)
            | Self::Leave(_)
            | Self::Trouble(_)
            | Self::Healed(_)
            | Self::Silence(_)
            | Self::Snapshot(_)
            | Self::Back(..)
            | Self::BrokenOff { .. } => None,
        }
    }
}
