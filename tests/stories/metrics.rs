//! What is scraped of a real seed and real nodes, before and after a save and a restore. `prometheus` asks a real one.

use crate::membership::with_policy;
use crate::scene::{KEY, Node, Scene, until};
use pollux_node::metrics::{Kind, METRICS, Of};
use pollux_tests::{Daemon, NodeOptions};
use prometheus_parse::{Scrape, Value};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

/// Flags of a daemon that serves its metrics.
pub(crate) const METRICS_FLAGS: [&str; 2] = ["--metrics", "127.0.0.1:0"];

pub(crate) fn with_metrics() -> NodeOptions {
    let flags = METRICS_FLAGS.map(str::to_owned).to_vec();
    NodeOptions { flags, ..NodeOptions::default() }
}

/// Status and body of a path.
pub(crate) fn get(daemon: &Daemon, path: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(&daemon.metrics).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// A pool with metrics everywhere, whose publisher has a share of each seed's disk.
pub(crate) fn scene() -> Scene {
    Scene::with_pool(&with_metrics(), |pool| {
        with_policy(pool, |policy| {
            policy.publishers.iter_mut().for_each(|publisher| publisher.byte_share = Some(1 << 30));
        });
    })
}

/// A page as a Prometheus parser reads it.
pub(crate) struct Page(Scrape);

impl Page {
    pub(crate) fn of(daemon: &Daemon) -> Self {
        let (status, body) = get(daemon, "/metrics");
        assert_eq!(status, 200, "{body}");
        Self(Scrape::parse(body.lines().map(|line| Ok(line.to_owned()))).unwrap())
    }

    /// The value of a sample with this label, if it has one.
    fn find(&self, name: &str, label: Option<(&str, &str)>) -> Option<f64> {
        let mut samples = self.0.samples.iter().filter(|sample| sample.metric == name);
        let wanted =
            samples.find(|sample| label.is_none_or(|(label, value)| sample.labels.get(label) == Some(value)));
        wanted.map(|sample| match sample.value {
            Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => value,
            Value::Histogram(_) | Value::Summary(_) => panic!("{name} is no single value"),
        })
    }

    pub(crate) fn value(&self, name: &str) -> f64 {
        self.find(name, None).unwrap_or_else(|| panic!("{name} is not there"))
    }

    pub(crate) fn labelled(&self, name: &str, label: &str, value: &str) -> f64 {
        let found = self.find(name, Some((label, value)));
        found.unwrap_or_else(|| panic!("{name} of {value} is not there"))
    }

    /// Each metric of the table with the kind that the table says, all of them, and nothing else.
    fn is_of(&self, of: Of) {
        let mut unknown: BTreeSet<&str> =
            self.0.samples.iter().map(|sample| sample.metric.as_str()).collect();
        for metric in METRICS.iter().filter(|metric| metric.of == Of::Both || metric.of == of) {
            let single = !metric.name.ends_with("_seconds") || metric.kind != Kind::Histogram;
            for end in if single { &[""][..] } else { &["", "_sum", "_count"] } {
                unknown.remove(format!("{}{end}", metric.name).as_str());
            }
            assert!(self.0.samples.iter().any(|sample| sample.metric == metric.name), "no {}", metric.name);
            for sample in self.0.samples.iter().filter(|sample| sample.metric == metric.name) {
                let as_said = match (&sample.value, metric.kind) {
                    (Value::Counter(value), Kind::Counter) => *value >= 0.0,
                    (Value::Gauge(_), Kind::Gauge) | (Value::Histogram(_), Kind::Histogram) => true,
                    _ => false,
                };
                assert!(as_said, "{sample:?}");
                let mut labels: Vec<&str> = sample.labels.keys().map(String::as_str).collect();
                labels.sort_unstable();
                let mut expected = metric.labels.to_vec();
                expected.sort_unstable();
                assert_eq!(labels, expected, "{}", metric.name);
            }
        }
        assert!(unknown.is_empty(), "not in the table: {unknown:?}");
    }
}

pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

fn until_page(daemon: &Daemon, what: &str, holds: impl Fn(&Page) -> bool) -> Page {
    until(what, || holds(&Page::of(daemon)));
    Page::of(daemon)
}

fn papers(page: &Page) {
    for name in ["root", "policy", "join_token"] {
        let expiry = page.value(&format!("pollux_{name}_expiry_timestamp_seconds"));
        assert!(expiry > now() && expiry < now() + 20.0 * 366.0 * 86_400.0, "{name}: {expiry}");
    }
    assert!(page.labelled("pollux_publisher_expiry_timestamp_seconds", "publisher", "publisher") > now());
    assert!(page.value("pollux_policy_version") >= 1.0 && page.value("pollux_root_version") >= 1.0);
}

pub(crate) fn node(scene: &Scene, name: &str) -> Node {
    let node = scene.node_with(name, &with_metrics());
    until("the node is ready", || get(&node.daemon, "/readyz") == (200, "ok\n".to_owned()));
    node
}

#[test]
fn a_save_and_a_restore_are_seen_by_prometheus() {
    let scene = scene();
    assert_eq!(get(&scene.seed, "/livez"), (200, "ok\n".to_owned()));
    assert_eq!(get(&scene.seed, "/readyz"), (200, "ok\n".to_owned()));
    let (a, b) = (node(&scene, "a"), node(&scene, "b"));
    let missed = b.pollux.restore(KEY, &scene.path("nothing"), &[]).unwrap();
    assert_eq!(missed.result(), "miss", "{missed:?}");

    let tree = scene.tree("metrics");
    scene.save(&a, &tree);
    b.meet_holders();
    scene.restore(&b, "restored", &tree);

    let page = until_page(&b.daemon, "the restore is counted", |page| page.value("pollux_hits_total") > 0.0);
    page.is_of(Of::Nodes);
    papers(&page);
    assert!(page.labelled("pollux_misses_total", "reason", "nothing-saved") >= 1.0);
    let bytes = |source| page.labelled("pollux_delivered_bytes_total", "source", source);
    assert!(bytes("peer") + bytes("seed") > 0.0);
    assert!(page.value("pollux_received_bytes_total") > 0.0);
    assert!(page.value("pollux_store_chunks") > 0.0 && page.value("pollux_store_disk_free_bytes") > 0.0);
    assert_eq!((page.value("pollux_joined"), page.value("pollux_connected_seeds")), (1.0, 1.0));
    assert!(page.value("pollux_connected_members") >= 1.0);
    let restores = page.value("pollux_restore_seconds_count");
    assert!(restores >= 1.0 && page.value("pollux_answer_seconds_count") >= restores);

    let page = until_page(&a.daemon, "the save is counted", |page| {
        page.labelled("pollux_publishes_total", "result", "published") > 0.0
    });
    assert!(page.labelled("pollux_served_bytes_total", "class", "seed") > 0.0, "the seed pulled from here");

    let page = until_page(&scene.seed, "the save counts", |page| page.value("pollux_receipts_total") > 0.0);
    page.is_of(Of::Seeds);
    papers(&page);
    assert_eq!((page.value("pollux_seed_signing"), page.value("pollux_connected_members")), (1.0, 2.0));
    let lineage = KEY.rsplit_once('/').unwrap().0;
    let saved = page.labelled("pollux_lineage_newest_save_timestamp_seconds", "lineage", lineage);
    assert!(saved <= now() && saved > now() - 300.0, "{saved}");
    assert_eq!(page.value("pollux_lineages_left_out"), 0.0);
}

#[test]
fn a_node_without_a_seed_lives_and_is_not_ready() {
    let mut scene = Scene::open();
    scene.seed.kill().unwrap();
    let node = scene.node_with("alone", &with_metrics());
    assert_eq!(get(&node.daemon, "/livez"), (200, "ok\n".to_owned()));
    let (status, words) = get(&node.daemon, "/readyz");
    assert_eq!(status, 503);
    assert!(words.contains("no seed has let this node in yet"), "{words}");
    assert_eq!(Page::of(&node.daemon).value("pollux_joined"), 0.0);
    let without = scene.node("without");
    assert!(without.daemon.metrics.is_empty(), "off unless it is asked for");
}
