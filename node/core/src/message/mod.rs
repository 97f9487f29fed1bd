//! What peers say to each other: control messages (postcard, length-prefixed) and the bulk plane's headers (fixed layout).
//!
//! Both planes carry foreign bytes: what is decoded here is bounded and well-formed, and nothing more. Whether
//! an envelope in it means anything is for [`crate::Trust`] to say.
//!
//! Versions: each plane has a protocol name that ends in its version. A node offers the names that it speaks,
//! newest first, and the two ends use the newest that both know: so version N works with N − 1, and a fleet may be
//! renewed node by node.
//!
//! What a later release may add without a new version, because those before it go on when they meet it:
//!
//! - *Reasons*, at the end of their list: [`Refusal`], [`OfferRefusal`], [`PapersRefusal`], [`Decline`]; over a job's socket
//!   [`MissReason`](crate::engine::MissReason) and [`Silence`](crate::engine::Silence). An unknown one is `Unknown`, with its
//!   number: a refusal like any other, with which nothing in particular is done ([`crate::numbered`]).
//! - *Kinds of control messages*, at the end of [`Control`]: an unknown one is [`Control::Unknown`], which is counted as
//!   any message is, and not heard. Who says it gets no answer, and so has to do without one after a while.
//!
//! Everything else is strict, and needs a new version: fields of a message, because nothing tells where they end; what is
//! asked for ([`ListQuery`], [`LogKinds`]) and what something is ([`RecordName`], a peer's role), because nobody can act on
//! one of those without knowing it.
mod bulk;
mod check;
mod chunk_set;
mod control;
mod log;
mod parts;
mod record_name;

pub use bulk::{BulkOutcome, BulkReply, BulkRequest, Decline};
pub use chunk_set::ChunkSet;
pub use control::Control;
pub use log::{LogKinds, LogLine, LogPage, LogPlace, LogQuery};
pub use parts::{Hello, ListQuery, OfferRefusal, PapersRefusal, PeerAddress, Refusal};
pub use record_name::{RecordName, VoteEnvelope};

/// Newest control protocol version; the oldest still spoken is one less, where there is one.
pub const CONTROL_VERSION: u16 = 1;
/// Newest bulk protocol version; the oldest still spoken is one less, where there is one.
pub const BULK_VERSION: u16 = 1;

/// Foreign bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message of this protocol")]
pub struct MessageError;

/// The names of the control protocol that this program speaks, newest first: `/pollux/control/1`.
#[must_use]
pub fn control_protocols() -> Vec<String> {
    protocols("control", CONTROL_VERSION)
}

/// The names of the bulk protocol that this program speaks, newest first: `/pollux/bulk/1`.
#[must_use]
pub fn bulk_protocols() -> Vec<String> {
    protocols("bulk", BULK_VERSION)
}

/// The newest version and the one before it. Versions count from 1.
fn protocols(plane: &str, newest: u16) -> Vec<String> {
    let oldest = newest.saturating_sub(1).max(1);
    (oldest..=newest).rev().map(|version| format!("/pollux/{plane}/{version}")).collect()
}

#[cfg(test)]
mod tests;
