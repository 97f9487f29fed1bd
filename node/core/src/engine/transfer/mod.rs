//! Chunks on their way: who wants them, who has them, what is asked of whom.
//!
//! Owned by the engine, which tells it of peers and swarms and hands it the inputs that are about chunks. Knows no trust
//! and no documents. After each input, and at each timeout, the engine drains [`Transfer::poll`].
//!
//! Wants of several jobs and pulls for one chunk are counted together: it is fetched once, given to each job, and kept.
//! What holds at any moment:
//!
//! - At most [`FETCHES_MAX`](crate::limits::FETCHES_MAX) fetches, and a few proofs, have a buffer, and each is released exactly once.
//! - No output leaves without the driver's credit for it, where its kind has one.
//! - A chunk that is wanted is here, or on its way, or on a lane of everybody who wants it.
//! - What a peer says can only add to bounded sets of swarms that are open here.
//!
//! ```text
//! mod                       what the engine calls
//! plan    trouble progress  what to ask of whom; when it fails; when nothing moves
//! slow                      when it takes long
//! far     afar              what to ask of peers and seeds of other zones; how much of that
//! request                   which chunks are asked for together
//! want    fetch   deliver   the ways of a want, of a fetch, of a chunk to its job
//! members serve   news      who has what; giving; telling
//! pace    proof             what each is given, beside others; whether a peer has what it says
//! part    hand_over         what a seed wants taken of it; what is given at the end
//! wants   table   swarm   peers   timers   usual   the state
//! near                      what near members have, and who brings the rest from far
//! bits    slab    limits    below them
//! ```
mod afar;
mod bits;
mod deliver;
mod far;
mod fetch;
mod hand_over;
mod limits;
mod members;
mod near;
mod news;
mod pace;
mod part;
mod peers;
mod plan;
mod progress;
mod proof;
mod request;
mod serve;
mod slab;
mod slow;
mod swarm;
mod table;
mod timers;
mod trouble;
mod usual;
mod want;
mod wants;

#[cfg(test)]
mod tests;

use crate::engine::{
    AskId, Credit, FetchEnd, FetchFailure, FetchId, JobId, Output, Proof, ServeFailure, Source, StoreFailure,
};
use crate::message::ChunkSet;
use crate::{CheckedChunk, ChunkFault, ChunkId, ChunkRef, Instant, ManifestId, PeerId};
use core::time::Duration;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fetch::{Fetch, Stage};
use limits::SERVICE_FIRST;
use near::Lot;
use news::News;
use peers::{Peers, Whereabouts};
use proof::Proofs;
use serve::Serving;
use swarm::{Swarm, Swarms};
use table::Table;
use timers::{Timer, Timers};
use usual::{Flow, Usual};
use wants::Wants;

/// A pull of our own (a seed pulls what an offer names); chosen by the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PullId(pub u64);

/// Who wants chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wanter {
    /// Each chunk is delivered to it.
    Job(JobId),
    /// Each chunk is kept.
    Pull(PullId),
}

/// Who is told of newly held chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Audience {
    /// Who may want them.
    Peers,
    /// Who counts.
    Seeds,
}

impl Audience {
    const ALL: [Self; 2] = [Self::Peers, Self::Seeds];
}

/// What comes out.
#[derive(Debug)]
pub(crate) enum TransferOutput {
    /// Pass on: `Fetch`, `Check`, `Keep`, `Release`, `Serve`, `Decline`, `Deliver`.
    Do(Output),
    /// Newly held chunks of a swarm, batched: tell those of the swarm's peers.
    Announce { manifest: ManifestId, chunks: ChunkSet, audience: Audience },
    /// Pull: so many of its chunks are kept. Batched, and said once more at the end.
    Progress { pull: PullId, have: u32, of: u32 },
    /// Everything asked for by this wanter was delivered (job) or kept (pull). Further wants may follow; a pull is
    /// forgotten, and counts anew. Not said if one of them failed.
    Done(Wanter),
    /// This one cannot be had (job: told; pull: it has failed as a whole, and is forgotten).
    Failed { wanter: Wanter, chunk: ChunkRef, why: FetchEnd },
    /// The store refused a pulled chunk: the pull has failed, and is forgotten.
    NotKept { pull: PullId, why: StoreFailure },
    /// The store took a chunk that was pulled so, of so many plain bytes, in a frame of so many.
    Stored { pull: PullId, plain: u32, stored: u32 },
    /// A peer sent something wrong; the engine drops or bans it. It is asked for nothing more. Said once.
    Junk { peer: PeerId, fault: ChunkFault },
    /// Nearly all that a seed said is to be taken of it is here or under way: it is asked what next. Said once for each.
    PartUsed { seed: PeerId, manifest: ManifestId },
    /// A peer was asked for a chunk to see whether it has it.
    Proven { peer: PeerId, manifest: ManifestId, proof: Proof },
    /// A peer did not deliver within the time allowed, repeatedly.
    Stalled { peer: PeerId },
    /// A seed was busy several times in a row; others are to be asked for what is wanted of this swarm.
    SeedBusy { manifest: ManifestId },
    /// The local store holds every chunk of this swarm's manifest now. Said once, and again after a loss.
    Complete { manifest: ManifestId },
    /// The local store lost a chunk of this swarm's manifest.
    Lost { manifest: ManifestId },
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Transfer {
    rng: ChaCha8Rng,
    /** this node, where chunks are drawn for */
    me: Lot,
    table: Table,
    swarms: Swarms,
    peers: Peers,
    wanters: BTreeMap<Wanter, Wants>,
    fetches: BTreeMap<FetchId, Fetch>,
    next_fetch: u64,
    /** wanters for which a fetch may be planned */
    active: BTreeSet<Wanter>,
    /** wanters with live fetches, which share the buffers */
    busy: BTreeSet<Wanter>,
    /** whose turn in planning it was */
    turn: Option<Wanter>,
    /** jobs that have credit for their next chunk */
    deliverable: BTreeSet<Wanter>,
    to_check: VecDeque<FetchId>,
    to_keep: VecDeque<FetchId>,
    /** credit */
    checks: u32,
    /** credit */
    writes: u32,
    /** the last thing the store said was no */
    store_refuses: bool,
    serving: Serving,
    news: News,
    proofs: Proofs,
    timers: Timers,
    /** what needs no credit, in order */
    outbox: VecDeque<TransferOutput>,
    /** since when nobody was connected */
    alone_since: Instant,
    /** what fetches usually take */
    usual: Usual,
    /** whether anything arrives */
    flow: Flow,
    /** what one chunk of a far member takes, smoothed */
    far_service: Duration,
    /** copies asked for because the first took long */
    hedges: u64,
    /** bytes of frames that arrived after another copy */
    duplicate_bytes: u64,
    /** wrong chunks seen */
    junk: u64,
}

impl Transfer {
    /// A transfer that knows nobody and wants nothing.
    pub(crate) fn new(rng: ChaCha8Rng) -> Self {
        Self {
            rng,
            me: Lot::default(),
            table: Table::new(),
            swarms: Swarms::new(),
            peers: Peers::new(),
            wanters: BTreeMap::new(),
            fetches: BTreeMap::new(),
            next_fetch: 0,
            active: BTreeSet::new(),
            busy: BTreeSet::new(),
            turn: None,
            deliverable: BTreeSet::new(),
            to_check: VecDeque::new(),
            to_keep: VecDeque::new(),
            checks: 0,
            writes: 0,
            store_refuses: false,
            serving: Serving::default(),
            news: News::default(),
            proofs: Proofs::default(),
            timers: Timers::default(),
            outbox: VecDeque::new(),
            alone_since: Instant::ZERO,
            usual: Usual::default(),
            flow: Flow::default(),
            far_service: SERVICE_FIRST,
            hedges: 0,
            duplicate_bytes: 0,
            junk: 0,
        }
    }

    /// This is a seed's: in a crowd it gives each chunk once and then, for a while, lets others give it.
    pub(crate) fn spare_uplink(&mut self) {
        self.serving.spares = true;
    }

    /// Who this node is.
    pub(crate) fn set_me(&mut self, me: PeerId) {
        self.me = Lot::of_peer(me);
    }

    /// A member is connected (may be asked for chunks; may ask us).
    pub(crate) fn peer_up(&mut self, _now: Instant, peer: PeerId, is_seed: bool) {
        self.peers.add(peer, if is_seed { Source::Seed } else { Source::Peer });
    }

    /// Whether it is in this node's zone, where both zones are known. Ignored of peers that are not connected.
    pub(crate) fn peer_is_near(&mut self, peer: PeerId, is_near: bool) {
        self.place(peer, if is_near { Whereabouts::Near } else { Whereabouts::Far });
    }

    /// It is gone: its fetches are asked of others, its asks forgotten. What it announced is forgotten too.
    pub(crate) fn peer_gone(&mut self, now: Instant, peer: PeerId) {
        self.remove_peer(now, peer);
        self.proofs_of_gone(peer);
    }

    /// Takes part in a manifest's swarm; `content` chunks are known once the tree is open. Harmless if known.
    pub(crate) fn open_swarm(&mut self, manifest: ManifestId, tree: &[ChunkRef], content_count: u32) {
        self.open(manifest, tree, content_count);
    }

    /// The tree's content chunks in order (indices after the tree's). Harmless if known; chunks beyond the count that
    /// the swarm was opened with are ignored.
    pub(crate) fn set_content(&mut self, manifest: ManifestId, content: &[ChunkRef]) {
        if let Some(no) = self.swarms.find(manifest) {
            self.list(no, content);
        }
    }

    /// Takes part no more. What is still wanted of it can be had only through another swarm.
    pub(crate) fn close_swarm(&mut self, manifest: ManifestId) {
        self.close(manifest);
    }

    /// The store holds these (an answer to `Look`, or jobs' uploads). They are announced like those that were fetched.
    pub(crate) fn note_held(&mut self, chunks: &mut dyn Iterator<Item = ChunkId>) {
        for id in chunks {
            let known = self.table.named(id);
            if known.is_empty() {
                self.table.hold_loose(id);
            }
            for no in known {
                self.hold(no);
                self.end_needless(no);
            }
        }
    }

    /// The store lost it. Whoever still wants it gets it by a fetch.
    pub(crate) fn note_lost(&mut self, _now: Instant, chunk: ChunkId) {
        self.table.lose_loose(chunk);
        for no in self.table.named(chunk) {
            self.note_lost_places(no);
        }
    }

    /// Which indices of this swarm the store holds (for `Enter`).
    pub(crate) fn held_of(&self, manifest: ManifestId) -> ChunkSet {
        let swarm = self.swarms.find(manifest).and_then(|no| self.swarms.get(no));
        swarm.into_iter().flat_map(|swarm| swarm.held.iter()).collect()
    }

    /// Whether the store holds every chunk of an open swarm.
    pub(crate) fn is_whole(&self, manifest: ManifestId) -> bool {
        let swarm = self.swarms.find(manifest).and_then(|no| self.swarms.get(no));
        swarm.is_some_and(|swarm| swarm.held.is_full())
    }

    /// What is held of this swarm was told otherwise to everybody who hears of it.
    pub(crate) fn forget_news(&mut self, manifest: ManifestId) {
        let Some(no) = self.swarms.find(manifest) else { return };
        self.news.forget_swarm(no);
        if let Some(swarm) = self.swarms.get_mut(no) {
            Audience::ALL.into_iter().for_each(|audience| swarm.forget_news(audience));
        }
    }

    /// Those of these chunks that a peer is not known to have; a seed is told everything.
    pub(crate) fn lacked_by(&self, peer: PeerId, manifest: ManifestId, chunks: &ChunkSet) -> ChunkSet {
        let swarm = self.swarms.find(manifest).and_then(|no| self.swarms.get(no));
        let Some(have) = self.peers.find(peer).and_then(|no| swarm?.have(no)) else { return chunks.clone() };
        chunks.iter().filter(|&index| !have.contains(index)).collect()
    }

    /// A peer has these. Ignored of peers that are not connected, and for swarms that are not open.
    pub(crate) fn peer_has(&mut self, _now: Instant, peer: PeerId, manifest: ManifestId, chunks: &ChunkSet) {
        self.note_have(peer, manifest, chunks.ranges());
        self.note_spread();
    }

    /// A seed says what is to be taken of it; added to what it said before.
    pub(crate) fn add_part(&mut self, _now: Instant, seed: PeerId, manifest: ManifestId, chunks: &ChunkSet) {
        self.note_part(seed, manifest, chunks.ranges());
    }

    /// A peer takes no part any more.
    pub(crate) fn peer_left(&mut self, _now: Instant, peer: PeerId, manifest: ManifestId) {
        if let (Some(no), Some(swarm)) = (self.peers.find(peer), self.swarms.find(manifest)) {
            self.leave(no, swarm);
        }
    }

    /// Wants chunks of an open swarm, from anybody who has them (`from`: the holder of an offer, which thereby says that
    /// it has all of them, whatever it announced). Those the store holds are delivered from it. A chunk that this
    /// wanter waits for already is not wanted twice. With more wanters than any engine has, those above the bound fail.
    #[expect(
        clippy::too_many_arguments,
        reason = "who, of what, which and from whom: none belongs to another"
    )]
    pub(crate) fn want(
        &mut self,
        now: Instant,
        wanter: Wanter,
        manifest: ManifestId,
        chunks: &[ChunkRef],
        from: Option<PeerId>,
    ) {
        if self.wanter_mut(wanter).is_none() {
            let failed = |&chunk| TransferOutput::Failed { wanter, chunk, why: FetchEnd::NoProgress };
            return self.outbox.extend(chunks.iter().map(failed));
        }
        let Some(swarm) = self.swarms.find(manifest) else {
            chunks.iter().for_each(|&chunk| self.tell_failed(wanter, chunk, FetchEnd::UnknownManifest));
            return self.finish_if_done(wanter);
        };
        if let Some(holder) = from {
            self.note_have(holder, manifest, &[(0, u32::MAX)]);
        }
        self.want_all(now, wanter, swarm, chunks);
    }

    /// Plain bytes of those of these chunks that the store is not believed to hold; one that repeats counts once.
    pub(crate) fn lacked_bytes(&self, chunks: &[ChunkRef]) -> u64 {
        let lacked = chunks.iter().filter(|chunk| !self.table.is_held(chunk.id));
        let mut lacked: Vec<ChunkRef> = lacked.copied().collect();
        lacked.sort_unstable();
        lacked.dedup();
        lacked.iter().map(|chunk| u64::from(chunk.bytes)).sum()
    }

    /// Everything it wanted is dropped; fetches nobody else wants are cancelled. To be called for every job that ends,
    /// however it ends.
    pub(crate) fn drop_wanter(&mut self, _now: Instant, wanter: Wanter) {
        self.forget_wanter(wanter);
    }

    /// A job gets nothing more of what it wants, and is told so for each chunk.
    pub(crate) fn fail_job(&mut self, _now: Instant, job: JobId, why: FetchEnd) {
        self.fail_all(Wanter::Job(job), why);
    }

    /// `Checks`, `Writes`, `Reads`, `Deliver` credits (`Send` is the engine's own).
    pub(crate) fn credit(&mut self, credit: Credit) {
        match credit {
            Credit::Send { .. } => {}
            Credit::Checks(more) => self.checks = self.checks.saturating_add(more),
            Credit::Writes(more) => self.writes = self.writes.saturating_add(more),
            Credit::Reads(more) => self.serving.reads = self.serving.reads.saturating_add(more),
            Credit::Deliver { job, bytes } => self.add_job_credit(job, bytes),
        }
    }

    /// A frame is in the driver's hands. Its length was bounded by the driver.
    pub(crate) fn frame_arrived(&mut self, now: Instant, fetch: FetchId, bytes: u32) {
        if !self.proof_arrived(fetch) {
            self.note_frame(now, fetch, bytes);
        }
    }

    /// A fetch ended without a frame.
    pub(crate) fn fetch_failed(&mut self, now: Instant, fetch: FetchId, why: FetchFailure) {
        if !self.proof_failed(fetch, why) {
            self.note_failure(now, fetch, why);
        }
    }

    /// Answer to `Check`.
    pub(crate) fn checked(&mut self, now: Instant, fetch: FetchId, result: Result<CheckedChunk, ChunkFault>) {
        if self.proof_checked(fetch, result.as_ref().map(CheckedChunk::chunk).map_err(Clone::clone)) {
            return;
        }
        let Some(known) = self.fetches.get(&fetch).filter(|known| known.stage == Stage::Checking) else {
            return;
        };
        match result {
            Ok(witness) => {
                assert_eq!(
                    witness.chunk(),
                    known.chunk,
                    "the driver checked another chunk than it was told to"
                );
                self.note_verified(now, fetch);
            }
            Err(fault) => self.note_wrong(fetch, fault),
        }
    }

    /// Answer to `Keep`.
    pub(crate) fn kept(&mut self, now: Instant, fetch: FetchId, result: Result<(), StoreFailure>) {
        self.note_kept(now, fetch, result);
    }

    /// A peer asks for chunks, with one request.
    pub(crate) fn asked(&mut self, _now: Instant, peer: PeerId, chunks: &[(AskId, ChunkId)]) {
        self.queue_request(peer, chunks);
    }

    /// A peer takes an ask back. Ignored of what does not wait for its turn.
    pub(crate) fn taken_back(&mut self, peer: PeerId, ask: AskId) {
        self.drop_ask(peer, ask);
    }

    /// Answer to `Serve`. True if the store turned out to have lost the chunk.
    pub(crate) fn served(&mut self, now: Instant, ask: AskId, result: Result<u32, ServeFailure>) -> bool {
        let lost = self.end_serve(ask, result);
        lost.map(|lost| self.note_lost(now, lost)).is_some()
    }

    /// Whether little is being given to peers, and nobody waits for his turn.
    pub(crate) fn gives_little(&self) -> bool {
        self.serving.gives_little()
    }

    /// The time that [`Self::next_timeout`] named has come (or any time: harmless).
    pub(crate) fn on_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.take_due(now) {
            match timer {
                Timer::Fetch(fetch) => self.look_after(now, fetch),
                Timer::Peer(peer) => self.end_pause(peer),
                Timer::Part(seed) => self.make_ready(seed),
                Timer::Proof(fetch) => self.proof_is_late(fetch),
                Timer::News => self.tell_news(now),
                Timer::Wanter(wanter) => self.look_at(now, wanter),
            }
        }
    }

    /// When [`Self::on_timeout`] is due; none while nothing is waited for.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Next output; plans fetches as it is drained.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<TransferOutput> {
        if let Some(output) = self.outbox.pop_front() {
            return Some(output);
        }
        let next = self.next_check().or_else(|| self.next_delivery(now)).or_else(|| self.next_keep());
        let next = next.or_else(|| self.next_proof_check());
        let next = next.or_else(|| self.next_serve(now)).or_else(|| self.plan(now));
        if next.is_none() {
            self.schedule_news(now);
        }
        next.map(TransferOutput::Do).or_else(|| self.outbox.pop_front())
    }

    /// Fetches whose buffers live, for status.
    pub(crate) fn fetches(&self) -> u32 {
        u32::try_from(self.fetches.len()).unwrap_or(u32::MAX)
    }

    /// Wrong chunks seen, for status.
    pub(crate) fn junk(&self) -> u64 {
        self.junk
    }
}
