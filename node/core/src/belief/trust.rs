//! The root and the policy that everything else is judged by, and what all judgements share.
use super::chain::{Chain, same_pool};
use super::{Disbelief, Floors, Paper, YankSet};
use crate::limits::CLOCK_SKEW_MAX;
use crate::{Document, Envelope, Papers, PapersDigest, PeerId, Policy, PoolFile, Root, Seed, Timestamp};
use core::time::Duration;

/// A root and a policy that were verified, with the yanks and floors that are known. Everything else is judged by
/// them.
#[derive(Clone, Debug)]
pub struct Trust {
    pub(super) chain: Chain,
    pub(super) yanks: YankSet,
    pub(super) floors: Floors,
    /// Of the policy and the yanks: every answer of a seed states it.
    pub(super) digest: PapersDigest,
}

impl Trust {
    /// Opens a pool file. Its root is pinned by whoever put the file there, and must be signed by its own threshold of
    /// distinct keys; its policy by the same. Neither may have expired at `wall`. The join token is not judged: who
    /// has a membership needs none.
    ///
    /// # Errors
    /// What does not hold of root or policy. Nothing works without them, so this is an operator's matter.
    pub fn open(pool: &PoolFile, wall: Timestamp) -> Result<Self, Disbelief> {
        Self::open_with(pool, &Papers::default(), wall)
    }

    /// Opens a pool file with papers that took over before (see [`PolicyVotes`](crate::PolicyVotes)) and were stored:
    /// walks on from its root as [`Self::follow`] does, and hears the yanks. What is older than the pool file's is passed
    /// over. Of roots and policies only the last ones reached may not have expired.
    ///
    /// # Errors
    /// What does not hold of a root or policy.
    pub fn open_with(pool: &PoolFile, papers: &Papers, wall: Timestamp) -> Result<Self, Disbelief> {
        let mut chain = Chain::pinned(pool)?;
        chain.walk(&papers.roots)?;
        match papers.policy.as_ref().map_or(Ok(()), |policy| chain.renew(policy)) {
            Ok(()) | Err(Disbelief::PolicyRolledBack { .. }) => {}
            Err(why) => return Err(why),
        }
        chain.in_force(wall)?;
        Ok(Self::of(chain, Floors::default()).hear(&papers.yanks, wall))
    }

    /// What comes after it. Each root is of the next version and signed by the threshold of the one before and by its
    /// own; known ones are passed over. The policy, if there is one, is signed by the threshold of the newest root; it is
    /// newer and changes at most one seed with each version, or it is the one that is known. The last root and policy may not have expired
    /// at `wall`, those on the way may. The yanks that are known are judged by the new policy; those of the papers are not
    /// looked at (see [`Self::hear`]).
    ///
    /// Whether the time has come to go by it, [`PolicyVotes`](crate::PolicyVotes) says.
    ///
    /// # Errors
    /// The first thing that does not hold of a root or policy: nothing is taken then.
    pub fn follow(&self, papers: &Papers, wall: Timestamp) -> Result<Self, Disbelief> {
        let mut chain = self.chain.clone();
        chain.walk(&papers.roots)?;
        papers.policy.as_ref().map_or(Ok(()), |policy| chain.renew(policy))?;
        chain.in_force(wall)?;
        let known: Vec<Envelope> = self.yanks.iter().map(|yank| yank.envelope().clone()).collect();
        Ok(Self::of(chain, self.floors.clone()).hear(&known, wall))
    }

    /// Without yanks.
    pub(super) fn of(chain: Chain, floors: Floors) -> Self {
        let (policy, yanks) = (chain.policy_envelope.digest(), YankSet::default());
        let digest = PapersDigest { policy, yanks: yanks.digest(), yanks_count: 0 };
        Self { chain, yanks, floors, digest }
    }

    /// With these yanks instead of those that it knows.
    #[must_use]
    pub fn with_yanks(mut self, yanks: YankSet) -> Self {
        self.digest.yanks = yanks.digest();
        self.digest.yanks_count = u32::try_from(yanks.len()).unwrap_or(u32::MAX);
        self.yanks = yanks;
        self
    }

    /// The root.
    #[must_use]
    pub const fn root(&self) -> &Root {
        &self.chain.root
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.chain.policy
    }

    /// The yanks that are known.
    #[must_use]
    pub const fn yanks(&self) -> &YankSet {
        &self.yanks
    }

    /// All that it goes by, to be spread and stored: the roots after the first, as far as they are known, the policy, the
    /// yanks.
    #[must_use]
    pub fn papers(&self) -> Papers {
        Papers {
            roots: self.chain.steps.clone(),
            policy: Some(self.chain.policy_envelope.clone()),
            yanks: self.yanks.iter().map(|yank| yank.envelope().clone()).collect(),
        }
    }

    /// What tells its policy and yanks from others, for a seed's answers.
    #[must_use]
    pub const fn papers_digest(&self) -> PapersDigest {
        self.digest
    }

    /// Neither root nor policy has expired.
    pub(super) fn in_force(&self, wall: Timestamp) -> Result<(), Disbelief> {
        self.chain.in_force(wall)
    }

    /// Whether the policy names this peer as a seed.
    #[must_use]
    pub fn is_seed(&self, peer: &PeerId) -> bool {
        self.seed(peer).is_some()
    }

    fn seed(&self, peer: &PeerId) -> Option<&Seed> {
        self.policy().seeds.iter().find(|seed| seed.peer == *peer)
    }

    /// The document must name this pool.
    pub(super) fn same_pool(&self, what: Paper, found: &str) -> Result<(), Disbelief> {
        same_pool(what, found, self.root())
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
