//! A session over a pair of sockets, with the test as job and as driver. The clock is the test's.

mod hostile;
mod log;
mod overview;
mod papers;
mod refusals;
pub(super) mod saves;

use super::limits::FRAME_TIMEOUT;
use super::places::Seat;
use super::*;
use crate::driver::{Delivery, DriverEvent, SessionItem, UNPUBLISHED_MARKS};
use pollux_client::protocol::{
    ChunkHead, ChunkSource, FrameHead, FrameType, PutFailure, Request, VERSION, decode,
};
use pollux_core::engine::{FetchEnd, JobReply, JobRequest, MissReason, Source};
use pollux_core::message::ListQuery;
use pollux_core::{
    ChunkId, ChunkRef, Frame, FrameEncoder, FrameKind, KeyPair, ManifestId, PeerId, PeerRole, VerifiedChunk,
};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

const JOB: JobId = JobId(1);
const WHO: session::Job = session::Job { id: JOB, uid: 7 };
const MANIFEST: ManifestId = ManifestId::from_bytes([7; 32]);

struct Job {
    stream: UnixStream,
    events: mpsc::Receiver<DriverEvent>,
    session: JoinHandle<()>,
    driver: DriverHandle,
    store: Store,
    seat: Arc<Seat>,
    _directory: tempfile::TempDir,
}

/// What the node sent.
#[derive(Debug)]
enum Heard {
    Reply(Reply),
    Chunk(ChunkHead, Vec<u8>),
    End,
}

impl Job {
    fn connect() -> Self {
        Self::connect_to(PeerRole::Node)
    }

    fn connect_to(role: PeerRole) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open_small(directory.path());
        let (driver, events) = DriverHandle::new();
        let facts = Arc::new(NodeFacts {
            software: "node".to_owned(),
            pool: "ci".to_owned(),
            peer: PeerId::new(KeyPair::from_seed([1; 32]).public()),
            role,
            started: std::time::Instant::now(),
            place: pollux_client::protocol::Place::default(),
            token: None,
            store_free_bytes_min: 0,
        });
        let parts = SocketParts::new((driver.clone(), store.clone()), facts, &[]);
        let (stream, other) = UnixStream::pair().unwrap();
        let seat = Seat::alone();
        let session = tokio::spawn(Session::new(parts, Turns::default(), WHO, Arc::clone(&seat)).run(other));
        Self { stream, events, session, driver, store, seat, _directory: directory }
    }

    /// Past the greeting; the driver's way to the session.
    async fn greeted() -> (Self, mpsc::UnboundedSender<SessionItem>) {
        Self::greeted_by(PeerRole::Node).await
    }

    async fn greeted_by(role: PeerRole) -> (Self, mpsc::UnboundedSender<SessionItem>) {
        let mut job = Self::connect_to(role);
        job.say(&hello(VERSION, VERSION)).await;
        assert!(matches!(job.reply().await, Reply::Welcome { version: VERSION, .. }));
        let DriverEvent::Opened { items, .. } = job.event().await else { panic!("opened first") };
        (job, items)
    }

    async fn say(&mut self, request: &Request) {
        self.stream.write_all(&encode(request).unwrap()).await.unwrap();
    }

    async fn hand_in(&mut self, chunk: ChunkRef, frame: &Frame) {
        self.stream.write_all(&ChunkHead::before(chunk, ChunkSource::Local, frame)).await.unwrap();
        self.stream.write_all(&frame.bytes).await.unwrap();
    }

    async fn hear(&mut self) -> Heard {
        let mut head = [0; FrameHead::BYTES];
        if self.stream.read_exact(&mut head).await.is_err() {
            return Heard::End;
        }
        let head = FrameHead::from_bytes(head).unwrap();
        let mut body = vec![0; usize::try_from(head.body_bytes).unwrap()];
        self.stream.read_exact(&mut body).await.unwrap();
        match head.frame_type {
            FrameType::Message => Heard::Reply(decode(&body).unwrap()),
            FrameType::Chunk => {
                let (head, bytes) = body.split_first_chunk().unwrap();
                Heard::Chunk(ChunkHead::from_bytes(head).unwrap(), bytes.to_vec())
            }
        }
    }

    async fn reply(&mut self) -> Reply {
        let Heard::Reply(reply) = self.hear().await else { panic!("a reply") };
        reply
    }

    async fn event(&mut self) -> DriverEvent {
        self.events.recv().await.unwrap()
    }

    async fn asked_chunks(&mut self) -> Vec<ChunkRef> {
        let event = self.event().await;
        let DriverEvent::Request { request: JobRequest::Fetch { chunks, .. }, job: JOB } = event else {
            panic!("a fetch, not {event:?}")
        };
        chunks
    }

    /// The session says why, hangs up, and tells the driver that the job has left.
    async fn ends_refused(mut self, words: &str) {
        let Reply::Refused { why } = self.reply().await else { panic!("refused") };
        assert!(why.contains(words), "{why}");
        assert!(matches!(self.hear().await, Heard::End));
        self.session.await.unwrap();
        while let Some(event) = self.events.recv().await {
            if matches!(event, DriverEvent::Closed { job: JOB }) {
                return;
            }
        }
        panic!("the driver was not told");
    }
}

fn hello(oldest: u16, newest: u16) -> Request {
    Request::Hello { oldest, newest, software: "a test".to_owned() }
}

fn list() -> Request {
    Request::List { what: ListQuery::Manifest(MANIFEST), deadline_ms: 1000 }
}

fn fetch(chunks: &[ChunkRef]) -> Request {
    Request::Fetch { manifest: MANIFEST, chunks: chunks.to_vec() }
}

fn chunk(number: u8) -> VerifiedChunk {
    VerifiedChunk::from_plain(&[number; 1000], &mut FrameEncoder::new(1))
}

fn item(chunk: &VerifiedChunk, delivery: Delivery) -> SessionItem {
    SessionItem::Chunk { chunk: chunk.chunk(), source: Source::Peer, delivery }
}

/// However steadily the bytes come: what matters is when the frame is whole.

#[tokio::test(start_paused = true)]
async fn one_question_after_the_other_is_fine() {
    let (mut job, items) = Job::greeted().await;
    for _ in 0..3 {
        job.say(&list()).await;
        assert!(matches!(job.event().await, DriverEvent::Request { .. }));
        items.send(SessionItem::Reply(Box::new(JobReply::Miss(MissReason::NotJoined)))).unwrap();
        assert_eq!(job.reply().await, Reply::Miss { reason: MissReason::NotJoined });
    }
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_is_under_way_is_not_asked_of_the_engine_again() {
    let (mut job, items) = Job::greeted().await;
    let (one, two) = (chunk(1), chunk(2));
    job.say(&fetch(&[one.chunk(), one.chunk()])).await;
    job.say(&fetch(&[one.chunk()])).await;
    job.say(&fetch(&[two.chunk(), one.chunk()])).await;
    assert_eq!(job.asked_chunks().await, [one.chunk()]);
    assert_eq!(job.asked_chunks().await, [two.chunk()]);
    let failed = JobReply::FetchFailed { chunk: one.chunk(), why: FetchEnd::NoHolder };
    items.send(SessionItem::Reply(Box::new(failed))).unwrap();
    let why = MissReason::NoHolder;
    assert_eq!(job.reply().await, Reply::ChunkFailed { chunk: one.chunk(), why });
    job.say(&fetch(&[one.chunk()])).await;
    assert_eq!(job.asked_chunks().await, [one.chunk()], "after its answer it may be asked for again");
}

#[tokio::test(start_paused = true)]
async fn a_fetch_of_nothing_is_done_at_once() {
    let (mut job, _items) = Job::greeted().await;
    job.say(&fetch(&[])).await;
    assert_eq!(job.reply().await, Reply::FetchDone);
    assert!(job.events.try_recv().is_err(), "the engine is not bothered");
}

#[tokio::test(start_paused = true)]
async fn chunks_come_from_memory_and_store_in_the_order_given() {
    let (mut job, items) = Job::greeted().await;
    let chunks: Vec<VerifiedChunk> = (0..20).map(chunk).collect();
    for (chunk, place) in chunks.iter().zip(0..) {
        let delivery = if place % 2 == 0 {
            job.store.put(chunk).unwrap();
            Delivery::Store
        } else {
            Delivery::Buffer(Arc::new(VerifiedChunk::from_plain(&[place; 1000], &mut FrameEncoder::new(1))))
        };
        items.send(item(chunk, delivery)).unwrap();
    }
    items.send(SessionItem::Reply(Box::new(JobReply::FetchDone))).unwrap();
    for chunk in &chunks {
        let Heard::Chunk(head, bytes) = job.hear().await else { panic!("a chunk") };
        assert_eq!((head.chunk, &bytes), (chunk.chunk(), &chunk.frame().bytes));
    }
    assert_eq!(job.reply().await, Reply::FetchDone, "a reply keeps its place behind the chunks");
    let mut told = 0;
    while told < 20 * 1000 {
        let DriverEvent::Taken { bytes, job: JOB } = job.event().await else { panic!("taken") };
        told += bytes;
    }
    assert_eq!(told, 20 * 1000);
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_the_store_has_lost_is_said_to_job_and_driver() {
    let (mut job, items) = Job::greeted().await;
    let lost = chunk(1);
    items.send(item(&lost, Delivery::Store)).unwrap();
    let why = MissReason::NoHolder;
    assert_eq!(job.reply().await, Reply::ChunkFailed { chunk: lost.chunk(), why });
    let DriverEvent::Lost { chunk } = job.event().await else { panic!("lost") };
    assert_eq!(chunk, lost.chunk().id);
    assert!(matches!(job.event().await, DriverEvent::Taken { bytes: 1000, .. }), "its place is free again");
}

#[tokio::test(start_paused = true)]
async fn a_chunk_of_another_length_than_asked_for_is_not_had_and_not_lost() {
    let (mut job, items) = Job::greeted().await;
    let held = chunk(1);
    job.store.put(&held).unwrap();
    let wrong = ChunkRef { bytes: 999, ..held.chunk() };
    let item = SessionItem::Chunk { chunk: wrong, source: Source::Local, delivery: Delivery::Store };
    items.send(item).unwrap();
    assert_eq!(job.reply().await, Reply::ChunkFailed { chunk: wrong, why: MissReason::NoHolder });
    assert!(matches!(job.event().await, DriverEvent::Taken { bytes: 999, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_leaves_while_it_restores_ends_its_session() {
    let (mut job, items) = Job::greeted().await;
    job.say(&fetch(&[chunk(1).chunk(), chunk(2).chunk()])).await;
    assert_eq!(job.asked_chunks().await.len(), 2);
    drop(job.stream);
    while !matches!(job.events.recv().await.unwrap(), DriverEvent::Closed { .. }) {}
    drop(items);
    job.session.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_reply_does_not_wait_for_the_end_of_a_stream_of_chunks() {
    let (mut job, items) = Job::greeted().await;
    for _ in 0..50 {
        items.send(item(&chunk(1), Delivery::Buffer(Arc::new(chunk(1))))).unwrap();
    }
    job.say(&Request::Lacks { chunks: vec![chunk(9).chunk().id] }).await;
    job.say(&Request::Flush).await;
    let mut before = 0;
    loop {
        match job.hear().await {
            Heard::Chunk(..) => before += 1,
            Heard::Reply(reply) => break assert_eq!(reply, Reply::Lacking { indices: vec![0] }),
            Heard::End => panic!("hung up"),
        }
        items.send(item(&chunk(1), Delivery::Buffer(Arc::new(chunk(1))))).unwrap();
        job.event().await;
        assert!(before < 1000, "the reply starves");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_handed_in_is_durable_after_a_flush() {
    let (mut job, _items) = Job::greeted().await;
    for number in 0..30 {
        job.hand_in(chunk(number).chunk(), chunk(number).frame()).await;
    }
    job.say(&Request::Flush).await;
    assert_eq!(job.reply().await, Reply::Flushed);
    assert!((0..30).all(|number| job.store.holds(&chunk(number).chunk().id)));
    let ids = [31, 0, 32].map(|number| chunk(number).chunk().id);
    job.say(&Request::Lacks { chunks: ids.to_vec() }).await;
    assert_eq!(job.reply().await, Reply::Lacking { indices: vec![0, 2] });
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_not_what_their_name_says_are_never_stored() {
    let (mut job, _items) = Job::greeted().await;
    let (good, other) = (chunk(1), chunk(2));
    job.hand_in(good.chunk(), other.frame()).await;
    job.say(&Request::Flush).await;
    let why = PutFailure::Bad;
    assert_eq!(job.reply().await, Reply::PutFailed { chunk: good.chunk().id, why });
    assert_eq!(job.store.usage().chunks, 0);
    job.hand_in(good.chunk(), good.frame()).await;
    job.say(&Request::Flush).await;
    assert_eq!(job.reply().await, Reply::Flushed, "the flush has wiped the slate");
    assert!(job.store.holds(&good.chunk().id));
}

#[tokio::test(start_paused = true)]
async fn after_a_bad_chunk_nothing_is_stored_until_the_flush() {
    let (mut job, _items) = Job::greeted().await;
    job.hand_in(chunk(1).chunk(), &Frame { kind: FrameKind::Zstd, bytes: vec![0; 100] }).await;
    // As many as are under way beside it, then some that come later.
    for number in 100..120 {
        job.hand_in(chunk(number).chunk(), chunk(number).frame()).await;
    }
    job.say(&Request::Flush).await;
    assert!(matches!(job.reply().await, Reply::PutFailed { why: PutFailure::Bad, .. }));
    assert!(!job.store.holds(&chunk(119).chunk().id));
    assert!(!job.store.holds(&ChunkId::of(&[0; 100])));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_leaves_after_handing_in_leaves_its_chunks() {
    let (mut job, _items) = Job::greeted().await;
    job.hand_in(chunk(1).chunk(), chunk(1).frame()).await;
    job.say(&Request::Flush).await;
    assert_eq!(job.reply().await, Reply::Flushed);
    job.hand_in(chunk(2).chunk(), chunk(2).frame()).await;
    let (store, mut events) = (job.store.clone(), job.events);
    drop(job.stream);
    while !matches!(events.recv().await.unwrap(), DriverEvent::Closed { .. }) {}
    job.session.await.unwrap();
    assert!(store.holds(&chunk(1).chunk().id));
}

#[tokio::test(start_paused = true)]
async fn what_a_job_is_told_is_held_is_not_swept_until_it_leaves() {
    let lacks = Request::Lacks { chunks: vec![chunk(1).chunk().id] };
    for request in [Request::Flush, lacks] {
        let saves = request != Request::Flush;
        let (mut job, _items) = Job::greeted().await;
        let saving = job.driver.saving_lock();
        job.say(&request).await;
        job.reply().await;
        assert_eq!(saving.try_write().is_err(), saves, "{request:?}");
        drop(job.stream);
        while !matches!(job.events.recv().await.unwrap(), DriverEvent::Closed { .. }) {}
        assert!(saving.try_write().is_ok(), "before the driver hears that it has left");
        job.session.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_job_relied_on_outlives_it_for_some_sweeps() {
    let (mut job, _items) = Job::greeted().await;
    for number in 0..30 {
        job.store.put(&chunk(number)).unwrap();
    }
    let relied_on = [5, 100].map(|number| chunk(number).chunk().id);
    job.say(&Request::Lacks { chunks: relied_on.to_vec() }).await;
    assert_eq!(job.reply().await, Reply::Lacking { indices: vec![1] });
    job.hand_in(chunk(100).chunk(), chunk(100).frame()).await;
    job.say(&Request::Flush).await;
    assert_eq!(job.reply().await, Reply::Flushed);
    drop(job.stream);
    for number in 101..130 {
        job.store.put(&chunk(number)).unwrap();
    }
    for _ in 0..UNPUBLISHED_MARKS {
        job.store.sweep(job.store.sweep_mark(), |_| false).unwrap();
        assert!(relied_on.iter().all(|id| job.store.holds(id)));
    }
    assert!(!job.store.holds(&chunk(1).chunk().id) && !job.store.holds(&chunk(101).chunk().id));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_saves_waits_for_a_sweep_and_others_do_not() {
    let (mut job, _items) = Job::greeted().await;
    let sweep = job.driver.saving_lock().write_owned().await;
    job.say(&fetch(&[])).await;
    assert_eq!(job.reply().await, Reply::FetchDone);
    job.say(&Request::Lacks { chunks: vec![chunk(1).chunk().id] }).await;
    assert!(tokio::time::timeout(FRAME_TIMEOUT, job.reply()).await.is_err());
    drop(sweep);
    assert_eq!(job.reply().await, Reply::Lacking { indices: vec![0] });
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_has_stopped_is_said() {
    let (mut job, _items) = Job::greeted().await;
    job.events.close();
    job.say(&Request::Status).await;
    let Reply::Refused { why } = job.reply().await else { panic!("refused") };
    assert!(why.contains("stopping"), "{why}");
    assert!(matches!(job.hear().await, Heard::End));
    job.session.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_dropped_hangs_up() {
    let (mut job, _items) = Job::greeted().await;
    job.session.abort();
    assert!(matches!(job.hear().await, Heard::End));
}

#[test]
fn only_a_dead_socket_is_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pollux.sock");
    assert!(remove_stale(&path).is_ok(), "nothing there");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert_eq!(remove_stale(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    drop(listener);
    assert!(path.exists());
    remove_stale(&path).unwrap();
    assert!(!path.exists());
    std::fs::write(&path, "precious").unwrap();
    assert_eq!(remove_stale(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert!(path.exists());
}
