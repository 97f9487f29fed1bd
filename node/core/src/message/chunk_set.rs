//! Sets of chunk indices: what a peer has of a manifest.
use crate::bounded;
use crate::limits::{HAVE_RANGES_MAX, MANIFEST_CHUNKS_MAX};
use core::iter::Peekable;
use core::slice::Iter;
use serde::{Deserialize, Serialize};

/// A set of chunk indices of one manifest, as ascending ranges that neither overlap nor touch.
///
/// An index counts first the chunks of the tree's encoding, then the tree's content chunks. Whoever holds a whole
/// cache says so in one range; a set of `n` chunks never has more than `n` ranges. Indices end below `u32::MAX`,
/// far above [`MANIFEST_CHUNKS_MAX`].
///
/// On the wire: the count of ranges (varint), then for each its first index and the index after its last (varints).
/// Read from there, a set has at most [`HAVE_RANGES_MAX`] ranges below [`MANIFEST_CHUNKS_MAX`], in order, or is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct ChunkSet {
    ranges: Vec<Range>,
}

/// From the first index to the one after the last.
type Range = (u32, u32);

/// A set as it is read, before its order is checked.
#[derive(Deserialize)]
struct Unchecked {
    #[serde(deserialize_with = "bounded::list::<_, _, HAVE_RANGES_MAX>")]
    ranges: Vec<Range>,
}

impl TryFrom<Unchecked> for ChunkSet {
    type Error = &'static str;

    fn try_from(unchecked: Unchecked) -> Result<Self, Self::Error> {
        let ranges = unchecked.ranges;
        let apart = ranges.iter().zip(ranges.iter().skip(1)).all(|(left, right)| left.1 < right.0);
        let bounded = ranges.iter().all(|&(from, to)| from < to && to <= MANIFEST_CHUNKS_MAX);
        if apart && bounded { Ok(Self { ranges }) } else { Err("chunk ranges out of order or bounds") }
    }
}

impl ChunkSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The indices `from..to`; empty unless `from < to`.
    #[must_use]
    pub fn range(from: u32, to: u32) -> Self {
        let mut set = Self::new();
        set.append((from, to));
        set
    }

    /// Adds an index (`u32::MAX` is none and is not added). Finding its place takes logarithmic time.
    pub fn insert(&mut self, index: u32) {
        let Some(next) = index.checked_add(1) else { return };
        let place = self.ranges.partition_point(|&(_, to)| to < index);
        match self.ranges.get_mut(place) {
            Some((from, to)) if *from <= index && index < *to => {}
            Some((_, to)) if *to == index => {
                *to = next;
                self.join_with_next(place);
            }
            Some((from, _)) if *from == next => *from = index,
            _ => self.ranges.insert(place, (index, next)),
        }
    }

    /// Adds all of another set, in time linear in the ranges of both.
    pub fn extend(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        let ours = core::mem::take(&mut self.ranges);
        self.ranges.reserve(ours.len().saturating_add(other.ranges.len()));
        let mut left = ours.iter().peekable();
        let mut right = other.ranges.iter().peekable();
        while let Some(range) = earlier(&mut left, &mut right) {
            self.append(range);
        }
    }

    /// Whether the index is in the set; takes logarithmic time.
    #[must_use]
    pub fn contains(&self, index: u32) -> bool {
        let place = self.ranges.partition_point(|&(_, to)| to <= index);
        self.ranges.get(place).is_some_and(|&(from, _)| from <= index)
    }

    /// How many indices.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.ranges.iter().map(|&(from, to)| to.saturating_sub(from)).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// All indices, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().flat_map(|&(from, to)| from..to)
    }

    /// The ranges `from..to`, ascending, disjoint, not touching.
    #[must_use]
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// The set in pieces of at most [`HAVE_RANGES_MAX`] ranges, one message each; none when the set is empty.
    #[must_use]
    pub fn split(self) -> Vec<Self> {
        self.ranges.chunks(HAVE_RANGES_MAX).map(|ranges| Self { ranges: ranges.to_vec() }).collect()
    }

    /// Adds a range that begins nowhere before the last one; ignores an empty one.
    fn append(&mut self, (from, to): Range) {
        if from >= to {
            return;
        }
        match self.ranges.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => self.ranges.push((from, to)),
        }
    }

    /// Makes one of the range at `place` and the next, if they touch.
    fn join_with_next(&mut self, place: usize) {
        let after = place.saturating_add(1);
        let Some(&(from, end)) = self.ranges.get(after) else { return };
        if let Some((_, to)) = self.ranges.get_mut(place).filter(|range| range.1 == from) {
            *to = end;
            self.ranges.remove(after);
        }
    }
}

/// Takes whichever next range begins first.
fn earlier(left: &mut Peekable<Iter<'_, Range>>, right: &mut Peekable<Iter<'_, Range>>) -> Option<Range> {
    let take_left = match (left.peek(), right.peek()) {
        (Some(left), Some(right)) => left.0 <= right.0,
        (left, _) => left.is_some(),
    };
    if take_left { left.next().copied() } else { right.next().copied() }
}

impl FromIterator<u32> for ChunkSet {
    fn from_iter<I: IntoIterator<Item = u32>>(indices: I) -> Self {
        let mut indices: Vec<u32> = indices.into_iter().collect();
        indices.sort_unstable();
        let mut set = Self::new();
        for index in indices {
            set.append((index, index.saturating_add(1)));
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn well_formed(set: &ChunkSet) -> bool {
        let apart = set.ranges.windows(2).all(|pair| pair[0].1 < pair[1].0);
        apart && set.ranges.iter().all(|&(from, to)| from < to)
    }

    fn same(set: &ChunkSet, model: &BTreeSet<u32>) {
        assert!(well_formed(set), "{set:?}");
        assert_eq!(set.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
        assert_eq!(usize::try_from(set.len()).unwrap(), model.len());
        assert_eq!(set.is_empty(), model.is_empty());
        assert!((0..70).all(|index| set.contains(index) == model.contains(&index)));
    }

    fn read(ranges: &[Range]) -> Option<ChunkSet> {
        postcard::from_bytes(&postcard::to_stdvec(ranges).unwrap()).ok()
    }

    proptest! {
        #[test]
        fn inserting_one_by_one_is_a_set(indices in prop::collection::vec(0_u32..64, 0..80)) {
            let mut set = ChunkSet::new();
            let mut model = BTreeSet::new();
            for index in indices {
                set.insert(index);
                model.insert(index);
                same(&set, &model);
            }
        }

        #[test]
        fn collecting_equals_inserting(indices in prop::collection::vec(0_u32..64, 0..80)) {
            same(&indices.iter().copied().collect(), &indices.into_iter().collect());
        }

        #[test]
        fn extending_is_the_union(
            left in prop::collection::btree_set(0_u32..64, 0..64),
            right in prop::collection::btree_set(0_u32..64, 0..64),
        ) {
            let mut set: ChunkSet = left.iter().copied().collect();
            set.extend(&right.iter().copied().collect());
            same(&set, &left.union(&right).copied().collect());
        }

        #[test]
        fn what_is_written_is_read(indices in prop::collection::btree_set(0_u32..MANIFEST_CHUNKS_MAX, 0..64)) {
            let set: ChunkSet = indices.into_iter().collect();
            let bytes = postcard::to_stdvec(&set).unwrap();
            prop_assert_eq!(postcard::from_bytes::<ChunkSet>(&bytes).unwrap(), set);
        }

        #[test]
        fn what_is_read_is_well_formed(ranges in prop::collection::vec((0_u32..9, 0_u32..9), 0..4)) {
            if let Some(set) = read(&ranges) {
                prop_assert!(well_formed(&set));
                prop_assert_eq!(set.ranges(), ranges.as_slice());
            }
        }
    }

    #[test]
    fn ranges_out_of_order_or_touching_are_refused() {
        assert!(read(&[(0, 2), (3, 4)]).is_some());
        for wrong in [
            [(3, 4), (0, 2)],
            [(0, 3), (2, 4)],
            [(0, 2), (2, 4)],
            [(0, 2), (5, 5)],
            [(0, 2), (6, 4)],
            [(0, 1), (3, MANIFEST_CHUNKS_MAX + 1)],
        ] {
            assert!(read(&wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn more_ranges_than_one_message_holds_are_refused_and_split() {
        let count = u32::try_from(HAVE_RANGES_MAX).unwrap() + 1;
        let set: ChunkSet = (0..count).map(|index| index * 2).collect();
        assert!(read(set.ranges()).is_none());
        let pieces = set.clone().split();
        assert_eq!(pieces.len(), 2);
        assert!(pieces.iter().all(|piece| read(piece.ranges()).as_ref() == Some(piece)));
        assert_eq!(pieces.iter().flat_map(ChunkSet::iter).collect::<ChunkSet>(), set);
        assert!(ChunkSet::new().split().is_empty());
    }

    #[test]
    fn the_last_index_of_all_is_no_index() {
        let mut set = ChunkSet::range(u32::MAX - 2, u32::MAX);
        set.insert(u32::MAX);
        assert_eq!(set, [u32::MAX - 1, u32::MAX - 2, u32::MAX].into_iter().collect());
        assert_eq!((set.len(), set.contains(u32::MAX)), (2, false));
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_empty() {
        assert!(ChunkSet::range(4, 4).is_empty());
        assert!(ChunkSet::range(5, 4).is_empty());
        assert_eq!(ChunkSet::range(2, 5).ranges(), [(2, 5)]);
    }

    #[test]
    fn the_wire_form_is_count_and_bounds() {
        let set: ChunkSet = [1, 2, 300].into_iter().collect();
        assert_eq!(postcard::to_stdvec(&set).unwrap(), [2, 1, 3, 0xac, 0x02, 0xad, 0x02]);
    }
}
