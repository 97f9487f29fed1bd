//! Tokens and memberships: who may take part.
use super::trust::{not_expired, not_from_the_future, one_signature, read, short_lived};
use super::{Disbelief, Paper, Trust, VerifiedMembership};
use crate::limits::MEMBERSHIP_LIFE;
use crate::{Envelope, Membership, PeerId, PeerRole, PublicKey, Timestamp, Token};
use core::net::IpAddr;

impl Trust {
    /// Judges a join token: of a pool whose policy lets tokens admit, of this pool, signed by an admission key of the policy, not expired at `wall`.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn verify_token(&self, envelope: &Envelope, wall: Timestamp) -> Result<Token, Disbelief> {
        let what = Paper::Token;
        let token: Token = read(envelope, what)?;
        self.same_pool(what, &token.pool)?;
        if self.policy().strict_admission {
            return Err(Disbelief::StrictAdmission);
        }
        one_signature(envelope, what)?;
        if envelope.signers_until(&self.policy().admission, 1).is_empty() {
            return Err(Disbelief::NotAdmitted { what });
        }
        not_expired(what, token.expires, wall)?;
        Ok(token)
    }

    /// Judges a membership that `peer` shows, or was given.
    ///
    /// It must be of this pool, name as issuer an admission key or a seed of the policy, which signed it, and name
    /// this peer; its address must be the one that the peer is seen at, if that is given (an IPv4 address is the same
    /// when written as IPv6). Who is a member as a seed must be a seed of the policy. It must not have expired at
    /// `wall`, nor be from the future or live longer than [`MEMBERSHIP_LIFE`], give or take
    /// [`crate::limits::CLOCK_SKEW_MAX`].
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn verify_membership(
        &self,
        envelope: &Envelope,
        peer: &PeerId,
        address: Option<IpAddr>,
        wall: Timestamp,
    ) -> Result<VerifiedMembership, Disbelief> {
        let what = Paper::Membership;
        let membership: Membership = read(envelope, what)?;
        self.same_pool(what, &membership.pool)?;
        one_signature(envelope, what)?;
        if !self.may_admit(&membership.issuer) || !envelope.signed_by(&membership.issuer) {
            return Err(Disbelief::NotAdmitted { what });
        }
        self.is_of(&membership, peer, address)?;
        not_from_the_future(what, membership.issued, wall)?;
        not_expired(what, membership.expires, wall)?;
        short_lived(what, membership.issued, membership.expires, MEMBERSHIP_LIFE)?;
        Ok(VerifiedMembership { membership, envelope: envelope.clone() })
    }

    fn may_admit(&self, issuer: &PublicKey) -> bool {
        self.policy().admission.contains(issuer) || self.is_seed(&PeerId::new(*issuer))
    }

    fn is_of(
        &self,
        membership: &Membership,
        peer: &PeerId,
        address: Option<IpAddr>,
    ) -> Result<(), Disbelief> {
        if membership.peer != *peer {
            return Err(Disbelief::OtherPeer { named: membership.peer, shown: *peer });
        }
        let named = membership.address;
        if let Some(seen) = address.map(|seen| seen.to_canonical()).filter(|seen| *seen != named) {
            return Err(Disbelief::OtherAddress { named, seen });
        }
        match membership.role {
            PeerRole::Seed if !self.is_seed(peer) => Err(Disbelief::NotASeed { peer: *peer }),
            PeerRole::Seed | PeerRole::Node => Ok(()),
        }
    }
}
