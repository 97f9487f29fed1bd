//! Descriptors kept open for a while: those used last, up to a bound.
use std::{collections::VecDeque, sync::Arc};

/// Values by number; the one not used for longest goes when another needs its place.
#[derive(Debug)]
pub(super) struct Recent<T> {
    /// Used last: at the end.
    items: VecDeque<(usize, Arc<T>)>,
    capacity: usize,
}

impl<T> Recent<T> {
    /// `capacity`: small, it is searched one by one.
    pub(super) fn new(capacity: usize) -> Self {
        Self { items: VecDeque::with_capacity(capacity), capacity }
    }

    pub(super) fn get(&mut self, key: usize) -> Option<Arc<T>> {
        // From the end: what was used last is wanted most.
        let at = self.items.iter().rposition(|(other, _)| *other == key)?;
        let item = self.items.remove(at)?;
        let value = Arc::clone(&item.1);
        self.items.push_back(item);
        Some(value)
    }

    pub(super) fn insert(&mut self, key: usize, value: T) -> Arc<T> {
        while self.items.len() >= self.capacity.max(1) {
            self.items.pop_front();
        }
        let value = Arc::new(value);
        self.items.push_back((key, Arc::clone(&value)));
        value
    }

    pub(super) fn remove(&mut self, key: usize) {
        self.items.retain(|(other, _)| *other != key);
    }

    pub(super) fn clear(&mut self) {
        self.items.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_not_used_for_longest_goes() {
        let mut recent = Recent::new(2);
        recent.insert(1, 'a');
        recent.insert(2, 'b');
        assert_eq!(recent.get(1).as_deref(), Some(&'a'));
        recent.insert(3, 'c');
        assert_eq!((recent.get(2), recent.get(1).as_deref()), (None, Some(&'a')));
        recent.remove(1);
        assert_eq!((recent.get(1), recent.get(3).as_deref()), (None, Some(&'c')));
    }
}
