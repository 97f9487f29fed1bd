//! Members whose word for what they have is still to be tried, by manifest.
use crate::engine::bounds::PROOFS_WAITING_MAX;
use crate::{ManifestId, PeerId};
use std::collections::BTreeMap;

/// Who waits, and one index that it says it has; bounded.
#[derive(Debug, Default)]
pub(crate) struct Proofs {
    waiting: BTreeMap<ManifestId, BTreeMap<PeerId, u32>>,
    count: usize,
    /// The manifest whose tree is being read, by the number of the reading.
    reading: Option<(u64, ManifestId)>,
    last: Option<ManifestId>,
}

impl Proofs {
    /// A member is to be tried by this index. Where too many wait, it is not: what it says next may find room.
    pub(crate) fn ask(&mut self, manifest: ManifestId, peer: PeerId, index: u32) {
        let of_manifest = self.waiting.entry(manifest).or_default();
        if self.count < PROOFS_WAITING_MAX && of_manifest.insert(peer, index).is_none() {
            self.count += 1;
        }
        if of_manifest.is_empty() {
            self.waiting.remove(&manifest);
        }
    }

    /// Whose tree is to be read next, manifest by manifest; none while one is read, or nobody waits.
    pub(crate) fn next(&mut self) -> Option<ManifestId> {
        if self.reading.is_some() {
            return None;
        }
        let after = self.last.and_then(|last| self.waiting.keys().find(|manifest| **manifest > last));
        self.last = after.or_else(|| self.waiting.keys().next()).copied();
        self.last
    }

    /// Its tree is being read.
    pub(crate) fn begin(&mut self, serial: u64, manifest: ManifestId) {
        self.reading = Some((serial, manifest));
    }

    /// A tree was read: whether it was read for this.
    pub(crate) fn read(&mut self, serial: u64) -> bool {
        let mine = self.reading.is_some_and(|(reading, _)| reading == serial);
        if mine {
            self.reading = None;
        }
        mine
    }

    /// Some of those that wait for a manifest.
    pub(crate) fn take(&mut self, manifest: &ManifestId, most: usize) -> Vec<(PeerId, u32)> {
        let Some(of_manifest) = self.waiting.get_mut(manifest) else { return Vec::new() };
        let taken: Vec<(PeerId, u32)> =
            of_manifest.iter().take(most).map(|(peer, index)| (*peer, *index)).collect();
        of_manifest.retain(|peer, _| !taken.iter().any(|(gone, _)| gone == peer));
        if of_manifest.is_empty() {
            self.waiting.remove(manifest);
        }
        self.count = self.count.saturating_sub(taken.len());
        taken
    }

    /// Nobody of this manifest is tried any more.
    pub(crate) fn forget(&mut self, manifest: &ManifestId) {
        let forgotten = self.waiting.remove(manifest).map_or(0, |waiting| waiting.len());
        self.count = self.count.saturating_sub(forgotten);
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;

    fn id(n: u8) -> ManifestId {
        ManifestId::from_bytes([n; 32])
    }

    fn peer(n: usize) -> PeerId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&u64::try_from(n).unwrap().to_le_bytes());
        PeerId::new(PublicKey::from_bytes(bytes))
    }

    #[test]
    fn manifests_take_turns_and_one_tree_is_read_at_a_time() {
        let mut proofs = Proofs::default();
        assert_eq!(proofs.next(), None);
        (0..3).for_each(|n| proofs.ask(id(1), peer(n), 7));
        proofs.ask(id(2), peer(0), 8);
        assert_eq!(proofs.next(), Some(id(1)));
        proofs.begin(5, id(1));
        assert_eq!(proofs.next(), None);
        assert!(!proofs.read(4) && proofs.read(5) && !proofs.read(5));
        assert_eq!(proofs.take(&id(1), 2).len(), 2);
        assert_eq!([(); 3].map(|()| proofs.next()), [Some(id(2)), Some(id(1)), Some(id(2))]);
        assert_eq!(proofs.take(&id(2), 9), [(peer(0), 8)]);
        proofs.forget(&id(1));
        assert!(proofs.is_empty() && proofs.next().is_none());
    }

    #[test]
    fn a_bounded_number_waits_and_each_once() {
        let mut proofs = Proofs::default();
        for _ in 0..2 {
            (0..=PROOFS_WAITING_MAX).for_each(|n| proofs.ask(id(1), peer(n), 7));
        }
        proofs.ask(id(2), peer(1), 7);
        assert_eq!(proofs.next(), Some(id(1)));
        assert_eq!(proofs.next(), Some(id(1)), "who found no room left no trace");
        assert_eq!(proofs.take(&id(1), usize::MAX).len(), PROOFS_WAITING_MAX);
        assert!(proofs.is_empty());
    }
}
