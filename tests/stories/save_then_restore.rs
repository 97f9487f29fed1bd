//! The main job: saved on one instance, restored on another, file for file the same.

use crate::scene::{KEY, Scene, names, same};
use std::fs;

#[test]
fn what_was_saved_on_one_is_restored_on_another() {
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let tree = scene.tree("tree");
    let saved = scene.save(&a, &tree);
    assert_eq!(saved.number("/sequence"), 1);
    assert_eq!(saved.number("/receipts"), 1);
    let restored = scene.restore(&b, "restored", &tree);
    assert_eq!(restored.number("/sources/local/chunks"), 0);
    let again = scene.restore(&b, "again", &tree);
    assert_eq!(again.number("/sources/seeds/chunks"), 0, "{again:?}");
    assert!(again.number("/sources/local/chunks") > 0);
}

#[test]
fn a_key_of_one_segment_is_a_key_too() {
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let tree = scene.tree("tree");
    let saved = a.pollux.save("alone", &tree, &scene.pool.publisher(), &[]).unwrap();
    assert_eq!(saved.result(), "saved", "{saved:?}");
    let target = scene.path("target");
    let restored = b.pollux.restore("alone", &target, &[]).unwrap();
    assert_eq!(restored.result(), "hit", "{restored:?}");
    same(&tree, &target);
}

#[test]
fn the_same_tree_is_not_published_again() {
    let scene = Scene::open();
    let a = scene.node("a");
    let tree = scene.tree("tree");
    scene.save(&a, &tree);
    let again = a.pollux.save(KEY, &tree, &scene.pool.publisher(), &[]).unwrap();
    assert_eq!((again.status, again.result().as_str()), (Some(0), "unchanged"), "{again:?}");
    assert_eq!(again.number("/new_chunks"), 0);
}

#[test]
fn the_newest_of_several_saves_is_restored() {
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let tree = scene.tree("tree");
    scene.save(&a, &tree);
    fs::write(tree.join("new file"), "new").unwrap();
    let second = scene.save(&a, &tree);
    assert_eq!(second.number("/sequence"), 2);
    scene.restore(&b, "restored", &tree);
}

#[test]
fn a_fallback_answers_where_the_key_has_nothing() {
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let tree = scene.tree("tree");
    scene.save(&a, &tree);
    let other = "story/main/npm/debian12-x86_64/node20-2";
    let lineage = "story/main/npm/debian12-x86_64";
    let target = scene.path("target");
    let found = b.pollux.restore(other, &target, &["--fallback", lineage]).unwrap();
    assert_eq!((found.result().as_str(), found.text("/fallback").as_str()), ("hit", lineage), "{found:?}");
    same(&tree, &target);
    let elsewhere = b.pollux.restore(other, &scene.path("none"), &["--fallback", "story/main/npm"]).unwrap();
    assert_eq!(elsewhere.text("/reason"), "nothing-saved", "a fallback matches only keys directly in it");
}

#[test]
fn paths_and_excludes_choose_what_is_saved() {
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let tree = scene.tree("tree");
    let publisher = scene.pool.publisher();
    let more = ["lib", "run.sh", "--exclude", "lib/module-1*"];
    let saved = a.pollux.save(KEY, &tree, &publisher, &more).unwrap();
    assert_eq!(saved.result(), "saved", "{saved:?}");
    let target = scene.path("target");
    assert_eq!(b.pollux.restore(KEY, &target, &[]).unwrap().result(), "hit");
    assert_eq!(names(&target), ["lib", "run.sh"]);
    assert!(target.join("lib/module-2.js").exists());
    assert!(!target.join("lib/module-1.js").exists());
}

#[test]
fn a_filled_target_is_a_miss_until_a_flag_says_what_to_do() {
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let tree = scene.tree("tree");
    let publisher = scene.pool.publisher();
    assert_eq!(a.pollux.save(KEY, &tree, &publisher, &["lib"]).unwrap().result(), "saved");
    let target = scene.path("target");
    fs::create_dir_all(target.join("lib")).unwrap();
    fs::write(target.join("lib/module-2.js"), "mine").unwrap();
    fs::write(target.join("other"), "mine").unwrap();
    let refused = b.pollux.restore(KEY, &target, &[]).unwrap();
    assert_eq!((refused.status, refused.text("/reason").as_str()), (Some(0), "target"), "{refused:?}");
    assert!(refused.text("/words").contains("--merge"), "{refused:?}");
    assert_eq!(names(&target.join("lib")), ["module-2.js"]);

    assert_eq!(b.pollux.restore(KEY, &target, &["--merge"]).unwrap().result(), "hit");
    assert_eq!(fs::read_to_string(target.join("lib/module-2.js")).unwrap(), "mine");
    assert!(target.join("lib/module-3.js").exists());

    assert_eq!(b.pollux.restore(KEY, &target, &["--replace"]).unwrap().result(), "hit");
    same(&tree.join("lib"), &target.join("lib"));
    assert_eq!(fs::read_to_string(target.join("other")).unwrap(), "mine");
}

#[test]
fn what_is_there_can_be_listed_and_shown() {
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let tree = scene.tree("tree");
    let saved = scene.save(&a, &tree);
    let listed = b.pollux.run(&["ls", "--json"]).unwrap().json();
    assert_eq!(listed["rows"][0]["key"], KEY);
    assert_eq!(listed["from_seed"], true);
    let covered = b.pollux.run(&["ls", "--json", "story/*/npm/**"]).unwrap().json();
    assert_eq!(covered["rows"].as_array().map(Vec::len), Some(1));
    let other = b.pollux.run(&["ls", "--json", "other/**"]).unwrap().json();
    assert_eq!(other["rows"].as_array().map(Vec::len), Some(0));
    let by_key = b.pollux.run(&["show", "--json", "--files", KEY]).unwrap().json();
    assert_eq!(by_key["manifest_id"], saved.text("/manifest"));
    assert!(by_key["files"].as_array().unwrap().iter().any(|file| file["path"] == "run.sh"));
    let digits: String = saved.text("/manifest").chars().take(10).collect();
    let by_digits = b.pollux.run(&["show", "--json", &digits]).unwrap().json();
    assert_eq!(by_digits["manifest_id"], saved.text("/manifest"));
    let words = b.pollux.run(&["show", KEY]).unwrap().stdout;
    assert!(words.contains("signed by") && words.contains("receipt"), "{words}");
}

#[test]
fn a_report_tells_a_later_save_what_it_descends_from() {
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let tree = scene.tree("tree");
    let first = scene.save(&a, &tree);
    let (target, report) = (scene.path("target"), scene.path("report.json"));
    let report_text = report.to_str().unwrap();
    assert_eq!(b.pollux.restore(KEY, &target, &["--report", report_text]).unwrap().result(), "hit");
    fs::write(target.join("more"), "more").unwrap();
    let publisher = scene.pool.publisher();
    let second = b.pollux.save(KEY, &target, &publisher, &["--restored", report_text]).unwrap();
    assert_eq!(second.result(), "saved", "{second:?}");
    let shown = a.pollux.run(&["show", "--json", KEY]).unwrap().json();
    assert_eq!(shown["manifest"]["ancestors"][0], first.text("/manifest"));
    assert_eq!(shown["manifest"]["generation"], 2);
}
