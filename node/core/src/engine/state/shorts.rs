//! Manifests whose certificates lack receipts since other seeds are in force: they are named to nobody until enough seeds have
//! given theirs.
use crate::engine::bounds::{RENEWALS_AT_ONCE, VOUCHED_EACH_MAX};
use crate::{CertifiedEnvelope, Envelope, ManifestId, PeerId, ShortManifest, Timestamp};
use core::ops::Bound;
use std::collections::{BTreeMap, BTreeSet};

/// One of them: either this seed knew it as certified, or more seeds than may be faulty have said that it was.
#[derive(Debug)]
pub(crate) struct Short {
    /// What is known of it.
    pub manifest: ShortManifest,
    /// Every chunk is here.
    pub complete: bool,
    /// When it was published, if this seed knew it as certified.
    pub witnessed: Option<Timestamp>,
}

/// See the module. Bounded: what is over the bound is not kept.
#[derive(Debug)]
pub(crate) struct Shorts {
    most: usize,
    by_id: BTreeMap<ManifestId, Short>,
    /// Seeds that say of a manifest that it was certified, and whether each holds every chunk, until enough do.
    vouched: BTreeMap<ManifestId, BTreeMap<PeerId, bool>>,
    by_voucher: BTreeMap<PeerId, usize>,
    /// Those that may get this seed's receipt, once it is their turn.
    waiting: BTreeSet<ManifestId>,
    /// Those for which it is being made.
    voting: BTreeSet<ManifestId>,
}

impl Shorts {
    /// None yet.
    pub(crate) const fn new(most: usize) -> Self {
        Self {
            most,
            by_id: BTreeMap::new(),
            vouched: BTreeMap::new(),
            by_voucher: BTreeMap::new(),
            waiting: BTreeSet::new(),
            voting: BTreeSet::new(),
        }
    }

    /// A seed says that it was certified. Once more of them say so than may be faulty: those that hold every chunk.
    pub(crate) fn vouch(
        &mut self,
        manifest: ManifestId,
        (seed, complete): (PeerId, bool),
        faulty: usize,
    ) -> Option<Vec<PeerId>> {
        if self.by_id.contains_key(&manifest) {
            return Some(Some(seed).filter(|_| complete).into_iter().collect());
        }
        let said = self.by_voucher.entry(seed).or_default();
        let vouchers = self.vouched.entry(manifest).or_default();
        if !vouchers.contains_key(&seed) && *said < VOUCHED_EACH_MAX {
            *said = said.saturating_add(1);
            vouchers.insert(seed, complete);
        }
        if vouchers.len() <= faulty {
            if vouchers.is_empty() {
                self.vouched.remove(&manifest);
            }
            return None;
        }
        let holders = vouchers.iter().filter(|(_, complete)| **complete).map(|(seed, _)| *seed).collect();
        self.unvouch(&manifest);
        Some(holders)
    }

    fn unvouch(&mut self, manifest: &ManifestId) {
        for seed in self.vouched.remove(manifest).unwrap_or_default().into_keys() {
            if let Some(said) = self.by_voucher.get_mut(&seed) {
                *said = said.saturating_sub(1);
            }
        }
    }

    /// One of them.
    pub(crate) fn get(&self, manifest: &ManifestId) -> Option<&Short> {
        self.by_id.get(manifest)
    }

    /// The same, to change it.
    pub(crate) fn get_mut(&mut self, manifest: &ManifestId) -> Option<&mut Short> {
        self.by_id.get_mut(manifest)
    }

    /// Keeps one, in place of what was known of it; true if it is news.
    pub(crate) fn keep(
        &mut self,
        manifest: ShortManifest,
        complete: bool,
        witnessed: Option<Timestamp>,
    ) -> bool {
        let id = manifest.verified().id();
        self.unvouch(&id);
        if let Some(known) = self.by_id.get_mut(&id) {
            let news = known.manifest.receipts() != manifest.receipts();
            (known.manifest, known.complete) = (manifest, known.complete || complete);
            known.witnessed = known.witnessed.or(witnessed);
            return news;
        }
        let room = self.by_id.len() < self.most;
        if room {
            self.by_id.insert(id, Short { manifest, complete, witnessed });
        }
        room
    }

    /// So many that follow this one, in the order of their names.
    pub(crate) fn after(&self, manifest: Option<&ManifestId>, count: usize) -> Vec<ManifestId> {
        let from = manifest.map_or(Bound::Unbounded, Bound::Excluded);
        let following = self.by_id.range::<ManifestId, _>((from, Bound::Unbounded));
        following.take(count).map(|(id, _)| *id).collect()
    }

    /// It is certified, or not believed.
    pub(crate) fn remove(&mut self, manifest: &ManifestId) -> Option<Short> {
        self.waiting.remove(manifest);
        self.voting.remove(manifest);
        self.by_id.remove(manifest)
    }

    /// One may get this seed's receipt.
    pub(crate) fn want_vote(&mut self, manifest: ManifestId) {
        if self.by_id.contains_key(&manifest) && !self.voting.contains(&manifest) {
            self.waiting.insert(manifest);
        }
    }

    /// The next whose turn it is, while few receipts are being made.
    pub(crate) fn next_vote(&mut self) -> Option<ManifestId> {
        if self.voting.len() >= RENEWALS_AT_ONCE {
            return None;
        }
        self.waiting.pop_first()
    }

    /// Its receipt is being made from now on.
    pub(crate) fn vote_begins(&mut self, manifest: ManifestId) {
        self.voting.insert(manifest);
    }

    /// Its receipt is made, or will not be.
    pub(crate) fn vote_is_over(&mut self, manifest: &ManifestId) {
        self.voting.remove(manifest);
    }

    /// All that are whole here.
    pub(crate) fn complete(&self) -> Vec<ManifestId> {
        self.by_id.iter().filter(|(_, short)| short.complete).map(|(id, _)| *id).collect()
    }

    /// Whether chunks of some are not here.
    pub(crate) fn lack_chunks(&self) -> bool {
        self.by_id.values().any(|short| !short.complete)
    }

    /// The same manifest with the receipts that are known here too.
    pub(crate) fn with_known(&self, mut certified: CertifiedEnvelope) -> CertifiedEnvelope {
        let Some(known) = self.get(&certified.manifest.id()) else { return certified };
        for receipt in known.manifest.receipts() {
            add(&mut certified.receipts, receipt);
        }
        certified
    }
}

impl Short {
    /// To be sent and stored.
    pub(crate) fn to_envelope(&self) -> CertifiedEnvelope {
        self.manifest.to_envelope()
    }

    /// The same with one more receipt.
    pub(crate) fn with(&self, receipt: &Envelope) -> CertifiedEnvelope {
        let mut certified = self.to_envelope();
        add(&mut certified.receipts, receipt);
        certified
    }

    /// Seeds whose receipts are there.
    pub(crate) fn seeds(&self) -> BTreeSet<PeerId> {
        let seed = |receipt: &Envelope| receipt.body::<crate::Receipt>().ok().map(|receipt| receipt.seed);
        self.manifest.receipts().iter().filter_map(seed).collect()
    }
}

fn add(receipts: &mut Vec<Envelope>, receipt: &Envelope) {
    if !receipts.contains(receipt) && receipts.len() < crate::limits::SEEDS_MAX {
        receipts.push(receipt.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::belief::fixture::{NO_MANIFEST, Pool, WALL, node};
    use crate::{Trust, Weighed};

    fn short(trust: &Trust, pool: &Pool) -> ShortManifest {
        let mut certified = pool.certified(&pool.manifest("core/main/npm/1", 1));
        certified.receipts.truncate(2);
        match trust.weigh(&certified, WALL) {
            Ok(Weighed::Short(short)) => short,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_liar_vouches_for_nothing() {
        let mut shorts = Shorts::new(8);
        assert_eq!(shorts.vouch(NO_MANIFEST, (node(1), true), 1), None);
        assert_eq!(shorts.vouch(NO_MANIFEST, (node(1), true), 1), None, "however often it says so");
        assert_eq!(shorts.vouch(NO_MANIFEST, (node(2), false), 1), Some(vec![node(1)]));
        assert!(shorts.vouched.is_empty());
        assert_eq!(
            shorts.vouch(NO_MANIFEST, (node(1), true), 0),
            Some(vec![node(1)]),
            "where nobody may lie"
        );
    }

    #[test]
    fn a_liar_fills_its_own_places_only() {
        let mut shorts = Shorts::new(8);
        let id = |number: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&u64::try_from(number).unwrap().to_le_bytes());
            ManifestId::from_bytes(bytes)
        };
        for number in 0..VOUCHED_EACH_MAX + 9 {
            shorts.vouch(id(number), (node(1), true), 1);
        }
        assert_eq!(shorts.vouched.len(), VOUCHED_EACH_MAX);
        assert_eq!(shorts.vouch(id(VOUCHED_EACH_MAX + 1), (node(2), true), 1), None);
        let mut expected = vec![node(2), node(3)];
        expected.sort_unstable();
        assert_eq!(shorts.vouch(id(VOUCHED_EACH_MAX + 1), (node(3), true), 1), Some(expected));
    }

    #[test]
    fn few_receipts_are_made_at_once() {
        let mut shorts = Shorts::new(8);
        let pool = Pool::new(4);
        let one = short(&pool.trust(), &pool);
        let id = one.verified().id();
        shorts.want_vote(id);
        assert_eq!(shorts.next_vote(), None, "it is not known");
        shorts.keep(one, true, Some(WALL));
        shorts.want_vote(id);
        assert_eq!((shorts.next_vote(), shorts.next_vote()), (Some(id), None));
        shorts.vote_begins(id);
        shorts.want_vote(id);
        assert_eq!(shorts.next_vote(), None, "it is being made");
        for number in 1..u8::try_from(RENEWALS_AT_ONCE).unwrap() {
            shorts.vote_begins(ManifestId::from_bytes([number; 32]));
        }
        shorts.vote_is_over(&id);
        shorts.want_vote(id);
        shorts.vote_begins(NO_MANIFEST);
        assert_eq!(shorts.next_vote(), None, "it waits");
        shorts.vote_is_over(&NO_MANIFEST);
        assert_eq!(shorts.next_vote(), Some(id));
    }

    #[test]
    fn what_is_kept_is_news_once() {
        let pool = Pool::new(4);
        let trust = pool.trust();
        let mut shorts = Shorts::new(1);
        let one = short(&trust, &pool);
        let id = one.verified().id();
        assert!(shorts.keep(one.clone(), false, None) && !shorts.keep(one, true, Some(WALL)));
        let kept = shorts.get(&id).unwrap();
        assert!(kept.complete && kept.witnessed == Some(WALL) && kept.seeds().len() == 2);
        assert_eq!((shorts.complete(), shorts.lack_chunks()), (vec![id], false));
        assert!(shorts.remove(&id).is_some() && shorts.after(None, 1).is_empty());
    }
}
