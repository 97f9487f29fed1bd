//! What one job or pull wants, how far it is, and what it may take.

use super::Wanter;
use super::afar::Afar;
use super::bits::Bits;
use super::limits::{
    AHEAD_BYTES, BUFFERED_BYTES, FLOW_GAP_MAX, HEDGE_FREE_BYTES, HEDGE_PART, HEDGE_PART_LAST, LAST_PART,
};
use super::peers::Peer;
use super::slab::{ChunkNo, PeerNo, SwarmNo};
use crate::Instant;
use crate::engine::Source;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A chunk that waits until its job takes bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queued {
    /** which */
    pub(super) chunk: ChunkNo,
    /** its plain bytes */
    pub(super) bytes: u32,
    /** where it came from */
    pub(super) source: Source,
}

impl Queued {
    /// Its plain bytes, if others gave it.
    fn fetched_bytes(self) -> u64 {
        if self.source == Source::Local { 0 } else { u64::from(self.bytes) }
    }
}

/// The part of a wanter's wants that one swarm lists, and which of its members may be of use.
#[derive(Debug)]
pub(super) struct Lane {
    /** indices wanted of which no copy is on its way */
    pub(super) todo: Bits,
    /** chunks that no swarm lists, wanted of this one; may name some that are wanted no more */
    pub(super) loose: VecDeque<ChunkNo>,
    /** fetches begun */
    pub(super) begun: u32,
    /** peers that may be free and may have something, ascending */
    pub(super) peers: Vec<PeerNo>,
    /** the same for seeds */
    pub(super) seeds: Vec<PeerNo>,
    /** the same for peers and seeds of other zones */
    pub(super) far: Vec<PeerNo>,
}

impl Lane {
    /// A lane in a swarm of so many indices.
    pub(super) fn new(space: u32) -> Self {
        Self {
            todo: Bits::new(space),
            loose: VecDeque::new(),
            begun: 0,
            peers: Vec::new(),
            seeds: Vec::new(),
            far: Vec::new(),
        }
    }

    /// Whether there is anything to ask for.
    pub(super) fn has_work(&self) -> bool {
        !self.todo.is_empty() || !self.loose.is_empty()
    }

    /// The members that may be of use.
    pub(super) fn ready_mut(&mut self, source: Source) -> &mut Vec<PeerNo> {
        if source == Source::Seed { &mut self.seeds } else { &mut self.peers }
    }

    /// A member may be of use (again).
    pub(super) fn make_ready(&mut self, peer: PeerNo, source: Source) {
        insert(self.ready_mut(source), peer);
    }

    /// The same, wherever it is.
    pub(super) fn note_free(&mut self, no: PeerNo, peer: &Peer) {
        if peer.is_far() {
            insert(&mut self.far, no);
        } else {
            self.make_ready(no, peer.source);
        }
    }

    /// A member's number may soon be another's.
    pub(super) fn forget_peer(&mut self, peer: PeerNo) {
        for ready in [&mut self.peers, &mut self.seeds, &mut self.far] {
            if let Ok(place) = ready.binary_search(&peer) {
                ready.remove(place);
            }
        }
    }
}

fn insert(ready: &mut Vec<PeerNo>, peer: PeerNo) {
    if let Err(place) = ready.binary_search(&peer) {
        ready.insert(place, peer);
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Wants {
    /** everything it does not have yet */
    pub(super) outstanding: BTreeSet<ChunkNo>,
    /** by swarm */
    pub(super) lanes: BTreeMap<SwarmNo, Lane>,
    /** a job's chunks that are here; may name some that it has meanwhile */
    pub(super) queue: VecDeque<Queued>,
    /** plain bytes of the queue */
    pub(super) queued_bytes: u64,
    /** the part of them that was fetched while it waited */
    pub(super) ahead_bytes: u64,
    /** plain bytes of its fetches that are not verified */
    pub(super) coming_bytes: u64,
    /** plain bytes of its fetches whose buffers live */
    pub(super) buffered_bytes: u64,
    /** plain bytes that arrived for it */
    pub(super) fetched_bytes: u64,
    /** plain bytes that were asked for twice */
    pub(super) hedged_bytes: u64,
    /** plain bytes that the job takes */
    pub(super) credit: u64,
    /** its fetches whose buffers live */
    pub(super) live: usize,
    /** what is asked of far members that is not this node's to bring */
    pub(super) afar: Afar,
    /** a pull's chunks that are kept */
    pub(super) have: u32,
    /** a pull's chunks in all */
    pub(super) of: u32,
    /** some chunk of those wanted could not be had */
    pub(super) failed: bool,
    /** when anything last moved */
    pub(super) moved: Instant,
    /** when it is looked at */
    pub(super) timer: Option<Instant>,
}

impl Wants {
    /// Nothing wanted yet.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            outstanding: BTreeSet::new(),
            lanes: BTreeMap::new(),
            queue: VecDeque::new(),
            queued_bytes: 0,
            ahead_bytes: 0,
            coming_bytes: 0,
            buffered_bytes: 0,
            fetched_bytes: 0,
            hedged_bytes: 0,
            credit: 0,
            live: 0,
            afar: Afar::new(),
            have: 0,
            of: 0,
            failed: false,
            moved: now,
            timer: None,
        }
    }

    /// How many plain bytes may be fetched for it now, the last chunk going beyond. What the store had from the start is not
    /// in the way: the link works while the job takes that. Ahead of what the job takes there may be [`BUFFERED_BYTES`] in
    /// memory and [`AHEAD_BYTES`] in all. While the store refuses chunks they have to wait in memory, behind all that is
    /// queued, so then nothing is fetched ahead.
    pub(super) fn bytes_more(&self, wanter: Wanter, store_refuses: bool) -> u64 {
        let beyond = |ahead: u64, taken: u64| self.credit.saturating_add(ahead).saturating_sub(taken);
        match wanter {
            Wanter::Pull(_) => u64::MAX,
            Wanter::Job(_) if store_refuses => beyond(0, self.queued_bytes + self.coming_bytes),
            Wanter::Job(_) => {
                let in_memory = beyond(BUFFERED_BYTES, self.buffered_bytes);
                in_memory.min(beyond(AHEAD_BYTES, self.ahead_bytes + self.coming_bytes))
            }
        }
    }

    /// Whether nothing has come for a while.
    pub(super) fn stands(&self, now: Instant) -> bool {
        now.since(self.moved) > FLOW_GAP_MAX
    }

    /// Whether a chunk may be asked for twice: so far a small part of what arrived was, or a little more at the end.
    pub(super) fn may_hedge(&self) -> bool {
        let is_last =
            self.coming_bytes <= self.fetched_bytes / LAST_PART && !self.lanes.values().any(Lane::has_work);
        let part = if is_last { HEDGE_PART_LAST } else { HEDGE_PART };
        self.hedged_bytes < HEDGE_FREE_BYTES.saturating_add(self.fetched_bytes / part)
    }

    /// Whether the next chunk of a job's queue fits its credit.
    pub(super) fn can_deliver(&self) -> bool {
        self.queue.front().is_some_and(|next| u64::from(next.bytes) <= self.credit)
    }

    /// A chunk of the job is here.
    pub(super) fn enqueue(&mut self, queued: Queued) {
        self.queued_bytes += u64::from(queued.bytes);
        self.ahead_bytes += queued.fetched_bytes();
        self.queue.push_back(queued);
    }

    /// Takes the next chunk of a job's queue.
    pub(super) fn dequeue(&mut self) -> Option<Queued> {
        let next = self.queue.pop_front()?;
        self.queued_bytes = self.queued_bytes.saturating_sub(u64::from(next.bytes));
        self.ahead_bytes = self.ahead_bytes.saturating_sub(next.fetched_bytes());
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::JobId;
    use crate::engine::transfer::PullId;

    #[test]
    fn a_job_that_takes_nothing_is_fetched_a_little_ahead_only() {
        let (mut wants, job) = (Wants::new(Instant::ZERO), Wanter::Job(JobId(1)));
        assert_eq!((wants.bytes_more(job, false), wants.bytes_more(job, true)), (BUFFERED_BYTES, 0));
        wants.buffered_bytes = BUFFERED_BYTES;
        assert!(wants.bytes_more(job, false) == 0 && wants.bytes_more(Wanter::Pull(PullId(1)), false) > 0);
        wants.credit = 1;
        assert_eq!(wants.bytes_more(job, false), 1);
        wants.ahead_bytes = AHEAD_BYTES + 1;
        assert_eq!(wants.bytes_more(job, false), 0);
    }

    #[test]
    fn what_the_store_had_is_not_in_the_way_of_what_is_fetched() {
        let (mut wants, job) = (Wants::new(Instant::ZERO), Wanter::Job(JobId(1)));
        (0..1000).for_each(|n| wants.enqueue(Queued { source: Source::Local, ..fetched(n, 1024 * 1024) }));
        assert_eq!(wants.bytes_more(job, false), BUFFERED_BYTES);
        (0..256).for_each(|n| wants.enqueue(fetched(n, 1024 * 1024)));
        assert_eq!((wants.bytes_more(job, false), wants.ahead_bytes), (0, AHEAD_BYTES));
        while wants.dequeue().is_some() {}
        assert_eq!((wants.queued_bytes, wants.ahead_bytes), (0, 0));
    }

    fn fetched(n: u32, bytes: u32) -> Queued {
        Queued { chunk: ChunkNo::from(n), bytes, source: Source::Peer }
    }

    #[test]
    fn the_queue_counts_its_bytes() {
        let mut wants = Wants::new(Instant::ZERO);
        let queued = |n, bytes| Queued { chunk: ChunkNo::from(n), bytes, source: Source::Local };
        wants.enqueue(queued(1, 10));
        wants.enqueue(queued(2, 5));
        wants.credit = 9;
        assert!(!wants.can_deliver());
        wants.credit = 10;
        assert!(wants.can_deliver());
        assert_eq!(wants.dequeue().map(|next| next.bytes), Some(10));
        assert_eq!(wants.queued_bytes, 5);
    }

    #[test]
    fn peers_and_seeds_are_ready_once_each() {
        let (mut lane, peer) = (Lane::new(10), PeerNo::from(1));
        lane.make_ready(peer, Source::Peer);
        lane.make_ready(peer, Source::Peer);
        lane.make_ready(PeerNo::from(2), Source::Seed);
        assert_eq!((lane.peers.len(), lane.seeds.len()), (1, 1));
        lane.forget_peer(peer);
        assert!(lane.peers.is_empty() && !lane.has_work());
    }
}
