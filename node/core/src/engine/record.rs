//! What a store remembers over a restart.
use super::Share;
use crate::message::VoteEnvelope;
use crate::{CertifiedEnvelope, Envelope, Key, ManifestId, Papers, PeerId, Timestamp};

/// What must be durable.
///
/// A seed's store has an *epoch* once it has a marker: a number that is raised by one with every start, and with every
/// `Certified`, `Vote` and `Ballot`, in the transaction that makes them durable. So a disk that was rolled back has a
/// lower one than other seeds have seen.
#[derive(Clone, Debug)]
pub enum Record {
    /// A certified manifest (chunks complete or not).
    Certified(CertifiedEnvelope),
    /// A seed's vote: at most one per key and sequence, ever. The same vote may come again.
    Vote {
        /// What it votes for.
        manifest: Envelope,
        /// Its key.
        key: Key,
        /// Its sequence.
        sequence: u64,
        /// The vote.
        receipt: Envelope,
    },
    /// A node lets a manifest go.
    Forget(ManifestId),
    /// Another seed's vote: at most one per seed and manifest; a later one may take its place.
    Ballot {
        /// Whose.
        seed: PeerId,
        /// The vote.
        vote: VoteEnvelope,
    },
    /// This seed's store is whole: its marker, with this epoch or the one that it has, whichever is higher.
    Marker {
        /// See the type.
        epoch: u64,
    },
    /// The highest epoch of another seed's store that was seen.
    Seen {
        /// Whose.
        seed: PeerId,
        /// Which.
        epoch: u64,
    },
    /// What everything is judged by, in place of what was recorded before. At start, [`Trust::open_with`](crate::Trust::open_with) takes the first
    /// and [`Input::RecoveredPapers`](super::Input::RecoveredPapers) the second.
    Papers {
        /// In force.
        taken: Papers,
        /// With a newer policy, to go by once enough seeds do.
        next: Option<Papers>,
    },
    /// What a publisher's caches take, in place of what was recorded before for this publisher and day, unless that was
    /// more. One of 0 bytes is forgotten.
    Share(Share),
    /// A manifest was used.
    Used {
        /// Which.
        manifest: ManifestId,
        /// When.
        at: Timestamp,
    },
    /// A seed lets the content of a manifest go; the certificate stays.
    LetGo(ManifestId),
}
