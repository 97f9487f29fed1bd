//! Papers, in parts and as a whole.

use super::node::{Act, Heard, Node};
use crate::connection::{Connection, ConnectionError};
use crate::flow::{papers, spread, used};
use crate::pool::testing::{Scene, pair};
use crate::protocol::{PAPERS_BYTES_MAX, Reply, Request, TakenBack};
use pollux_core::limits::DOCUMENT_BYTES_MAX;
use pollux_core::{Envelope, ManifestId, Papers, PapersDigest};
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

fn open(node: &Node) -> Connection {
    Connection::open(&node.socket, PATIENCE, Arc::default()).unwrap()
}

fn digest() -> PapersDigest {
    Scene::new(1).pool().trust().papers_digest()
}

/// Signed, and as long as a document may be.
fn long(number: u8) -> Envelope {
    let payload = vec![number; DOCUMENT_BYTES_MAX];
    let mut envelope = Envelope { payload_type: "yank".to_owned(), payload, signatures: Vec::new() };
    envelope.add_signature(&pair(number));
    envelope
}

#[test]
fn parts_make_the_whole() {
    let digest = digest();
    let (one, two, three) = (long(1), long(2), long(3));
    let policy = Some(two.clone());
    let parts = [
        Papers { roots: vec![one.clone()], ..Papers::default() },
        Papers { policy: policy.clone(), yanks: vec![two.clone()], ..Papers::default() },
        Papers { yanks: vec![three.clone()], ..Papers::default() },
    ];
    let node = Node::start(move |_| {
        let say = |papers: &Papers, more| Act::Say(Reply::Papers { papers: papers.clone(), digest, more });
        vec![say(&parts[0], true), say(&parts[1], true), say(&parts[2], false)]
    });
    let whole = Papers { roots: vec![one], policy, yanks: vec![two, three] };
    assert_eq!(papers(&open(&node), PATIENCE).unwrap(), (whole, digest));
}

#[test]
fn parts_without_end_are_given_up() {
    let digest = digest();
    let more = move || Act::Say(Reply::Papers { papers: Papers::default(), digest, more: true });
    let node = Node::start(move |_| (0..100).map(|_| more()).collect());
    assert!(matches!(papers(&open(&node), PATIENCE), Err(ConnectionError::OutOfTurn)));
}

#[test]
fn what_is_too_long_for_a_message_is_handed_over_in_several() {
    let whole = Papers { yanks: (1..=6).map(long).collect(), ..Papers::default() };
    let parts = whole.split(PAPERS_BYTES_MAX);
    assert_eq!(parts.len(), 2);
    let mut times = 0;
    let node = Node::start(move |_| {
        times += 1;
        vec![Act::Say(Reply::Spread { held: 3 - times, needed: 2, of: 3, refused: None })]
    });
    let connection = open(&node);
    let came = spread(&connection, &whole, PATIENCE).unwrap();
    assert_eq!((came.held, came.needed, came.of, came.is_done()), (1, 2, 3, false));
    drop(connection);
    let heard = node.heard().into_iter().filter_map(|heard| match heard {
        Heard::Request(Request::Spread { papers, .. }) => Some(papers),
        _ => None,
    });
    assert_eq!(heard.collect::<Vec<_>>(), parts);
}

#[test]
fn after_a_part_that_is_not_held_nothing_more_is_sent() {
    let whole = Papers { yanks: (1..=6).map(long).collect(), ..Papers::default() };
    let refused = Some("full".to_owned());
    let reply = Reply::Spread { held: 0, needed: 1, of: 1, refused: refused.clone() };
    let node = Node::start(move |_| vec![Act::Say(reply.clone())]);
    let connection = open(&node);
    assert_eq!(spread(&connection, &whole, PATIENCE).unwrap().refused, refused);
    drop(connection);
    assert_eq!(node.heard().len(), 2, "the greeting, and one part");
}

#[test]
fn what_was_taken_back_is_asked_for() {
    let manifest = ManifestId::from_bytes([7; 32]);
    let gone = TakenBack { manifest, key: None, why: "poison".to_owned() };
    let reply = Reply::Used { yanked: vec![gone.clone()] };
    let node = Node::start(move |_| vec![Act::Say(reply.clone())]);
    let connection = open(&node);
    assert_eq!(used(&connection, vec![manifest], PATIENCE).unwrap(), [gone]);
    drop(connection);
    assert_eq!(node.heard()[1], Heard::Request(Request::Used { manifests: vec![manifest] }));
    let node = Node::start(|_| vec![Act::Say(Reply::Flushed)]);
    assert!(matches!(used(&open(&node), Vec::new(), PATIENCE), Err(ConnectionError::OutOfTurn)));
}
