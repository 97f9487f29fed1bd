use super::cache::{Cache, KEY};
use super::node::{Act, Heard, Node};
use crate::flow::{Deadlines, PrefetchOutcome, PrefetchRequest, Prefetched, Unwatched, prefetch};
use crate::protocol::{Reply, Request};
use pollux_core::engine::MissReason;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

/// Prefetches from a node that serves the cache, unless the script has something else to say.
fn run(
    cache: &Arc<Cache>,
    deadlines: Deadlines,
    interrupted: bool,
    script: impl Fn(&Heard) -> Option<Vec<Act>> + Send + 'static,
) -> PrefetchOutcome {
    let serving = Arc::clone(cache);
    let node = Node::start(move |heard| script(heard).unwrap_or_else(|| serving.serve(heard)));
    let request = PrefetchRequest {
        socket: node.socket,
        key: KEY.parse().unwrap(),
        fallbacks: Vec::new(),
        deadlines,
        interrupted: Arc::new(AtomicBool::new(interrupted)),
    };
    prefetch(&request, &mut Unwatched)
}

fn patient() -> Deadlines {
    Deadlines { answer: LONG, progress: LONG, total: LONG }
}

/// A node that keeps all but so many of the chunks that it is asked about.
fn lacks(count: u32) -> impl Fn(&Heard) -> Option<Vec<Act>> + Send {
    move |heard| match heard {
        Heard::Request(Request::Lacks { .. }) => {
            Some(vec![Act::Say(Reply::Lacking { indices: (0..count).collect() })])
        }
        _ => None,
    }
}

fn fetched(outcome: PrefetchOutcome) -> Prefetched {
    match outcome {
        PrefetchOutcome::Fetched(fetched) => *fetched,
        other => panic!("{other:?}"),
    }
}

fn reason(outcome: &PrefetchOutcome) -> &'static str {
    match outcome {
        PrefetchOutcome::Miss(miss) => miss.name(),
        PrefetchOutcome::Fetched(_) => "fetched",
        PrefetchOutcome::Interrupted => "interrupted",
    }
}

#[test]
fn what_is_written_a_moment_later_is_kept() {
    let cache = Arc::new(Cache::new());
    let asked = AtomicU32::new(0);
    // Each time one less is lacking.
    let script = move |heard: &Heard| match heard {
        Heard::Request(Request::Lacks { .. }) => {
            let lacking = 3_u32.saturating_sub(asked.fetch_add(1, Ordering::Relaxed));
            Some(vec![Act::Say(Reply::Lacking { indices: (0..lacking).collect() })])
        }
        _ => None,
    };
    let fetched = fetched(run(&cache, patient(), false, script));
    assert_eq!(fetched.kept, fetched.chunks);
}

#[test]
fn every_chunk_is_asked_for_and_nothing_is_written() {
    let cache = Arc::new(Cache::new());
    let fetched = fetched(run(&cache, patient(), false, lacks(0)));
    let chunks = u64::try_from(cache.chunks.len()).unwrap();
    assert_eq!((fetched.chunks, fetched.kept, fetched.sources.peers.chunks), (chunks, chunks, chunks));
    assert_eq!(cache.names(), ["base"]);
}

#[test]
fn what_a_full_store_did_not_keep_is_counted() {
    let cache = Arc::new(Cache::new());
    let fetched = fetched(run(&cache, patient(), false, lacks(2)));
    assert_eq!(fetched.chunks - fetched.kept, 2);
}

#[test]
fn a_node_that_counts_wrongly_is_of_no_use() {
    let cache = Arc::new(Cache::new());
    assert_eq!(reason(&run(&cache, patient(), false, lacks(1000))), "broken");
}

#[test]
fn nothing_to_fetch_is_a_miss() {
    let nothing = |heard: &Heard| match heard {
        Heard::Request(Request::Resolve { .. }) => {
            Some(vec![Act::Say(Reply::Miss { reason: MissReason::NothingSaved })])
        }
        _ => None,
    };
    assert_eq!(reason(&run(&Arc::new(Cache::new()), patient(), false, nothing)), "nothing-saved");
}

#[test]
fn chunks_that_nobody_has_are_a_miss() {
    let cache = Arc::new(Cache::new());
    let tree = cache.tree.chunks.clone();
    let outcome = run(&cache, patient(), false, move |heard| match heard {
        Heard::Request(Request::Fetch { chunks, .. }) if !tree.contains(&chunks[0]) => {
            let fail = |chunk| Act::Say(Reply::ChunkFailed { chunk, why: MissReason::NoHolder });
            Some(chunks.iter().copied().map(fail).collect())
        }
        _ => None,
    });
    assert_eq!(reason(&outcome), "no-holder");
}

#[test]
fn a_silent_node_is_waited_for_until_the_deadline() {
    let deadlines = Deadlines { progress: SHORT, ..patient() };
    let outcome = run(&Arc::new(Cache::new()), deadlines, false, |heard| match heard {
        Heard::Request(Request::Fetch { .. }) => Some(Vec::new()),
        _ => None,
    });
    assert_eq!(reason(&outcome), "too-slow");
}

#[test]
fn a_signal_is_no_miss() {
    assert_eq!(reason(&run(&Arc::new(Cache::new()), patient(), true, |_| None)), "interrupted");
}
