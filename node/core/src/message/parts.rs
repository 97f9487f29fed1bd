//! Parts of control messages that are types of their own.
use crate::limits::{ADDRESSES_PER_PEER_MAX, TEXT_BYTES_MAX};
use crate::numbered::{UNKNOWN, numbered};
use crate::{Envelope, Key, ManifestId, Pattern, PeerId, PeerRole, bounded};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// First message of both sides of a control stream.
///
/// On the wire: pool (text), role (0 node, 1 seed), software (text), membership (option), listening port (varint).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The pool that the sender belongs to; at most [`TEXT_BYTES_MAX`] bytes. Another pool ends the connection.
    #[serde(deserialize_with = "bounded::text::<_, TEXT_BYTES_MAX>")]
    pub pool: String,
    /// What the sender says it is; only the policy makes a seed of it.
    pub role: PeerRole,
    /// Program and version, for people; at most [`TEXT_BYTES_MAX`] bytes.
    #[serde(deserialize_with = "bounded::text::<_, TEXT_BYTES_MAX>")]
    pub software: String,
    /// The sender's membership, if it has one; unchecked.
    pub membership: Option<Envelope>,
    /// The port where the sender accepts connections; its address is the one observed. 0: it accepts none.
    pub listen_port: u16,
}

/// A peer and where it is.
///
/// On the wire: peer (32 bytes), addresses (list); an address is 0 and 4 bytes, or 1 and 16 bytes, then the port (varint).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerAddress {
    /// Who must prove itself there.
    pub peer: PeerId,
    /// Where it may be; at most [`ADDRESSES_PER_PEER_MAX`]. Hearsay: the policy decides what is dialled.
    #[serde(deserialize_with = "bounded::list::<_, _, ADDRESSES_PER_PEER_MAX>")]
    pub addresses: Vec<SocketAddr>,
}

/// Why a join is refused. On the wire: its place in this list (varint). In JSON: [`Refusal::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No admission key of the policy signed it.
    #[error("the join token is not valid in this pool")]
    BadToken,
    /// The pool file of the image must be renewed.
    #[error("the join token has expired")]
    TokenExpired,
    /// The pool file is of another pool than the seed.
    #[error("that is another pool")]
    OtherPool,
    /// As many as the policy lets one address have are alive.
    #[error("no more members are admitted from this address")]
    AddressFull,
    /// Only seeds admit members.
    #[error("this peer is not a seed")]
    NotASeed,
    /// Another seed may have room.
    #[error("the seed is full")]
    Full,
    /// The policy is strict: an operator admits each node.
    #[error("no token admits to this pool: an operator has to admit this node (pollux pool admit)")]
    NotByToken,
    /// Of a later release, by its number: tried again as after any other.
    #[error("a reason that this release does not know ({0})")]
    Unknown(u32),
}

impl Refusal {
    /// All that are known, in the order of the wire.
    pub const ALL: [Self; 7] = [
        Self::BadToken,
        Self::TokenExpired,
        Self::OtherPool,
        Self::AddressFull,
        Self::NotASeed,
        Self::Full,
        Self::NotByToken,
    ];

    /// A short name, for counts and scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadToken => "bad-token",
            Self::TokenExpired => "token-expired",
            Self::OtherPool => "other-pool",
            Self::AddressFull => "address-full",
            Self::NotASeed => "not-a-seed",
            Self::Full => "full",
            Self::NotByToken => "not-by-token",
            Self::Unknown(_) => UNKNOWN,
        }
    }
}

/// Why an offer is refused. On the wire: its place in this list (varint); in a log, its name in kebab case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferRefusal {
    /// Its signature, signer, times or bounds do not hold for the seed.
    #[error("the manifest is not believed")]
    NotBelieved,
    /// The seed has voted for another one; the race is lost, or is repeated at a higher sequence.
    #[error("another manifest stands at this sequence")]
    Conflict,
    /// More than 65,536 above the newest certified one.
    #[error("the sequence is too far ahead")]
    SequenceTooFar,
    /// The holder went away or did not give one.
    #[error("a chunk could not be pulled from the holder")]
    CannotPull,
    /// An operator must act.
    #[error("the seed's disk is full")]
    Full,
    /// The listing cannot be read, or is not what the manifest declares.
    #[error("the tree breaks a rule")]
    BadTree,
    /// To be tried again, later.
    #[error("the seed has too many offers under way")]
    Busy,
    /// The grant's bytes or manifests are used up at this seed: a new grant has a budget of its own.
    #[error("the grant's budget is used up")]
    GrantOverBudget,
    /// What the seed lacks of the manifest is more than is left of the publisher's `byte_share`. Room comes back when older
    /// caches of the publisher expire.
    #[error(
        "the publisher's share of the seed is used up: wait until older caches of it expire, or let an operator raise its \
         byte_share in the policy"
    )]
    ShareFull,
    /// Of a later release, by its number: the seed will not sign.
    #[error("a reason that this release does not know ({0})")]
    Unknown(u32),
}

impl OfferRefusal {
    /// All that are known, in the order of the wire.
    pub const ALL: [Self; 9] = [
        Self::NotBelieved,
        Self::Conflict,
        Self::SequenceTooFar,
        Self::CannotPull,
        Self::Full,
        Self::BadTree,
        Self::Busy,
        Self::GrantOverBudget,
        Self::ShareFull,
    ];

    /// A short name, for counts and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotBelieved => "not-believed",
            Self::Conflict => "conflict",
            Self::SequenceTooFar => "sequence-too-far",
            Self::CannotPull => "cannot-pull",
            Self::Full => "full",
            Self::BadTree => "bad-tree",
            Self::Busy => "busy",
            Self::GrantOverBudget => "grant-over-budget",
            Self::ShareFull => "share-full",
            Self::Unknown(_) => UNKNOWN,
        }
    }
}

/// Why a seed does not keep what it was brought. On the wire: its place in this list (varint).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PapersRefusal {
    /// A signature, version or time does not hold for the seed; its log says which.
    #[error("a document is not believed")]
    NotBelieved,
    /// To be tried again, later.
    #[error("the seed has too much to judge")]
    Busy,
    /// An operator must act.
    #[error("the seed's disk is full")]
    Full,
    /// Of a later release, by its number: the seed does not keep it.
    #[error("a reason that this release does not know ({0})")]
    Unknown(u32),
}

impl PapersRefusal {
    /// All that are known, in the order of the wire.
    pub const ALL: [Self; 3] = [Self::NotBelieved, Self::Busy, Self::Full];

    /// A short name, for counts and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotBelieved => "not-believed",
            Self::Busy => "busy",
            Self::Full => "full",
            Self::Unknown(_) => UNKNOWN,
        }
    }
}

numbered!(Refusal, OfferRefusal, PapersRefusal);

/// What a listing is of. On the wire: 0, 1 or 2 (varint), then the fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListQuery {
    /// The newest of every key.
    Pattern {
        /// Only keys that it covers; none: all.
        pattern: Option<Pattern>,
        /// Only keys after this one, in order of their bytes: the last of the page before.
        after: Option<Key>,
    },
    /// One manifest.
    Manifest(ManifestId),
    /// Manifests whose id begins so: 4 to 64 hexadecimal digits.
    Prefix(#[serde(deserialize_with = "bounded::text::<_, PREFIX_DIGITS_MAX>")] String),
}

impl ListQuery {
    /// Whether it is one that may be asked: a seed bans who asks another one.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        match self {
            Self::Prefix(digits) => {
                (PREFIX_DIGITS_MIN..=PREFIX_DIGITS_MAX).contains(&digits.len())
                    && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
            }
            Self::Pattern { pattern: _, after: _ } | Self::Manifest(_) => true,
        }
    }
}

/// Fewer digits name too many manifests.
pub(super) const PREFIX_DIGITS_MIN: usize = 4;
/// The digits of a whole id.
pub(super) const PREFIX_DIGITS_MAX: usize = 64;
