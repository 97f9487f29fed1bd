//! One shared link: what it carries in a second, and the streams that are active on it.

use crate::numbered::StreamNo;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    /// Bytes each second.
    pub(super) capacity: u64,
    /// What each stream that wants more than that has; [`u64::MAX`] while every stream has what it can use.
    pub(super) level: u64,
    /// The sum of the rates of its streams.
    pub(super) used: u64,
    /// How much rates have changed since [`Self::level`] was found.
    pub(super) stale: u64,
    /// Waits to be shared anew.
    pub(super) waits: bool,
    active: Vec<StreamNo>,
}

impl Shared {
    pub(super) const fn new(capacity: u64) -> Self {
        Self { capacity, level: u64::MAX, used: 0, stale: 0, waits: false, active: Vec::new() }
    }

    pub(super) fn insert(&mut self, no: StreamNo) {
        if let Err(place) = self.active.binary_search(&no) {
            self.active.insert(place, no);
        }
    }

    pub(super) fn remove(&mut self, no: StreamNo) {
        if let Ok(place) = self.active.binary_search(&no) {
            self.active.remove(place);
        }
    }

    pub(super) fn active(&self) -> &[StreamNo] {
        &self.active
    }

    /// What nobody uses.
    pub(super) const fn slack(&self) -> u64 {
        self.capacity.saturating_sub(self.used)
    }

    /// A stream's rate has changed.
    pub(super) const fn change(&mut self, before: u64, after: u64) {
        self.used = self.used.saturating_sub(before).saturating_add(after);
        self.stale = self.stale.saturating_add(before.abs_diff(after));
    }
}

/// The level at which streams with these demands fill a link: who wants less has what it wants, all others the same.
/// [`u64::MAX`] where all have what they want. Demands are in any order.
pub(super) fn level(capacity: u64, demands: &[u64]) -> u64 {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let (mut level, mut small) = (capacity / count(demands.len()).max(1), 0);
    loop {
        let (mut wanted, mut few) = (0_u64, 0_u64);
        for demand in demands.iter().filter(|demand| **demand <= level) {
            wanted = wanted.saturating_add(*demand);
            few += 1;
        }
        let rest = count(demands.len()) - few;
        if rest == 0 {
            return u64::MAX;
        }
        if few == small {
            return level.max(1);
        }
        (small, level) = (few, capacity.saturating_sub(wanted) / rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wants_less_leaves_it_to_the_others() {
        assert_eq!(level(90, &[u64::MAX, u64::MAX, u64::MAX]), 30);
        assert_eq!(level(90, &[10, u64::MAX, u64::MAX]), 40);
        assert_eq!(level(90, &[10, 35, u64::MAX]), 45);
        assert_eq!(level(90, &[10, 20, 30]), u64::MAX);
        assert_eq!(level(90, &[]), u64::MAX);
        assert_eq!(level(2, &[9, 9, 9]), 1, "so that everything ends");
    }
}
