//! The index's entries without holes, in blocks that never move: at most one of them is not full.
use super::Place;
use pollux_core::ChunkId;

/// Entries of a block: 6 KiB.
pub(super) const BLOCK_SLOTS: usize = 128;
/// A list of fewer blocks is left as long as it was.
pub(super) const BLOCKS_MIN: usize = 64;

/// An entry.
pub(super) type Slot = (ChunkId, Place);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Slots {
    blocks: Vec<Vec<Slot>>,
}

impl Slots {
    /// The slot of this number.
    pub(super) fn get(&self, number: u32) -> Option<&Slot> {
        let (block, at) = split(number)?;
        self.blocks.get(block)?.get(at)
    }

    /// Whether the slot is this chunk's.
    pub(super) fn is(&self, number: u32, chunk: &ChunkId) -> bool {
        self.get(number).is_some_and(|(found, _)| found == chunk)
    }

    /// Writes a slot that is there.
    pub(super) fn set(&mut self, number: u32, slot: Slot) {
        let found = split(number).and_then(|(block, at)| self.blocks.get_mut(block)?.get_mut(at));
        if let Some(found) = found {
            *found = slot;
        }
    }

    /// Adds a slot behind the last; none: there is no number left.
    pub(super) fn push(&mut self, slot: Slot) -> Option<u32> {
        let number = u32::try_from(self.count()).ok()?;
        match self.blocks.last_mut() {
            Some(block) if block.len() < BLOCK_SLOTS => block.push(slot),
            Some(_) | None => {
                let mut block = Vec::with_capacity(BLOCK_SLOTS);
                block.push(slot);
                self.blocks.push(block);
            }
        }
        Some(number)
    }

    /// Takes the last slot, with its number.
    pub(super) fn pop(&mut self) -> Option<(u32, Slot)> {
        let number = u32::try_from(self.count().checked_sub(1)?).ok()?;
        let block = self.blocks.last_mut()?;
        let slot = block.pop()?;
        if block.is_empty() {
            self.blocks.pop();
            if self.blocks.capacity() > BLOCKS_MIN.max(self.blocks.len().saturating_mul(4)) {
                self.blocks.shrink_to(self.blocks.len().saturating_mul(2));
            }
        }
        Some((number, slot))
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        let full = self.blocks.len().saturating_sub(1).saturating_mul(BLOCK_SLOTS);
        full.saturating_add(self.blocks.last().map_or(0, Vec::len))
    }

    /// All of them, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.blocks.iter().flatten()
    }

    /// Bytes that it has allocated.
    #[cfg(test)]
    pub(super) fn allocated_bytes(&self) -> usize {
        let slots: usize = self.blocks.iter().map(Vec::capacity).sum();
        slots * size_of::<Slot>() + self.blocks.capacity() * size_of::<Vec<Slot>>()
    }
}

/// Block and place in it.
fn split(number: u32) -> Option<(usize, usize)> {
    let number = usize::try_from(number).ok()?;
    Some((number / BLOCK_SLOTS, number % BLOCK_SLOTS))
}
