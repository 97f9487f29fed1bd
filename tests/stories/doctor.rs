//! An operator asks what is wrong: with a pool that works, and with what is broken one after the other.

use crate::scene::{KEY, Node, Scene};
use crate::secrets::{holds, spellings};
use crate::signed_elsewhere::{publish, state};
use pollux_client::key_file;
use pollux_client::statement::Statement;
use pollux_core::{Envelope, PoolFile};
use pollux_tests::{NodeOptions, Pollux};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The exit status, and name and words of each check that comes out so (`wrong`, `warning`).
pub(crate) fn judged(pollux: &Pollux, pool: &Path, level: &str) -> (Option<i32>, Vec<(String, String)>) {
    let told = pollux.run(&["doctor", "--json", "--pool", pool.to_str().unwrap()]).unwrap();
    let report = told.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = report["checks"].as_array().unwrap_or_else(|| panic!("{told:?}")).iter();
    let found = checks.filter(|check| check["level"] == level);
    let words = |check: &Value| ["what", "why", "todo"].map(|field| text(&check[field])).join(" | ");
    (told.status, found.map(|check| (text(&check["check"]), words(check))).collect())
}

fn wrong(node: &Node, scene: &Scene) -> (Option<i32>, Vec<(String, String)>) {
    judged(&node.pollux, &scene.pool.pool_file(), "wrong")
}

pub(crate) fn names(found: &[(String, String)]) -> Vec<&str> {
    found.iter().map(|(name, _)| name.as_str()).collect()
}

fn joined(node: &Node) {
    node.until("joined", |status| status["engine"]["joined"] == true);
}

#[test]
fn doctor_is_content_and_names_a_seed_that_is_down() {
    let mut scene = Scene::open();
    let node = scene.node("node");
    joined(&node);
    let tree = scene.tree("tree");
    scene.save(&node, &tree);
    assert_eq!(wrong(&node, &scene), (Some(0), Vec::new()));
    let seed = Node {
        pollux: scene.pool.pollux(&scene.seed),
        daemon: scene.pool.node("other", &NodeOptions::default()).unwrap(),
    };
    assert_eq!(wrong(&seed, &scene), (Some(0), Vec::new()), "the seed itself is well");
    let status = node.pollux.status().unwrap();
    assert_eq!(
        (&status["seeds"][0]["agrees"], &status["asked"]["published"]),
        (&Value::Bool(true), &1.into()),
        "{status}"
    );
    let screen = node.pollux.run(&["status"]).unwrap().stdout;
    assert!(screen.contains("1 of 1 reached, 1 go by the same papers"), "{screen}");
    scene.seed.kill().unwrap();
    node.until("the seed is missed", |status| status["engine"]["seeds_connected"] == 0);
    let (status, found) = wrong(&node, &scene);
    assert_eq!((status, names(&found)), (Some(1), vec!["address", "seeds"]), "{found:?}");
    assert!(found[0].1.contains("the connection is refused"), "{found:?}");
}

#[test]
fn a_bug_report_of_a_live_pool_holds_no_secret() {
    let scene = Scene::open();
    let loud = NodeOptions { flags: vec!["--log".to_owned(), "trace".to_owned()], ..NodeOptions::default() };
    let node = scene.node_with("node", &loud);
    joined(&node);
    let tree = scene.tree("tree");
    scene.save(&node, &tree);
    // Something to be warned of: what is published was signed by a key that may not.
    let forged = scene.path("forged.json");
    state(&node, &tree, "story/other/1", &forged);
    let manifest = Statement::from_json(&fs::read_to_string(&forged).unwrap()).unwrap().manifest().unwrap();
    let stranger = key_file::read(&scene.pool.keys().join("yank.pem")).unwrap();
    fs::write(&forged, Envelope::sign(&manifest, &stranger).to_json()).unwrap();
    let refused = publish(&node, &forged);
    assert_eq!(refused.status, Some(5), "{refused:?}");
    let out = scene.path("report.txt");
    let told = node.pollux.run(&["bugreport", "-o", out.to_str().unwrap()]).unwrap();
    assert_eq!(told.status, Some(0), "{told:?}");
    let report = fs::read_to_string(&out).unwrap();
    let warned = report.contains("a save of a job here is refused") && report.contains("story/other/1");
    assert!(warned, "the latest warnings are in it: {report}");
    let keys = fs::read_dir(scene.pool.keys()).unwrap().map(|entry| entry.unwrap().path());
    let keys: Vec<PathBuf> = keys.filter(|path| path.extension().is_some_and(|end| end == "pem")).collect();
    assert!(keys.len() >= 5, "{keys:?}");
    for key in &keys {
        let told = spellings(key).iter().any(|secret| holds(report.as_bytes(), secret));
        assert!(!told, "{key:?} is in {report}");
    }
    let token = serde_json::to_value(
        PoolFile::from_json(&fs::read_to_string(scene.pool.pool_file()).unwrap()).unwrap().token,
    );
    let token = token.unwrap();
    for part in [&token["payload"], &token["signatures"][0]["sig"]] {
        assert!(!report.contains(part.as_str().unwrap()), "the token is in {report}");
    }
}

/// Two saves of one lineage that share most of what they hold.
#[test]
fn usage_counts_what_saves_share_once() {
    let scene = Scene::open();
    let node = scene.node("node");
    let tree = scene.tree("tree");
    scene.save(&node, &tree);
    fs::write(tree.join("one-more"), "x".repeat(200_000)).unwrap();
    let (lineage, _) = KEY.rsplit_once('/').unwrap();
    let second = format!("{lineage}/second");
    let saved = node.pollux.save(&second, &tree, &scene.pool.publisher(), &[]).unwrap();
    assert_eq!(saved.status, Some(0), "{saved:?}");
    let reader = scene.node("reader");
    joined(&reader);
    let usage = reader.pollux.run(&["usage", "story/**", "--json"]).unwrap();
    assert_eq!(
        (usage.status, usage.number("/saves"), usage.number("/counted_saves")),
        (Some(0), 2, 2),
        "{usage:?}"
    );
    let (logical, unique) = (usage.number("/logical_bytes"), usage.number("/unique_bytes"));
    assert!(unique > 0 && unique < logical, "{usage:?}");
    let added = usage.number("/lineages/0/rows/1/added_bytes");
    assert!(added > 0 && added < logical / 2, "{usage:?}");
}
