//! What is on a page.

use super::super::counters::Counters;
use super::super::housework::Pressure;
use super::super::snapshot::{Facts, Machine, Snapshot};
use super::super::table::{METRICS, Of};
use super::{Pool, joined};
use crate::store::StoreUsage;
use pollux_client::clock;
use pollux_core::engine::{EngineMeasures, EngineStatus, ShareUse, Silence};
use pollux_core::message::Refusal;
use pollux_core::{PeerRole, Timestamp, Token};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

fn facts(pool: &Pool, role: PeerRole) -> Facts {
    Facts {
        role,
        token_expires: Some(pool.file.token.body::<Token>().unwrap().expires),
        started: Timestamp::from_millis(5_000),
    }
}

fn text(pool: &Pool, role: PeerRole, snapshot: &Snapshot) -> String {
    let usage = StoreUsage { chunks: 1, bytes: 2, bytes_max: 3, disk_free_bytes: 4, free_bytes_min: 5 };
    let machine = Machine { store: usage, broken: true, now: Timestamp::from_millis(6_500) };
    snapshot.page(&facts(pool, role), machine).render()
}

fn has(text: &str, line: &str) -> bool {
    text.lines().any(|found| found == line)
}

#[test]
fn a_page_has_every_metric_of_its_role_and_no_other() {
    let pool = Pool::new();
    for (role, other) in [(PeerRole::Node, Of::Seeds), (PeerRole::Seed, Of::Nodes)] {
        let text = text(&pool, role, &pool.snapshot(&Counters::default(), joined()));
        let named = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let named: Vec<&str> = named.map(|(name, _)| name).collect();
        let distinct: BTreeSet<&str> = named.iter().copied().collect();
        assert_eq!(named.len(), distinct.len(), "each once");
        let expected = METRICS.iter().filter(|metric| metric.of != other).map(|metric| metric.name);
        assert_eq!(distinct, expected.collect(), "{role:?}");
    }
}

#[test]
fn closed_lists_begin_at_zero() {
    let pool = Pool::new();
    let text = text(&pool, PeerRole::Seed, &pool.snapshot(&Counters::default(), joined()));
    for line in [
        "pollux_misses_total{reason=\"seeds-silent\"} 0",
        "pollux_delivered_bytes_total{source=\"peer\"} 0",
        "pollux_served_bytes_total{class=\"seed\"} 0",
        "pollux_publishes_total{result=\"published\"} 0",
        "pollux_offers_refused_total{reason=\"grant-over-budget\"} 0",
        "pollux_joins_refused_total{reason=\"not-by-token\"} 0",
        "process_start_time_seconds 5.0",
        "pollux_clock_timestamp_seconds 6.5",
        "pollux_policy_write_quorum 1",
        "pollux_store_broken 1",
        "pollux_store_chunks 1",
        "pollux_store_bytes 2",
        "pollux_store_max_bytes 3",
        "pollux_store_possible_bytes 2",
        "pollux_store_disk_free_bytes 4",
        "pollux_store_disk_free_min_bytes 5",
        "pollux_let_go_total 0",
        "pollux_sweeps_total{result=\"failed\"} 0",
        "pollux_last_sweep_timestamp_seconds 5.0",
    ] {
        assert!(has(&text, line), "{line}\n{text}");
    }
}

#[test]
fn papers_and_saves_are_told_in_seconds() {
    let pool = Pool::new();
    let mut snapshot = pool.snapshot(&Counters::default(), joined());
    let time = Timestamp::from_millis(1_700_000_000_250);
    snapshot.measures = EngineMeasures {
        newest_saves: vec![("core/main/npm".parse().unwrap(), time)],
        lineages_left_out: 7,
        shares: vec![ShareUse { publisher: "gate".to_owned(), bytes: 9 }],
        ..EngineMeasures::default()
    };
    let text = text(&pool, PeerRole::Seed, &snapshot);
    let line = "pollux_lineage_newest_save_timestamp_seconds{lineage=\"core/main/npm\"} 1700000000.25";
    assert!(has(&text, line), "{text}");
    assert!(has(&text, "pollux_lineages_left_out 7"));
    assert!(has(&text, "pollux_publisher_share_bytes{publisher=\"gate\"} 9"));
    let seconds: BTreeMap<&str, f64> = text
        .lines()
        .filter(|line| line.contains("expiry_timestamp_seconds") && !line.starts_with('#'))
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, value)| (name, value.parse().unwrap()))
        .collect();
    let publisher = &pool.trust.policy().publishers[0];
    let name = format!("pollux_publisher_expiry_timestamp_seconds{{publisher=\"{}\"}}", publisher.name);
    for (name, expires) in [
        ("pollux_root_expiry_timestamp_seconds", pool.trust.root().expires),
        ("pollux_policy_expiry_timestamp_seconds", pool.trust.policy().expires),
        ("pollux_join_token_expiry_timestamp_seconds", facts(&pool, PeerRole::Seed).token_expires.unwrap()),
        (&name, publisher.expires),
    ] {
        let expected = Duration::from_millis(expires.as_millis()).as_secs_f64();
        assert!((seconds[name] - expected).abs() < 1e-3, "{name}: {seconds:?}");
    }
}

#[test]
fn what_was_done_for_room_is_told() {
    let pool = Pool::new();
    let counters = Counters::default();
    let housework = counters.housework();
    housework.evicted(Pressure::DiskShort, 70);
    housework.swept(Timestamp::from_millis(6_250), Some(8));
    housework.swept(Timestamp::from_millis(6_300), None);
    let page = |role| text(&pool, role, &pool.snapshot(&counters, joined()));
    let (node, seed) = (page(PeerRole::Node), page(PeerRole::Seed));
    assert!(has(&node, "pollux_evicted_bytes_total{reason=\"disk-short\"} 70"));
    assert!(has(&node, "pollux_evicted_bytes_total{reason=\"store-full\"} 0"));
    assert!(has(&seed, "pollux_sweeps_total{result=\"swept\"} 1"));
    assert!(has(&seed, "pollux_sweeps_total{result=\"failed\"} 1"));
    assert!(has(&seed, "pollux_swept_bytes_total 8"));
    assert!(has(&seed, "pollux_last_sweep_timestamp_seconds 6.25"));
}

#[test]
fn refusals_of_joins_are_counted_by_name() {
    let pool = Pool::new();
    let refusals = BTreeMap::from([("bad-token".to_owned(), 3), ("made-up".to_owned(), 1)]);
    let status = EngineStatus { refusals, ..joined() };
    let text = text(&pool, PeerRole::Seed, &pool.snapshot(&Counters::default(), status));
    assert!(has(&text, "pollux_joins_refused_total{reason=\"bad-token\"} 3"));
    assert!(!text.contains("made-up"));
}

#[test]
fn what_is_lacking_is_said() {
    let pool = Pool::new();
    let lacks = |role, status| pool.snapshot(&Counters::default(), status).lacks(role, clock::now());
    let alone = EngineStatus::default();
    let refused = EngineStatus { refused: Some(Refusal::BadToken), ..EngineStatus::default() };
    let silent = EngineStatus { silent: Some(Silence::NoMarker), ..joined() };
    assert_eq!(lacks(PeerRole::Node, joined()), "");
    assert_eq!(lacks(PeerRole::Seed, joined()), "");
    assert!(lacks(PeerRole::Node, alone.clone()).contains("no seed has let this node in yet"));
    assert!(lacks(PeerRole::Node, refused).contains("the join token is not valid"));
    assert!(lacks(PeerRole::Seed, silent).contains("signs nothing"));
    let mut unwelcome = pool.snapshot(&Counters::default(), alone);
    unwelcome.unwelcome = Some("the membership is not valid yet".to_owned());
    assert!(unwelcome.lacks(PeerRole::Node, clock::now()).contains("not believed here: the membership is"));
}

#[test]
fn nobody_is_ready_once_the_policy_has_expired() {
    let pool = Pool::new();
    let snapshot = pool.snapshot(&Counters::default(), joined());
    let after = |days: u64| clock::now().after(Duration::from_secs(days * 86_400));
    for role in [PeerRole::Node, PeerRole::Seed] {
        assert_eq!(snapshot.lacks(role, after(364)), "");
        let lack = snapshot.lacks(role, after(366));
        assert!(lack.contains("the policy expired 24 hours ago") && lack.contains("pool renew"), "{lack}");
    }
}
