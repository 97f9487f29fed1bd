//! `pollux yank` shows what keys fall back to before it signs.

use crate::scene::Scene;
use pollux_client::protocol::{Reply, Request};
use pollux_core::message::{ListQuery, LogLine, LogPage};
use pollux_core::{
    CertifiedEnvelope, Envelope, LogEntry, ManifestId, Papers, PeerId, PublicKey, Yank, Yanked,
};
use std::sync::{Arc, Mutex};

const REASON: [&str; 2] = ["--reason", "left-pad was taken over"];

/// A scene whose node lists two saves of a lineage, keeps an older one of the newest's key that only the log tells of, and
/// remembers what it is told to spread.
struct Pool {
    scene: Scene,
    newest: CertifiedEnvelope,
    spread: Arc<Mutex<Vec<Envelope>>>,
}

impl Pool {
    fn new(held: u32) -> Self {
        Self::with_log(held, true)
    }

    fn with_log(held: u32, has_log: bool) -> Self {
        let scene = Scene::new();
        let publish =
            |key, sequence| scene.certified(&scene.manifest(key, sequence, &[]), &scene.key("publisher"));
        let (older, newest) = (publish("core/npm/1", 4), publish("core/npm/2", 7));
        let rows = vec![older, newest.clone()];
        let first = publish("core/npm/2", 6);
        let made = scene.manifest("core/apt/1", 3, &[newest.manifest.id()]);
        let made = scene.certified(&made, &scene.key("publisher"));
        let lines: Vec<LogLine> = [&first, &newest, &made].map(|row| logged(&scene, row)).into();
        let digest = scene.trust().papers_digest();
        let spread = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&spread);
        scene.node(3, move |request| match request {
            Request::Papers => Reply::Papers { papers: Papers::default(), digest, more: false },
            Request::List { what: ListQuery::Pattern { .. }, .. } => {
                Reply::Listing { rows: rows.clone(), more: false, from_seed: true, taken: Vec::new() }
            }
            Request::List { what: ListQuery::Manifest(id), .. } if *id == first.manifest.id() => {
                Reply::Listing { rows: vec![first.clone()], more: false, from_seed: true, taken: Vec::new() }
            }
            Request::List { .. } => {
                Reply::Listing { rows: Vec::new(), more: false, from_seed: true, taken: Vec::new() }
            }
            Request::Log { .. } if has_log => {
                let page = LogPage { lines: lines.clone(), next: None };
                Reply::Log { seed: Some(PeerId::new(PublicKey::from_bytes([7; 32]))), page }
            }
            Request::Spread { papers, .. } => {
                heard.lock().unwrap().extend(papers.yanks.clone());
                Reply::Spread { held, needed: 1, of: 1, refused: None }
            }
            _ => Reply::Refused { why: "another question".to_owned() },
        });
        Self { scene, newest, spread }
    }

    fn yank(&self, arguments: &[&str]) -> String {
        let key = ["--yank-key", "pool/yank.pem", "--pool", "pool/pool.json", "--serial", "y-1"];
        self.scene.run(&[&["yank"], arguments, &REASON, &key].concat())
    }

    fn heard(&self) -> Vec<Yank> {
        self.spread.lock().unwrap().iter().map(|envelope| envelope.body().unwrap()).collect()
    }
}

fn logged(scene: &Scene, row: &CertifiedEnvelope) -> LogLine {
    let now = pollux_client::clock::now();
    LogEntry::published(now, &scene.trust().certify(row, now).unwrap()).to_line().unwrap()
}

#[test]
fn a_save_is_taken_back() {
    let pool = Pool::new(1);
    let id = pool.newest.manifest.id().to_string();
    insta::assert_snapshot!("yanked", pool.yank(&["--manifest", &id, "--cascade", "--yes"]));
    let heard = pool.heard();
    assert_eq!((heard.len(), &heard[0].what), (1, &Yanked::Manifest(pool.newest.manifest.id())));
    let envelope = pool.spread.lock().unwrap()[0].clone();
    assert!(pool.scene.trust().verify_yank(&envelope, pollux_client::clock::now()).is_ok());
}

#[test]
fn what_stays_is_named_for_people_and_for_scripts() {
    let pool = Pool::new(1);
    let id = pool.newest.manifest.id().to_string();
    insta::assert_snapshot!("yanked-alone", pool.yank(&["--manifest", &id, "--yes", "--json"]));
}

#[test]
fn a_log_that_cannot_be_had_is_said_and_keeps_nobody() {
    let pool = Pool::with_log(1, false);
    let id = pool.newest.manifest.id().to_string();
    insta::assert_snapshot!("yanked-without-log", pool.yank(&["--manifest", &id, "--yes"]));
    assert_eq!(pool.heard().len(), 1);
}

#[test]
fn a_publisher_has_a_name() {
    let pool = Pool::new(1);
    let said = pool.yank(&["--publisher", "publisher", "--yes"]);
    assert!(said.starts_with("status 0\n"), "{said}");
    assert_eq!(pool.heard()[0].what, Yanked::Publisher(pool.scene.key("publisher").public()));
    insta::assert_snapshot!("yank-nobody", Pool::new(1).yank(&["--publisher", "nobody", "--yes"]));
}

#[test]
fn nothing_is_signed_unasked() {
    let pool = Pool::new(1);
    let said = pool.yank(&["--grant", "b1-7"]);
    insta::assert_snapshot!("yank-unasked", said);
    assert_eq!(pool.heard(), []);
}

#[test]
fn a_yank_of_something_unknown_is_kept_and_said() {
    let pool = Pool::new(1);
    let id = ManifestId::from_bytes([0xab; 32]).to_string();
    insta::assert_snapshot!("yank-unknown-unasked", pool.yank(&["--manifest", &id, "--yes"]));
    assert_eq!(pool.heard().len(), 0, "a name that is wrong is noticed by a script");
    let pool = Pool::new(1);
    insta::assert_snapshot!("yank-unknown", pool.yank(&["--manifest", &id, "--unknown", "--yes"]));
    assert_eq!(pool.heard().len(), 1);
}

#[test]
fn what_is_taken_back_already_is_said() {
    let scene = Scene::new();
    let row = scene.certified(&scene.manifest("core/npm/2", 7, &[]), &scene.key("publisher"));
    let yank = Yank {
        pool: "ci".to_owned(),
        serial: "y-0".to_owned(),
        what: Yanked::Manifest(row.manifest.id()),
        reason: "stale".to_owned(),
        cascade: false,
        time: pollux_client::clock::now(),
        manifests: Vec::new(),
    };
    let papers = Papers { yanks: vec![Envelope::sign(&yank, &scene.key("yank"))], ..scene.trust().papers() };
    let (digest, id) = (scene.trust().papers_digest(), row.manifest.id().to_string());
    scene.node(3, move |request| match request {
        Request::Papers => Reply::Papers { papers: papers.clone(), digest, more: false },
        Request::List { what, .. } => {
            let taken = if matches!(what, ListQuery::Manifest(_)) { vec![row.clone()] } else { Vec::new() };
            Reply::Listing { rows: Vec::new(), more: false, from_seed: true, taken }
        }
        Request::Spread { .. } => Reply::Spread { held: 1, needed: 1, of: 1, refused: None },
        _ => Reply::Refused { why: "another question".to_owned() },
    });
    let arguments = ["yank", "--manifest", &id, "--yes", "--serial", "y-1", "--pool", "pool/pool.json"];
    let said = scene.run(&[&arguments[..], &REASON, &["--yank-key", "pool/yank.pem"]].concat());
    insta::assert_snapshot!("yanked-already", said);
}

#[test]
fn a_yank_that_too_few_seeds_hold_is_not_done() {
    let pool = Pool::new(0);
    insta::assert_snapshot!("yank-held-by-none", pool.yank(&["--build", "zuul", "b1", "--yes"]));
}

#[test]
fn what_cannot_be_yanked() {
    let pool = Pool::new(1);
    insta::assert_snapshot!("yank-nothing", pool.yank(&[]));
    insta::assert_snapshot!("yank-pattern-without-time", pool.yank(&["--pattern", "core/**"]));
    let time = ["--grant", "g", "--before", "2026-11-03T09:00:00Z", "--yes"];
    insta::assert_snapshot!("yank-time-without-pattern", pool.yank(&time));
    let all = ["--pattern", "**", "--before", "2026-11-03T09:00:00Z", "--yes"];
    insta::assert_snapshot!("yank-everything", pool.yank(&all));
    let other = ["yank", "--grant", "g", "--reason", "r", "--pool", "pool/pool.json", "--yes"];
    let other = [&other[..], &["--yank-key", "pool/root.pem"]].concat();
    insta::assert_snapshot!("yank-other-key", pool.scene.run(&other));
    assert_eq!(pool.heard(), []);
}
