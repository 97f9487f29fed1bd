//! The life of a fetch: under way, arrived, checked, kept, released. Its buffer lives from the first to the last, so
//! every fetch counts against the bound on memory until it is released, and each is released exactly once.

use super::limits::COPIES_MAX;
use super::slab::{ChunkNo, PeerNo};
use super::timers::Timer;
use super::{PullId, Transfer, TransferOutput, Wanter};
use crate::engine::{FetchId, Output, Source, StoreFailure};
use crate::{ChunkFault, ChunkRef, Instant, PeerId};

/// How far a fetch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Asked for.
    UnderWay,
    /// A frame is here; nothing is believed yet.
    Arrived,
    /// It is being decoded and hashed.
    Checking,
    /// It is right, and waits for the store.
    Verified,
    /// The store writes it.
    Keeping,
    /// The store does not take it: jobs get it from the buffer.
    Refused(StoreFailure),
}

impl Stage {
    /// Whether the chunk's bytes are known to be right.
    pub(super) fn is_verified(self) -> bool {
        match self {
            Self::UnderWay | Self::Arrived | Self::Checking => false,
            Self::Verified | Self::Keeping | Self::Refused(_) => true,
        }
    }

    /// Why the store refused it, if it did.
    pub(super) fn refusal(self) -> Option<StoreFailure> {
        if let Self::Refused(why) = self { Some(why) } else { None }
    }

    /// Whether it is given up when nobody wants it any more. What costs nothing but a write is kept all the same.
    fn ends_unwanted(self) -> bool {
        match self {
            Self::UnderWay | Self::Arrived | Self::Refused(_) => true,
            Self::Checking | Self::Verified | Self::Keeping => false,
        }
    }
}

/// One chunk on its way from one peer.
#[derive(Debug)]
pub(super) struct Fetch {
    /** in the table */
    pub(super) no: ChunkNo,
    /** name and length */
    pub(super) chunk: ChunkRef,
    /** who was asked */
    pub(super) peer: PeerId,
    /** what its chunks count as */
    pub(super) source: Source,
    /** whose share it takes; none once that one is gone and nobody else wants it */
    pub(super) sponsor: Option<Wanter>,
    /** the pull that it was asked for, whether or not that has ended */
    pub(super) pull: Option<PullId>,
    /** length of its frame, once that is here */
    pub(super) frame_bytes: u32,
    /** when it was asked for */
    pub(super) begun: Instant,
    /** how far it is */
    pub(super) stage: Stage,
    /** when it is looked at, while it is under way */
    pub(super) timer: Option<Instant>,
}

const fn pull_of(wanter: Wanter) -> Option<PullId> {
    match wanter {
        Wanter::Pull(pull) => Some(pull),
        Wanter::Job(_) => None,
    }
}

impl Transfer {
    /// Asks a peer for chunks, with one request.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        chunks: &[ChunkNo],
        peer: PeerNo,
        sponsor: Wanter,
    ) -> Option<Output> {
        let chunks: Vec<(FetchId, ChunkRef)> =
            chunks.iter().filter_map(|&no| self.begin_one(now, no, peer, sponsor)).collect();
        let peer = self.peers.get(peer).filter(|_| !chunks.is_empty())?.id;
        Some(Output::Fetch { peer, chunks })
    }

    fn begin_one(
        &mut self,
        now: Instant,
        no: ChunkNo,
        peer_no: PeerNo,
        sponsor: Wanter,
    ) -> Option<(FetchId, ChunkRef)> {
        let peer = self.peers.get_mut(peer_no)?;
        let timer = now.after(self.usual.hedge_after(peer.source));
        let entry = self.table.get_mut(no)?;
        let (chunk, fetch) = (entry.chunk, FetchId(self.next_fetch));
        let demand = entry.demand.as_mut().filter(|demand| demand.fetches.len() < COPIES_MAX)?;
        self.next_fetch += 1;
        demand.fetches.insert(fetch);
        peer.note_asked(now);
        let known = Fetch {
            no,
            chunk,
            peer: peer.id,
            source: peer.source,
            sponsor: None,
            pull: pull_of(sponsor),
            frame_bytes: 0,
            begun: now,
            stage: Stage::UnderWay,
            timer: Some(timer),
        };
        self.fetches.insert(fetch, known);
        self.timers.arm(timer, Timer::Fetch(fetch));
        self.set_sponsor(fetch, Some(sponsor));
        self.unmark(no);
        Some((fetch, chunk))
    }

    /// A frame is here: the peer's pipeline is free again, and the frame waits to be checked, unless another copy is.
    pub(super) fn note_frame(&mut self, now: Instant, fetch: FetchId, bytes: u32) {
        let Some(known) = self.fetches.get_mut(&fetch) else { return };
        if known.stage != Stage::UnderWay {
            return;
        }
        (known.stage, known.frame_bytes) = (Stage::Arrived, bytes);
        let (no, peer, begun) = (known.no, known.peer, known.begun);
        let (source, sponsor, bytes) = (known.source, known.sponsor, known.chunk.bytes);
        self.stop_timer(fetch);
        self.usual.note(source, now.since(begun));
        self.flow.note(now);
        if let Some(wants) = sponsor.and_then(|wanter| self.wanters.get_mut(&wanter)) {
            wants.fetched_bytes = wants.fetched_bytes.saturating_add(u64::from(bytes));
            wants.afar.note_arrived(fetch, now.since(begun));
        }
        if let Some(peer) = self.peers.find(peer).and_then(|peer| self.peers.get_mut(peer)) {
            peer.note_arrival(now, begun);
            if peer.is_far() {
                self.far_service = (self.far_service * 7 + peer.service()) / 8;
            }
        }
        self.note_near_of(peer);
        self.free_pipeline(peer);
        self.check_next_copy(no);
    }

    /// Has the next arrived copy checked, if none is being checked.
    fn check_next_copy(&mut self, no: ChunkNo) {
        let Some(demand) = self.table.demand(no) else { return };
        let stage = |fetch: &FetchId| self.fetches.get(fetch).map(|known| known.stage);
        if demand.fetches.iter().any(|fetch| stage(&fetch) == Some(Stage::Checking)) {
            return;
        }
        let waits = |fetch: &FetchId| self.to_check.contains(fetch);
        let mut arrived = demand.fetches.iter().filter(|fetch| stage(fetch) == Some(Stage::Arrived));
        let next = arrived.next();
        if let Some(fetch) = next
            && !demand.fetches.iter().any(|fetch| waits(&fetch))
        {
            self.to_check.push_back(fetch);
        }
    }

    /// The next frame to be checked, if there is credit.
    pub(super) fn next_check(&mut self) -> Option<Output> {
        while self.checks > 0 {
            let fetch = self.to_check.pop_front()?;
            let Some(known) = self.fetches.get_mut(&fetch) else { continue };
            if known.stage == Stage::Arrived {
                known.stage = Stage::Checking;
                self.checks -= 1;
                return Some(Output::Check { fetch, chunk: known.chunk });
            }
        }
        None
    }

    /// The chunk is right: other copies are dropped, jobs get it, and it is kept.
    pub(super) fn note_verified(&mut self, now: Instant, fetch: FetchId) {
        let Some(known) = self.fetches.get_mut(&fetch) else { return };
        known.stage = Stage::Verified;
        let (no, source, sponsor) = (known.no, known.source, known.sponsor);
        self.end_coming(sponsor, fetch);
        let Some(demand) = self.table.demand_mut(no) else { return };
        demand.fetches.remove(fetch);
        demand.verified = Some(fetch);
        let (others, wanters) = (demand.fetches.clone(), demand.wanters.clone());
        for copy in others.iter() {
            self.note_lost_race(now, copy);
            self.release(copy);
        }
        for wanter in wanters.iter() {
            self.note_moved(now, wanter);
            if matches!(wanter, Wanter::Job(_)) {
                self.enqueue(wanter, no, source);
            }
        }
        self.to_keep.push_back(fetch);
    }

    /// The chunk is wrong: whoever sent it is not asked again, and another copy is.
    pub(super) fn note_wrong(&mut self, fetch: FetchId, fault: ChunkFault) {
        let Some(known) = self.fetches.get(&fetch) else { return };
        let (no, peer) = (known.no, known.peer);
        self.junk += 1;
        self.release(fetch);
        self.blame(peer, no, fault);
        self.check_next_copy(no);
        self.requeue(no);
    }

    /// The next chunk for the store, if there is credit. What it got otherwise meanwhile is not written twice.
    pub(super) fn next_keep(&mut self) -> Option<Output> {
        while self.writes > 0 {
            let fetch = self.to_keep.pop_front()?;
            let Some(known) = self.fetches.get_mut(&fetch) else { continue };
            if self.table.get(known.no).is_some_and(|chunk| chunk.held) {
                self.release(fetch);
                continue;
            }
            known.stage = Stage::Keeping;
            self.writes -= 1;
            return Some(Output::Keep { fetch });
        }
        None
    }

    /// The store has answered.
    pub(super) fn note_kept(&mut self, now: Instant, fetch: FetchId, result: Result<(), StoreFailure>) {
        let Some(known) = self.fetches.get_mut(&fetch) else { return };
        if known.stage != Stage::Keeping {
            return;
        }
        let no = known.no;
        self.store_refuses = result.is_err();
        match result {
            Ok(()) => {
                self.tell_stored(fetch);
                self.note_moved_pulls(now, no);
                self.hold(no);
                self.release(fetch);
            }
            Err(why) => {
                known.stage = Stage::Refused(why);
                self.fail_pulls_of(no, why);
                self.release_unwanted(fetch);
            }
        }
    }

    /// Says what a chunk takes of the store, where it was pulled.
    fn tell_stored(&mut self, fetch: FetchId) {
        let Some(known) = self.fetches.get(&fetch) else { return };
        let wanters = self.table.demand(known.no).map(|demand| &demand.wanters);
        let pull = known.pull.or_else(|| wanters?.iter().find_map(pull_of));
        let (plain, stored) = (known.chunk.bytes, known.frame_bytes);
        self.outbox.extend(pull.map(|pull| TransferOutput::Stored { pull, plain, stored }));
    }

    /// Ends a fetch that nobody wants, unless it is about to be kept.
    pub(super) fn release_unwanted(&mut self, fetch: FetchId) {
        let Some(known) = self.fetches.get(&fetch) else { return };
        let wanted = self.table.demand(known.no).is_some_and(|demand| !demand.wanters.is_empty());
        if !wanted && known.stage.ends_unwanted() {
            self.release(fetch);
        }
    }

    /// The store got a chunk otherwise: copies of no more use end.
    pub(super) fn end_needless(&mut self, no: ChunkNo) {
        let Some(demand) = self.table.demand(no) else { return };
        let copies: Vec<FetchId> = demand.fetches.iter().chain(demand.verified).collect();
        for copy in copies {
            if self.fetches.get(&copy).is_some_and(|known| known.stage.ends_unwanted()) {
                self.release(copy);
            }
        }
    }

    /// Ends a fetch, wherever it is: its buffer is free, and so are its places in pipeline and share.
    pub(super) fn release(&mut self, fetch: FetchId) {
        self.stop_timer(fetch);
        self.set_sponsor(fetch, None);
        let Some(known) = self.fetches.remove(&fetch) else { return };
        if let Some(demand) = self.table.demand_mut(known.no) {
            demand.fetches.remove(fetch);
            demand.verified = demand.verified.filter(|&verified| verified != fetch);
        }
        self.table.sweep(known.no);
        self.outbox.push_back(TransferOutput::Do(Output::Release { fetch }));
        if known.stage == Stage::UnderWay {
            self.free_pipeline(known.peer);
        }
    }

    /// Lays a fetch on another wanter's share, or on nobody's.
    pub(super) fn set_sponsor(&mut self, fetch: FetchId, sponsor: Option<Wanter>) {
        let Some(known) = self.fetches.get_mut(&fetch) else { return };
        let before = core::mem::replace(&mut known.sponsor, sponsor);
        let bytes = u64::from(known.chunk.bytes);
        let coming = if known.stage.is_verified() { 0 } else { bytes };
        if let Some(wanter) = before
            && let Some(wants) = self.wanters.get_mut(&wanter)
        {
            wants.live = wants.live.saturating_sub(1);
            wants.coming_bytes = wants.coming_bytes.saturating_sub(coming);
            wants.buffered_bytes = wants.buffered_bytes.saturating_sub(bytes);
            if wants.live == 0 {
                self.busy.remove(&wanter);
            }
            self.active.insert(wanter);
        }
        if let Some(wanter) = sponsor
            && let Some(wants) = self.wanters.get_mut(&wanter)
        {
            wants.live += 1;
            wants.coming_bytes += coming;
            wants.buffered_bytes += bytes;
            self.busy.insert(wanter);
        }
    }

    fn end_coming(&mut self, sponsor: Option<Wanter>, fetch: FetchId) {
        let bytes = self.fetches.get(&fetch).map_or(0, |known| u64::from(known.chunk.bytes));
        if let Some(wants) = sponsor.and_then(|wanter| self.wanters.get_mut(&wanter)) {
            wants.coming_bytes = wants.coming_bytes.saturating_sub(bytes);
        }
    }

    fn stop_timer(&mut self, fetch: FetchId) {
        if let Some(at) = self.fetches.get_mut(&fetch).and_then(|known| known.timer.take()) {
            self.timers.disarm(at, Timer::Fetch(fetch));
        }
    }
}
