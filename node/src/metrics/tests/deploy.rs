//! What is deployed for operators names what there is.

use super::super::table::{Kind, METRICS, Metric};
use super::super::words;
use pollux_core::engine::MissReason;
use pollux_core::message::{OfferRefusal, Refusal};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// In no alert and no panel: for whoever looks into something.
const UNUSED: [&str; 9] = [
    "pollux_certified_total",
    "pollux_withdrawn_total",
    "pollux_unknown_messages_total",
    "pollux_banned_peers",
    "pollux_connected_seeds",
    "pollux_manifests",
    "pollux_yanks",
    "pollux_store_chunks",
    "pollux_root_version",
];

pub(super) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

pub(super) fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

/// Both files, the comments of the rules left out, and quotes as they are in expressions.
fn expressions() -> String {
    let rules = text("alerts.yml");
    let rules = rules.lines().filter(|line| !line.trim_start().starts_with('#'));
    rules.collect::<Vec<_>>().join("\n") + "\n" + &text("grafana.json").replace("\\\"", "\"")
}

/// Each name of a metric with what follows it. Recorded series have a colon; units and the dashboard's own names differ.
fn used(text: &str) -> Vec<(&str, &str)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_name) {
        rest = &rest[start..];
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.starts_with("pollux_") || name.starts_with("process_") {
            found.push((name, after));
        }
        rest = after;
    }
    found
}

fn metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().copied().find(|metric| match metric.kind {
        Kind::Histogram => ["_bucket", "_sum", "_count"]
            .iter()
            .any(|end| name.strip_suffix(end).is_some_and(|name| name == metric.name)),
        Kind::Counter | Kind::Gauge => name == metric.name,
    })
}

/// The values of a label where its list is closed.
fn values(metric: &Metric, label: &str) -> Option<Vec<&'static str>> {
    Some(match (metric.name, label) {
        ("pollux_misses_total", "reason") => MissReason::ALL.map(MissReason::name).to_vec(),
        ("pollux_chunks_failed_total", "reason") => words::FETCH_ENDS.to_vec(),
        ("pollux_offers_refused_total", "reason") => OfferRefusal::ALL.map(OfferRefusal::name).to_vec(),
        ("pollux_joins_refused_total", "reason") => Refusal::ALL.map(Refusal::name).to_vec(),
        ("pollux_join_refusals_total", "reason") => words::join_refusals(),
        ("pollux_delivered_bytes_total", "source") => words::SOURCES.to_vec(),
        ("pollux_served_bytes_total", "class") => words::CLASSES.to_vec(),
        ("pollux_evicted_bytes_total", "reason") => words::PRESSURES.to_vec(),
        ("pollux_sweeps_total", "result") => words::SWEEP_RESULTS.to_vec(),
        ("pollux_publishes_total", "result") => words::PUBLISH_RESULTS.to_vec(),
        _ => return None,
    })
}

/// What is wrong with the matchers that follow a name.
fn wrong_matchers(metric: &Metric, after: &str) -> Vec<String> {
    let Some((matchers, _)) = after.strip_prefix('{').and_then(|after| after.split_once('}')) else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    for matcher in matchers.split(',') {
        let (label, value) = matcher.split_once(['=', '!']).unwrap();
        let known = ["job", "instance"].contains(&label) || metric.labels.contains(&label);
        let value = value.trim_matches(['=', '~', '"']);
        let all = values(metric, label);
        let value_known = |value| all.as_ref().is_none_or(|all| all.contains(&value));
        if !known || !value.split('|').all(value_known) {
            wrong.push(format!("{}: {matcher}", metric.name));
        }
    }
    wrong
}

/// Names and matchers that do not exist.
fn wrong(text: &str) -> Vec<String> {
    let check = |(name, after): &(&str, &str)| match metric(name) {
        Some(metric) => wrong_matchers(metric, after),
        None => vec![(*name).to_owned()],
    };
    used(text).iter().flat_map(check).collect()
}

#[test]
fn alerts_and_dashboard_name_metrics_labels_and_values_that_exist() {
    assert_eq!(wrong(&expressions()), Vec::<String>::new());
}

#[test]
fn a_name_a_label_and_a_value_that_do_not_exist_are_found() {
    for text in [
        "rate(pollux_hit_total[1h])",
        "pollux_restore_seconds > 1",
        "pollux_misses_total{why=\"yanked\"}",
        "pollux_misses_total{reason=~\"yanked|stale\"}",
    ] {
        assert_eq!(wrong(text).len(), 1, "{text}");
    }
}

#[test]
fn every_metric_is_used_or_left_out_on_purpose() {
    let text = expressions();
    let used: BTreeSet<&str> =
        used(&text).into_iter().filter_map(|(name, _)| Some(metric(name)?.name)).collect();
    for metric in METRICS {
        assert_ne!(used.contains(metric.name), UNUSED.contains(&metric.name), "{}", metric.name);
    }
}

#[test]
fn every_alert_is_tried() {
    let tests = text("alerts_test.yml");
    let rules = text("alerts.yml");
    for name in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        let fires = format!("expr: ALERTS{{alertname=\"{name}\", alertstate=\"firing\"}}");
        assert!(tests.contains(&fires), "{name}");
    }
}

#[test]
fn an_alert_that_names_a_part_of_the_runbook_names_one_that_exists() {
    let (rules, runbook) = (text("alerts.yml"), text("RUNBOOK.md"));
    let headings: BTreeSet<&str> = runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let named: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("runbook: ")).collect();
    assert!(!named.is_empty());
    assert!(named.iter().all(|name| headings.contains(name)), "{named:?}");
}

#[test]
fn prometheus_finds_nothing_wrong_with_the_rules() {
    for (what, file) in [("check", "alerts.yml"), ("test", "alerts_test.yml")] {
        let Ok(said) = Command::new("promtool").args([what, "rules"]).arg(path(file)).output() else {
            println!("rules: skipped, since there is no promtool");
            return;
        };
        assert!(said.status.success(), "{said:?}");
    }
}
