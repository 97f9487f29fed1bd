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

use super::{DiskError, Scan, Shelf, index::Index, index::Reuse, scan::Found};
use pipeline::{Failure, pipeline};
use pollux_core::{ChunkId, ChunkRef, Entry, Tree, TreeRef, VerifiedChunk, runs};
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

/// Reads, cuts, hashes, compresses: all chunks that the sink lacks are put, once each, those of the tree's encoding last. What a
/// shelf has of a save before is not read again, and what was saved now is kept there.
///
/// # Errors
/// [`PackError`]. Chunks that were put stay in the sink.
pub fn pack<S: ChunkSink>(
    scan: &Scan,
    shelf: Option<&Shelf>,
    sink: &S,
) -> Result<Packed, PackError<S::Error>> {
    let index = shelf.and_then(|shelf| shelf.take(scan));
    let first = match pack_kept(scan, index.as_ref(), shelf, sink) {
        Err(Failure::Forgotten) => pack_kept(scan, None, shelf, sink),
        done => done,
    };
    match first {
        Err(Failure::Changed(_)) => {}
        done => return done.map_err(give_up),
    }
    let again = Scan::new(&scan.options)?;
    pack_kept(&again, None, shelf, sink).map_err(give_up)
}

/// Reads what an index does not know, and keeps a new one.
fn pack_kept<S: ChunkSink>(
    scan: &Scan,
    index: Option<&Index>,
    shelf: Option<&Shelf>,
    sink: &S,
) -> Result<Packed, Failure<S::Error>> {
    let packed = pack_once(scan, index, sink)?;
    if let Some(shelf) = shelf {
        keep(shelf, scan, index, &packed);
    }
    Ok(packed)
}

/// For the next save, unless that would find the same as this one did. An index is only a hint: what cannot be kept is not.
fn keep(shelf: &Shelf, scan: &Scan, index: Option<&Index>, packed: &Packed) {
    let new = Index::new(scan, packed.tree.clone());
    if index.is_none_or(|index| !index.is_as_good_as(&new)) {
        drop(shelf.put(&scan.options, &new));
    }
}

fn give_up<E: std::error::Error>(failure: Failure<E>) -> PackError<E> {
    match failure {
        Failure::Changed(path) => PackError::Changing(path),
        Failure::Disk(error) => PackError::Disk(error),
        // Nothing was known, so nothing was forgotten.
        Failure::Forgotten => PackError::Disk(DiskError::Incomplete { missing: 0 }),
        Failure::Sink(error) => PackError::Sink(error),
    }
}

fn pack_once<S: ChunkSink>(
    scan: &Scan,
    index: Option<&Index>,
    sink: &S,
) -> Result<Packed, Failure<S::Error>> {
    let entries: Vec<Entry> = scan.found.iter().map(Found::entry).collect();
    let runs = runs(&entries);
    let reuse = index.map_or_else(Reuse::nothing, |index| Reuse::new(index, scan, &runs));
    let chunks = pipeline(sink, |feed| read::read_runs(scan, &runs, &reuse, feed))?;
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
