//! What Grafana is to import, as far as it can be looked at without one. A story evaluates it over real daemons.

use super::deploy::text;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// Panels and units that Grafana has since its release 9, of those that are of use here.
const TYPES: [&str; 4] = ["stat", "timeseries", "heatmap", "table"];
const UNITS: [&str; 7] = ["short", "percentunit", "s", "d", "ops", "Bps", "bytes"];

fn dashboard() -> Value {
    serde_json::from_str(&text("grafana.json")).unwrap()
}

fn panels(dashboard: &Value) -> &Vec<Value> {
    dashboard["panels"].as_array().unwrap()
}

fn targets(panel: &Value) -> &Vec<Value> {
    panel["targets"].as_array().unwrap()
}

#[test]
fn panels_have_ids_places_words_and_units_of_their_own() {
    let dashboard = dashboard();
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let place = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{panel}");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(cells.insert((x, y)), "overlaps: {panel}");
            }
        }
        for words in [&panel["title"], &panel["description"], &panel["fieldConfig"]["defaults"]["unit"]] {
            assert!(words.as_str().is_some_and(|words| !words.is_empty()), "{panel}");
        }
        assert!(!panel["targets"].as_array().unwrap().is_empty(), "{panel}");
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<&str> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["datasource", "job", "instance"]);
}

#[test]
fn panels_are_of_types_with_units_that_grafana_has() {
    let dashboard = dashboard();
    // Releases 10 to 12 bring older layouts up to theirs; this one has what 10.0 has.
    assert_eq!(dashboard["schemaVersion"], 38);
    assert_eq!(dashboard["uid"], "pollux");
    for panel in panels(&dashboard) {
        let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap();
        assert!(UNITS.contains(&unit), "{panel}");
        assert!(TYPES.contains(&panel["type"].as_str().unwrap()), "{panel}");
    }
}

#[test]
fn everything_asks_the_chosen_data_source_for_the_chosen_pool_and_instances() {
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let source = serde_json::json!({"type": "prometheus", "uid": "${datasource}"});
    assert!(variables.iter().skip(1).all(|variable| variable["datasource"] == source));
    for panel in panels(&dashboard) {
        let mut refs = BTreeSet::new();
        assert_eq!(panel["datasource"], source, "{panel}");
        for target in targets(panel) {
            assert!(refs.insert(target["refId"].as_str().unwrap()), "{panel}");
            assert_eq!(target["datasource"], source, "{target}");
            let words = target["expr"].as_str().unwrap();
            let chosen = words.matches("{job=~\"$job\",instance=~\"$instance\"}").count();
            assert!(chosen > 0 && words.matches('{').count() == chosen, "{words}");
        }
    }
}

/// Without a window that follows the zoom, a rate is empty or coarse; what is about hours says so itself.
#[test]
fn rates_are_over_grafanas_own_window() {
    let dashboard = dashboard();
    let all = panels(&dashboard).iter().flat_map(targets);
    for words in all.map(|target| target["expr"].as_str().unwrap()) {
        for window in words.split('[').skip(1) {
            assert!(["$__rate_interval]", "6h]"].iter().any(|known| window.starts_with(known)), "{words}");
        }
    }
}

#[test]
fn prometheus_can_read_every_expression() {
    let dashboard = dashboard();
    let all = panels(&dashboard).iter().flat_map(targets);
    let rules: Vec<Value> = all
        .enumerate()
        .map(|(number, target)| {
            let words = target["expr"].as_str().unwrap().replace("$__rate_interval", "4m");
            serde_json::json!({"record": format!("panel:{number}"), "expr": words})
        })
        .collect();
    assert!(rules.len() > 40);
    let file = tempfile::NamedTempFile::new().unwrap();
    let groups = serde_json::json!({"groups": [{"name": "panels", "rules": rules}]});
    // What is JSON is YAML.
    std::fs::write(file.path(), groups.to_string()).unwrap();
    match Command::new("promtool").args(["check", "rules"]).arg(file.path()).output() {
        Ok(said) => assert!(said.status.success(), "{said:?}"),
        Err(_) => println!("panels: skipped, since there is no promtool"),
    }
}
