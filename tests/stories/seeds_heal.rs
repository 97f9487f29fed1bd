//! A pool with three seeds: one that was down catches up on its own, one whose disk was lost says nothing until it has
//! merged what the others keep.

use crate::doctor::{judged, names};
use crate::metrics::{Page, get, with_metrics};
use crate::scene::{KEY, same, until};
use pollux_tests::{Daemon, NodeOptions, Pollux, Pool, Programs};
use std::path::{Path, PathBuf};

/// The pool, its three seeds, and a directory that goes when the story ends.
struct Three {
    pool: Pool,
    seeds: Vec<Daemon>,
    directory: tempfile::TempDir,
}

impl Three {
    fn open() -> Self {
        let directory = tempfile::Builder::new().prefix("pollux-story-").tempdir().unwrap();
        let pool = Pool::with_seeds(Programs::beside_this_one().unwrap(), directory.path(), 3).unwrap();
        let options = NodeOptions::default();
        let seeds = (0..3).map(|number| pool.nth_seed(number, &options).unwrap()).collect();
        let three = Self { pool, seeds, directory };
        (0..3).for_each(|number| three.until_whole(number));
        three
    }

    fn start(&mut self, seed: usize) {
        self.seeds[seed] = self.pool.nth_seed(seed, &NodeOptions::default()).unwrap();
    }

    fn node(&self, name: &str) -> (Daemon, Pollux) {
        let daemon = self.pool.node(name, &NodeOptions::default()).unwrap();
        let pollux = self.pool.pollux(&daemon);
        until("joined", || pollux.status().unwrap()["engine"]["joined"] == true);
        (daemon, pollux)
    }

    fn status(&self, seed: usize) -> serde_json::Value {
        self.pool.pollux(&self.seeds[seed]).status().unwrap()
    }

    fn until_whole(&self, seed: usize) {
        until("the seed signs", || self.status(seed)["engine"]["silent"].is_null());
    }

    /// Until a seed has as much as another one.
    fn until_caught_up(&self, behind: usize, ahead: usize) {
        until("the seed has caught up", || {
            let (here, there) = (self.status(behind), self.status(ahead));
            here["engine"]["manifests"] == there["engine"]["manifests"]
                && here["store_chunks"] == there["store_chunks"]
        });
    }

    fn tree(&self, label: &str) -> PathBuf {
        let path = self.directory.path().join(label);
        pollux_tests::sample_tree(&path, label).unwrap();
        path
    }

    fn save(&self, pollux: &Pollux, tree: &Path) {
        let saved = pollux.save(KEY, tree, &self.pool.publisher(), &[]).unwrap();
        assert_eq!((saved.status, saved.result().as_str()), (Some(0), "saved"), "{saved:?}");
    }

    fn restore(&self, pollux: &Pollux, name: &str, tree: &Path) {
        let target = self.directory.path().join(name);
        let restored = pollux.restore(KEY, &target, &[]).unwrap();
        assert_eq!((restored.status, restored.result().as_str()), (Some(0), "hit"), "{restored:?}");
        assert_eq!(restored.json()["relayed"], false, "{restored:?}");
        same(tree, &target);
    }
}

#[test]
fn a_seed_that_was_killed_catches_up_and_is_then_needed() {
    let mut three = Three::open();
    let ((mut saver, saves), (_reader, reads)) = (three.node("a"), three.node("b"));
    three.save(&saves, &three.tree("first"));
    three.seeds[1].kill().unwrap();
    let tree = three.tree("second");
    three.save(&saves, &tree);
    saver.kill().unwrap();
    three.start(1);
    three.until_caught_up(1, 0);
    three.until_whole(1);
    three.seeds[0].kill().unwrap();
    three.restore(&reads, "target", &tree);
}

#[test]
fn a_seed_whose_disk_was_lost_is_silent_until_it_has_merged() {
    let mut three = Three::open();
    let ((mut saver, saves), (_reader, reads)) = (three.node("a"), three.node("b"));
    let tree = three.tree("tree");
    three.save(&saves, &tree);
    saver.kill().unwrap();
    three.until_caught_up(1, 0);
    three.until_caught_up(2, 0);
    three.seeds[1].kill().unwrap();
    three.seeds[2].kill().unwrap();
    std::fs::remove_dir_all(three.directory.path().join("seed-2/store")).unwrap();
    three.start(2);
    until("it has merged from the one that is there", || {
        three.seeds[2].log_text().contains("merged what another seed keeps")
    });
    assert_eq!(three.status(2)["engine"]["silent"], "no-marker");
    assert!(three.seeds[2].log_text().contains("this seed signs nothing for now"));
    let words = three.pool.pollux(&three.seeds[2]).run(&["status"]).unwrap();
    assert!(words.stdout.contains("this seed signs nothing (the store is new or was lost"), "{words:?}");
    three.start(1);
    three.until_whole(2);
    assert!(three.seeds[2].log_text().contains("this seed signs from now on"));
    three.until_caught_up(2, 1);
    three.seeds[0].kill().unwrap();
    three.restore(&reads, "target", &tree);
}

/// An operator puts back what a backup of the disk had; of what was published since, this seed knows nothing.
#[test]
fn a_seed_whose_disk_is_an_older_snapshot_says_so_and_heals() {
    let mut three = Three::open();
    let ((mut saver, saves), (_reader, reads)) = (three.node("a"), three.node("b"));
    three.save(&saves, &three.tree("first"));
    three.until_caught_up(2, 0);
    three.seeds[2].stop().unwrap();
    let (store, kept) = (three.directory.path().join("seed-2/store"), three.directory.path().join("kept"));
    copy(&store, &kept);
    three.start(2);
    three.until_whole(2);
    let tree = three.tree("second");
    three.save(&saves, &tree);
    saver.kill().unwrap();
    three.until_caught_up(1, 0);
    three.seeds[2].kill().unwrap();
    three.seeds[0].kill().unwrap();
    std::fs::remove_dir_all(&store).unwrap();
    copy(&kept, &store);
    three.seeds[2] = three.pool.nth_seed(2, &with_metrics()).unwrap();
    until("it has noticed", || three.status(2)["engine"]["silent"] == "rolled-back");
    let words = "the disk was rolled back; it merges what other seeds keep";
    assert!(three.seeds[2].log_text().contains(words), "{}", three.seeds[2].log_text());
    let (status, lack) = get(&three.seeds[2], "/readyz");
    assert!(status == 503 && lack.contains(words), "{lack}");
    assert!(Page::of(&three.seeds[2]).value("pollux_seed_signing") < 0.5);
    let pollux = three.pool.pollux(&three.seeds[2]);
    let (status, found) = judged(&pollux, &three.pool.pool_file(), "wrong");
    assert_eq!((status, names(&found)), (Some(1), vec!["address", "seeds", "signing"]), "{found:?}");
    assert!(found[2].1.contains(words) && found[2].1.contains("restored from a snapshot"), "{found:?}");
    three.start(0);
    three.until_whole(2);
    three.until_caught_up(2, 1);
    assert_eq!(get(&three.seeds[2], "/readyz").0, 200);
    three.seeds[0].kill().unwrap();
    three.restore(&reads, "target", &tree);
}

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}
