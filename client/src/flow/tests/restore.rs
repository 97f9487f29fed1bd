use super::cache::{Cache, KEY, found, same};
use super::node::{Act, Heard, Node};
use crate::disk::{Repeats, RestoreOptions, TargetMode, Times};
use crate::flow::{Deadlines, Hit, RestoreOutcome, RestoreRequest, Unwatched, restore};
use crate::pool::testing::Scene;
use crate::protocol::{ChunkHead, ChunkSource, Reply, Request};
use pollux_core::engine::MissReason;
use pollux_core::{ChunkId, ChunkRef, Frame, FrameKind, Manifest};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub(super) const LONG: Duration = Duration::from_secs(60);
/// Short enough to wait for, and long enough for a machine that is busy.
pub(super) const SHORT: Duration = Duration::from_millis(300);

pub(super) fn request(socket: &Path, base: PathBuf) -> RestoreRequest {
    RestoreRequest {
        socket: socket.to_owned(),
        key: KEY.parse().unwrap(),
        fallbacks: Vec::new(),
        base,
        options: RestoreOptions { mode: TargetMode::Fresh, times: Times::Saved, repeats: Repeats::Write },
        for_save: false,
        deadlines: Deadlines { answer: LONG, progress: LONG, total: LONG },
        threads: 2,
        interrupted: Arc::default(),
    }
}

pub(super) fn run(request: &RestoreRequest) -> RestoreOutcome {
    restore(request, &mut Unwatched)
}

pub(super) fn hit(outcome: RestoreOutcome) -> Hit {
    match outcome {
        RestoreOutcome::Hit(hit) => *hit,
        other => panic!("{other:?}"),
    }
}

pub(super) fn reason(outcome: &RestoreOutcome) -> &'static str {
    match outcome {
        RestoreOutcome::Miss(miss) => miss.name(),
        RestoreOutcome::Hit(_) => "hit",
        RestoreOutcome::Interrupted => "interrupted",
    }
}

/// The chunks that a request asks for, unless it is the tree that it asks for.
pub(super) fn content<'a>(cache: &Cache, heard: &'a Heard) -> Option<&'a [ChunkRef]> {
    let Heard::Request(Request::Fetch { chunks, .. }) = heard else { return None };
    (!cache.tree.chunks.contains(&chunks[0])).then_some(chunks)
}

/// Restores from a node that is honest until it is asked for content; then it does something else. The reason of the
/// miss, with the target as it was, and no litter.
fn missed(
    otherwise: impl Fn(&Cache, &[ChunkRef]) -> Vec<Act> + Send + 'static,
    deadlines: Deadlines,
) -> String {
    let cache = Arc::new(Cache::new());
    let serving = Arc::clone(&cache);
    let node = Node::start(move |heard| match content(&serving, heard) {
        Some(chunks) => otherwise(&serving, chunks),
        None => serving.serve(heard),
    });
    let mut request = request(&node.socket, cache.beside("target"));
    request.deadlines = deadlines;
    let outcome = run(&request);
    assert_eq!(cache.names(), ["base"], "no litter");
    reason(&outcome).to_owned()
}

fn patient() -> Deadlines {
    Deadlines { answer: LONG, progress: LONG, total: LONG }
}

#[test]
fn a_cache_is_restored_and_counted_by_source() {
    let cache = Arc::new(Cache::new());
    let serving = Arc::clone(&cache);
    let node = Node::start(move |heard| serving.serve(heard));
    let hit = hit(run(&request(&node.socket, cache.beside("target"))));
    same(&cache.base(), &cache.beside("target"));
    assert_eq!(hit.restored.files, 2);
    assert!(hit.restored.atomic);
    let chunks = u64::try_from(cache.chunks.len()).unwrap();
    assert_eq!(
        (hit.sources.peers.chunks, hit.sources.local.chunks, hit.sources.seeds.chunks),
        (chunks, 0, 0)
    );
    assert_eq!(cache.names(), ["base", "target"]);
}

/// Restores what is of this generation for a job that will save again, from a node whose policy allows 64.
fn restored_for_save(generation: u32, for_save: bool, knows_papers: bool) -> String {
    let cache = Arc::new(Cache::new());
    let serving = Arc::clone(&cache);
    let scene = Scene::new(1);
    let trust = scene.pool().trust().clone();
    assert_eq!(trust.policy().generations_max, 64);
    let node = Node::start(move |heard| match heard {
        Heard::Request(Request::Resolve { .. }) => {
            let manifest = Manifest { generation, ..serving.manifest(Duration::ZERO) };
            vec![Act::Say(found(&manifest))]
        }
        Heard::Request(Request::Papers) if knows_papers => {
            let (papers, digest) = (trust.papers(), trust.papers_digest());
            vec![Act::Say(Reply::Papers { papers, digest, more: false })]
        }
        Heard::Request(Request::Papers) => vec![Act::Say(Reply::Refused { why: "an old one".to_owned() })],
        other => serving.serve(other),
    });
    let request = RestoreRequest { for_save, ..request(&node.socket, cache.beside("target")) };
    let outcome = run(&request);
    assert_eq!(cache.names().len(), if matches!(outcome, RestoreOutcome::Hit(_)) { 2 } else { 1 });
    reason(&outcome).to_owned()
}

#[test]
fn who_saves_again_starts_cold_at_the_generation_bound() {
    assert_eq!(restored_for_save(64, true, true), "generation-bound");
    assert_eq!(restored_for_save(63, true, true), "hit");
    assert_eq!(restored_for_save(64, false, true), "hit", "readers keep what they have");
    assert_eq!(
        restored_for_save(64, true, false),
        "hit",
        "a node that does not tell keeps nobody from a restore"
    );
}

#[test]
fn chunks_are_asked_for_once_and_in_content_order() {
    let cache = Arc::new(Cache::new());
    let serving = Arc::clone(&cache);
    let node = Node::start(move |heard| serving.serve(heard));
    hit(run(&request(&node.socket, cache.beside("target"))));
    let heard = node.heard();
    let asked: Vec<&ChunkRef> = heard.iter().filter_map(|heard| content(&cache, heard)).flatten().collect();
    assert_eq!(asked.len(), cache.chunks.len() - cache.tree.chunks.len());
}

#[test]
fn every_reason_of_the_node_has_its_name() {
    let reasons = [
        (MissReason::NothingSaved, "nothing-saved"),
        (MissReason::SeedsSilent, "seeds-silent"),
        (MissReason::NotJoined, "not-joined"),
        (MissReason::NotBelieved, "not-believed"),
        (MissReason::NoHolder, "no-holder"),
        (MissReason::TooSlow, "too-slow"),
    ];
    for (why, name) in reasons {
        let node = Node::start(move |_| vec![Act::Say(Reply::Miss { reason: why })]);
        let outcome = run(&request(&node.socket, "/nowhere/target".into()));
        assert_eq!(reason(&outcome), name);
    }
}

#[test]
fn nobody_on_the_socket_is_a_miss() {
    let outcome = run(&request(Path::new("/nowhere/pollux.sock"), "/nowhere/target".into()));
    assert_eq!(reason(&outcome), "no-node");
}

#[test]
fn a_node_that_refuses_is_a_miss_in_its_own_words() {
    let refused = Reply::Refused { why: "another release".to_owned() };
    let node = Node::greeting(refused, |_| Vec::new());
    let RestoreOutcome::Miss(miss) = run(&request(&node.socket, "/nowhere/target".into())) else {
        panic!("no miss")
    };
    assert_eq!(miss.name(), "no-node");
    assert!(miss.to_string().contains("another release"), "{miss}");
}

#[test]
fn another_manifest_than_asked_for_is_not_restored() {
    let cache = Cache::new();
    let mut other = cache.manifest(Duration::ZERO);
    other.key = "a/b/other".parse().unwrap();
    let target = cache.beside("target");
    let node = Node::start(move |heard| match heard {
        Heard::Request(Request::Resolve { .. }) => vec![Act::Say(found(&other))],
        _ => cache.serve(heard),
    });
    assert_eq!(reason(&run(&request(&node.socket, target))), "broken");
}

#[test]
fn a_filled_target_is_a_miss_with_a_hint_and_stays_as_it_was() {
    let cache = Arc::new(Cache::new());
    let serving = Arc::clone(&cache);
    let node = Node::start(move |heard| serving.serve(heard));
    fs::create_dir(cache.beside("target")).unwrap();
    fs::write(cache.beside("target").join("mine"), "mine").unwrap();
    let RestoreOutcome::Miss(miss) = run(&request(&node.socket, cache.beside("target"))) else {
        panic!("no miss")
    };
    assert_eq!(miss.name(), "target");
    assert!(miss.to_string().contains("--merge"), "{miss}");
    assert_eq!(fs::read_dir(cache.beside("target")).unwrap().count(), 1);
}

#[test]
fn a_chunk_that_was_not_asked_for_ends_it() {
    let strange = |_: &Cache, _: &[ChunkRef]| {
        let chunk = ChunkRef { id: ChunkId::of(b"strange"), bytes: 7 };
        vec![Act::Give(chunk, ChunkSource::Local, Frame { kind: FrameKind::Raw, bytes: b"strange".to_vec() })]
    };
    assert_eq!(missed(strange, patient()), "not-believed");
}

#[test]
fn junk_ends_it() {
    let junk = |cache: &Cache, wanted: &[ChunkRef]| {
        let give = |chunk: ChunkRef| {
            let bytes = vec![7; chunk.bytes.try_into().unwrap()];
            Act::Give(chunk, ChunkSource::Local, Frame { kind: FrameKind::Raw, bytes })
        };
        cache.asked(wanted).iter().map(|chunk| give(chunk.chunk())).collect()
    };
    assert_eq!(missed(junk, patient()), "not-believed");
}

#[test]
fn a_chunk_that_failed_is_asked_for_once_more() {
    let cache = Arc::new(Cache::new());
    let serving = Arc::clone(&cache);
    let mut failed = false;
    let node = Node::start(move |heard| match content(&serving, heard) {
        Some([first, rest @ ..]) if !failed => {
            failed = true;
            let mut acts = vec![Act::Say(Reply::ChunkFailed { chunk: *first, why: MissReason::NoHolder })];
            acts.extend(serving.asked(rest).iter().map(|chunk| Act::give(chunk, ChunkSource::Seed)));
            acts
        }
        _ => serving.serve(heard),
    });
    hit(run(&request(&node.socket, cache.beside("target"))));
    same(&cache.base(), &cache.beside("target"));
}

#[test]
fn a_chunk_that_failed_twice_is_a_miss_with_its_reason() {
    let failing = |_: &Cache, wanted: &[ChunkRef]| {
        let failed = |chunk| Act::Say(Reply::ChunkFailed { chunk, why: MissReason::NoHolder });
        wanted.iter().copied().map(failed).collect()
    };
    assert_eq!(missed(failing, patient()), "no-holder");
}

#[test]
fn what_is_taken_back_on_its_way_is_not_asked_for_again() {
    let yanked = |_: &Cache, wanted: &[ChunkRef]| {
        // Whoever asks again is told that nothing of it is known.
        let again = wanted.len() == 1;
        let why = if again { MissReason::NotBelieved } else { MissReason::Yanked };
        wanted.iter().map(|chunk| Act::Say(Reply::ChunkFailed { chunk: *chunk, why })).collect()
    };
    assert_eq!(missed(yanked, patient()), "yanked");
}

#[test]
fn a_node_that_hangs_up_half_way_is_a_miss() {
    let half = |cache: &Cache, wanted: &[ChunkRef]| {
        vec![Act::give(&cache.asked(wanted)[0], ChunkSource::Local), Act::HangUp]
    };
    assert_eq!(missed(half, patient()), "broken");
}

#[test]
fn a_node_that_answers_out_of_turn_is_a_miss() {
    assert_eq!(missed(|_, _| vec![Act::Say(Reply::Flushed)], patient()), "broken");
}

#[test]
fn a_node_that_is_silent_from_the_beginning_is_waited_for_as_long_as_asked() {
    let node = Node::start(|_| Vec::new());
    let mut request = request(&node.socket, "/nowhere/target".into());
    request.deadlines.answer = SHORT;
    let began = Instant::now();
    assert_eq!(reason(&run(&request)), "too-slow");
    assert!(began.elapsed() < LONG / 2);
}

#[test]
fn a_node_that_stops_half_way_is_waited_for_as_long_as_asked() {
    let half =
        |cache: &Cache, wanted: &[ChunkRef]| vec![Act::give(&cache.asked(wanted)[0], ChunkSource::Local)];
    assert_eq!(missed(half, Deadlines { progress: SHORT, ..patient() }), "too-slow");
}

#[test]
fn a_node_that_dribbles_makes_no_progress() {
    let dribble = |cache: &Cache, wanted: &[ChunkRef]| {
        let chunk = &cache.asked(wanted)[0];
        let mut bytes = ChunkHead::before(chunk.chunk(), ChunkSource::Local, chunk.frame());
        bytes.extend_from_slice(&chunk.frame().bytes);
        vec![Act::Dribble(bytes)]
    };
    assert_eq!(missed(dribble, Deadlines { progress: SHORT, ..patient() }), "too-slow");
}

#[test]
fn a_node_that_talks_for_ever_ends_with_the_time_for_all() {
    let talk = |_: &Cache, _: &[ChunkRef]| vec![Act::Repeat(Reply::FetchDone)];
    let total = Duration::from_secs(1);
    assert_eq!(missed(talk, Deadlines { total, ..patient() }), "too-slow");
}

#[test]
fn an_interruption_leaves_the_target_as_it_was() {
    let cache = Arc::new(Cache::new());
    let flag = Arc::new(AtomicBool::new(false));
    let (serving, raised) = (Arc::clone(&cache), Arc::clone(&flag));
    let node = Node::start(move |heard| match content(&serving, heard) {
        Some(chunks) => {
            raised.store(true, Ordering::Relaxed);
            vec![Act::give(&serving.asked(chunks)[0], ChunkSource::Local)]
        }
        None => serving.serve(heard),
    });
    let interrupted = Arc::clone(&flag);
    let request = RestoreRequest { interrupted, ..request(&node.socket, cache.beside("target")) };
    assert_eq!(reason(&run(&request)), "interrupted");
    assert_eq!(cache.names(), ["base"]);
}

#[test]
fn an_interruption_when_all_has_come_still_turns_back() {
    let cache = Arc::new(Cache::new());
    let flag = Arc::new(AtomicBool::new(false));
    let (serving, raised) = (Arc::clone(&cache), Arc::clone(&flag));
    let node = Node::start(move |heard| {
        let acts = serving.serve(heard);
        if content(&serving, heard).is_some() {
            raised.store(true, Ordering::Relaxed);
        }
        acts
    });
    let interrupted = Arc::clone(&flag);
    let request = RestoreRequest { interrupted, ..request(&node.socket, cache.beside("target")) };
    assert_eq!(reason(&run(&request)), "interrupted");
    assert_eq!(cache.names(), ["base"]);
}
