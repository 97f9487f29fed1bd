//! Memberships that an operator signs, before untrusted code runs on a machine.

use super::OpenPool;
use super::token::{TokenError, check_key};
use pollux_core::limits::MEMBERSHIP_LIFE;
use pollux_core::{Document, Envelope, KeyPair, Membership, PeerId, PeerRole, Timestamp};
use std::net::IpAddr;

/// Who is admitted.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The peer.
    pub peer: PeerId,
    /// The address that seeds will see it at.
    pub address: IpAddr,
    /// What the instance is called, for people.
    pub instance: Option<String>,
}

/// A membership, signed, good for [`MEMBERSHIP_LIFE`] from now; seeds renew it.
///
/// # Errors
/// A key that is no admission key of the policy, or a membership that no seed would take.
pub fn admit(pool: &OpenPool, who: Admission, key: &KeyPair, now: Timestamp) -> Result<Envelope, TokenError> {
    check_key(pool, key)?;
    let is_seed = pool.trust().is_seed(&who.peer);
    let membership = Membership {
        pool: pool.root().pool.clone(),
        peer: who.peer,
        role: if is_seed { PeerRole::Seed } else { PeerRole::Node },
        instance: who.instance,
        address: who.address.to_canonical(),
        issuer: key.public(),
        issued: now,
        expires: now.after(MEMBERSHIP_LIFE),
    };
    membership.check()?;
    let envelope = Envelope::sign(&membership, key);
    pool.trust().verify_membership(&envelope, &who.peer, Some(who.address), now)?;
    Ok(envelope)
}
