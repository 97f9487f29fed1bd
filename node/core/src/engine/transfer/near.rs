//! Which chunks of one swarm near members have, and which of the others this node is the delegate for.
//!
//! A near member counts as a holder once it has given something, and as long as it does not stall: whoever only says that it
//! is near and has everything keeps nobody from asking far away. The delegate for a chunk that no near member has is that one
//! of this node and its near members whose draw for the chunk is the lowest (rendezvous hashing). All draw alike, so that
//! neighbours agree without a word on who brings a chunk over a thin link, and the rest have it from there.

use super::bits::{Bits, at};
use super::limits::DELEGATES_EVERY;
use super::slab::PeerNo;
use crate::{Instant, ManifestId, PeerId};
use std::collections::BTreeMap;

/// What a near member is to this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NearMember {
    /** its name in the draw */
    pub(super) lot: Lot,
    /** what it has counts */
    pub(super) is_holder: bool,
    /** it may bring chunks from far away */
    pub(super) is_rival: bool,
}

/// Who draws, or for which manifest: the beginning of a name, which is random enough where nobody gains by choosing it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lot(u64);

impl Lot {
    /// The lot of a peer.
    pub(super) fn of_peer(peer: PeerId) -> Self {
        Self::of_bytes(peer.key().as_bytes())
    }

    /// The lot of a manifest.
    pub(super) fn of_manifest(manifest: ManifestId) -> Self {
        Self::of_bytes(manifest.as_bytes())
    }

    fn of_bytes(bytes: &[u8; 32]) -> Self {
        Self(bytes.iter().take(8).fold(0, |lot, byte| (lot << 8) | u64::from(*byte)))
    }

    /// What this one draws for an index of a manifest.
    pub(super) fn draw(self, manifest: Self, index: u32) -> u64 {
        mixed(self.0 ^ mixed(manifest.0.wrapping_add(u64::from(index))))
    }
}

/// The finalizer of `SplitMix64`: each bit of the number changes half of the others.
const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// See the module.
#[derive(Debug)]
pub(super) struct Near {
    me: Lot,
    manifest: Lot,
    members: BTreeMap<PeerNo, NearMember>,
    /** how many of those that count announced each index; made for the first */
    holders: Vec<u16>,
    /** indices that at least one of them has */
    held: Bits,
    /** those, and all for which this node is not the delegate; none before that was found out */
    barred: Option<Bits>,
    /** the rivals have changed since */
    is_stale: bool,
    /** when it was found out */
    found: Instant,
}

impl Near {
    /// Nobody is near.
    pub(super) fn new(manifest: ManifestId, space: u32) -> Self {
        Self {
            me: Lot::default(),
            manifest: Lot::of_manifest(manifest),
            members: BTreeMap::new(),
            holders: Vec::new(),
            held: Bits::new(space),
            barred: None,
            is_stale: false,
            found: Instant::ZERO,
        }
    }

    /// Indices that a near member has.
    pub(super) const fn held(&self) -> &Bits {
        &self.held
    }

    /// All indices but those that no near member has and for which this node is the delegate, once that was found out.
    pub(super) const fn barred(&self) -> Option<&Bits> {
        self.barred.as_ref()
    }

    /// Near members of which what they have counts.
    pub(super) fn holders(&self) -> impl Iterator<Item = PeerNo> + '_ {
        self.members.iter().filter(|(_, member)| member.is_holder).map(|(no, _)| *no)
    }

    /// The lot of the manifest.
    pub(super) const fn manifest(&self) -> Lot {
        self.manifest
    }

    /// Finds out for which indices this node is the delegate, unless that is known, or was found out a moment ago.
    pub(super) fn find_mine(&mut self, now: Instant, me: Lot, space: u32) {
        let is_due = self.is_stale && now.since(self.found) >= DELEGATES_EVERY;
        if self.barred.is_some() && !is_due {
            return;
        }
        (self.is_stale, self.found) = (false, now);
        let rivals = self.members.values().filter(|member| member.is_rival).map(|member| member.lot);
        let rivals: Vec<Lot> = rivals.collect();
        let mut barred = self.held.clone();
        for index in 0..space {
            let draw = me.draw(self.manifest, index);
            if rivals.iter().any(|rival| rival.draw(self.manifest, index) < draw) {
                barred.insert(index);
            }
        }
        (self.me, self.barred) = (me, Some(barred));
    }

    /// Whether this node is the delegate for an index.
    fn is_mine(&self, index: u32) -> bool {
        let draw = self.me.draw(self.manifest, index);
        let mut rivals = self.members.values().filter(|member| member.is_rival);
        rivals.all(|rival| draw <= rival.lot.draw(self.manifest, index))
    }

    /// A member announced an index.
    pub(super) fn gain(&mut self, peer: PeerNo, index: u32) {
        if self.members.get(&peer).is_some_and(|member| member.is_holder) {
            self.count(index);
        }
    }

    /// A member turned out to lack an index that it had announced.
    pub(super) fn lack(&mut self, peer: PeerNo, index: u32) {
        if self.members.get(&peer).is_some_and(|member| member.is_holder) {
            self.discount(index);
        }
    }

    /// What a member with these indices is from now on; none: it is not near, or no member any more.
    pub(super) fn set(&mut self, peer: PeerNo, now: Option<NearMember>, have: &Bits) {
        let before = self.members.get(&peer).copied();
        if before == now {
            return;
        }
        match now {
            Some(now) => self.members.insert(peer, now),
            None => self.members.remove(&peer),
        };
        let counts = |member: Option<NearMember>| member.is_some_and(|member| member.is_holder);
        if counts(now) && !counts(before) {
            have.iter().for_each(|index| self.count(index));
        } else if counts(before) && !counts(now) {
            have.iter().for_each(|index| self.discount(index));
        }
        let rival =
            |member: Option<NearMember>| member.filter(|member| member.is_rival).map(|member| member.lot);
        if rival(before) != rival(now) {
            self.is_stale = true;
        }
    }

    fn count(&mut self, index: u32) {
        if self.holders.len() <= at(index) {
            self.holders.resize(at(index).saturating_add(1), 0);
        }
        if let Some(holders) = self.holders.get_mut(at(index)) {
            *holders = holders.saturating_add(1);
            self.held.insert(index);
            self.barred.as_mut().map(|barred| barred.insert(index));
        }
    }

    fn discount(&mut self, index: u32) {
        let Some(holders) = self.holders.get_mut(at(index)) else { return };
        *holders = holders.saturating_sub(1);
        if *holders > 0 || !self.held.remove(index) {
            return;
        }
        if self.is_mine(index)
            && let Some(barred) = &mut self.barred
        {
            barred.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;
    use proptest::prelude::*;

    const SPACE: u32 = 70;

    fn lot(n: u8) -> Lot {
        Lot::of_peer(PeerId::new(PublicKey::from_bytes([n; 32])))
    }

    fn near() -> Near {
        Near::new(ManifestId::from_bytes([1; 32]), SPACE)
    }

    fn member(n: u8, is_holder: bool) -> NearMember {
        NearMember { lot: lot(n), is_holder, is_rival: true }
    }

    #[test]
    fn each_index_has_one_delegate_among_those_who_know_each_other() {
        let nothing = Bits::new(SPACE);
        let barred = [1, 2, 3].map(|me| {
            let mut near = near();
            for other in [1, 2, 3].into_iter().filter(|other| *other != me) {
                near.set(PeerNo::from(u32::from(other)), Some(member(other, true)), &nothing);
            }
            near.find_mine(Instant::ZERO, lot(me), SPACE);
            near.barred().cloned().unwrap()
        });
        for index in 0..SPACE {
            assert_eq!(barred.iter().filter(|barred| !barred.contains(index)).count(), 1);
        }
        let share = |barred: &Bits| SPACE - barred.len();
        assert!(barred.iter().all(|barred| share(barred) > SPACE / 7), "{:?}", barred.each_ref().map(share));
    }

    #[test]
    fn however_often_rivals_change_delegates_are_found_out_now_and_then() {
        let (mut near, nothing) = (near(), Bits::new(SPACE));
        let at = |ms: u64| Instant::from_micros(ms * 1000);
        let mine = |near: &Near| SPACE - near.barred().unwrap().len();
        near.find_mine(at(5_000), lot(1), SPACE);
        assert_eq!(mine(&near), SPACE);
        near.set(PeerNo::from(2), Some(member(2, true)), &nothing);
        near.find_mine(at(5_900), lot(1), SPACE);
        assert_eq!(mine(&near), SPACE);
        near.find_mine(at(6_000), lot(1), SPACE);
        assert!(mine(&near) < SPACE);
    }

    proptest! {
        #[test]
        fn counts_and_delegates_follow_who_is_there(
            steps in prop::collection::vec((1_u8..5, 0_u8..5, 0_u32..SPACE), 0..80)
        ) {
            let (mut near, me) = (near(), lot(9));
            let mut have: BTreeMap<u8, Bits> = (1..5).map(|n| (n, Bits::new(SPACE))).collect();
            let mut standing: BTreeMap<u8, NearMember> = BTreeMap::new();
            for (second, (n, what, index)) in (1_u64..).zip(steps) {
                let (no, of) = (PeerNo::from(u32::from(n)), have.get_mut(&n).unwrap());
                match what {
                    0 => if of.insert(index) { near.gain(no, index) },
                    1 => if of.remove(index) { near.lack(no, index) },
                    2 => { standing.remove(&n); near.set(no, None, of) }
                    _ => {
                        standing.insert(n, member(n, what == 3));
                        near.set(no, Some(member(n, what == 3)), of);
                    }
                }
                near.find_mine(Instant::from_micros(second * 1_000_000), me, SPACE);
                for index in 0..SPACE {
                    let holds = |(n, member): (&u8, &NearMember)| member.is_holder && have[n].contains(index);
                    let held = standing.iter().any(holds);
                    let draw = |lot: Lot| lot.draw(near.manifest(), index);
                    let mine = standing.values().all(|member| draw(me) <= draw(member.lot));
                    prop_assert_eq!(near.held().contains(index), held);
                    prop_assert_eq!(near.barred().unwrap().contains(index), held || !mine);
                }
            }
        }
    }
}
