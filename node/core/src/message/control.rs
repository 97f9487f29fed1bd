//! Control messages: identity, admission, questions, haves and offers, between neighbours.
use super::{
    ChunkSet, Hello, ListQuery, LogPage, LogPlace, LogQuery, MessageError, OfferRefusal, PapersRefusal,
    PeerAddress, RecordName, Refusal, VoteEnvelope,
};
use crate::limits::{
    BROUGHT_MAX, CANDIDATES_MAX, CONTROL_BYTES_MAX, FALLBACKS_MAX, LISTING_ROWS_MAX, NEIGHBOURS_MAX,
    RECORD_NAMES_MAX, SEEDS_MAX,
};
use crate::{
    CertifiedEnvelope, Digest, Envelope, Fallback, Key, ManifestId, Nonce, Papers, PapersDigest, Query, Zone,
    bounded,
};
use serde::{Deserialize, Deserializer, Serialize};

/// A control message. Variants are added at the end only, before [`Self::Unknown`]. What later releases may add stands in
/// [`crate::message`].
///
/// On the wire a message is its length (u32 LE, written by the transport, at most [`CONTROL_BYTES_MAX`]), then its
/// body in postcard's encoding: the variant's place in this list, from 0 (varint), then its fields in order.
///
/// ```text
/// varint      LEB128: seven bits a byte, lowest first, the top bit set on all but the last
/// id, nonce   32 bytes
/// text        bytes (varint), then UTF-8; also a key, lineage, fallback or pattern
/// bytes       count (varint), then the bytes
/// list        count (varint), then the elements
/// option      0, or 1 and the value
/// bool        0 or 1
/// envelope    payload type (text), payload (bytes), signatures (list of: key id (text), signature (bytes))
/// certified   manifest (envelope), receipts (list of envelopes)
/// query       key (text), fallbacks (list of texts)
/// chunk set   list of: first index (varint), index after the last (varint)
/// papers      roots (list of envelopes), policy (option of envelope), yanks (list of envelopes)
/// digests     policy (32 bytes), yanks (32 bytes), how many yanks (varint)
/// log query, log place, log page: see their types
/// ```
///
/// Numbers `ask` and `offer` are chosen by who asks or offers and repeated in what answers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Control {
    /// First message of both sides.
    Hello(Hello),
    /// Node to seed: let me in.
    Join {
        /// The pool's join token.
        token: Envelope,
    },
    /// Seed to node: you are in (also the renewal).
    Welcome {
        /// Signed by the seed, for this peer and its observed address.
        membership: Envelope,
        /// Some live members, to be neighbours while seeds are away; at most [`NEIGHBOURS_MAX`].
        #[serde(deserialize_with = "bounded::list::<_, _, NEIGHBOURS_MAX>")]
        peers: Vec<PeerAddress>,
    },
    /// Seed to node: you are not.
    Refused {
        /// What to do about it.
        why: Refusal,
    },
    /// To a seed: what is newest?
    Ask {
        /// Names this question.
        ask: u32,
        /// Fresh: the answer repeats it, so it cannot be an old one.
        nonce: Nonce,
        /// What is looked for; at most [`FALLBACKS_MAX`] fallbacks.
        #[serde(deserialize_with = "query")]
        query: Query,
    },
    /// From a seed.
    Answer {
        /// The question's number.
        ask: u32,
        /// A freshness answer.
        answer: Envelope,
        /// The certified manifests that the answer names; at most [`CANDIDATES_MAX`].
        #[serde(deserialize_with = "bounded::list::<_, _, CANDIDATES_MAX>")]
        beside: Vec<CertifiedEnvelope>,
    },
    /// To a peer, while seeds are away.
    AskRelayed {
        /// Names this question.
        ask: u32,
        /// What is looked for; at most [`FALLBACKS_MAX`] fallbacks.
        #[serde(deserialize_with = "query")]
        query: Query,
    },
    /// From a peer: relayed answers that it was given.
    Relayed {
        /// The question's number.
        ask: u32,
        /// Of each seed at most one for a lineage, with the manifests that it names; at most [`SEEDS_MAX`].
        #[serde(deserialize_with = "relayed_answers")]
        answers: Vec<(Envelope, Vec<CertifiedEnvelope>)>,
    },
    /// Seed to members that serve the lineage, every 30 seconds.
    Relay {
        /// A relayed answer.
        answer: Envelope,
        /// The certified manifests that it names; at most [`CANDIDATES_MAX`].
        #[serde(deserialize_with = "bounded::list::<_, _, CANDIDATES_MAX>")]
        beside: Vec<CertifiedEnvelope>,
    },
    /// I take part in the swarm of this manifest (to a seed: tell me neighbours; to a peer: tell me what you have).
    Enter {
        /// Whose chunks.
        manifest: ManifestId,
        /// What I have; where it takes more ranges than one message holds, `Have` follows.
        have: ChunkSet,
    },
    /// From a seed, or from whom [`Self::AskNeighbours`] was sent to: neighbours of a swarm.
    Neighbours {
        /// Whose chunks.
        manifest: ManifestId,
        /// Who else takes part; at most [`NEIGHBOURS_MAX`].
        #[serde(deserialize_with = "bounded::list::<_, _, NEIGHBOURS_MAX>")]
        peers: Vec<PeerAddress>,
    },
    /// I have these chunks too (a batch; indices in the manifest's chunk space).
    Have {
        /// Whose chunks.
        manifest: ManifestId,
        /// Those that are new.
        chunks: ChunkSet,
    },
    /// I no longer take part.
    Leave {
        /// Whose chunks.
        manifest: ManifestId,
    },
    /// Holder to seed: please pull, and sign a receipt.
    Offer {
        /// Names this offer.
        offer: u32,
        /// A signed manifest.
        manifest: Envelope,
    },
    /// Seed to holder, while it pulls.
    OfferProgress {
        /// The offer's number.
        offer: u32,
        /// Chunks that the seed has, at most `of`.
        have: u32,
        /// Chunks that the manifest names.
        of: u32,
    },
    /// Seed to holder: my receipt.
    OfferReceipt {
        /// The offer's number.
        offer: u32,
        /// Signed by the seed.
        receipt: Envelope,
    },
    /// Seed to holder: refused, and what stands if that is the reason.
    OfferRefused {
        /// The offer's number.
        offer: u32,
        /// What to do about it.
        why: OfferRefusal,
        /// The certified manifest that won.
        standing: Option<Box<CertifiedEnvelope>>,
        /// This seed's highest vote under the key.
        highest: u64,
    },
    /// Holder to seeds: the certificate.
    Certify {
        /// The manifest with the receipts of enough seeds.
        certified: CertifiedEnvelope,
    },
    /// Seed: I keep that certificate.
    Certified {
        /// What it certifies.
        manifest: ManifestId,
    },
    /// To a seed: what is there? (for people; each row is verified by who asked)
    List {
        /// Names this question.
        ask: u32,
        /// What is looked for.
        what: ListQuery,
    },
    /// From a seed.
    Listing {
        /// The question's number.
        ask: u32,
        /// In order of keys; at most [`LISTING_ROWS_MAX`].
        #[serde(deserialize_with = "bounded::list::<_, _, LISTING_ROWS_MAX>")]
        rows: Vec<CertifiedEnvelope>,
        /// There are further rows after the last.
        more: bool,
    },
    /// Seed to seed, every few seconds: what do you keep that I have not heard of?
    CatchUp {
        /// The epoch of the asker's store; 0: it has no marker.
        epoch: u64,
        /// The highest epoch that the asker has seen of the other.
        seen: u64,
        /// The life of the other that `after` counts in; any number if it is not known.
        life: u64,
        /// Everything up to this number of that life has been heard.
        after: u64,
    },
    /// Seed to seed: names of what I keep.
    Known {
        /// The epoch of the answerer's store; 0: it has no marker.
        epoch: u64,
        /// The highest epoch that the answerer has seen of the asker.
        seen: u64,
        /// Numbers count in this life of the answerer: another one than was asked about begins anew.
        life: u64,
        /// Everything up to this number is named now or was before.
        next: u64,
        /// There is more after it.
        more: bool,
        /// In the order of the numbers; at most [`RECORD_NAMES_MAX`].
        #[serde(deserialize_with = "bounded::list::<_, _, RECORD_NAMES_MAX>")]
        names: Vec<RecordName>,
    },
    /// Seed to seed: give me these.
    Bring {
        /// At most [`BROUGHT_MAX`].
        #[serde(deserialize_with = "bounded::list::<_, _, BROUGHT_MAX>")]
        names: Vec<RecordName>,
    },
    /// Seed to seed: as many of those that were asked for as one message holds, in the asked order; without those that are not kept any more.
    Brought {
        /// Certified manifests; at most [`BROUGHT_MAX`].
        #[serde(deserialize_with = "bounded::list::<_, _, BROUGHT_MAX>")]
        certified: Vec<CertifiedEnvelope>,
        /// Votes; at most [`BROUGHT_MAX`].
        #[serde(deserialize_with = "bounded::list::<_, _, BROUGHT_MAX>")]
        votes: Vec<VoteEnvelope>,
    },
    /// Which papers do you know that I do not? Answered by any number of `Papers`, then `PapersKnown` that ends them.
    AskPapers {
        /// The newest policy that is known here, in force or not, and the yanks.
        have: PapersDigest,
    },
    /// Papers, or a part of them. Each document is verified like any other.
    Papers {
        /// Together with the rest of the message at most [`CONTROL_BYTES_MAX`].
        papers: Papers,
    },
    /// What the sender goes by: the end of an answer to `AskPapers`; or it has changed, or we have just met.
    PapersKnown {
        /// Version of the policy that it goes by.
        version: u64,
        /// That policy, and its yanks.
        papers: PapersDigest,
        /// Hash of a newer policy that it keeps, and does not go by before enough seeds do.
        next: Option<Digest>,
        /// Nothing of an answer follows.
        ends: bool,
    },
    /// To a seed: take these papers, and spread them.
    KeepPapers {
        /// Names these.
        bring: u32,
        /// Together with the rest of the message at most [`CONTROL_BYTES_MAX`].
        papers: Papers,
    },
    /// From a seed: they are durable here, or why not.
    PapersKept {
        /// The number of what was brought.
        bring: u32,
        /// None: the seed keeps all of it.
        refused: Option<PapersRefusal>,
    },
    /// To a seed: what does your log say? (for people)
    AskLog {
        /// Names this question.
        ask: u32,
        /// What is looked for.
        what: LogQuery,
        /// Where to go on, as the page before says; none: from the beginning.
        after: Option<LogPlace>,
    },
    /// From a seed.
    Log {
        /// The question's number.
        ask: u32,
        /// Together with the rest of the message at most [`CONTROL_BYTES_MAX`].
        page: LogPage,
    },
    /// To a seed: what of this manifest shall I take of you?
    AskPart {
        /// Which manifest.
        manifest: ManifestId,
    },
    /// From a seed: take these of me, while others take the rest, and the rest of them.
    Part {
        /// Which manifest.
        manifest: ManifestId,
        /// What it has given to the fewest.
        chunks: ChunkSet,
    },
    /// Where I am, so that who is near is named to me and asks me first. Said once, by who knows it; the first word counts.
    Zone {
        /// Nothing more than a hint.
        zone: Zone,
    },
    /// From a seed: these take no part in the swarm of this manifest, and have some of its chunks all the same, as they hold
    /// another manifest of its lineage.
    Kin {
        /// Whose chunks.
        manifest: ManifestId,
        /// What each of them has, as far as is known.
        have: ChunkSet,
        /// Who; at most [`NEIGHBOURS_MAX`].
        #[serde(deserialize_with = "bounded::list::<_, _, NEIGHBOURS_MAX>")]
        peers: Vec<PeerAddress>,
    },
    /// No seed is here: who else takes part in the swarm of this manifest?
    AskNeighbours {
        /// Whose chunks.
        manifest: ManifestId,
    },
    /// A kind of a later release. What it says is not kept; it is never sent.
    #[serde(skip)]
    Unknown {
        /// Its place in the list, at least [`Self::KINDS`].
        kind: u32,
    },
}

impl Control {
    /// How many kinds of messages this release knows.
    pub const KINDS: u32 = 37;

    /// The message's bytes. The transport writes their length (u32 LE) before them.
    ///
    /// Who makes a message keeps it within [`CONTROL_BYTES_MAX`] and the limits of its lists: a peer that reads one
    /// over them refuses it. See [`Self::encoded_bytes`].
    #[must_use]
    #[expect(clippy::expect_used, reason = "a fault here is ours: every field of a message can be encoded")]
    pub fn encode(&self) -> Vec<u8> {
        let bytes = match self.unknown_kind() {
            Some(kind) => postcard::to_stdvec(&kind),
            None => postcard::to_stdvec(self),
        };
        bytes.expect("messages hold only what postcard encodes: known lengths, no errors of their own")
    }

    /// How many bytes [`Self::encode`] makes, without making them: who fills a list with envelopes stops before
    /// [`CONTROL_BYTES_MAX`].
    #[must_use]
    pub fn encoded_bytes(&self) -> usize {
        let bytes = match self.unknown_kind() {
            Some(kind) => postcard::experimental::serialized_size(&kind),
            None => postcard::experimental::serialized_size(self),
        };
        bytes.unwrap_or(usize::MAX)
    }

    fn unknown_kind(&self) -> Option<u32> {
        if let Self::Unknown { kind } = self { Some(*kind) } else { None }
    }

    /// Bounded decode of foreign bytes: nothing may be left over, every list within its limit, every chunk set well-formed.
    /// A kind that only a later release knows is [`Self::Unknown`], whatever follows its number.
    ///
    /// Lists are refused before anything is reserved for them; what is decoded never takes more than some seventy
    /// times the bytes it came in (a list of empty envelopes, as it grows), and that only while it is refused.
    ///
    /// # Errors
    /// When the bytes are no message, or are over a limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        if bytes.len() > CONTROL_BYTES_MAX {
            return Err(MessageError);
        }
        let (kind, _) = postcard::take_from_bytes::<u32>(bytes).map_err(|_| MessageError)?;
        if kind >= Self::KINDS {
            return Ok(Self::Unknown { kind });
        }
        let (message, rest) = postcard::take_from_bytes::<Self>(bytes).map_err(|_| MessageError)?;
        if rest.is_empty() && message.is_bounded() { Ok(message) } else { Err(MessageError) }
    }
}

/// An answer with the manifests that it names, as it is read.
#[derive(Deserialize)]
struct RelayedAnswerRead(
    Envelope,
    #[serde(deserialize_with = "bounded::list::<_, _, CANDIDATES_MAX>")] Vec<CertifiedEnvelope>,
);

fn relayed_answers<'de, D>(deserializer: D) -> Result<Vec<(Envelope, Vec<CertifiedEnvelope>)>, D::Error>
where
    D: Deserializer<'de>,
{
    let answers = bounded::list::<D, RelayedAnswerRead, SEEDS_MAX>(deserializer)?;
    Ok(answers.into_iter().map(|RelayedAnswerRead(answer, beside)| (answer, beside)).collect())
}

/// A query as it is read.
#[derive(Deserialize)]
struct QueryRead {
    key: Key,
    #[serde(deserialize_with = "bounded::list::<_, _, FALLBACKS_MAX>")]
    fallbacks: Vec<Fallback>,
}

fn query<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Query, D::Error> {
    QueryRead::deserialize(deserializer).map(|QueryRead { key, fallbacks }| Query { key, fallbacks })
}
