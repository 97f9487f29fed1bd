//! Manifests that this seed should hold whole, and other seeds do: the newest is pulled first.
use crate::{ManifestId, PeerId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// See the module. Bounded by the catalogue and by what lacks receipts: only what is known there enters.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    holders: BTreeMap<ManifestId, (Timestamp, BTreeSet<PeerId>)>,
    /// Those whose turn has not come since another holder was heard of.
    queue: BTreeSet<(Timestamp, ManifestId)>,
}

impl Behind {
    /// A seed holds every chunk of a manifest that was published then.
    pub(crate) fn note(&mut self, manifest: ManifestId, published: Timestamp, seed: PeerId) {
        let (_, seeds) = self.holders.entry(manifest).or_insert_with(|| (published, BTreeSet::new()));
        seeds.insert(seed);
        self.queue.insert((published, manifest));
    }

    /// It is held here too, or not known any more.
    pub(crate) fn forget(&mut self, manifest: &ManifestId) {
        if let Some((published, _)) = self.holders.remove(manifest) {
            self.queue.remove(&(published, *manifest));
        }
    }

    /// Seeds that hold every chunk of it.
    pub(crate) fn holders(&self, manifest: &ManifestId) -> impl Iterator<Item = PeerId> + '_ {
        self.holders.get(manifest).into_iter().flat_map(|(_, seeds)| seeds.iter().copied())
    }

    /// The newest whose turn has not come.
    pub(crate) fn pop(&mut self) -> Option<ManifestId> {
        self.queue.pop_last().map(|(_, manifest)| manifest)
    }

    /// The disk takes no more: nothing has a turn for now.
    pub(crate) fn rest(&mut self) {
        self.queue.clear();
    }

    /// Everything has another turn.
    pub(crate) fn again(&mut self) {
        self.queue = self.holders.iter().map(|(manifest, (published, _))| (*published, *manifest)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;
    use crate::belief::fixture::{earlier, later};

    fn id(n: u8) -> ManifestId {
        ManifestId::from_bytes([n; 32])
    }

    fn peer(n: u8) -> PeerId {
        PeerId::new(PublicKey::from_bytes([n; 32]))
    }

    #[test]
    fn the_newest_comes_first_and_each_once_until_there_is_news() {
        let mut behind = Behind::default();
        behind.note(id(1), later(10), peer(1));
        behind.note(id(2), earlier(10), peer(1));
        behind.note(id(3), later(20), peer(1));
        behind.note(id(1), later(10), peer(2));
        assert_eq!(
            [behind.pop(), behind.pop(), behind.pop(), behind.pop()],
            [Some(id(3)), Some(id(1)), Some(id(2)), None]
        );
        assert!(behind.holders(&id(1)).eq([peer(1), peer(2)]));
        behind.note(id(2), earlier(10), peer(3));
        assert_eq!([behind.pop(), behind.pop()], [Some(id(2)), None]);
        behind.again();
        behind.rest();
        assert_eq!(behind.pop(), None);
        behind.again();
        behind.forget(&id(3));
        assert_eq!(behind.pop(), Some(id(1)));
        assert_eq!(behind.holders(&id(3)).count(), 0);
    }
}
