//! A driver for [`Transfer`], with scripted peers.
use super::super::*;
use crate::limits::{FETCHES_MAX, FETCHES_PER_PEER_MAX, REQUEST_BYTES_MAX, REQUEST_CHUNKS_MAX};
use crate::message::Decline;
use crate::{FrameEncoder, PublicKey, VerifiedChunk};
use core::time::Duration;
use rand_chacha::rand_core::SeedableRng;

pub(super) const MS: u64 = 1000;
pub(super) const SECOND: u64 = 1_000_000;

/// What a peer does with each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /** sends it after so many microseconds, one after the other */
    Honest(u64),
    /** sends something else after so many microseconds */
    Junk(u64),
    Silent,
    Fails(FetchFailure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Buffer {
    UnderWay,
    Arrived,
    Checking,
    Right,
    Keeping,
}

#[derive(Debug)]
pub(super) struct Live {
    pub(super) peer: PeerId,
    pub(super) chunk: ChunkRef,
    buffer: Buffer,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Arrive(FetchId),
    Fail(FetchId, FetchFailure),
    Check(FetchId),
    Keep(FetchId),
}

#[derive(Debug)]
struct Scripted {
    manner: Manner,
    up: bool,
    idle_at: Instant,
}

/// What a job was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) job: JobId,
    pub(super) chunk: ChunkRef,
    pub(super) source: Source,
    pub(super) fetch: Option<FetchId>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct World {
    pub(super) transfer: Transfer,
    pub(super) now: Instant,
    events: BTreeMap<(Instant, u64), Event>,
    next_event: u64,
    peers: BTreeMap<PeerId, Scripted>,
    right: BTreeMap<ChunkRef, CheckedChunk>,
    pub(super) store: BTreeSet<ChunkId>,
    pub(super) refuses: Option<StoreFailure>,
    pub(super) live: BTreeMap<FetchId, Live>,
    pub(super) most_live: usize,
    /** grants whatever is used up at once */
    pub(super) generous: bool,
    pub(super) checks: u32,
    pub(super) writes: u32,
    pub(super) reads: u32,
    pub(super) job_credit: BTreeMap<JobId, u64>,
    pub(super) given: Vec<Given>,
    pub(super) asked: Vec<(PeerId, ChunkRef)>,
    /** the same, what was asked for with one request together */
    pub(super) requests: Vec<(PeerId, Vec<ChunkRef>)>,
    /** everything but what is passed on */
    pub(super) said: Vec<TransferOutput>,
    pub(super) served: Vec<(AskId, Option<Decline>)>,
    /** the asks that were given together */
    pub(super) turns: Vec<Vec<u64>>,
    pub(super) checked: u32,
    /** every output with its time, if asked for */
    pub(super) trace: Option<Vec<String>>,
}

pub(super) fn peer(n: u8) -> PeerId {
    PeerId::new(PublicKey::from_bytes([n; 32]))
}

pub(super) fn manifest(n: u8) -> ManifestId {
    ManifestId::from_bytes([n; 32])
}

pub(super) fn job(n: u64) -> Wanter {
    Wanter::Job(JobId(n))
}

pub(super) fn pull(n: u64) -> Wanter {
    Wanter::Pull(PullId(n))
}

impl World {
    pub(super) fn new(rng_seed: u64) -> Self {
        let mut world = Self {
            transfer: Transfer::new(ChaCha8Rng::seed_from_u64(rng_seed)),
            now: Instant::from_micros(SECOND),
            events: BTreeMap::new(),
            next_event: 0,
            peers: BTreeMap::new(),
            right: BTreeMap::new(),
            store: BTreeSet::new(),
            refuses: None,
            live: BTreeMap::new(),
            most_live: 0,
            generous: true,
            checks: 0,
            writes: 0,
            reads: 0,
            job_credit: BTreeMap::new(),
            given: Vec::new(),
            asked: Vec::new(),
            requests: Vec::new(),
            said: Vec::new(),
            served: Vec::new(),
            turns: Vec::new(),
            checked: 0,
            trace: None,
        };
        world.grant(Credit::Checks(2));
        world.grant(Credit::Writes(2));
        world.grant(Credit::Reads(2));
        world
    }

    /// Like a new one, but gives no credit by itself.
    pub(super) fn strict(rng_seed: u64) -> Self {
        let mut world = Self::new(rng_seed);
        world.transfer = Transfer::new(ChaCha8Rng::seed_from_u64(rng_seed));
        (world.checks, world.writes, world.reads, world.generous) = (0, 0, 0, false);
        world
    }

    /// Chunks `from..to`: each of so many bytes, and different from all others.
    pub(super) fn chunks_of(&mut self, numbers: core::ops::Range<u32>, bytes: usize) -> Vec<ChunkRef> {
        let mut encoder = FrameEncoder::new(1);
        let make = |n: u32| {
            let mut plain = n.to_le_bytes().to_vec();
            plain.resize(bytes, 0);
            VerifiedChunk::from_plain(&plain, &mut encoder).witness()
        };
        let witnesses: Vec<CheckedChunk> = numbers.map(make).collect();
        self.right.extend(witnesses.iter().map(|witness| (witness.chunk(), *witness)));
        witnesses.iter().map(CheckedChunk::chunk).collect()
    }

    pub(super) fn chunks(&mut self, numbers: core::ops::Range<u32>) -> Vec<ChunkRef> {
        self.chunks_of(numbers, 100)
    }

    /// A peer that is up, takes part in swarm 1, and has these indices.
    pub(super) fn member(&mut self, n: u8, manner: Manner, has: core::ops::Range<u32>) {
        self.up(n, manner, false);
        self.has(n, 1, has);
    }

    pub(super) fn up(&mut self, n: u8, manner: Manner, is_seed: bool) {
        self.peers.insert(peer(n), Scripted { manner, up: true, idle_at: self.now });
        self.transfer.peer_up(self.now, peer(n), is_seed);
    }

    pub(super) fn gone(&mut self, n: u8) {
        if let Some(scripted) = self.peers.get_mut(&peer(n)) {
            scripted.up = false;
        }
        self.transfer.peer_gone(self.now, peer(n));
        self.drain();
    }

    pub(super) fn has(&mut self, n: u8, swarm: u8, has: core::ops::Range<u32>) {
        let set = ChunkSet::range(has.start, has.end);
        self.transfer.peer_has(self.now, peer(n), manifest(swarm), &set);
    }

    pub(super) fn set_manner(&mut self, n: u8, manner: Manner) {
        if let Some(scripted) = self.peers.get_mut(&peer(n)) {
            scripted.manner = manner;
        }
    }

    pub(super) fn want(&mut self, wanter: Wanter, chunks: &[ChunkRef]) {
        self.transfer.want(self.now, wanter, manifest(1), chunks, None);
        if let (true, Wanter::Job(job)) = (self.generous, wanter) {
            self.grant(Credit::Deliver { job, bytes: 8 * 1024 * 1024 });
        }
        self.drain();
    }

    pub(super) fn leave(&mut self, wanter: Wanter) {
        self.transfer.drop_wanter(self.now, wanter);
        self.drain();
    }

    pub(super) fn hold(&mut self, chunks: &[ChunkRef]) {
        self.store.extend(chunks.iter().map(|chunk| chunk.id));
        self.transfer.note_held(&mut chunks.iter().map(|chunk| chunk.id));
        self.drain();
    }

    pub(super) fn lose(&mut self, chunk: ChunkRef) {
        self.store.remove(&chunk.id);
        self.transfer.note_lost(self.now, chunk.id);
        self.drain();
    }

    pub(super) fn grant(&mut self, credit: Credit) {
        match credit {
            Credit::Send { .. } => {}
            Credit::Checks(more) => self.checks += more,
            Credit::Writes(more) => self.writes += more,
            Credit::Reads(more) => self.reads += more,
            Credit::Deliver { job, bytes } => *self.job_credit.entry(job).or_default() += u64::from(bytes),
        }
        self.transfer.credit(credit);
    }

    pub(super) fn ask(&mut self, ask: u64, n: u8, chunk: ChunkRef) {
        self.ask_together(n, &[(ask, chunk)]);
    }

    /// With one request.
    pub(super) fn ask_together(&mut self, n: u8, chunks: &[(u64, ChunkRef)]) {
        let chunks: Vec<_> = chunks.iter().map(|&(ask, chunk)| (AskId(ask), chunk.id)).collect();
        self.transfer.asked(self.now, peer(n), &chunks);
        self.drain();
    }

    /// Lets so much time pass.
    pub(super) fn run(&mut self, micros: u64) {
        let end = Instant::from_micros(self.now.as_micros() + micros);
        self.drain();
        while let Some(next) = self.next_moment().filter(|&next| next <= end) {
            self.now = self.now.max(next);
            self.step();
            self.drain();
        }
        self.now = end;
    }

    /// Runs until nothing is under way and nothing is waited for; that it comes to this is itself a promise.
    pub(super) fn settle(&mut self) {
        for _ in 0..1_000_000 {
            self.drain();
            let Some(next) = self.next_moment() else { return };
            self.now = self.now.max(next);
            self.step();
        }
        panic!("it never settles");
    }

    /// The frame of a fetch arrives now, and is right or not.
    pub(super) fn arrives(&mut self, fetch: FetchId, is_right: Result<(), ChunkFault>) {
        let Some(live) = self.live.get_mut(&fetch) else { return };
        (live.buffer, self.checks) = (Buffer::Arrived, self.checks + 1);
        let (chunk, bytes) = (live.chunk, live.chunk.bytes);
        self.transfer.credit(Credit::Checks(1));
        self.transfer.frame_arrived(self.now, fetch, bytes);
        let told = self.transfer.poll(self.now);
        assert!(
            matches!(told, Some(TransferOutput::Do(Output::Check { fetch: other, .. })) if other == fetch)
        );
        self.checks -= 1;
        let found = self.live.get_mut(&fetch).map(|live| &mut live.buffer);
        found.into_iter().for_each(|buffer| *buffer = Buffer::Right);
        self.transfer.checked(self.now, fetch, is_right.map(|()| self.right[&chunk]));
        self.drain();
    }

    fn next_moment(&self) -> Option<Instant> {
        let event = self.events.first_key_value().map(|(key, _)| key.0);
        event.into_iter().chain(self.transfer.next_timeout()).min()
    }

    fn step(&mut self) {
        if self.transfer.next_timeout().is_some_and(|at| at <= self.now) {
            self.transfer.on_timeout(self.now);
            self.drain();
        }
        while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let event = entry.remove();
            self.happen(event);
            self.drain();
        }
    }

    fn happen(&mut self, event: Event) {
        let (Event::Arrive(fetch) | Event::Fail(fetch, _) | Event::Check(fetch) | Event::Keep(fetch)) = event;
        let Some(live) = self.live.get_mut(&fetch) else { return };
        match event {
            Event::Arrive(_) => {
                live.buffer = Buffer::Arrived;
                self.transfer.frame_arrived(self.now, fetch, live.chunk.bytes);
            }
            Event::Fail(_, why) => self.transfer.fetch_failed(self.now, fetch, why),
            Event::Check(_) => {
                let (chunk, peer) = (live.chunk, live.peer);
                let junk = matches!(self.peers[&peer].manner, Manner::Junk(_));
                live.buffer = if junk { Buffer::Arrived } else { Buffer::Right };
                let result = if junk { Err(ChunkFault::WrongHash) } else { Ok(self.right[&chunk]) };
                self.checked += 1;
                self.transfer.checked(self.now, fetch, result);
            }
            Event::Keep(_) => {
                live.buffer = Buffer::Right;
                let result = self.refuses.map_or(Ok(()), Err);
                if result.is_ok() {
                    self.store.insert(live.chunk.id);
                }
                self.transfer.kept(self.now, fetch, result);
            }
        }
    }

    /// Takes all outputs.
    pub(super) fn drain(&mut self) {
        while let Some(output) = self.transfer.poll(self.now) {
            if let Some(trace) = &mut self.trace {
                trace.push(format!("{} {output:?}", self.now.as_micros()));
            }
            match output {
                TransferOutput::Do(output) => self.act(output),
                TransferOutput::Announce { .. }
                | TransferOutput::Progress { .. }
                | TransferOutput::Done(_)
                | TransferOutput::Failed { .. }
                | TransferOutput::NotKept { .. }
                | TransferOutput::Stored { .. }
                | TransferOutput::Junk { .. }
                | TransferOutput::Stalled { .. }
                | TransferOutput::Proven { .. }
                | TransferOutput::PartUsed { .. }
                | TransferOutput::SeedBusy { .. }
                | TransferOutput::Complete { .. }
                | TransferOutput::Lost { .. } => self.said.push(output),
            }
        }
    }

    fn act(&mut self, output: Output) {
        match output {
            Output::Fetch { peer, chunks } => self.request(peer, &chunks),
            Output::Check { fetch, chunk } => {
                self.checks = self.checks.checked_sub(1).expect("credit for a check");
                self.advance(fetch, Buffer::Arrived, Buffer::Checking);
                assert_eq!(self.live[&fetch].chunk, chunk);
                self.later(100, Event::Check(fetch));
                self.regrant(Credit::Checks(1));
            }
            Output::Keep { fetch } => {
                self.writes = self.writes.checked_sub(1).expect("credit for a write");
                self.advance(fetch, Buffer::Right, Buffer::Keeping);
                assert!(!self.store.contains(&self.live[&fetch].chunk.id), "kept twice");
                self.later(200, Event::Keep(fetch));
                self.regrant(Credit::Writes(1));
            }
            Output::Release { fetch } => {
                let live = self.live.remove(&fetch).expect("released once");
                assert!(live.buffer != Buffer::Checking && live.buffer != Buffer::Keeping, "released in use");
            }
            Output::Deliver { job, chunk, source, fetch } => self.give(Given { job, chunk, source, fetch }),
            Output::Serve { chunks } => {
                let count = u32::try_from(chunks.len()).unwrap();
                self.reads = self.reads.checked_sub(count).expect("credit for each read");
                self.served.extend(chunks.iter().map(|(ask, _)| (*ask, None)));
                self.turns.push(chunks.iter().map(|(ask, _)| ask.0).collect());
                self.regrant(Credit::Reads(count));
            }
            Output::Decline { ask, why } => self.served.push((ask, Some(why))),
            Output::Dial { .. }
            | Output::Disconnect { .. }
            | Output::Send { .. }
            | Output::Verify { .. }
            | Output::Sign { .. }
            | Output::Record { .. }
            | Output::Sync { .. }
            | Output::Look { .. }
            | Output::OpenTree { .. }
            | Output::Reply { .. }
            | Output::Admit { .. }
            | Output::Reach { .. }
            | Output::Log(_)
            | Output::ReadLog { .. }
            | Output::Event(_) => panic!("not transfer's: {output:?}"),
        }
    }

    fn request(&mut self, peer: PeerId, chunks: &[(FetchId, ChunkRef)]) {
        let bytes: u32 = chunks.iter().map(|(_, chunk)| chunk.bytes).sum();
        assert!((1..=REQUEST_CHUNKS_MAX).contains(&chunks.len()) && bytes <= REQUEST_BYTES_MAX, "{chunks:?}");
        self.requests.push((peer, chunks.iter().map(|(_, chunk)| *chunk).collect()));
        chunks.iter().for_each(|&(fetch, chunk)| self.fetch(fetch, peer, chunk));
    }

    fn fetch(&mut self, fetch: FetchId, peer: PeerId, chunk: ChunkRef) {
        let under_way = |live: &&Live| live.peer == peer && live.buffer == Buffer::UnderWay;
        assert!(self.live.values().filter(under_way).count() < FETCHES_PER_PEER_MAX, "pipeline");
        let copies = self.live.values().filter(|live| live.chunk == chunk);
        assert!(
            copies.clone().all(|copy| copy.buffer != Buffer::Right && copy.peer != peer),
            "needless copy"
        );
        assert!(copies.count() < 2, "a third copy");
        self.live.insert(fetch, Live { peer, chunk, buffer: Buffer::UnderWay });
        self.most_live = self.most_live.max(self.live.len());
        assert!(self.live.len() <= FETCHES_MAX, "too many buffers");
        self.asked.push((peer, chunk));
        let scripted = self.peers.get_mut(&peer).expect("known");
        assert!(scripted.up, "asked who is gone");
        match scripted.manner {
            Manner::Honest(micros) | Manner::Junk(micros) => {
                scripted.idle_at = scripted.idle_at.max(self.now).after(Duration::from_micros(micros));
                let at = scripted.idle_at.since(self.now);
                self.later(u64::try_from(at.as_micros()).unwrap(), Event::Arrive(fetch));
            }
            Manner::Fails(why) => self.later(MS, Event::Fail(fetch, why)),
            Manner::Silent => {}
        }
    }

    fn give(&mut self, given: Given) {
        let credit = self.job_credit.get_mut(&given.job).expect("credit for a job");
        *credit = credit.checked_sub(u64::from(given.chunk.bytes)).expect("credit for its bytes");
        match given.fetch {
            Some(fetch) => {
                let live = &self.live[&fetch];
                assert_eq!(live.chunk, given.chunk);
                assert!(live.buffer == Buffer::Right || live.buffer == Buffer::Keeping, "given unchecked");
            }
            None => assert!(self.store.contains(&given.chunk.id), "given from a store that lacks it"),
        }
        self.given.push(given);
        self.regrant(Credit::Deliver { job: given.job, bytes: given.chunk.bytes });
    }

    fn advance(&mut self, fetch: FetchId, from: Buffer, to: Buffer) {
        let live = self.live.get_mut(&fetch).expect("a live fetch");
        assert_eq!(live.buffer, from);
        live.buffer = to;
    }

    fn later(&mut self, micros: u64, event: Event) {
        self.next_event += 1;
        self.events.insert((self.now.after(Duration::from_micros(micros)), self.next_event), event);
    }

    fn regrant(&mut self, credit: Credit) {
        if self.generous {
            self.grant(credit);
        }
    }

    pub(super) fn given_to(&self, n: u64) -> Vec<ChunkRef> {
        self.given.iter().filter(|given| given.job == JobId(n)).map(|given| given.chunk).collect()
    }

    pub(super) fn sorted_given_to(&self, n: u64) -> Vec<ChunkRef> {
        let mut given = self.given_to(n);
        given.sort();
        given
    }

    pub(super) fn done(&self, wanter: Wanter) -> usize {
        self.said.iter().filter(|said| matches!(said, TransferOutput::Done(who) if *who == wanter)).count()
    }

    pub(super) fn failures(&self, wanter: Wanter) -> Vec<(ChunkRef, FetchEnd)> {
        let failed = |said: &TransferOutput| {
            let &TransferOutput::Failed { wanter: who, chunk, why } = said else { return None };
            (who == wanter).then_some((chunk, why))
        };
        self.said.iter().filter_map(failed).collect()
    }

    pub(super) fn junk_from(&self, n: u8) -> usize {
        self.said
            .iter()
            .filter(|said| matches!(said, TransferOutput::Junk { peer: who, .. } if *who == peer(n)))
            .count()
    }

    pub(super) fn asked_of(&self, n: u8) -> usize {
        self.asked.iter().filter(|(who, _)| *who == peer(n)).count()
    }

    /// A world with swarm 1 open, whose content of so many chunks is known and whose tree is the chunk after them.
    pub(super) fn with_swarm(rng_seed: u64, content: u32) -> (Self, Vec<ChunkRef>) {
        let mut world = Self::new(rng_seed);
        let chunks = world.open(1, content);
        (world, chunks)
    }

    /// Opens a swarm with one tree chunk (index 0) and this content; gives all in order of index.
    pub(super) fn open(&mut self, swarm: u8, content: u32) -> Vec<ChunkRef> {
        let base = u32::from(swarm) << 20;
        let chunks = self.chunks(base..base + content + 1);
        self.transfer.open_swarm(manifest(swarm), &chunks[..1], content);
        self.transfer.set_content(manifest(swarm), &chunks[1..]);
        chunks
    }
}
