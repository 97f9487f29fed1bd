//! One manifest's swarm: its index space (the tree's chunks, then the content's), what the store holds of it, and what
//! its members announced.

use super::bits::{Bits, at};
use super::near::{Near, NearMember};
use super::part::Part;
use super::slab::{ChunkNo, PeerNo, Slab, SwarmNo};
use super::{Audience, Wanter, news};
use crate::{Instant, ManifestId};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

/// New indices named one by one at most; of a larger announcement only the size matters.
const GAINED_LISTED_MAX: usize = 64;

/// See the module.
#[derive(Debug)]
pub(super) struct Swarm {
    /** its name */
    pub(super) manifest: ManifestId,
    /** how many indices there are, known or not */
    pub(super) space: u32,
    /** the chunks in order: the tree's, and once known the content's */
    pub(super) chunks: Vec<ChunkNo>,
    /** what the store holds */
    pub(super) held: Bits,
    /** what it holds and who may want it was not told */
    news: Bits,
    /** what it holds and seeds were not told */
    seed_news: Bits,
    /** when there was anything to tell for the first time */
    first_news: Option<Instant>,
    /** everything is held, and that was said */
    pub(super) complete_told: bool,
    /** those with a lane here */
    pub(super) wanters: BTreeSet<Wanter>,
    members: BTreeMap<PeerNo, Bits>,
    /** what each seed said is to be taken of it */
    parts: BTreeMap<PeerNo, Part>,
    /** how many members announced each index; made for the first member */
    holders: Vec<u16>,
    /** what near members have */
    pub(super) near: Near,
}

/// What an announcement added.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gained {
    /** how many indices are new */
    pub(super) count: usize,
    /** the first of them */
    pub(super) first: Vec<u32>,
}

impl Gained {
    /// Whether the list names all that is new.
    pub(super) fn is_listed(&self) -> bool {
        self.count == self.first.len()
    }
}

impl Swarm {
    /// A swarm without members.
    pub(super) fn new(manifest: ManifestId, space: u32) -> Self {
        Self {
            manifest,
            space,
            chunks: Vec::new(),
            held: Bits::new(space),
            news: Bits::new(space),
            seed_news: Bits::new(space),
            first_news: None,
            complete_told: false,
            wanters: BTreeSet::new(),
            members: BTreeMap::new(),
            parts: BTreeMap::new(),
            holders: Vec::new(),
            near: Near::new(manifest, space),
        }
    }

    /// Whether every index has its chunk.
    pub(super) fn content_is_known(&self) -> bool {
        self.chunks.len() == at(self.space)
    }

    /// The chunk at an index, if known.
    pub(super) fn chunk(&self, index: u32) -> Option<ChunkNo> {
        self.chunks.get(at(index)).copied()
    }

    /// The store holds an index now; true if it did not.
    pub(super) fn hold(&mut self, index: u32) -> bool {
        let new = self.held.insert(index);
        if new {
            self.news.insert(index);
            self.seed_news.insert(index);
        }
        new
    }

    /// What these were not told.
    pub(super) const fn news_mut(&mut self, audience: Audience) -> &mut Bits {
        match audience {
            Audience::Peers => &mut self.news,
            Audience::Seeds => &mut self.seed_news,
        }
    }

    /// They were told otherwise.
    pub(super) fn forget_news(&mut self, audience: Audience) {
        *self.news_mut(audience) = Bits::new(self.space);
    }

    /// How long what is new now is gathered.
    pub(super) fn news_delay(&mut self, now: Instant, audience: Audience) -> Duration {
        let first = *self.first_news.get_or_insert(now);
        news::delay(now.since(first), audience, self.held.is_full())
    }

    /// The store lost it; false if it was not held. Completeness may be said anew from then on.
    pub(super) fn lose(&mut self, index: u32) -> bool {
        let held = self.held.remove(index);
        self.news.remove(index);
        self.seed_news.remove(index);
        self.complete_told &= !held;
        held
    }

    /// What a member announced.
    pub(super) fn have(&self, peer: PeerNo) -> Option<&Bits> {
        self.members.get(&peer)
    }

    /// The members, in order of number.
    pub(super) fn members(&self) -> impl Iterator<Item = (PeerNo, &Bits)> {
        self.members.iter().map(|(&peer, have)| (peer, have))
    }

    /// Memory for what a member said that it has, and what is to be taken of it.
    pub(super) fn memory_of(&self, peer: PeerNo) -> usize {
        self.have(peer).map_or(0, Bits::bytes) + self.parts.get(&peer).map_or(0, Part::bytes)
    }

    /// What is to be taken of a seed, if it said so.
    pub(super) fn part(&self, seed: PeerNo) -> Option<&Part> {
        self.parts.get(&seed)
    }

    /// The same, to be changed.
    pub(super) fn known_part_mut(&mut self, seed: PeerNo) -> Option<&mut Part> {
        self.parts.get_mut(&seed)
    }

    /// The same; begun if the seed had said nothing.
    pub(super) fn part_mut(&mut self, seed: PeerNo) -> &mut Part {
        self.parts.entry(seed).or_insert_with(|| Part::new(self.space))
    }

    /// How many members announced an index.
    pub(super) fn holders(&self, index: u32) -> u16 {
        self.holders.get(at(index)).copied().unwrap_or(0)
    }

    /// A peer takes part.
    pub(super) fn join(&mut self, peer: PeerNo) {
        self.members.entry(peer).or_insert_with(|| Bits::new(self.space));
    }

    /// A member has these too. What lies beyond the index space is ignored.
    pub(super) fn gain(&mut self, peer: PeerNo, ranges: &[(u32, u32)]) -> Gained {
        let mut gained = Gained::default();
        let Some(have) = self.members.get_mut(&peer) else { return gained };
        self.holders.resize(at(self.space), 0);
        let mut added = |index| {
            if let Some(holders) = self.holders.get_mut(at(index)) {
                *holders = holders.saturating_add(1);
            }
            self.near.gain(peer, index);
            gained.count += 1;
            if gained.first.len() < GAINED_LISTED_MAX {
                gained.first.push(index);
            }
        };
        for &(from, to) in ranges {
            have.insert_range(from, to, &mut added);
        }
        gained
    }

    /// A member turned out to lack an index.
    pub(super) fn lack(&mut self, peer: PeerNo, index: u32) {
        let removed = self.members.get_mut(&peer).is_some_and(|have| have.remove(index));
        if removed && let Some(holders) = self.holders.get_mut(at(index)) {
            *holders = holders.saturating_sub(1);
            self.near.lack(peer, index);
        }
    }

    /// What a member is from now on, if it is near.
    pub(super) fn set_near(&mut self, peer: PeerNo, now: Option<NearMember>) {
        if let Some(have) = self.members.get(&peer) {
            let now = now.map(|now| NearMember { is_rival: now.is_rival && !have.is_full(), ..now });
            self.near.set(peer, now, have);
        }
    }

    /// Seeds that said what is to be taken of them.
    pub(super) fn seeds_with_parts(&self) -> impl Iterator<Item = PeerNo> {
        self.parts.keys().copied()
    }

    /// A member leaves; gives back what it had announced.
    pub(super) fn leave(&mut self, peer: PeerNo) -> Option<Bits> {
        self.parts.remove(&peer);
        self.set_near(peer, None);
        let have = self.members.remove(&peer)?;
        for index in have.iter() {
            if let Some(holders) = self.holders.get_mut(at(index)) {
                *holders = holders.saturating_sub(1);
            }
        }
        Some(have)
    }
}

/// The open swarms.
#[derive(Debug)]
pub(super) struct Swarms {
    swarms: Slab<SwarmNo, Swarm>,
    numbers: BTreeMap<ManifestId, SwarmNo>,
    /** those with wanters */
    wanted: BTreeSet<SwarmNo>,
}

impl Swarms {
    /// None.
    pub(super) const fn new() -> Self {
        Self { swarms: Slab::new(), numbers: BTreeMap::new(), wanted: BTreeSet::new() }
    }

    /// The number of a manifest's swarm, if it is open.
    pub(super) fn find(&self, manifest: ManifestId) -> Option<SwarmNo> {
        self.numbers.get(&manifest).copied()
    }

    /// The swarm with this number.
    pub(super) fn get(&self, no: SwarmNo) -> Option<&Swarm> {
        self.swarms.get(no)
    }

    /// The swarm with this number, to be changed.
    pub(super) fn get_mut(&mut self, no: SwarmNo) -> Option<&mut Swarm> {
        self.swarms.get_mut(no)
    }

    /// Opens a swarm that is not open.
    pub(super) fn open(&mut self, swarm: Swarm) -> SwarmNo {
        let manifest = swarm.manifest;
        let no = self.swarms.insert(swarm);
        self.numbers.insert(manifest, no);
        no
    }

    /// Closes a swarm.
    pub(super) fn close(&mut self, manifest: ManifestId) -> Option<(SwarmNo, Swarm)> {
        let no = self.numbers.remove(&manifest)?;
        self.wanted.remove(&no);
        Some((no, self.swarms.remove(no)?))
    }

    /// A wanter has a lane in this swarm.
    pub(super) fn add_wanter(&mut self, no: SwarmNo, wanter: Wanter) {
        if let Some(swarm) = self.swarms.get_mut(no) {
            swarm.wanters.insert(wanter);
            self.wanted.insert(no);
        }
    }

    /// It has none any more.
    pub(super) fn remove_wanter(&mut self, no: SwarmNo, wanter: Wanter) {
        let Some(swarm) = self.swarms.get_mut(no) else { return };
        swarm.wanters.remove(&wanter);
        if swarm.wanters.is_empty() {
            self.wanted.remove(&no);
        }
    }

    /// The swarms that somebody wants chunks of.
    pub(super) fn wanted(&self) -> impl Iterator<Item = (SwarmNo, &Swarm)> {
        self.wanted.iter().filter_map(|&no| Some((no, self.get(no)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn swarm(space: u32) -> Swarm {
        Swarm::new(ManifestId::from_bytes([1; 32]), space)
    }

    #[test]
    fn claims_beyond_the_space_are_ignored() {
        let (mut swarm, peer) = (swarm(10), PeerNo::from(0));
        swarm.join(peer);
        let gained = swarm.gain(peer, &[(8, u32::MAX)]);
        assert_eq!(gained, Gained { count: 2, first: vec![8, 9] });
        assert_eq!((swarm.holders(9), swarm.holders(10)), (1, 0));
    }

    #[test]
    fn strangers_gain_nothing() {
        assert_eq!(swarm(10).gain(PeerNo::from(0), &[(0, 10)]), Gained::default());
    }

    #[test]
    fn news_is_what_is_held_and_not_told() {
        let mut swarm = swarm(10);
        swarm.hold(3);
        swarm.hold(4);
        swarm.lose(3);
        assert_eq!(swarm.news.iter().collect::<Vec<_>>(), [4]);
        swarm.forget_news(Audience::Peers);
        swarm.hold(4);
        assert!(swarm.news.is_empty());
    }

    proptest! {
        #[test]
        fn holders_are_counted(steps in prop::collection::vec((0_u32..4, 0_u32..50, 0_u32..20, 0_u32..4), 0..60)) {
            let mut swarm = swarm(50);
            for (peer, from, length, what) in steps {
                let peer = PeerNo::from(peer);
                match what {
                    0 => swarm.lack(peer, from),
                    1 if length == 0 => { swarm.leave(peer); }
                    _ => { swarm.join(peer); swarm.gain(peer, &[(from, from + length)]); }
                }
                for index in 0..50 {
                    let count = swarm.members().filter(|(_, have)| have.contains(index)).count();
                    prop_assert_eq!(usize::from(swarm.holders(index)), count);
                }
            }
        }
    }
}
