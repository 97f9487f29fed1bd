//! How things go: where chunks came from, how fetches, the store and trees fail, what peers do wrong, what is reported.
use crate::message::{Decline, OfferRefusal, Refusal};
use crate::numbered::{UNKNOWN, numbered};
use crate::{ChunkFault, ChunkId, Disbelief, Key, ManifestId, PeerId, PublicKey, Timestamp, TreeRef};
use std::collections::{BTreeMap, BTreeSet};

/// What came of asking a peer for a chunk to see whether it has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// It gave it.
    Given,
    /// It did not, or something else.
    Owed,
    /// It could not say: it was busy, or the connection broke.
    Open,
}

/// Where a chunk came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The store had it.
    Local,
    /// A node gave it.
    Peer,
    /// A seed gave it.
    Seed,
}

/// How a fetch fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchFailure {
    /// The peer said no.
    Declined(Decline),
    /// The stream or the header broke.
    Broken,
    /// The frame is longer than the chunk.
    TooLong,
    /// There is no connection.
    NotConnected,
}

/// How serving fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServeFailure {
    /// The store does not hold it.
    Missing,
    /// Its record is bad.
    Corrupt,
    /// The peer is gone, or does not read.
    PeerGone,
    /// The peer took its request back before the frame was begun.
    Unwanted,
}

/// How the store fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFailure {
    /// No room: over the quota, or the file system is full.
    Full,
    /// Anything else.
    Broken,
}

/// Why a tree cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeFault {
    /// The store lacks one of its chunks.
    Missing,
    /// It cannot be decoded, or breaks a rule.
    Broken,
    /// Its totals or roots are others than declared.
    DiffersFromManifest,
}

/// What a peer did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// It said what is no message, or not for it to say.
    BadMessage,
    /// A message over the bound.
    TooLong,
    /// A chunk that nobody asked it for.
    UnaskedChunk,
    /// More messages than anybody needs.
    Flood,
}

/// Why a peer is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// It broke the protocol.
    Misbehaved,
    /// It sent a wrong chunk.
    Junk,
    /// It does not deliver, or does not read.
    Stalled,
    /// It did not answer while a newcomer at its address waited for its place.
    Superseded,
    /// It has not proven that it belongs, or no longer does.
    NotAMember,
    /// There are enough peers.
    TooMany,
    /// It names another pool.
    OtherPool,
}

/// What happened, for logs and metrics.
#[derive(Clone, Debug)]
pub enum Event {
    /// A seed has let this node in.
    Joined {
        /// Which.
        seed: PeerId,
    },
    /// A seed has not.
    JoinRefused {
        /// Which.
        seed: PeerId,
        /// Why.
        why: Refusal,
    },
    /// Something is not believed.
    Disbelieved {
        /// Who brought it; nobody if it was the store or a job.
        from: Option<PeerId>,
        /// Why.
        why: Disbelief,
    },
    /// Enough seeds name something older than what this node has seen certified under that key: not used.
    BelowFloor {
        /// What they name.
        manifest: ManifestId,
        /// Its sequence.
        sequence: u64,
        /// The sequence that was seen.
        floor: u64,
    },
    /// A peer broke the protocol.
    Offended {
        /// Who.
        peer: PeerId,
        /// How.
        offence: Offence,
    },
    /// A peer sent a wrong chunk.
    Junk {
        /// Who.
        peer: PeerId,
        /// What is wrong.
        fault: ChunkFault,
    },
    /// A peer says what only a later release knows: not heard.
    UnknownMessage {
        /// Who.
        peer: PeerId,
        /// The number of its kind.
        kind: u32,
    },
    /// A peer is refused for a while.
    Banned {
        /// Who.
        peer: PeerId,
    },
    /// The store holds every chunk of a certified manifest.
    Complete {
        /// Which.
        manifest: ManifestId,
    },
    /// Other roots, another policy or other yanks are in force.
    PapersChanged {
        /// Version of the root.
        root: u64,
        /// Version of the policy.
        policy: u64,
        /// How many yanks.
        yanks: u32,
    },
    /// A newer policy is known; it takes over once enough seeds go by it, or keep it.
    PolicyHeard {
        /// Its version.
        version: u64,
    },
    /// A manifest that was known is of use no more.
    Withdrawn {
        /// Which.
        manifest: ManifestId,
        /// What does not hold any more.
        why: Disbelief,
    },
    /// What everything is judged by could not be made durable: a restart falls back.
    PapersNotKept,
    /// The store lets the content of a manifest go: a node for want of room, a seed because it need not keep it.
    LetGo {
        /// Which.
        manifest: ManifestId,
        /// Its key, on a seed.
        key: Option<Key>,
        /// It was the newest of its lineage, and has expired: nothing of that can be restored.
        newest: bool,
    },
    /// The store of a seed is fuller than before, or less full.
    StoreFullness {
        /// How full it is.
        fullness: Fullness,
        /// Bytes that it holds.
        bytes: u64,
        /// Bytes that it can have.
        bytes_max: u64,
    },
    /// This seed gave its receipt.
    Receipt {
        /// For what.
        manifest: ManifestId,
    },
    /// A certificate is known here that was not before, by this node's publish or brought to this seed.
    Certified {
        /// Of what.
        manifest: ManifestId,
    },
    /// This seed signs nothing but memberships from now on.
    Silent {
        /// Why.
        why: Silence,
    },
    /// A silent seed knows all that another one keeps.
    Merged {
        /// Which.
        from: PeerId,
    },
    /// This seed signs from now on.
    Whole {
        /// Others from which it has merged, or whose word it has that its disk is not an old one.
        others: u32,
    },
    /// A publisher's caches take four fifths of its share of this seed's disk: soon its saves are refused.
    ShareNearlyUsed {
        /// The policy's name of it.
        publisher: String,
        /// Bytes that they take.
        bytes: u64,
        /// Bytes that they may.
        share: u64,
    },
    /// This seed gives no receipt for what it was offered.
    OfferRefused {
        /// Who offered.
        from: PeerId,
        /// What.
        manifest: ManifestId,
        /// The key and the sequence that it names, believed or not; none if it cannot be read.
        place: Option<(Key, u64)>,
        /// Why.
        why: OfferRefusal,
    },
}

/// Bytes of frames that a seed has kept newly for caches of one publisher that expire on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The publisher's key.
    pub publisher: PublicKey,
    /// The end of that day (UTC): then they are given back.
    pub until: Timestamp,
    /// How many.
    pub bytes: u64,
}

/// Why a seed of a pool with several signs nothing but memberships. Over the socket: its place in this list (varint). In
/// JSON: [`Silence::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// The store has no marker: it is new, or the disk was lost. Ends once enough other seeds were merged.
    #[error("the store is new or was lost; it merges what other seeds keep")]
    NoMarker,
    /// It has just started. Ends with the word of other seeds that they have seen no later state of this store.
    #[error("it waits for the word of other seeds that its disk is not an old one")]
    Unsure,
    /// Other seeds have seen a later state of this store. Ends once enough other seeds were merged.
    #[error("the disk was rolled back; it merges what other seeds keep")]
    RolledBack,
    /// Of a later release of the seed, by its number.
    #[error("a reason that this release does not know ({0})")]
    Unknown(u32),
}

numbered!(Silence);

impl Silence {
    /// All that are known, in the order of the wire.
    pub const ALL: [Self; 3] = [Self::NoMarker, Self::Unsure, Self::RolledBack];

    /// A short name, for scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoMarker => "no-marker",
            Self::Unsure => "unsure",
            Self::RolledBack => "rolled-back",
            Self::Unknown(_) => UNKNOWN,
        }
    }
}

/// What of a node's store belongs to a manifest.
#[derive(Clone, Debug)]
pub struct Held {
    /// Which.
    pub manifest: ManifestId,
    /// Its tree.
    pub tree: TreeRef,
    /// Its list of packages.
    pub packages: Option<ChunkId>,
    /// When it was last used, or published if it was not.
    pub used: Timestamp,
    /// A job restores or publishes it at this moment.
    pub busy: bool,
    /// It is the newest of a key that is pinned: it stays.
    pub pinned: bool,
    /// Every chunk is believed to be there.
    pub whole: bool,
}

/// What a seed's store is needed for, beside what its records name.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Manifests that the records name and whose content may go.
    pub let_go: BTreeSet<ManifestId>,
    /// Certified manifests of which every chunk is believed to be there.
    pub whole: BTreeSet<ManifestId>,
    /// Trees of what is offered, pulled or looked for at the moment: the records may not name it yet.
    pub under_way: Vec<TreeRef>,
}

/// How full the store of a seed is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Fullness {
    /// There is room.
    #[default]
    Enough,
    /// From four fifths on: an operator should give it more, or publish less.
    Nearly,
    /// From 95 percent on: saves are refused.
    Full,
}

/// What `pollux status` shows of the engine.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize, PartialEq)]
pub struct EngineStatus {
    /// This node is a member now (a seed always is).
    pub joined: bool,
    /// Seeds of the policy that are connected.
    pub seeds_connected: u32,
    /// Seeds of the policy.
    pub seeds_total: u32,
    /// Members that are connected.
    pub peers: u32,
    /// Certified manifests that are known.
    pub manifests: u32,
    /// Jobs that asked for something and are still there.
    pub jobs: u32,
    /// Chunks under way.
    pub fetches: u32,
    /// Peers that are refused at the moment.
    pub banned: u32,
    /// Wrong chunks that came since the start.
    pub junk_chunks: u64,
    /// Answers of seeds that are kept to be handed on while seeds are away.
    pub relays: u32,
    /// Why this seed signs nothing at the moment; none: it does, its store is whole (or this is a node).
    pub silent: Option<Silence>,
    /// Version of the policy in force.
    pub policy_version: u64,
    /// When it expires: milliseconds since the Unix epoch.
    pub policy_expires_ms: u64,
    /// When the root expires: milliseconds since the Unix epoch.
    pub root_expires_ms: u64,
    /// Yanks that are known.
    pub yanks: u32,
    /// Why this node does not belong: what the last seed that it asked said. None: it belongs, or no seed has said no.
    #[serde(default)]
    pub refused: Option<Refusal>,
    /// How often this seed has let somebody not in since it started, by [`Refusal::name`].
    #[serde(default)]
    pub refusals: BTreeMap<String, u64>,
}
