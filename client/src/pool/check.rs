//! Why a policy cannot be changed so, and what every change must keep to.

use pollux_core::{Cidr, DocumentError, Pattern, PeerId, Policy, PublicKey, Timestamp};
use std::collections::BTreeSet;

/// Why a change makes no sense. Nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The seed is one already.
    #[error("{0} is a seed already")]
    SeedThere(PeerId),
    /// No seed is named so.
    #[error("no seed is `{0}`: give its peer id or one of its addresses")]
    NoSuchSeed(String),
    /// Every pool has a seed.
    #[error(
        "this is the only seed: a pool without one cannot be joined; replace it with `add-seed --replaces`"
    )]
    LastSeed,
    /// The publisher's name is taken, or its key.
    #[error(
        "there is a publisher {name} with the key {key} already, and each has a name and a key of its own"
    )]
    PublisherThere {
        /// Its name.
        name: String,
        /// Its key.
        key: PublicKey,
    },
    /// No publisher is named so.
    #[error("no publisher has the name or the key `{0}`")]
    NoSuchPublisher(String),
    /// The publisher was retired before.
    #[error("the publisher `{name}` has ended at {at} already: --forget takes it out")]
    PublisherEnded {
        /// How it was named.
        name: String,
        /// Its end.
        at: Timestamp,
    },
    /// Nodes are let in so already.
    #[error("the admission is `{0}` already")]
    AdmissionThere(&'static str),
    /// Nobody could be let in.
    #[error("the policy names no admission key: nobody could admit a node")]
    NoAdmissionKey,
    /// The key is that of an issuer already.
    #[error("{0} is an issuer already: remove it first")]
    IssuerThere(PublicKey),
    /// The key is no issuer's.
    #[error("{0} is no issuer of this pool")]
    NoSuchIssuer(PublicKey),
    /// The policy names the network already.
    #[error("the network {0} is in the policy already: remove it first")]
    NetworkThere(Cidr),
    /// The policy does not name the network.
    #[error("{cidr} is no network of this policy; its networks: {networks}")]
    NoSuchNetwork {
        /// What was named.
        cidr: Cidr,
        /// What there is, in words.
        networks: String,
    },
    /// The key yanks already.
    #[error("{0} is a yank key already")]
    YankKeyThere(PublicKey),
    /// The key yanks nothing.
    #[error("{0} is no yank key of this pool")]
    NoSuchYankKey(PublicKey),
    /// The document breaks a rule; the numbers stand in the message.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A version does not follow the one before.
    #[error("{what} {found} does not follow {what} {before}: each has the next number")]
    Version {
        /// `root` or `policy`.
        what: &'static str,
        /// What is in force.
        before: u64,
        /// What would be.
        found: u64,
    },
    /// The documents are another pool's.
    #[error("the change is for the pool {found}, and this pool file is that of {expected}")]
    OtherPool {
        /// The change's.
        found: String,
        /// The pool file's.
        expected: String,
    },
    /// Quorums of the old and the new seeds might not meet.
    #[error("{0} seeds change at once, and only one may: make one change, spread it, then the next")]
    SeedsChanged(usize),
    /// More signatures than an envelope can carry.
    #[error("{0} signatures would be needed on the new root, and {max} fit: lower a threshold", max = pollux_core::limits::SIGNATURES_MAX)]
    TooManySignatures(usize),
}

/// A policy that follows another: of the same pool, the next version, at most one seed changed.
pub(super) fn check_successor(before: &Policy, after: &Policy) -> Result<(), EditError> {
    same_pool(&before.pool, &after.pool)?;
    next_version("policy", before.version, after.version)?;
    let changed = seeds_changed(before, after);
    if changed > 1 { Err(EditError::SeedsChanged(changed)) } else { Ok(()) }
}

pub(super) fn same_pool(expected: &str, found: &str) -> Result<(), EditError> {
    if found == expected {
        return Ok(());
    }
    Err(EditError::OtherPool { found: found.to_owned(), expected: expected.to_owned() })
}

pub(super) fn next_version(what: &'static str, before: u64, found: u64) -> Result<(), EditError> {
    if before.checked_add(1) == Some(found) {
        Ok(())
    } else {
        Err(EditError::Version { what, before, found })
    }
}

/// A seed that takes another's place is one.
fn seeds_changed(before: &Policy, after: &Policy) -> usize {
    let peers = |policy: &Policy| policy.seeds.iter().map(|seed| seed.peer).collect::<BTreeSet<PeerId>>();
    let (before, after) = (peers(before), peers(after));
    before.difference(&after).count().max(after.difference(&before).count())
}

/// Whether a pattern covers every key, or nearly: one whose segments are all wildcards.
pub(super) fn is_everything(pattern: &Pattern) -> bool {
    pattern.as_str().ends_with("**") && pattern.as_str().split('/').all(|segment| segment.starts_with('*'))
}
