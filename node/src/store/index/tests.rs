use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What a chunk may take.
const BYTES_MAX: usize = 64;
/// From so many chunks on that holds without a word; below, one block, the least tables and the least list of blocks come on top.
const MANY: usize = 4096;
const BLOCK_BYTES: usize = slots::BLOCK_SLOTS * size_of::<slots::Slot>();
const LEAST_BYTES: usize = BLOCK_BYTES + TABLES * 100 + slots::BLOCKS_MIN * size_of::<Vec<slots::Slot>>();

fn id(number: u32) -> ChunkId {
    ChunkId::of(&number.to_le_bytes())
}

fn place(number: u32) -> Place {
    Place { segment: SegmentNumber(number / 100), offset: number, frame_bytes: number % 7, plain_bytes: 9 }
}

impl Index {
    /// Bytes that it has allocated.
    fn allocated_bytes(&self) -> usize {
        self.slots.allocated_bytes() + self.tables.iter().map(HashTable::allocation_size).sum::<usize>()
    }

    fn count(&self) -> usize {
        self.slots.count()
    }

    /// Bytes of the table that this chunk is in.
    fn table_bytes(&self, chunk: &ChunkId) -> usize {
        self.tables[table_of(self.hasher.hash_one(chunk))].allocation_size()
    }

    /// Bytes for a chunk, where there are many.
    fn bytes_for_each(&self, beside: usize) -> f64 {
        let bytes = f64::from(u32::try_from(self.allocated_bytes() + beside).unwrap());
        let count = f64::from(u32::try_from(self.count()).unwrap());
        if self.count() < MANY { 0.0 } else { bytes / count }
    }

    /// It takes no more than it may; `beside`: bytes that were there for a moment too.
    fn check_bytes(&self, beside: usize) {
        let (bytes, count) = (self.allocated_bytes() + beside, self.count());
        let bound = if count >= MANY { BYTES_MAX * count } else { BYTES_MAX * count + LEAST_BYTES };
        assert!(bytes <= bound, "{bytes} bytes for {count} chunks");
    }
}

#[test]
fn an_entry_has_48_bytes() {
    assert_eq!(size_of::<slots::Slot>(), 48);
}

#[test]
fn a_chunk_takes_at_most_64_bytes_at_every_size_and_while_a_table_grows() {
    let mut index = Index::default();
    let mut worst = 0.0_f64;
    for number in 0..300_000 {
        let before = index.table_bytes(&id(number));
        index.insert(id(number), place(number));
        let after = index.table_bytes(&id(number));
        let grows = after != before;
        // Between these points there are more chunks for the same bytes.
        if grows || index.count() % slots::BLOCK_SLOTS == 1 {
            // While it grows, the table before is there too.
            let beside = if grows { before } else { 0 };
            index.check_bytes(beside);
            worst = worst.max(index.bytes_for_each(beside));
        }
    }
    println!("at worst {worst:.2} bytes a chunk");
    assert_eq!(index.chunks(), 300_000);
}

#[test]
fn it_shrinks_with_what_is_in_it() {
    let mut index = Index::default();
    (0..100_000).for_each(|number| index.insert(id(number), place(number)));
    for number in 0..100_000 {
        assert!(index.remove(&id(number), place(number)));
        index.check_bytes(0);
    }
    assert_eq!((index.chunks(), index.iter().count()), (0, 0));
    assert!(index.allocated_bytes() <= LEAST_BYTES, "{}", index.allocated_bytes());
}

/// Entries that were removed leave marks in a table, which could make it grow.
#[test]
fn it_does_not_grow_where_chunks_come_and_go() {
    let mut index = Index::default();
    (0..10_000).for_each(|number| index.insert(id(number), place(number)));
    for number in 10_000..200_000 {
        index.insert(id(number), place(number));
        assert!(index.remove(&id(number - 10_000), place(number - 10_000)));
        index.check_bytes(0);
    }
    assert_eq!(index.count(), 10_000);
}

#[derive(Clone, Debug)]
enum Change {
    Insert(u32, u32),
    Remove(u32, u32),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let names = || (0..400_u32, 0..3_u32);
    let insert = names().prop_map(|(chunk, place)| Change::Insert(chunk, place));
    let remove = names().prop_map(|(chunk, place)| Change::Remove(chunk, place));
    prop::collection::vec(prop_oneof![3 => insert, 2 => remove], 0..3000)
}

proptest! {
    #[test]
    fn it_holds_what_a_map_holds(changes in changes()) {
        let (mut index, mut map) = (Index::default(), BTreeMap::new());
        for change in changes {
            match change {
                Change::Insert(chunk, at) => {
                    index.insert(id(chunk), place(at));
                    map.insert(id(chunk), place(at));
                }
                Change::Remove(chunk, at) => {
                    let is_there = map.get(&id(chunk)) == Some(&place(at));
                    prop_assert_eq!(index.remove(&id(chunk), place(at)), is_there);
                    if is_there {
                        map.remove(&id(chunk));
                    }
                }
            }
        }
        for chunk in 0..400 {
            prop_assert_eq!(index.get(&id(chunk)), map.get(&id(chunk)).copied());
        }
        prop_assert_eq!(index.chunks(), u64::try_from(map.len()).unwrap());
        let mut entries: Vec<_> = index.iter().map(|(chunk, place)| (*chunk, *place)).collect();
        entries.sort_unstable_by_key(|(chunk, _)| *chunk);
        prop_assert_eq!(entries, map.into_iter().collect::<Vec<_>>());
    }
}
