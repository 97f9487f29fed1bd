//! The root and the policy that everything else is judged by, and what all judgements share.
use super::{Disbelief, Paper};
use crate::limits::CLOCK_SKEW_MAX;
use crate::{Document, Envelope, PeerId, Policy, PoolFile, Root, Seed, Timestamp};
use core::time::Duration;

/// A root and a policy that were verified. Everything else is judged by them.
#[derive(Clone, Debug)]
pub struct Trust {
    root: Root,
    policy: Policy,
}

impl Trust {
    /// Opens a pool file. Its root is pinned by whoever put the file there, and must be signed by its own threshold of
    /// distinct keys; its policy by the same. Neither may have expired at `wall`. The join token is not judged: who
    /// has a membership needs none.
    ///
    /// # Errors
    /// What does not hold of root or policy. Nothing works without them, so this is an operator's matter.
    pub fn open(pool: &PoolFile, wall: Timestamp) -> Result<Self, Disbelief> {
        let root: Root = read(&pool.root, Paper::Root)?;
        threshold(&pool.root, Paper::Root, &root)?;
        not_expired(Paper::Root, root.expires, wall)?;
        let policy: Policy = read(&pool.policy, Paper::Policy)?;
        threshold(&pool.policy, Paper::Policy, &root)?;
        let trust = Self { root, policy };
        trust.same_pool(Paper::Policy, &trust.policy.pool)?;
        not_expired(Paper::Policy, trust.policy.expires, wall)?;
        Ok(trust)
    }

    /// The root.
    #[must_use]
    pub const fn root(&self) -> &Root {
        &self.root
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether the policy names this peer as a seed.
    #[must_use]
    pub fn is_seed(&self, peer: &PeerId) -> bool {
        self.seed(peer).is_some()
    }

    fn seed(&self, peer: &PeerId) -> Option<&Seed> {
        self.policy.seeds.iter().find(|seed| seed.peer == *peer)
    }

    /// The document must name this pool.
    pub(super) fn same_pool(&self, what: Paper, found: &str) -> Result<(), Disbelief> {
        if found == self.root.pool {
            return Ok(());
        }
        Err(Disbelief::OtherPool { what, found: found.to_owned(), expected: self.root.pool.clone() })
    }

    /// The envelope's one signature must be that of this seed of the policy.
    pub(super) fn signed_by_seed(
        &self,
        what: Paper,
        envelope: &Envelope,
        seed: PeerId,
    ) -> Result<(), Disbelief> {
        one_signature(envelope, what)?;
        if !self.is_seed(&seed) {
            return Err(Disbelief::NotASeed { peer: seed });
        }
        if envelope.signed_by(seed.key()) { Ok(()) } else { Err(Disbelief::NotSignedBySeed { what, seed }) }
    }
}

/// The document in an envelope, whose type must be its own. Signatures are not looked at.
pub(super) fn read<D: Document>(envelope: &Envelope, what: Paper) -> Result<D, Disbelief> {
    envelope.body().map_err(|why| Disbelief::Unreadable { what, why })
}

/// Enough distinct keys of the root have signed.
fn threshold(envelope: &Envelope, what: Paper, root: &Root) -> Result<(), Disbelief> {
    let have = envelope.signers(&root.keys).len();
    let need = root.threshold;
    let enough = usize::try_from(need).is_ok_and(|need| have >= need);
    if enough { Ok(()) } else { Err(Disbelief::TooFewRootKeys { what, have, need }) }
}

/// Exactly one signature: who signed is never a matter of choice, and judging costs one verification.
pub(super) fn one_signature(envelope: &Envelope, what: Paper) -> Result<(), Disbelief> {
    match envelope.signatures.len() {
        1 => Ok(()),
        found => Err(Disbelief::SignatureCount { what, found }),
    }
}

/// `expires` is the first moment when it is no longer good.
pub(super) fn not_expired(what: Paper, expires: Timestamp, wall: Timestamp) -> Result<(), Disbelief> {
    if wall < expires { Ok(()) } else { Err(Disbelief::Expired { what, ago: wall.since(expires) }) }
}

/// Two honest clocks may differ by [`CLOCK_SKEW_MAX`].
pub(super) fn not_from_the_future(what: Paper, made: Timestamp, wall: Timestamp) -> Result<(), Disbelief> {
    let ahead = made.since(wall);
    if ahead <= CLOCK_SKEW_MAX { Ok(()) } else { Err(Disbelief::FromTheFuture { what, ahead }) }
}

/// From its making to its end, give or take [`CLOCK_SKEW_MAX`].
pub(super) fn short_lived(
    what: Paper,
    made: Timestamp,
    expires: Timestamp,
    longest: Duration,
) -> Result<(), Disbelief> {
    let life = expires.since(made);
    if life <= longest.saturating_add(CLOCK_SKEW_MAX) {
        return Ok(());
    }
    Err(Disbelief::LivesTooLong { what, life, longest })
}
