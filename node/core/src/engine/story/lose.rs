//! Chunks get lost: a bad record was quarantined, or a chunk was evicted. What listed them is complete no more. A node
//! fetches them again when somebody wants them; a seed gets them back from members and other seeds that have everything.
use crate::engine::state::swarms::{Goal, Stage};
use crate::engine::{AskId, Engine, ServeFailure};
use crate::message::ChunkSet;
use crate::{ChunkId, ManifestId, Now};

/// Manifests that a seed looks for, or gets back, at once: what is offered meanwhile must not wait behind them.
const CHECKS_AT_ONCE: usize = 16;

impl Engine {
    /// The store lost a chunk.
    pub(super) fn on_chunk_lost(&mut self, now: Now, chunk: ChunkId) {
        self.transfer.note_lost(now.instant, chunk);
        self.look_for_losses(now);
    }

    /// A chunk was given to a peer, or could not be: then the store has lost it.
    pub(super) fn on_served(&mut self, now: Now, ask: AskId, result: Result<u32, ServeFailure>) {
        if self.transfer.served(now.instant, ask, result) {
            self.look_for_losses(now);
        }
        self.name_waiting();
    }

    /// A chunk is lost. Looks under way may have seen it, so they are made again. A seed keeps no list of the chunks of what it holds, so it looks for everything once more.
    fn look_for_losses(&mut self, now: Now) {
        self.swarms.doubt_looks();
        if self.is_seed() {
            self.lost = true;
            self.check_more(now);
        }
    }

    /// A seed looks which chunks are still there, a few manifests at a time. What is lost meanwhile may be of those that
    /// were looked for already: then all come once more.
    pub(super) fn check_more(&mut self, now: Now) {
        if self.unchecked.is_empty() && core::mem::take(&mut self.lost) {
            self.unchecked.extend(self.catalogue.complete());
        }
        while self.swarms.len() < CHECKS_AT_ONCE
            && let Some(manifest) = self.unchecked.pop_front()
        {
            let Some(entry) = self.catalogue.get(&manifest).filter(|entry| !entry.let_go) else { continue };
            let tree = entry.certified.manifest().tree.clone();
            self.open_swarm(now, manifest, tree, Goal::Serve);
        }
    }

    /// A manifest whose swarm is open is whole no more. What wants all of it pulls again.
    pub(super) fn swarm_lost(&mut self, now: Now, manifest: ManifestId) {
        if let Some(entry) = self.catalogue.get_mut(&manifest) {
            entry.complete = false;
        }
        let Some(swarm) = self.swarms.get_mut(&manifest) else { return };
        swarm.complete = false;
        swarm.missing = swarm.missing.max(1);
        if swarm.stage == Stage::Known {
            self.pursue_swarm(now, manifest);
        }
    }

    /// A seed gets back what it lacks of a certified manifest, if a member or another seed has everything and little else is under way.
    /// True when that has begun.
    pub(super) fn regain(&mut self, now: Now, manifest: ManifestId) -> bool {
        let Some((tree, count)) = self.lacking(&manifest) else { return false };
        let seeds = self.behind.holders(&manifest).filter(|seed| self.peers.get(seed).is_some());
        let holders: Vec<_> = self.tracker.holders(&manifest, count).into_iter().chain(seeds).collect();
        let open = self.swarms.get(&manifest).is_some();
        if !self.is_seed() || holders.is_empty() || (!open && self.swarms.len() >= CHECKS_AT_ONCE) {
            return false;
        }
        if !self.open_swarm(now, manifest, tree, Goal::All) {
            return false;
        }
        for peer in holders {
            self.transfer.peer_has(now.instant, peer, manifest, &ChunkSet::range(0, count));
        }
        self.pursue_swarm(now, manifest);
        true
    }
}
