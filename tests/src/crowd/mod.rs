//! A crowd: a seed and nodes, each on a host of its own behind a shaped link, and on each node a job; all restore one cache
//! at once. What a simulation says of a crowd is compared with this.
//!
//! ```text
//! mod       the crowd, from its making to its end
//! wave      jobs that restore at once, and what they and the links tell
//! counters  what daemons and the machine count
//! ```
//!
//! The cache is one file of bytes that do not compress. Its saver runs on the seed's host, and is gone before the crowd
//! begins. Stores and restored directories are in memory where that is possible, so that the links are the limit.

mod counters;
mod wave;

pub use wave::{Restored, Wave};

use crate::command::{Finished, Pollux};
use crate::daemon::{Daemon, DaemonError};
use crate::lan::{Host, Lan, LanError, Link};
use crate::pool::{NodeOptions, Pool};
use crate::programs::Programs;
use crate::tree::{Difference, fill};
use pollux_core::ManifestId;
use serde_json::Value;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// What is saved and restored.
pub const KEY: &str = "crowd/main/random/any/1";
/// Files in memory.
const MEMORY: &str = "/dev/shm";
/// A node that has not joined by then never will.
const JOIN_TIMEOUT: Duration = Duration::from_secs(30);

/// What a crowd is made of.
#[derive(Clone, Debug)]
pub struct CrowdPlan {
    /// Nodes.
    pub nodes: u16,
    /// Bytes of the cache.
    pub cache_bytes: usize,
    /// Of each node.
    pub link: Link,
    /// Of the seed.
    pub seed_link: Link,
    /// The same makes the same bytes.
    pub rng_seed: u64,
    /// Everything is made below this directory; none: in memory, or else the system's temporary one.
    pub work: Option<PathBuf>,
}

/// What was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cached {
    /// The manifest.
    pub manifest: ManifestId,
    /// Chunks of the content.
    pub content_chunks: u32,
    /// The same with the tree's.
    pub chunks: u32,
}

/// See the module. Dropped, all of it is stopped and removed.
#[derive(Debug)]
pub struct Crowd {
    /// The seed.
    pub seed: Daemon,
    /// The nodes.
    pub nodes: Vec<Daemon>,
    /// The pool.
    pub pool: Pool,
    /// What was saved.
    pub cached: Cached,
    hosts: Vec<Host>,
    tree: PathBuf,
    directory: tempfile::TempDir,
    // After those who run in it.
    lan: Lan,
}

/// Why there is no crowd, or no result of it.
#[derive(Debug, thiserror::Error)]
pub enum CrowdError {
    /// There is no network.
    #[error(transparent)]
    Lan(#[from] LanError),
    /// The system says no.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A daemon does not start.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// A command did not do what it should.
    #[error("{what} did not go well: {why}")]
    Step {
        /// Which.
        what: String,
        /// What it said.
        why: String,
    },
    /// What was restored is not what was saved.
    #[error("what was restored differs: {0}")]
    Differs(#[from] Difference),
}

impl Crowd {
    /// Makes the hosts, starts the seed, saves the cache, and starts the nodes; all have joined.
    ///
    /// # Errors
    /// This is not root, or something does not go well.
    pub fn start(programs: &Programs, plan: &CrowdPlan) -> Result<Self, CrowdError> {
        let mut lan = Lan::open()?;
        let seed_host = lan.add(plan.seed_link)?;
        let hosts = (0..plan.nodes).map(|_| lan.add(plan.link)).collect::<Result<Vec<_>, _>>()?;
        let directory = work_directory(plan.work.as_deref())?;
        let tree = directory.path().join("tree");
        fs::create_dir(&tree)?;
        fs::write(tree.join("cache.bin"), fill(&format!("crowd {}", plan.rng_seed), plan.cache_bytes))?;
        let pool = Pool::init_at(programs.clone(), directory.path(), seed_host.address)?;
        let seed = pool.seed(&on(&seed_host))?;
        let cached = save(&pool, &seed_host, &tree)?;
        let start = |(number, host): (usize, &Host)| pool.node(&format!("node-{number}"), &on(host));
        let nodes = hosts.iter().enumerate().map(start).collect::<Result<Vec<_>, _>>()?;
        let crowd = Self { seed, nodes, pool, cached, hosts, tree, directory, lan };
        crowd.nodes.iter().try_for_each(|node| until_joined(&crowd.pool.pollux(node)))?;
        Ok(crowd)
    }

    /// One more host, for who plays foul.
    ///
    /// # Errors
    /// The system makes none.
    pub fn further_host(&mut self, link: Link) -> Result<Host, CrowdError> {
        Ok(self.lan.add(link)?)
    }

    /// The command of a node's jobs.
    #[must_use]
    pub fn pollux(&self, node: &Daemon) -> Pollux {
        self.pool.pollux(node)
    }

    /// What the nodes' links have carried to them so far, in bytes.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn nodes_received(&self) -> Result<u64, CrowdError> {
        Ok(self.lan.carried()?.iter().skip(1).take(self.nodes.len()).map(|link| link.down).sum())
    }
}

fn on(host: &Host) -> NodeOptions {
    // Its metrics are read on the host itself.
    let flags = ["--metrics", "127.0.0.1:0"].map(str::to_owned).to_vec();
    NodeOptions { host: Some(host.clone()), flags, ..NodeOptions::default() }
}

fn work_directory(below: Option<&Path>) -> io::Result<tempfile::TempDir> {
    let mut make = tempfile::Builder::new();
    let make = make.prefix("pollux-crowd-");
    match below {
        Some(directory) => make.tempdir_in(directory),
        None => make.tempdir_in(MEMORY).or_else(|_| make.tempdir()),
    }
}

/// Saves the cache from a node on the seed's host, which is gone afterwards.
fn save(pool: &Pool, host: &Host, tree: &Path) -> Result<Cached, CrowdError> {
    let mut saver = pool.node("saver", &on(host))?;
    let pollux = pool.pollux(&saver);
    let saved = expect("the save", "saved", &pollux.save(KEY, tree, &pool.publisher(), &[])?)?;
    let shown = pollux.run(&["show", "--json", KEY])?.json();
    let tree_chunks = shown.pointer("/manifest/tree/chunks").and_then(Value::as_array).map_or(0, Vec::len);
    saver.kill()?;
    fs::remove_dir_all(pool.directory.join("saver"))?;
    let count = |number: u64| u32::try_from(number).map_err(io::Error::other);
    let content_chunks = count(saved.number("/totals/chunks"))?;
    let chunks = content_chunks + u32::try_from(tree_chunks).map_err(io::Error::other)?;
    let manifest = saved.text("/manifest").parse().map_err(io::Error::other)?;
    Ok(Cached { manifest, content_chunks, chunks })
}

/// The command has ended well, and says so.
fn expect(what: &str, result: &str, finished: &Finished) -> Result<Finished, CrowdError> {
    if finished.status == Some(0) && finished.result() == result {
        return Ok(finished.clone());
    }
    let why = format!("status {:?}\n{}\n{}", finished.status, finished.stdout, finished.stderr);
    Err(CrowdError::Step { what: what.to_owned(), why })
}

fn until_joined(pollux: &Pollux) -> Result<(), CrowdError> {
    let end = Instant::now() + JOIN_TIMEOUT;
    while pollux.status()?.pointer("/engine/joined") != Some(&Value::Bool(true)) {
        if Instant::now() > end {
            let why = format!("it has not joined within {JOIN_TIMEOUT:?}");
            return Err(CrowdError::Step { what: pollux.socket.display().to_string(), why });
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
