//! A pool is upgraded while it runs: seeds first, then nodes, each on the store that it had.
//!
//! The release before is taken from the directory that `POLLUX_PREVIOUS` names (with `pollux` and `pollux-node`). Without it
//! both sides are this build, which shows the procedure and not the protocols; the recorded bytes of each protocol are
//! compared beside the messages themselves.

use crate::scene::{KEY, Node, same, until};
use pollux_tests::{Daemon, NodeOptions, Pollux, Pool, Programs};
use std::path::{Path, PathBuf};

/// A pool with three seeds, in a directory that goes when the story ends, and the programs of both releases.
struct Site {
    before: Pool,
    now: Pool,
    directory: tempfile::TempDir,
}

impl Site {
    fn open() -> Self {
        let directory = tempfile::Builder::new().prefix("pollux-story-").tempdir().unwrap();
        let programs = Programs::beside_this_one().unwrap();
        let now = Pool::with_seeds(programs, directory.path(), 3).unwrap();
        let previous = std::env::var_os("POLLUX_PREVIOUS").map(PathBuf::from);
        if previous.is_none() {
            println!("upgrade: POLLUX_PREVIOUS names no release before this one; told with this one twice");
        }
        let programs = previous.map(|directory| Programs::in_directory(&directory).unwrap());
        let before = Pool {
            programs: programs.unwrap_or_else(|| now.programs.clone()),
            directory: now.directory.clone(),
            seed_port: now.seed_port,
            seed_ports: now.seed_ports.clone(),
        };
        Self { before, now, directory }
    }

    /// A node of this release on the store of one before, whose runtime directory went with a boot.
    fn upgraded(&self, name: &str) -> Node {
        std::fs::remove_dir_all(self.path(name).join("run")).unwrap();
        node(&self.now, name)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn tree(&self, label: &str) -> PathBuf {
        let path = self.path(label);
        pollux_tests::sample_tree(&path, label).unwrap();
        path
    }

    fn save(&self, node: &Node, tree: &Path) {
        let saved = node.pollux.save(KEY, tree, &self.now.publisher(), &[]).unwrap();
        assert_eq!((saved.status, saved.result().as_str()), (Some(0), "saved"), "{saved:?}");
    }

    fn restores(&self, node: &Node, name: &str, tree: &Path) {
        let target = self.path(name);
        let restored = node.pollux.restore(KEY, &target, &[]).unwrap();
        assert_eq!((restored.status, restored.result().as_str()), (Some(0), "hit"), "{restored:?}");
        same(tree, &target);
    }
}

/// Starts all seeds, or starts them again.
fn seeds(pool: &Pool) -> Vec<Daemon> {
    let start = |number| pool.nth_seed(number, &NodeOptions::default()).unwrap();
    let seeds: Vec<Daemon> = (0..3).map(start).collect();
    seeds.iter().for_each(|seed| until_whole(&pool.pollux(seed)));
    seeds
}

fn until_whole(seed: &Pollux) {
    until("the seed signs", || {
        let status = seed.status().unwrap();
        status["engine"]["silent"].is_null() && !status["engine"].is_null()
    });
}

/// Starts a node, or starts it again, and waits until it has met every seed.
fn node(pool: &Pool, name: &str) -> Node {
    let daemon = pool.node(name, &NodeOptions::default()).unwrap();
    let node = Node { pollux: pool.pollux(&daemon), daemon };
    node.until("joined", |status| {
        status["engine"]["joined"] == true && status["engine"]["seeds_connected"] == 3
    });
    node
}

#[test]
fn seeds_first_then_nodes_and_no_save_is_lost() {
    let site = Site::open();
    let mut seeds = seeds(&site.before);
    let (mut saver, mut reader) = (node(&site.before, "saver"), node(&site.before, "reader"));
    let mut newest = site.tree("before");
    site.save(&saver, &newest);
    site.restores(&reader, "restored-before", &newest);

    for (number, seed) in seeds.iter_mut().enumerate() {
        assert!(seed.stop().unwrap().success());
        *seed = site.now.nth_seed(number, &NodeOptions::default()).unwrap();
        until_whole(&site.now.pollux(seed));
        let old_nodes = "nodes of before meet the new seed";
        saver.until(old_nodes, |status| status["engine"]["seeds_connected"] == 3);
        newest = site.tree(&format!("seed {number}"));
        site.save(&saver, &newest);
        site.restores(&reader, &format!("restored-{number}"), &newest);
    }

    assert!(saver.daemon.stop().unwrap().success());
    saver = site.upgraded("saver");
    site.restores(&saver, "restored-on-its-old-store", &newest);
    newest = site.tree("a new node saves");
    site.save(&saver, &newest);
    site.restores(&reader, "restored-by-an-old-node", &newest);
    assert!(reader.daemon.stop().unwrap().success());
    reader = site.upgraded("reader");
    site.restores(&reader, "restored-after", &newest);
}

#[test]
fn new_nodes_are_served_by_old_seeds() {
    let site = Site::open();
    let _seeds = seeds(&site.before);
    let (saver, reader) = (node(&site.now, "saver"), node(&site.now, "reader"));
    let tree = site.tree("saved");
    site.save(&saver, &tree);
    site.restores(&reader, "restored", &tree);
    let old_job = Pollux { program: site.before.programs.pollux.clone(), ..reader.pollux };
    let restored = old_job.restore(KEY, &site.path("restored-by-an-old-program"), &[]).unwrap();
    assert_eq!(restored.result(), "hit", "{restored:?}");
    let old_node = node(&site.before, "old");
    let new_job = Pollux { program: site.now.programs.pollux.clone(), ..old_node.pollux };
    let restored = new_job.restore(KEY, &site.path("restored-from-an-old-node"), &[]).unwrap();
    assert_eq!(restored.result(), "hit", "{restored:?}");
    assert_eq!(new_job.run(&["status"]).unwrap().status, Some(0), "in the words of the older version");
}
