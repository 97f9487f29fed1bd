//! Things with small numbers, and lists that mostly have one element: what keeps a chunk's state small and near.

use super::bits::at;
use std::collections::BTreeSet;

/// A number type for a [`Slab`].
macro_rules! slot {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) struct $name(u32);

        impl From<u32> for $name {
            fn from(number: u32) -> Self {
                Self(number)
            }
        }

        impl From<$name> for u32 {
            fn from(slot: $name) -> Self {
                slot.0
            }
        }
    };
}

slot!(
    /// A chunk in the table.
    ChunkNo
);
slot!(
    /// A connected peer.
    PeerNo
);
slot!(
    /// An open swarm.
    SwarmNo
);

/// Things by number; numbers of removed things are used again.
#[derive(Debug)]
pub(super) struct Slab<K, T> {
    slots: Vec<Option<T>>,
    free: Vec<K>,
}

impl<K: Copy + From<u32> + Into<u32>, T> Slab<K, T> {
    /// Nothing yet.
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    /// How many things.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Adds a thing. The callers' bounds keep numbers far below 2^32.
    pub(super) fn insert(&mut self, thing: T) -> K {
        if let Some(key) = self.free.pop() {
            if let Some(slot) = self.slots.get_mut(at(key.into())) {
                *slot = Some(thing);
            }
            return key;
        }
        let key = K::from(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
        self.slots.push(Some(thing));
        key
    }

    /// The thing with this number.
    pub(super) fn get(&self, key: K) -> Option<&T> {
        self.slots.get(at(key.into()))?.as_ref()
    }

    /// The thing with this number, to be changed.
    pub(super) fn get_mut(&mut self, key: K) -> Option<&mut T> {
        self.slots.get_mut(at(key.into()))?.as_mut()
    }

    /// Takes a thing out.
    pub(super) fn remove(&mut self, key: K) -> Option<T> {
        let thing = self.slots.get_mut(at(key.into()))?.take();
        if thing.is_some() {
            self.free.push(key);
        }
        thing
    }
}

/// A set that mostly has at most one element, for which it allocates nothing. It may have very many: a tree can repeat a
/// chunk.
#[derive(Clone, Debug)]
pub(super) struct Few<T> {
    /** none only if there are no more */
    first: Option<T>,
    more: BTreeSet<T>,
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self { first: None, more: BTreeSet::new() }
    }
}

impl<T: Copy + Ord> Few<T> {
    /// Adds an element unless it is there.
    pub(super) fn insert(&mut self, element: T) {
        if self.first.is_none() {
            self.first = Some(element);
        } else if self.first != Some(element) {
            self.more.insert(element);
        }
    }

    /// Takes an element out; says whether it was there.
    pub(super) fn remove(&mut self, element: T) -> bool {
        if self.first == Some(element) {
            self.first = self.more.pop_first();
            return true;
        }
        self.more.remove(&element)
    }

    /// Whether it is there.
    pub(super) fn contains(&self, element: T) -> bool {
        self.first == Some(element) || self.more.contains(&element)
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.first.into_iter().chain(self.more.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again() {
        let mut slab: Slab<PeerNo, &str> = Slab::new();
        let (a, b) = (slab.insert("a"), slab.insert("b"));
        assert_eq!(slab.remove(a), Some("a"));
        assert_eq!(slab.remove(a), None);
        assert_eq!((slab.len(), slab.get(a), slab.get(b)), (1, None, Some(&"b")));
        assert_eq!(slab.insert("c"), a);
        assert_eq!(slab.get_mut(a), Some(&mut "c"));
    }

    #[test]
    fn a_few_elements_each_once() {
        let mut few = Few::default();
        [3, 1, 3, 2].into_iter().for_each(|n| few.insert(n));
        assert_eq!(few.len(), 3);
        assert!(few.remove(3) && !few.remove(3));
        assert!(few.contains(1) && few.contains(2));
        assert!(few.remove(2) && few.remove(1));
        assert!(few.is_empty());
    }
}
