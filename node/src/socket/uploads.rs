//! Chunks that a job hands in: hashed like a stranger's, then appended.

use super::limits::UPLOADS_MAX;
use super::turns::Turns;
use crate::store::{Store, StoreError};
use pollux_client::protocol::{PutFailure, Reply};
use pollux_core::{ChunkId, ChunkRef, Frame, FrameDecoder};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::{JoinError, JoinSet};

/// How the hand-in of one chunk ends.
type Put = Result<(), (ChunkId, PutFailure)>;

/// What a job has handed in since its last flush.
#[derive(Debug)]
pub(super) struct Uploads {
    store: Store,
    turns: Turns,
    decoders: Arc<Mutex<Vec<FrameDecoder>>>,
    under_way: JoinSet<Put>,
    failed: Option<(ChunkId, PutFailure)>,
}

impl Uploads {
    pub(super) fn new(store: Store, turns: Turns) -> Self {
        Self { store, turns, decoders: Arc::default(), under_way: JoinSet::new(), failed: None }
    }

    /// Takes a chunk; waits while too many are under way. After a failure, chunks are dropped until the next flush.
    pub(super) async fn put(&mut self, chunk: ChunkRef, frame: Frame) {
        while let Some(finished) = self.under_way.try_join_next() {
            self.note(finished);
        }
        while self.under_way.len() >= UPLOADS_MAX {
            self.finish_one().await;
        }
        if self.failed.is_some() {
            return;
        }
        let (store, decoders) = (self.store.clone(), Arc::clone(&self.decoders));
        let turns = self.turns.clone();
        self.under_way.spawn(async move {
            let put = turns.run(move || check_and_append(&store, &decoders, chunk, frame)).await;
            put.unwrap_or(Err(PutFailure::Broken)).map_err(|why| (chunk.id, why))
        });
    }

    /// Makes what was handed in durable, and says so, or says what failed.
    pub(super) async fn flush(&mut self) -> Reply {
        while !self.under_way.is_empty() {
            self.finish_one().await;
        }
        if let Some((chunk, why)) = self.failed.take() {
            return Reply::PutFailed { chunk, why };
        }
        let store = self.store.clone();
        match self.turns.run(move || store.sync()).await {
            Some(Ok(())) => Reply::Flushed,
            Some(Err(error)) => not_durable(failure(&error)),
            None => not_durable(PutFailure::Broken),
        }
    }

    async fn finish_one(&mut self) {
        if let Some(finished) = self.under_way.join_next().await {
            self.note(finished);
        }
    }

    fn note(&mut self, finished: Result<Put, JoinError>) {
        let failure = match finished {
            Ok(Ok(())) => return,
            Ok(Err(failure)) => failure,
            Err(_) => (no_chunk(), PutFailure::Broken),
        };
        self.failed.get_or_insert(failure);
    }
}

/// Stands where no single chunk is to blame.
const fn no_chunk() -> ChunkId {
    ChunkId::from_bytes([0; 32])
}

const fn not_durable(why: PutFailure) -> Reply {
    Reply::PutFailed { chunk: no_chunk(), why }
}

fn check_and_append(
    store: &Store,
    decoders: &Mutex<Vec<FrameDecoder>>,
    chunk: ChunkRef,
    frame: Frame,
) -> Result<(), PutFailure> {
    let spare = decoders.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut decoder = spare.unwrap_or_default();
    let verified = decoder.verify(frame, chunk);
    decoders.lock().unwrap_or_else(PoisonError::into_inner).push(decoder);
    let verified = verified.map_err(|_| PutFailure::Bad)?;
    store.put(&verified).map_err(|error| failure(&error))
}

fn failure(error: &StoreError) -> PutFailure {
    if matches!(error, StoreError::Full) {
        return PutFailure::Full;
    }
    tracing::error!(%error, "the store fails");
    PutFailure::Broken
}
