//! Chunks from a running node's own store to a client on its unix socket, dropped as they come.
//!
//! A pool with one cache of bytes that do not compress; the node that saved it gives its chunks again and again. Each is
//! asked for anew once it has come, many together, so that the node always has enough to do, as in a restore.

use super::Moved;
use super::line::Took;
use super::meter::Meter;
use super::pair::Process;
use crate::BenchError;
use crate::ask::{Asked, PATIENCE, ask, failed};
use pollux_client::connection::{Connection, Incoming};
use pollux_client::protocol::{Reply, Request};
use pollux_core::{ChunkRef, ManifestId};
use pollux_tests::{Daemon, NodeOptions, Pool, Programs, fill};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// What is saved.
const KEY: &str = "bench/main/wire/chunks";
/// Bytes of one of its files.
const FILE_BYTES: usize = 4_000_000;
/// Chunks that are asked for anew with one message.
const TOGETHER: usize = 256;
/// For the whole move.
const MOVE_PATIENCE: Duration = Duration::from_mins(10);

/// A pool whose node has a cache.
#[derive(Debug)]
pub(crate) struct Served {
    node: Daemon,
    _seed: Daemon,
}

impl Served {
    /// What it is, for people.
    pub(crate) const WHAT: &'static str =
        "chunks of a running node's store through its unix socket, dropped as they come";

    /// Starts a pool below a new directory and saves files of 4 MB, so many.
    ///
    /// # Errors
    /// The pool does not start, or the save does not go well.
    pub(crate) fn start(programs: Programs, directory: &Path, files: usize) -> Result<Self, BenchError> {
        let input = directory.join("input");
        fs::create_dir(&input)?;
        for number in 0..files {
            let name = number.to_string();
            fs::write(input.join(&name), fill(&name, FILE_BYTES))?;
        }
        let pool = Pool::init(programs, directory)?;
        let seed = pool.seed(&NodeOptions::default())?;
        let node = pool.node("node", &NodeOptions::default())?;
        let saved = pool.pollux(&node).save(KEY, &input, &pool.publisher(), &[])?;
        if saved.status != Some(0) {
            return Err(BenchError::step("saving", saved.stderr));
        }
        Ok(Self { node, _seed: seed })
    }

    /// Moves so many bytes, and the rest of a chunk.
    ///
    /// # Errors
    /// The node stops giving, or the process of the taker fails.
    pub(crate) fn run_once(&self, bytes: u64) -> Result<Moved, BenchError> {
        let before = self.node.cpu_seconds()?;
        let socket = self.node.socket.to_string_lossy();
        let mut taker = Process::start(&["drain", &socket, &bytes.to_string()])?;
        let took: Took = taker.line(MOVE_PATIENCE)?;
        let giver_cpu = self.node.cpu_seconds()? - before;
        taker.end()?;
        Ok(Moved { bytes: took.bytes, seconds: took.seconds, giver_cpu, taker_cpu: took.cpu })
    }
}

/// The taking process: reads so many bytes of chunks, and the rest of the last one.
pub(super) fn drain(socket: &Path, bytes: u64) -> Result<Took, BenchError> {
    let Asked { connection, manifest, tree } = ask(socket, KEY)?;
    let distinct: BTreeSet<ChunkRef> = tree.chunks().iter().copied().collect();
    let meter = Meter::start();
    let came = Drain { connection: &connection, manifest, left: bytes, under_way: 0 }.run(distinct)?;
    Ok(meter.took_bytes(came))
}

struct Drain<'a> {
    connection: &'a Connection,
    manifest: ManifestId,
    /// Bytes that are not asked for yet.
    left: u64,
    /// Chunks that are and have not come.
    under_way: usize,
}

impl Drain<'_> {
    fn run(mut self, chunks: BTreeSet<ChunkRef>) -> Result<u64, BenchError> {
        self.ask(chunks)?;
        let (mut bytes, mut again): (u64, Vec<ChunkRef>) = (0, Vec::new());
        while self.under_way > 0 {
            match self.connection.next(Instant::now() + PATIENCE).map_err(failed)? {
                Incoming::Chunk { chunk, frame, .. } => {
                    let came = u64::try_from(frame.bytes.len()).unwrap_or_default();
                    bytes = bytes.saturating_add(came);
                    self.under_way = self.under_way.saturating_sub(1);
                    again.push(chunk);
                }
                Incoming::Reply(Reply::FetchDone) => {}
                Incoming::Reply(reply) => return Err(failed(format!("{reply:?}"))),
            }
            if again.len() >= TOGETHER || self.under_way == 0 {
                self.ask(again.drain(..))?;
            }
        }
        Ok(bytes)
    }

    /// Asks for as many of them as are wanted.
    fn ask(&mut self, chunks: impl IntoIterator<Item = ChunkRef>) -> Result<(), BenchError> {
        let mut wanted = Vec::new();
        for chunk in chunks {
            if self.left > 0 {
                self.left = self.left.saturating_sub(chunk.bytes.into());
                wanted.push(chunk);
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        self.under_way = self.under_way.saturating_add(wanted.len());
        self.connection.send(&Request::Fetch { manifest: self.manifest, chunks: wanted }).map_err(failed)
    }
}
