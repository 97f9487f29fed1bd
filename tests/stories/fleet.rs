//! A pool with any number of seeds, whose policy and yanks change while it runs.

use crate::scene::{KEY, Node, same, until};
use pollux_tests::{Daemon, Finished, NodeOptions, Pollux, Pool, Programs};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The pool, its seeds, and a directory that goes when the story ends.
pub(crate) struct Fleet {
    pub(crate) pool: Pool,
    pub(crate) seeds: Vec<Daemon>,
    directory: tempfile::TempDir,
}

impl Fleet {
    pub(crate) fn open(seeds: usize) -> Self {
        let directory = tempfile::Builder::new().prefix("pollux-story-").tempdir().unwrap();
        let programs = Programs::beside_this_one().unwrap();
        let pool = Pool::with_seeds(programs, directory.path(), seeds).unwrap();
        let options = NodeOptions::default();
        let daemons = (0..seeds).map(|number| pool.nth_seed(number, &options).unwrap()).collect();
        let fleet = Self { pool, seeds: daemons, directory };
        (0..seeds).for_each(|number| fleet.until_whole(number));
        fleet
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn tree(&self, label: &str) -> PathBuf {
        let path = self.path(label);
        pollux_tests::sample_tree(&path, label).unwrap();
        path
    }

    /// Starts a node and waits until it has met every seed that runs.
    pub(crate) fn node(&self, name: &str) -> Node {
        self.node_with(name, &NodeOptions::default())
    }

    pub(crate) fn node_with(&self, name: &str, options: &NodeOptions) -> Node {
        let daemon = self.pool.node(name, options).unwrap();
        let node = Node { pollux: self.pool.pollux(&daemon), daemon };
        node.until("joined", |status| status["engine"]["joined"] == true);
        node
    }

    /// Starts (or starts again) a seed.
    pub(crate) fn start(&mut self, seed: usize, options: &NodeOptions) {
        let daemon = self.pool.nth_seed(seed, options).unwrap();
        if seed < self.seeds.len() {
            self.seeds[seed] = daemon;
        } else {
            self.seeds.push(daemon);
        }
    }

    pub(crate) fn seed(&self, seed: usize) -> Pollux {
        self.pool.pollux(&self.seeds[seed])
    }

    pub(crate) fn status(&self, seed: usize) -> Value {
        self.seed(seed).status().unwrap()
    }

    pub(crate) fn until_whole(&self, seed: usize) {
        until("the seed signs", || {
            let status = self.status(seed);
            !status.is_null() && status["engine"]["silent"].is_null()
        });
    }

    /// Until a seed has as much as another one.
    pub(crate) fn until_caught_up(&self, behind: usize, ahead: usize) {
        until("the seed has caught up", || {
            let (here, there) = (self.status(behind), self.status(ahead));
            here["engine"]["manifests"] == there["engine"]["manifests"]
                && here["store_chunks"] == there["store_chunks"]
        });
    }

    /// Saves a directory under [`KEY`] and gives the manifest's name.
    pub(crate) fn save(&self, node: &Node, tree: &Path) -> String {
        let saved = node.pollux.save(KEY, tree, &self.pool.publisher(), &[]).unwrap();
        assert_eq!((saved.status, saved.result().as_str()), (Some(0), "saved"), "{saved:?}");
        saved.text("/manifest")
    }

    /// Restores [`KEY`] into a new directory, and expects this tree there.
    pub(crate) fn restore(&self, node: &Node, name: &str, tree: &Path) -> Finished {
        let target = self.path("restored").join(name);
        let restored = node.pollux.restore(KEY, &target, &[]).unwrap();
        assert_eq!((restored.status, restored.result().as_str()), (Some(0), "hit"), "{restored:?}");
        same(tree, &target);
        restored
    }

    /// Restores [`KEY`] and expects a miss, which leaves nothing behind.
    pub(crate) fn miss(&self, node: &Node, name: &str) -> Finished {
        let target = self.path("restored").join(name);
        let missed = node.pollux.restore(KEY, &target, &[]).unwrap();
        assert_eq!((missed.status, missed.result().as_str()), (Some(0), "miss"), "{missed:?}");
        assert!(!target.exists());
        missed
    }

    /// Takes back a save with all that was made of it, through this node's seeds.
    pub(crate) fn yank(&self, node: &Node, manifest: &str) -> Finished {
        let (key, pool) = (self.pool.keys().join("yank.pem"), self.pool.pool_file());
        let (key, pool) = (key.to_str().unwrap(), pool.to_str().unwrap());
        let what = ["yank", "--manifest", manifest, "--cascade", "--reason", "left-pad was taken over"];
        let how = ["--yank-key", key, "--pool", pool, "--yes", "--json"];
        let yanked = node.pollux.run(&[&what[..], &how].concat()).unwrap();
        assert_eq!(yanked.status, Some(0), "{yanked:?}");
        yanked
    }

    /// Changes the policy by `pollux pool VERB`, signed by the root key, and spreads it through this node.
    pub(crate) fn change(&self, node: &Node, arguments: &[&str]) -> Finished {
        let (key, pool) = (self.pool.keys().join("root.pem"), self.pool.pool_file());
        let (key, pool) = (key.to_str().unwrap(), pool.to_str().unwrap());
        let how = ["--root-key", key, "--pool", pool, "--yes", "--spread", "--json"];
        let changed = node.pollux.run(&[&["pool"], arguments, &how].concat()).unwrap();
        assert_eq!(changed.status, Some(0), "{changed:?}");
        changed
    }

    /// The pool file as it was at this version of the policy, for who starts with it.
    pub(crate) fn with_pool_file(&self, version: u64) -> NodeOptions {
        let pool_file = self.pool.keys().join(format!("pool.json.v{version}"));
        NodeOptions { pool_file: Some(pool_file), ..NodeOptions::default() }
    }
}

/// The policy's version that a node goes by.
pub(crate) fn policy_version(status: &Value) -> Option<u64> {
    status["policy_version"].as_u64()
}
