//! Papers that this node hands back to seeds that know fewer: what was handed to whom, and what is left of it.
use crate::message::PapersRefusal;
use crate::{Papers, PapersDigest, PeerId};
use std::collections::{BTreeMap, VecDeque};

/// What a seed goes by and what this node does: the same pair again is no reason to hand anything over again.
pub(crate) type Difference = (PapersDigest, PapersDigest);

/// See the module. One for each seed at a time, while it is connected.
#[derive(Debug, Default)]
pub(crate) struct HandBacks {
    /// For what difference each seed was handed papers last.
    done: BTreeMap<PeerId, Difference>,
    /// The number that the seed answers, and the parts after that.
    open: BTreeMap<PeerId, (u32, VecDeque<Papers>)>,
}

impl HandBacks {
    /// Whether there is a reason to hand papers to this seed for that difference.
    pub(crate) fn are_due(&self, seed: &PeerId, difference: &Difference) -> bool {
        !self.open.contains_key(seed) && self.done.get(seed) != Some(difference)
    }

    /// They are handed over from now on.
    pub(crate) fn begin(&mut self, seed: PeerId, difference: Difference, parts: Vec<Papers>) {
        self.done.insert(seed, difference);
        self.open.insert(seed, (0, parts.into()));
    }

    /// The next part goes out under this number; none: that was all.
    pub(crate) fn next(&mut self, seed: &PeerId, bring: u32) -> Option<Papers> {
        let (open, parts) = self.open.get_mut(seed)?;
        *open = bring;
        let next = parts.pop_front();
        if next.is_none() {
            self.open.remove(seed);
        }
        next
    }

    /// A seed answers a number: whether it was one of these, and the next part is due. Who had too much to do is handed them
    /// again when it is next asked what it goes by; who does not believe them is not.
    pub(crate) fn answered(&mut self, seed: &PeerId, bring: u32, refused: Option<PapersRefusal>) -> bool {
        if self.open.get(seed).is_none_or(|(open, _)| *open != bring) {
            return false;
        }
        if refused.is_some() {
            self.open.remove(seed);
        }
        if refused == Some(PapersRefusal::Busy) {
            self.done.remove(seed);
        }
        refused.is_none()
    }

    /// Somebody wants every seed told again, whatever it was told before.
    pub(crate) fn forget(&mut self) {
        self.done.clear();
    }

    /// The seed is gone.
    pub(crate) fn gone(&mut self, seed: &PeerId) {
        self.done.remove(seed);
        self.open.remove(seed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;
    use crate::belief::fixture::node;

    fn words(byte: u8) -> Difference {
        let digest = |byte| Digest::from_bytes([byte; 32]);
        let papers = |byte| PapersDigest { policy: digest(byte), yanks: digest(byte), yanks_count: 0 };
        (papers(byte), papers(0))
    }

    fn begun(parts: usize) -> HandBacks {
        let mut backs = HandBacks::default();
        backs.begin(node(1), words(1), vec![Papers::default(); parts]);
        backs
    }

    #[test]
    fn a_seed_is_handed_one_part_after_the_other_and_once() {
        let mut backs = begun(2);
        assert!(backs.next(&node(1), 5).is_some() && !backs.are_due(&node(1), &words(2)), "one at a time");
        assert!(!backs.answered(&node(1), 4, None), "that is not its number");
        assert!(!backs.answered(&node(2), 5, None), "nor that seed's");
        assert!(backs.answered(&node(1), 5, None) && backs.next(&node(1), 6).is_some());
        assert!(backs.answered(&node(1), 6, None) && backs.next(&node(1), 7).is_none());
        assert!(!backs.are_due(&node(1), &words(1)) && backs.are_due(&node(1), &words(2)));
        backs.forget();
        assert!(backs.are_due(&node(1), &words(1)));
    }

    #[test]
    fn who_refuses_is_left_alone_and_who_is_busy_is_asked_again() {
        for (why, again) in [(PapersRefusal::NotBelieved, false), (PapersRefusal::Busy, true)] {
            let mut backs = begun(2);
            backs.next(&node(1), 5);
            assert!(!backs.answered(&node(1), 5, Some(why)) && backs.next(&node(1), 6).is_none());
            assert_eq!(backs.are_due(&node(1), &words(1)), again, "{why:?}");
        }
    }

    #[test]
    fn a_seed_that_comes_back_is_handed_them_anew() {
        let mut backs = begun(2);
        backs.next(&node(1), 5);
        backs.gone(&node(1));
        assert!(backs.are_due(&node(1), &words(1)) && !backs.answered(&node(1), 5, None));
    }
}
