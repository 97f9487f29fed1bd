//! Chunks: one writer, any number of readers, an index of what lies where.
//!
//! Locks are taken in this order: removing, writer, then segments or index. Readers hold none of them while they read.
use super::{
    StoreError,
    disk::{Disk, SegmentNumber},
    group_sync::GroupSync,
    index::{INDEX_CHUNKS_MAX, Index, Place},
    records::Quarantined,
    recovery::{Recovered, recover},
    segment::Segment,
    writer::{Bounds, Purpose, Writer},
};
use pollux_core::{ChunkId, ChunkRef, Frame};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

/// Bytes of quota that a chunk takes at least, so that tiny chunks cannot fill the memory with index entries: a full
/// quota of them has 16 times as many as real caches have.
const CHUNK_CHARGE_BYTES: u64 = 4096;
/// Chunks that even the smallest store may hold.
const CHUNKS_MAX_AT_LEAST: u64 = 4096;

/// How often a chunk that moves is looked for: one sweep at a time moves it once.
const LOOKS_MAX: usize = 4;

/// See the module.
#[derive(Debug)]
pub(super) struct Chunks {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) sync: Arc<GroupSync>,
    pub(super) bounds: Bounds,
    writer: Mutex<Writer>,
    segments: RwLock<HashMap<SegmentNumber, Segment>>,
    index: RwLock<Index>,
    /// Held by whoever removes a segment.
    removing: Mutex<()>,
    disk_bytes: Arc<AtomicU64>,
}

/// What a read finds.
#[derive(Debug)]
pub(super) enum Got {
    /// The chunk.
    Chunk(ChunkRef, Frame),
    /// It is not there.
    Missing,
    /// It was there, damaged; it is not in the index any more.
    Damaged(Quarantined),
}

/// What opening found besides the chunks.
#[derive(Debug)]
pub(super) struct Opening {
    /// Bytes cut off.
    pub(super) torn_bytes: u64,
    /// Quarantined places that exist no more.
    pub(super) released: Vec<Quarantined>,
}

impl Chunks {
    /// Opens the segments of this disk, without the records at quarantined places.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        sync: Arc<GroupSync>,
        bounds: Bounds,
        quarantined: &[Quarantined],
    ) -> Result<(Self, Opening), StoreError> {
        let found = recover(&disk, &sync, bounds, quarantined)?;
        let Recovered { index, segments, writer, torn_bytes, released } = found;
        let disk_bytes = writer.shared_disk_bytes();
        let (writer, segments, index) = (Mutex::new(writer), RwLock::new(segments), RwLock::new(index));
        let removing = Mutex::default();
        let chunks = Self { disk, sync, bounds, writer, segments, index, removing, disk_bytes };
        Ok((chunks, Opening { torn_bytes, released }))
    }

    /// The chunk's plain length, if it is there.
    pub(super) fn chunk_ref(&self, id: &ChunkId) -> Option<ChunkRef> {
        self.place(id).map(|place| ChunkRef { id: *id, bytes: place.plain_bytes })
    }

    /// Reads a chunk and checks its record.
    pub(super) fn get(&self, id: &ChunkId) -> Result<Got, StoreError> {
        // A sweep may move the chunk between a look into the index and one into the segments: then look again.
        for _ in 0..LOOKS_MAX {
            let Some(place) = self.place(id) else { return Ok(Got::Missing) };
            let Some(segment) = self.segments().get(&place.segment).cloned() else { continue };
            let frame = segment.read(id, place).map_err(|error| StoreError::disk("read a chunk", error))?;
            return Ok(match frame {
                Some(frame) => Got::Chunk(ChunkRef { id: *id, bytes: place.plain_bytes }, frame),
                None if self.index_mut().remove(id, place) => Got::Damaged(quarantined(place)),
                None => Got::Missing,
            });
        }
        Ok(Got::Missing)
    }

    fn place(&self, id: &ChunkId) -> Option<Place> {
        self.index().get(id)
    }

    /// Appends a chunk that is not there yet.
    pub(super) fn put(&self, chunk: ChunkRef, frame: &Frame) -> Result<(), StoreError> {
        let mut writer = self.writer();
        if self.index().get(&chunk.id).is_some() {
            writer.put_again.note(&chunk.id);
            return self.sync.check();
        }
        if self.index().chunks() >= self.chunks_max() {
            return Err(StoreError::Full);
        }
        self.append(&mut writer, chunk, frame, Purpose::Add)
    }

    /// Which of these are there; they are safe from sweeps up to the mark after so many others.
    pub(super) fn keep(&self, chunks: &[ChunkId], marks: u64) -> Vec<bool> {
        let mut writer = self.writer();
        let index = self.index();
        let mut keep = |chunk: &ChunkId| {
            let held = index.get(chunk).is_some();
            if held {
                writer.put_again.note_for(chunk, marks);
            }
            held
        };
        chunks.iter().map(&mut keep).collect()
    }

    /// Appends a record and lets the index name it.
    pub(super) fn append(
        &self,
        writer: &mut Writer,
        chunk: ChunkRef,
        frame: &Frame,
        purpose: Purpose,
    ) -> Result<(), StoreError> {
        let place = writer.append(chunk, frame, purpose)?;
        if let Some(segment) = writer.active() {
            self.segments_mut().entry(place.segment).or_insert_with(|| segment.clone());
        }
        self.index_mut().insert(chunk.id, place);
        Ok(())
    }

    /// Makes everything durable that was put before this call.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        let target = self.writer().appended();
        self.sync.wait_for(target, || self.writer().take_dirty())
    }

    fn chunks_max(&self) -> u64 {
        (self.bounds.bytes_max / CHUNK_CHARGE_BYTES).clamp(CHUNKS_MAX_AT_LEAST, INDEX_CHUNKS_MAX)
    }

    pub(super) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of all segments; does not wait for the writer.
    pub(super) fn disk_bytes(&self) -> u64 {
        self.disk_bytes.load(Ordering::Relaxed)
    }

    /// Taken before the writer's lock.
    pub(super) fn removing(&self) -> MutexGuard<'_, ()> {
        self.removing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn segments(&self) -> RwLockReadGuard<'_, HashMap<SegmentNumber, Segment>> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn segments_mut(&self) -> RwLockWriteGuard<'_, HashMap<SegmentNumber, Segment>> {
        self.segments.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place as it is quarantined.
pub(super) fn quarantined(place: Place) -> Quarantined {
    Quarantined { segment: place.segment, offset: place.offset }
}
