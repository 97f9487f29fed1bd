//! Chunks on their way to a job's socket: the next few are read from the store ahead of it, several with one turn on a
//! blocking thread.
//!
//! What all jobs together read ahead is bounded by [`READ_AHEAD_BYTES`]; where that is used up, a job still has the one
//! chunk that is its turn. A job that takes a chunk slowly gives back what it had read ahead, and reads nothing ahead
//! until it takes one in time: so many slow jobs cost one chunk each, and leave the room to those that use it.
//!
//! Chunks that the engine delivers from memory are not counted here: the engine's credits bound them.
//!
//! [`READ_AHEAD_BYTES`]: super::limits::READ_AHEAD_BYTES

use super::limits::READS_AHEAD;
use super::turns::Turns;
use crate::driver::Delivery;
use crate::store::Store;
use pollux_core::engine::Source;
use pollux_core::{ChunkId, ChunkRef, Frame, VerifiedChunk};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// A chunk that a job waits for.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) chunk: ChunkRef,
    pub(super) source: Source,
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    Buffer(Arc<VerifiedChunk>),
    /// In the store.
    Later,
    Reading(Reading),
}

/// A read under way or done, and its share of the room. Dropped, it begins no more.
#[derive(Debug)]
struct Reading {
    read: oneshot::Receiver<Option<(ChunkRef, Frame)>>,
    _room: Option<OwnedSemaphorePermit>,
}

/// A read that is to be done: for whom, and of what.
type Wanted = (oneshot::Sender<Option<(ChunkRef, Frame)>>, ChunkId);

/// The bytes of a chunk whose turn it is.
#[derive(Debug)]
pub(super) enum Loaded {
    /// From memory.
    Buffer(Arc<VerifiedChunk>),
    /// From the store.
    Frame(Frame),
    /// The store's has another length.
    Other,
    /// The store has none.
    Lost,
}

/// The chunks that a job waits for, in order.
#[derive(Debug)]
pub(super) struct Ahead {
    store: Store,
    turns: Turns,
    queue: VecDeque<Waiting>,
    /// The last chunk was taken slowly.
    slow: bool,
}

impl Ahead {
    pub(super) const fn new(store: Store, turns: Turns) -> Self {
        Self { store, turns, queue: VecDeque::new(), slow: false }
    }

    /// Whether another one may wait here.
    pub(super) fn has_room(&self) -> bool {
        self.queue.len() < READS_AHEAD
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Behind the others.
    pub(super) fn push(&mut self, chunk: ChunkRef, source: Source, delivery: Delivery) {
        let bytes = match delivery {
            Delivery::Buffer(buffer) => Bytes::Buffer(buffer),
            Delivery::Store => Bytes::Later,
        };
        self.queue.push_back(Waiting { chunk, source, bytes });
        self.begin();
    }

    /// The one whose turn it is; those behind it may begin.
    pub(super) fn pop(&mut self) -> Option<Waiting> {
        let next = self.queue.pop_front();
        self.begin();
        next
    }

    /// The bytes of the one whose turn it is. Dropping the future drops what was read.
    pub(super) async fn load(&self, waiting: Waiting) -> Loaded {
        let reading = match waiting.bytes {
            Bytes::Buffer(buffer) => return Loaded::Buffer(buffer),
            Bytes::Later => self.read_now(waiting.chunk),
            Bytes::Reading(reading) => reading,
        };
        match reading.read.await.ok().flatten() {
            Some((found, frame)) if found == waiting.chunk => Loaded::Frame(frame),
            Some(_) => Loaded::Other,
            None => Loaded::Lost,
        }
    }

    /// The job is slow: what was read ahead for it is read again when its turn comes.
    pub(super) fn give_back(&mut self) {
        self.slow = true;
        for waiting in &mut self.queue {
            if matches!(waiting.bytes, Bytes::Reading(_)) {
                waiting.bytes = Bytes::Later;
            }
        }
    }

    /// The job has taken a chunk in time.
    pub(super) const fn taken_in_time(&mut self) {
        self.slow = false;
    }

    /// Begins what there is room for, once half of what may be read ahead is taken: many small turns cost more than the reads.
    fn begin(&mut self) {
        if self.slow || self.reading() > READS_AHEAD / 2 {
            return;
        }
        let mut wanted = Vec::new();
        let later = self.queue.iter_mut().filter(|waiting| matches!(waiting.bytes, Bytes::Later));
        for waiting in later {
            let Some(room) = self.turns.room_ahead(waiting.chunk.bytes) else { break };
            let (give, read) = oneshot::channel();
            waiting.bytes = Bytes::Reading(Reading { read, _room: Some(room) });
            wanted.push((give, waiting.chunk.id));
        }
        self.read(wanted);
    }

    fn read_now(&self, chunk: ChunkRef) -> Reading {
        let (give, read) = oneshot::channel();
        self.read(vec![(give, chunk.id)]);
        Reading { read, _room: None }
    }

    /// Reads, one after the other, what is still waited for when its turn comes.
    fn read(&self, wanted: Vec<Wanted>) {
        if wanted.is_empty() {
            return;
        }
        let (store, turns) = (self.store.clone(), self.turns.clone());
        let read_all = move || {
            for (give, chunk) in wanted.into_iter().filter(|(give, _)| !give.is_closed()) {
                // Who gives it up just now does not hear it.
                drop(give.send(store.get(&chunk).ok().flatten()));
            }
        };
        tokio::spawn(async move { turns.run(read_all).await });
    }

    /// Chunks that are in memory from the store, or will be in a moment.
    pub(super) fn reading(&self) -> usize {
        self.queue.iter().filter(|waiting| matches!(waiting.bytes, Bytes::Reading(_))).count()
    }
}
