//! What this seed keeps, in the order in which it came to be kept here: so that another seed can ask for what is new since
//! it last asked.
use crate::limits::RECORD_NAMES_MAX;
use crate::message::RecordName;
use crate::{ManifestId, PeerId};
use std::collections::BTreeMap;

/// Names by number. What is told anew (a manifest that has become complete) moves to the end. Bounded by what is kept:
/// the catalogue and the ballots.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// Numbers count within one life of a seed.
    life: u64,
    last: u64,
    by_number: BTreeMap<u64, RecordName>,
    by_record: BTreeMap<(ManifestId, Option<PeerId>), u64>,
}

/// Some names in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The life that the numbers count in.
    pub life: u64,
    /// The number of the last name, or of the last of all where none follows.
    pub next: u64,
    /// More follow.
    pub more: bool,
    /// At most [`RECORD_NAMES_MAX`].
    pub names: Vec<RecordName>,
}

const fn record(name: &RecordName) -> (ManifestId, Option<PeerId>) {
    match name {
        RecordName::Certified { manifest, complete: _ } => (*manifest, None),
        RecordName::Vote { manifest, seed } => (*manifest, Some(*seed)),
    }
}

impl Ledger {
    /// Nothing is kept yet. The life is chosen at random.
    pub(crate) const fn new(life: u64) -> Self {
        Self { life, last: 0, by_number: BTreeMap::new(), by_record: BTreeMap::new() }
    }

    /// Something is kept from now on, or there is more to say of it.
    pub(crate) fn add(&mut self, name: RecordName) {
        self.remove(&name);
        self.last = self.last.saturating_add(1);
        self.by_number.insert(self.last, name);
        self.by_record.insert(record(&name), self.last);
    }

    /// Whether nothing is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// It is not kept any more.
    pub(crate) fn remove(&mut self, name: &RecordName) {
        if let Some(number) = self.by_record.remove(&record(name)) {
            self.by_number.remove(&number);
        }
    }

    /// What came after this number; everything, if it is a number of another life.
    pub(crate) fn page(&self, life: u64, after: u64) -> Page {
        let after = if life == self.life && after <= self.last { after } else { 0 };
        let mut rest = self.by_number.range(after.saturating_add(1)..);
        let named: Vec<_> = rest.by_ref().take(RECORD_NAMES_MAX).collect();
        let more = rest.next().is_some();
        let next = named.last().filter(|_| more).map_or(self.last, |(number, _)| **number);
        Page { life: self.life, next, more, names: named.into_iter().map(|(_, name)| *name).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn certified(n: u16, complete: bool) -> RecordName {
        let mut name = [0; 32];
        name[..2].copy_from_slice(&n.to_le_bytes());
        RecordName::Certified { manifest: ManifestId::from_bytes(name), complete }
    }

    fn vote(n: u16) -> RecordName {
        RecordName::Vote {
            manifest: certified(n, false).manifest(),
            seed: PeerId::new(PublicKey::from_bytes([1; 32])),
        }
    }

    #[test]
    fn only_what_is_new_is_named() {
        let mut ledger = Ledger::new(7);
        assert_eq!(ledger.page(0, 0), Page { life: 7, next: 0, more: false, names: Vec::new() });
        ledger.add(certified(1, false));
        ledger.add(vote(2));
        let first = ledger.page(7, 0);
        assert_eq!((first.names, first.next), (vec![certified(1, false), vote(2)], 2));
        assert!(ledger.page(7, 2).names.is_empty());
        ledger.add(certified(1, true));
        let again = ledger.page(7, 2);
        assert_eq!((again.names, again.next), (vec![certified(1, true)], 3), "it is complete now");
        ledger.remove(&vote(2));
        assert_eq!(ledger.page(7, 0).names, [certified(1, true)]);
    }

    #[test]
    fn numbers_of_another_life_or_from_the_future_begin_anew() {
        let mut ledger = Ledger::new(7);
        ledger.add(vote(1));
        assert_eq!(ledger.page(6, 1).names.len(), 1);
        assert_eq!(ledger.page(7, u64::MAX).names.len(), 1);
    }

    #[test]
    fn many_names_are_read_page_by_page() {
        let mut ledger = Ledger::new(1);
        let count = u16::try_from(2 * RECORD_NAMES_MAX + 5).unwrap();
        (0..count).for_each(|n| ledger.add(certified(n, false)));
        let (mut after, mut pages) = (0, Vec::new());
        loop {
            let page = ledger.page(1, after);
            assert!(page.names.len() <= RECORD_NAMES_MAX && page.next > after);
            after = page.next;
            pages.push(page.names.len());
            if !page.more {
                break;
            }
        }
        assert_eq!(pages, [RECORD_NAMES_MAX, RECORD_NAMES_MAX, 5]);
    }

    proptest! {
        #[test]
        fn who_asks_now_and_then_hears_of_everything(
            steps in prop::collection::vec((0_u16..12, 0_u8..4), 0..80),
        ) {
            let (mut ledger, mut kept, mut heard, mut after) = (Ledger::new(3), BTreeSet::new(), BTreeSet::new(), 0);
            for (n, what) in steps {
                match what {
                    0 => { ledger.add(certified(n, false)); kept.insert(certified(n, false).manifest()); }
                    1 => { ledger.add(certified(n, true)); kept.insert(certified(n, true).manifest()); }
                    2 => { ledger.remove(&certified(n, true)); kept.remove(&certified(n, true).manifest()); }
                    _ => {
                        let page = ledger.page(3, after);
                        after = page.next;
                        heard.extend(page.names.iter().map(RecordName::manifest));
                    }
                }
            }
            heard.extend(ledger.page(3, after).names.iter().map(RecordName::manifest));
            prop_assert!(heard.is_superset(&kept));
        }
    }
}
