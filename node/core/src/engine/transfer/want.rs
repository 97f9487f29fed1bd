//! Wanting: chunks enter as wants, are looked for, and leave when they are had, dropped, or cannot be had.

use super::limits::WANTERS_MAX;
use super::slab::{ChunkNo, SwarmNo};
use super::wants::{Lane, Wants};
use super::{PullId, Transfer, Wanter};
use crate::engine::{FetchEnd, FetchId, Source};
use crate::limits::{CHUNK_BYTES_MAX, MANIFEST_CHUNKS_MAX};
use crate::{ChunkRef, Instant};

impl Transfer {
    /// The state of a wanter, made if there was none and there is room.
    pub(super) fn wanter_mut(&mut self, wanter: Wanter) -> Option<&mut Wants> {
        if self.wanters.len() >= WANTERS_MAX && !self.wanters.contains_key(&wanter) {
            return None;
        }
        Some(self.wanters.entry(wanter).or_insert_with(|| Wants::new(Instant::ZERO)))
    }

    /// Wants chunks of an open swarm.
    pub(super) fn want_all(&mut self, now: Instant, wanter: Wanter, swarm: SwarmNo, chunks: &[ChunkRef]) {
        for &chunk in chunks {
            match self.admit(wanter, swarm, chunk) {
                Some(no) => self.want_one(wanter, swarm, no),
                None => self.tell_failed(wanter, chunk, FetchEnd::NoHolder),
            }
        }
        self.note_moved(now, wanter);
        self.refill(wanter);
        self.watch(wanter);
        self.finish_if_done(wanter);
    }

    /// The number of a chunk that may be wanted: one that a swarm lists, that is held, or, while this swarm's content is
    /// not known, any; but not more of those than the swarm has.
    fn admit(&mut self, wanter: Wanter, swarm: SwarmNo, chunk: ChunkRef) -> Option<ChunkNo> {
        let known = self.swarms.get(swarm)?;
        let wants = self.wanters.get(&wanter)?;
        let outstanding = u32::try_from(wants.outstanding.len()).unwrap_or(u32::MAX);
        if chunk.bytes == 0 || chunk.bytes > CHUNK_BYTES_MAX || outstanding >= MANIFEST_CHUNKS_MAX {
            return None;
        }
        let listed = self.table.find(&chunk).and_then(|no| self.table.get(no));
        if listed.is_some_and(|chunk| !chunk.places.is_empty()) || self.table.is_held(chunk.id) {
            return Some(self.table.intern(chunk));
        }
        let loose = wants.lanes.get(&swarm).map_or(0, |lane| lane.loose.len());
        let room = u32::try_from(loose).is_ok_and(|loose| loose < known.space);
        (room && !known.content_is_known()).then(|| self.table.intern(chunk))
    }

    fn want_one(&mut self, wanter: Wanter, swarm: SwarmNo, no: ChunkNo) {
        let held = self.table.get(no).is_some_and(|chunk| chunk.held);
        if let (true, Wanter::Pull(pull)) = (held, wanter) {
            self.count_kept(pull, 1);
            return self.table.sweep(no);
        }
        let (Some(wants), Some(chunk)) = (self.wanters.get_mut(&wanter), self.table.get_mut(no)) else {
            return;
        };
        if !wants.outstanding.insert(no) {
            return;
        }
        wants.of = wants.of.saturating_add(1);
        let demand = chunk.demand_mut();
        demand.wanters.insert(wanter);
        demand.homes.insert(swarm);
        let (verified, in_flight) = (demand.verified, demand.in_flight());
        match wanter {
            Wanter::Job(_) if held => self.enqueue(wanter, no, Source::Local),
            Wanter::Job(_) | Wanter::Pull(_) if !in_flight => self.mark(wanter, no),
            Wanter::Job(_) | Wanter::Pull(_) => self.share_fetch(wanter, no, verified),
        }
    }

    /// Another wanter's fetch brings it: if it is verified already, it is here.
    fn share_fetch(&mut self, wanter: Wanter, no: ChunkNo, verified: Option<FetchId>) {
        let Some(known) = verified.and_then(|fetch| self.fetches.get(&fetch)) else { return };
        let (source, refused) = (known.source, known.stage.refusal());
        match (wanter, refused) {
            (Wanter::Job(_), _) => self.enqueue(wanter, no, source),
            (Wanter::Pull(pull), Some(why)) => self.fail_pull(pull, why),
            (Wanter::Pull(_), None) => {}
        }
    }

    /// The store holds a chunk: every wanter has it, or is given it from there.
    pub(super) fn hold(&mut self, no: ChunkNo) {
        let Some(chunk) = self.table.get_mut(no) else { return };
        // A chunk may stand at very many places of one tree (a sparse file): they are walked once.
        if !chunk.held {
            chunk.held = true;
            self.note_held_places(no);
        }
        let Some(demand) = self.table.demand(no) else { return };
        let (wanters, here) = (demand.wanters.clone(), demand.verified.is_some());
        self.unmark(no);
        for wanter in wanters.iter() {
            match wanter {
                Wanter::Pull(pull) => {
                    self.count_kept(pull, 0);
                    self.note_had(wanter, no);
                }
                Wanter::Job(_) if here => {}
                Wanter::Job(_) => self.enqueue(wanter, no, Source::Local),
            }
        }
    }

    /// One more of a pull's chunks is kept; it was counted among those wanted, or counts as so many more.
    fn count_kept(&mut self, pull: PullId, wanted: u32) {
        if let Some(wants) = self.wanters.get_mut(&Wanter::Pull(pull)) {
            wants.have = wants.have.saturating_add(1);
            wants.of = wants.of.saturating_add(wanted);
            self.news.note_pull(pull);
        }
    }

    /// Looks for a chunk again for everybody who wants it, unless a copy is on its way or here.
    pub(super) fn requeue(&mut self, no: ChunkNo) {
        let wanters = self.table.demand(no).map(|demand| demand.wanters.clone()).unwrap_or_default();
        wanters.iter().for_each(|wanter| self.seek(no, wanter));
    }

    /// Looks for a chunk for one of them.
    pub(super) fn seek(&mut self, no: ChunkNo, wanter: Wanter) {
        let Some(chunk) = self.table.get(no) else { return };
        if !chunk.held && chunk.demand.as_ref().is_some_and(|demand| !demand.in_flight()) {
            self.mark(wanter, no);
            self.refill(wanter);
        }
    }

    /// Puts a chunk on the lanes of a wanter: of every swarm that lists it, else of those it was wanted of.
    pub(super) fn mark(&mut self, wanter: Wanter, no: ChunkNo) {
        let Some(chunk) = self.table.get(no) else { return };
        let places = chunk.places.clone();
        let homes = chunk.demand.as_ref().map(|demand| demand.homes.clone()).unwrap_or_default();
        for place in places.iter() {
            if let Some(lane) = self.lane_mut(wanter, place.swarm) {
                lane.todo.insert(place.index);
            }
        }
        for home in homes.iter().filter(|_| places.is_empty()) {
            if let Some(lane) = self.lane_mut(wanter, home) {
                lane.loose.push_back(no);
            }
        }
    }

    /// Takes a chunk off all lanes: a copy is on its way, or here.
    pub(super) fn unmark(&mut self, no: ChunkNo) {
        let Some(demand) = self.table.demand(no) else { return };
        demand.wanters.clone().iter().for_each(|wanter| self.unmark_for(wanter, no));
    }

    fn unmark_for(&mut self, wanter: Wanter, no: ChunkNo) {
        let (Some(chunk), Some(wants)) = (self.table.get(no), self.wanters.get_mut(&wanter)) else { return };
        for place in chunk.places.iter() {
            if let Some(lane) = wants.lanes.get_mut(&place.swarm) {
                lane.todo.remove(place.index);
            }
        }
    }

    fn lane_mut(&mut self, wanter: Wanter, swarm: SwarmNo) -> Option<&mut Lane> {
        let space = self.swarms.get(swarm)?.space;
        self.swarms.add_wanter(swarm, wanter);
        let wants = self.wanters.get_mut(&wanter)?;
        Some(wants.lanes.entry(swarm).or_insert_with(|| Lane::new(space)))
    }

    /// Every free member may be of use again.
    pub(super) fn refill(&mut self, wanter: Wanter) {
        let Some(wants) = self.wanters.get_mut(&wanter) else { return };
        for (&swarm, lane) in &mut wants.lanes {
            let members = self.swarms.get(swarm).into_iter().flat_map(super::Swarm::members);
            let holders = members.filter(|(_, have)| !have.is_empty());
            let known = holders.filter_map(|(no, _)| Some((no, self.peers.get(no)?)));
            known.filter(|(_, peer)| peer.is_free()).for_each(|(no, peer)| lane.note_free(no, peer));
        }
        self.active.insert(wanter);
    }

    /// A wanter does not want a chunk any more; fetches that nobody else wants end.
    pub(super) fn unwant(&mut self, wanter: Wanter, no: ChunkNo) {
        self.unmark_for(wanter, no);
        if let Some(wants) = self.wanters.get_mut(&wanter) {
            wants.outstanding.remove(&no);
        }
        let Some(demand) = self.table.demand_mut(no) else { return };
        demand.wanters.remove(wanter);
        let copies: Vec<FetchId> = demand.fetches.iter().chain(demand.verified).collect();
        copies.into_iter().for_each(|fetch| self.release_unwanted(fetch));
        self.table.sweep(no);
    }

    /// Forgets a wanter. Its fetches that others want are laid on their share.
    pub(super) fn forget_wanter(&mut self, wanter: Wanter) {
        let outstanding = self.wanters.get_mut(&wanter).map(|wants| core::mem::take(&mut wants.outstanding));
        outstanding.unwrap_or_default().into_iter().for_each(|no| self.unwant(wanter, no));
        let mine = self.fetches.iter().filter(|(_, known)| known.sponsor == Some(wanter));
        let mine: Vec<(FetchId, ChunkNo)> = mine.map(|(&fetch, known)| (fetch, known.no)).collect();
        for (fetch, no) in mine {
            let heir = self.table.demand(no).and_then(|demand| demand.wanters.iter().next());
            self.set_sponsor(fetch, heir);
        }
        self.drop_lanes(wanter);
        if let Some(at) = self.wanters.remove(&wanter).and_then(|wants| wants.timer) {
            self.timers.disarm(at, super::Timer::Wanter(wanter));
        }
        self.active.remove(&wanter);
        self.busy.remove(&wanter);
        self.deliverable.remove(&wanter);
    }

    /// A wanter has nothing to look for.
    pub(super) fn drop_lanes(&mut self, wanter: Wanter) {
        let lanes = self.wanters.get_mut(&wanter).map(|wants| core::mem::take(&mut wants.lanes));
        for swarm in lanes.unwrap_or_default().into_keys() {
            self.swarms.remove_wanter(swarm, wanter);
        }
    }
}
