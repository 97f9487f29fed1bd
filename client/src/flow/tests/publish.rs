use super::cache::{Cache, certified};
use super::node::{Act, Heard, Node};
use super::save::{LONG, otherwise, publish_fails, published, request as save_request, take};
use crate::connection::ConnectionError;
use crate::flow::{
    Deadlines, PublishRequest, SaveError, SaveOutcome, SaveRequest, Signer, Unwatched, publish, save,
};
use crate::protocol::{PublishEnd, Reply, Request};
use pollux_core::{CertifiedEnvelope, Envelope, KeyPair, Manifest};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn signed(manifest: &Manifest) -> Envelope {
    Envelope::sign(manifest, &KeyPair::from_seed([7; 32]))
}

fn request(socket: &Path, manifest: Envelope) -> PublishRequest {
    PublishRequest {
        socket: socket.to_owned(),
        manifest,
        deadlines: Deadlines { answer: LONG, progress: LONG, total: LONG },
        interrupted: Arc::default(),
    }
}

fn run(node: &Node, manifest: &Manifest) -> Result<SaveOutcome, SaveError> {
    publish(&request(&node.socket, signed(manifest)), &mut Unwatched)
}

#[test]
fn a_save_without_a_key_ends_with_what_is_to_be_signed() {
    let cache = Cache::new();
    let node = Node::start(take);
    let request = SaveRequest { signer: Signer::Elsewhere, ..save_request(&node.socket, &cache) };
    let Ok(SaveOutcome::Unsigned(unsigned)) = save(&request, &mut Unwatched) else { panic!("not stated") };
    assert_eq!((unsigned.manifest.sequence, &unsigned.manifest.tree), (1, &cache.tree));
    assert_eq!((unsigned.manifest.pool.as_str(), &unsigned.manifest.grant), ("ci", &None));
    assert_eq!(unsigned.sent.chunks, u64::try_from(cache.chunks.len()).unwrap());
    let heard = node.heard();
    assert!(heard.contains(&Heard::Request(Request::Flush)), "the chunks are durable");
    assert!(!heard.iter().any(|heard| matches!(heard, Heard::Request(Request::Publish { .. }))));
}

#[test]
fn what_is_the_newest_already_needs_no_signature() {
    let cache = Cache::new();
    let found = cache.found();
    let node = otherwise(move |request| matches!(request, Request::Resolve { .. }).then(|| found.clone()));
    let request = SaveRequest { signer: Signer::Elsewhere, ..save_request(&node.socket, &cache) };
    assert!(matches!(save(&request, &mut Unwatched), Ok(SaveOutcome::Unchanged(_))));
}

#[test]
fn a_signed_manifest_is_published_as_it_is() {
    let manifest = Cache::new().manifest(Duration::ZERO);
    let node = otherwise(|request| {
        let Request::Publish { manifest, .. } = request else { return None };
        let certified = CertifiedEnvelope { manifest: manifest.clone(), receipts: vec![manifest.clone()] };
        Some(Reply::Published { certified: Box::new(certified) })
    });
    let Ok(SaveOutcome::Saved(saved)) = run(&node, &manifest) else { panic!("not published") };
    assert_eq!((saved.id, saved.receipts), (signed(&manifest).id(), 1));
    assert_eq!(published(node), [manifest]);
}

#[test]
fn one_that_stands_already_is_published() {
    let manifest = Cache::new().manifest(Duration::ZERO);
    let node = publish_fails(PublishEnd::LostRace { standing: Some(certified(&manifest)), highest: 7 });
    let Ok(SaveOutcome::Saved(saved)) = run(&node, &manifest) else { panic!("not published") };
    assert_eq!(saved.id, signed(&manifest).id());
}

#[test]
fn a_race_that_was_lost_while_it_was_signed_says_who_won() {
    let manifest = Cache::new().manifest(Duration::ZERO);
    let winner = Manifest { generation: 2, ..manifest.clone() };
    let node = publish_fails(PublishEnd::LostRace { standing: Some(certified(&winner)), highest: 7 });
    let Ok(SaveOutcome::LostRace(lost)) = run(&node, &manifest) else { panic!("not lost") };
    assert_eq!(lost.manifest, winner);
}

#[test]
fn a_vote_that_was_lost_is_not_tried_again_with_the_same_signature() {
    let manifest = Cache::new().manifest(Duration::ZERO);
    let node = publish_fails(PublishEnd::LostRace { standing: None, highest: 9 });
    let failed = run(&node, &manifest).unwrap_err();
    assert!(matches!(failed, SaveError::Outvoted { sequence: 7 }), "{failed}");
    assert_eq!(published(node).len(), 1);
}

#[test]
fn a_manifest_of_another_pool_is_not_handed_to_the_node() {
    let manifest = Manifest { pool: "staging".to_owned(), ..Cache::new().manifest(Duration::ZERO) };
    let node = Node::start(take);
    let failed = run(&node, &manifest).unwrap_err();
    assert!(matches!(failed, SaveError::OtherPool { .. }), "{failed}");
    assert_eq!(published(node), []);
}

#[test]
fn what_is_no_manifest_needs_no_node() {
    let other = Envelope { payload_type: "x".to_owned(), payload: Vec::new(), signatures: Vec::new() };
    let failed = publish(&request(Path::new("/nowhere/node.sock"), other), &mut Unwatched);
    assert!(matches!(failed, Err(SaveError::Statement(_))), "{failed:?}");
}

#[test]
fn seeds_that_pull_for_ever_and_a_signal_end_it() {
    let manifest = Cache::new().manifest(Duration::ZERO);
    let pulling = || {
        Node::start(|heard| match heard {
            Heard::Request(Request::Publish { .. }) => {
                vec![Act::Repeat(Reply::PublishProgress { have: 1, of: 2 })]
            }
            _ => take(heard),
        })
    };
    let node = pulling();
    let mut brief = request(&node.socket, signed(&manifest));
    brief.deadlines.total = Duration::from_millis(300);
    assert!(matches!(publish(&brief, &mut Unwatched), Err(SaveError::TooSlow)));
    let node = pulling();
    let interrupted = AtomicBool::new(false);
    interrupted.store(true, Ordering::Relaxed);
    let request =
        PublishRequest { interrupted: Arc::new(interrupted), ..request(&node.socket, signed(&manifest)) };
    let failed = publish(&request, &mut Unwatched);
    assert!(matches!(failed, Err(SaveError::Connection(ConnectionError::Interrupted))), "{failed:?}");
}

#[test]
fn a_save_without_a_key_takes_a_place_above_what_was_taken_back() {
    let cache = Cache::new();
    let mut gone = Cache::new().manifest(Duration::ZERO);
    gone.sequence = 4;
    let taken = vec![CertifiedEnvelope { manifest: signed(&gone), receipts: Vec::new() }];
    let node = otherwise(move |request| {
        let listing = Reply::Listing { rows: Vec::new(), more: false, from_seed: true, taken: taken.clone() };
        matches!(request, Request::List { .. }).then_some(listing)
    });
    let request = SaveRequest { signer: Signer::Elsewhere, ..save_request(&node.socket, &cache) };
    let Ok(SaveOutcome::Unsigned(unsigned)) = save(&request, &mut Unwatched) else { panic!("not stated") };
    assert_eq!(unsigned.manifest.sequence, 5);
}
