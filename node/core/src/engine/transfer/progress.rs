//! Wanters for which nothing moves are told which chunks cannot be had.
//!
//! Each wanter has one clock, which starts again whenever anything moves for it. A job that does not take what is here
//! holds itself up, so its clock stands; how long it waits in all is its own affair.

use super::limits::{ALONE, NO_PROGRESS};
use super::slab::ChunkNo;
use super::timers::Timer;
use super::{PullId, Transfer, TransferOutput, Wanter};
use crate::engine::{FetchEnd, StoreFailure};
use crate::{ChunkRef, Instant};

impl Transfer {
    /// Something moved for a wanter.
    pub(super) fn note_moved(&mut self, now: Instant, wanter: Wanter) {
        if let Some(wants) = self.wanters.get_mut(&wanter) {
            wants.moved = now;
        }
    }

    /// A chunk was kept: something moved for the pulls that want it.
    pub(super) fn note_moved_pulls(&mut self, now: Instant, no: ChunkNo) {
        let wanters = self.table.demand(no).map(|demand| demand.wanters.clone()).unwrap_or_default();
        wanters.iter().for_each(|wanter| self.note_moved(now, wanter));
    }

    /// Waits for the moment at which a wanter has waited too long.
    pub(super) fn watch(&mut self, wanter: Wanter) {
        let at = self.deadline(wanter);
        let Some(wants) = self.wanters.get_mut(&wanter) else { return };
        if let Some(before) = wants.timer.take() {
            self.timers.disarm(before, Timer::Wanter(wanter));
        }
        if !wants.outstanding.is_empty() {
            wants.timer = Some(at);
            self.timers.arm(at, Timer::Wanter(wanter));
        }
    }

    /// That moment has come, unless something moved since.
    pub(super) fn look_at(&mut self, now: Instant, wanter: Wanter) {
        let refuses = self.store_refuses;
        let Some(wants) = self.wanters.get_mut(&wanter) else { return };
        wants.timer = None;
        if !wants.queue.is_empty() || wants.bytes_more(wanter, refuses) == 0 {
            wants.moved = now;
        }
        if now >= self.deadline(wanter) {
            self.fail_waiting(wanter);
            self.note_moved(now, wanter);
        }
        self.watch(wanter);
    }

    fn deadline(&self, wanter: Wanter) -> Instant {
        let moved = self.wanters.get(&wanter).map_or(Instant::ZERO, |wants| wants.moved);
        let patient = moved.after(NO_PROGRESS);
        if self.peers.is_empty() { patient.min(moved.max(self.alone_since).after(ALONE)) } else { patient }
    }

    /// Everything that is not here cannot be had.
    fn fail_waiting(&mut self, wanter: Wanter) {
        let Some(wants) = self.wanters.get(&wanter) else { return };
        let waiting: Vec<ChunkNo> =
            wants.outstanding.iter().copied().filter(|&no| !self.is_here(no)).collect();
        for no in waiting {
            let why = if self.has_holder(no) { FetchEnd::NoProgress } else { FetchEnd::NoHolder };
            self.fail(wanter, no, why);
        }
        if self.wanters.get(&wanter).is_some_and(|wants| wants.failed) {
            self.finish_if_done(wanter);
        }
    }

    /// Nothing that a job waits for is given to it any more.
    pub(super) fn fail_all(&mut self, wanter: Wanter, why: FetchEnd) {
        let Some(wants) = self.wanters.get(&wanter) else { return };
        let outstanding: Vec<ChunkNo> = wants.outstanding.iter().copied().collect();
        for no in outstanding {
            self.fail(wanter, no, why);
        }
        self.finish_if_done(wanter);
    }

    fn is_here(&self, no: ChunkNo) -> bool {
        let verified = self.table.demand(no).is_some_and(|demand| demand.verified.is_some());
        verified || self.table.get(no).is_some_and(|chunk| chunk.held)
    }

    fn has_holder(&self, no: ChunkNo) -> bool {
        let Some(chunk) = self.table.get(no) else { return false };
        let announced = |place: super::table::Place| {
            self.swarms.get(place.swarm).is_some_and(|s| s.holders(place.index) > 0)
        };
        chunk.places.iter().any(announced) || self.has_whole_holder(no)
    }

    /// Whether a member that has all of a swarm may be asked for a chunk that none lists.
    fn has_whole_holder(&self, no: ChunkNo) -> bool {
        let Some(demand) = self.table.demand(no) else { return false };
        let homes = demand.homes.iter().filter_map(|home| self.swarms.get(home));
        let mut whole = homes.flat_map(super::Swarm::members).filter(|(_, have)| have.is_full());
        whole.any(|(peer, _)| self.peers.get(peer).is_some_and(|peer| !demand.refused.contains(peer.id)))
    }

    /// A chunk that is wanted cannot be had.
    fn fail(&mut self, wanter: Wanter, no: ChunkNo, why: FetchEnd) {
        let Some(chunk) = self.table.get(no).map(|chunk| chunk.chunk) else { return };
        self.unwant(wanter, no);
        self.tell_failed(wanter, chunk, why);
    }

    /// Says so; a pull has failed as a whole.
    pub(super) fn tell_failed(&mut self, wanter: Wanter, chunk: ChunkRef, why: FetchEnd) {
        let Some(wants) = self.wanters.get_mut(&wanter) else { return };
        wants.failed = true;
        self.outbox.push_back(TransferOutput::Failed { wanter, chunk, why });
        if let Wanter::Pull(_) = wanter {
            self.forget_wanter(wanter);
        }
    }

    /// The store refused a chunk: the pulls that want it have failed.
    pub(super) fn fail_pulls_of(&mut self, no: ChunkNo, why: StoreFailure) {
        let wanters = self.table.demand(no).map(|demand| demand.wanters.clone()).unwrap_or_default();
        for wanter in wanters.iter() {
            if let Wanter::Pull(pull) = wanter {
                self.fail_pull(pull, why);
            }
        }
    }

    /// The store refused a chunk of a pull.
    pub(super) fn fail_pull(&mut self, pull: PullId, why: StoreFailure) {
        self.forget_wanter(Wanter::Pull(pull));
        self.outbox.push_back(TransferOutput::NotKept { pull, why });
    }
}
