//! Prefetch: the newest trusted cache for a key, in the node's store and nowhere else.
//!
//! A node keeps what it hands to a job. So this asks for every chunk as a restore does and drops it when it comes; then it
//! asks how much of it the node really keeps, since a full store passes chunks through.

use super::ask::{Found, fetch_tree, find, reach};
use super::deadlines::Clocked;
use super::fetch::{Fetcher, Sources};
use super::sink::lacking;
use super::{Deadlines, Miss, Observer, Stage};
use crate::connection::Connection;
use crate::protocol::CHUNKS_PER_MESSAGE_MAX;
use pollux_core::{ChunkId, ChunkRef, Fallback, Key};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A node that has written nothing more for so long does not keep the rest.
const WRITTEN_WITHIN: Duration = Duration::from_secs(1);
/// How often it is asked meanwhile.
const ASKED_EVERY: Duration = Duration::from_millis(20);

/// What to fetch.
#[derive(Clone, Debug)]
pub struct PrefetchRequest {
    /// The node's socket.
    pub socket: PathBuf,
    /// The key.
    pub key: Key,
    /// What will do instead, best first.
    pub fallbacks: Vec<Fallback>,
    /// How long to wait.
    pub deadlines: Deadlines,
    /// Once true, the prefetch ends; what came until then stays in the node.
    pub interrupted: Arc<AtomicBool>,
}

/// What was fetched.
#[derive(Debug)]
pub struct Prefetched {
    /// The manifest.
    pub found: Found,
    /// Distinct chunks that it takes to restore it, its tree's included.
    pub chunks: u64,
    /// How many of them the node keeps.
    pub kept: u64,
    /// What came from where.
    pub sources: Sources,
    /// How long it took.
    pub elapsed: Duration,
}

/// How a prefetch ends.
#[derive(Debug)]
pub enum PrefetchOutcome {
    /// All of it came. Whether the node keeps it says [`Prefetched::kept`].
    Fetched(Box<Prefetched>),
    /// There is nothing, or not all of it came.
    Miss(Miss),
    /// The caller's flag ended it.
    Interrupted,
}

/// Prefetches. Never fails: what goes wrong is a miss.
pub fn prefetch(request: &PrefetchRequest, observer: &mut dyn Observer) -> PrefetchOutcome {
    match try_prefetch(request, observer) {
        Ok(fetched) => PrefetchOutcome::Fetched(Box::new(fetched)),
        Err(_) if request.interrupted.load(Ordering::Relaxed) => PrefetchOutcome::Interrupted,
        Err(miss) => PrefetchOutcome::Miss(miss),
    }
}

fn try_prefetch(request: &PrefetchRequest, observer: &mut dyn Observer) -> Result<Prefetched, Miss> {
    let clocked = Clocked::start(request.deadlines);
    let connection = reach(&request.socket, request.deadlines, &request.interrupted, &clocked)?;
    observer.stage(Stage::Asking);
    let found = find(&connection, &request.key, &request.fallbacks, clocked.answer())?;
    let mut sources = Sources::default();
    observer.stage(Stage::Fetching);
    observer.total(found.manifest.tree.totals.bytes);
    let tree = fetch_tree(&connection, &clocked, (found.id, &found.manifest), &mut sources)?;
    let wanted = distinct(tree.chunks());
    Fetcher::new(&connection, &clocked, found.id, &wanted).run(&mut sources, |chunk, _frame| {
        observer.advance(u64::from(chunk.bytes));
        Ok(())
    })?;
    let needed: BTreeSet<ChunkId> =
        found.manifest.tree.chunks.iter().chain(&wanted).map(|chunk| chunk.id).collect();
    let kept = kept(&connection, &clocked, &needed)?;
    Ok(Prefetched { chunks: count(needed.len()), kept, found, sources, elapsed: clocked.elapsed() })
}

/// Each chunk once, where it comes first: the order in which a restore will want them.
fn distinct(listed: &[ChunkRef]) -> Vec<ChunkRef> {
    let mut seen = BTreeSet::new();
    listed.iter().copied().filter(|chunk| seen.insert(chunk.id)).collect()
}

/// How many of these the node has, once it has written what it is about to write: it hands out chunks before that.
fn kept(connection: &Connection, clocked: &Clocked, chunks: &BTreeSet<ChunkId>) -> Result<u64, Miss> {
    let all: Vec<ChunkId> = chunks.iter().copied().collect();
    let (mut missing, mut since) = (not_held(connection, clocked, &all)?, Instant::now());
    while !missing.is_empty() && since.elapsed() < WRITTEN_WITHIN {
        thread::sleep(ASKED_EVERY);
        let still = not_held(connection, clocked, &missing)?;
        if still.len() < missing.len() {
            (missing, since) = (still, Instant::now());
        }
    }
    Ok(count(all.len() - missing.len()))
}

/// Those of some chunks that the node does not have now.
fn not_held(connection: &Connection, clocked: &Clocked, chunks: &[ChunkId]) -> Result<Vec<ChunkId>, Miss> {
    let mut missing = Vec::new();
    for some in chunks.chunks(CHUNKS_PER_MESSAGE_MAX) {
        let lacking = lacking(connection, some, clocked.progress())?;
        missing.extend(some.iter().zip(lacking).filter(|(_, lacks)| *lacks).map(|(chunk, _)| *chunk));
    }
    Ok(missing)
}

fn count(some: usize) -> u64 {
    u64::try_from(some).unwrap_or(u64::MAX)
}
