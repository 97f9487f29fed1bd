//! A full disk is a refused write, never a crash, and never a wrong byte.

use crate::scene::{KEY, Scene, is_root, names};
use pollux_tests::NodeOptions;
use std::path::Path;
use std::process::Command;

fn small_store() -> NodeOptions {
    let flags = ["--store-bytes-max", "1000000"].map(str::to_owned).to_vec();
    NodeOptions { flags, ..NodeOptions::default() }
}

#[test]
fn a_job_gets_its_cache_through_a_node_whose_store_is_full() {
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node_with("b", &small_store()));
    let tree = scene.tree("tree");
    scene.save(&a, &tree);
    scene.restore(&b, "restored", &tree);
    let status = b.pollux.status().unwrap();
    assert!(status["store_bytes"].as_u64() <= Some(1_000_000), "{status}");
}

#[test]
fn a_save_into_a_full_node_fails_with_words_and_the_node_lives() {
    let scene = Scene::open();
    let a = scene.node_with("a", &small_store());
    let tree = scene.tree("tree");
    let failed = a.pollux.save(KEY, &tree, &scene.pool.publisher(), &[]).unwrap();
    assert_eq!(failed.status, Some(1), "{failed:?}");
    assert!(failed.stderr.contains("full"), "{failed:?}");
    assert_eq!(a.pollux.status().unwrap()["role"], "node");
}

#[test]
fn a_full_seed_refuses_and_says_so() {
    let scene = Scene::with_seed(&small_store());
    let a = scene.node("a");
    let tree = scene.tree("tree");
    let failed = a.pollux.save(KEY, &tree, &scene.pool.publisher(), &[]).unwrap();
    assert_eq!(failed.status, Some(5), "{failed:?}");
    assert!(failed.stderr.contains("full"), "{failed:?}");
}

/// A small file system of its own; unmounted at the end.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(path: &'a Path) -> Self {
        std::fs::create_dir(path).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(path).status();
        assert!(mounted.unwrap().success(), "root may mount a tmpfs");
        Self(path)
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0).status());
    }
}

#[test]
fn a_target_without_room_is_a_miss_and_stays_as_it_was() {
    if !is_root("a_target_without_room_is_a_miss_and_stays_as_it_was") {
        return;
    }
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let tree = scene.tree("tree");
    scene.save(&a, &tree);
    let path = scene.path("small");
    let disk = SmallDisk::mount(&path);
    let missed = b.pollux.restore(KEY, &path.join("target"), &[]).unwrap();
    assert_eq!((missed.status, missed.text("/reason").as_str()), (Some(0), "disk"), "{missed:?}");
    assert_eq!(names(disk.0), Vec::<String>::new());
}
