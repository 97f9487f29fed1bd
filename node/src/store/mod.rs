//! Chunks and records on disk: append-only segments for chunks, redb for what must be transactional and small.
//!
//! What it promises:
//!
//! - What was put before a [`Store::sync`] that returned `Ok` is there after a crash at any later moment; a record is
//!   made durable after the chunks that were put before it.
//! - Nothing half written, damaged or forged by a chunk's content is ever handed out.
//! - A full disk, or a full quota, is a refused write. Afterwards the store holds what it held.
//! - After a sync that failed it promises nothing more: writes are refused until it is opened again.
//! - A vote for a key and sequence is never changed.
//! - A store of a format that is not known, newer or older, is left as it is.
//!
//! It decides nothing: what may go is told to [`Store::sweep`] and [`Store::give_back`]. `directory` shows what lies where; the formats stand
//! in `record`, `footer` and `records`. Modules import downward only:
//!
//! ```text
//! give_back  check
//! sweep  overlay  tree
//! chunks
//! recovery
//! writer
//! active  manifests
//! segment  records
//! footer  records_file  group_sync
//! index  put_again
//! record  directory
//! disk  error
//! ```
mod active;
mod check;
mod chunks;
mod directory;
mod disk;
mod error;
mod footer;
mod give_back;
mod group_sync;
mod index;
mod manifests;
mod overlay;
mod put_again;
mod record;
mod records;
mod records_file;
mod recovery;
mod segment;
mod sweep;
#[cfg(test)]
mod tests;
mod tree;
mod writer;

pub use check::{CheckFault, CheckMode, CheckProgress, CheckReport, FaultKind, Incomplete, Lacks, check};
pub(crate) use disk::RECORDS;
pub use error::StoreError;
pub use give_back::{Terms, Worth};
pub use sweep::SweepMark;
pub(crate) use tree::content as tree_content;

use chunks::{Chunks, Got};
use directory::Claim;
use disk::{Disk, RealDisk, SegmentNumber};
use group_sync::GroupSync;
use pollux_core::message::VoteEnvelope;
use pollux_core::{
    CertifiedEnvelope, ChunkId, ChunkRef, Envelope, Frame, ManifestId, Papers, PeerId, Timestamp,
    VerifiedChunk,
    engine::{Record, Share},
};
use records::{Quarantined, Records};
use serde::{Deserialize, Serialize};
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use writer::Bounds;

/// Bytes of a segment at most: a start checks the last one whole, and a sweep moves at most half of one at a time.
const SEGMENT_BYTES_MAX: u32 = 256 * 1024 * 1024;
/// A small store has smaller segments, but none below this: they go as a whole when the disk runs short.
const SEGMENT_BYTES_MIN: u32 = 16 * 1024 * 1024;
/// So many segments a store has at least when it is full.
const SEGMENTS_AT_LEAST: u64 = 32;
/// Bytes set aside at a time: large enough for long extents, small beside what must stay free.
const RESERVE_BYTES: u64 = 16 * 1024 * 1024;
/// The part of the file system that a store may fill unless told otherwise: a tenth.
const FILE_SYSTEM_PART: u64 = 10;

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Bytes that its segments may have; none: a tenth of the file system.
    pub bytes_max: Option<u64>,
    /// Bytes that it always leaves free on the file system.
    pub free_bytes_min: u64,
}

/// A store on one directory, locked against a second node. Cheap to clone; every method blocks on the disk, except
/// those that say otherwise.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    chunks: Chunks,
    records: Records,
    disk: Arc<dyn Disk>,
    lost: Mutex<Vec<ChunkId>>,
    /// Let go last.
    _claim: Option<Claim>,
}

/// What a store remembers at start.
#[derive(Debug, Default)]
pub struct Recovery {
    /// Certified manifests.
    pub certified: Vec<CertifiedEnvelope>,
    /// A seed's votes: manifest and receipt.
    pub votes: Vec<(Envelope, Envelope)>,
    /// Votes of other seeds.
    pub ballots: Vec<VoteEnvelope>,
    /// The highest epochs of other seeds' stores that were seen.
    pub seen: Vec<(PeerId, u64)>,
    /// What publishers' caches take of a seed's disk.
    pub shares: Vec<Share>,
    /// When manifests were last used; none: a seed has let the content go.
    pub uses: Vec<(ManifestId, Option<Timestamp>)>,
    /// The epoch of this store as it was opened, if it has a marker: see [`Record`].
    pub marker: Option<u64>,
    /// What everything was judged by when that last changed.
    pub papers: Option<KeptPapers>,
    /// Bytes cut off behind the last whole record.
    pub torn_bytes: u64,
}

/// What everything is judged by, as it is kept over a restart: see [`Record`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPapers {
    /// In force.
    pub taken: Papers,
    /// With a newer policy that had not taken over.
    pub next: Option<Papers>,
}

/// What a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreUsage {
    /// Chunks.
    pub chunks: u64,
    /// Bytes of the segments that they lie in.
    pub bytes: u64,
    /// Bytes that the segments may have.
    pub bytes_max: u64,
    /// Bytes free on the file system.
    pub disk_free_bytes: u64,
    /// Bytes that it leaves free there.
    pub free_bytes_min: u64,
}

impl StoreUsage {
    /// Bytes to give back: with an eighth of what must stay free on top, so that a job that goes on writing finds room
    /// before the next look. 0: enough is free, and it keeps within its bound.
    #[must_use]
    pub fn owed_bytes(&self) -> u64 {
        let over = self.bytes.saturating_sub(self.bytes_max);
        match self.free_bytes_min.saturating_sub(self.disk_free_bytes) {
            0 => over,
            short => over.max(short.saturating_add(self.free_bytes_min / 8)),
        }
    }

    /// Whether less than half is free of what must stay free.
    #[must_use]
    pub const fn is_short(&self) -> bool {
        self.disk_free_bytes < self.free_bytes_min / 2
    }

    /// Bytes that it can have: its bound, or what the file system has for it if that is less.
    #[must_use]
    pub fn bytes_possible(&self) -> u64 {
        let spare = self.disk_free_bytes.saturating_sub(self.free_bytes_min);
        self.bytes_max.min(self.bytes.saturating_add(spare))
    }
}

impl Store {
    /// Opens or makes the store in this directory; cuts segments back to their last whole record.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::BeingChecked`], [`StoreError::NewerFormat`], [`StoreError::OlderFormat`], [`StoreError::NotAStore`]: the
    /// directory is left as it is. Otherwise what the disk says.
    pub fn open(directory: &Path, options: StoreOptions) -> Result<(Self, Recovery), StoreError> {
        let claim = directory::claim(directory)?;
        let failed =
            |error| StoreError::disk(format!("use the store directory {}", directory.display()), error);
        let disk = RealDisk::new(directory).map_err(failed)?;
        let space = disk.space().map_err(failed)?;
        let bytes_max = options.bytes_max.unwrap_or(space.total / FILE_SYSTEM_PART);
        let part = u32::try_from(bytes_max / SEGMENTS_AT_LEAST).unwrap_or(u32::MAX);
        let bounds = Bounds {
            segment_bytes_max: part.clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX),
            bytes_max,
            free_bytes_min: options.free_bytes_min,
            reserve_bytes: RESERVE_BYTES,
        };
        Self::open_on(Arc::new(disk), bounds, Some(claim))
    }

    /// As [`Store::open`] without bounds, with segments that a few chunks fill.
    #[cfg(test)]
    pub(crate) fn open_small(directory: &Path) -> Self {
        let disk = RealDisk::new(directory).unwrap();
        let bounds =
            Bounds { segment_bytes_max: 1000, bytes_max: 1 << 30, free_bytes_min: 0, reserve_bytes: 300 };
        Self::open_on(Arc::new(disk), bounds, None).unwrap().0
    }

    fn open_on(
        disk: Arc<dyn Disk>,
        bounds: Bounds,
        claim: Option<Claim>,
    ) -> Result<(Self, Recovery), StoreError> {
        let sync = Arc::new(GroupSync::default());
        let records = open_records(&*disk, &sync)?;
        let (chunks, opening) = Chunks::open(Arc::clone(&disk), sync, bounds, &records.quarantined()?)?;
        records.release(&opening.released)?;
        let loaded = records.load()?;
        let recovery = Recovery {
            certified: loaded.certified,
            votes: loaded.votes,
            ballots: loaded.ballots,
            seen: loaded.seen,
            shares: loaded.shares,
            uses: loaded.uses,
            marker: loaded.marker,
            papers: loaded.papers,
            torn_bytes: opening.torn_bytes,
        };
        let inner = Inner { chunks, records, disk, lost: Mutex::default(), _claim: claim };
        Ok((Self { inner: Arc::new(inner) }, recovery))
    }

    /// Whether the chunk is there. Does not touch the disk.
    #[must_use]
    pub fn holds(&self, chunk: &ChunkId) -> bool {
        self.chunk_ref(chunk).is_some()
    }

    /// The chunk's plain length, if it is there. Does not touch the disk.
    #[must_use]
    pub fn chunk_ref(&self, chunk: &ChunkId) -> Option<ChunkRef> {
        self.inner.chunks.chunk_ref(chunk)
    }

    /// Reads a frame and checks its record; a bad record is quarantined and becomes `None`.
    ///
    /// # Errors
    /// [`StoreError::Disk`] where the disk fails in another way than having lost these bytes.
    pub fn get(&self, chunk: &ChunkId) -> Result<Option<(ChunkRef, Frame)>, StoreError> {
        match self.inner.chunks.get(chunk)? {
            Got::Chunk(chunk, frame) => Ok(Some((chunk, frame))),
            Got::Missing => Ok(None),
            Got::Damaged(place) => {
                self.quarantine(place, chunk);
                Ok(None)
            }
        }
    }

    /// Appends a chunk; durable after the next `sync`. A chunk that is there already is not written again.
    ///
    /// # Errors
    /// [`StoreError::Full`]: over the quota, or no room. [`StoreError::Broken`]: a sync has failed before.
    pub fn put(&self, chunk: &VerifiedChunk) -> Result<(), StoreError> {
        self.inner.chunks.put(chunk.chunk(), chunk.frame())
    }

    /// Which of these chunks are there, for somebody who relies on them from now on: a sweep up to one of the next
    /// `marks` marks, or up to any before, leaves them alone. Does not touch the disk, but may wait for who writes.
    #[must_use]
    pub fn keep(&self, chunks: &[ChunkId], marks: u64) -> Vec<bool> {
        self.inner.chunks.keep(chunks, marks)
    }

    /// Makes everything put before this call durable. Calls that wait together share one sync.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if this sync or an earlier one failed: nothing may be called durable any more.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.inner.chunks.sync()
    }

    /// Makes a record durable (after the chunks put before it).
    ///
    /// # Errors
    /// [`StoreError::VoteConflict`] for a vote where another manifest has one. After any other error the record may
    /// or may not be there.
    pub fn record(&self, record: &Record) -> Result<(), StoreError> {
        let records = &self.inner.records;
        match record {
            Record::Certified(certified) => {
                self.sync()?;
                records.certify(certified)
            }
            Record::Vote { manifest, key, sequence, receipt } => {
                self.sync()?;
                records.vote(key, *sequence, &(manifest.clone(), receipt.clone()))
            }
            Record::Forget(manifest) => records.forget(manifest),
            Record::Ballot { seed, vote } => records.ballot(seed, vote),
            Record::Marker { epoch } => {
                self.sync()?;
                records.mark(*epoch)
            }
            Record::Seen { seed, epoch } => records.see(seed, *epoch),
            Record::Share(share) => {
                self.sync()?;
                records.take(share)
            }
            Record::Used { manifest, at } => records.use_at(manifest, Some(*at)),
            Record::LetGo(manifest) => records.use_at(manifest, None),
            Record::Papers { taken, next } => {
                records.keep_papers(&KeptPapers { taken: taken.clone(), next: next.clone() })
            }
        }
    }

    /// Raises the epoch by one and makes that durable, if there is a marker: a seed's start.
    ///
    /// # Errors
    /// What the disk says. After an error the epoch may or may not be raised.
    pub fn raise_epoch(&self) -> Result<(), StoreError> {
        self.inner.records.raise_epoch()
    }

    /// Shows every manifest that the records name: certified, or voted for. Most come twice.
    ///
    /// # Errors
    /// What the disk says: then not all were shown.
    pub fn each_manifest(&self, mut show: impl FnMut(&Envelope)) -> Result<(), StoreError> {
        self.inner.records.each_manifest(&mut show)
    }

    /// What it holds.
    #[must_use]
    pub fn usage(&self) -> StoreUsage {
        self.usage_with(self.inner.disk.space().map_or(0, |space| space.free))
    }

    /// What it holds, if the file system says how much is free. A few microseconds; waits for nobody who writes.
    #[must_use]
    pub fn look(&self) -> Option<StoreUsage> {
        self.inner.disk.space().ok().map(|space| self.usage_with(space.free))
    }

    fn usage_with(&self, disk_free_bytes: u64) -> StoreUsage {
        let chunks = &self.inner.chunks;
        StoreUsage {
            chunks: chunks.index().chunks(),
            bytes: chunks.disk_bytes(),
            bytes_max: chunks.bounds.bytes_max,
            disk_free_bytes,
            free_bytes_min: chunks.bounds.free_bytes_min,
        }
    }

    /// Whether a sync has failed: nothing is written any more until the store is opened again.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.inner.chunks.sync.check().is_err()
    }

    /// Chunks lost to bad records, or swept, since the last call. Does not touch the disk.
    #[must_use]
    pub fn take_lost(&self) -> Vec<ChunkId> {
        std::mem::take(&mut *self.inner.lost.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where a sweep that begins later may sweep up to: everything put from now on is safe from it. Take the mark,
    /// wait as long as an upload may take before its manifest is recorded, find what is live, then sweep.
    #[must_use]
    pub fn sweep_mark(&self) -> SweepMark {
        self.inner.chunks.sweep_mark()
    }

    /// Gives back the room of chunks that were put before the mark and are not `live`: segments without live chunks
    /// are removed; those of which less than half is live are removed once their live chunks have moved. Says how
    /// many bytes were given back. Chunks that go are told by [`Store::take_lost`].
    ///
    /// # Errors
    /// [`StoreError::Full`] if there was no room to move chunks; what was given back before that stays so.
    pub fn sweep(&self, mark: SweepMark, live: impl Fn(&ChunkId) -> bool) -> Result<u64, StoreError> {
        let swept = self.inner.chunks.sweep(mark, &live);
        self.lose(&swept.lost);
        for (place, chunk) in &swept.damaged {
            self.quarantine(*place, chunk);
        }
        self.release(&swept.removed)?;
        swept.result.map(|()| swept.bytes)
    }

    /// Gives room back at once, until so many bytes came back: first what was set aside and not used, then whole
    /// segments, those that are worth least first, whatever of them is live. Says how many bytes. Chunks that go are told
    /// by [`Store::take_lost`]; after a crash some may be there again. What jobs were told is here ([`Store::keep`]) goes
    /// as the terms say.
    ///
    /// # Errors
    /// What the disk says; what was given back before that stays so.
    pub fn give_back(
        &self,
        bytes: u64,
        worth: impl Fn(&ChunkId) -> Worth,
        terms: Terms,
    ) -> Result<u64, StoreError> {
        let swept = self.inner.chunks.give_back(bytes, &worth, terms);
        self.lose(&swept.lost);
        if let Err(error) = self.release(&swept.removed) {
            // The records want room too. The next start forgets places that are gone.
            tracing::debug!(%error, "quarantined places that are gone could not be forgotten");
        }
        swept.result.map(|()| swept.bytes)
    }

    /// Forgets quarantined places in segments that are gone.
    fn release(&self, removed: &[SegmentNumber]) -> Result<(), StoreError> {
        if removed.is_empty() {
            return Ok(());
        }
        let mut places = self.inner.records.quarantined()?;
        places.retain(|place| removed.contains(&place.segment));
        self.inner.records.release(&places)
    }

    fn quarantine(&self, place: Quarantined, chunk: &ChunkId) {
        tracing::warn!(%chunk, segment = place.segment.0, offset = place.offset, "a damaged record was quarantined");
        self.lose(&[*chunk]);
        if let Err(error) = self.inner.records.quarantine(place, chunk) {
            // The next start takes the record for whole until it is read again.
            tracing::warn!(%error, "a quarantined place could not be remembered");
        }
    }

    fn lose(&self, chunks: &[ChunkId]) {
        self.inner.lost.lock().unwrap_or_else(PoisonError::into_inner).extend(chunks);
    }
}

/// Opens the records, or makes them: under another name until they are a database, because redb takes a file that it
/// had only begun for one that is not its own.
fn open_records(disk: &dyn Disk, sync: &GroupSync) -> Result<Records, StoreError> {
    let failed = |error| StoreError::disk("open the records", error);
    if let Some(file) = disk.open_records().map_err(failed)? {
        return Records::open(file, Arc::clone(sync.broken()));
    }
    let records = Records::open(disk.begin_records().map_err(failed)?, Arc::clone(sync.broken()))?;
    disk.finish_records().map_err(failed)?;
    Ok(records)
}
