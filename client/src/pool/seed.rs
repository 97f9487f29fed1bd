//! Adds, replaces and removes seeds, one at a time.

use super::QuorumWish;
use super::check::EditError;
use pollux_core::{Document, PeerId, Policy, Seed};

/// A seed to be added.
#[derive(Clone, Debug)]
pub struct NewSeed {
    /// Its name.
    pub peer: PeerId,
    /// Where it is, `host:port`.
    pub addresses: Vec<String>,
    /// The seed whose place it takes.
    pub replaces: Option<PeerId>,
}

/// The seed that a person means: by its peer id, or by one of its addresses.
///
/// # Errors
/// There is none.
pub fn seed_named(policy: &Policy, name: &str) -> Result<PeerId, EditError> {
    let is_meant =
        |seed: &&Seed| seed.peer.to_string() == name || seed.addresses.iter().any(|address| address == name);
    let found = policy.seeds.iter().find(is_meant).map(|seed| seed.peer);
    found.ok_or_else(|| EditError::NoSuchSeed(name.escape_debug().to_string()))
}

/// The policy with one more seed, or with another in the place of one, and the quorum for so many.
///
/// # Errors
/// A seed that is there already, none to replace, or a quorum that cannot intersect.
pub fn add_seed(before: &Policy, new: NewSeed, wish: QuorumWish) -> Result<Policy, EditError> {
    let mut policy = before.clone();
    if policy.seeds.iter().any(|seed| seed.peer == new.peer) {
        return Err(EditError::SeedThere(new.peer));
    }
    let seed = Seed { peer: new.peer, addresses: new.addresses };
    match new.replaces {
        None => policy.seeds.push(seed),
        Some(old) => *find(&mut policy, old)? = seed,
    }
    settled(policy, wish)
}

/// The policy without a seed, and the quorum for so many.
///
/// # Errors
/// No such seed, the last one, or a quorum that cannot intersect.
pub fn remove_seed(before: &Policy, peer: PeerId, wish: QuorumWish) -> Result<Policy, EditError> {
    let mut policy = before.clone();
    find(&mut policy, peer)?;
    policy.seeds.retain(|seed| seed.peer != peer);
    if policy.seeds.is_empty() {
        return Err(EditError::LastSeed);
    }
    settled(policy, wish)
}

fn find(policy: &mut Policy, peer: PeerId) -> Result<&mut Seed, EditError> {
    let found = policy.seeds.iter_mut().find(|seed| seed.peer == peer);
    found.ok_or_else(|| EditError::NoSuchSeed(peer.to_string()))
}

/// With the quorum that so many seeds allow, or the one that is wished.
fn settled(mut policy: Policy, wish: QuorumWish) -> Result<Policy, EditError> {
    wish.over(policy.seeds.len()).put(&mut policy);
    policy.check()?;
    Ok(policy)
}
