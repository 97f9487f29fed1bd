//! Which chunks are asked for with one request: one that was picked, and its neighbours in the manifest, as far as they are
//! about as rare and the same peer has them.
//!
//! Only the asking is common. It costs a turn of planning, a message and a wake-up on either side, and chunks that were
//! saved together lie together on a disk. What is rare, what is picked at random in the beginning, and what is left in the
//! end is asked for one by one, so that it comes from as many as have it.

use super::bits::at;
use super::limits::{ALIKE_PART, REQUEST_PART};
use super::slab::ChunkNo;
use super::swarm::Swarm;
use super::table::Table;
use super::wants::Lane;
use crate::limits::{REQUEST_BYTES_MAX, REQUEST_CHUNKS_MAX};
use std::collections::VecDeque;

/// How much one request may ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /** chunks; the one that was picked is asked for in any case */
    pub(super) chunks: usize,
    /** plain bytes; the last chunk may go beyond */
    pub(super) bytes: u64,
}

impl Room {
    /// As much of this as one request may have of what is left on a lane.
    pub(super) fn of_lane(self, lane: &Lane) -> Self {
        let part = at(lane.todo.len() / REQUEST_PART);
        self.at_most(part.min(REQUEST_CHUNKS_MAX))
    }

    /// No more than so many chunks.
    pub(super) fn at_most(self, chunks: usize) -> Self {
        Self { chunks: self.chunks.min(chunks), ..self }
    }
}

/// Where neighbours are looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    pub(super) swarm: &'a Swarm,
    pub(super) lane: &'a Lane,
    pub(super) table: &'a Table,
}

/// What a request asks for, in order of index.
#[derive(Debug, Default)]
struct Grouped {
    chunks: VecDeque<ChunkNo>,
    bytes: u64,
}

impl Around<'_> {
    /// The chunk at an index, then those that follow it, then those before it, until one is not to be asked for or there is
    /// no room.
    pub(super) fn group(
        &self,
        (index, first): (u32, ChunkNo),
        room: Room,
        may: impl Fn(u32) -> bool,
    ) -> Vec<ChunkNo> {
        let mut grouped = Grouped::default();
        grouped.chunks.push_back(first);
        grouped.bytes = self.bytes(first);
        let holders = self.swarm.holders(index);
        let fitting = |next, holders, grouped: &Grouped| {
            self.fitting(next, holders, grouped, room).filter(|_| may(next))
        };
        for next in index.saturating_add(1)..self.swarm.space {
            let Some(no) = fitting(next, holders, &grouped) else { break };
            grouped.bytes += self.bytes(no);
            grouped.chunks.push_back(no);
        }
        for before in (0..index).rev() {
            let Some(no) = fitting(before, holders, &grouped) else { break };
            grouped.bytes += self.bytes(no);
            grouped.chunks.push_front(no);
        }
        grouped.chunks.into()
    }

    /// The chunk at an index, if it may be asked for too. A manifest may name a chunk at several places: once is enough.
    fn fitting(&self, index: u32, holders: u16, grouped: &Grouped, room: Room) -> Option<ChunkNo> {
        let alike = self.swarm.holders(index).abs_diff(holders) <= (holders / ALIKE_PART).max(1);
        let wanted = self.lane.todo.contains(index);
        let has_room = grouped.chunks.len() < room.chunks && grouped.bytes < room.bytes;
        let no = self.swarm.chunk(index).filter(|_| alike && wanted && has_room)?;
        let fits = grouped.bytes + self.bytes(no) <= u64::from(REQUEST_BYTES_MAX);
        (fits && !grouped.chunks.contains(&no)).then_some(no)
    }

    fn bytes(&self, no: ChunkNo) -> u64 {
        self.table.get(no).map_or(0, |chunk| u64::from(chunk.chunk.bytes))
    }
}
