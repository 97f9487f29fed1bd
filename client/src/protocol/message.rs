//! What job and node say to each other.

use super::Overview;
use pollux_core::engine::{EngineStatus, MissReason};
use pollux_core::message::{ListQuery, LogPage, LogPlace, LogQuery};
use pollux_core::numbered::{self, Numbered, UNKNOWN};
use pollux_core::{
    CertifiedEnvelope, ChunkId, ChunkRef, Envelope, Fallback, Key, ManifestId, Papers, PapersDigest, PeerId,
};
use serde::{Deserialize, Serialize};

/// What a job says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// First of all: the versions that the job speaks.
    Hello {
        /// Oldest version.
        oldest: u16,
        /// Newest version.
        newest: u16,
        /// Program and version, for people.
        software: String,
    },
    /// How is the node? Answered by [`Reply::Status`].
    Status,
    /// What is the newest manifest for this? Answered by [`Reply::Found`] or [`Reply::Miss`].
    Resolve {
        /// The key asked for.
        key: Key,
        /// What will do instead, best first.
        fallbacks: Vec<Fallback>,
        /// Milliseconds until a miss is the answer.
        deadline_ms: u32,
    },
    /// Chunks of a manifest that was resolved before. Each comes as a chunk frame or [`Reply::ChunkFailed`], in any
    /// order; [`Reply::FetchDone`] follows when none is outstanding and none failed.
    Fetch {
        /// The manifest that names them.
        manifest: ManifestId,
        /// At most [`super::CHUNKS_PER_MESSAGE_MAX`].
        chunks: Vec<ChunkRef>,
    },
    /// Which of these does the node lack? Answered by [`Reply::Lacking`].
    Lacks {
        /// At most [`super::CHUNKS_PER_MESSAGE_MAX`].
        chunks: Vec<ChunkId>,
    },
    /// Make every chunk frame sent so far durable. Answered by [`Reply::Flushed`] or [`Reply::PutFailed`].
    Flush,
    /// Publish a signed manifest whose chunks the node holds. Answered by any number of
    /// [`Reply::PublishProgress`], then [`Reply::Published`] or [`Reply::PublishFailed`].
    Publish {
        /// The manifest.
        manifest: Envelope,
        /// Milliseconds until the node gives up.
        deadline_ms: u32,
    },
    /// Manifests, for people. Answered by [`Reply::Listing`].
    List {
        /// Which.
        what: ListQuery,
        /// Milliseconds until the node answers from what it knows itself.
        deadline_ms: u32,
    },
    /// Which roots, policy and yanks does the node go by? Answered by [`Reply::Papers`]. Since version 2, as all below.
    Papers,
    /// Take these to the seeds, to be spread. Answered by [`Reply::Spread`].
    Spread {
        /// Signed; those that are known already are harmless. Together at most [`super::PAPERS_BYTES_MAX`].
        papers: Papers,
        /// Milliseconds until the node says how many seeds hold them.
        deadline_ms: u32,
    },
    /// Which of these manifests, that a job used, were taken back since? Answered by [`Reply::Used`].
    Used {
        /// At most [`super::USED_MAX`]. None: those that jobs of the asking user restored through this node since it
        /// started, of which it remembers the last [`super::USED_MAX`] of each of [`super::USERS_REMEMBERED_MAX`] users.
        manifests: Vec<ManifestId>,
    },
    /// What does the log of a seed say? Answered by [`Reply::Log`].
    Log {
        /// What is looked for.
        what: LogQuery,
        /// Go on at this place of that seed's; none: at the beginning of any seed's.
        at: Option<(PeerId, LogPlace)>,
        /// Milliseconds until the node says that no seed has answered.
        deadline_ms: u32,
    },
    /// How is the node, and how does it stand with its pool? Answered by [`Reply::Overview`]. Since version 3.
    Overview,
}

/// What the node answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// To [`Request::Hello`].
    Welcome {
        /// The version that both speak from now on.
        version: u16,
        /// Program and version, for people.
        software: String,
        /// The pool's name.
        pool: String,
    },
    /// The node closes the connection, and says why.
    Refused {
        /// In words, for people.
        why: String,
    },
    /// To [`Request::Status`].
    Status(Box<NodeStatus>),
    /// The newest manifest that matches, verified by the node.
    Found {
        /// The manifest with its receipts.
        certified: Box<CertifiedEnvelope>,
        /// The index of the fallback that matched; none: the key itself.
        fallback: Option<u8>,
        /// The seeds being away, peers vouched with what the seeds said a short while ago.
        relayed: bool,
    },
    /// There is nothing to restore.
    Miss {
        /// From the closed list.
        reason: MissReason,
    },
    /// No fetch is outstanding.
    FetchDone,
    /// This chunk cannot be had.
    ChunkFailed {
        /// Which.
        chunk: ChunkRef,
        /// Why.
        why: MissReason,
    },
    /// To [`Request::Lacks`].
    Lacking {
        /// Positions in what was asked, ascending.
        indices: Vec<u32>,
    },
    /// To [`Request::Flush`]: a chunk frame before it was refused, and all after that one were ignored.
    PutFailed {
        /// The first one refused.
        chunk: ChunkId,
        /// Why.
        #[serde(with = "numbered")]
        why: PutFailure,
    },
    /// Every chunk frame so far is durable.
    Flushed,
    /// How far the seed is with pulling.
    PublishProgress {
        /// Chunks that it holds.
        have: u32,
        /// Chunks in all.
        of: u32,
    },
    /// The manifest counts: enough seeds hold it and its chunks.
    Published {
        /// The manifest with its receipts.
        certified: Box<CertifiedEnvelope>,
    },
    /// It does not.
    PublishFailed {
        /// Why.
        why: PublishEnd,
    },
    /// To [`Request::List`].
    Listing {
        /// A page of manifests, verified by the node.
        rows: Vec<CertifiedEnvelope>,
        /// There are more after the last row.
        more: bool,
        /// A seed answered; else only what this node knows is listed.
        from_seed: bool,
        /// What was taken back: of each key the newest, if it is above what is listed; and what was asked for by its name.
        taken: Vec<CertifiedEnvelope>,
    },
    /// To [`Request::Papers`]. What is more than [`super::PAPERS_BYTES_MAX`] comes in several such replies.
    Papers {
        /// What was verified, or a part of it.
        papers: Papers,
        /// Of all that the node goes by.
        digest: PapersDigest,
        /// Further parts follow.
        more: bool,
    },
    /// To [`Request::Spread`].
    Spread {
        /// Seeds that keep all of it.
        held: u32,
        /// Seeds that must, for it to count. Of a change of the seeds, whichever set lacks more is told.
        needed: u32,
        /// Seeds of that set.
        of: u32,
        /// Why not, in words, if somebody refused.
        refused: Option<String>,
    },
    /// To [`Request::Used`]: those that were taken back, and why.
    Used {
        /// As far as the node knows.
        yanked: Vec<TakenBack>,
    },
    /// To [`Request::Log`].
    Log {
        /// The seed whose word this is; none: no seed has answered.
        seed: Option<PeerId>,
        /// A page of its log. Nothing that it says is checked.
        page: LogPage,
    },
    /// To [`Request::Overview`].
    Overview(Box<Overview>),
}

/// Why a chunk was not taken. Its place in this list (varint).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutFailure {
    /// Its bytes are not what its name says.
    #[error("a chunk was damaged on its way to the node")]
    Bad,
    /// The node's store is full.
    #[error("the node's store is full")]
    Full,
    /// The node's disk fails.
    #[error("the node's disk fails")]
    Broken,
    /// Of a later release of the node, by its number.
    #[error("a reason that this release does not know ({0})")]
    Unknown(u32),
}

impl Numbered for PutFailure {
    const KNOWN: &'static [Self] = &[Self::Bad, Self::Full, Self::Broken];

    fn name(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Full => "full",
            Self::Broken => "broken",
            Self::Unknown(_) => UNKNOWN,
        }
    }

    fn unknown(number: u32) -> Self {
        Self::Unknown(number)
    }

    fn as_unknown(self) -> Option<u32> {
        if let Self::Unknown(number) = self { Some(number) } else { None }
    }
}

/// Why a publish did not succeed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum PublishEnd {
    /// The manifest's signature, signer, times or bounds do not hold.
    #[error("the manifest is not believed: {0}")]
    NotBelieved(String),
    /// Chunks that it names are not in the node's store.
    #[error("{missing} chunks of the tree are not in the node's store")]
    Incomplete {
        /// How many.
        missing: u32,
    },
    /// The tree breaks a rule, or differs from what the manifest declares.
    #[error("the tree breaks a rule or differs from what its manifest declares")]
    BadTree,
    /// Another manifest stands at this sequence.
    #[error("another save of this key was faster")]
    LostRace {
        /// It, if it counts already.
        standing: Option<Box<CertifiedEnvelope>>,
        /// The highest sequence that a seed voted for: try again above it.
        highest: u64,
    },
    /// The seeds refuse.
    #[error("the seeds refuse: {0}")]
    Refused(String),
    /// No seed could be reached.
    #[error("no seed could be reached")]
    SeedsSilent,
    /// The deadline passed.
    #[error("the deadline passed before enough seeds held every chunk")]
    Timeout,
}

/// A manifest that was taken back after a job used it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenBack {
    /// Which.
    pub manifest: ManifestId,
    /// Its key, if the node remembers that.
    pub key: Option<Key>,
    /// Why, in words, for people.
    pub why: String,
}

/// Where a chunk came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ChunkSource {
    /// The node's own store.
    Local,
    /// Another node.
    Peer,
    /// A seed.
    Seed,
}

/// The node on one screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Program and version.
    pub software: String,
    /// The pool's name.
    pub pool: String,
    /// The node's peer id.
    pub peer: String,
    /// `node` or `seed`.
    pub role: String,
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// What the engine counts.
    pub engine: EngineStatus,
    /// Chunks in the store.
    pub store_chunks: u64,
    /// Bytes of their frames.
    pub store_bytes: u64,
    /// Bytes that the store may hold.
    pub store_bytes_max: u64,
    /// Bytes free on its file system.
    pub disk_free_bytes: u64,
    /// Version of the policy in force.
    pub policy_version: u64,
    /// When that policy expires: milliseconds since the Unix epoch.
    pub policy_expires_ms: u64,
}
