//! The members of one swarm as a seed counts them, and whom of them it names to one of them.
//!
//! Who has a zone hears mostly of its own, of some elsewhere, so that what only one zone has comes to the others, and of
//! some at random, so that nobody's choice of a zone cuts a swarm in two. For each place two are drawn, and who was named
//! less often has it: so all have about as many neighbours, and nobody gets a larger share of what they give.
use super::chance::Chance;
use super::naming::Naming;
use crate::engine::bounds::{FAR_PART, FAR_SCAN_MAX, NEAR_PART};
use crate::message::ChunkSet;
use crate::{PeerId, PublicKey, Zone};
use core::ops::Bound;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one member of a swarm.
#[derive(Clone, Debug, Default)]
struct Member {
    /** chunks that it says it has */
    have: u32,
    /** how often it was named to others */
    named: u32,
    /** it gave a chunk that it said it has */
    is_proven: bool,
    zone: Option<Zone>,
    /** it was told what to take of this seed */
    has_part: bool,
    /** its place among those that wait to be told */
    place: Option<u64>,
}

/// Every member of one swarm.
#[derive(Debug, Default)]
pub(super) struct Members {
    known: BTreeMap<PeerId, Member>,
    /// Those of which a zone is known, by zone.
    placed: BTreeSet<(Zone, PeerId)>,
    /// Those that came with much and have not proven it: named where there are not enough others.
    aside: BTreeSet<PeerId>,
    naming: Naming,
}

/// From where a neighbour is drawn.
#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    Near(&'a Zone),
    Far(&'a Zone),
    Anywhere,
    Aside,
}

impl Members {
    /// A member has so many chunks, and is there, if that is known.
    pub(super) fn enter(&mut self, peer: PeerId, have: u32, zone: Option<Zone>) {
        if !self.contains(&peer) {
            self.naming.enter(None);
        }
        self.known.entry(peer).or_default().have = have;
        if let Some(zone) = zone {
            self.place(peer, zone);
        }
    }

    /// A member is there.
    pub(super) fn place(&mut self, peer: PeerId, zone: Zone) {
        let Some(member) = self.known.get_mut(&peer) else { return };
        let before = member.zone.replace(zone.clone());
        if before.as_ref() != Some(&zone) {
            self.naming.enter(Some(zone.clone()));
            self.naming.leave(&before);
        }
        if let Some(before) = before {
            self.placed.remove(&(before, peer));
        }
        self.placed.insert((zone, peer));
    }

    /// A member has so many more; how many that makes.
    pub(super) fn gain(&mut self, peer: &PeerId, more: u32) -> Option<u32> {
        let member = self.known.get_mut(peer)?;
        member.have = member.have.saturating_add(more);
        Some(member.have)
    }

    /// What a member is to take of this seed, of so many chunks. None: it takes no part in the swarm.
    pub(super) fn next_part(&mut self, peer: &PeerId, count: u32) -> Option<ChunkSet> {
        let member = self.known.get_mut(peer)?;
        let has_part = core::mem::replace(&mut member.has_part, true);
        self.naming.next_part(&member.zone, has_part, count)
    }

    /// Whether each chunk was named where a member is.
    pub(super) fn is_given_out(&self, peer: &PeerId) -> bool {
        self.known.get(peer).is_some_and(|member| self.naming.is_given_out(&member.zone))
    }

    /// Whether it was told so.
    pub(super) fn has_part(&self, peer: &PeerId) -> bool {
        self.known.get(peer).is_some_and(|member| member.has_part)
    }

    /// A member begins to wait for a part, at this place; false if it waits already, or takes no part.
    pub(super) fn give_place(&mut self, peer: &PeerId, place: u64) -> bool {
        let waits = self.known.get_mut(peer).map(|member| &mut member.place);
        let begins = waits.filter(|waits| waits.is_none());
        begins.map(|waits| *waits = Some(place)).is_some()
    }

    /// It waits no more; the place that it had.
    pub(super) fn take_place(&mut self, peer: &PeerId) -> Option<u64> {
        self.known.get_mut(peer)?.place.take()
    }

    /// It has to prove first that it has what it says.
    pub(super) fn set_aside(&mut self, peer: PeerId) {
        if self.contains(&peer) {
            self.aside.insert(peer);
        }
    }

    /// It has proven that.
    pub(super) fn prove(&mut self, peer: &PeerId) {
        self.aside.remove(peer);
        if let Some(member) = self.known.get_mut(peer) {
            member.is_proven = true;
        }
    }

    /// Whether it has.
    pub(super) fn is_proven(&self, peer: &PeerId) -> bool {
        self.known.get(peer).is_some_and(|member| member.is_proven)
    }

    /// It takes no part any more.
    pub(super) fn remove(&mut self, peer: &PeerId) {
        self.aside.remove(peer);
        let Some(member) = self.known.remove(peer) else { return };
        self.naming.leave(&member.zone);
        if let Some(zone) = member.zone {
            self.placed.remove(&(zone, *peer));
        }
    }

    /// Whether it takes part.
    pub(super) fn contains(&self, peer: &PeerId) -> bool {
        self.known.contains_key(peer)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// All of them.
    pub(super) fn ids(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.known.keys().copied()
    }

    /// Those that have so many chunks, as far as they say.
    pub(super) fn holders(&self, count: u32) -> impl Iterator<Item = PeerId> + '_ {
        self.known.iter().filter(move |(_, member)| member.have >= count).map(|(peer, _)| *peer)
    }

    /// Whether it has so many, as far as it says.
    pub(super) fn holds(&self, peer: &PeerId, count: u32) -> bool {
        self.known.get(peer).is_some_and(|member| member.have >= count)
    }

    /// Some of them for one, who is there, if that is known: `count`, or all others where there are no more.
    pub(super) fn sample(
        &mut self,
        chance: &mut Chance,
        count: usize,
        (asker, zone): (&PeerId, Option<&Zone>),
    ) -> BTreeSet<PeerId> {
        let mut picked = BTreeSet::new();
        if self.known.len() <= count {
            picked.extend(self.ids().filter(|peer| peer != asker));
        } else {
            if let Some(zone) = zone {
                self.pick(chance, &mut picked, (count / FAR_PART, asker), Place::Far(zone));
                let near = picked.len() + count * NEAR_PART.0 / NEAR_PART.1;
                self.pick(chance, &mut picked, (near, asker), Place::Near(zone));
            }
            let all = count.min(self.known.len().saturating_sub(1));
            self.pick(chance, &mut picked, (all, asker), Place::Anywhere);
            self.pick(chance, &mut picked, (all, asker), Place::Aside);
        }
        for peer in &picked {
            if let Some(member) = self.known.get_mut(peer) {
                member.named = member.named.saturating_add(1);
            }
        }
        picked
    }

    /// Adds members until there are so many, as far as there are any.
    fn pick(
        &self,
        chance: &mut Chance,
        picked: &mut BTreeSet<PeerId>,
        (count, asker): (usize, &PeerId),
        place: Place<'_>,
    ) {
        for _ in 0..count.saturating_mul(2) {
            if picked.len() >= count {
                break;
            }
            let is_aside = matches!(place, Place::Aside);
            let fits = |peer: &PeerId| {
                peer != asker && !picked.contains(peer) && (is_aside || !self.aside.contains(peer))
            };
            let drawn = [(); 2].map(|()| self.draw(chance, place, picked.len() + 2, fits));
            let named = |peer: &PeerId| self.known.get(peer).map_or(u32::MAX, |member| member.named);
            let least = drawn.into_iter().flatten().min_by_key(named);
            let Some(least) = least else { break };
            picked.insert(least);
        }
    }

    /// One at random; `tries` members in a row are looked at, more than do not fit.
    fn draw(
        &self,
        chance: &mut Chance,
        place: Place<'_>,
        tries: usize,
        fits: impl Fn(&PeerId) -> bool,
    ) -> Option<PeerId> {
        let pivot = name(chance.name());
        match place {
            Place::Aside => {
                let later = self.aside.range((Bound::Excluded(pivot), Bound::Unbounded));
                later.chain(&self.aside).copied().take(tries).find(fits)
            }
            Place::Anywhere => self.from(pivot).map(|(peer, _)| *peer).take(tries).find(fits),
            Place::Near(zone) => {
                let later = self.placed.range((zone.clone(), pivot)..=(zone.clone(), name([0xff; 32])));
                let all = self.placed.range((zone.clone(), name([0; 32]))..=(zone.clone(), name([0xff; 32])));
                later.chain(all).map(|(_, peer)| *peer).take(tries).find(fits)
            }
            Place::Far(zone) => {
                let is_far = |member: &Member| member.zone.as_ref().is_some_and(|other| other != zone);
                let scanned = self.from(pivot).take(FAR_SCAN_MAX).filter(|(_, member)| is_far(member));
                let found = scanned.map(|(peer, _)| *peer).find(|peer| fits(peer));
                found.or_else(|| self.draw_of_few(chance, zone, fits))
            }
        }
    }

    fn from(&self, pivot: PeerId) -> impl Iterator<Item = (&PeerId, &Member)> {
        self.known.range((Bound::Excluded(pivot), Bound::Unbounded)).chain(&self.known)
    }

    /// One of those in other zones where these are so few that none was met.
    fn draw_of_few(
        &self,
        chance: &mut Chance,
        zone: &Zone,
        fits: impl Fn(&PeerId) -> bool,
    ) -> Option<PeerId> {
        let before = self.placed.range(..(zone.clone(), name([0; 32])));
        let bounds = (Bound::Excluded((zone.clone(), name([0xff; 32]))), Bound::Unbounded);
        let far = before.chain(self.placed.range(bounds)).map(|(_, peer)| *peer).take(FAR_SCAN_MAX);
        let mut fitting: Vec<PeerId> = far.filter(|peer| fits(peer)).collect();
        chance.shuffle(&mut fitting);
        fitting.pop()
    }
}

fn name(bytes: [u8; 32]) -> PeerId {
    PeerId::new(PublicKey::from_bytes(bytes))
}
