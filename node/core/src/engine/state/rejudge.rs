//! What is known is judged again when that changes by which it is judged: a piece at a time.
use crate::ManifestId;
use crate::engine::bounds::WITHDRAWN_MAX;
use std::collections::{BTreeMap, VecDeque};

/// How thoroughly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// Not at all.
    #[default]
    Nothing,
    /// Further yanks are known: is one of them about it?
    Yanks,
    /// Another root or policy is in force: everything about it is verified.
    All,
}

/// A pass over the catalogue: how thorough, and up to which one everything was begun.
#[derive(Clone, Copy, Debug)]
struct Pass {
    depth: Depth,
    after: Option<ManifestId>,
}

/// See the module. A change during a pass begins it anew, as thoroughly as either wants it.
#[derive(Debug, Default)]
pub(crate) struct Rejudging {
    pass: Option<Pass>,
    number: u64,
    under_way: u32,
    /// Something came in during the pass that was judged by what counts no more: another pass follows.
    late: Depth,
}

impl Rejudging {
    /// Begins a pass.
    pub(crate) fn begin(&mut self, depth: Depth) {
        let depth = self.pass.map_or(depth, |pass| pass.depth.max(depth));
        self.pass = Some(Pass { depth, after: None });
        self.number = self.number.wrapping_add(1);
    }

    /// What came in a moment ago was judged by what counts no more. A pass that is under way may be beyond it: it is not begun
    /// anew for each, another one follows it.
    pub(crate) fn late(&mut self, depth: Depth) {
        if self.pass.is_some() {
            self.late = self.late.max(depth);
        } else {
            self.begin(depth);
        }
    }

    /// How to go on, and after which manifest; none without a pass.
    pub(crate) fn turn(&self) -> Option<(Depth, Option<ManifestId>)> {
        self.pass.map(|pass| (pass.depth, pass.after))
    }

    /// How many verifications may be begun now, of this pass and of those that it took the place of.
    pub(crate) fn room(&self, most: u32) -> u32 {
        most.saturating_sub(self.under_way)
    }

    /// Everything up to this one was begun.
    pub(crate) fn passed(&mut self, manifest: ManifestId) {
        if let Some(pass) = &mut self.pass {
            pass.after = Some(manifest);
        }
    }

    /// This one is being verified, for the pass of this number.
    pub(crate) fn verifying(&mut self, manifest: ManifestId) -> u64 {
        self.passed(manifest);
        self.under_way = self.under_way.saturating_add(1);
        self.number
    }

    /// An answer came; false if that pass was begun anew since.
    pub(crate) fn answered(&mut self, number: u64) -> bool {
        self.under_way = self.under_way.saturating_sub(1);
        number == self.number
    }

    /// Every manifest's turn has come; answers may be under way. Another pass begins if something came late.
    pub(crate) fn end(&mut self) {
        self.pass = None;
        if self.late > Depth::Nothing {
            let late = core::mem::take(&mut self.late);
            self.begin(late);
        }
    }
}

/// Manifests that were believed and are not any more, with the reason, for jobs that used them. Bounded; the first goes.
#[derive(Debug, Default)]
pub(crate) struct Withdrawn {
    reasons: BTreeMap<ManifestId, String>,
    order: VecDeque<ManifestId>,
}

impl Withdrawn {
    /// One more.
    pub(crate) fn note(&mut self, manifest: ManifestId, why: String) {
        if self.reasons.insert(manifest, why).is_none() {
            self.order.push_back(manifest);
        }
        if self.order.len() > WITHDRAWN_MAX
            && let Some(first) = self.order.pop_front()
        {
            self.reasons.remove(&first);
        }
    }

    /// It holds again.
    pub(crate) fn forget(&mut self, manifest: &ManifestId) {
        self.reasons.remove(manifest);
        self.order.retain(|found| found != manifest);
    }

    /// Why it is believed no more.
    pub(crate) fn why(&self, manifest: &ManifestId) -> Option<&str> {
        self.reasons.get(manifest).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u16) -> ManifestId {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&n.to_le_bytes());
        ManifestId::from_bytes(bytes)
    }

    #[test]
    fn a_change_begins_anew_and_no_less_thoroughly() {
        let mut rejudging = Rejudging::default();
        assert!(rejudging.turn().is_none());
        rejudging.begin(Depth::All);
        let first = rejudging.verifying(id(1));
        assert_eq!(rejudging.turn(), Some((Depth::All, Some(id(1)))));
        rejudging.begin(Depth::Yanks);
        assert_eq!(rejudging.turn(), Some((Depth::All, None)));
        assert_eq!(rejudging.room(3), 2, "what is under way still takes a place");
        assert!(!rejudging.answered(first), "that was judged by what counts no more");
        let second = rejudging.verifying(id(1));
        rejudging.end();
        assert!(rejudging.turn().is_none() && rejudging.answered(second));
        assert_eq!(rejudging.room(3), 3);
    }

    #[test]
    fn what_comes_late_has_one_pass_more_however_much_it_is() {
        let mut rejudging = Rejudging::default();
        rejudging.begin(Depth::Yanks);
        rejudging.passed(id(5));
        (0..9).for_each(|_| rejudging.late(Depth::All));
        assert_eq!(rejudging.turn(), Some((Depth::Yanks, Some(id(5)))), "it goes on");
        rejudging.end();
        assert_eq!(rejudging.turn(), Some((Depth::All, None)));
        rejudging.end();
        assert_eq!(rejudging.turn(), None);
        rejudging.late(Depth::Yanks);
        assert_eq!(rejudging.turn(), Some((Depth::Yanks, None)));
    }

    #[test]
    fn the_first_of_too_many_is_forgotten() {
        let mut withdrawn = Withdrawn::default();
        let most = u16::try_from(WITHDRAWN_MAX).unwrap();
        (0..=most).for_each(|n| withdrawn.note(id(n), format!("{n}")));
        withdrawn.note(id(most), "again".to_owned());
        assert_eq!((withdrawn.why(&id(0)), withdrawn.why(&id(most))), (None, Some("again")));
        withdrawn.forget(&id(1));
        assert_eq!((withdrawn.why(&id(1)), withdrawn.order.len()), (None, WITHDRAWN_MAX - 1));
    }
}
