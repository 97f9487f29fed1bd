//! Which chunk lies where. In memory only: every start reads it from the segments.
use super::{
    disk::SegmentNumber,
    record::{FOOTER_ENTRY_BYTES, RECORD_HEADER_BYTES},
};
use pollux_core::{ChunkId, ChunkRef};
use std::collections::HashMap;

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

/// Chunk to place: 48 bytes for each, besides the map's own room.
#[derive(Debug, Default)]
pub(super) struct Index {
    places: HashMap<ChunkId, Place>,
}

impl Index {
    /// Where the chunk lies.
    pub(super) fn get(&self, chunk: &ChunkId) -> Option<Place> {
        self.places.get(chunk).copied()
    }

    /// Sets the chunk's place, in the stead of an earlier one.
    pub(super) fn insert(&mut self, chunk: ChunkId, place: Place) {
        self.places.insert(chunk, place);
    }

    /// Removes the chunk if it still lies there; says whether it did.
    pub(super) fn remove(&mut self, chunk: &ChunkId, place: Place) -> bool {
        self.get(chunk) == Some(place) && self.places.remove(chunk).is_some()
    }

    /// How many chunks there are.
    pub(super) fn chunks(&self) -> u64 {
        u64::try_from(self.places.len()).unwrap_or(u64::MAX)
    }

    /// Every chunk and its place, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&ChunkId, &Place)> {
        self.places.iter()
    }
}
