//! Chunks that a job hands in: hashed like a stranger's, then appended.
//!
//! They wait in a short queue. Whoever has a turn takes one after another: a turn for each would cost several wake-ups,
//! and on a busy machine those cost as much as hashing it. After some, others have their turn.

use super::limits::{UPLOAD_SYNC_BYTES, UPLOAD_TAKERS_MAX, UPLOADS_MAX, UPLOADS_PER_TURN};
use super::turns::Turns;
use crate::driver::UNPUBLISHED_MARKS;
use crate::store::{Store, StoreError};
use pollux_client::protocol::{PutFailure, Reply};
use pollux_core::{ChunkId, ChunkRef, Frame, FrameDecoder};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// What a job has handed in since its last flush.
#[derive(Debug)]
pub(super) struct Uploads {
    turns: Turns,
    queue: Arc<Queue>,
    takers: JoinSet<()>,
}

/// What waits, and where it goes.
#[derive(Debug)]
struct Queue {
    store: Store,
    state: Mutex<State>,
    /// Somebody took from a full queue.
    room: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(ChunkRef, Frame)>,
    failed: Option<(ChunkId, PutFailure)>,
    /// Those who take. Each leaves only where nothing waits, seen in the same breath.
    takers: usize,
    /// Bytes of frames appended since a taker last made them durable.
    appended: usize,
    decoders: Vec<FrameDecoder>,
}

/// What a turn ends with.
enum Turn {
    /// More waits.
    Over,
    /// The taker has left.
    Left,
}

impl Uploads {
    pub(super) fn new(store: Store, turns: Turns) -> Self {
        let queue = Arc::new(Queue { store, state: Mutex::default(), room: Notify::new() });
        Self { turns, queue, takers: JoinSet::new() }
    }

    /// Takes a chunk; waits while too many are waiting. After a failure, chunks are dropped until the next flush.
    pub(super) async fn put(&mut self, chunk: ChunkRef, frame: Frame) {
        while self.queue.state().waiting.len() >= UPLOADS_MAX {
            self.queue.room.notified().await;
        }
        while self.takers.try_join_next().is_some() {}
        if self.queue.push(chunk, frame) {
            self.takers.spawn(take_all(self.turns.clone(), Arc::clone(&self.queue)));
        }
    }

    /// Makes what was handed in durable, and says so, or says what failed.
    pub(super) async fn flush(&mut self) -> Reply {
        while self.takers.join_next().await.is_some() {}
        if let Some((chunk, why)) = self.queue.state().failed.take() {
            return Reply::PutFailed { chunk, why };
        }
        let queue = Arc::clone(&self.queue);
        match self.turns.run(move || queue.store.sync()).await {
            Some(Ok(())) => Reply::Flushed,
            Some(Err(error)) => not_durable(failure(&error)),
            None => not_durable(PutFailure::Broken),
        }
    }
}

/// Takes turns until nothing waits any more.
async fn take_all(turns: Turns, queue: Arc<Queue>) {
    loop {
        let taken = Arc::clone(&queue);
        match turns.run(move || taken.take_some()).await {
            Some(Turn::Over) => {}
            Some(Turn::Left) => return,
            None => return queue.taker_broke(),
        }
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is half done while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another taker is wanted, which counts from now on. One keeps up with a job on a busy machine; where it
    /// does not, processors are idle.
    fn push(&self, chunk: ChunkRef, frame: Frame) -> bool {
        let mut state = self.state();
        if state.failed.is_some() {
            return false;
        }
        state.waiting.push_back((chunk, frame));
        let behind = state.waiting.len() > UPLOADS_MAX / 2;
        let wanted = if behind { UPLOAD_TAKERS_MAX } else { 1 };
        let lacking = state.takers < wanted;
        state.takers += usize::from(lacking);
        lacking
    }

    fn take_some(&self) -> Turn {
        let mut decoder = self.state().decoders.pop().unwrap_or_default();
        for _ in 0..UPLOADS_PER_TURN {
            let Some((chunk, frame)) = self.next() else {
                self.state().decoders.push(decoder);
                return Turn::Left;
            };
            let bytes = frame.bytes.len();
            if let Err(why) = check_and_append(&self.store, &mut decoder, chunk, frame) {
                self.fail(chunk.id, why);
            }
            self.sync_some(bytes);
        }
        self.state().decoders.push(decoder);
        Turn::Over
    }

    /// The next one; where there is none, the taker has left.
    fn next(&self) -> Option<(ChunkRef, Frame)> {
        let mut state = self.state();
        let was_full = state.waiting.len() >= UPLOADS_MAX;
        let next = state.waiting.pop_front();
        state.takers -= usize::from(next.is_none());
        drop(state);
        if was_full {
            self.room.notify_one();
        }
        next
    }

    /// Makes durable what has been appended, once that is much: while the job goes on, so that little is left to its flush.
    /// What fails here is told by the flush, since the store does not forget it.
    fn sync_some(&self, bytes: usize) {
        let mut state = self.state();
        state.appended += bytes;
        if state.appended >= UPLOAD_SYNC_BYTES {
            state.appended = 0;
            drop(state);
            drop(self.store.sync());
        }
    }

    /// The first failure is told; what came after it is not taken.
    fn fail(&self, chunk: ChunkId, why: PutFailure) {
        let mut state = self.state();
        state.failed.get_or_insert((chunk, why));
        state.waiting.clear();
        drop(state);
        self.room.notify_one();
    }

    fn taker_broke(&self) {
        self.state().takers -= 1;
        self.fail(no_chunk(), PutFailure::Broken);
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
    decoder: &mut FrameDecoder,
    chunk: ChunkRef,
    frame: Frame,
) -> Result<(), PutFailure> {
    let verified = decoder.verify(frame, chunk).map_err(|_| PutFailure::Bad)?;
    store.put(&verified).map_err(|error| failure(&error))?;
    drop(store.keep(&[chunk.id], UNPUBLISHED_MARKS));
    Ok(())
}

fn failure(error: &StoreError) -> PutFailure {
    if matches!(error, StoreError::Full) {
        return PutFailure::Full;
    }
    tracing::error!(%error, "the store fails");
    PutFailure::Broken
}
