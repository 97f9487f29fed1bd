//! What seeds keep, by name and in full, when one catches up with another.
use crate::{Envelope, ManifestId, PeerId};
use serde::{Deserialize, Serialize};

/// The name of something that a seed keeps.
///
/// On the wire: 0, manifest (32 bytes), complete (bool); or 1, manifest (32 bytes), seed (32 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RecordName {
    /// A certified manifest.
    Certified {
        /// Which.
        manifest: ManifestId,
        /// The seed holds every chunk of it.
        complete: bool,
    },
    /// A seed's vote for a manifest that is not certified, as far as is known.
    Vote {
        /// For what.
        manifest: ManifestId,
        /// Whose.
        seed: PeerId,
    },
}

impl RecordName {
    /// The manifest that it is about.
    #[must_use]
    pub const fn manifest(&self) -> ManifestId {
        match self {
            Self::Certified { manifest, complete: _ } | Self::Vote { manifest, seed: _ } => *manifest,
        }
    }
}

/// A vote: a signed manifest and one seed's receipt for it. Unchecked.
///
/// On the wire: manifest (envelope), receipt (envelope).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoteEnvelope {
    /// What was voted for.
    pub manifest: Envelope,
    /// The vote.
    pub receipt: Envelope,
}
