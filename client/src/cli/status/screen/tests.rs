use super::*;
use crate::cli::output;
use pollux_client::protocol::{Asked, PoolEnd};
use pollux_core::engine::{EngineStatus, Silence};
use pollux_core::message::Refusal;
use pollux_core::{KeyPair, PeerId};

const NOW: Timestamp = Timestamp::from_millis(1_793_696_700_000);
const DAY_MS: u64 = 86_400_000;

fn status() -> NodeStatus {
    NodeStatus {
        software: "pollux-node 0.1.0".to_owned(),
        pool: "ci".to_owned(),
        peer: "12D3KooWKGW59T5EGXi7oF3uoZ7AuKgmj7Zn9r2hSJrMdBbThCZW".to_owned(),
        role: "node".to_owned(),
        uptime_seconds: 61,
        engine: EngineStatus {
            joined: true,
            seeds_connected: 3,
            seeds_total: 3,
            relays: 4,
            yanks: 2,
            root_expires_ms: NOW.as_millis() + 3000 * DAY_MS,
            ..EngineStatus::default()
        },
        store_chunks: 5,
        store_bytes: 2048,
        store_bytes_max: 4096,
        disk_free_bytes: 1 << 40,
        policy_version: 6,
        policy_expires_ms: NOW.as_millis() + 300 * DAY_MS,
    }
}

fn seed(number: u8) -> SeedStatus {
    SeedStatus {
        peer: PeerId::new(KeyPair::from_seed([number; 32]).public()),
        addresses: vec![format!("seed-{number}.example.org:4480")],
        is_self: false,
        connected: true,
        admits: true,
        software: "pollux-node 0.1.0".to_owned(),
        policy_version: Some(6),
        agrees: Some(true),
        clock_ahead_ms: None,
        clock_heard_ms: None,
    }
}

fn more(seeds: u8) -> Further {
    Further {
        membership_left_ms: Some(720_000),
        seeds: (1..=seeds).map(seed).collect(),
        ends: vec![PoolEnd { what: Ending::Token, name: None, expires_ms: NOW.as_millis() + 100 * DAY_MS }],
        asked: Asked {
            hits: 120,
            misses: [("not-joined".to_owned(), 1), ("seeds-silent".to_owned(), 9)].into(),
            published: 3,
            not_published: 1,
        },
        ..Further::default()
    }
}

fn report(status: NodeStatus, more: Option<Further>) -> Report {
    let mut trouble = pollux_client::health::checks(&status, more.as_ref(), "pollux 0.1.0", NOW);
    trouble.retain(|check| check.level != pollux_client::health::Level::Ok);
    Report { status, more, trouble }
}

/// Every screen fits.
fn shown(report: &Report) -> String {
    let text = words(report, NOW);
    assert!(text.lines().count() <= LINES, "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
    text
}

#[test]
fn a_node_is_on_one_screen() {
    insta::assert_snapshot!(shown(&report(status(), Some(more(3)))), @r"
    pollux-node 0.1.0 (node) of pool ci, up 61 s
    peer       12D3KooWKGW59T5EGXi7oF3uoZ7AuKgmj7Zn9r2hSJrMdBbThCZW
    policy     version 6, ends in 300 d; root in 3000 d, token in 100 d; 2 yanks
    pool       joined; a member for another 12 min
    seeds      3 of 3 reached, 3 go by the same papers
      …SUKPH5 seed-1.example.org:4480  reached, agrees, pollux-node 0.1.0
      …2NASuq seed-2.example.org:4480  reached, agrees, pollux-node 0.1.0
      …3ANaba seed-3.example.org:4480  reached, agrees, pollux-node 0.1.0
    peers      0 connected, 0 banned; 0 wrong chunks came
    store      5 chunks, 2.00 KiB of 4.00 KiB; 1.00 TiB free, 0 B kept free
    knows      0 manifests, 4 relayed answers
    jobs       0 now, 0 chunks under way
    asked      120 hits, 10 misses (9 seeds-silent, 1 not-joined)
    saves      3 published, 1 not
    ");
}

#[test]
fn what_is_wrong_comes_last_with_what_to_do() {
    let mut more = more(3);
    (more.seeds[2].connected, more.seeds[1].agrees) = (false, Some(false));
    more.ends[0].expires_ms = NOW.as_millis() + 5 * DAY_MS;
    insta::assert_snapshot!(shown(&report(status(), Some(more))), @r"
    pollux-node 0.1.0 (node) of pool ci, up 61 s
    peer       12D3KooWKGW59T5EGXi7oF3uoZ7AuKgmj7Zn9r2hSJrMdBbThCZW
    policy     version 6, ends in 300 d; root in 3000 d, token in 5 d; 2 yanks
    pool       joined; a member for another 12 min
    seeds      2 of 3 reached, 1 go by the same papers
      …3ANaba seed-3.example.org:4480  NOT REACHED, pollux-node 0.1.0
      …2NASuq seed-2.example.org:4480  reached, DIFFERS (policy 6), pollux-node 0.1…
      …SUKPH5 seed-1.example.org:4480  reached, agrees, pollux-node 0.1.0
    peers      0 connected, 0 banned; 0 wrong chunks came
    store      5 chunks, 2.00 KiB of 4.00 KiB; 1.00 TiB free, 0 B kept free
    knows      0 manifests, 4 relayed answers
    jobs       0 now, 0 chunks under way
    asked      120 hits, 10 misses (9 seeds-silent, 1 not-joined)
    saves      3 published, 1 not
    warning: seeds that do not answer: …3ANaba at seed-3.example.org:4480: start
      them (`pollux doctor` there says what they lack); this node's log says where
      another one answers, perhaps of another pool
    warning: seeds that go by other papers than this node (policy 6, 2 yanks):
      …2NASuq (policy 6): other yanks: wait a minute: nodes hand seeds the yanks
      that these lack; `pollux pool spread --pool pool.json` has it done again; the
      logs there say which are not believed
    and 1 more: `pollux doctor`
    ");
}

#[test]
fn a_node_in_all_kinds_of_trouble_still_fits() {
    let mut more = more(16);
    more.seeds.iter_mut().for_each(|seed| (seed.connected, seed.agrees) = (false, Some(false)));
    more.seeds[0].software = "\u{202e}x".repeat(100);
    more.store_broken = true;
    let mut status = status();
    status.engine.joined = false;
    status.engine.refused = Some(Refusal::AddressFull);
    status.engine.banned = 3;
    (status.store_bytes, status.store_bytes_max) = (u64::MAX, u64::MAX);
    let text = shown(&report(status, Some(more)));
    assert!(text.contains("not joined") && text.contains("and 11 more"), "{text}");
    assert!(text.lines().last().unwrap().ends_with("more: `pollux doctor`"), "{text}");
}

#[test]
fn a_node_of_the_version_before_tells_less() {
    let text = shown(&report(status(), None));
    assert!(text.contains("3 of 3 seeds connected"), "{text}");
    assert!(text.contains("older version of the socket protocol"), "{text}");
}

#[test]
fn a_node_that_is_not_let_in_says_why() {
    let mut status = status();
    (status.engine.joined, status.engine.refused) = (false, Some(Refusal::TokenExpired));
    let text = shown(&report(status, Some(more(1)))).replace("\n ", "");
    assert!(text.contains("the join token has expired") && text.contains("pollux pool token"), "{text}");
}

#[test]
fn a_seed_that_signs_nothing_says_why() {
    let mut status = status();
    status.role = "seed".to_owned();
    status.engine.silent = Some(Silence::RolledBack);
    let report = report(status, Some(more(1)));
    let text = shown(&report).replace("\n ", "");
    assert!(text.contains("signs nothing (the disk was rolled back"), "{text}");
    assert!(output::json(&report).unwrap().contains("\"silent\": \"rolled-back\""));
}

#[test]
fn the_object_begins_with_its_version_and_has_everything_once() {
    let text = output::json(&report(status(), Some(more(3)))).unwrap();
    assert!(text.starts_with("{\n  \"version\": 1,\n  \"software\""), "{text}");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["seeds"].as_array().unwrap().len(), 3);
    assert_eq!((&value["asked"]["hits"], &value["engine"]["joined"]), (&120.into(), &true.into()));
    assert_eq!(value["trouble"], serde_json::Value::Array(Vec::new()));
    let fields =
        text.lines().filter(|line| line.starts_with("  \"")).map(|line| line.split('"').nth(1).unwrap());
    let fields: Vec<&str> = fields.collect();
    let distinct: std::collections::BTreeSet<&&str> = fields.iter().collect();
    assert_eq!(distinct.len(), fields.len(), "{fields:?}");
}
