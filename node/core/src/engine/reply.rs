//! What jobs ask of the engine, and what they are told.
use crate::message::{ListQuery, LogPage, LogPlace, LogQuery, OfferRefusal};
use crate::numbered::{UNKNOWN, numbered};
use crate::{
    CertifiedEnvelope, CertifiedManifest, ChunkRef, Disbelief, Envelope, ManifestId, Matched, Nonce, Papers,
    PeerId, Query,
};
use core::time::Duration;

/// What a job asks of the engine. One question, one publish, one listing, one spread and one page of a log at a time: the next takes the place of the last.
#[derive(Clone, Debug)]
pub enum JobRequest {
    /// What is the newest?
    Resolve {
        /// The key, then fallbacks in order.
        query: Query,
        /// Fresh random numbers, one for each seed of the policy, in its order; more are harmless.
        nonces: Vec<Nonce>,
        /// How long from now it may take.
        deadline: Duration,
    },
    /// Give me these chunks of that manifest (which was resolved before), in any order.
    Fetch {
        /// Whose chunks.
        manifest: ManifestId,
        /// Which.
        chunks: Vec<ChunkRef>,
    },
    /// The chunks are in the store: publish.
    Publish {
        /// Signed.
        manifest: Envelope,
        /// How long from now it may take.
        deadline: Duration,
    },
    /// For people.
    List {
        /// Of what.
        what: ListQuery,
        /// How long from now it may take.
        deadline: Duration,
    },
    /// Take these papers to the seeds.
    Spread {
        /// Signed; not verified.
        papers: Papers,
        /// How long from now it may take.
        deadline: Duration,
    },
    /// What does the log of a seed say?
    Log {
        /// What is looked for.
        what: LogQuery,
        /// Go on there; none: at the beginning of any seed's.
        at: Option<(PeerId, LogPlace)>,
        /// How long from now it may take.
        deadline: Duration,
    },
}

/// What a job is told.
#[derive(Clone, Debug)]
pub enum JobReply {
    /// To `Resolve`: a hit.
    Found {
        /// The witness.
        certified: Box<CertifiedManifest>,
        /// How it answers.
        matched: Matched,
        /// By relayed answers, seeds being away.
        relayed: bool,
    },
    /// To `Resolve`: nothing, and why.
    Miss(MissReason),
    /// To `Fetch`: every chunk asked for so far was delivered. Not said when one of them failed.
    FetchDone,
    /// To `Fetch`: this chunk cannot be had.
    FetchFailed {
        /// Which.
        chunk: ChunkRef,
        /// Why.
        why: FetchEnd,
    },
    /// To `Publish`, now and then: so many content chunks are on the seed that is furthest.
    PublishProgress {
        /// So many.
        have: u32,
        /// Of so many.
        of: u32,
    },
    /// To `Publish`: enough seeds keep chunks, receipts and certificate.
    Published {
        /// The certificate.
        certified: Box<CertifiedEnvelope>,
    },
    /// To `Publish`: it has not succeeded.
    PublishFailed(PublishFailure),
    /// To `List`.
    Listing {
        /// Each verified here, keys in order.
        rows: Vec<CertifiedManifest>,
        /// There is more.
        more: bool,
        /// Answered by a seed, or only from what this node knows.
        from_seed: bool,
        /// What was taken back: of each key the newest, if it is above what is listed; and what was asked for by its name.
        taken: Vec<CertifiedEnvelope>,
    },
    /// To `Spread`.
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
    /// To `Log`.
    Log {
        /// The seed whose word this is; none: no seed has answered.
        seed: Option<PeerId>,
        /// What it says; nothing about it is checked.
        page: LogPage,
    },
}

/// Why there is nothing: the closed list. Over the socket: its place in this list (varint). In JSON: [`MissReason::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MissReason {
    /// Enough seeds answered, and none knows of any.
    #[error("nothing was ever saved under this key or its fallbacks")]
    NothingSaved,
    /// Too few seeds answered, and members had too few of their answers to hand on.
    #[error("the seeds did not answer in time")]
    SeedsSilent,
    /// No seed has let this node in.
    #[error("the node has not joined the pool yet")]
    NotJoined,
    /// What came is forged, old, or older than what this node knows itself.
    #[error("no answer could be believed")]
    NotBelieved,
    /// Nobody who is connected has a chunk.
    #[error("nobody who is reachable holds the chunks")]
    NoHolder,
    /// It took too long, or the node has too much to do.
    #[error("no progress within the time allowed")]
    TooSlow,
    /// A yank took it back while it was being restored.
    #[error("it was taken back")]
    Yanked,
    /// Of a later release of the node, by its number: a miss like any other.
    #[error("a reason that this release does not know ({0})")]
    Unknown(u32),
}

numbered!(MissReason);

impl MissReason {
    /// All that are known, in the order of the wire.
    pub const ALL: [Self; 7] = [
        Self::NothingSaved,
        Self::SeedsSilent,
        Self::NotJoined,
        Self::NotBelieved,
        Self::NoHolder,
        Self::TooSlow,
        Self::Yanked,
    ];

    /// A short name, for counts and scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NothingSaved => "nothing-saved",
            Self::SeedsSilent => "seeds-silent",
            Self::NotJoined => "not-joined",
            Self::NotBelieved => "not-believed",
            Self::NoHolder => "no-holder",
            Self::TooSlow => "too-slow",
            Self::Yanked => "yanked",
            Self::Unknown(_) => UNKNOWN,
        }
    }
}

/// Why a chunk cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchEnd {
    /// Nobody who is connected has it.
    NoHolder,
    /// Nothing moved for too long, or there are too many wants.
    NoProgress,
    /// The manifest was not resolved here, or was forgotten since.
    UnknownManifest,
    /// The manifest was taken back.
    Yanked,
}

/// Why a publish did not succeed.
#[derive(Clone, Debug, PartialEq)]
pub enum PublishFailure {
    /// The manifest itself.
    NotBelieved(Disbelief),
    /// Chunks that the manifest names are not in the store.
    Incomplete {
        /// How many, of the tree or, where that is whole, of the content.
        missing: u32,
    },
    /// The tree breaks a rule, or is not what the manifest says.
    BadTree,
    /// Somebody else's manifest stands.
    LostRace {
        /// What stands, if it is certified; not verified here.
        standing: Option<Box<CertifiedEnvelope>>,
        /// The highest sequence that a seed has voted for under this key.
        highest: u64,
    },
    /// Too few seeds are left that might sign; why the first will not.
    Refused(OfferRefusal),
    /// No seed was there to be offered anything.
    SeedsSilent,
    /// It has not finished by its deadline; it may yet be certified.
    Timeout,
}
