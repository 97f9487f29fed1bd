//! What was published is taken back while the pool runs: nobody restores it any more, and jobs that did are told.

use crate::fleet::Fleet;
use crate::scene::{KEY, Node, names, until};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How long a yank may take to reach a node that runs.
const REACHES_WITHIN: Duration = Duration::from_secs(60);

/// What `pollux status --job` says: its exit status, and the manifests that were taken back.
fn taken_back(node: &Node) -> (Option<i32>, Vec<String>) {
    let told = node.pollux.run(&["status", "--job", "--json"]).unwrap();
    let all = told.json()["taken_back"].as_array().cloned().unwrap_or_default();
    (told.status, all.iter().map(|one| one["manifest"].as_str().unwrap().to_owned()).collect())
}

/// A node that was restarted, one with a warm store, one that saved: all are told, with so many seeds.
fn reaches_running_nodes(seeds: usize) {
    let fleet = Fleet::open(seeds);
    let (a, b, mut c) = (fleet.node("a"), fleet.node("b"), fleet.node("c"));
    let (before, poisoned) = (fleet.tree("before"), fleet.tree("poisoned"));
    fleet.save(&a, &before);
    let bad = fleet.save(&a, &poisoned);
    fleet.restore(&b, "b-first", &poisoned);
    fleet.restore(&c, "c-first", &poisoned);
    assert_eq!(taken_back(&b), (Some(0), vec![]));
    c.daemon.kill().unwrap();
    let c = fleet.node("c");
    let began = Instant::now();
    fleet.yank(&a, &bad);
    // Whoever asks next is told with the answer; whoever does not ask, all the same.
    fleet.restore(&b, "b-second", &before);
    fleet.restore(&c, "c-second", &before);
    for node in [&a, &b, &c] {
        until("it is served no more", || node.daemon.log_text().contains("a manifest is served no more"));
        assert_eq!(node.pollux.status().unwrap()["engine"]["yanks"], 1);
    }
    assert!(began.elapsed() < REACHES_WITHIN, "{:?}", began.elapsed());
    assert_eq!(taken_back(&a), (Some(0), vec![]), "no job restored anything there");
    assert_eq!(taken_back(&b), (Some(9), vec![bad]));
    let words = b.pollux.run(&["status", "--job"]).unwrap();
    assert!(words.stdout.starts_with(KEY) && words.stdout.contains("left-pad was taken over"), "{words:?}");
    fleet.restore(&a, "a-first", &before);
}

#[test]
fn yank_reaches_running_nodes() {
    reaches_running_nodes(1);
}

#[test]
fn yank_reaches_running_nodes_of_three_seeds() {
    reaches_running_nodes(3);
}

#[test]
fn yank_reaches_a_node_that_asks_nothing() {
    let fleet = Fleet::open(1);
    let (a, b) = (fleet.node("a"), fleet.node("b"));
    let tree = fleet.tree("tree");
    let bad = fleet.save(&a, &tree);
    fleet.restore(&b, "b-first", &tree);
    fleet.yank(&a, &bad);
    until("the job is told", || taken_back(&b) == (Some(9), vec![bad.clone()]));
    assert_eq!(fleet.miss(&b, "b-second").text("/reason"), "yanked");
}

/// What was taken back has its place and nothing more: the key goes on.
#[test]
fn a_key_is_saved_again_after_its_yank() {
    for seeds in [1, 3] {
        let fleet = Fleet::open(seeds);
        let (a, b) = (fleet.node("a"), fleet.node("b"));
        let (good, bad, next) = (fleet.tree("good"), fleet.tree("bad"), fleet.tree("next"));
        fleet.save(&a, &good);
        let taken = fleet.save(&a, &bad);
        fleet.yank(&a, &taken);
        until("the one before answers", || {
            let target = fleet.path("restored").join("probe");
            drop(std::fs::remove_dir_all(&target));
            b.pollux.restore(KEY, &target, &[]).unwrap().number("/sequence") == 1
        });
        fleet.save(&b, &next);
        let restored = fleet.restore(&a, "a-next", &next);
        assert_eq!(restored.number("/sequence"), 3, "{restored:?}");
        fleet.yank(&a, &restored.text("/manifest"));
    }
}

/// Begins to restore [`KEY`], and holds the job once it has begun to write.
fn hold_restore(fleet: &Fleet, node: &Node, place: &str) -> Child {
    let target = fleet.path(place).join("target");
    std::fs::create_dir(fleet.path(place)).unwrap();
    let mut arguments =
        vec![OsStr::new("restore"), OsStr::new("--json"), OsStr::new(KEY), target.as_os_str()];
    arguments.extend(["--answer-timeout", "10", "--progress-timeout", "60"].map(OsStr::new));
    let mut command = node.pollux.command(&arguments);
    let job = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("it writes", || !names(&fleet.path(place)).is_empty());
    kill_process(Pid::from_child(&job), Signal::STOP).unwrap();
    assert!(!target.exists(), "it is still under way");
    job
}

#[test]
fn a_restore_under_way_of_what_is_taken_back_ends_as_a_miss() {
    let fleet = Fleet::open(1);
    let (a, b) = (fleet.node("a"), fleet.node("b"));
    let tree = fleet.tree("tree");
    for number in 0..4 {
        let name = format!("huge-{number}.bin");
        std::fs::write(tree.join(&name), pollux_tests::fill(&name, 16 << 20)).unwrap();
    }
    let bad = fleet.save(&a, &tree);
    let job = hold_restore(&fleet, &b, "place");
    fleet.yank(&a, &bad);
    until("it is served no more", || b.daemon.log_text().contains("a manifest is served no more"));
    kill_process(Pid::from_child(&job), Signal::CONT).unwrap();
    let ended = job.wait_with_output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(
        (ended.status.code(), &told["result"], &told["reason"]),
        (Some(0), &"miss".into(), &"yanked".into())
    );
    assert_eq!(names(&fleet.path("place")), [""; 0], "nothing is left behind");
    assert_eq!(taken_back(&b), (Some(9), vec![bad]), "it had begun to use it");
}

/// A job restores [`KEY`], adds something, and saves it again.
pub(crate) fn save_on(fleet: &Fleet, node: &Node, label: &str) -> String {
    let (report, tree) = (fleet.path(&format!("{label}.json")), fleet.path(label));
    let report = report.to_str().unwrap();
    let restored = node.pollux.restore(KEY, &tree, &["--report", report]).unwrap();
    assert_eq!(restored.result(), "hit", "{restored:?}");
    std::fs::write(tree.join(label), label).unwrap();
    let saved = node.pollux.save(KEY, &tree, &fleet.pool.publisher(), &["--restored", report]).unwrap();
    assert_eq!(saved.result(), "saved", "{saved:?}");
    saved.text("/manifest")
}

#[test]
fn yank_falls_back_to_the_one_before() {
    let fleet = Fleet::open(3);
    let (a, b) = (fleet.node("a"), fleet.node("b"));
    let good = fleet.tree("good");
    let first = fleet.save(&a, &good);
    let bad = save_on(&fleet, &a, "poisoned");
    save_on(&fleet, &b, "child of poison");
    let yanked = fleet.yank(&a, &bad);
    assert_eq!((yanked.number("/taken"), yanked.text("/losses/0/next/manifest")), (2, first), "{yanked:?}");
    fleet.restore(&b, "b", &good);
    fleet.restore(&fleet.node("late"), "late", &good);
    let shown = b.pollux.run(&["verify", KEY, "--pool", fleet.pool.pool_file().to_str().unwrap()]).unwrap();
    assert_eq!(shown.status, Some(0), "{shown:?}");
    let next = yanked.text("/losses/0/next/manifest");
    let all = fleet.yank(&b, &next);
    assert_eq!(all.json()["losses"][0]["next"], serde_json::Value::Null, "{all:?}");
    fleet.miss(&a, "a-last");
}
