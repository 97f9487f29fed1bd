use super::cache::{Cache, KEY, certified, found};
use super::node::{Act, Heard, Node};
use crate::connection::ConnectionError;
use crate::disk::{DiskError, ScanOptions};
use crate::flow::{Ancestry, Deadlines, SaveError, SaveOutcome, SaveRequest, Signer, Unwatched, save};
use crate::pool::testing::Scene;
use crate::protocol::{PublishEnd, PutFailure, Reply, Request};
use pollux_core::engine::MissReason;
use pollux_core::{Envelope, KeyPair, Manifest, ManifestId, Papers, Policy, Provenance};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

pub(super) const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

pub(super) fn request(socket: &Path, cache: &Cache) -> SaveRequest {
    SaveRequest {
        index: None,
        socket: socket.to_owned(),
        key: KEY.parse().unwrap(),
        scan: ScanOptions {
            base: cache.base(),
            paths: Vec::new(),
            exclude: Vec::new(),
            always: None,
            strict: false,
            content_times: false,
            audited: None,
        },
        signer: Signer::Key(Box::new(KeyPair::from_seed([7; 32]))),
        provenance: Provenance::default(),
        packages: None,
        ancestry: None,
        life: Duration::from_secs(3600),
        deadlines: Deadlines { answer: LONG, progress: LONG, total: LONG },
        interrupted: Arc::default(),
    }
}

fn run(request: &SaveRequest) -> Result<SaveOutcome, SaveError> {
    save(request, &mut Unwatched)
}

/// Takes everything and publishes it; nothing was saved before.
pub(super) fn take(heard: &Heard) -> Vec<Act> {
    let Heard::Request(request) = heard else { return Vec::new() };
    vec![Act::Say(match request {
        Request::Lacks { chunks } => {
            Reply::Lacking { indices: (0..u32::try_from(chunks.len()).unwrap()).collect() }
        }
        Request::Flush => Reply::Flushed,
        Request::Papers => Reply::Refused { why: "an old one".to_owned() },
        Request::List { .. } => {
            Reply::Listing { rows: Vec::new(), more: false, from_seed: true, taken: Vec::new() }
        }
        Request::Publish { manifest, .. } => Reply::Published { certified: certified(&body(manifest)) },
        _ => Reply::Miss { reason: MissReason::NothingSaved },
    })]
}

/// As [`take`], but what the test does otherwise.
pub(super) fn otherwise(act: impl Fn(&Request) -> Option<Reply> + Send + 'static) -> Node {
    Node::start(move |heard| {
        if let Heard::Request(request) = heard
            && let Some(reply) = act(request)
        {
            return vec![Act::Say(reply)];
        }
        take(heard)
    })
}

fn body(manifest: &Envelope) -> Manifest {
    manifest.body().unwrap()
}

/// The manifests that a node was asked to publish.
pub(super) fn published(node: Node) -> Vec<Manifest> {
    let heard = node.heard().into_iter();
    let manifests = heard.filter_map(|heard| match heard {
        Heard::Request(Request::Publish { manifest, .. }) => Some(body(&manifest)),
        _ => None,
    });
    manifests.collect()
}

pub(super) fn publish_fails(why: PublishEnd) -> Node {
    otherwise(move |request| {
        matches!(request, Request::Publish { .. }).then(|| Reply::PublishFailed { why: why.clone() })
    })
}

fn resolves(reply: Reply) -> Node {
    otherwise(move |request| matches!(request, Request::Resolve { .. }).then(|| reply.clone()))
}

#[test]
fn a_directory_is_handed_in_and_published() {
    let cache = Cache::new();
    let node = Node::start(take);
    let Ok(SaveOutcome::Saved(saved)) = run(&request(&node.socket, &cache)) else { panic!("not saved") };
    assert_eq!(saved.sent.chunks, u64::try_from(cache.chunks.len()).unwrap());
    assert_eq!((saved.manifest.sequence, &saved.manifest.tree), (1, &cache.tree));
    let heard = node.heard();
    let flushed = heard.iter().position(|heard| *heard == Heard::Request(Request::Flush)).unwrap();
    let chunks = heard.iter().enumerate().filter(|(_, heard)| matches!(heard, Heard::Chunk(_)));
    assert!(
        chunks.clone().all(|(at, _)| at < flushed),
        "the tree may be published when all chunks are durable"
    );
    assert_eq!(chunks.count(), cache.chunks.len());
}

#[test]
fn only_who_signs_keeps_an_index() {
    let (cache, work) = (Cache::new(), tempfile::tempdir().unwrap());
    let index = work.path().join("index");
    let save = |signer: Option<Signer>| {
        let node = Node::start(take);
        let asked = request(&node.socket, &cache);
        let signer = signer.unwrap_or_else(|| asked.signer.clone());
        run(&SaveRequest { index: Some(index.clone()), signer, ..asked })
    };
    let unsigned = save(Some(Signer::Elsewhere));
    assert!(matches!(unsigned, Ok(SaveOutcome::Unsigned(_))), "{unsigned:?}");
    assert!(!index.exists());
    let saved = save(None);
    assert!(matches!(saved, Ok(SaveOutcome::Saved(_))), "{saved:?}");
    assert_eq!(std::fs::read_dir(index).unwrap().count(), 1);
}

#[test]
fn a_node_that_lacks_nothing_is_sent_nothing() {
    let cache = Cache::new();
    let node = otherwise(|request| {
        matches!(request, Request::Lacks { .. }).then(|| Reply::Lacking { indices: Vec::new() })
    });
    let Ok(SaveOutcome::Saved(saved)) = run(&request(&node.socket, &cache)) else { panic!("not saved") };
    assert_eq!((saved.sent.chunks, saved.sent.frame_bytes), (0, 0));
    assert!(!node.heard().iter().any(|heard| matches!(heard, Heard::Chunk(_))));
}

#[test]
fn a_node_that_lacks_what_it_was_not_asked_about_is_out_of_turn() {
    let cache = Cache::new();
    let node = otherwise(|request| {
        matches!(request, Request::Lacks { .. }).then(|| Reply::Lacking { indices: vec![1000] })
    });
    let failed = run(&request(&node.socket, &cache));
    assert!(matches!(failed, Err(SaveError::Connection(ConnectionError::OutOfTurn))), "{failed:?}");
}

#[test]
fn the_same_tree_is_not_published_again_and_what_is_left_out_is_still_told() {
    let cache = Cache::new();
    let _left_out = UnixListener::bind(cache.base().join("socket")).unwrap();
    let node = resolves(cache.found());
    let outcome = run(&request(&node.socket, &cache));
    let Ok(SaveOutcome::Unchanged(same)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(same.manifest.sequence, 7);
    assert_eq!(same.skipped.len(), 1);
    assert_eq!(published(node), Vec::new());
}

#[test]
fn the_same_tree_is_renewed_past_half_its_life() {
    let cache = Cache::new();
    let node = resolves(found(&cache.manifest(Duration::from_secs(1900))));
    assert!(matches!(run(&request(&node.socket, &cache)), Ok(SaveOutcome::Saved(_))));
    assert_eq!(published(node)[0].sequence, 8);
}

#[test]
fn another_tree_is_published_above_the_newest() {
    let cache = Cache::new();
    let newest = cache.found();
    std::fs::write(cache.base().join("small"), "changed").unwrap();
    let node = resolves(newest);
    assert!(matches!(run(&request(&node.socket, &cache)), Ok(SaveOutcome::Saved(_))));
    assert_eq!(published(node)[0].sequence, 8);
}

#[test]
fn a_lost_race_says_who_won() {
    let cache = Cache::new();
    let winner = certified(&cache.manifest(Duration::ZERO));
    let id = winner.manifest.id();
    let node = publish_fails(PublishEnd::LostRace { standing: Some(winner), highest: 7 });
    let outcome = run(&request(&node.socket, &cache));
    let Ok(SaveOutcome::LostRace(lost)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((lost.id, lost.manifest.sequence), (id, 7));
    assert_eq!(published(node).len(), 1);
}

#[test]
fn a_split_vote_is_tried_again_above_it() {
    let cache = Cache::new();
    let node = otherwise(|request| {
        let Request::Publish { manifest, .. } = request else { return None };
        let split = PublishEnd::LostRace { standing: None, highest: 4 };
        (body(manifest).sequence < 5).then_some(Reply::PublishFailed { why: split })
    });
    let Ok(SaveOutcome::Saved(saved)) = run(&request(&node.socket, &cache)) else { panic!("not saved") };
    assert_eq!(saved.manifest.sequence, 5);
    assert_eq!(published(node).iter().map(|manifest| manifest.sequence).collect::<Vec<_>>(), [1, 5]);
}

#[test]
fn votes_that_are_split_again_and_again_are_a_failure() {
    let cache = Cache::new();
    let node = publish_fails(PublishEnd::LostRace { standing: None, highest: 0 });
    assert!(matches!(run(&request(&node.socket, &cache)), Err(SaveError::Contended)));
    assert_eq!(published(node).iter().map(|manifest| manifest.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[test]
fn a_refusal_is_told_as_it_is() {
    let cache = Cache::new();
    let why = PublishEnd::Refused("the share of this publisher is used up".to_owned());
    let node = publish_fails(why.clone());
    let failed = run(&request(&node.socket, &cache));
    assert!(matches!(&failed, Err(SaveError::Publish(told)) if *told == why), "{failed:?}");
}

#[test]
fn a_full_node_is_told() {
    let cache = Cache::new();
    let chunk = cache.chunks[0].chunk().id;
    let node = otherwise(move |request| {
        let failed = Reply::PutFailed { chunk, why: PutFailure::Full };
        matches!(request, Request::Flush).then_some(failed)
    });
    assert!(matches!(run(&request(&node.socket, &cache)), Err(SaveError::Put(PutFailure::Full))));
    assert_eq!(published(node), Vec::new());
}

#[test]
fn seeds_that_are_silent_end_it_before_a_file_is_read() {
    let cache = Cache::new();
    let relayed =
        Reply::Found { certified: certified(&cache.manifest(Duration::ZERO)), fallback: None, relayed: true };
    for reply in [Reply::Miss { reason: MissReason::NotJoined }, relayed] {
        let node = resolves(reply);
        let deadlines = Deadlines { answer: SHORT, progress: LONG, total: LONG };
        let request = SaveRequest { deadlines, ..request(&node.socket, &cache) };
        assert!(matches!(run(&request), Err(SaveError::NoSeeds(_))));
        assert!(!node.heard().iter().any(|heard| matches!(heard, Heard::Request(Request::Lacks { .. }))));
    }
}

#[test]
fn a_seed_that_comes_back_is_waited_for() {
    let cache = Cache::new();
    let relayed =
        Reply::Found { certified: certified(&cache.manifest(Duration::ZERO)), fallback: None, relayed: true };
    let asked = AtomicUsize::new(0);
    let node = otherwise(move |request| {
        let first = matches!(request, Request::Resolve { .. }) && asked.fetch_add(1, Ordering::Relaxed) == 0;
        first.then(|| relayed.clone())
    });
    assert!(matches!(run(&request(&node.socket, &cache)), Ok(SaveOutcome::Saved(_))));
}

#[test]
fn what_a_manifest_cannot_say_is_refused_before_anything_is_done() {
    let cache = Cache::new();
    let nowhere = Path::new("/nowhere/pollux.sock");
    let mut long = request(nowhere, &cache);
    long.provenance.job = "x".repeat(10_000);
    let failed = run(&long).unwrap_err();
    assert!(
        matches!(failed, SaveError::Statement(_)) && failed.to_string().contains("provenance.job"),
        "{failed}"
    );
    let id = ManifestId::from_bytes([1; 32]);
    let ancestry = Ancestry { id, ancestors: Vec::new(), generation: u32::MAX, tree: cache.tree.clone() };
    let old = SaveRequest { ancestry: Some(ancestry), ..request(nowhere, &cache) };
    assert!(matches!(run(&old), Err(SaveError::Statement(_))));
}

#[test]
fn a_directory_that_is_not_there_is_told_without_a_node() {
    let cache = Cache::new();
    let mut request = request(Path::new("/nowhere/pollux.sock"), &cache);
    request.scan.base = cache.beside("nothing");
    assert!(matches!(run(&request), Err(SaveError::Disk(DiskError::Missing(_)))));
}

#[test]
fn an_interruption_while_packing_ends_it() {
    let cache = Cache::new();
    let flag = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&flag);
    let node = Node::start(move |heard| {
        if matches!(heard, Heard::Request(Request::Lacks { .. })) {
            raised.store(true, Ordering::Relaxed);
        }
        take(heard)
    });
    let request = SaveRequest { interrupted: flag, ..request(&node.socket, &cache) };
    let failed = run(&request);
    assert!(matches!(failed, Err(SaveError::Connection(ConnectionError::Interrupted))), "{failed:?}");
    assert_eq!(published(node), Vec::new());
}

#[test]
fn a_node_that_hangs_up_is_told() {
    let cache = Cache::new();
    let node = Node::start(|heard| match heard {
        Heard::Chunk(_) => vec![Act::HangUp],
        Heard::Request(_) => take(heard),
    });
    let failed = run(&request(&node.socket, &cache));
    assert!(matches!(failed, Err(SaveError::Connection(ConnectionError::Closed))), "{failed:?}");
}

#[test]
fn a_node_that_refuses_in_the_middle_is_told_in_its_words() {
    let cache = Cache::new();
    let node = Node::start(|heard| match heard {
        Heard::Chunk(_) => {
            vec![Act::Say(Reply::Refused { why: "stopping".to_owned() }), Act::HangUp]
        }
        Heard::Request(_) => take(heard),
    });
    let failed = run(&request(&node.socket, &cache));
    let refused = |why: &str| why == "stopping";
    assert!(
        matches!(&failed, Err(SaveError::Connection(ConnectionError::Refused(why))) if refused(why)),
        "{failed:?}"
    );
}

#[test]
fn a_node_that_stops_while_chunks_are_handed_in_is_waited_for_as_long_as_asked() {
    let cache = Cache::new();
    let node = Node::start(|heard| match heard {
        Heard::Request(Request::Lacks { .. }) => Vec::new(),
        _ => take(heard),
    });
    let mut request = request(&node.socket, &cache);
    request.deadlines.progress = SHORT;
    let failed = run(&request);
    assert!(matches!(failed, Err(SaveError::Connection(ConnectionError::TimedOut))), "{failed:?}");
}

#[test]
fn seeds_that_pull_for_ever_end_with_the_time_for_all() {
    let cache = Cache::new();
    let node = Node::start(|heard| match heard {
        Heard::Request(Request::Publish { .. }) => {
            vec![Act::Repeat(Reply::PublishProgress { have: 1, of: 2 })]
        }
        _ => take(heard),
    });
    let mut request = request(&node.socket, &cache);
    request.deadlines.total = Duration::from_secs(3);
    assert!(matches!(run(&request), Err(SaveError::TooSlow)));
}

/// A save through a node that goes by this policy; what was asked of it besides.
fn saved_under(
    policy: Policy,
    change: impl Fn(SaveRequest) -> SaveRequest,
) -> (Result<SaveOutcome, SaveError>, bool) {
    let cache = Cache::new();
    let digest = Scene::new(1).pool().trust().papers_digest();
    let envelope = Envelope::sign(&policy, &KeyPair::from_seed([1; 32]));
    let node = otherwise(move |request| {
        let papers = Papers { policy: Some(envelope.clone()), ..Papers::default() };
        matches!(request, Request::Papers).then_some(Reply::Papers { papers, digest, more: false })
    });
    let ended = run(&change(request(&node.socket, &cache)));
    let more = node.heard().into_iter().any(|heard| matches!(heard, Heard::Request(Request::Lacks { .. })));
    (ended, more)
}

/// That of a pool, with the publisher of [`request`].
fn policy() -> Policy {
    let mut policy = Scene::new(1).pool().policy().clone();
    policy.publishers[0].key = KeyPair::from_seed([7; 32]).public();
    policy.publishers[0].expires = crate::clock::now().after(LONG);
    policy
}

fn refused_early(policy: Policy, change: impl Fn(SaveRequest) -> SaveRequest) -> String {
    let (ended, packed) = saved_under(policy, change);
    assert!(!packed, "nothing is packed for it");
    let Err(SaveError::Publish(PublishEnd::NotBelieved(why))) = ended else { panic!("{ended:?}") };
    why
}

#[test]
fn what_the_policy_does_not_allow_ends_before_a_file_is_read() {
    let (ended, packed) = saved_under(policy(), |request| request);
    assert!(matches!(ended, Ok(SaveOutcome::Saved(_))) && packed, "{ended:?}");
    let other = KeyPair::from_seed([8; 32]);
    let by_other = |request| SaveRequest { signer: Signer::Key(Box::new(other.clone())), ..request };
    assert!(
        refused_early(policy(), by_other)
            .starts_with(&format!("the key {} is no publisher's: ", other.public()))
    );
    let long = |request| SaveRequest { life: Duration::from_secs(400 * 86_400), ..request };
    assert_eq!(refused_early(policy(), long), "it would be good for 400 days, and the policy allows 30 days");
    let mut narrow = policy();
    narrow.publishers[0].patterns = vec!["other/**".parse().unwrap()];
    assert!(refused_early(narrow.clone(), |request| request).contains("may not publish"));
    let elsewhere = |request| SaveRequest { signer: Signer::Elsewhere, ..request };
    assert!(refused_early(narrow, elsewhere).starts_with(&format!("nobody may publish {KEY}")));
    let mut retired = policy();
    retired.publishers[0].expires = crate::clock::now();
    let words = refused_early(retired, |request| request);
    assert!(words.contains("\" ended at ") && words.contains("retired or not renewed"), "{words}");
}
