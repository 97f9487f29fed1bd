//! Which chunks a node holds. There are no bytes.

use crate::numbered::ChunkNo;

const BITS: u32 = u64::BITS;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    words: Vec<u64>,
}

impl Store {
    /// Room for chunks `0..chunks`.
    pub(crate) fn new(chunks: u32) -> Self {
        let words = usize::try_from(chunks.div_ceil(BITS)).unwrap_or(usize::MAX);
        Self { words: vec![0; words] }
    }

    /// Whether it was held before.
    pub(crate) fn put(&mut self, no: ChunkNo) -> bool {
        let (word, bit) = place(no);
        let Some(word) = self.words.get_mut(word) else { return false };
        let before = *word & bit != 0;
        *word |= bit;
        before
    }

    pub(crate) fn holds(&self, no: ChunkNo) -> bool {
        let (word, bit) = place(no);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }
}

fn place(no: ChunkNo) -> (usize, u64) {
    (usize::try_from(no.0 / BITS).unwrap_or(usize::MAX), 1 << (no.0 % BITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_was_put() {
        let mut store = Store::new(130);
        let all = || (0..130).map(ChunkNo);
        assert!(all().all(|no| !store.holds(no)));
        assert!([0, 63, 64, 129].iter().all(|no| !store.put(ChunkNo(*no))));
        assert!(store.put(ChunkNo(63)), "a second time");
        let held: Vec<u32> = all().filter(|no| store.holds(*no)).map(|no| no.0).collect();
        assert_eq!(held, [0, 63, 64, 129]);
        assert!(!store.holds(ChunkNo(5_000)));
    }
}
