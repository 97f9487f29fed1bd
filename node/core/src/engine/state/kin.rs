//! What manifests of one lineage have in common: of a newer one, which chunks whoever holds an older one has too. A seed
//! finds out once for each two, by reading both trees, and remembers it.
use crate::engine::bounds::KIN_MAX;
use crate::message::ChunkSet;
use crate::{ChunkId, ChunkRef, ManifestId, TreeRef};
use std::collections::{BTreeMap, BTreeSet};

/// Two manifests: what is looked for, and what it is looked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    /// Whose chunks.
    pub newer: ManifestId,
    /// Who has them all may have some of those.
    pub older: ManifestId,
}

/// Two trees that are being read.
#[derive(Debug)]
struct Comparison {
    serial: u64,
    pair: Pair,
    trees: [TreeRef; 2],
    newer: Option<Vec<ChunkRef>>,
    older: Option<Vec<ChunkRef>>,
}

/// See the module; bounded.
#[derive(Debug, Default)]
pub(crate) struct Kin {
    shared: BTreeMap<Pair, ChunkSet>,
    /// In the order of their finding.
    order: Vec<Pair>,
    under_way: Option<Comparison>,
}

impl Kin {
    /// Indices of the newer that the older has too, if that was found out.
    pub(crate) fn shared(&self, pair: &Pair) -> Option<&ChunkSet> {
        self.shared.get(pair)
    }

    /// Begins to compare two, with these trees; false while others are compared.
    pub(crate) fn begin(&mut self, serial: u64, pair: Pair, newer: TreeRef, older: TreeRef) -> bool {
        let idle = self.under_way.is_none();
        if idle {
            let trees = [newer, older];
            self.under_way = Some(Comparison { serial, pair, trees, newer: None, older: None });
        }
        idle
    }

    /// A tree of a comparison was read, or could not be, which counts as having nothing in common. The pair, once it is
    /// compared.
    pub(crate) fn opened(
        &mut self,
        serial: u64,
        manifest: &ManifestId,
        content: Option<Vec<ChunkRef>>,
    ) -> Option<Pair> {
        let comparison = self.under_way.as_mut().filter(|comparison| comparison.serial == serial)?;
        let place =
            if *manifest == comparison.pair.newer { &mut comparison.newer } else { &mut comparison.older };
        *place = Some(content.unwrap_or_default());
        if comparison.newer.is_none() || comparison.older.is_none() {
            return None;
        }
        let done = self.under_way.take()?;
        self.keep(done.pair, done.common());
        Some(done.pair)
    }

    fn keep(&mut self, pair: Pair, common: ChunkSet) {
        if self.order.len() >= KIN_MAX {
            let oldest = self.order.remove(0);
            self.shared.remove(&oldest);
        }
        self.order.push(pair);
        self.shared.insert(pair, common);
    }
}

impl Comparison {
    /// As much as one message holds.
    fn common(&self) -> ChunkSet {
        let [newer, older] = &self.trees;
        let (content, known) = (self.newer.iter().flatten(), self.older.iter().flatten());
        if self.newer.as_ref().is_some_and(Vec::is_empty) {
            return ChunkSet::new();
        }
        let there: BTreeSet<ChunkId> = older.chunks.iter().chain(known).map(|chunk| chunk.id).collect();
        let all = (0..).zip(newer.chunks.iter().chain(content));
        let common: ChunkSet =
            all.filter(|(_, chunk)| there.contains(&chunk.id)).map(|(index, _)| index).collect();
        common.split().into_iter().next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TreeTotals, limits::HAVE_RANGES_MAX};

    fn id(n: u8) -> ManifestId {
        ManifestId::from_bytes([n; 32])
    }

    fn chunk(n: u32) -> ChunkRef {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_le_bytes());
        ChunkRef { id: ChunkId::from_bytes(bytes), bytes: 1 }
    }

    fn tree(n: u32) -> TreeRef {
        TreeRef { chunks: vec![chunk(n)], totals: TreeTotals::default(), roots: Vec::new() }
    }

    const fn pair(newer: ManifestId, older: ManifestId) -> Pair {
        Pair { newer, older }
    }

    fn compared(newer: impl Iterator<Item = u32>, older: impl Iterator<Item = u32>) -> ChunkSet {
        let (mut kin, pair) = (Kin::default(), pair(id(2), id(1)));
        assert!(kin.begin(7, pair, tree(1_000_002), tree(1_000_001)));
        assert_eq!(kin.opened(7, &id(1), Some(older.map(chunk).collect())), None);
        assert_eq!(kin.shared(&pair), None);
        assert_eq!(kin.opened(6, &id(2), None), None, "an answer to an earlier one");
        assert_eq!(kin.opened(7, &id(2), Some(newer.map(chunk).collect())), Some(pair));
        kin.shared(&pair).unwrap().clone()
    }

    #[test]
    fn what_both_list_is_shared_by_its_place_in_the_newer() {
        // The tree's own chunk is at 0, and of course another one.
        assert_eq!(
            compared([7, 8, 9, 3].into_iter(), [3, 4, 9].into_iter()).iter().collect::<Vec<_>>(),
            [3, 4]
        );
        assert!(compared(0..5, 10..20).is_empty());
    }

    #[test]
    fn no_more_is_shared_than_one_message_tells() {
        let most = u32::try_from(HAVE_RANGES_MAX).unwrap();
        let shared = compared(0..most * 3, (0..most * 3).filter(|n| n % 2 == 0));
        assert_eq!(shared.len(), most);
    }

    #[test]
    fn a_tree_that_cannot_be_read_shares_nothing() {
        let (mut kin, pair) = (Kin::default(), pair(id(2), id(1)));
        assert!(kin.begin(7, pair, tree(1), tree(1)));
        assert!(!kin.begin(8, pair, tree(1), tree(1)), "one comparison at a time");
        kin.opened(7, &id(2), None);
        assert_eq!(kin.opened(7, &id(1), Some(vec![chunk(5)])), Some(pair));
        assert!(kin.shared(&pair).unwrap().is_empty());
    }

    #[test]
    fn a_bounded_number_of_pairs_is_remembered() {
        let mut kin = Kin::default();
        for n in 0..=KIN_MAX {
            let newer = id(u8::try_from(n).unwrap());
            assert!(kin.begin(1, pair(newer, id(255)), tree(1), tree(2)));
            kin.opened(1, &newer, None);
            kin.opened(1, &id(255), None);
        }
        assert_eq!((kin.shared.len(), kin.order.len()), (KIN_MAX, KIN_MAX));
        assert_eq!(kin.shared(&pair(id(0), id(255))), None, "the oldest makes room");
    }
}
