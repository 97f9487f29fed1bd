//! The node as the place where packed chunks go.

use super::Observer;
use super::deadlines::{Clocked, GRACE};
use crate::connection::{Connection, ConnectionError};
use crate::disk::ChunkSink;
use crate::protocol::{CHUNKS_PER_MESSAGE_MAX, PutFailure, Reply, Request};
use pollux_core::{ChunkId, VerifiedChunk};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Why the node does not take a chunk.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The connection broke.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The node refused a chunk.
    #[error("{0}")]
    Put(PutFailure),
}

/// Hands chunks to the node.
pub(super) struct NodeSink<'a> {
    pub(super) connection: &'a Connection,
    pub(super) observer: Mutex<&'a mut dyn Observer>,
    /// How long an answer may take.
    pub(super) clocked: Clocked,
    /// Chunks and frame bytes handed in so far.
    pub(super) sent: Mutex<Sent>,
}

/// What was handed to the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Chunks.
    pub chunks: u64,
    /// Bytes of their frames.
    pub frame_bytes: u64,
}

impl NodeSink<'_> {
    /// Waits until everything handed in is durable: as long as the node's disk takes, within the time for all.
    pub(super) fn flush(&self) -> Result<(), SinkError> {
        self.connection.send(&Request::Flush)?;
        let reply = self.connection.reply(self.clocked.end() + GRACE)?;
        if let Reply::PutFailed { why, .. } = reply {
            return Err(SinkError::Put(why));
        }
        if matches!(reply, Reply::Flushed) { Ok(()) } else { Err(ConnectionError::OutOfTurn.into()) }
    }
}

impl ChunkSink for NodeSink<'_> {
    type Error = SinkError;

    fn lacks(&self, chunks: &[ChunkId]) -> Result<Vec<bool>, SinkError> {
        let mut lacking = Vec::with_capacity(chunks.len());
        for some in chunks.chunks(CHUNKS_PER_MESSAGE_MAX) {
            lacking.extend(self::lacking(self.connection, some, self.clocked.progress())?);
        }
        Ok(lacking)
    }

    fn put(&self, chunk: VerifiedChunk) -> Result<(), SinkError> {
        self.connection.send_chunk(&chunk)?;
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.chunks += 1;
        sent.frame_bytes += u64::try_from(chunk.frame().bytes.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    fn progress(&self, bytes: u64) {
        self.observer.lock().unwrap_or_else(PoisonError::into_inner).advance(bytes);
    }
}

/// Which of these chunks the node lacks: [`CHUNKS_PER_MESSAGE_MAX`] of them at most.
pub(super) fn lacking(
    connection: &Connection,
    chunks: &[ChunkId],
    until: Instant,
) -> Result<Vec<bool>, ConnectionError> {
    connection.send(&Request::Lacks { chunks: chunks.to_vec() })?;
    let mut reply = connection.reply(until)?;
    // Of chunks that were asked for before on this connection.
    while matches!(reply, Reply::FetchDone) {
        reply = connection.reply(until)?;
    }
    let Reply::Lacking { indices } = reply else { return Err(ConnectionError::OutOfTurn) };
    let mut lacking = vec![false; chunks.len()];
    for index in indices {
        let index = usize::try_from(index).map_err(|_| ConnectionError::OutOfTurn)?;
        *lacking.get_mut(index).ok_or(ConnectionError::OutOfTurn)? = true;
    }
    Ok(lacking)
}
