//! Which chunk is asked of whom next.
//!
//! Wanters take turns, each within its share of the buffers. For a wanter, two of its swarm's free members are drawn, and
//! the one that would be quicker is taken; peers before seeds, so that a seed is asked only when all peers who have
//! something are busy, and of a crowd, only for what few have. Of what that member has and the wanter lacks, the rarest of
//! a sample is asked for; the first few at random. A member that has nothing of use is set aside until something changes,
//! so that nothing is searched twice in vain.

use super::bits::Bits;
use super::limits::{CROWD_HOLDERS, LOOSE_WINDOW, RANDOM_FIRST, SAMPLE_RUN, SAMPLE_RUNS, SEEDS_HELP_BELOW};
use super::peers::{Peer, Peers};
use super::slab::{ChunkNo, PeerNo, SwarmNo};
use super::swarm::{Swarm, Swarms};
use super::table::{Demand, Table};
use super::wants::Lane;
use super::{Transfer, Wanter};
use crate::Instant;
use crate::engine::{Output, Source};
use crate::limits::FETCHES_MAX;
use core::ops::Bound;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

impl Transfer {
    /// The next fetch, if anything can be asked of anybody.
    pub(super) fn plan(&mut self, now: Instant) -> Option<Output> {
        while self.fetches.len() < FETCHES_MAX {
            let wanter = self.next_turn()?;
            let begun = self.choose(wanter).and_then(|(no, peer)| self.begin(now, no, peer, wanter));
            if begun.is_some() {
                return begun;
            }
            self.active.remove(&wanter);
        }
        None
    }

    fn next_turn(&mut self) -> Option<Wanter> {
        let after = self.turn.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.active.range((after, Bound::Unbounded)).next().or_else(|| self.active.first());
        self.turn = next.copied();
        self.turn
    }

    fn choose(&mut self, wanter: Wanter) -> Option<(ChunkNo, PeerNo)> {
        let share = self.share(wanter);
        let wants = self.wanters.get_mut(&wanter)?;
        if wants.live >= share || !wants.takes_more(wanter, self.store_refuses) {
            return None;
        }
        let mut picker = Picker {
            swarms: &self.swarms,
            peers: &self.peers,
            table: &self.table,
            rng: &mut self.rng,
            wanter,
            seeds_are_spared: wants.live >= SEEDS_HELP_BELOW,
            part_use: None,
        };
        let found = [Source::Peer, Source::Seed].into_iter().find_map(|source| {
            wants.lanes.iter_mut().find_map(|(&swarm, lane)| picker.pick(swarm, lane, source))
        });
        if let Some((swarm, seed, index)) = picker.part_use {
            self.use_part(swarm, seed, index);
        }
        found
    }

    /// How many buffers this wanter may fill: an even part, at least one.
    fn share(&self, wanter: Wanter) -> usize {
        let rivals = self.busy.len() - usize::from(self.busy.contains(&wanter));
        (FETCHES_MAX / (rivals + 1)).max(1)
    }
}

/// A random number below `bound` (a bound of zero gives zero).
fn random_below(rng: &mut ChaCha8Rng, bound: usize) -> usize {
    let bound = u64::try_from(bound).unwrap_or(u64::MAX);
    let drawn = (u64::from(rng.next_u32()) * bound) >> 32;
    usize::try_from(drawn).unwrap_or(0)
}

/// What a choice looks at.
struct Picker<'a> {
    swarms: &'a Swarms,
    peers: &'a Peers,
    table: &'a Table,
    rng: &'a mut ChaCha8Rng,
    wanter: Wanter,
    /** enough is under way from others */
    seeds_are_spared: bool,
    /** the seed that was looked at last and had said what is to be taken of it, and what of that */
    part_use: Option<(SwarmNo, PeerNo, Option<u32>)>,
}

impl Picker<'_> {
    /// A chunk of this lane and a free member that has it.
    fn pick(&mut self, no: SwarmNo, lane: &mut Lane, source: Source) -> Option<(ChunkNo, PeerNo)> {
        let swarm = self.swarms.get(no)?;
        while lane.has_work() {
            let peer = self.draw_two(lane.ready_mut(source))?;
            let have = swarm.have(peer);
            let of_part = self.pick_of_part((no, swarm), lane, peer);
            if of_part.is_none() && self.seeds_are_spared && swarm.part(peer).is_some() {
                return None;
            }
            let index = of_part.or_else(|| self.pick_index(swarm, lane, have?));
            if index.is_some_and(|index| self.is_spared(source, swarm.holders(index))) {
                return None;
            }
            let listed = index.and_then(|index| swarm.chunk(index));
            let is_whole = have.is_some_and(Bits::is_full);
            let chunk = listed.or_else(|| if is_whole { self.pick_loose(lane, peer) } else { None });
            if chunk.is_some() {
                lane.begun = lane.begun.saturating_add(1);
                return chunk.map(|chunk| (chunk, peer));
            }
            lane.forget_peer(peer);
        }
        None
    }

    /// A chunk that a seed said is to be taken of it, unless many have that by now.
    fn pick_of_part(&mut self, (no, swarm): (SwarmNo, &Swarm), lane: &Lane, seed: PeerNo) -> Option<u32> {
        let index = self.pick_index(swarm, lane, swarm.part(seed)?);
        self.part_use = Some((no, seed, index));
        index.filter(|&index| !self.is_spared(Source::Seed, swarm.holders(index)))
    }

    /// The quicker of two members drawn at random.
    fn draw_two(&mut self, ready: &mut Vec<PeerNo>) -> Option<PeerNo> {
        let one = self.draw(ready)?;
        let others = ready.len().saturating_sub(1);
        let place = ready.binary_search(&one).ok()? + 1 + random_below(self.rng, others);
        let other = *ready.get(place % ready.len())?;
        let quicker = |peer: &Peer| {
            peer.is_free() && self.peers.get(one).is_some_and(|one| peer.expected() < one.expected())
        };
        Some(if self.peers.get(other).is_some_and(quicker) { other } else { one })
    }

    /// A free member drawn at random; those that are busy are taken off the list, and come back when they are free.
    fn draw(&mut self, ready: &mut Vec<PeerNo>) -> Option<PeerNo> {
        while !ready.is_empty() {
            let place = random_below(self.rng, ready.len());
            let &no = ready.get(place)?;
            if self.peers.get(no).is_some_and(Peer::is_free) {
                return Some(no);
            }
            ready.remove(place);
        }
        None
    }

    /// Whether a seed is not asked for this, because many have it.
    fn is_spared(&self, source: Source, holders: u16) -> bool {
        source == Source::Seed && self.seeds_are_spared && holders >= CROWD_HOLDERS
    }

    /// The rarest of a sample: a few candidates in a row from each of some random places on, for neighbours in a manifest
    /// are often equally rare. The first chunks are simply those at such a place.
    fn pick_index(&mut self, swarm: &Swarm, lane: &Lane, have: &Bits) -> Option<u32> {
        let (runs, length) = if lane.begun < RANDOM_FIRST { (1, 1) } else { (SAMPLE_RUNS, SAMPLE_RUN) };
        let space = usize::try_from(swarm.space).unwrap_or(usize::MAX);
        let mut rarest = None;
        for _ in 0..runs {
            let start = u32::try_from(random_below(self.rng, space)).unwrap_or(0);
            let mut seen = 0;
            let run = lane.todo.common(have, start).take(length).inspect(|_| seen += 1);
            rarest = rarest.into_iter().chain(run).min_by_key(|&index| swarm.holders(index));
            if seen < length {
                break; // that was all there is
            }
        }
        rarest
    }

    /// A chunk that no swarm lists, for a member that has all of this one. Taken off the list: a failure puts it back.
    fn pick_loose(&self, lane: &mut Lane, peer: PeerNo) -> Option<ChunkNo> {
        let id = self.peers.get(peer)?.id;
        while lane.loose.front().is_some_and(|&no| self.loose_demand(no).is_none()) {
            lane.loose.pop_front();
        }
        let askable =
            |&no: &ChunkNo| self.loose_demand(no).is_some_and(|demand| !demand.refused.contains(id));
        let place = lane.loose.iter().take(LOOSE_WINDOW).position(askable)?;
        lane.loose.remove(place)
    }

    /// The demand of this wanter for a chunk without a place, if a copy is to be asked for.
    fn loose_demand(&self, no: ChunkNo) -> Option<&Demand> {
        let chunk = self.table.get(no).filter(|chunk| chunk.places.is_empty() && !chunk.held)?;
        let demand = chunk.demand.as_deref()?;
        (!demand.in_flight() && demand.wanters.contains(self.wanter)).then_some(demand)
    }
}
