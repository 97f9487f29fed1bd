//! A seed's view of the swarms: which members take part in which manifest.
use super::chance::Chance;
use crate::engine::bounds::SWARMS_PER_MEMBER_MAX;
use crate::{ManifestId, PeerId, PublicKey};
use core::ops::Bound;
use std::collections::{BTreeMap, BTreeSet};

/// Members by manifest, with how many chunks each is known to have.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    swarms: BTreeMap<ManifestId, BTreeMap<PeerId, u32>>,
    by_member: BTreeMap<PeerId, BTreeSet<ManifestId>>,
}

impl Tracker {
    /// A member takes part and has so many chunks. False when it takes part in too many swarms already.
    pub(crate) fn enter(&mut self, manifest: ManifestId, peer: PeerId, have: u32) -> bool {
        let mine = self.by_member.entry(peer).or_default();
        if !mine.contains(&manifest) && mine.len() >= SWARMS_PER_MEMBER_MAX {
            return false;
        }
        mine.insert(manifest);
        self.swarms.entry(manifest).or_default().insert(peer, have);
        true
    }

    /// A member has so many more; how many that makes, if it takes part.
    pub(crate) fn gain(&mut self, manifest: &ManifestId, peer: &PeerId, more: u32) -> Option<u32> {
        let have = self.swarms.get_mut(manifest)?.get_mut(peer)?;
        *have = have.saturating_add(more);
        Some(*have)
    }

    /// A member takes no part any more.
    pub(crate) fn leave(&mut self, manifest: &ManifestId, peer: &PeerId) {
        if let Some(swarm) = self.swarms.get_mut(manifest) {
            swarm.remove(peer);
            if swarm.is_empty() {
                self.swarms.remove(manifest);
            }
        }
        if let Some(mine) = self.by_member.get_mut(peer) {
            mine.remove(manifest);
            if mine.is_empty() {
                self.by_member.remove(peer);
            }
        }
    }

    /// Nobody takes part any more: it is named to nobody.
    pub(crate) fn forget(&mut self, manifest: &ManifestId) {
        let members: Vec<PeerId> = self.members(manifest).collect();
        members.iter().for_each(|peer| self.leave(manifest, peer));
    }

    /// A member is gone.
    pub(crate) fn gone(&mut self, peer: &PeerId) {
        for manifest in self.by_member.remove(peer).unwrap_or_default() {
            self.leave(&manifest, peer);
        }
    }

    /// Members of a swarm that have so many chunks, as far as they say.
    pub(crate) fn holders(&self, manifest: &ManifestId, count: u32) -> Vec<PeerId> {
        let swarm = self.swarms.get(manifest).into_iter().flatten();
        swarm.filter(|(_, have)| **have >= count).map(|(peer, _)| *peer).collect()
    }

    /// Members of a swarm.
    pub(crate) fn members(&self, manifest: &ManifestId) -> impl Iterator<Item = PeerId> + '_ {
        self.swarms.get(manifest).into_iter().flat_map(|swarm| swarm.keys().copied())
    }

    /// Swarms that somebody takes part in.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = &ManifestId> {
        self.swarms.keys()
    }

    /// Some members of a swarm at random, without this one.
    pub(crate) fn sample(
        &self,
        chance: &mut Chance,
        manifest: &ManifestId,
        count: usize,
        except: &PeerId,
    ) -> BTreeSet<PeerId> {
        let Some(swarm) = self.swarms.get(manifest) else { return BTreeSet::new() };
        if swarm.len() <= count {
            return swarm.keys().copied().filter(|peer| peer != except).collect();
        }
        let mut picked = BTreeSet::new();
        for _ in 0..count.saturating_mul(2) {
            let pivot = PeerId::new(PublicKey::from_bytes(chance.name()));
            let near = swarm.range((Bound::Excluded(pivot), Bound::Unbounded)).chain(swarm).take(2 * count);
            let found = near.map(|(peer, _)| *peer).find(|peer| peer != except && !picked.contains(peer));
            picked.extend(found);
            if picked.len() >= count {
                break;
            }
        }
        picked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u8) -> PeerId {
        PeerId::new(PublicKey::from_bytes([n; 32]))
    }

    fn id(n: u16) -> ManifestId {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&n.to_le_bytes());
        ManifestId::from_bytes(bytes)
    }

    #[test]
    fn members_come_and_go() {
        let mut tracker = Tracker::default();
        assert!(tracker.enter(id(1), peer(1), 0));
        assert!(tracker.enter(id(1), peer(2), 5));
        assert!(tracker.enter(id(2), peer(1), 0));
        assert_eq!(tracker.gain(&id(1), &peer(2), 3), Some(8));
        assert_eq!(tracker.gain(&id(2), &peer(2), 3), None);
        assert_eq!(tracker.members(&id(1)).count(), 2);
        tracker.leave(&id(1), &peer(2));
        assert_eq!(tracker.members(&id(1)).collect::<Vec<_>>(), [peer(1)]);
        tracker.gone(&peer(1));
        assert_eq!(tracker.manifests().count(), 0);
        assert!(tracker.by_member.is_empty());
    }

    #[test]
    fn a_sample_is_bounded_distinct_and_without_the_one_who_asks() {
        let mut tracker = Tracker::default();
        for n in 0..200 {
            tracker.enter(id(1), peer(n), 0);
        }
        let sample = tracker.sample(&mut Chance::new(1), &id(1), 32, &peer(7));
        assert_eq!(sample.len(), 32);
        assert!(!sample.contains(&peer(7)));
        let other = tracker.sample(&mut Chance::new(2), &id(1), 32, &peer(7));
        assert_ne!(sample, other, "not always the same ones");
        assert!(tracker.sample(&mut Chance::new(1), &id(9), 32, &peer(7)).is_empty());
    }

    #[test]
    fn one_member_cannot_fill_the_tracker() {
        let mut tracker = Tracker::default();
        let many = u16::try_from(SWARMS_PER_MEMBER_MAX).unwrap();
        assert!((0..many).all(|n| tracker.enter(id(n), peer(1), 0)));
        assert!(!tracker.enter(id(many), peer(1), 0));
        assert!(tracker.enter(id(0), peer(1), 9), "where it takes part it may speak again");
    }

    #[test]
    fn holders_are_those_that_have_enough() {
        let mut tracker = Tracker::default();
        tracker.enter(id(1), peer(1), 4);
        tracker.enter(id(1), peer(2), 3);
        tracker.enter(id(2), peer(3), 9);
        assert_eq!(tracker.holders(&id(1), 4), [peer(1)]);
        tracker.gain(&id(1), &peer(2), 1);
        assert_eq!(tracker.holders(&id(1), 4), [peer(1), peer(2)]);
        assert!(tracker.holders(&id(7), 0).is_empty());
        tracker.enter(id(1), peer(1), 0);
        assert_eq!(tracker.holders(&id(1), 4), [peer(2)], "what it says last is what counts");
    }

    #[test]
    fn what_a_member_says_it_has_does_not_overflow() {
        let mut tracker = Tracker::default();
        tracker.enter(id(1), peer(1), u32::MAX);
        assert_eq!(tracker.gain(&id(1), &peer(1), u32::MAX), Some(u32::MAX));
    }
}
