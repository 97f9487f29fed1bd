//! A seed's view of the swarms: which members take part in which manifest.
//!
//! A member is here as long as its lease: while it is connected and its membership lasts, which it has to renew, and in no
//! swarm that it has left. So whoever is named is live, and nothing here outlives who said it.
use super::chance::Chance;
use super::members::Members;
use crate::engine::bounds::SWARMS_PER_MEMBER_MAX;
use crate::message::ChunkSet;
use crate::{ManifestId, PeerId, Zone};
use std::collections::{BTreeMap, BTreeSet};

/// Who takes part in one manifest.
#[derive(Debug, Default)]
struct Swarm {
    members: Members,
}

/// Members by manifest.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    swarms: BTreeMap<ManifestId, Swarm>,
    by_member: BTreeMap<PeerId, BTreeSet<ManifestId>>,
    /** members that wait for a part, in the order in which they began to, and no more than take part */
    waiting: BTreeMap<u64, (ManifestId, PeerId)>,
    /** the place of who begins to wait next */
    next_place: u64,
    /// Where members are, as far as is known; of those that are connected.
    zones: BTreeMap<PeerId, Zone>,
}

impl Tracker {
    /// A member takes part and has so many chunks. False when it takes part in too many swarms already.
    pub(crate) fn enter(&mut self, manifest: ManifestId, peer: PeerId, have: u32) -> bool {
        let mine = self.by_member.entry(peer).or_default();
        if !mine.contains(&manifest) && mine.len() >= SWARMS_PER_MEMBER_MAX {
            return false;
        }
        mine.insert(manifest);
        let zone = self.zones.get(&peer).cloned();
        self.swarms.entry(manifest).or_default().members.enter(peer, have, zone);
        true
    }

    /// A member is there, in every swarm where it takes part or will.
    pub(crate) fn place(&mut self, peer: PeerId, zone: Zone) {
        for manifest in self.by_member.get(&peer).into_iter().flatten() {
            if let Some(swarm) = self.swarms.get_mut(manifest) {
                swarm.members.place(peer, zone.clone());
            }
        }
        self.zones.insert(peer, zone);
    }

    /// A member has so many more; how many that makes, if it takes part.
    pub(crate) fn gain(&mut self, manifest: &ManifestId, peer: &PeerId, more: u32) -> Option<u32> {
        self.swarms.get_mut(manifest)?.members.gain(peer, more)
    }

    /// A member takes no part any more.
    pub(crate) fn leave(&mut self, manifest: &ManifestId, peer: &PeerId) {
        if let Some(swarm) = self.swarms.get_mut(manifest) {
            swarm.members.take_place(peer).map(|place| self.waiting.remove(&place));
            swarm.members.remove(peer);
            if swarm.members.is_empty() {
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
        self.zones.remove(peer);
        self.leave_all(peer);
    }

    /// Members of a swarm that have so many chunks, as far as they say.
    pub(crate) fn holders(&self, manifest: &ManifestId, count: u32) -> Vec<PeerId> {
        self.swarms.get(manifest).into_iter().flat_map(|swarm| swarm.members.holders(count)).collect()
    }

    /// How many of them there are, counted up to a bound.
    pub(crate) fn holders_up_to(&self, manifest: &ManifestId, count: u32, most: usize) -> usize {
        let holders = self.swarms.get(manifest).into_iter().flat_map(|swarm| swarm.members.holders(count));
        holders.take(most).count()
    }

    /// Whether a member has so many chunks, as far as it says.
    pub(crate) fn holds(&self, manifest: &ManifestId, peer: &PeerId, count: u32) -> bool {
        self.swarms.get(manifest).is_some_and(|swarm| swarm.members.holds(peer, count))
    }

    /// A member is named where there are not enough others, until it has proven what it has.
    pub(crate) fn set_aside(&mut self, manifest: &ManifestId, peer: PeerId) {
        if let Some(swarm) = self.swarms.get_mut(manifest) {
            swarm.members.set_aside(peer);
        }
    }

    /// It has.
    pub(crate) fn prove(&mut self, manifest: &ManifestId, peer: &PeerId) {
        if let Some(swarm) = self.swarms.get_mut(manifest) {
            swarm.members.prove(peer);
        }
    }

    /// Whether it has.
    pub(crate) fn is_proven(&self, manifest: &ManifestId, peer: &PeerId) -> bool {
        self.swarms.get(manifest).is_some_and(|swarm| swarm.members.is_proven(peer))
    }

    /// A member takes part in nothing any more, and may again.
    pub(crate) fn leave_all(&mut self, peer: &PeerId) {
        for manifest in self.by_member.remove(peer).unwrap_or_default() {
            self.leave(&manifest, peer);
        }
    }

    /// Whether a member takes part.
    pub(crate) fn contains(&self, manifest: &ManifestId, peer: &PeerId) -> bool {
        self.swarms.get(manifest).is_some_and(|swarm| swarm.members.contains(peer))
    }

    /// Members of a swarm.
    pub(crate) fn members(&self, manifest: &ManifestId) -> impl Iterator<Item = PeerId> + '_ {
        self.swarms.get(manifest).into_iter().flat_map(|swarm| swarm.members.ids())
    }

    /// Swarms that somebody takes part in.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = &ManifestId> {
        self.swarms.keys()
    }

    /// What a member is to take of this seed, of so many chunks: the next few in a row, so that each is given out in a zone
    /// before any is given out there again; few at first, when a crowd may be coming, and towards the end, as nobody is to
    /// have much left when the others have nothing. None where it takes part alone: it takes everything of this seed.
    pub(crate) fn next_part(&mut self, manifest: &ManifestId, peer: &PeerId, count: u32) -> Option<ChunkSet> {
        let swarm = self.swarms.get_mut(manifest).filter(|swarm| swarm.members.len() >= 2)?;
        swarm.members.next_part(peer, count)
    }

    /// Whether a member was told what to take of this seed, and asks for more itself.
    pub(crate) fn has_part(&self, manifest: &ManifestId, peer: &PeerId) -> bool {
        self.swarms.get(manifest).is_some_and(|swarm| swarm.members.has_part(peer))
    }

    /// Whether each chunk of this manifest was named in a part where a member is.
    pub(crate) fn is_given_out(&self, manifest: &ManifestId, peer: &PeerId) -> bool {
        self.swarms.get(manifest).is_some_and(|swarm| swarm.members.is_given_out(peer))
    }

    /// A member waits for a part.
    pub(crate) fn wait_for_part(&mut self, manifest: ManifestId, peer: PeerId) {
        let place = self.next_place;
        if self.swarms.get_mut(&manifest).is_some_and(|swarm| swarm.members.give_place(&peer, place)) {
            self.waiting.insert(place, (manifest, peer));
            self.next_place += 1;
        }
    }

    /// Who has waited longest for a part waits no more.
    pub(crate) fn next_waiting(&mut self) -> Option<(ManifestId, PeerId)> {
        let (_, (manifest, peer)) = self.waiting.pop_first()?;
        self.swarms.get_mut(&manifest).and_then(|swarm| swarm.members.take_place(&peer));
        Some((manifest, peer))
    }

    /// Some members of a swarm for one that asks, see [`Members`].
    pub(crate) fn sample(
        &mut self,
        chance: &mut Chance,
        manifest: &ManifestId,
        count: usize,
        asker: &PeerId,
    ) -> BTreeSet<PeerId> {
        let zone = self.zones.get(asker);
        let swarm = self.swarms.get_mut(manifest).map(|swarm| &mut swarm.members);
        swarm.map(|members| members.sample(chance, count, (asker, zone))).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;
    use crate::engine::bounds::{PART_CHUNKS_MAX, PART_CHUNKS_MIN};

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
        assert_eq!([1, 9].map(|most| tracker.holders_up_to(&id(1), 4, most)), [1, 2]);
        assert!(tracker.holds(&id(1), &peer(2), 4) && !tracker.holds(&id(1), &peer(2), 5));
        assert!(tracker.contains(&id(2), &peer(3)) && !tracker.contains(&id(2), &peer(1)));
        tracker.enter(id(1), peer(1), 0);
        assert_eq!(tracker.holders(&id(1), 4), [peer(2)], "what it says last is what counts");
    }

    #[test]
    fn parts_give_each_chunk_out_before_any_is_given_again() {
        let mut tracker = Tracker::default();
        tracker.enter(id(1), peer(1), 0);
        assert_eq!(tracker.next_part(&id(1), &peer(1), 100), None, "alone");
        assert_eq!(tracker.next_part(&id(1), &peer(9), 100), None, "who does not take part");
        (2..40).for_each(|n| assert!(tracker.enter(id(1), peer(n), 0)));
        let mut given = [0; 100];
        for n in 1..=25 {
            let part = tracker.next_part(&id(1), &peer(n), 100).unwrap();
            assert_eq!(part.len(), PART_CHUNKS_MIN);
            part.iter().for_each(|index| given[usize::try_from(index).unwrap()] += 1);
            let (least, most) = (given.iter().min().unwrap(), given.iter().max().unwrap());
            assert!(most - least <= 1, "{given:?}");
        }
        assert!(!tracker.is_given_out(&id(1), &peer(1)));
        assert!(tracker.has_part(&id(1), &peer(25)) && !tracker.has_part(&id(1), &peer(26)));
        assert_eq!(tracker.next_part(&id(1), &peer(1), 3), Some(ChunkSet::range(0, PART_CHUNKS_MIN)));
        assert_eq!(tracker.next_part(&id(1), &peer(1), 3), Some(ChunkSet::range(2, 3)));
        assert!(tracker.is_given_out(&id(1), &peer(1)) && !tracker.is_given_out(&id(2), &peer(1)));
    }

    #[test]
    fn each_zone_is_named_each_chunk_once() {
        let mut tracker = Tracker::default();
        for n in 1..=20 {
            let zone = if n <= 10 { "east" } else { "west" };
            tracker.place(peer(n), zone.parse().unwrap());
            assert!(tracker.enter(id(1), peer(n), 0));
        }
        let next =
            |tracker: &mut Tracker, n| tracker.next_part(&id(1), &peer(n), 6).unwrap().ranges().to_vec();
        assert_eq!([1, 2, 3].map(|n| next(&mut tracker, n)), [[(0, 2)], [(2, 4)], [(4, 6)]]);
        assert!(tracker.is_given_out(&id(1), &peer(9)) && !tracker.is_given_out(&id(1), &peer(11)));
        assert_eq!(next(&mut tracker, 11), [(0, 2)]);
        assert_eq!(next(&mut tracker, 12), [(2, 4)]);
        (11..=20).for_each(|n| tracker.leave(&id(1), &peer(n)));
        assert!(tracker.enter(id(1), peer(11), 0));
        assert_eq!(next(&mut tracker, 11), [(0, 2)], "nobody is there who knows of the first time");
    }

    #[test]
    fn parts_are_small_where_many_share_what_is_left() {
        let lengths = |members: u8| {
            let mut tracker = Tracker::default();
            (1..=members).for_each(|n| assert!(tracker.enter(id(1), peer(n), 0)));
            let mut next = || tracker.next_part(&id(1), &peer(1), 200).map(|part| part.len());
            [next(), next(), next()].map(Option::unwrap)
        };
        assert_eq!(lengths(2), [PART_CHUNKS_MIN, PART_CHUNKS_MAX, PART_CHUNKS_MAX]);
        assert_eq!(lengths(10), [PART_CHUNKS_MIN, 9, 9]);
        assert_eq!(lengths(100), [PART_CHUNKS_MIN; 3]);
    }

    #[test]
    fn who_waits_longest_for_a_part_is_next_and_who_left_is_not() {
        let mut tracker = Tracker::default();
        (1..=3).for_each(|n| assert!(tracker.enter(id(1), peer(n), 0)));
        for n in [2, 1, 9, 2, 3] {
            tracker.wait_for_part(id(1), peer(n));
        }
        tracker.leave(&id(1), &peer(1));
        assert_eq!(tracker.next_waiting(), Some((id(1), peer(2))));
        tracker.gone(&peer(3));
        assert_eq!(tracker.next_waiting(), None);
    }

    #[test]
    fn what_a_member_says_it_has_does_not_overflow() {
        let mut tracker = Tracker::default();
        tracker.enter(id(1), peer(1), u32::MAX);
        assert_eq!(tracker.gain(&id(1), &peer(1), u32::MAX), Some(u32::MAX));
    }
}
