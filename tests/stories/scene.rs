//! What every story begins with.

use pollux_tests::{Daemon, DaemonError, Finished, Listing, NodeOptions, Pollux, Pool, Programs};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// The key that stories save.
pub(crate) const KEY: &str = "story/main/npm/debian12-x86_64/node20-1";

/// A pool with its seed, in a directory that goes when the story ends.
pub(crate) struct Scene {
    pub(crate) pool: Pool,
    pub(crate) seed: Daemon,
    directory: tempfile::TempDir,
}

impl Scene {
    pub(crate) fn open() -> Self {
        Self::with_seed(&NodeOptions::default())
    }

    pub(crate) fn with_seed(options: &NodeOptions) -> Self {
        Self::with_pool(options, |_| {})
    }

    /// A pool that is changed before its seed starts.
    pub(crate) fn with_pool(options: &NodeOptions, change: impl FnOnce(&Pool)) -> Self {
        let directory = tempfile::Builder::new().prefix("pollux-story-").tempdir().unwrap();
        let programs = Programs::beside_this_one().unwrap();
        let pool = Pool::init(programs, directory.path()).unwrap();
        change(&pool);
        let seed = pool.seed(options).unwrap();
        Self { pool, seed, directory }
    }

    pub(crate) fn node(&self, name: &str) -> Node {
        self.node_with(name, &NodeOptions::default())
    }

    pub(crate) fn node_with(&self, name: &str, options: &NodeOptions) -> Node {
        let daemon = self.pool.node(name, options).unwrap();
        Node { pollux: self.pool.pollux(&daemon), daemon }
    }

    /// A path of the story's own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A sample tree of the story's own.
    pub(crate) fn tree(&self, label: &str) -> PathBuf {
        let path = self.path(label);
        pollux_tests::sample_tree(&path, label).unwrap();
        path
    }

    /// Saves a directory under [`KEY`] and expects success.
    pub(crate) fn save(&self, node: &Node, tree: &Path) -> Finished {
        let saved = node.pollux.save(KEY, tree, &self.pool.publisher(), &[]).unwrap();
        assert_eq!((saved.status, saved.result().as_str()), (Some(0), "saved"), "{saved:?}");
        saved
    }

    /// Begins to save a directory under [`KEY`]; how it ends is the story's.
    pub(crate) fn begin_save(&self, node: &Node, tree: &Path, more: &[&str]) -> Child {
        let publisher = self.pool.publisher();
        let mut arguments = vec![OsStr::new("save"), OsStr::new(KEY), tree.as_os_str()];
        arguments.extend([OsStr::new("--signing-key"), publisher.as_os_str()]);
        arguments.extend(more.iter().map(OsStr::new));
        let mut command = node.pollux.command(&arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Restores [`KEY`] into a new directory, and expects the tree there.
    pub(crate) fn restore(&self, node: &Node, name: &str, tree: &Path) -> Finished {
        let target = self.path(name);
        let restored = node.pollux.restore(KEY, &target, &[]).unwrap();
        assert_eq!((restored.status, restored.result().as_str()), (Some(0), "hit"), "{restored:?}");
        same(tree, &target);
        restored
    }
}

/// A node, and the command of its jobs.
pub(crate) struct Node {
    pub(crate) daemon: Daemon,
    pub(crate) pollux: Pollux,
}

impl Node {
    /// Waits until the node says this of itself.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        until(what, || holds(&self.pollux.status().unwrap()));
    }

    /// Looks at the tree that is saved, and waits until another node that has it is known: a restore that begins before
    /// might get everything from the seed.
    pub(crate) fn meet_holders(&self) {
        self.pollux.run(&["show", "--files", KEY]).unwrap();
        self.until("a holder is met", |status| status["engine"]["peers"].as_u64() > Some(0));
    }
}

/// Looks again and again until something holds; what it waits for has no event of its own outside of the daemons.
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A daemon that does not start: its exit status and what it said.
pub(crate) fn refused(started: Result<Daemon, DaemonError>) -> (Option<i32>, String) {
    match started.map(drop) {
        Err(DaemonError::NotReady { status, log }) => (status, log),
        other => panic!("it should not start: {other:?}"),
    }
}

/// Flags for a daemon.
pub(crate) fn with_flags(flags: &[&str]) -> NodeOptions {
    NodeOptions { flags: flags.iter().map(|flag| (*flag).to_owned()).collect(), ..NodeOptions::default() }
}

/// Two directories hold the same.
pub(crate) fn same(here: &Path, there: &Path) {
    Listing::of(here).unwrap().same_as(&Listing::of(there).unwrap()).unwrap();
}

/// Whether this process may do what only root may; a story that needs it says that it was skipped.
pub(crate) fn is_root(story: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("{story}: skipped, since it needs root");
    }
    root
}

/// What is in a directory, hidden names included.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
