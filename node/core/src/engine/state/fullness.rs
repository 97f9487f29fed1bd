//! How full the store of a seed is: an operator hears of it in time, and saves are refused before it takes nothing more.
use crate::engine::Fullness;

/// Percent from which on an operator should act.
const NEARLY: u64 = 80;
/// Percent from which on saves are refused. What other seeds have certified still finds room.
const FULL: u64 = 95;
/// Percent less before it is said that there is room again, so that nothing is said twice a minute.
const BACK: u64 = 2;

/// See the module. Nothing is known of a node's.
#[derive(Debug, Default)]
pub(crate) struct StoreRoom {
    bytes: u64,
    bytes_max: Option<u64>,
    fullness: Fullness,
}

impl StoreRoom {
    /// It holds so many bytes of so many that it can have. True when that is another fullness than before.
    pub(crate) fn note(&mut self, bytes: u64, bytes_max: u64) -> bool {
        (self.bytes, self.bytes_max) = (bytes, Some(bytes_max));
        let reached = |percent: u64| u128::from(bytes) * 100 >= u128::from(bytes_max) * u128::from(percent);
        let slack = |fullness: Fullness| if self.fullness >= fullness { BACK } else { 0 };
        let fullness = if reached(FULL - slack(Fullness::Full)) {
            Fullness::Full
        } else if reached(NEARLY - slack(Fullness::Nearly)) {
            Fullness::Nearly
        } else {
            Fullness::Enough
        };
        core::mem::replace(&mut self.fullness, fullness) != fullness
    }

    /// How full it is.
    pub(crate) const fn fullness(&self) -> Fullness {
        self.fullness
    }

    /// Whether a save may bring so many bytes more.
    pub(crate) fn takes(&self, bytes: u64) -> bool {
        let fits = self.bytes_max.is_none_or(|most| self.bytes.saturating_add(bytes) <= most);
        bytes == 0 || (fits && self.fullness != Fullness::Full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_hears_at_four_fifths_and_saves_end_at_95_percent() {
        let mut room = StoreRoom::default();
        assert!(room.takes(u64::MAX), "nothing is known");
        assert!(!room.note(799, 1000));
        assert!(room.takes(201) && !room.takes(202), "it would not fit");
        assert!(room.note(800, 1000));
        assert_eq!(room.fullness(), Fullness::Nearly);
        assert!(!room.note(949, 1000));
        assert!(room.takes(51));
        assert!(room.note(950, 1000));
        assert_eq!(room.fullness(), Fullness::Full);
        assert!(!room.takes(1));
        assert!(room.takes(0), "what is here already takes nothing");
    }

    #[test]
    fn what_goes_back_and_forth_is_said_once() {
        let mut room = StoreRoom::default();
        assert!(room.note(960, 1000));
        assert!(!room.note(940, 1000));
        assert_eq!(room.fullness(), Fullness::Full);
        assert!(room.note(929, 1000));
        assert_eq!(room.fullness(), Fullness::Nearly);
        assert!(!room.note(790, 1000));
        assert!(room.note(779, 1000));
        assert_eq!(room.fullness(), Fullness::Enough);
        assert!(room.note(0, 0), "without any room it is full");
    }
}
