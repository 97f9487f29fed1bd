//! What slow jobs cost: many writers over pairs of sockets, with room for little. The clock is the test's.

use super::ahead::Ahead;
use super::limits::{READS_AHEAD, TAKEN_IN_TIME};
use super::pending::Pending;
use super::writer::Writer;
use super::*;
use crate::driver::{Delivery, DriverEvent, SessionItem};
use crate::store::StoreOptions;
use pollux_core::engine::Source;
use pollux_core::{FrameEncoder, KeyPair, PeerId, PeerRole, VerifiedChunk};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Bytes of each chunk: more than a socket's buffers hold.
const BYTES: usize = 500_000;
/// Room for so many chunks read ahead.
const ROOM: usize = 6;
/// As many chunks as may wait for a job's socket.
const MANY: u32 = 16;
/// Jobs that take nothing.
const SLOW: u64 = 20;

fn turns() -> Turns {
    Turns::new(ROOM * BYTES)
}

/// Chunks that no encoder makes smaller, in a store.
fn store(chunks: u32) -> (tempfile::TempDir, Store, Vec<VerifiedChunk>) {
    let directory = tempfile::tempdir().unwrap();
    let options = StoreOptions { bytes_max: Some(64 << 20), free_bytes_min: 0 };
    let (store, _) = Store::open(directory.path(), options).unwrap();
    let chunks: Vec<VerifiedChunk> = (0..chunks).map(noise).collect();
    for chunk in &chunks {
        store.put(chunk).unwrap();
    }
    (directory, store, chunks)
}

fn noise(number: u32) -> VerifiedChunk {
    let mut state = u64::from(number) + 1;
    let plain = (0..BYTES).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    VerifiedChunk::from_plain(&plain.collect::<Vec<u8>>(), &mut FrameEncoder::new(1))
}

/// A writer with its job's end of the socket.
struct Slow {
    stream: UnixStream,
    items: mpsc::UnboundedSender<SessionItem>,
    writer: JoinHandle<()>,
    _replies: mpsc::Sender<Reply>,
}

impl Slow {
    fn connect(parts: &SocketParts, turns: &Turns, job: u64) -> Self {
        let (stream, other) = UnixStream::pair().unwrap();
        let (_, socket) = other.into_split();
        let (items, items_out) = mpsc::unbounded_channel();
        let (replies, replies_out) = mpsc::channel(1);
        let pending = (Arc::new(Pending::default()), turns.clone());
        let writer = Writer::new(socket, parts.clone(), JobId(job), pending);
        let writer = tokio::spawn(writer.run(items_out, replies_out));
        Self { stream, items, writer, _replies: replies }
    }

    fn waits_for(&self, chunks: &[VerifiedChunk]) {
        for chunk in chunks {
            let (chunk, source) = (chunk.chunk(), Source::Local);
            self.items.send(SessionItem::Chunk { chunk, source, delivery: Delivery::Store }).unwrap();
        }
    }
}

fn parts(store: &Store) -> (SocketParts, mpsc::Receiver<DriverEvent>) {
    let (driver, events) = DriverHandle::new();
    let facts = Arc::new(NodeFacts {
        software: "node".to_owned(),
        pool: "ci".to_owned(),
        peer: PeerId::new(KeyPair::from_seed([1; 32]).public()),
        role: PeerRole::Node,
        started: std::time::Instant::now(),
        place: pollux_client::protocol::Place::default(),
        token: None,
        store_free_bytes_min: 0,
    });
    (SocketParts::new((driver, store.clone()), facts, &[]), events)
}

#[tokio::test(start_paused = true)]
async fn what_all_jobs_read_ahead_is_bounded() {
    let (_directory, store, chunks) = store(MANY);
    let turns = turns();
    let mut jobs: Vec<Ahead> = (0..SLOW).map(|_| Ahead::new(store.clone(), turns.clone())).collect();
    for job in &mut jobs {
        for chunk in &chunks {
            job.push(chunk.chunk(), Source::Local, Delivery::Store);
        }
        assert!(!job.has_room(), "as many wait as may");
    }
    assert_eq!(jobs.iter().map(Ahead::reading).sum::<usize>(), ROOM);
    assert_eq!(turns.bytes_ahead_free(), 0);
    let last = jobs.last_mut().unwrap();
    let next = last.pop().unwrap();
    assert!(matches!(last.load(next).await, ahead::Loaded::Frame(_)), "one chunk always works");
    drop(jobs);
    assert_eq!(turns.bytes_ahead_free(), ROOM * BYTES, "all is given back");
}

#[tokio::test(start_paused = true)]
async fn a_slow_job_reads_nothing_ahead_until_it_takes_a_chunk_in_time() {
    let (_directory, store, chunks) = store(4);
    let turns = turns();
    let mut job = Ahead::new(store, turns.clone());
    for chunk in &chunks {
        job.push(chunk.chunk(), Source::Local, Delivery::Store);
    }
    assert_eq!(job.reading(), 4);
    job.give_back();
    let next = job.pop().unwrap();
    assert_eq!((job.reading(), turns.bytes_ahead_free()), (0, ROOM * BYTES));
    assert!(matches!(job.load(next).await, ahead::Loaded::Frame(_)), "it is read when it is its turn");
    job.taken_in_time();
    job.pop().unwrap();
    assert_eq!(job.reading(), 2);
}

#[tokio::test(start_paused = true)]
async fn further_reads_begin_together_once_half_of_them_is_taken() {
    let (_directory, store, chunks) = store(MANY);
    let mut job = Ahead::new(store, Turns::new(READS_AHEAD * BYTES));
    for chunk in &chunks {
        job.push(chunk.chunk(), Source::Local, Delivery::Store);
    }
    let begun = READS_AHEAD / 2 + 1;
    assert_eq!(job.reading(), begun);
    let mut taken = Vec::new();
    while let Some(next) = job.pop() {
        assert_eq!(
            job.reading(),
            READS_AHEAD - 1 - taken.len(),
            "the rest was begun with the first that was taken"
        );
        taken.push(next.chunk);
        assert!(matches!(job.load(next).await, ahead::Loaded::Frame(_)));
    }
    assert_eq!(taken, chunks.iter().map(VerifiedChunk::chunk).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn slow_readers_leave_the_room_to_others() {
    let (_directory, store, chunks) = store(8);
    let (turns, (parts, mut events)) = (turns(), parts(&store));
    let slow: Vec<Slow> = (0..SLOW).map(|job| Slow::connect(&parts, &turns, job)).collect();
    for job in &slow {
        job.waits_for(&chunks);
    }
    tokio::time::sleep(TAKEN_IN_TIME * 3).await;
    assert_eq!(turns.bytes_ahead_free(), ROOM * BYTES, "nobody keeps what is not taken");

    let quick = Slow::connect(&parts, &turns, SLOW);
    quick.waits_for(&chunks);
    let Slow { mut stream, writer, items, _replies } = quick;
    drop((items, _replies));
    let told = tokio::spawn(async move { while events.recv().await.is_some() {} });
    let mut heard = Vec::new();
    tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut heard)).await.unwrap().unwrap();
    assert!(heard.len() > BYTES * chunks.len(), "every chunk has come");
    writer.await.unwrap();
    for job in slow {
        job.writer.abort();
        drop(job.stream);
    }
    told.abort();
}
