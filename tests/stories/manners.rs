//! A node and a seed in somebody else's machine: a job that fills the disk gets its room within a second, peers get what the
//! operator allows, and a seed says in time that it is full.

use crate::byte_share::noise;
use crate::metrics::{METRICS_FLAGS, Page};
use crate::scene::{Node, Scene, is_root, same, until};
use pollux_tests::{Daemon, Finished, NodeOptions};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const MEGABYTE: usize = 1_000_000;

/// A small file system of its own; unmounted at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: PathBuf, megabytes: u32) -> Self {
        std::fs::create_dir(&path).unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(&path).status();
        assert!(mounted.unwrap().success(), "root may mount a tmpfs");
        Self(path)
    }

    fn free_bytes(&self) -> u64 {
        let found = rustix::fs::statvfs(&self.0).unwrap();
        found.f_bavail * found.f_frsize
    }

    /// What a job writes.
    fn fill(&self, name: &str, bytes: usize) {
        std::fs::write(self.0.join(name), vec![1; bytes]).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

fn options(flags: &[&str]) -> NodeOptions {
    NodeOptions { flags: flags.iter().map(|flag| (*flag).to_owned()).collect(), ..NodeOptions::default() }
}

fn key(number: usize) -> String {
    format!("story/main/npm/debian12-x86_64/node20-{number}")
}

fn cache(scene: &Scene, number: usize, bytes: usize) -> PathBuf {
    let path = scene.path(&format!("cache-{number}"));
    noise(&path, &format!("noise {number}"), bytes);
    path
}

fn save(scene: &Scene, node: &Node, number: usize, tree: &Path) {
    let saved = node.pollux.save(&key(number), tree, &scene.pool.publisher(), &[]).unwrap();
    assert_eq!((saved.status, saved.result().as_str()), (Some(0), "saved"), "{saved:?}");
}

fn restore(scene: &Scene, node: &Node, number: usize, tree: &Path, name: &str) -> Finished {
    let target = scene.path(name);
    let restored = node.pollux.restore(&key(number), &target, &[]).unwrap();
    assert_eq!((restored.status, restored.result().as_str()), (Some(0), "hit"), "{restored:?}");
    same(tree, &target);
    restored
}

/// A number that the last line of a log with this message has.
fn logged(daemon: &Daemon, message: &str, field: &str) -> Option<u64> {
    let log = daemon.log_text();
    let line = log.lines().rfind(|line| line.contains(message))?;
    line.split_whitespace().find_map(|word| word.strip_prefix(&format!("{field}=")))?.parse().ok()
}

#[test]
fn a_job_that_fills_the_disk_gets_room_within_a_second_and_restores_go_on() {
    if !is_root("a_job_that_fills_the_disk_gets_room_within_a_second_and_restores_go_on") {
        return;
    }
    let scene = Scene::open();
    let disk = SmallDisk::mount(scene.path("disk"), 200);
    let a = scene.node("a");
    let small = ["--store-bytes-max", "150000000", "--store-free-bytes-min", "60000000"];
    let small = [&small[..], &METRICS_FLAGS].concat();
    let b = scene.node_with("b", &NodeOptions { store: Some(disk.0.join("store")), ..options(&small) });
    let trees: Vec<PathBuf> = (0..3).map(|number| cache(&scene, number, 24 * MEGABYTE)).collect();
    for (number, tree) in trees.iter().enumerate() {
        save(&scene, &a, number, tree);
        restore(&scene, &b, number, tree, &format!("first-{number}"));
    }
    b.until("everything is kept", |status| status["store_bytes"].as_u64() > Some(72_000_000));

    disk.fill("the job's", 95 * MEGABYTE);
    until("room comes back", || disk.free_bytes() >= 60_000_000);
    let message = "the store gave room back";
    until("it is said", || logged(&b.daemon, message, "millis").is_some());
    assert!(
        logged(&b.daemon, message, "millis") < Some(700),
        "with a look every 250 ms: {}",
        b.daemon.log_end()
    );
    assert!(logged(&b.daemon, message, "bytes") > Some(0));
    assert!(logged(&b.daemon, message, "manifests") > Some(0));
    let evicted = || Page::of(&b.daemon).labelled("pollux_evicted_bytes_total", "reason", "disk-short");
    until("it is counted", || evicted() > 0.0 && Page::of(&b.daemon).value("pollux_let_go_total") > 0.0);
    let free_min = Page::of(&b.daemon).value("pollux_store_disk_free_min_bytes");
    assert!((free_min - 60_000_000.0).abs() < 0.5, "{free_min}");

    let newest = restore(&scene, &b, 2, &trees[2], "second-2");
    let oldest = restore(&scene, &b, 0, &trees[0], "second-0");
    let local = |restored: &Finished| restored.number("/sources/local/chunks");
    assert!(local(&newest) > local(&oldest), "what was used last stays longest: {newest:?} {oldest:?}");
    assert!(disk.free_bytes() >= 59_000_000, "the store keeps off what is left");
    std::fs::remove_file(disk.0.join("the job's")).unwrap();
    restore(&scene, &b, 1, &trees[1], "third-1");
}

#[test]
fn peers_get_as_much_each_second_as_the_operator_allows() {
    let scene = Scene::with_seed(&options(&["--upload-bytes-per-second", "4000000"]));
    let (a, b) = (scene.node("a"), scene.node("b"));
    let tree = cache(&scene, 0, 8 * MEGABYTE);
    save(&scene, &a, 0, &tree);
    drop(a);
    let began = Instant::now();
    restore(&scene, &b, 0, &tree, "restored");
    let took = began.elapsed();
    assert!(took > Duration::from_millis(1_800), "8 MB at 4 MB/s take two seconds, not {took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
}

/// The niceness of each thread that works.
fn niceness(process: u32) -> Vec<i32> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let told = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("stat")).ok());
    let working = told.filter(|stat| stat.contains("(pollux)"));
    working
        .map(|stat| stat.rsplit_once(')').unwrap().1.split_whitespace().nth(16).unwrap().parse().unwrap())
        .collect()
}

#[test]
fn a_node_gives_way_to_jobs_and_a_seed_does_not() {
    let scene = Scene::open();
    let (node, nicer) = (scene.node("a"), scene.node_with("b", &options(&["--nice", "12"])));
    // Whoever runs the tests may have made them nicer than that.
    let mine = rustix::process::getpriority_process(None).unwrap();
    for (daemon, expected) in [(&node.daemon, 5), (&nicer.daemon, 12), (&scene.seed, 0)] {
        let found = niceness(daemon.pid());
        assert!(!found.is_empty() && found.iter().all(|&nice| nice == expected.max(mine)), "{found:?}");
    }
}

#[test]
fn a_node_that_serves_nobody_restores_and_saves_all_the_same() {
    let scene = Scene::open();
    let a = scene.node_with("a", &options(&["--upload-bytes-per-second", "0"]));
    let b = scene.node("b");
    let tree = cache(&scene, 0, 3 * MEGABYTE);
    save(&scene, &a, 0, &tree);
    let restored = restore(&scene, &b, 0, &tree, "restored");
    assert_eq!(restored.number("/sources/peers/chunks"), 0, "{restored:?}");
    save(&scene, &b, 1, &cache(&scene, 1, MEGABYTE));
    restore(&scene, &a, 1, &scene.path("cache-1"), "at-a");
}

#[test]
fn a_seed_warns_when_it_is_nearly_full_and_refuses_saves_in_words_before_it_is() {
    let small = ["--store-bytes-max", "20000000"];
    let scene = Scene::with_seed(&options(&[&small[..], &METRICS_FLAGS].concat()));
    let a = scene.node("a");
    let said = |what: &str| scene.seed.log_text().contains(what);
    save(&scene, &a, 0, &cache(&scene, 0, 17 * MEGABYTE));
    until("a warning", || said("the store is four fifths full"));
    save(&scene, &a, 1, &cache(&scene, 1, 2 * MEGABYTE + MEGABYTE / 4));
    until("the seed is full", || said("saves are refused"));
    let refused =
        a.pollux.save(&key(2), &cache(&scene, 2, MEGABYTE / 4), &scene.pool.publisher(), &[]).unwrap();
    assert_eq!(refused.status, Some(5), "{refused:?}");
    assert!(refused.stderr.contains("full"), "{refused:?}");
    let page = Page::of(&scene.seed);
    assert!(page.labelled("pollux_offers_refused_total", "reason", "full") > 0.0);
    assert!(page.value("pollux_store_bytes") > 0.95 * page.value("pollux_store_possible_bytes"));
    let b = scene.node("b");
    restore(&scene, &b, 0, &scene.path("cache-0"), "restored");
}
