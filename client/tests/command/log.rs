//! `pollux log`: what a seed has written down.

use crate::scene::Scene;
use pollux_client::protocol::{Reply, Request};
use pollux_core::message::{LogLine, LogPage, LogPlace};
use pollux_core::{PeerId, PublicKey};

fn seed() -> PeerId {
    PeerId::new(PublicKey::from_bytes([7; 32]))
}

/// A manifest's name that is this digit.
fn id(digit: &str) -> String {
    digit.repeat(64)
}

fn published(minute: u32, sequence: u32, own: &str, ancestors: &str) -> String {
    let (manifest, key) = (id(own), id("9"));
    format!(
        r#"{{"time":"2026-11-03T09:{minute:02}:00Z","what":"published","manifest":"{manifest}","key":"core/main/npm/1","sequence":{sequence},"published":"2026-11-03T09:00:00Z","created":"2026-11-03T09:00:00Z","expires":"2026-11-13T09:00:00Z","publisher":"gate","signer":"{key}","bytes":10,"files":2,"generation":2,"ancestors":[{ancestors}],"provenance":{{"ci":"zuul","pipeline":"gate","project":"core","build":"b{sequence}"}},"news":[1]}}"#
    )
}

fn refused() -> String {
    let (manifest, from) = (id("e"), seed());
    format!(
        r#"{{"time":"2026-11-03T09:07:00Z","what":"refused","manifest":"{manifest}","from":"{from}","why":"not-believed","words":"a stranger","key":"core/main/npm/1","sequence":9,"provenance":{{"build":"b9\u009b"}},"unlogged":4}}"#
    )
}

fn yanked(serial: &str, minute: u32, what: &str) -> String {
    let digest = id(&serial[..1]);
    format!(
        r#"{{"time":"2026-11-03T09:{minute:02}:00Z","what":"yanked","id":"{digest}","yank":{{"pool":"ci","serial":"{serial}","what":{{"manifest":"{what}"}},"reason":"stale","cascade":true,"time":"2026-11-03T09:00:00Z"}}}}"#
    )
}

/// Two generations, a refusal, a yank of the first and one of something else; some of it twice, or of a newer kind.
fn lines() -> Vec<String> {
    let first = format!("\"{}\"", id("a"));
    vec![
        published(5, 1, "a", ""),
        published(6, 2, "b", &first),
        published(6, 2, "b", &first),
        yanked("f-1", 9, &id("a")),
        yanked("d-1", 9, &id("0")),
        refused(),
        r#"{"time":"2026-11-03T09:08:00Z","what":"weather","rain":true}"#.to_owned(),
        r#"{"time":"2026-11-03T09:10:00Z","what":"more-refused","address":"192.0.2.7","count":12,"since":"2026-11-03T08:10:00Z"}"#.to_owned(),
        format!(
            r#"{{"time":"2026-11-03T09:01:00Z","what":"policy","root":1,"policy":2,"digest":"{}"}}"#,
            id("c")
        ),
    ]
}

/// A node whose seed gives one line a page, and is busy now and then.
fn run(lines: Vec<String>, arguments: &[&str]) -> String {
    let scene = Scene::new();
    let mut busy = true;
    let busy = std::sync::Mutex::new(move || {
        busy = !busy;
        !busy
    });
    scene.node(1, move |request| {
        let Request::Log { at, .. } = request else {
            return Reply::Refused { why: "another question".to_owned() };
        };
        assert!(at.is_none_or(|(of, _)| of == seed()));
        let place = at.map_or(0, |(_, place)| place.offset);
        if (*busy.lock().unwrap())() && place == 1 {
            let next = Some(LogPlace { file: 0, offset: place });
            return Reply::Log { seed: Some(seed()), page: LogPage { lines: Vec::new(), next } };
        }
        let mut rest = (0..).zip(&lines).skip_while(|(number, _)| *number < place);
        let line = rest.next().map(|(_, line)| LogLine::new(line.clone()).unwrap());
        let next = rest.next().map(|(offset, _)| LogPlace { file: 0, offset });
        Reply::Log { seed: Some(seed()), page: LogPage { lines: line.into_iter().collect(), next } }
    });
    scene.run(&[&["log"], arguments].concat())
}

#[test]
fn a_log_in_words() {
    insta::assert_snapshot!("log", run(lines(), &[]));
    insta::assert_snapshot!("log-pattern", run(lines(), &["core/**", "--since", "2026-11-01"]));
}

#[test]
fn a_log_for_scripts() {
    insta::assert_snapshot!("log-json", run(lines(), &["--derived-from", "AAAA", "--json"]));
}

#[test]
fn nothing_is_logged() {
    insta::assert_snapshot!("log-nothing", run(Vec::new(), &["--refused"]));
}

#[test]
fn digits_of_several_manifests() {
    let near = format!("\"{}\"", "a".repeat(63) + "b");
    let lines = vec![published(5, 1, "a", ""), published(6, 2, "b", &near)];
    insta::assert_snapshot!("log-several", run(lines, &["--derived-from", "aaaa"]));
    insta::assert_snapshot!("log-no-digits", run(Vec::new(), &["--derived-from", "xyz"]));
}

#[test]
fn no_seed_answers() {
    let scene = Scene::new();
    scene.node(1, |_| Reply::Log { seed: None, page: LogPage::default() });
    insta::assert_snapshot!("log-no-seed", scene.run(&["log", "core/**"]));
}
