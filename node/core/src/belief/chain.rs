//! Roots and policies: each is judged by the ones before it.
use super::trust::{not_expired, read};
use super::{Disbelief, Paper};
use crate::limits::ROOT_STEPS_MAX;
use crate::{Envelope, PeerId, Policy, PoolFile, PublicKey, Root, Timestamp};
use std::collections::BTreeSet;

/// What everything else is judged by, with the signed documents that say so.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) root: Root,
    /// Roots up to [`Self::root`], each followed by the next: those after the pool file's; before them the pool file's own
    /// and those before it that are known, for whoever has an older pool file. The first root of a pool needs no telling.
    pub(super) steps: Vec<Envelope>,
    pub(super) policy: Policy,
    pub(super) policy_envelope: Envelope,
}

impl Chain {
    /// The pool file's root, and its policy, which that root judges whatever roots follow: both are pinned.
    pub(super) fn pinned(pool: &PoolFile) -> Result<Self, Disbelief> {
        let root = pinned_root(&pool.root)?;
        let policy = signed_policy(&pool.policy, &root)?;
        let steps = if root.version > 1 { vec![pool.root.clone()] } else { Vec::new() };
        Ok(Self { root, steps, policy, policy_envelope: pool.policy.clone() })
    }

    /// Walks on to the newest of these roots. Those that are known are passed over, those before them kept; expiry is not
    /// looked at.
    pub(super) fn walk(&mut self, roots: &[Envelope]) -> Result<(), Disbelief> {
        for envelope in roots.iter().take(ROOT_STEPS_MAX) {
            if self.steps.len() >= ROOT_STEPS_MAX {
                break;
            }
            if let Some(root) = next_root(envelope, &self.root)? {
                self.root = root;
                self.steps.push(envelope.clone());
            }
        }
        for envelope in roots.iter().take(ROOT_STEPS_MAX).rev() {
            if !self.keep_former(envelope) {
                break;
            }
        }
        Ok(())
    }

    /// Keeps a root that the first of the steps follows and that its own keys have signed: without that anybody could make one
    /// up of keys that are known. Half of the room is for what comes.
    ///
    /// False: it says that it is the one, and is not. Then nobody looks at further ones: each costs as many verifications as it
    /// has signatures.
    fn keep_former(&mut self, envelope: &Envelope) -> bool {
        let Some(first) = self.steps.first().filter(|_| self.steps.len() < ROOT_STEPS_MAX / 2) else {
            return false;
        };
        let version = |root: &Envelope| read::<Root>(root, Paper::Root).map_or(0, |root| root.version);
        let before = version(envelope);
        if before < 2 || before.checked_add(1) != Some(version(first)) {
            return true;
        }
        let Ok(former) = pinned_root(envelope) else { return false };
        let follows = matches!(next_root(first, &former), Ok(Some(_)));
        if follows {
            self.steps.insert(0, envelope.clone());
        }
        follows
    }

    /// Takes a policy that is newer, or the same.
    pub(super) fn renew(&mut self, envelope: &Envelope) -> Result<(), Disbelief> {
        if envelope.digest() == self.policy_envelope.digest() {
            return Ok(());
        }
        let newer = newer_policy(envelope, &self.root, &self.policy)?;
        self.policy = newer;
        self.policy_envelope = envelope.clone();
        Ok(())
    }

    /// Only where a walk ends something may not have expired.
    pub(super) fn in_force(&self, wall: Timestamp) -> Result<(), Disbelief> {
        not_expired(Paper::Root, self.root.expires, wall)?;
        not_expired(Paper::Policy, self.policy.expires, wall)
    }
}

/// Where trust begins: signed by its own threshold.
pub(super) fn pinned_root(envelope: &Envelope) -> Result<Root, Disbelief> {
    let root: Root = read(envelope, Paper::Root)?;
    threshold(envelope, Paper::Root, &root)?;
    Ok(root)
}

/// The root after `before`; `None` if it is one of those up to there.
pub(super) fn next_root(envelope: &Envelope, before: &Root) -> Result<Option<Root>, Disbelief> {
    let root: Root = read(envelope, Paper::Root)?;
    same_pool(Paper::Root, &root.pool, before)?;
    if root.version <= before.version {
        return Ok(None);
    }
    if Some(root.version) != before.version.checked_add(1) {
        return Err(Disbelief::RootSkipped { have: before.version, found: root.version });
    }
    let (have, need) = signatures(envelope, &before.keys, before.threshold);
    if have < need {
        return Err(Disbelief::TooFewFormerRootKeys { version: root.version, have, need: before.threshold });
    }
    threshold(envelope, Paper::Root, &root)?;
    Ok(Some(root))
}

/// A policy of the root's pool, signed by enough of its keys.
pub(super) fn signed_policy(envelope: &Envelope, root: &Root) -> Result<Policy, Disbelief> {
    let policy: Policy = read(envelope, Paper::Policy)?;
    threshold(envelope, Paper::Policy, root)?;
    same_pool(Paper::Policy, &policy.pool, root)?;
    Ok(policy)
}

/// A policy that may follow `before`.
fn newer_policy(envelope: &Envelope, root: &Root, before: &Policy) -> Result<Policy, Disbelief> {
    let policy = signed_policy(envelope, root)?;
    if policy.version < before.version {
        return Err(Disbelief::PolicyRolledBack { have: before.version, found: policy.version });
    }
    if policy.version == before.version {
        return Err(Disbelief::PolicyForked { version: policy.version });
    }
    let (changed, allowed) = (seeds_changed(before, &policy), policy.version - before.version);
    if changed > allowed {
        return Err(Disbelief::TooManySeedsChanged { version: policy.version, changed, allowed });
    }
    Ok(policy)
}

/// How many seeds were added, removed or replaced.
fn seeds_changed(before: &Policy, after: &Policy) -> u64 {
    let seeds = |policy: &Policy| policy.seeds.iter().map(|seed| seed.peer).collect::<BTreeSet<PeerId>>();
    let (before, after) = (seeds(before), seeds(after));
    let changed = before.difference(&after).count().max(after.difference(&before).count());
    u64::try_from(changed).unwrap_or(u64::MAX)
}

/// Enough distinct keys of the root have signed.
fn threshold(envelope: &Envelope, what: Paper, root: &Root) -> Result<(), Disbelief> {
    let (have, need) = signatures(envelope, &root.keys, root.threshold);
    if have >= need { Ok(()) } else { Err(Disbelief::TooFewRootKeys { what, have, need: root.threshold }) }
}

/// Distinct keys of these that have signed, counted no further than needed, and how many are needed.
fn signatures(envelope: &Envelope, keys: &[PublicKey], threshold: u32) -> (usize, usize) {
    let need = usize::try_from(threshold).unwrap_or(usize::MAX);
    (envelope.signers_until(keys, need).len(), need)
}

/// The document must name the root's pool.
pub(super) fn same_pool(what: Paper, found: &str, root: &Root) -> Result<(), Disbelief> {
    if found == root.pool {
        return Ok(());
    }
    Err(Disbelief::OtherPool { what, found: found.to_owned(), expected: root.pool.clone() })
}
