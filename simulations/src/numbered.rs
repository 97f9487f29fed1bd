//! Lists whose places are handed out as numbers of their own type, so that none is taken for another.

use core::marker::PhantomData;

macro_rules! place {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(pub(crate) u32);

        impl Place for $name {
            fn new(number: u32) -> Self {
                Self(number)
            }

            fn number(self) -> u32 {
                self.0
            }
        }
    };
}

place!(
    /// A simulated node: seeds first, then those that publish, then each group.
    NodeNo
);
place!(
    /// A chunk of any cache.
    ChunkNo
);
place!(
    /// What one node gives to one other.
    StreamNo
);
place!(
    /// A version of a cache, in the order of the scenario.
    VersionNo
);
place!(
    /// What several streams share: a node's uplink or downlink.
    LinkNo
);

/// A number that names a place in a [`Numbered`] list.
pub(crate) trait Place: Copy {
    fn new(number: u32) -> Self;
    fn number(self) -> u32;
}

/// Grows only, so a number that was given out stays good.
#[derive(Clone, Debug)]
pub(crate) struct Numbered<P, T> {
    items: Vec<T>,
    places: PhantomData<P>,
}

impl<P, T> Default for Numbered<P, T> {
    fn default() -> Self {
        Self { items: Vec::new(), places: PhantomData }
    }
}

impl<P: Place, T> Numbered<P, T> {
    /// Adds an item; its number.
    ///
    /// # Panics
    /// On more than `u32::MAX` items, which no scenario that passed its check has.
    #[expect(clippy::expect_used, reason = "scenarios are checked for far less")]
    pub(crate) fn push(&mut self, item: T) -> P {
        let number = u32::try_from(self.items.len()).expect("fewer than 2^32 of anything");
        self.items.push(item);
        P::new(number)
    }

    #[expect(clippy::expect_used, reason = "see the type: numbers come from `push`")]
    pub(crate) fn at(&self, place: P) -> &T {
        usize::try_from(place.number())
            .ok()
            .and_then(|place| self.items.get(place))
            .expect("a number given out")
    }

    #[expect(clippy::expect_used, reason = "see the type: numbers come from `push`")]
    pub(crate) fn at_mut(&mut self, place: P) -> &mut T {
        let item = usize::try_from(place.number()).ok().and_then(|place| self.items.get_mut(place));
        item.expect("a number given out")
    }

    pub(crate) const fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (P, &T)> {
        (0u32..).map(P::new).zip(&self.items)
    }

    pub(crate) fn items_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.items.iter_mut()
    }
}
