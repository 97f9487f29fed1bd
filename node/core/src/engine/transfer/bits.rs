//! A set of numbers below a fixed bound, one bit each. Empty and full sets take no memory for their bits.

/// See the module. Numbers at or above the bound are never in the set; adding them does nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits {
    bound: u32,
    count: u32,
    /** none while the set is empty or full */
    words: Vec<u64>,
}

impl Bits {
    /// The empty set of numbers below `bound`.
    pub(super) fn new(bound: u32) -> Self {
        Self { bound, count: 0, words: Vec::new() }
    }

    /// How many.
    pub(super) fn len(&self) -> u32 {
        self.count
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether every number below the bound is in the set (and there is one).
    pub(super) fn is_full(&self) -> bool {
        self.count == self.bound && self.bound > 0
    }

    /// Memory taken by the bits.
    pub(super) fn bytes(&self) -> usize {
        self.words.len() * size_of::<u64>()
    }

    /// Memory that a set with this bound takes while it is neither empty nor full.
    pub(super) fn bytes_at_most(bound: u32) -> usize {
        at(bound.div_ceil(64)) * size_of::<u64>()
    }

    /// Whether the number is in the set.
    pub(super) fn contains(&self, number: u32) -> bool {
        self.word(number / 64) & bit(number) != 0
    }

    /// Adds a number; says whether it is new.
    pub(super) fn insert(&mut self, number: u32) -> bool {
        let mut added = false;
        self.insert_range(number, number.saturating_add(1), &mut |_| added = true);
        added
    }

    /// Adds `from..to`, calling back with each number that is new, ascending.
    pub(super) fn insert_range(&mut self, from: u32, to: u32, added: &mut dyn FnMut(u32)) {
        let to = to.min(self.bound);
        if from >= to || self.is_full() {
            return;
        }
        self.spread();
        for at_word in from / 64..=(to - 1) / 64 {
            let mask = below(to, at_word) & !below(from, at_word);
            let Some(word) = self.words.get_mut(at(at_word)) else { break };
            let new = mask & !*word;
            *word |= new;
            self.count += new.count_ones();
            Ones { base: at_word * 64, word: new }.for_each(&mut *added);
        }
        self.shrink();
    }

    /// Takes a number out; says whether it was in.
    pub(super) fn remove(&mut self, number: u32) -> bool {
        if !self.contains(number) {
            return false;
        }
        self.spread();
        if let Some(word) = self.words.get_mut(at(number / 64)) {
            *word &= !bit(number);
            self.count -= 1;
        }
        self.shrink();
        true
    }

    /// All numbers, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.words_used()).flat_map(|k| Ones { base: k * 64, word: self.word(k) })
    }

    /// The numbers in both sets, ascending from `start` and then from zero up to it.
    pub(super) fn common<'a>(&'a self, other: &'a Self, start: u32) -> impl Iterator<Item = u32> + 'a {
        let words = if other.is_empty() { 0 } else { self.words_used() };
        round(words, start, move |k| self.word(k) & other.word(k))
    }

    /// The same of those that a third set lacks.
    pub(super) fn common_without<'a>(
        &'a self,
        other: &'a Self,
        without: &'a Self,
        start: u32,
    ) -> impl Iterator<Item = u32> + 'a {
        let words = if other.is_empty() || without.is_full() { 0 } else { self.words_used() };
        round(words, start, move |k| self.word(k) & other.word(k) & !without.word(k))
    }

    fn words_used(&self) -> u32 {
        if self.is_empty() { 0 } else { self.bound.div_ceil(64) }
    }

    fn word(&self, at_word: u32) -> u64 {
        match self.words.get(at(at_word)) {
            Some(word) => *word,
            None if self.words.is_empty() && self.is_full() => below(self.bound, at_word),
            None => 0,
        }
    }

    fn spread(&mut self) {
        if self.words.is_empty() {
            self.words = (0..self.bound.div_ceil(64)).map(|k| self.word(k)).collect();
        }
    }

    fn shrink(&mut self) {
        if self.count == 0 || self.count == self.bound {
            self.words = Vec::new();
        }
    }
}

/// The numbers of so many words, ascending from `start` and then from zero up to it.
fn round(words: u32, start: u32, word: impl Fn(u32) -> u64 + Copy) -> impl Iterator<Item = u32> {
    let first = start / 64;
    let high = u64::MAX << (start % 64);
    let masked = move |k, mask| Ones { base: k * 64, word: word(k) & mask };
    let rest = (first + 1..words).chain(0..first.min(words));
    let begin = core::iter::once(masked(first, high));
    let end = core::iter::once_with(move || masked(first, !high));
    begin.chain(rest.map(move |k| masked(k, u64::MAX))).chain(end).flatten()
}

fn bit(number: u32) -> u64 {
    1 << (number % 64)
}

/// The bits of word `at_word` that stand for numbers below `bound`.
fn below(bound: u32, at_word: u32) -> u64 {
    match bound.saturating_sub(at_word.saturating_mul(64)) {
        64.. => u64::MAX,
        some => (1 << some) - 1,
    }
}

/// A number as a place in memory; what does not fit is no place.
pub(super) fn at(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The numbers of the bits set in a word.
struct Ones {
    base: u32,
    word: u64,
}

impl Iterator for Ones {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.word == 0 {
            return None;
        }
        let low = self.word.trailing_zeros();
        self.word &= self.word - 1;
        Some(self.base + low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn is_a_set(bound in 0_u32..300, steps in prop::collection::vec((any::<bool>(), 0_u32..320, 0_u32..70), 0..80)) {
            let (mut bits, mut model) = (Bits::new(bound), BTreeSet::new());
            for (add, from, length) in steps {
                if add {
                    let mut added = Vec::new();
                    bits.insert_range(from, from + length, &mut |n| added.push(n));
                    let expected: Vec<u32> = (from..from + length).filter(|&n| n < bound && model.insert(n)).collect();
                    prop_assert_eq!(added, expected);
                } else {
                    prop_assert_eq!(bits.remove(from), model.remove(&from));
                }
                prop_assert_eq!(bits.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(usize::try_from(bits.count).ok(), Some(model.len()));
                prop_assert_eq!(bits.is_full(), bound > 0 && model.len() == at(bound));
                prop_assert!((0..400).all(|n| bits.contains(n) == model.contains(&n)));
            }
        }

        #[test]
        fn common_goes_round_once(a in prop::collection::btree_set(0_u32..200, 0..200), b in prop::collection::btree_set(0_u32..200, 0..200), start in 0_u32..200) {
            let (mut one, mut two) = (Bits::new(200), Bits::new(200));
            a.iter().for_each(|&n| { one.insert(n); });
            b.iter().for_each(|&n| { two.insert(n); });
            let both: Vec<u32> = a.intersection(&b).copied().collect();
            let (low, high): (Vec<u32>, Vec<u32>) = both.into_iter().partition(|&n| n < start);
            let expected: Vec<u32> = high.into_iter().chain(low).collect();
            prop_assert_eq!(one.common(&two, start).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn common_without_leaves_out_what_a_third_set_has() {
        let set = |numbers: &mut dyn Iterator<Item = u32>| {
            let mut bits = Bits::new(200);
            numbers.for_each(|number| bits.insert_range(number, number + 1, &mut |_| ()));
            bits
        };
        let (all, even) = (set(&mut (0..200)), set(&mut (0..200).step_by(2)));
        let (fours, nothing) = (set(&mut (0..200).step_by(4)), Bits::new(200));
        let found = |without: &Bits| all.common_without(&even, without, 100).collect::<Vec<_>>();
        assert_eq!(found(&fours), (102..200).step_by(4).chain((2..100).step_by(4)).collect::<Vec<_>>());
        assert_eq!(found(&nothing), even.common(&all, 100).collect::<Vec<_>>());
        assert!(found(&all).is_empty());
    }

    #[test]
    fn empty_and_full_sets_take_no_memory() {
        let mut bits = Bits::new(1000);
        assert_eq!(bits.bytes(), 0);
        bits.insert(7);
        assert_eq!(bits.bytes(), Bits::bytes_at_most(1000));
        bits.insert_range(0, u32::MAX, &mut |_| ());
        assert!(bits.is_full());
        assert_eq!(bits.bytes(), 0);
        assert!(bits.contains(999) && !bits.contains(1000));
    }

    #[test]
    fn a_set_without_room_stays_empty() {
        let mut bits = Bits::new(0);
        assert!(!bits.insert(0));
        assert!(!bits.is_full() && bits.is_empty());
        assert_eq!(bits.common(&Bits::new(0), 0).count(), 0);
    }
}
