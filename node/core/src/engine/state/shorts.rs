//! Manifests whose certificates lack receipts since other seeds are in force: they are named to nobody until enough seeds have
//! given theirs.
use crate::{CertifiedEnvelope, Envelope, ManifestId, PeerId, ShortManifest};
use std::collections::{BTreeMap, BTreeSet};

/// One of them.
#[derive(Debug)]
pub(crate) struct Short {
    /// What is known of it.
    pub manifest: ShortManifest,
    /// Every chunk is here.
    pub complete: bool,
    /// This seed's receipt is being made.
    pub voting: bool,
}

/// See the module. Bounded: what is over the bound is not kept.
#[derive(Debug)]
pub(crate) struct Shorts {
    most: usize,
    by_id: BTreeMap<ManifestId, Short>,
}

impl Shorts {
    /// None yet.
    pub(crate) const fn new(most: usize) -> Self {
        Self { most, by_id: BTreeMap::new() }
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
    pub(crate) fn keep(&mut self, manifest: ShortManifest, complete: bool) -> bool {
        let id = manifest.verified().id();
        if let Some(known) = self.by_id.get_mut(&id) {
            let news = known.manifest.receipts() != manifest.receipts();
            (known.manifest, known.complete) = (manifest, known.complete || complete);
            return news;
        }
        let room = self.by_id.len() < self.most;
        if room {
            self.by_id.insert(id, Short { manifest, complete, voting: false });
        }
        room
    }

    /// It is certified, or not believed.
    pub(crate) fn remove(&mut self, manifest: &ManifestId) -> Option<Short> {
        self.by_id.remove(manifest)
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
