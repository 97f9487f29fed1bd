//! Floors: what a trusted step before the job knew already, so that nothing older is accepted.
use super::{Disbelief, Trust};
use crate::limits::FLOORS_MAX;
use crate::{Key, Lineage, Manifest, Timestamp};
use core::cmp::max;
use std::collections::BTreeMap;

/// The lowest sequence of a key, and the earliest time of a lineage, that may be believed. An input of whoever starts
/// the node; empty by default. At most [`FLOORS_MAX`] keys and as many lineages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Floors {
    keys: BTreeMap<Key, u64>,
    lineages: BTreeMap<Lineage, Timestamp>,
}

impl Floors {
    /// No manifest of this key is believed below this sequence. False, and nothing changes, if there are too many.
    pub fn raise_key(&mut self, key: Key, sequence: u64) -> bool {
        raise(&mut self.keys, key, sequence)
    }

    /// No manifest of a key directly in this lineage is believed that seeds took before this moment, by the median time of
    /// its receipts. False, and nothing changes, if there are too many.
    pub fn raise_lineage(&mut self, lineage: Lineage, time: Timestamp) -> bool {
        raise(&mut self.lineages, lineage, time)
    }
}

fn raise<K: Ord, V: Ord + Copy>(floors: &mut BTreeMap<K, V>, of: K, lowest: V) -> bool {
    if floors.len() >= FLOORS_MAX && !floors.contains_key(&of) {
        return false;
    }
    let floor = floors.entry(of).or_insert(lowest);
    *floor = max(*floor, lowest);
    true
}

impl Trust {
    /// With these floors instead of those before.
    #[must_use]
    pub fn with_floors(mut self, floors: Floors) -> Self {
        self.floors = floors;
        self
    }

    /// The manifest, which seeds took at `published`, is not below a floor.
    pub(super) fn above_floors(&self, manifest: &Manifest, published: Timestamp) -> Result<(), Disbelief> {
        let Manifest { key, sequence, .. } = manifest;
        let Floors { keys, lineages } = &self.floors;
        if let Some(lowest) = keys.get(key).filter(|lowest| sequence < lowest) {
            let (key, sequence, lowest) = (key.clone(), *sequence, *lowest);
            return Err(Disbelief::BelowLaunchFloor { key, sequence, lowest });
        }
        let of = key.lineage().and_then(|lineage| lineages.get_key_value(&lineage));
        match of.filter(|(_, earliest)| published < **earliest) {
            Some((lineage, earliest)) => Err(Disbelief::BeforeLaunchFloor {
                lineage: lineage.clone(),
                before: earliest.since(published),
            }),
            None => Ok(()),
        }
    }
}
