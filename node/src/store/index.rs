//! Which chunk lies where. In memory only: every start reads it from the segments.
//!
//! From 4096 chunks on one takes at most 64 bytes, also while the index grows and after it has shrunk; below that there are
//! up to 10 KiB beside. Its entry has 48, the list of blocks less than 1, and at most 12.5 are in a table of slot numbers that
//! is between 40 % and 87.5 % full. There are 16 such tables, so that the one that grows, and is there twice meanwhile, is a
//! small part. They are hashed with a key of this process: who makes chunks may choose their names.
mod slots;

use super::{
    disk::SegmentNumber,
    record::{FOOTER_ENTRY_BYTES, RECORD_HEADER_BYTES},
};
use hashbrown::HashTable;
use pollux_core::{ChunkId, ChunkRef};
use slots::Slots;
use std::hash::{BuildHasher, RandomState};

/// Where a chunk's record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The segment.
    pub(super) segment: SegmentNumber,
    /// Where in it the record begins.
    pub(super) offset: u32,
    /// Bytes of the frame.
    pub(super) frame_bytes: u32,
    /// Plain bytes.
    pub(super) plain_bytes: u32,
}

impl Place {
    /// Bytes that the segment has for this chunk: its record, and its entry in the footer.
    pub(super) fn bytes(&self) -> u64 {
        u64::from(RECORD_HEADER_BYTES) + u64::from(self.frame_bytes) + FOOTER_ENTRY_BYTES
    }
}

/// A record as a segment's footer or a walk through it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The chunk.
    pub(super) chunk: ChunkRef,
    /// Where in the segment the record begins.
    pub(super) offset: u32,
    /// Bytes of the frame.
    pub(super) frame_bytes: u32,
}

impl Entry {
    /// The place of the entry in its segment.
    pub(super) fn place(&self, segment: SegmentNumber) -> Place {
        let Self { chunk, offset, frame_bytes } = *self;
        Place { segment, offset, frame_bytes, plain_bytes: chunk.bytes }
    }
}

/// Tables of slot numbers.
const TABLES: usize = 16;
/// A table of fewer buckets is left as it is.
const BUCKETS_MIN: usize = 16;

/// Chunks that it can hold: at the least charge for a chunk they would fill 16 TiB.
pub(super) const INDEX_CHUNKS_MAX: u64 = 0xffff_ffff;

/// Chunk to place, see the module. What is over [`INDEX_CHUNKS_MAX`] is left out.
#[derive(Debug)]
pub(super) struct Index {
    hasher: RandomState,
    tables: [HashTable<u32>; TABLES],
    slots: Slots,
}

impl Default for Index {
    fn default() -> Self {
        let tables = std::array::from_fn(|_| HashTable::new());
        Self { hasher: RandomState::new(), tables, slots: Slots::default() }
    }
}

impl Index {
    /// Where the chunk lies.
    pub(super) fn get(&self, chunk: &ChunkId) -> Option<Place> {
        let hash = self.hasher.hash_one(chunk);
        let number = self.tables.get(table_of(hash))?.find(hash, |number| self.slots.is(*number, chunk))?;
        self.slots.get(*number).map(|(_, place)| *place)
    }

    /// Sets the chunk's place, in the stead of an earlier one.
    pub(super) fn insert(&mut self, chunk: ChunkId, place: Place) {
        let Self { hasher, tables, slots } = self;
        let hash = hasher.hash_one(chunk);
        let Some(table) = tables.get_mut(table_of(hash)) else { return };
        if let Some(number) = table.find(hash, |number| slots.is(*number, &chunk)) {
            slots.set(*number, (chunk, place));
        } else if let Some(number) = slots.push((chunk, place)) {
            let rehash = |number: &u32| slots.get(*number).map_or(0, |(chunk, _)| hasher.hash_one(chunk));
            table.insert_unique(hash, number, rehash);
            fit(table, rehash);
        }
    }

    /// Removes the chunk if it still lies there; says whether it did.
    pub(super) fn remove(&mut self, chunk: &ChunkId, place: Place) -> bool {
        let Self { hasher, tables, slots } = self;
        let hash = hasher.hash_one(chunk);
        let is_it = |number: &u32| slots.get(*number) == Some(&(*chunk, place));
        let Some(table) = tables.get_mut(table_of(hash)) else { return false };
        let Ok(found) = table.find_entry(hash, is_it) else { return false };
        let (freed, _) = found.remove();
        let rehash = |number: &u32| slots.get(*number).map_or(0, |(chunk, _)| hasher.hash_one(chunk));
        fit(table, rehash);
        // The last one moves to its place, so that slots have no holes.
        if let Some((last, slot)) = slots.pop()
            && last != freed
        {
            let hash = hasher.hash_one(slot.0);
            slots.set(freed, slot);
            let table = tables.get_mut(table_of(hash));
            if let Some(number) = table.and_then(|table| table.find_mut(hash, |number| *number == last)) {
                *number = freed;
            }
        }
        true
    }

    /// How many chunks there are.
    pub(super) fn chunks(&self) -> u64 {
        u64::try_from(self.slots.count()).unwrap_or(u64::MAX)
    }

    /// Every chunk and its place, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&ChunkId, &Place)> {
        self.slots.iter().map(|(chunk, place)| (chunk, place))
    }
}

/// Which table: by bits that a table itself does not use unless it has more than 2^32 buckets.
fn table_of(hash: u64) -> usize {
    usize::try_from(hash >> 32).unwrap_or(0) % TABLES
}

/// Makes a table smaller that is less than 40 % full: after removals, or where removed entries made it grow.
fn fit(table: &mut HashTable<u32>, rehash: impl Fn(&u32) -> u64) {
    let buckets = table.num_buckets();
    if buckets > BUCKETS_MIN && table.len().saturating_mul(5) < buckets.saturating_mul(2) {
        table.shrink_to(table.len(), rehash);
    }
}

#[cfg(test)]
mod tests;
