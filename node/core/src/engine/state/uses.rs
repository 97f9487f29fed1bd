//! When manifests were last used, and of which a seed has let the content go.
use crate::engine::bounds::USE_RECORDED_EVERY;
use crate::{ManifestId, Timestamp};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
struct Use {
    last: Option<Timestamp>,
    recorded: Option<Timestamp>,
    let_go: bool,
}

/// See the module. Bounded by the catalogue, and by what the store remembers: only what is known there enters.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    by_id: BTreeMap<ManifestId, Use>,
}

impl Uses {
    /// The store remembers when it was used; or, if not, that its content was let go.
    pub(crate) fn recover(&mut self, manifest: ManifestId, used: Option<Timestamp>) {
        self.by_id.insert(manifest, Use { last: used, recorded: used, let_go: used.is_none() });
    }

    /// It is used now. True when that has to be made durable: once in a while will do, and only if the store remembers it.
    pub(crate) fn note(&mut self, manifest: ManifestId, wall: Timestamp, remembered: bool) -> bool {
        let known = self.by_id.entry(manifest).or_default();
        known.last = known.last.max(Some(wall));
        let due = known.recorded.is_none_or(|recorded| wall.since(recorded) >= USE_RECORDED_EVERY);
        let due = due && remembered && !known.let_go;
        if due {
            known.recorded = Some(wall);
        }
        due
    }

    /// When it was last used, as far as is known.
    pub(crate) fn last(&self, manifest: &ManifestId) -> Option<Timestamp> {
        self.by_id.get(manifest)?.last
    }

    /// Whether its content was let go.
    pub(crate) fn is_let_go(&self, manifest: &ManifestId) -> bool {
        self.by_id.get(manifest).is_some_and(|known| known.let_go)
    }

    /// Its content is let go.
    pub(crate) fn let_go(&mut self, manifest: ManifestId) {
        self.by_id.entry(manifest).or_default().let_go = true;
    }

    /// Its content is here again. True if it was let go.
    pub(crate) fn take_back(&mut self, manifest: &ManifestId) -> bool {
        let Some(known) = self.by_id.get_mut(manifest).filter(|known| known.let_go) else { return false };
        *known = Use::default();
        true
    }

    /// It is not known any more.
    pub(crate) fn forget(&mut self, manifest: &ManifestId) {
        self.by_id.remove(manifest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::belief::fixture::{WALL, later};

    const M: ManifestId = ManifestId::from_bytes([1; 32]);

    #[test]
    fn a_use_is_made_durable_once_in_a_while() {
        let mut uses = Uses::default();
        assert!(!uses.note(M, WALL, false));
        assert!(uses.note(M, WALL, true));
        assert!(!uses.note(M, later(60), true));
        assert_eq!(uses.last(&M), Some(later(60)));
        assert!(uses.note(M, later(USE_RECORDED_EVERY.as_secs()), true));
        uses.note(M, WALL, true);
        assert_eq!(
            uses.last(&M),
            Some(later(USE_RECORDED_EVERY.as_secs())),
            "a clock that goes back changes nothing"
        );
        uses.forget(&M);
        assert_eq!(uses.last(&M), None);
        assert!(uses.by_id.is_empty());
    }

    #[test]
    fn what_was_let_go_is_so_until_it_is_here_again() {
        let mut uses = Uses::default();
        uses.recover(M, None);
        assert!(uses.is_let_go(&M));
        assert!(!uses.note(M, WALL, true), "who asks for it in vain does not bring it back");
        assert!(uses.take_back(&M));
        assert!(!uses.is_let_go(&M) && !uses.take_back(&M));
        uses.recover(M, Some(WALL));
        assert!(!uses.is_let_go(&M));
        uses.let_go(M);
        assert!(uses.is_let_go(&M));
        assert_eq!(uses.last(&M), Some(WALL));
    }
}
