//! Which chunk is asked of whom next.
//!
//! Wanters take turns, each within its share of the buffers. For a wanter, two of its swarm's free members are drawn, and
//! the one that would be quicker is taken, unless it is far and the other near and not much slower; peers before seeds, so that a seed is asked only when all peers who have
//! something are busy, and of a crowd, only for what few have; last those of other zones, for what no near one has (`far`). Of what that member has and the wanter lacks, the rarest of
//! a sample is asked for, with those of its neighbours that are as rare (`request`); the first few at random. A member that
//! has nothing of use is set aside until something changes, so that nothing is searched twice in vain.

use super::bits::{Bits, at};
use super::far::Due;
use super::limits::{
    CROWD_HOLDERS, FAR_WEIGHT, LOOSE_WINDOW, RANDOM_FIRST, REFILL_SHARE, SAMPLE_RUN, SAMPLE_RUNS,
    SEEDS_HELP_BELOW,
};
use super::part::Part;
use super::peers::{Peer, Peers};
use super::request::{Around, Room};
use super::slab::{ChunkNo, PeerNo, SwarmNo};
use super::swarm::{Swarm, Swarms};
use super::table::{Demand, Table};
use super::wants::Lane;
use super::{Transfer, Wanter};
use crate::Instant;
use crate::engine::{Output, Source};
use crate::limits::FETCHES_MAX;
use core::ops::Bound;
use core::time::Duration;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

impl Transfer {
    /// The next fetch, if anything can be asked of anybody.
    pub(super) fn plan(&mut self, now: Instant) -> Option<Output> {
        while self.fetches.len() < FETCHES_MAX {
            let wanter = self.next_turn()?;
            let chosen = self.choose(now, wanter);
            let is_lone = chosen.as_ref().is_some_and(|pick| pick.is_lone);
            let begun = chosen.and_then(|pick| self.begin(now, &pick.chunks, pick.peer, wanter));
            self.note_lone(now, wanter, begun.as_ref().filter(|_| is_lone));
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

    fn choose(&mut self, now: Instant, wanter: Wanter) -> Option<Pick> {
        let room = self.room(wanter)?;
        let wants = self.wanters.get_mut(&wanter)?;
        for (&swarm, _) in wants.lanes.iter().filter(|(_, lane)| !lane.far.is_empty()) {
            if let Some(swarm) = self.swarms.get_mut(swarm) {
                swarm.near.find_mine(now, self.me, swarm.space);
            }
        }
        wants.afar.look(now, |fetch| self.fetches.contains_key(fetch));
        let mut picker = Picker {
            swarms: &self.swarms,
            peers: &self.peers,
            table: &self.table,
            rng: &mut self.rng,
            now,
            wanter,
            room,
            seeds_are_spared: wants.live >= SEEDS_HELP_BELOW,
            part_use: None,
            is_idle: wants.live == 0 || (wants.stands(now) && wants.afar.is_empty()),
            far_service: self.far_service,
            may_ask_afar: wants.afar.may_ask(now),
            probes_afar: wants.afar.may_probe(now),
            far_parts: Vec::new(),
        };
        let found = [Source::Peer, Source::Seed].into_iter().find_map(|source| {
            wants.lanes.iter_mut().find_map(|(&swarm, lane)| picker.pick(swarm, lane, source))
        });
        let found =
            found.or_else(|| wants.lanes.iter_mut().find_map(|(&swarm, lane)| picker.pick_far(swarm, lane)));
        let part_uses = picker.far_parts.into_iter().chain(picker.part_use).collect::<Vec<_>>();
        for (swarm, seed, count) in part_uses {
            self.use_part(now, (swarm, seed), count);
        }
        found
    }

    /// How much a wanter may ask for now: nothing before a good part of its buffers is free, so that one request can fill it.
    fn room(&self, wanter: Wanter) -> Option<Room> {
        let share = self.share(wanter);
        let wants = self.wanters.get(&wanter)?;
        let free = share.saturating_sub(wants.live);
        let bytes = wants.bytes_more(wanter, self.store_refuses);
        let is_due = free > 0 && free >= share / REFILL_SHARE && bytes > 0;
        let chunks = free.min(FETCHES_MAX.saturating_sub(self.fetches.len()));
        is_due.then_some(Room { chunks, bytes })
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

/// How long one more chunk would take of a peer, with what it costs others that it is far.
fn weighed(peer: &Peer) -> Duration {
    let weight = if peer.is_near() { 1 } else { FAR_WEIGHT };
    peer.expected().saturating_mul(weight)
}

/// What is asked of whom.
#[derive(Debug)]
pub(super) struct Pick {
    pub(super) chunks: Vec<ChunkNo>,
    pub(super) peer: PeerNo,
    /** asked of a far member only because nothing else comes */
    pub(super) is_lone: bool,
}

pub(super) fn count(chunks: &[ChunkNo]) -> u32 {
    u32::try_from(chunks.len()).unwrap_or(u32::MAX)
}

/// What a choice looks at.
pub(super) struct Picker<'a> {
    pub(super) swarms: &'a Swarms,
    pub(super) peers: &'a Peers,
    table: &'a Table,
    rng: &'a mut ChaCha8Rng,
    now: Instant,
    wanter: Wanter,
    room: Room,
    /** enough is under way from others */
    seeds_are_spared: bool,
    /** the seed that was looked at last and had said what is to be taken of it, and how much of that */
    part_use: Option<(SwarmNo, PeerNo, u32)>,
    /** the same of seeds of other zones, of all that were looked at */
    pub(super) far_parts: Vec<(SwarmNo, PeerNo, u32)>,
    /** nothing is on its way to the wanter */
    pub(super) is_idle: bool,
    /** what one more chunk takes of a far member */
    pub(super) far_service: Duration,
    /** far ones may be asked for something that is not this node's to bring */
    pub(super) may_ask_afar: bool,
    /** it is time to see how the way there is */
    pub(super) probes_afar: bool,
}

impl Picker<'_> {
    /// Chunks of this lane and a free member that has them.
    fn pick(&mut self, no: SwarmNo, lane: &mut Lane, source: Source) -> Option<Pick> {
        let swarm = self.swarms.get(no)?;
        while lane.has_work() {
            let peer = self.draw_two(lane.ready_mut(source))?;
            let have = swarm.have(peer);
            let of_part = self.pick_of_part((no, swarm), lane, peer);
            let waits = |part: &Part| self.seeds_are_spared || part.is_awaited(self.now);
            if of_part.is_none() && swarm.part(peer).is_some_and(waits) {
                return None;
            }
            let index = of_part.or_else(|| self.pick_index(swarm, lane, have?));
            if index.is_some_and(|index| self.is_spared(source, swarm.holders(index))) {
                return None;
            }
            let part = swarm.part(peer).filter(|_| of_part.is_some()).map(|part| &part.chunks);
            let from = part.or(have);
            let listed = index.zip(from).map(|(index, from)| self.group(swarm, lane, (peer, from), index));
            let mut chunks = listed.unwrap_or_default();
            if of_part.is_some() {
                self.part_use = Some((no, peer, count(&chunks)));
            } else if chunks.is_empty() && have.is_some_and(Bits::is_full) {
                chunks.extend(self.pick_loose(lane, peer));
            }
            if !chunks.is_empty() {
                lane.begun = lane.begun.saturating_add(count(&chunks));
                return Some(Pick { chunks, peer, is_lone: false });
            }
            lane.forget_peer(peer);
        }
        None
    }

    /// The chunk at an index, and the neighbours that this peer is asked for with it.
    fn group(&self, swarm: &Swarm, lane: &Lane, (peer, have): (PeerNo, &Bits), index: u32) -> Vec<ChunkNo> {
        let (Some(first), Some(room)) = (swarm.chunk(index), self.room_of(lane, peer)) else {
            return Vec::new();
        };
        let spared = self.peers.get(peer).is_some_and(|peer| self.is_spared(peer.source, CROWD_HOLDERS));
        let may = |index| have.contains(index) && !(spared && swarm.holders(index) >= CROWD_HOLDERS);
        Around { swarm, lane, table: self.table }.group((index, first), room, may)
    }

    /// The same of a far member.
    pub(super) fn group_due(
        &self,
        (swarm, lane): (&Swarm, &Lane),
        peer: PeerNo,
        due: &Due<'_>,
        index: u32,
    ) -> Vec<ChunkNo> {
        let (Some(first), Some(room)) = (swarm.chunk(index), self.room_of(lane, peer)) else {
            return Vec::new();
        };
        Around { swarm, lane, table: self.table }.group((index, first), room, |index| due.contains(index))
    }

    /// How much one request may ask of a peer.
    fn room_of(&self, lane: &Lane, peer: PeerNo) -> Option<Room> {
        let peer = self.peers.get(peer)?;
        let most = if lane.begun < RANDOM_FIRST { 1 } else { at(peer.request_chunks_max()) };
        Some(self.room.of_lane(lane).at_most(most))
    }

    /// A chunk that a seed said is to be taken of it, unless many have that by now.
    fn pick_of_part(&mut self, (no, swarm): (SwarmNo, &Swarm), lane: &Lane, seed: PeerNo) -> Option<u32> {
        let index = self.pick_index(swarm, lane, &swarm.part(seed)?.chunks);
        self.part_use = Some((no, seed, u32::from(index.is_some())));
        index.filter(|&index| !self.is_spared(Source::Seed, swarm.holders(index)))
    }

    /// The quicker of two members drawn at random, where one that is far counts as slower than it is.
    pub(super) fn draw_two(&mut self, ready: &mut Vec<PeerNo>) -> Option<PeerNo> {
        let one = self.draw(ready)?;
        let others = ready.len().saturating_sub(1);
        let place = ready.binary_search(&one).ok()? + 1 + random_below(self.rng, others);
        let other = *ready.get(place % ready.len())?;
        let quicker = |peer: &Peer| {
            peer.is_free() && self.peers.get(one).is_some_and(|one| weighed(peer) < weighed(one))
        };
        Some(if self.peers.get(other).is_some_and(quicker) { other } else { one })
    }

    /// A free member drawn at random; those that are busy are taken off the list, and come back when they are free.
    pub(super) fn draw(&mut self, ready: &mut Vec<PeerNo>) -> Option<PeerNo> {
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

    /// The rarest of a sample.
    fn pick_index(&mut self, swarm: &Swarm, lane: &Lane, have: &Bits) -> Option<u32> {
        self.rarest(swarm, lane, |start| lane.todo.common(have, start))
    }

    /// The rarest of a sample: a few candidates in a row from each of some random places on, for neighbours in a manifest
    /// are often equally rare. The first chunks are simply those at such a place.
    pub(super) fn rarest<I: Iterator<Item = u32>>(
        &mut self,
        swarm: &Swarm,
        lane: &Lane,
        candidates: impl Fn(u32) -> I,
    ) -> Option<u32> {
        let (runs, length) = if lane.begun < RANDOM_FIRST { (1, 1) } else { (SAMPLE_RUNS, SAMPLE_RUN) };
        let space = usize::try_from(swarm.space).unwrap_or(usize::MAX);
        let mut rarest = None;
        for _ in 0..runs {
            let start = u32::try_from(random_below(self.rng, space)).unwrap_or(0);
            let mut seen = 0;
            let run = candidates(start).take(length).inspect(|_| seen += 1);
            rarest = rarest.into_iter().chain(run).min_by_key(|&index| swarm.holders(index));
            if seen < length {
                break; // that was all there is
            }
        }
        rarest
    }

    /// A chunk that no swarm lists, for a member that has all of this one. Taken off the list: a failure puts it back.
    pub(super) fn pick_loose(&self, lane: &mut Lane, peer: PeerNo) -> Option<ChunkNo> {
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
