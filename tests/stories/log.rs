//! Who published what, from what, and what was taken back: also after the seed was killed, and when nobody keeps it.

use crate::fleet::Fleet;
use crate::scene::{KEY, Node, until};
use crate::yank::save_on;
use pollux_tests::NodeOptions;
use serde_json::Value;

/// Seconds after which no save of a story is alive, and its policy still is.
const LATER: &str = "5184000";

/// The entries of one kind, as this node hears them.
fn entries(node: &Node, what: &str, arguments: &[&str]) -> Vec<Value> {
    let log = node.pollux.run(&[&["log", "--json"], arguments].concat()).unwrap();
    assert_eq!(log.status, Some(0), "{log:?}");
    let log = log.json();
    assert!(log["seed"].is_string() && log["cut_short"] == false, "{log}");
    let entries = log["entries"].as_array().unwrap().iter();
    entries.filter(|entry| entry["what"] == what).cloned().collect()
}

fn manifests(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["manifest"].as_str().unwrap()).collect()
}

fn until_seed_is_back(node: &Node) {
    node.until("the seed is back", |status| status["engine"]["seeds_connected"].as_u64() > Some(0));
}

#[test]
fn a_pool_remembers_who_published_what_from_what() {
    let mut fleet = Fleet::open(1);
    let (a, b) = (fleet.node("a"), fleet.node("b"));
    let tree = fleet.tree("first");
    let told = ["--provenance", "project=core", "--provenance", "build=b1"];
    let saved = a.pollux.save(KEY, &tree, &fleet.pool.publisher(), &told).unwrap();
    let first = saved.text("/manifest");
    let second = save_on(&fleet, &b, "second");
    let third = save_on(&fleet, &a, "third");
    let other = a.pollux.save("story/other/npm/x/1", &tree, &fleet.pool.publisher(), &[]).unwrap();
    assert_eq!(other.result(), "saved", "{other:?}");

    let published = entries(&b, "published", &["story/main/**"]);
    assert_eq!(manifests(&published), [&first, &second, &third]);
    assert_eq!(published[0]["provenance"]["build"], "b1");
    assert_eq!(published[2]["ancestors"], serde_json::json!([second, first]));
    let derived = entries(&b, "published", &["--derived-from", &second[..12]]);
    assert_eq!(manifests(&derived), [&second, &third]);

    fleet.yank(&a, &second);
    let published = entries(&b, "published", &[]);
    let taken: Vec<bool> = published.iter().map(|entry| entry["taken_back"].is_array()).collect();
    assert_eq!(taken, [false, true, true, false]);
    assert_eq!(published[2]["taken_back"][0]["ancestor"], second.as_str());
    assert_eq!(published[2]["taken_back"][0]["reason"], "left-pad was taken over");

    // kill -9 loses none of it.
    fleet.seeds[0].kill().unwrap();
    fleet.start(0, &NodeOptions::default());
    let seed = fleet.seed(0);
    until("a node is back", || seed.status().unwrap()["engine"]["peers"].as_u64() > Some(0));
    until_seed_is_back(&b);
    assert_eq!(entries(&b, "published", &[]), published);
    assert_eq!(entries(&b, "yanked", &[]).len(), 1);
    let words = b.pollux.run(&["log", KEY]).unwrap().stdout;
    assert!(words.contains("taken back by") && words.contains("build b1"), "{words}");

    // Two months later nobody keeps any of these saves, and the log still tells of them.
    let flags = vec!["--wall-clock-shift".to_owned(), LATER.to_owned()];
    let later = NodeOptions { flags, ..NodeOptions::default() };
    fleet.seeds[0].kill().unwrap();
    fleet.start(0, &later);
    let c = fleet.node_with("c", &later);
    let listed = c.pollux.run(&["ls", "--json"]).unwrap().json();
    assert_eq!((&listed["rows"], &listed["from_seed"]), (&serde_json::json!([]), &true.into()));
    assert_eq!(entries(&c, "published", &[]), published);
    let derived = entries(&c, "published", &["--derived-from", &first]);
    assert_eq!(manifests(&derived), [&first, &second, &third]);
}
