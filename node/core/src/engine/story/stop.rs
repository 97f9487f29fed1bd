//! A node ends: seeds name it to nobody any more, neighbours take from it what nobody else has, and nothing else is begun.
use crate::ManifestId;
use crate::engine::Engine;
use crate::message::{ChunkSet, Control};

impl Engine {
    /// The driver is told to stop, and goes on until [`Engine::is_handed_over`], or for a while.
    pub(super) fn on_stopping(&mut self) {
        if core::mem::replace(&mut self.stopping, true) {
            return;
        }
        let mut rare = Vec::new();
        for manifest in self.swarms.manifests() {
            let only_here =
                if self.serves_peers { self.transfer.only_here(manifest) } else { ChunkSet::new() };
            self.say_goodbye(manifest, &only_here);
            rare.push((manifest, only_here));
        }
        self.transfer.give_last(&rare);
    }

    /// Whoever was told that we take part hears that we leave; a neighbour, that it may still have what only we have.
    fn say_goodbye(&mut self, manifest: ManifestId, only_here: &ChunkSet) {
        let entered = self.swarms.get_mut(&manifest).map(|swarm| core::mem::take(&mut swarm.entered));
        for peer in entered.into_iter().flatten() {
            self.send(peer, Control::Leave { manifest });
            if !only_here.is_empty() && !self.config.trust.is_seed(&peer) {
                self.send_entry(manifest, peer, only_here.clone());
            }
        }
    }
}
