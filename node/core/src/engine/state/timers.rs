//! Alarms by name: one moment for each name, the earliest first.
use crate::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// At most one alarm for each name, so there are never more alarms than things that can wait.
#[derive(Debug)]
pub(crate) struct Timers<T> {
    due: BTreeSet<(Instant, T)>,
    by_name: BTreeMap<T, Instant>,
}

impl<T: Ord + Copy> Timers<T> {
    /// No alarm.
    pub(crate) const fn new() -> Self {
        Self { due: BTreeSet::new(), by_name: BTreeMap::new() }
    }

    /// Sets the alarm of this name, in place of the one that was set.
    pub(crate) fn set(&mut self, name: T, at: Instant) {
        self.clear(name);
        self.by_name.insert(name, at);
        self.due.insert((at, name));
    }

    /// The alarm of this name, if it is set, comes at that time at the latest.
    pub(crate) fn hurry(&mut self, name: T, at: Instant) {
        if self.by_name.get(&name).is_some_and(|&set| set > at) {
            self.set(name, at);
        }
    }

    /// Takes the alarm of this name away.
    pub(crate) fn clear(&mut self, name: T) {
        if let Some(at) = self.by_name.remove(&name) {
            self.due.remove(&(at, name));
        }
    }

    /// The next alarm that is due, which is then no longer set.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<T> {
        let &(at, name) = self.due.first()?;
        if at > now {
            return None;
        }
        self.clear(name);
        Some(name)
    }

    /// When the next alarm is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.first().map(|&(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_hurried_only_forward_and_only_if_it_is_set() {
        let (mut timers, at) = (Timers::new(), Instant::from_micros);
        timers.hurry(1, at(5));
        assert_eq!(timers.next(), None);
        timers.set(1, at(10));
        timers.hurry(1, at(20));
        assert_eq!(timers.next(), Some(at(10)));
        timers.hurry(1, at(5));
        assert_eq!((timers.pop_due(at(5)), timers.next()), (Some(1), None));
    }

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    #[test]
    fn the_earliest_comes_first_and_only_when_due() {
        let mut timers = Timers::new();
        timers.set('b', at(20));
        timers.set('a', at(10));
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.pop_due(at(9)), None);
        assert_eq!(timers.pop_due(at(30)), Some('a'));
        assert_eq!(timers.pop_due(at(30)), Some('b'));
        assert_eq!(timers.pop_due(at(30)), None);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn setting_again_replaces() {
        let mut timers = Timers::new();
        timers.set('a', at(10));
        timers.set('a', at(50));
        assert_eq!(timers.pop_due(at(20)), None);
        assert_eq!(timers.next(), Some(at(50)));
        timers.clear('a');
        assert_eq!(timers.next(), None);
        timers.clear('a');
    }
}
