//! Chunks out of the node.

use super::deadlines::Clocked;
use super::miss::Miss;
use crate::connection::{Connection, ConnectionError, Incoming};
use crate::protocol::{CHUNKS_PER_MESSAGE_MAX, ChunkSource, Reply, Request};
use pollux_core::engine::MissReason;
use pollux_core::{ChunkId, ChunkRef, Frame, ManifestId};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// A chunk that the node failed to give is asked for so often in all: its store may have lost it, and peers have it.
const TRIES_MAX: u8 = 2;

/// What came from one kind of source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Chunks.
    pub chunks: u64,
    /// Their plain bytes.
    pub bytes: u64,
    /// Bytes of the frames that carried them.
    pub frame_bytes: u64,
}

/// What came from where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sources {
    /// The node's own store.
    pub local: Traffic,
    /// Other nodes.
    pub peers: Traffic,
    /// Seeds.
    pub seeds: Traffic,
}

impl Sources {
    fn count(&mut self, source: ChunkSource, chunk: ChunkRef, frame: &Frame) {
        let traffic = match source {
            ChunkSource::Local => &mut self.local,
            ChunkSource::Peer => &mut self.peers,
            ChunkSource::Seed => &mut self.seeds,
        };
        traffic.chunks += 1;
        traffic.bytes += u64::from(chunk.bytes);
        traffic.frame_bytes += u64::try_from(frame.bytes.len()).unwrap_or(u64::MAX);
    }
}

/// Asks for distinct chunks of one manifest until each has come.
#[derive(Debug)]
pub(super) struct Fetcher<'a> {
    connection: &'a Connection,
    clocked: &'a Clocked,
    manifest: ManifestId,
    queue: VecDeque<ChunkRef>,
    outstanding: BTreeMap<ChunkId, (ChunkRef, u8)>,
}

impl<'a> Fetcher<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        clocked: &'a Clocked,
        manifest: ManifestId,
        chunks: &[ChunkRef],
    ) -> Self {
        let queue = chunks.iter().copied().collect();
        Self { connection, clocked, manifest, queue, outstanding: BTreeMap::new() }
    }

    /// Hands over every chunk as it comes; nothing about its bytes is believed.
    pub(super) fn run(
        mut self,
        sources: &mut Sources,
        mut take: impl FnMut(ChunkRef, Frame) -> Result<(), Miss>,
    ) -> Result<(), Miss> {
        self.ask_more()?;
        while !self.outstanding.is_empty() {
            match self.next()? {
                Incoming::Chunk { chunk, source, frame } => {
                    self.arrived(chunk)?;
                    sources.count(source, chunk, &frame);
                    take(chunk, frame)?;
                }
                Incoming::Reply(Reply::ChunkFailed { chunk, why }) => self.failed(chunk, why)?,
                Incoming::Reply(Reply::FetchDone) => {}
                Incoming::Reply(_) => return Err(ConnectionError::OutOfTurn.into()),
            }
            self.ask_more()?;
        }
        Ok(())
    }

    fn next(&self) -> Result<Incoming, Miss> {
        Ok(self.connection.next(self.clocked.progress())?)
    }

    fn arrived(&mut self, chunk: ChunkRef) -> Result<(), Miss> {
        match self.outstanding.remove(&chunk.id) {
            Some((asked, _)) if asked == chunk => Ok(()),
            Some(_) | None => Err(Miss::NotBelieved("a chunk that was not asked for".to_owned())),
        }
    }

    fn failed(&mut self, chunk: ChunkRef, why: MissReason) -> Result<(), Miss> {
        let Some((asked, tries)) = self.outstanding.get_mut(&chunk.id) else { return Ok(()) };
        // What was taken back will not be given, and the next answer would only be that it is unknown.
        if *tries >= TRIES_MAX || why == MissReason::Yanked {
            return Err(Miss::Node(why));
        }
        *tries += 1;
        let chunks = vec![*asked];
        Ok(self.connection.send(&Request::Fetch { manifest: self.manifest, chunks })?)
    }

    /// Keeps the node busy with one message's worth ahead, in content order.
    fn ask_more(&mut self) -> Result<(), Miss> {
        if self.queue.is_empty() || self.outstanding.len() > CHUNKS_PER_MESSAGE_MAX {
            return Ok(());
        }
        let count = self.queue.len().min(CHUNKS_PER_MESSAGE_MAX);
        let chunks: Vec<ChunkRef> = self.queue.drain(..count).collect();
        self.outstanding.extend(chunks.iter().map(|chunk| (chunk.id, (*chunk, 1))));
        Ok(self.connection.send(&Request::Fetch { manifest: self.manifest, chunks })?)
    }
}
