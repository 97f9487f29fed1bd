//! What blocks or takes CPU, on the runtime's blocking threads.

use super::frames::Frames;
use super::tree_reader;
use crate::journal::Journal;
use crate::net::NetHandle;
use crate::store::{Store, StoreError};
use pollux_core::engine::{
    AskId, Credit, FetchId, Input, Record, ServeFailure, Statement, StoreFailure, TaskId, TreeFault, Work,
};
use pollux_core::message::{Decline, LogPlace, LogQuery};
use pollux_core::{
    ChunkFault, ChunkId, ChunkRef, FrameDecoder, KeyPair, LogEntry, TreeRef, Trust, VerifiedChunk,
};
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How much of a kind is under way at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerBounds {
    /// Frames being hashed.
    pub checks: u32,
    /// Chunks being appended.
    pub writes: u32,
    /// Chunks being read and sent to peers.
    pub reads: u32,
}

impl WorkerBounds {
    /// Hashing keeps the cores busy with one frame waiting for each; appends queue behind one writer anyway; reads
    /// count until the peer has taken the frame, so there are more of them.
    #[must_use]
    pub fn for_this_machine() -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        let cores = u32::try_from(cores).unwrap_or(1).min(16);
        Self { checks: 2 * cores, writes: 8, reads: 32 }
    }

    /// The same, with no more frames being hashed than this; none: as many as this machine's cores are kept busy with.
    #[must_use]
    pub fn of(cpu_threads: Option<NonZero<u32>>) -> Self {
        let bounds = Self::for_this_machine();
        Self {
            checks: cpu_threads.map_or(bounds.checks, |threads| threads.get().min(bounds.checks)),
            ..bounds
        }
    }

    pub(super) fn credits(self) -> [Credit; 3] {
        [Credit::Checks(self.checks), Credit::Writes(self.writes), Credit::Reads(self.reads)]
    }
}

/// Starts work and sends its outcome back as an input.
#[derive(Clone, Debug)]
pub(super) struct Workers {
    shared: Arc<Shared>,
    /// Trees are large: one is opened at a time. Those that wait hold no thread.
    tree_turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug)]
struct Shared {
    store: Store,
    journal: Option<Journal>,
    identity: KeyPair,
    done: mpsc::UnboundedSender<Input>,
    decoders: Mutex<Vec<FrameDecoder>>,
}

impl Workers {
    pub(super) fn new(
        (store, journal): (Store, Option<Journal>),
        identity: KeyPair,
        done: mpsc::UnboundedSender<Input>,
    ) -> Self {
        let shared = Shared { store, journal, identity, done, decoders: Mutex::default() };
        Self { shared: Arc::new(shared), tree_turn: Arc::default() }
    }

    /// An outcome that needed no work.
    pub(super) fn say(&self, input: Input) {
        self.shared.say(input);
    }

    pub(super) fn store(&self) -> &Store {
        &self.shared.store
    }

    pub(super) fn take_lost(&self) -> Vec<ChunkId> {
        self.shared.store.take_lost()
    }

    /// Work of another part of the driver.
    pub(super) fn lend(&self, work: impl FnOnce() -> Input + Send + 'static) {
        self.start(move |_| work());
    }

    fn start(&self, work: impl FnOnce(&Shared) -> Input + Send + 'static) {
        // Its outcome comes as an input.
        drop(self.spawn(work));
    }

    fn spawn(&self, work: impl FnOnce(&Shared) -> Input + Send + 'static) -> JoinHandle<()> {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || {
            let outcome = work(&shared);
            shared.say(outcome);
        })
    }

    pub(super) fn check(&self, frames: &Frames, fetch: FetchId, chunk: ChunkRef) {
        let frames = frames.clone();
        self.start(move |shared| {
            let result = shared.check(&frames, fetch, chunk);
            Input::Checked { fetch, result }
        });
    }

    pub(super) fn keep(&self, fetch: FetchId, chunk: Arc<VerifiedChunk>) {
        self.start(move |shared| {
            let result = shared.store.put(&chunk).map_err(|error| failure(&error));
            Input::Kept { fetch, result }
        });
    }

    /// Reads chunks for a peer, one after the other, and gives each at once. What the wire then says of it frees its place.
    pub(super) fn serve(&self, net: &NetHandle, chunks: Vec<(AskId, ChunkId)>) {
        let (shared, net) = (Arc::clone(&self.shared), net.clone());
        tokio::task::spawn_blocking(move || {
            chunks.into_iter().for_each(|(ask, chunk)| shared.give(&net, ask, &chunk));
        });
    }

    pub(super) fn verify(&self, task: TaskId, work: Work, trust: Arc<Trust>) {
        self.start(move |_| Input::Verified { task, verdict: Box::new(work.run(&trust)) });
    }

    pub(super) fn sign(&self, task: TaskId, statement: Statement) {
        self.start(move |shared| Input::Signed { task, envelope: statement.sign(&shared.identity) });
    }

    /// What was logged before is written first, so that whatever is durable has its line.
    pub(super) fn record(&self, task: TaskId, record: Record) {
        self.start(move |shared| {
            if let Some(journal) = &shared.journal {
                journal.write();
            }
            let result = shared.store.record(&record).map_err(|error| failure(&error));
            Input::Recorded { task, result }
        });
    }

    /// Takes a line at once, and writes it off this thread.
    pub(super) fn log(&self, entry: &LogEntry) {
        let Some(journal) = &self.shared.journal else { return };
        journal.add(entry);
        let journal = journal.clone();
        // The next record, or the end of the node, waits for it.
        drop(tokio::task::spawn_blocking(move || journal.write()));
    }

    pub(super) fn read_log(&self, task: TaskId, what: LogQuery, after: Option<LogPlace>) {
        self.start(move |shared| {
            let page = shared.journal.as_ref().map(|journal| journal.read(&what, after));
            Input::LogRead { task, page: page.unwrap_or_default() }
        });
    }

    pub(super) fn sync(&self, task: TaskId) {
        self.start(move |shared| {
            let result = shared.store.sync().map_err(|error| failure(&error));
            Input::Synced { task, result }
        });
    }

    /// The index is in memory, but a large manifest is looked for in a hundred pieces at once.
    pub(super) fn look(&self, task: TaskId, chunks: Vec<ChunkRef>) {
        self.start(move |shared| {
            let held = chunks.iter().map(|chunk| shared.store.holds(&chunk.id)).collect();
            Input::Looked { task, held }
        });
    }

    /// On a seed, whoever looks may vote for what it finds: that stays until it has.
    pub(super) fn look_and_keep(&self, task: TaskId, chunks: &[ChunkRef]) {
        let chunks: Vec<ChunkId> = chunks.iter().map(|chunk| chunk.id).collect();
        self.start(move |shared| Input::Looked { task, held: shared.store.keep(&chunks, 0) });
    }

    pub(super) fn open_tree(&self, task: TaskId, tree: TreeRef) {
        let workers = self.clone();
        tokio::spawn(async move {
            let _turn = workers.tree_turn.lock().await;
            let opening = workers.spawn(move |shared| {
                let result =
                    shared.with_decoder(|decoder| tree_reader::content(&shared.store, &tree, decoder));
                Input::TreeOpened { task, result }
            });
            if opening.await.is_err() {
                workers.say(Input::TreeOpened { task, result: Err(TreeFault::Broken) });
            }
        });
    }
}

impl Shared {
    /// Nobody listens while the node stops.
    fn say(&self, input: Input) {
        if self.done.send(input).is_err() {
            tracing::trace!("a worker finishes after the driver");
        }
    }

    fn give(&self, net: &NetHandle, ask: AskId, chunk: &ChunkId) {
        match self.store.get(chunk) {
            Ok(Some((_, frame))) => net.answer(ask, Ok(frame)),
            Ok(None) | Err(_) => {
                net.answer(ask, Err(Decline::Missing));
                self.say(Input::Served { ask, result: Err(ServeFailure::Missing) });
            }
        }
    }

    fn with_decoder<R>(&self, act: impl FnOnce(&mut FrameDecoder) -> R) -> R {
        let spare = self.decoders.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut decoder = spare.unwrap_or_default();
        let result = act(&mut decoder);
        self.decoders.lock().unwrap_or_else(PoisonError::into_inner).push(decoder);
        result
    }

    fn check(
        &self,
        frames: &Frames,
        fetch: FetchId,
        chunk: ChunkRef,
    ) -> Result<pollux_core::CheckedChunk, ChunkFault> {
        let frame = frames.take_arrived(fetch).ok_or(ChunkFault::BadFrame)?;
        let verified = self.with_decoder(|decoder| decoder.verify(frame, chunk))?;
        let witness = verified.witness();
        frames.verified(fetch, verified);
        Ok(witness)
    }
}

/// What the engine is told of a store's error; the log has the words.
fn failure(error: &StoreError) -> StoreFailure {
    if matches!(error, StoreError::Full) {
        return StoreFailure::Full;
    }
    tracing::error!(%error, "the store fails");
    StoreFailure::Broken
}
