//! The driver with a real store, and a wire that reaches nobody.

use super::*;
use crate::store::StoreOptions;
use pollux_client::pool::{self, InitRequest};
use pollux_core::engine::{
    FetchId, Fullness, JobReply, JobRequest, MissReason, Output, ServeFailure, StoreFailure, TaskId,
    TreeFault, Work,
};
use pollux_core::message::{ListQuery, LogPage, LogQuery};
use pollux_core::{
    ChunkFault, ChunkId, ChunkRef, Entry, EntryKind, Frame, FrameDecoder, FrameEncoder, FrameKind,
    ManifestId, Papers, PeerId, PeerRole, PoolFile, Tree, TreeRef, TreeTotals, Trust, VerifiedChunk,
};
use pollux_core::{LogEntry, Logged, LoggedPolicy};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::oneshot;

struct Fixture {
    driver: Driver,
    handle: DriverHandle,
    wire: mpsc::Sender<NetEvent>,
    wire_events: mpsc::Receiver<NetEvent>,
    store: Store,
    _directory: tempfile::TempDir,
}

fn pool_file(directory: &Path, now: pollux_core::Timestamp) -> PoolFile {
    let request = InitRequest::new(directory.join("pool"), vec!["127.0.0.1:1".to_owned()], now);
    pool::init(&request).unwrap();
    PoolFile::from_json(&std::fs::read_to_string(directory.join("pool/pool.json")).unwrap()).unwrap()
}

async fn fixture() -> Fixture {
    fixture_with(0).await
}

async fn fixture_with(free_bytes_min: u64) -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::new(0);
    let pool = pool_file(directory.path(), clock.wall());
    let trust = Arc::new(Trust::open(&pool, clock.wall()).unwrap());
    let options = StoreOptions { bytes_max: Some(64 << 20), free_bytes_min };
    let journal = Some(Journal::new(&directory.path().join("store")));
    let (store, recovery) = Store::open(&directory.path().join("store"), options).unwrap();
    let identity = KeyPair::from_seed([9; 32]);
    let config = crate::net::NetConfig {
        identity: KeyPair::from_seed([9; 32]),
        role: PeerRole::Node,
        listen: vec!["127.0.0.1:0".parse().unwrap()],
    };
    let (net, _) = NetHandle::start(config).await.unwrap();
    let engine = EngineConfig {
        me: PeerId::new(identity.public()),
        role: PeerRole::Node,
        software: "a test".to_owned(),
        listen_port: 1,
        token: pool.token.clone(),
        trust,
        rng_seed: 1,
        zone: None,
        pins: Vec::new(),
    };
    let (driver, handle) = Driver::new(DriverParts {
        engine,
        identity,
        clock,
        store: store.clone(),
        journal,
        recovery,
        net,
        bounds: WorkerBounds::of(None),
        serves_peers: true,
    });
    let (wire, wire_events) = mpsc::channel(64);
    Fixture { driver, handle, wire, wire_events, store, _directory: directory }
}

fn chunk(number: u8) -> VerifiedChunk {
    VerifiedChunk::from_plain(&[number; 100], &mut FrameEncoder::new(1))
}

fn tree_of(chunks: &[ChunkRef]) -> TreeRef {
    TreeRef { chunks: chunks.to_vec(), totals: TreeTotals::default(), roots: vec![String::new()] }
}

impl Fixture {
    fn workers(&self) -> &Workers {
        &self.driver.workers
    }

    async fn result(&mut self) -> Input {
        self.driver.results.recv().await.unwrap()
    }

    async fn checked(&mut self, frame: Frame, expected: ChunkRef) -> Result<ChunkRef, ChunkFault> {
        let fetch = FetchId(5);
        self.driver.frames.begin(fetch);
        assert!(self.driver.frames.arrived(fetch, frame));
        self.workers().check(&self.driver.frames, fetch, expected);
        let Input::Checked { result, .. } = self.result().await else { panic!("checked") };
        result.map(|witness| witness.chunk())
    }
}

#[tokio::test]
async fn in_each_round_everybody_has_a_turn() {
    let mut fixture = fixture().await;
    let stranger = PeerId::new(KeyPair::from_seed([3; 32]).public());
    let mut answers = Vec::new();
    for number in 0..10 {
        let held = Vec::new();
        fixture.workers().say(Input::Looked { task: TaskId(1000 + number), held });
        let (answer, question) = oneshot::channel();
        fixture.handle.tell(DriverEvent::Status(StatusQuestion(answer))).await.unwrap();
        answers.push(question);
        fixture.wire.send(NetEvent::SendCredit { peer: stranger, messages: 1 }).await.unwrap();
    }
    for left in (0..10).rev() {
        fixture.driver.one_of_each(&mut fixture.wire_events);
        let driver = &fixture.driver;
        assert_eq!(
            (driver.results.len(), driver.events.len(), fixture.wire_events.len()),
            (left, left, left)
        );
    }
    for answer in answers {
        assert!(answer.await.is_ok());
    }
}

#[tokio::test]
async fn jobs_that_come_and_go_leave_nothing_behind() {
    let mut fixture = fixture().await;
    let what = ListQuery::Manifest(ManifestId::from_bytes([1; 32]));
    for number in 0..3000 {
        let job = JobId(number);
        let (items, mut received) = mpsc::unbounded_channel();
        fixture.driver.session_event(DriverEvent::Opened { job, items, bytes: 1000 });
        if number % 3 == 0 {
            let request = JobRequest::List { what: what.clone(), deadline: Duration::ZERO };
            fixture.driver.session_event(DriverEvent::Request { job, request });
            fixture.driver.feed(Input::Timeout);
            let reply = received.try_recv();
            assert!(
                matches!(&reply, Ok(SessionItem::Reply(reply)) if matches!(**reply, JobReply::Listing { .. }))
            );
        }
        fixture.driver.session_event(DriverEvent::Closed { job });
        fixture.driver.session_event(DriverEvent::Taken { job, bytes: 1000 });
        assert!(received.is_closed() && received.try_recv().is_err());
    }
    assert_eq!(fixture.driver.engine.status().jobs, 0);
}

#[tokio::test]
async fn a_job_without_a_seed_gets_an_honest_miss() {
    let fixture = fixture().await;
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(fixture.driver.run(fixture.wire_events, stopped));
    let (items, mut received) = mpsc::unbounded_channel();
    let job = JobId(1);
    fixture.handle.tell(DriverEvent::Opened { job, items, bytes: 1000 }).await.unwrap();
    let query = pollux_core::Query { key: "a/b".parse().unwrap(), fallbacks: Vec::new() };
    let nonces = vec![pollux_core::Nonce::from_bytes([1; 32])];
    let request = JobRequest::Resolve { query, nonces, deadline: Duration::from_millis(20) };
    fixture.handle.tell(DriverEvent::Request { job, request }).await.unwrap();
    let Some(SessionItem::Reply(reply)) = received.recv().await else { panic!("a reply") };
    assert!(matches!(*reply, JobReply::Miss(MissReason::NotJoined | MissReason::SeedsSilent)), "{reply:?}");
    assert_eq!(fixture.handle.status().await.unwrap().jobs, 1);
    stop.send_replace(true);
    running.await.unwrap();
    assert!(fixture.handle.status().await.is_err(), "whoever asks a driver that has stopped is told so");
}

#[tokio::test]
async fn a_driver_ends_with_its_wire() {
    let fixture = fixture().await;
    let (_stop, stopped) = watch::channel(false);
    drop(fixture.wire);
    fixture.driver.run(fixture.wire_events, stopped).await;
}

#[tokio::test]
async fn a_frame_is_checked_and_kept() {
    let mut fixture = fixture().await;
    let right = chunk(1);
    assert_eq!(fixture.checked(right.frame().clone(), right.chunk()).await, Ok(right.chunk()));
    let kept = fixture.driver.frames.chunk(FetchId(5)).unwrap();
    fixture.workers().keep(FetchId(5), kept);
    assert!(matches!(fixture.result().await, Input::Kept { result: Ok(()), fetch: FetchId(5) }));
    assert!(fixture.store.holds(&right.chunk().id));
    fixture.workers().sync(TaskId(1));
    assert!(matches!(fixture.result().await, Input::Synced { result: Ok(()), task: TaskId(1) }));
}

#[tokio::test]
async fn a_wrong_frame_is_never_kept() {
    let mut fixture = fixture().await;
    let wrong = Frame { kind: FrameKind::Raw, bytes: vec![8; 100] };
    assert!(fixture.checked(wrong, chunk(1).chunk()).await.is_err());
    assert!(fixture.driver.frames.chunk(FetchId(5)).is_none());
    fixture.driver.carry_out(Output::Keep { fetch: FetchId(5) });
    let kept = fixture.result().await;
    assert!(matches!(kept, Input::Kept { result: Err(StoreFailure::Broken), .. }));
    assert_eq!(fixture.store.usage().chunks, 0);
}

#[tokio::test]
async fn a_full_store_is_noted_and_a_sweep_waits_for_the_job_that_saves() {
    let mut fixture = fixture().await;
    let saving = fixture.handle.saving().await;
    fixture.driver.result(Input::Kept { fetch: FetchId(1), result: Err(StoreFailure::Full) });
    fixture.driver.session_event(DriverEvent::Full);
    let now = fixture.driver.clock.now();
    let later = pollux_core::Now { instant: now.instant.after(Duration::from_secs(3600)), wall: now.wall };
    let housework = fixture.driver.counters.housework();
    let Housekeeping::Node { sweeper, .. } = &mut fixture.driver.housekeeping else { panic!("a node") };
    sweeper.turn(later, &fixture.driver.workers, housework.clone());
    assert!(fixture.driver.results.try_recv().is_err());
    drop(saving);
    let Housekeeping::Node { sweeper, .. } = &mut fixture.driver.housekeeping else { panic!("a node") };
    sweeper.turn(later, &fixture.driver.workers, housework.clone());
    assert!(
        matches!(fixture.result().await, Input::Timeout),
        "swept, and whoever lost something hears of it"
    );
    assert_eq!(housework.done().sweeps, [("swept", 1), ("failed", 0)]);
    assert!(fixture.handle.saving_lock().try_read().is_ok());
}

#[tokio::test]
async fn when_the_disk_runs_short_the_store_gives_back_and_the_engine_hears_of_it() {
    let mut fixture = fixture_with(u64::MAX / 2).await;
    fixture.store.give_back(0, |_| crate::store::Worth(0), crate::store::Terms::Everything).unwrap();
    fixture.driver.look_at_room();
    fixture.driver.look_at_room();
    let evicted = fixture.result().await;
    assert!(matches!(&evicted, Input::Evicted { manifests } if manifests.is_empty()));
    fixture.driver.result(evicted);
    assert!(fixture.driver.results.try_recv().is_err(), "one at a time");
    fixture.driver.look_at_room();
    assert!(fixture.driver.results.try_recv().is_err(), "nothing more can be given back for now");
}

#[tokio::test]
async fn what_a_store_that_is_full_gave_back_is_counted() {
    let mut fixture = fixture().await;
    fixture.store.put(&chunk(2)).unwrap();
    fixture.driver.store_is_full();
    fixture.driver.look_at_room();
    assert!(matches!(fixture.result().await, Input::Evicted { .. }));
    let [disk_short, store_full] = fixture.driver.counters.housework().done().evicted;
    assert!(disk_short.1 == 0 && store_full.1 > 0, "{store_full:?}");
}

#[tokio::test]
async fn a_seed_tells_when_it_swept_and_when_there_is_nothing_to_sweep() {
    let mut fixture = fixture().await;
    let before = fixture.driver.clock.wall();
    let hours = |hours: u64| pollux_core::Instant::ZERO.after(Duration::from_secs(hours * 3600));
    let mut keeper = Keeper::new(fixture.store.clone(), hours(0));
    fixture.driver.housekeeping = Housekeeping::Seed(keeper);
    assert_eq!(fixture.driver.counters.housework().done().clean, None, "not yet");
    fixture.driver.sweep_seed();
    assert!(matches!(fixture.result().await, Input::Timeout));
    let swept = fixture.driver.counters.housework().done();
    assert_eq!(swept.sweeps, [("swept", 1), ("failed", 0)]);
    assert!(swept.clean >= Some(before));

    keeper = Keeper::new(fixture.store.clone(), hours(0));
    assert!([0, 9].iter().all(|hour| keeper.begin(hours(*hour), Fullness::Enough, 0).is_some()));
    fixture.driver.housekeeping = Housekeeping::Seed(keeper);
    fixture.driver.counters = Counters::default();
    fixture.driver.sweep_seed();
    let rested = fixture.driver.counters.housework().done();
    assert!(rested.clean >= swept.clean && rested.sweeps == [("swept", 0), ("failed", 0)], "{rested:?}");
}

#[tokio::test]
async fn looking_answers_in_the_order_asked() {
    let mut fixture = fixture().await;
    fixture.store.put(&chunk(2)).unwrap();
    let asked = [1, 2, 3].map(|number| chunk(number).chunk());
    fixture.workers().look(TaskId(4), asked.to_vec());
    let Input::Looked { task: TaskId(4), held } = fixture.result().await else { panic!("looked") };
    assert_eq!(held, [false, true, false]);
}

#[tokio::test]
async fn a_chunk_that_is_not_there_frees_its_place_at_once() {
    let mut fixture = fixture().await;
    let ask = pollux_core::engine::AskId(3);
    fixture.workers().serve(&fixture.driver.net, vec![(ask, chunk(1).chunk().id)]);
    let served = fixture.result().await;
    assert!(matches!(served, Input::Served { result: Err(ServeFailure::Missing), .. }));
    assert_eq!(freed_by(&served), Some(Credit::Reads(1)));
}

#[test]
fn only_what_was_granted_is_given_back() {
    let checked = Input::Checked { fetch: FetchId(1), result: Err(ChunkFault::BadFrame) };
    assert_eq!(freed_by(&checked), Some(Credit::Checks(1)));
    let kept = Input::Kept { fetch: FetchId(1), result: Ok(()) };
    assert_eq!(freed_by(&kept), Some(Credit::Writes(1)));
    assert_eq!(freed_by(&Input::Synced { task: TaskId(1), result: Ok(()) }), None);
    assert_eq!(freed_by(&Input::Timeout), None);
}

/// A tree of one file, its encoding as a chunk, and its content chunk.
fn small_tree() -> (VerifiedChunk, VerifiedChunk, Tree) {
    let content = chunk(1);
    let kind = EntryKind::File { bytes: 100, offset: 0 };
    let file = Entry { path: "file".to_owned(), mode: 0o644, modified_ns: 0, kind };
    let tree = Tree::new(vec!["file".to_owned()], vec![file], vec![content.chunk()]).unwrap();
    (VerifiedChunk::from_plain(&tree.encode(), &mut FrameEncoder::new(1)), content, tree)
}

#[tokio::test]
async fn a_tree_is_read_from_the_store_and_compared() {
    let mut fixture = fixture().await;
    let (encoded, content, tree) = small_tree();
    fixture.store.put(&encoded).unwrap();
    let right =
        TreeRef { totals: tree.totals(), roots: tree.roots().to_vec(), ..tree_of(&[encoded.chunk()]) };
    fixture.workers().open_tree(TaskId(1), right.clone());
    let Input::TreeOpened { result, task: TaskId(1) } = fixture.result().await else { panic!("opened") };
    assert_eq!(result, Ok(vec![content.chunk()]));
    let other_roots = TreeRef { roots: vec!["other".to_owned()], ..right.clone() };
    let other_totals = TreeRef { totals: TreeTotals { bytes: 101, ..right.totals }, ..right };
    for other in [other_roots, other_totals] {
        let opened = tree_reader::content(&fixture.store, &other, &mut FrameDecoder::new());
        assert_eq!(opened, Err(TreeFault::DiffersFromManifest));
    }
}

#[tokio::test]
async fn a_tree_that_is_none_is_said_to_be_none() {
    let fixture = fixture().await;
    let mut decoder = FrameDecoder::new();
    let mut open = |chunks: &[ChunkRef]| tree_reader::content(&fixture.store, &tree_of(chunks), &mut decoder);
    let junk = chunk(1);
    assert_eq!(open(&[junk.chunk()]), Err(TreeFault::Missing));
    fixture.store.put(&junk).unwrap();
    assert_eq!(open(&[junk.chunk()]), Err(TreeFault::Broken));
    assert_eq!(open(&[ChunkRef { bytes: 99, ..junk.chunk() }]), Err(TreeFault::Broken));
    let huge = ChunkRef { id: ChunkId::of(b"huge"), bytes: 1 << 20 };
    assert_eq!(open(&vec![huge; 2000]), Err(TreeFault::Broken), "before anything is read");
}

#[tokio::test]
async fn many_trees_wait_without_holding_threads() {
    let mut fixture = fixture().await;
    for number in 0..200 {
        fixture.workers().open_tree(TaskId(number), tree_of(&[chunk(1).chunk()]));
    }
    for _ in 0..200 {
        let opened = fixture.result().await;
        assert!(matches!(opened, Input::TreeOpened { result: Err(TreeFault::Missing), .. }));
    }
}

#[tokio::test]
async fn what_everything_is_judged_by_is_told_and_used() {
    let mut fixture = fixture().await;
    let asking = fixture.handle.clone();
    let asked = tokio::spawn(async move { asking.trust().await.unwrap() });
    let event = fixture.driver.events.recv().await.unwrap();
    fixture.driver.session_event(event);
    let trust = asked.await.unwrap();
    assert_eq!(trust.policy().version, 1);
    // A worker goes by what comes with the work, not by what was in force when it was made.
    let later = trust.policy().expires;
    let work = Work::Papers { papers: Papers::default(), next: None, wall: later };
    fixture.workers().verify(TaskId(3), work, Arc::clone(&trust));
    assert!(matches!(fixture.result().await, Input::Verified { task: TaskId(3), .. }));
    let asking = fixture.handle.clone();
    let manifests = vec![ManifestId::from_bytes([1; 32])];
    let asked = tokio::spawn(async move { asking.withdrawn(manifests).await.unwrap() });
    let event = fixture.driver.events.recv().await.unwrap();
    fixture.driver.session_event(event);
    assert_eq!(asked.await.unwrap(), [], "nothing is known against it");
}

/// Whatever is durable has its line: a record waits for what was logged before it.
#[tokio::test]
async fn what_was_logged_is_written_before_the_record_that_comes_after_it() {
    let mut fixture = fixture().await;
    let policy = LoggedPolicy { root: 1, policy: 2, digest: pollux_core::Digest::from_bytes([3; 32]) };
    let time = fixture.driver.clock.wall();
    let entry = LogEntry { time, what: Logged::Policy(policy) };
    fixture.driver.carry_out(Output::Log(Box::new(entry.clone())));
    let record = Box::new(pollux_core::engine::Record::Marker { epoch: 1 });
    fixture.driver.carry_out(Output::Record { task: TaskId(1), record });
    let Input::Recorded { result: Ok(()), .. } = fixture.result().await else { panic!("recorded") };
    let (what, after) = (LogQuery::default(), None);
    fixture.driver.carry_out(Output::ReadLog { task: TaskId(2), what, after });
    let Input::LogRead { task: TaskId(2), page } = fixture.result().await else { panic!("a page") };
    assert_eq!(page, LogPage { lines: vec![entry.to_line().unwrap()], next: None });
}
