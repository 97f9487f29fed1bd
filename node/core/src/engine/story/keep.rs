//! What of the store's content is needed, and what goes: a node hears what was evicted because its disk ran short; a seed
//! decides what it lets go, and what it has no room for.
//!
//! A seed keeps what has not expired; where four fifths of its room are used, of each lineage the newest three, and what was used
//! in thirty days. What goes is content only. The certificate stays, and with it the place of the manifest: no vote is ever given
//! twice, and no older manifest becomes the newest.
use crate::engine::bounds::UNUSED_KEPT;
use crate::engine::state::catalogue::Thrift;
use crate::engine::state::swarms::Swarm;
use crate::engine::state::tasks::AfterRecord;
use crate::engine::{Engine, Event, Fullness, Held, Needs, Record};
use crate::{ChunkRef, Key, Manifest, ManifestId, Now, Timestamp};
use std::collections::BTreeMap;

impl Engine {
    /// What a node's store is of use for: manifests that are known, and those that jobs restore or publish. None while what
    /// the store remembers is still being verified.
    #[must_use]
    pub fn held(&self) -> Option<Vec<Held>> {
        if self.recovering > 0 {
            return None;
        }
        let busy = |manifest: &ManifestId| self.swarms.get(manifest).is_some_and(Swarm::busy);
        let known = self.catalogue.iter().map(|(id, entry)| {
            let (manifest, tree) = (entry.certified.manifest(), entry.certified.manifest().tree.clone());
            let used = self.uses.last(id).max(Some(entry.certified.median())).unwrap_or_default();
            let (packages, busy, whole) = (manifest.packages, busy(id), entry.complete);
            let pinned = self.is_pinned(id, &manifest.key);
            (*id, Held { manifest: *id, tree, packages, used, busy, pinned, whole })
        });
        let mut all: BTreeMap<ManifestId, Held> = known.collect();
        for (id, swarm) in self.swarms.iter().filter(|(_, swarm)| swarm.busy()) {
            all.entry(*id).or_insert_with(|| Held {
                manifest: *id,
                tree: swarm.tree.clone(),
                packages: None,
                used: Timestamp::MAX,
                busy: true,
                pinned: false,
                whole: false,
            });
        }
        Some(all.into_values().collect())
    }

    /// Whether its operator wants the content of this manifest to stay. An older one under a pinned key is not meant.
    fn is_pinned(&self, manifest: &ManifestId, key: &Key) -> bool {
        let newest = || self.catalogue.standing(key).is_some_and(|entry| entry.certified.id() == *manifest);
        self.config.pins.iter().any(|pin| pin.covers(key)) && newest()
    }

    /// What a seed's store is needed for. None while what the store remembers is still being verified,
    /// and where the policy has expired.
    #[must_use]
    pub fn needs(&self, now: Now) -> Option<Needs> {
        if self.recovering > 0 || self.policy_is_over(now) {
            return None;
        }
        let open = self.swarms.iter().map(|(_, swarm)| swarm.tree.clone());
        let offered = self.offers.envelopes().filter_map(|envelope| envelope.body::<Manifest>().ok());
        let let_go = self.catalogue.iter().filter(|(_, entry)| entry.let_go);
        Some(Needs {
            let_go: let_go.map(|(id, _)| *id).collect(),
            whole: self.catalogue.complete().collect(),
            under_way: open.chain(offered.map(|manifest| manifest.tree)).collect(),
        })
    }

    /// Somebody restores it.
    pub(super) fn note_use(&mut self, now: Now, manifest: ManifestId) {
        let Some(entry) = self.catalogue.get(&manifest) else { return };
        if self.uses.note(manifest, now.wall, entry.recorded) {
            self.record(None, Record::Used { manifest, at: now.wall }, AfterRecord::Nothing);
        }
    }

    /// A node's store let the content of these go. One that is busy is fetched anew; the others are served no more, and
    /// come back when a job asks. What is newest under their keys stays known.
    pub(super) fn on_evicted(&mut self, now: Now, manifests: &[ManifestId]) {
        if self.is_seed() {
            return;
        }
        for manifest in manifests {
            if self.swarms.get(manifest).is_some_and(Swarm::busy) {
                continue;
            }
            self.close_swarm(now, *manifest);
            let Some(entry) = self.catalogue.get_mut(manifest) else { continue };
            entry.complete = false;
            if core::mem::replace(&mut entry.recorded, false) {
                self.record(None, Record::Forget(*manifest), AfterRecord::Nothing);
            }
            self.event(Event::LetGo { manifest: *manifest, key: None, newest: false });
        }
    }

    /// A seed's store holds so many bytes of so many that it can have.
    pub(super) fn on_room(&mut self, bytes: u64, bytes_max: u64) {
        if self.is_seed() && self.room.note(bytes, bytes_max) {
            let fullness = self.room.fullness();
            self.event(Event::StoreFullness { fullness, bytes, bytes_max });
        }
    }

    /// A seed lets the content go that it need not keep any longer.
    pub(super) fn on_tidy(&mut self, now: Now) {
        if !self.is_seed() || self.recovering > 0 || self.policy_is_over(now) {
            return;
        }
        let thrift = match self.room.fullness() {
            Fullness::Enough => Thrift::Expired,
            Fullness::Nearly | Fullness::Full => Thrift::Unused,
        };
        let uses = &self.uses;
        let lately = |manifest: &ManifestId| {
            let published = self.catalogue.get(manifest).map(|entry| entry.certified.median());
            let last = uses.last(manifest).max(published);
            last.is_some_and(|last| now.wall.since(last) < UNUSED_KEPT)
        };
        let busy = |manifest: &ManifestId| self.swarms.get(manifest).is_some_and(Swarm::busy);
        let surplus = self.catalogue.surplus(now.wall, thrift, |id| lately(id) || busy(id));
        for (manifest, newest) in surplus {
            self.let_content_go(now, manifest, newest);
        }
    }

    /// Then an operator has to act, or the clock is wrong: nothing is judged by it that cannot be undone.
    fn policy_is_over(&self, now: Now) -> bool {
        self.config.trust.policy().expires <= now.wall
    }

    fn let_content_go(&mut self, now: Now, manifest: ManifestId, newest: bool) {
        if self.offers.names(&manifest) {
            return;
        }
        let Some(entry) = self.catalogue.get_mut(&manifest) else { return };
        (entry.complete, entry.let_go) = (false, true);
        let key = Some(entry.certified.manifest().key.clone());
        self.close_swarm(now, manifest);
        self.behind.forget(&manifest);
        self.uses.let_go(manifest);
        self.record(None, Record::LetGo(manifest), AfterRecord::Nothing);
        self.event(Event::LetGo { manifest, key, newest });
    }

    /// Whether a seed's store has room for what a save would bring. What is certified already is pulled whatever it takes.
    pub(super) fn store_takes(&self, manifest: &ManifestId, chunks: &[ChunkRef]) -> bool {
        self.was_certified(manifest) || !self.is_seed() || self.room.takes(self.transfer.lacked_bytes(chunks))
    }

    /// Whether it was certified, be it that receipts lack now that the seeds have changed.
    pub(super) fn was_certified(&self, manifest: &ManifestId) -> bool {
        self.catalogue.get(manifest).is_some() || self.shorts.get(manifest).is_some()
    }
}
