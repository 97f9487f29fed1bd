//! Holders of another manifest of the lineage: most of a new version is in the one before, which a whole crowd has. A seed
//! compares the two, and names those holders to who looks for the new one, with what they have of it. They need do nothing.
use crate::engine::bounds::{KIN_ENOUGH, KIN_LOOKED_MAX, KIN_NAMED_SETS_MAX};
use crate::engine::state::kin::Pair;
use crate::engine::state::tasks::AfterOpen;
use crate::engine::{Engine, Output, TreeFault};
use crate::limits::NEIGHBOURS_MAX;
use crate::message::{ChunkSet, Control, PeerAddress};
use crate::{ChunkRef, ManifestId, Now, PeerId};

/// A seed.
impl Engine {
    /// A member lacks some of a manifest: who has the like?
    pub(super) fn find_kin(&mut self, peer: PeerId, manifest: ManifestId) {
        let Some(pair) = self.kin_of(manifest) else { return };
        if self.kin.shared(&pair).is_some() {
            return self.name_kin(peer, &pair);
        }
        let tree =
            |manifest| self.catalogue.get(manifest).map(|entry| entry.certified.manifest().tree.clone());
        let (Some(newer), Some(older)) = (tree(&pair.newer), tree(&pair.older)) else { return };
        let serial = self.tasks.serial();
        if self.kin.begin(serial, pair, newer.clone(), older.clone()) {
            for (manifest, tree) in [(pair.newer, newer), (pair.older, older)] {
                let task = self.tasks.start_open(None, AfterOpen { manifest, serial });
                self.outbox.push(Output::OpenTree { task, tree });
            }
        }
    }

    /// Of the newest manifests of the lineage, one that enough members hold, or most of them.
    fn kin_of(&self, newer: ManifestId) -> Option<Pair> {
        self.whole_count(&newer)?;
        let lineage = self.catalogue.get(&newer)?.certified.manifest().key.lineage()?;
        let others = self.catalogue.in_lineage(&lineage).filter(|other| **other != newer);
        let held = others.take(KIN_LOOKED_MAX).filter_map(|older| {
            let whole = self.whole_count(older)?;
            Some((self.tracker.holders_up_to(older, whole, KIN_ENOUGH), *older))
        });
        let (_, older) = held.filter(|(holders, _)| *holders > 0).max()?;
        Some(Pair { newer, older })
    }

    /// Chunks of a manifest that this seed holds.
    fn whole_count(&self, manifest: &ManifestId) -> Option<u32> {
        let known = self.catalogue.get(manifest).filter(|entry| entry.complete && !entry.withdrawn);
        known.map(|entry| entry.certified.manifest().chunk_count())
    }

    /// A tree of two that are compared was read: everybody who lacks some of the newer hears what comes of it.
    pub(super) fn kin_opened(&mut self, open: &AfterOpen, result: Result<Vec<ChunkRef>, TreeFault>) {
        let Some(pair) = self.kin.opened(open.serial, &open.manifest, result.ok()) else { return };
        let Some(whole) = self.whole_count(&pair.newer) else { return };
        let lacks = |peer: &PeerId| !self.tracker.holds(&pair.newer, peer, whole);
        let members: Vec<PeerId> = self.tracker.members(&pair.newer).filter(lacks).collect();
        for peer in members {
            self.name_kin(peer, &pair);
        }
    }

    fn name_kin(&mut self, peer: PeerId, pair: &Pair) {
        let Some(have) = self.kin.shared(pair).filter(|have| !have.is_empty()).cloned() else { return };
        let Some(whole) = self.whole_count(&pair.older) else { return };
        let mut named = self.tracker.sample(&mut self.chance, &pair.older, NEIGHBOURS_MAX, &peer);
        named.retain(|holder| self.tracker.holds(&pair.older, holder, whole));
        let peers: Vec<PeerAddress> = named.iter().filter_map(|holder| self.peers.reach(holder)).collect();
        if !peers.is_empty() {
            self.send(peer, Control::Kin { manifest: pair.newer, have, peers });
        }
    }
}

/// A node.
impl Engine {
    /// A seed names peers that have these chunks of a manifest, as far as it knows, though they take no part in it.
    pub(super) fn on_kin(
        &mut self,
        now: Now,
        seed: PeerId,
        (manifest, have): (ManifestId, ChunkSet),
        peers: &[PeerAddress],
    ) {
        let Some(swarm) = self.swarms.get_mut(&manifest).filter(|swarm| !swarm.jobs.is_empty()) else {
            return;
        };
        if swarm.kin.len() >= KIN_NAMED_SETS_MAX {
            swarm.kin.remove(0);
        }
        let named: Vec<PeerId> = peers.iter().take(NEIGHBOURS_MAX).map(|named| named.peer).collect();
        swarm.kin.push((named.iter().copied().collect(), have));
        for peer in named {
            self.note_kin(now, peer, &manifest);
        }
        self.on_neighbours(now, seed, manifest, peers);
    }

    /// A peer that belongs may have chunks of a swarm in which it takes no part.
    pub(super) fn note_kin(&mut self, now: Now, peer: PeerId, manifest: &ManifestId) {
        let kin = self.swarms.get(manifest).into_iter().flat_map(|swarm| &swarm.kin);
        for (_, have) in kin.filter(|(peers, _)| peers.contains(&peer)) {
            self.transfer.peer_has(now.instant, peer, *manifest, have);
        }
    }
}
