//! Reading and compressing at once, with a bounded number of slabs of memory going round:
//!
//! ```text
//! reader: read, cut, hash ──→ caller: ask the sink ── lacking ──→ workers: compress, put
//!    ↑                          │ has it already                     │
//!    └──────────────────────────┴────────── empty slabs ─────────────┘
//! ```
//!
//! The number of slabs bounds everything that is under way; the reader waits for an empty one. It hashes too: that is a
//! tenth of what reading costs, and on a busy machine each hand-over to another thread costs more than that. Workers hand
//! what they made to the sink themselves: while the sink is slow to answer a question or to take a chunk, the others go on.
use super::feed::{Cut, Fed, Feed};
use super::slab::Slabs;
use super::{ChunkSink, queue::Queue};
use crate::disk::DiskError;
use pollux_core::{ChunkId, ChunkRef, FrameEncoder};
use std::{collections::HashSet, io, num::NonZero, path::PathBuf, thread};

/// Chunks that the sink is asked about at once: one answer is worth 2 MiB on average.
const ASK_CHUNKS: usize = 8;
/// Slabs for each worker, besides those of the chunks that the sink is asked about, of which each may lie in another one:
/// some chunks before each worker, so that none is idle while the sink answers, and little that fills the processor's
/// caches.
const SLABS_PER_WORKER: usize = 2;
/// Workers at most: the disk and the sink are slower than more of them.
const WORKERS_MAX: usize = 8;

/// Why packing ended.
#[derive(Debug)]
pub(super) enum Failure<E> {
    Disk(DiskError),
    Changed(PathBuf),
    Sink(E),
    /// The sink lacks a chunk that was not read, as it was saved before.
    Forgotten,
}

/// Why reading ended.
#[derive(Debug)]
pub(super) enum ReadEnd {
    Disk(DiskError),
    Changed(PathBuf),
    /// Nobody wants more: the sink failed.
    Stopped,
}

/// What goes from thread to thread.
struct Queues<'s, E> {
    slabs: &'s Slabs,
    work: Queue<Cut<'s>>,
    events: Queue<Event<'s, E>>,
}

/// Ends all threads if one panics: the panic is then passed on, and nobody waits for ever.
struct ClosedOnPanic<'a, 's, E>(&'a Queues<'s, E>);

enum Event<'s, E> {
    /// The next chunks.
    Fed(Fed<'s>),
    /// All is read.
    Read(Result<(), ReadEnd>),
    /// A worker has put all that there was, or the sink did not take it.
    Left(Result<(), E>),
}

/// Gives what `read` feeds to the sink; the chunks in the order in which they were fed.
pub(super) fn pipeline<S: ChunkSink>(
    sink: &S,
    read: impl FnOnce(Feed<'_, '_>) -> Result<(), ReadEnd> + Send,
) -> Result<Vec<ChunkRef>, Failure<S::Error>> {
    let slabs = Slabs::new(ASK_CHUNKS + SLABS_PER_WORKER * workers_wanted());
    let queues = Queues { slabs: &slabs, work: Queue::new(), events: Queue::new() };
    thread::scope(|scope| {
        let _closed = ClosedOnPanic(&queues);
        let done = match start(scope, &queues, sink, read) {
            Ok(workers) => Collector::new(sink, &queues, workers).run(),
            Err(error) => Err(Failure::Disk(DiskError::io("threads for packing", error))),
        };
        queues.close();
        done
    })
}

/// Starts the reader and the workers, and says how many of these; fewer than wanted will do, one must be there.
fn start<'scope, 's, S: ChunkSink>(
    scope: &'scope thread::Scope<'scope, '_>,
    queues: &'scope Queues<'s, S::Error>,
    sink: &'scope S,
    read: impl FnOnce(Feed<'_, '_>) -> Result<(), ReadEnd> + Send + 'scope,
) -> io::Result<usize> {
    let mut workers = 0;
    while workers < workers_wanted() {
        match thread::Builder::new().spawn_scoped(scope, || run_worker(queues, sink)) {
            Err(error) if workers == 0 => return Err(error),
            Err(_) => break,
            Ok(_) => workers += 1,
        }
    }
    let reader = move || {
        let _closed = ClosedOnPanic(queues);
        let emit = |fed: Fed<'s>| queues.events.push(Event::Fed(fed));
        let end = Feed::new(queues.slabs, &emit).and_then(read);
        queues.events.push(Event::Read(end));
    };
    thread::Builder::new().spawn_scoped(scope, reader)?;
    Ok(workers)
}

fn workers_wanted() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(WORKERS_MAX)
}

/// Compresses and puts until there is nothing more to do.
fn run_worker<S: ChunkSink>(queues: &Queues<'_, S::Error>, sink: &S) {
    let _closed = ClosedOnPanic(queues);
    let mut encoder = FrameEncoder::for_saving();
    let mut end = Ok(());
    while end.is_ok()
        && let Some(hashed) = queues.work.pop()
    {
        end = sink.put(hashed.compress(&mut encoder));
    }
    queues.events.push(Event::Left(end));
}

impl<E> Queues<'_, E> {
    fn close(&self) {
        self.slabs.close();
        self.work.close();
        self.events.close();
    }
}

impl<E> Drop for ClosedOnPanic<'_, '_, E> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.close();
        }
    }
}

/// The caller's part: what is known of the chunks so far.
struct Collector<'a, 's, S: ChunkSink> {
    sink: &'a S,
    queues: &'a Queues<'s, S::Error>,
    chunks: Vec<ChunkRef>,
    seen: HashSet<ChunkId>,
    /// To be asked about.
    pending: Vec<Cut<'s>>,
    /// Who has not left.
    workers: usize,
}

impl<'a, 's, S: ChunkSink> Collector<'a, 's, S> {
    fn new(sink: &'a S, queues: &'a Queues<'s, S::Error>, workers: usize) -> Self {
        let (chunks, pending) = (Vec::new(), Vec::new());
        Self { sink, queues, chunks, seen: HashSet::new(), pending, workers }
    }

    fn run(mut self) -> Result<Vec<ChunkRef>, Failure<S::Error>> {
        while self.workers > 0 {
            // Closed by a panic only, which is passed on.
            let Some(event) = self.queues.events.pop() else {
                break;
            };
            match event {
                Event::Fed(Fed::Cut(hashed)) => self.take_cut(hashed)?,
                Event::Fed(Fed::Known(chunks)) => self.take_known(chunks)?,
                Event::Read(end) => {
                    end?;
                    self.ask()?;
                    self.queues.work.end();
                }
                Event::Left(end) => {
                    end.map_err(Failure::Sink)?;
                    self.workers -= 1;
                }
            }
        }
        Ok(self.chunks)
    }

    fn take_cut(&mut self, hashed: Cut<'s>) -> Result<(), Failure<S::Error>> {
        let chunk = hashed.chunk();
        self.chunks.push(chunk);
        self.sink.progress(chunk.bytes.into());
        if self.seen.insert(chunk.id) {
            self.pending.push(hashed);
        }
        if self.pending.len() < ASK_CHUNKS { Ok(()) } else { self.ask() }
    }

    /// What was saved before must be in the sink, for nobody has read it.
    fn take_known(&mut self, chunks: Vec<ChunkRef>) -> Result<(), Failure<S::Error>> {
        self.sink.progress(chunks.iter().map(|chunk| u64::from(chunk.bytes)).sum());
        let new: Vec<ChunkId> =
            chunks.iter().map(|chunk| chunk.id).filter(|id| self.seen.insert(*id)).collect();
        self.chunks.extend(chunks);
        let lacks = self.sink.lacks(&new).map_err(Failure::Sink)?;
        if lacks.len() == new.len() && !lacks.contains(&true) { Ok(()) } else { Err(Failure::Forgotten) }
    }

    /// Asks the sink about what is pending, and has compressed what it lacks.
    fn ask(&mut self) -> Result<(), Failure<S::Error>> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut self.pending);
        let ids: Vec<ChunkId> = pending.iter().map(|hashed| hashed.chunk().id).collect();
        let lacks = self.sink.lacks(&ids).map_err(Failure::Sink)?;
        // An answer that is too short leaves chunks that are better sent than missed.
        let lacks = lacks.into_iter().chain(std::iter::repeat(true));
        for (hashed, lacking) in pending.into_iter().zip(lacks) {
            if lacking {
                self.queues.work.push(hashed);
            }
        }
        Ok(())
    }
}

impl<E> From<ReadEnd> for Failure<E> {
    fn from(end: ReadEnd) -> Self {
        match end {
            ReadEnd::Disk(error) => Self::Disk(error),
            ReadEnd::Changed(path) => Self::Changed(path),
            // Only after the sink failed, and then its error is what is told.
            ReadEnd::Stopped => Self::Disk(DiskError::Incomplete { missing: 0 }),
        }
    }
}
