//! Reading a scanned directory into chunks and a tree.
//!
//! One thread reads the files in content order, cuts and hashes; the caller's thread asks the sink what it lacks; workers
//! compress that and hand it to the sink. What is in flight is bounded by the number of slabs of memory, which go round.
//!
//! A file must be the one that was listed when it is opened, and again when everything was read: so the tree is one that
//! was there at one moment. If one is not, all of it is scanned and read once more (what the sink has by
//! then is not compressed again), and then it is an error.
mod feed;
mod pipeline;
mod queue;
mod read;
mod slab;

use super::{
    DiskError, Scan,
    scan::{Found, FoundKind},
};
use pipeline::{Failure, pipeline};
use pollux_core::{ChunkId, ChunkRef, Entry, EntryKind, Tree, TreeRef, VerifiedChunk, runs};
use std::{panic::resume_unwind, path::PathBuf, thread};

/// Where packed chunks go. Several threads put at once, while another one asks.
pub trait ChunkSink: Sync {
    /// What can go wrong.
    type Error: std::error::Error + Send + Sync + 'static;
    /// Which of these it lacks, in their order. Only those are compressed and put.
    ///
    /// # Errors
    /// The sink's own; packing ends with it.
    fn lacks(&self, chunks: &[ChunkId]) -> Result<Vec<bool>, Self::Error>;
    /// Takes a chunk.
    ///
    /// # Errors
    /// The sink's own; packing ends with it.
    fn put(&self, chunk: VerifiedChunk) -> Result<(), Self::Error>;
    /// So many more plain bytes were read (for progress; a second reading counts again).
    fn progress(&self, _bytes: u64) {}
}

/// A directory that is now in the sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The listing.
    pub tree: Tree,
    /// What a manifest says of it; the chunks of its encoding are in the sink too.
    pub tree_ref: TreeRef,
}

/// Why packing ended.
#[derive(Debug, thiserror::Error)]
pub enum PackError<E: std::error::Error + 'static> {
    /// The directory.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A file would not hold still.
    #[error("{} keeps changing while it is saved", .0.display())]
    Changing(PathBuf),
    /// The sink.
    #[error(transparent)]
    Sink(E),
}

/// Reads, cuts, hashes, compresses: all chunks that the sink lacks are put, once each, those of the tree's encoding last.
///
/// # Errors
/// [`PackError`]. Chunks that were put stay in the sink.
pub fn pack<S: ChunkSink>(scan: &Scan, sink: &S) -> Result<Packed, PackError<S::Error>> {
    match pack_once(scan, sink) {
        Err(Failure::Changed(_)) => {}
        done => return done.map_err(give_up),
    }
    let again = Scan::new(&scan.options)?;
    pack_once(&again, sink).map_err(give_up)
}

fn give_up<E: std::error::Error>(failure: Failure<E>) -> PackError<E> {
    match failure {
        Failure::Changed(path) => PackError::Changing(path),
        Failure::Disk(error) => PackError::Disk(error),
        Failure::Sink(error) => PackError::Sink(error),
    }
}

fn pack_once<S: ChunkSink>(scan: &Scan, sink: &S) -> Result<Packed, Failure<S::Error>> {
    let entries: Vec<Entry> = scan.found.iter().map(entry).collect();
    let runs = runs(&entries);
    let chunks = pipeline(sink, |feed| read::read_runs(scan, &runs, feed))?;
    let unfit = |why| Failure::Disk(DiskError::Unfit { base: scan.options.base.clone(), why });
    let (tree, tree_chunks) = while_checking(scan, || {
        let tree = Tree::new(scan.roots.clone(), entries, chunks).map_err(unfit)?;
        let tree_chunks = pack_tree(&tree, sink)?;
        Ok((tree, tree_chunks))
    })?;
    let tree_ref = TreeRef { chunks: tree_chunks, totals: tree.totals(), roots: tree.roots().to_vec() };
    Ok(Packed { tree, tree_ref })
}

/// Does the work while another thread looks whether every file held still; after it, where there is no thread to be had.
fn while_checking<T, E>(scan: &Scan, work: impl FnOnce() -> Result<T, Failure<E>>) -> Result<T, Failure<E>> {
    thread::scope(|scope| {
        let checking = thread::Builder::new().spawn_scoped(scope, || read::check_unchanged(scan));
        let done = work()?;
        match checking {
            Ok(checking) => checking.join().unwrap_or_else(|panic| resume_unwind(panic))?,
            Err(_) => read::check_unchanged(scan)?,
        }
        Ok(done)
    })
}

fn pack_tree<S: ChunkSink>(tree: &Tree, sink: &S) -> Result<Vec<ChunkRef>, Failure<S::Error>> {
    let encoded = tree.encode();
    pipeline(sink, |mut feed| {
        feed.push(&encoded)?;
        feed.finish()
    })
}

fn entry(found: &Found) -> Entry {
    let kind = match &found.kind {
        FoundKind::File(stamp) => EntryKind::File { bytes: stamp.bytes, offset: 0 },
        FoundKind::Directory => EntryKind::Directory,
        FoundKind::Symlink { target } => EntryKind::Symlink { target: target.clone() },
    };
    Entry { path: found.path.clone(), mode: found.mode, modified_ns: found.modified_ns, kind }
}
