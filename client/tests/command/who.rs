//! `pollux who`, and what is said of saves that were taken back.

use crate::pollux;
use crate::scene::Scene;
use pollux_client::protocol::{Reply, Request, VERSION, encode};
use pollux_core::engine::MissReason;
use pollux_core::message::ListQuery;
use pollux_core::{CertifiedEnvelope, ChunkId, Manifest};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A scene, and saves of these keys that recorded a list of packages.
fn saves(keys: &[&str]) -> (Scene, Vec<CertifiedEnvelope>) {
    let scene = Scene::new();
    let signer = scene.key("publisher");
    let save = |key: &&str| {
        let manifest = Manifest { packages: Some(ChunkId::of(b"list")), ..scene.manifest(key, 1, &[]) };
        scene.certified(&manifest, &signer)
    };
    let saves = keys.iter().map(save).collect();
    (scene, saves)
}

/// A node that lists saves and gives no chunk: so many times it is asked for some.
fn silent_node(scene: &Scene, connections: usize, rows: Vec<CertifiedEnvelope>) -> Arc<AtomicUsize> {
    let asked = Arc::new(AtomicUsize::new(0));
    let heard = Arc::clone(&asked);
    scene.node_of_version(VERSION, connections, move |request| match request {
        Request::List { .. } => {
            let (rows, taken) = (rows.clone(), Vec::new());
            vec![encode(&Reply::Listing { rows, more: false, from_seed: true, taken }).unwrap()]
        }
        _ => {
            heard.fetch_add(1, Ordering::SeqCst);
            Vec::new()
        }
    });
    asked
}

/// Status and object.
fn who(scene: &Scene, more: &[&str]) -> (Option<i32>, Value) {
    let arguments = [&["who", "pkg:npm/left-pad", "--json"], more].concat();
    let mut command = pollux(&arguments);
    let output = command.current_dir(scene.path("")).env("POLLUX_SOCKET", "node.sock").output().unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn the_time_is_for_all_saves_together() {
    let (scene, rows) = saves(&["a/1", "a/2", "a/3"]);
    let asked = silent_node(&scene, 1, rows);
    let (status, object) = who(&scene, &["--timeout", "2", "--progress-timeout", "600"]);
    assert_eq!((status, &object["not_looked_at"]), (Some(4), &3.into()), "{object}");
    assert_eq!((&object["looked_through"], &object["error"]["kind"]), (&0.into(), &"unreachable".into()));
    assert_eq!(asked.load(Ordering::SeqCst), 1, "after the first the time was over");
}

#[test]
fn what_is_still_on_its_way_is_no_answer_to_what_is_asked_next() {
    let (scene, rows) = saves(&["a/1", "a/2"]);
    scene.node_of_version(VERSION, 2, move |request| match request {
        Request::Fetch { chunks, .. } => {
            let failed = Reply::ChunkFailed { chunk: chunks[0], why: MissReason::Yanked };
            [failed, Reply::Miss { reason: MissReason::NothingSaved }]
                .map(|reply| encode(&reply).unwrap())
                .into()
        }
        _ => {
            let (rows, taken) = (rows.clone(), Vec::new());
            vec![encode(&Reply::Listing { rows, more: false, from_seed: true, taken }).unwrap()]
        }
    });
    let (status, object) = who(&scene, &[]);
    assert_eq!((status, &object["taken_back"]), (Some(0), &2.into()), "{object}");
}

#[test]
fn what_was_taken_back_is_counted() {
    let (scene, saves) = saves(&["a/1", "a/2"]);
    scene.node(2, move |request| match request {
        Request::Fetch { chunks, .. } => Reply::ChunkFailed { chunk: chunks[0], why: MissReason::Yanked },
        _ => {
            let (rows, taken) = (saves[..1].to_vec(), saves[1..].to_vec());
            Reply::Listing { rows, more: false, from_seed: true, taken }
        }
    });
    let (status, object) = who(&scene, &[]);
    assert_eq!((status, &object["taken_back"]), (Some(0), &2.into()), "listed, and noticed since: {object}");
    assert_eq!((&object["looked_through"], &object["not_looked_at"]), (&0.into(), &0.into()), "{object}");
    let said = scene.run(&["who", "pkg:npm/left-pad"]);
    assert!(said.contains("in 0 of 0 saves; 2 taken back"), "{said}");
}

#[test]
fn the_beginning_of_a_name_that_was_taken_back_says_so() {
    let (scene, saves) = saves(&["a/1"]);
    scene.node(2, move |request| match request {
        Request::List { what: ListQuery::Prefix(_), .. } => {
            Reply::Listing { rows: Vec::new(), more: false, from_seed: true, taken: saves.clone() }
        }
        _ => Reply::Miss { reason: MissReason::NothingSaved },
    });
    for verb in [&["diff", "0123abcd", "a/2"][..], &["show", "0123abcd"]] {
        let said = scene.run(verb);
        assert!(said.starts_with("status 1\n") && said.contains("was taken back"), "{said}");
    }
}
