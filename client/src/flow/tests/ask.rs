use super::cache::{Cache, KEY, found};
use super::node::{Act, Heard, Node};
use crate::connection::{Connection, ConnectionError};
use crate::flow::{Miss, Resolution, list, open_manifest, resolve, status, tree_of};
use crate::protocol::{Reply, Request};
use pollux_core::engine::MissReason;
use pollux_core::message::ListQuery;
use pollux_core::{Fallback, Key};
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

fn open(node: &Node) -> Connection {
    Connection::open(&node.socket, PATIENCE, Arc::default()).unwrap()
}

fn ask(answer: Reply, fallbacks: &[Fallback]) -> Result<Resolution, ConnectionError> {
    let node = Node::start(move |_| vec![Act::Say(answer.clone())]);
    resolve(&open(&node), &KEY.parse::<Key>().unwrap(), fallbacks, Instant::now() + PATIENCE)
}

#[test]
fn what_is_found_is_opened() {
    let cache = Cache::new();
    let Resolution::Found(found) = ask(cache.found(), &[]).unwrap() else { panic!("a miss") };
    assert_eq!(found.manifest.tree, cache.tree);
    assert_eq!(found.id, found.certified.manifest.id());
}

#[test]
fn what_was_not_asked_for_is_not_taken() {
    let cache = Cache::new();
    let mut other = cache.manifest(Duration::ZERO);
    other.key = "a/b/other".parse().unwrap();
    let out_of_turn = |answer: Reply, fallbacks: &[Fallback]| {
        assert!(matches!(ask(answer, fallbacks), Err(ConnectionError::OutOfTurn)));
    };
    out_of_turn(found(&other), &[]);
    out_of_turn(Reply::Flushed, &[]);
    let Reply::Found { certified, relayed, .. } = found(&other) else { unreachable!() };
    let by = |index| Reply::Found { certified: certified.clone(), fallback: Some(index), relayed };
    let fallbacks: [Fallback; 2] = ["a/b/d*".parse().unwrap(), "a/b/o*".parse().unwrap()];
    out_of_turn(by(0), &fallbacks);
    out_of_turn(by(2), &fallbacks);
    assert!(matches!(ask(by(1), &fallbacks), Ok(Resolution::Found(_))));
    other.key = KEY.parse().unwrap();
    other.pool = "another".to_owned();
    out_of_turn(found(&other), &[]);
}

#[test]
fn a_page_of_manifests_is_listed() {
    let cache = Cache::new();
    let row = super::cache::certified(&cache.manifest(Duration::ZERO));
    let node = Node::start(move |_| {
        let rows = vec![(*row).clone()];
        vec![Act::Say(Reply::Listing { rows, more: true, from_seed: false, taken: Vec::new() })]
    });
    let what = ListQuery::Prefix("00ff".to_owned());
    let (rows, more, from_seed) = list(&open(&node), what, PATIENCE).unwrap();
    assert_eq!((rows.len(), more, from_seed), (1, true, false));
    assert_eq!(open_manifest(&rows[0]).unwrap().1.key.as_str(), KEY);
}

#[test]
fn other_answers_are_out_of_turn() {
    let node = Node::start(|_| vec![Act::Say(Reply::Flushed)]);
    let connection = open(&node);
    assert!(matches!(status(&connection, PATIENCE), Err(ConnectionError::OutOfTurn)));
    let what = ListQuery::Prefix("00ff".to_owned());
    assert!(matches!(list(&connection, what, PATIENCE), Err(ConnectionError::OutOfTurn)));
}

#[test]
fn a_tree_is_fetched_and_checked_against_its_manifest() {
    let cache = Cache::new();
    let manifest = cache.manifest(Duration::ZERO);
    let id = super::cache::certified(&manifest).manifest.id();
    let mut wrong = manifest.clone();
    wrong.tree.totals.files += 1;
    let node = Node::start(move |heard| cache.serve(heard));
    let connection = open(&node);
    assert_eq!(tree_of(&connection, id, &manifest, PATIENCE).unwrap().entries().len(), 2);
    assert!(matches!(tree_of(&connection, id, &wrong, PATIENCE), Err(Miss::NotBelieved(_))));
}

#[test]
fn a_tree_that_nobody_holds_is_a_miss_with_its_reason() {
    let cache = Cache::new();
    let manifest = cache.manifest(Duration::ZERO);
    let id = super::cache::certified(&manifest).manifest.id();
    let node = Node::start(|heard| {
        let Heard::Request(Request::Fetch { chunks, .. }) = heard else { return Vec::new() };
        let failed = |chunk| Act::Say(Reply::ChunkFailed { chunk, why: MissReason::NoHolder });
        chunks.iter().copied().map(failed).collect()
    });
    let missed = tree_of(&open(&node), id, &manifest, PATIENCE).unwrap_err();
    assert_eq!(missed.name(), "no-holder");
}
